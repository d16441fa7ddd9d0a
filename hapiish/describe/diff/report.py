"""Formats the changes of a table: text, JSON, and Markdown for a pull request."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Final

from hapiish.declare.types import Mark
from hapiish.describe.diff.change import ORDER, RULES, ChangeSubject, TableChange, Verdict

_SIGNS: Final[Mapping[Verdict, str]] = {"breaking": "✗", "unknown": "?", "safe": "✓"}
_COLOURS: Final[Mapping[Verdict, str]] = {"breaking": "\x1b[31m", "unknown": "\x1b[33m", "safe": "\x1b[32m"}
_TITLES: Final[Mapping[Verdict, str]] = {"breaking": "Breaking", "unknown": "Unknown", "safe": "Safe"}
_MOST_SHOWN: Final = 120


def summary(changes: list[TableChange]) -> str:
    """Returns the number of changes by verdict."""
    if not changes:
        return "no changes that clients notice"
    return ", ".join(f"{_count(changes, verdict)} {verdict}" for verdict in ORDER if _count(changes, verdict))


def _count(changes: list[TableChange], verdict: Verdict) -> int:
    return sum(change.verdict == verdict for change in changes)


def as_text(changes: list[TableChange], *, colour: bool = False) -> str:
    """Formats the changes by subject, those with breaking changes first."""
    blocks = []
    for subject, found in _by_subject(changes):
        name = f"{subject.label}  {subject.id}" if subject.id else subject.label
        lines = [f"{_word(subject)}{name}  {_places(found[0])}".rstrip()]
        for change in found:
            sign = f"{_SIGNS[change.verdict]} {change.verdict}"
            sign = f"{_COLOURS[change.verdict]}{sign}\x1b[0m" + " " * (10 - len(sign)) if colour else f"{sign:<10}"
            lines.append(f"  {sign}  {_sentence(change)}")
            if change.example and change.verdict == "breaking":
                lines.append(f"              for example {_shortened(change.example[0])}")
        blocks.append("\n".join(lines))
    return "\n\n".join([*blocks, summary(changes)])


def as_json(changes: list[TableChange]) -> str:
    """Formats `{"changes": […], "breaking": n, "unknown": n, "safe": n}`."""
    counts = {verdict: _count(changes, verdict) for verdict in ORDER}
    return json.dumps({"changes": [_plain(change) for change in changes], **counts}, indent=2, ensure_ascii=False)


def _plain(change: TableChange) -> dict[str, object]:
    facts = asdict(change)
    for side in ("old", "new"):
        mark: Mark | None = getattr(change, side)
        facts[side] = {"file": mark.file, "line": mark.line, "column": mark.column} if mark and mark.file else None
    facts["example"] = change.example[0] if change.example else None
    return facts


def as_markdown(changes: list[TableChange], title: str) -> str:
    """Formats tables by verdict, for a comment on a pull request."""
    lines = [f"### {title}", "", f"**{summary(changes)}**"]
    for verdict in ORDER:
        found = [change for change in changes if change.verdict == verdict]
        if not found:
            continue
        rows = ["| where | change | place |", "| --- | --- | --- |"]
        for change in found:
            example = f"<br>for example {_code(_shortened(change.example[0]))}" if change.example else ""
            where = f"{_word(change.subject)}{_code(change.subject.label)}"
            rows.append(f"| {where} | {_cell(_sentence(change))}{example} | {_cell(_places(change))} |")
        if verdict == "safe":
            lines += ["", f"<details><summary>{_TITLES[verdict]} ({len(found)})</summary>", "", *rows, "", "</details>"]
        else:
            lines += ["", f"#### {_TITLES[verdict]} ({len(found)})", "", *rows]
    return "\n".join(lines) + "\n"


def _by_subject(changes: Iterable[TableChange]) -> list[tuple[ChangeSubject, list[TableChange]]]:
    groups: dict[ChangeSubject, list[TableChange]] = {}
    for change in changes:
        groups.setdefault(change.subject, []).append(change)
    found = [(subject, sorted(each, key=lambda change: ORDER[change.verdict])) for subject, each in groups.items()]
    return sorted(found, key=lambda pair: ORDER[pair[1][0].verdict])


def _word(subject: ChangeSubject) -> str:
    return "" if subject.kind in ("route", "sockets") else f"{subject.kind} "


def _sentence(change: TableChange) -> str:
    place = " ".join(filter(None, [change.part, change.pointer]))
    return f"{place}: {change.text}" if place else change.text


def _places(change: TableChange) -> str:
    places = [f"{mark.file}:{mark.line}" for mark in (change.old, change.new) if mark is not None and mark.file]
    return " → ".join(places)


def _shortened(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 1]}…"


def _code(text: str) -> str:
    return f"`` {_cell(text)} ``" if "`" in text else f"`{_cell(text)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def rules_page() -> str:
    """Returns the list of rules as Markdown."""
    rows = ["| rule | reports | verdict | rules of oasdiff |", "| --- | --- | --- | --- |"]
    for name, rule in RULES.items():
        others = ", ".join(f"`{other}`" for other in rule.oasdiff) or "-"
        rows.append(f"| `{name}` | {rule.what} | {rule.verdict} | {others} |")
    return "\n".join(rows) + "\n"

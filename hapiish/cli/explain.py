"""`hapiish explain`: one route or event, its steps in order, and where each of its options comes from."""

import argparse
import json
from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Any, Final

from hapiish.cli.opening import examined
from hapiish.cli.refusal import Refusal
from hapiish.cli.routing import find_route
from hapiish.describe.explain import Explainer, Explanation, Subject, as_json
from hapiish.describe.lifecycle import Step
from hapiish.describe.provenance import DEFAULT, OptionSource, Setting
from hapiish.table.merging.merge import added_by

_WIDTH: Final = 110
_LONGEST: Final = 72
"""Characters of a value in a column."""
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_PHASES: Final = {
    "request": "before routing",
    "route": "before the handler",
    "handler": "the handler",
    "response": "after the handler",
    "sent": "after the response",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hapiish explain`."""
    parser.add_argument(
        "target",
        nargs="+",
        metavar="METHOD PATH | ID | EVENT [TABLE]",
        help="a method with a path of the table or of a request, the id of a route or event, or the name of an event; "
        "then the file of the table (default: routes.yaml)",
    )
    parser.add_argument("--namespace", metavar="NAME", help="the namespace of the event")
    parser.add_argument("--host", metavar="NAME", help="the host of the request, for routes with a vhost")
    parser.add_argument("--import", action="store_true", dest="imports", help="also run the table's Python plugins")
    parser.add_argument("--json", action="store_true", help="print JSON")


def main(options: argparse.Namespace) -> int:
    """Prints the explanation; returns 1 for a wrong table, an unknown or an ambiguous name."""
    words, file = split(options.target)
    found = examined(file, imports=options.imports)
    if found is None:
        return 1
    explainer = Explainer(found)
    subjects = _subjects(explainer, words, options)
    if len(subjects) > 1 and len(words) == 1 and len({each.item.id for each in subjects}) > 1:
        named = [filter(None, [each.title, each.item.id, str(each.item.mark)]) for each in subjects]
        listed = "\n".join(f"  {'  '.join(each)}" for each in named)
        raise Refusal(f'"{words[0]}" is the name of several events; add --namespace, or name one by its id:\n{listed}')
    explanations = [explainer.explain(each) for each in subjects]
    if options.json:
        plain = [as_json(each) for each in explanations]
        print(json.dumps(plain[0] if len(plain) == 1 else plain, indent=2, ensure_ascii=False))
    else:
        print("\n\n".join(as_text(each) for each in explanations))
    return 0


def split(words: Sequence[str]) -> tuple[list[str], str]:
    """Splits the words of the command line into the target and the file of the table."""
    count = 2 if len(words) > 1 and (words[1].startswith("/") or "://" in words[1]) and "/" not in words[0] else 1
    if count == 1 and len(words) > 1 and words[0] in _METHODS:
        raise Refusal(f'a path begins with "/": {words[0]} /{words[1]}')
    if count == 1 and " " in words[0]:
        return split([*words[0].split(), *words[1:]])
    target, rest = list(words[:count]), list(words[count:])
    if len(rest) > 1:
        raise Refusal(f'unexpected "{rest[1]}"; write METHOD PATH, ID or EVENT, then the file of the table')
    return target, rest[0] if rest else "routes.yaml"


def _subjects(explainer: Explainer, words: list[str], options: argparse.Namespace) -> list[Subject]:
    if len(words) == 2:
        method = words[0].upper()
        found = explainer.routed(method, words[1], options.host) if "{" in words[1] else []
        if not found:
            route = find_route(explainer.table, method, words[1], options.host)
            found = [each for each in explainer.subjects if each.item is route]
        if not found:
            raise Refusal(f"no route answers {method} {words[1]}; hapiish match {method} {words[1]} says why")
        return found
    found = explainer.named(words[0], options.namespace)
    if not found:
        from hapiish.table.problems.near import near

        known = {str(name) for each in explainer.subjects for name in (each.item.id, getattr(each.item, "event", None))}
        close = near(words[0], known - {"None"}, 0.6)
        guess = f'; did you mean "{close}"?' if close else "; hapiish routes lists all"
        where = f" in the namespace {options.namespace}" if options.namespace else ""
        raise Refusal(f'no route and no event is called "{words[0]}"{where}{guess}')
    return found


def as_text(found: Explanation) -> str:
    """Formats an explanation for people."""
    head = [f"{found.title}  {found.id}" if found.id else found.title]
    head += [found.description] if found.description else []
    table = f" (table {found.table})" if found.table else ""
    head.append(f"{found.mark}{table}")
    head += [f"used at {each}" for each in found.mark.chain]
    head.append(f"handler {_short(found.handler) if not isinstance(found.handler, str) else found.handler}")
    blocks = ["\n".join(head)]
    if found.connection:
        blocks.append("\n".join(["Handshake", *_steps(found.connection)]))
    blocks.append("\n".join(["Steps", *_steps(found.steps)]))
    blocks.append("\n".join(["Options", *_settings([each for each in found.settings if _is_set(each)])]))
    defaults = [each for each in found.settings if not _is_set(each)]
    if defaults:
        blocks.append("\n".join(["Built-in defaults", *_defaults(defaults)]))
    return "\n\n".join(blocks)


def _is_set(setting: Setting) -> bool:
    return setting.source.layer != DEFAULT


def _steps(steps: list[Step]) -> Iterator[str]:
    width = max(len(each.name) for each in steps)
    phase = ""
    for number, step in enumerate(steps, 1):
        if step.phase != phase:
            phase = step.phase
            yield f"  {_PHASES[phase]}"
        purpose = f"{step.purpose} ({step.possible})" if step.possible else step.purpose
        text = "  ".join(filter(None, [step.function, purpose, str(step.mark or "")]))
        lead = f"  {number:>3}  {step.name.ljust(width)}  "
        yield from wrap(text, _WIDTH, initial_indent=lead, subsequent_indent=" " * len(lead), break_on_hyphens=False)


def _settings(settings: list[Setting]) -> Iterator[str]:
    rows = [(each, each.path, _value(each), _origin(each.source)) for each in settings]
    if not rows:
        yield "  none is set"
        return
    widths = [max(len(row[1]) for row in rows), max(len(row[2]) for row in rows)]
    for each, path, value, origin in rows:
        reset = "  (back to the default)" if each.is_reset else ""
        yield f"  {path.ljust(widths[0])}  {value.ljust(widths[1])}  {origin}{reset}"
        word = "adds to" if _adds(each) else "overrides"
        for other in each.overrides:
            yield f"  {' ' * widths[0]}  {f'{word} {_short(other.value)}'.ljust(widths[1])}  {_origin(other)}"


def _adds(setting: Setting) -> bool:
    """Returns whether the option extends an inherited list by `{add: […]}`."""
    return isinstance(setting.value, list) and added_by(setting.source.value) is not None


def _value(setting: Setting) -> str:
    """Returns the value as checked, and as written if a unit or a short form differs."""
    text, written = _short(setting.value), setting.source.value
    is_unit = isinstance(setting.value, int) and isinstance(written, str)
    return f"{text} ({written})" if is_unit and not isinstance(setting.value, bool) else text


def _origin(source: OptionSource) -> str:
    parts = [source.title, *([str(source.mark)] if source.mark is not None else [])]
    parts += [f"from {source.variable}"] if source.variable else []
    parts += [f"given at {', '.join(map(str, source.arguments))}"] if source.arguments else []
    return "  ".join(parts)


def _defaults(settings: list[Setting]) -> Iterator[str]:
    groups: dict[str, list[str]] = {}
    for each in settings:
        group, _, key = each.path.partition(".")
        groups.setdefault(group, []).append(f"{key}: {_short(each.value)}" if key else _short(each.value))
    width = max(map(len, groups))
    for group, values in groups.items():
        lead = f"  {group.ljust(width)}  "
        yield from wrap(
            ", ".join(values), _WIDTH, initial_indent=lead, subsequent_indent=" " * len(lead), break_on_hyphens=False
        )


def _short(value: Any) -> str:
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"

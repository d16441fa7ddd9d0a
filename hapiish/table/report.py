"""Formats problems as text, JSON or GitHub annotations; the text shows the source line with a caret."""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Final

from hapiish.table.problems import Mark, Problem
from hapiish.table.problems.codes import Code
from hapiish.table.problems.secrets import without_passwords
from hapiish.table.text.budget import read_file

_WORD: Final = re.compile(r"\"[^\"]*\"|'[^']*'|(?:[^\s,{}\[\]\"']|\{[^\s{}]*\})+")
_QUOTES: Final = frozenset("\"'")
_BREAK: Final = re.compile(r"\r\n?|\n")
_WIDEST: Final = 160
_CONTEXT: Final = 60
_LONGEST_POINTER: Final = 60
_MOST_RELATED: Final = 10
"""The related positions that the text shows of one problem; the other formats have all."""
_RED, _YELLOW, _CYAN, _BOLD, _OFF = "\033[31m", "\033[33m", "\033[36m", "\033[1m", "\033[0m"


def as_text(problems: Sequence[Problem], *, colour: bool = False) -> str:
    """Formats each problem with its source line, a caret, its hint and related positions."""
    forget_files()
    return "\n".join(line for problem in problems for line in _text_lines(problem, colour))


def as_json(problems: Sequence[Problem]) -> str:
    """`{"problems": […], "errors": n, "warnings": n}`."""
    document = {"problems": [_fields(problem) for problem in problems], **counts(problems)}
    return json.dumps(document, indent=2, ensure_ascii=False)


def as_github(problems: Iterable[Problem]) -> str:
    """Formats problems as workflow commands, which GitHub shows as annotations of a diff."""
    return "\n".join(
        f"::{'warning' if problem.warning else 'error'} file={_escaped_name(problem.mark.file)},"
        f"line={problem.mark.line},col={problem.mark.column},title={problem.code}::"
        f"{_escaped('; '.join(filter(None, _sentences(problem))))}"
        for problem in problems
    )


def counts(problems: Iterable[Problem]) -> dict[str, int]:
    """The numbers of errors and warnings."""
    warnings = [problem.warning for problem in problems]
    return {"errors": warnings.count(False), "warnings": warnings.count(True)}


def counted(number: int, noun: str) -> str:
    """`1 route`, `2 routes`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _text_lines(problem: Problem, colour: bool) -> Iterator[str]:
    level = f"{_paint('warning: ', _YELLOW, colour)}" if problem.warning else ""
    code = _paint(problem.code, _YELLOW if problem.warning else _RED, colour)
    yield f"{_paint(str(problem.mark), _BOLD, colour)}: {level}{code} {problem.message}"
    margin = " " * max(5, len(str(problem.mark.line)) + 1)
    line = source_line(problem)
    if line.strip():
        text, column = _window(line, problem.mark.column - 1)
        word = _WORD.match(text, column)
        length = _width(word[0].rstrip(":")) if word else 1
        pointer = "^" * (length if 0 < length <= _LONGEST_POINTER else 1)
        yield f"{problem.mark.line:>{len(margin)}} | {text}"
        yield f"{margin} | {_blank(text[:column])}{_paint(pointer, _CYAN, colour)}"
    if problem.hint:
        yield f"{margin} = {problem.hint}"
    for mark, text in problem.related[:_MOST_RELATED]:
        by = f" (used from {mark.chain[0]})" if mark.chain and mark.chain != problem.mark.chain else ""
        yield f"{margin} = {mark}: {text}{by}"
    if len(problem.related) > _MOST_RELATED:
        yield f"{margin} = and {len(problem.related) - _MOST_RELATED:,} more places"
    for mark in problem.mark.chain:
        yield f"{margin} = used from {mark}"


def _fields(problem: Problem) -> dict[str, Any]:
    return {
        **_position(problem.mark),
        "code": str(problem.code),
        "severity": "warning" if problem.warning else "error",
        "message": problem.message,
        "hint": problem.hint or None,
        "related": [{**_position(mark), "message": text} for mark, text in problem.related],
        "usedFrom": [_position(mark) for mark in problem.mark.chain],
    }


def _position(mark: Mark) -> dict[str, Any]:
    return {"file": mark.file, "line": mark.line, "column": mark.column}


def _sentences(problem: Problem) -> Iterator[str]:
    yield problem.message
    yield problem.hint
    for mark, text in problem.related:
        yield f"{mark}: {text}"
    for mark in problem.mark.chain:
        yield f"used from {mark}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escaped_name(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


@cache
def _lines(file: str) -> list[str]:
    try:
        return _BREAK.split(read_file(file).decode("utf-8-sig", "replace"))
    except (OSError, ValueError):
        return []


def forget_files() -> None:
    """Makes the next report read the files again."""
    _lines.cache_clear()


def source_line(problem: Problem) -> str:
    """The line of a problem, with asterisks in place of secrets; empty if the file cannot be read."""
    lines, mark = _lines(problem.mark.file), problem.mark
    if mark.line > len(lines):
        return ""
    line = without_passwords(lines[mark.line - 1])
    if problem.code != Code.PLAIN_SECRET or "://" in line:
        return line
    before, word = line[: mark.column - 1], _WORD.match(line, mark.column - 1)
    return f"{before}********{line[word.end() :] if word and word[0][0] in _QUOTES else ''}"


def pointed(problem: Problem) -> int:
    """The number of characters at the position of a problem that it is about, at least 1."""
    word = _WORD.match(source_line(problem), problem.mark.column - 1)
    return max(1, len(word[0].rstrip(":"))) if word else 1


def _window(line: str, column: int) -> tuple[str, int]:
    """The part of a long line around `column` that fits, and the column in it."""
    if len(line) <= _WIDEST:
        return line, column
    start = max(0, column - _CONTEXT)
    shown = line[start : start + _WIDEST]
    lead = "…" if start else ""
    return f"{lead}{shown}{'…' if start + _WIDEST < len(line) else ''}", column - start + len(lead)


def _blank(text: str) -> str:
    return "".join("\t" if character == "\t" else " " * _width(character) for character in text)


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _paint(text: str, colour: str, enabled: bool) -> str:
    return f"{colour}{text}{_OFF}" if enabled else text

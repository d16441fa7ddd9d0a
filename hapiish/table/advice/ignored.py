"""`x-hapiish-ignore: [HA0505]` in a mapping silences warnings about the mapping and everything in it."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from hapiish.table.draft import Draft
from hapiish.table.problems import Mark, Problem
from hapiish.table.problems.codes import Code
from hapiish.table.problems.near import near
from hapiish.table.text.budget import read_file
from hapiish.table.text.marks import Path
from hapiish.table.text.source import Tree

KEY: Final = "x-hapiish-ignore"

_Places = frozenset[tuple[int, int]] | None
"""Lines and columns; None: all of a file."""


def without_ignored(draft: Draft, problems: list[Problem]) -> list[Problem]:
    """Returns the problems without the silenced warnings, and with warnings of codes that cannot be silenced.

    A mapping in a used table silences warnings of that table; an entry of `plugins`, those of the table that it uses.
    """
    silent: dict[tuple[str, str], list[_Places]] = {}
    found = list(problems)
    for part in draft.composition.parts:
        if part.is_plugin or not _mentions(part.file):
            continue
        for at, codes in _holders(part.tree.value, ()):
            mark = part.tree.marks.value((*at, KEY))
            places = _places(part.tree, at) if at else None
            for code in codes if isinstance(codes, list) else [codes]:
                if str(code) not in _CODES:
                    found.append(_unknown(mark, str(code)))
                    continue
                silent.setdefault((part.file, str(code)), []).append(places)
    return [each for each in found if not (each.warning and _is_silenced(each, silent))] if silent else found


def _mentions(file: str) -> bool:
    """Returns True if the key may be in a file: most have none, and a table is large."""
    try:
        return KEY.encode() in read_file(file)
    except (OSError, ValueError):
        return True


_CODES: Final[Collection[str]] = frozenset(str(code) for code in Code)


def _unknown(mark: Mark, code: str) -> Problem:
    close = near(code, _CODES, 0.7)
    hint = f'did you mean "{close}"?' if close else "hapiish check --codes lists the codes"
    return Problem(mark, Code.IGNORE, f'"{KEY}" names "{code}", which is not a code', hint, warning=True)


def _holders(value: Any, at: Path) -> Iterator[tuple[Path, Any]]:
    """Yields the paths of mappings with the key, with what it says."""
    if isinstance(value, dict):
        if KEY in value:
            yield at, value[KEY]
        for key, child in value.items():
            if isinstance(child, dict | list) and not str(key).startswith("\0"):
                yield from _holders(child, (*at, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            if isinstance(child, dict | list):
                yield from _holders(child, (*at, index))


def _places(tree: Tree, at: Path) -> frozenset[tuple[int, int]]:
    """The positions of the mapping at a path, of its key, and of all keys and values in it."""
    inside = tree.value
    for step in at:
        inside = inside[step]
    marks = [tree.marks.key(at)]
    waiting: list[tuple[Path, Any]] = [(at, inside)]
    while waiting:
        path, each = waiting.pop()
        marks.append(tree.marks.value(path))
        if isinstance(each, dict):
            own = [key for key in each if not str(key).startswith("\0")]
            marks += [tree.marks.key((*path, key)) for key in own]
            waiting += [((*path, key), each[key]) for key in own]
        elif isinstance(each, list):
            waiting += [((*path, index), child) for index, child in enumerate(each)]
    return frozenset((mark.line, mark.column) for mark in marks)


def _is_silenced(problem: Problem, silent: Mapping[tuple[str, str], list[_Places]]) -> bool:
    return any(
        places is None or (mark.line, mark.column) in places
        for mark in (problem.mark, *problem.mark.chain)
        for places in silent.get((mark.file, str(problem.code)), ())
    )

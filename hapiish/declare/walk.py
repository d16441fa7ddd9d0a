"""Walks the plain tree of a table by the types of its options, to all functions, calls, strategies and schemas.

The tree need not be valid. A type is compiled once to a visitor, which follows only keys whose types can contain a
role; keys that a table does not use cost nothing.
"""

import re
import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Union, get_args, get_origin

from hapiish.declare.option import As, Items, Like, Refers, Role, bare, is_options, keys_of, settings_of
from hapiish.declare.types import Duration, Seconds, Size

Path = tuple[str | int, ...]
Found = list[tuple[Role, Any, Path]]
_Visit = Callable[[Any, Path, Found], None]


def walk(hint: Any, value: Any, at: Path = ()) -> Found:
    """Returns the parts of `value` that have a role, each with its path below `at`.

    `hint` is the type of the option; `value` has the form of the file.
    """
    found: Found = []
    visit = _visitor(hint)
    if visit is not None and value is not None:
        visit(value, at, found)
    return found


@cache
def _visitor(hint: Any) -> _Visit | None:
    """Returns the visitor of values of a type; None if they cannot contain a role."""
    kind, markers = bare(hint)
    visits = [_referring(marker) for marker in markers if isinstance(marker, Refers)]
    other = next((marker for marker in markers if isinstance(marker, As | Like)), None)
    inner = _visitor(other.hint) if other is not None else _plain(kind, markers)
    return _all([*visits, *([inner] if inner is not None else [])])


def _plain(kind: Any, markers: tuple[Any, ...]) -> _Visit | None:
    if is_options(kind):
        return _class(kind)
    origin, inner = get_origin(kind), get_args(kind)
    if origin is tuple:
        entry = _visitor(inner[0])
        return _listed(entry, markers) if entry is not None else None
    if origin is Mapping:
        entry = _visitor(inner[1])
        return _mapped(entry) if entry is not None else None
    if origin in (Union, types.UnionType):
        return _union(inner)
    return None


def _all(visits: list[_Visit]) -> _Visit | None:
    if len(visits) < 2:
        return visits[0] if visits else None

    def visit(value: Any, path: Path, found: Found) -> None:
        for each in visits:
            each(value, path, found)

    return visit


def _referring(refers: Refers) -> _Visit:
    like = re.compile(refers.like, re.ASCII).fullmatch if refers.like else None
    role, kinds, unless = refers.role, refers.types, refers.unless

    def visit(value: Any, path: Path, found: Found) -> None:
        if isinstance(value, kinds) and value not in unless and (like is None or like(str(value))):
            found.append((Role.FUNCTION if role is Role.CALL and "(" not in str(value) else role, value, path))

    return visit


def _union(members: tuple[Any, ...]) -> _Visit | None:
    """Returns a visitor of all alternatives; if one of them is plain text, only text with a colon is a function."""
    visit = _all([each for each in map(_visitor, members) if each is not None])
    is_ambiguous = any(bare(each)[0] in (str, Duration, Seconds, Size) and _visitor(each) is None for each in members)
    if visit is None or not is_ambiguous:
        return visit

    def visit_clear(value: Any, path: Path, found: Found) -> None:
        if not isinstance(value, str) or ":" in value:
            visit(value, path, found)

    return visit_clear


def _listed(entry: _Visit, markers: tuple[Any, ...]) -> _Visit:
    items = next((marker for marker in markers if isinstance(marker, Items)), Items())

    def visit(value: Any, path: Path, found: Found) -> None:
        if isinstance(value, dict) and items.add and isinstance(value.get("add"), list):
            value, path = value["add"], (*path, "add")
        if isinstance(value, list):
            for index, inner in enumerate(value):
                if inner is not None:
                    entry(inner, (*path, index), found)
        elif items.one:
            entry(value, path, found)

    return visit


def _mapped(entry: _Visit) -> _Visit:
    def visit(value: Any, path: Path, found: Found) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                if inner is not None:
                    entry(inner, (*path, key), found)

    return visit


@cache
def _visits(kind: type) -> tuple[Mapping[str, _Visit], Mapping[str, Like]]:
    """Returns the visitors of a class by key, and the keys that are visited only beside another key."""
    beside: dict[str, Like] = {}
    visits: dict[str, _Visit] = {}
    for key, each in keys_of(kind).items():
        like = next((marker for marker in bare(each.hint)[1] if isinstance(marker, Like) and marker.beside), None)
        visit = _visitor(each.hint) if like is None else None
        if like is not None:
            beside[key] = like
        elif visit is not None:
            visits[key] = visit
    return visits, beside


def _class(kind: type) -> _Visit:
    """Returns the visitor of a class; its keys are compiled at the first visit, because a class can contain itself."""
    chosen, short = settings_of(kind).chosen, settings_of(kind).short

    def visit(value: Any, path: Path, found: Found) -> None:
        visits, beside = _visits(kind)
        if isinstance(value, dict):
            for key, inner in value.items():
                if key in visits and inner is not None:
                    visits[key](inner, (*path, key), found)
            if chosen is not None and (options := chosen.kind(value.get(chosen.by))) is not None:
                found += walk(options, value.get(chosen.option), (*path, chosen.option))
            for key, like in beside.items():
                if like.beside in value:
                    found += walk(like.hint, value.get(key), (*path, key))
        elif isinstance(short, str) and short in visits:
            visits[short](value, path, found)

    return visit

"""Checks the order of extension functions."""

from collections.abc import Iterator, Mapping
from typing import Any

from hapiish.table.compose.owned_names import owner_of
from hapiish.table.draft import Draft
from hapiish.table.merging.extension_order import Cycle, Hints, arranged
from hapiish.table.merging.merge import Merged, listed
from hapiish.table.merging.realms import POINTS_WITHOUT_ROUTE
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.text.marks import Path


def order(draft: Draft) -> Iterator[Problem]:
    """Circular `before` and `after` of the functions at one extension point."""
    server: dict[str, list[tuple[Any, Path]]] = {}
    for realm, at, points in draft.sections("ext"):
        for point, entries in points.items():
            if realm.host is None or point in POINTS_WITHOUT_ROUTE:
                functions = [(each, (*at, point, index)) for index, each in enumerate(listed(entries))]
                server.setdefault(point, []).extend(functions)
    for functions in server.values():
        yield from _cycles(draft, functions)
    merged = [options for route in draft.routes for options in route.options.values()]
    for options in (draft.defaults, *merged, *(event.options for space in draft.namespaces for event in space.events)):
        own = options.value.get("ext")
        for point, entries in own.items() if isinstance(own, Mapping) else ():
            yield from _cycles(draft, [*server.get(point, ()), *_with_paths(options, point, entries)])


def _with_paths(options: Merged, point: str, entries: Any) -> list[tuple[Any, Path]]:
    return [(each, options.origin("ext", point, index)) for index, each in enumerate(listed(entries))]


def _cycles(draft: Draft, entries: list[tuple[Any, Path]]) -> Iterator[Problem]:
    try:
        arranged(entries, lambda entry: _hints(draft, entry[0]))
    except Cycle as cycle:
        first, *others = (draft.mark(*entries[index][1]) for index in cycle.indexes)
        related = tuple((mark, "part of the cycle") for mark in others)
        message = "circular order of extension functions: before and after contradict each other"
        yield Problem(first, Code.EXT_ORDER, message, "remove one before or after", related)


def _hints(draft: Draft, entry: Any) -> Hints:
    own: Mapping[str, Any] = entry if isinstance(entry, Mapping) else {"method": entry}
    label = draft.realms[owner_of(own.get("method", ""))].part.label
    return Hints(label, tuple(listed(own.get("before"))), tuple(listed(own.get("after"))))

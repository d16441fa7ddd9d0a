"""Extension functions that cannot be put into the order they ask for."""

from collections.abc import Iterator, Mapping
from typing import Any

from hapiish.table.compose.owned_names import home
from hapiish.table.draft import Draft
from hapiish.table.merge import Merged
from hapiish.table.merging.order import Cycle, Hints, arranged
from hapiish.table.merging.realms import SERVER_POINTS
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.text.marks import Path


def order(draft: Draft) -> Iterator[Problem]:
    """Functions of one point whose `before` and `after` go round in a circle."""
    server: dict[str, list[tuple[Any, Path]]] = {}
    for realm, at, points in draft.sections("ext"):
        for point, given in points.items():
            if realm.host is None or point in SERVER_POINTS:
                placed = [(each, (*at, point, index)) for index, each in enumerate(_listed(given))]
                server.setdefault(point, []).extend(placed)
    for placed in server.values():
        yield from _judged(draft, placed)
    merged = [options for route in draft.routes for options in route.options.values()]
    for options in (draft.defaults, *merged, *(event.options for space in draft.namespaces for event in space.events)):
        own = options.value.get("ext")
        for point, given in own.items() if isinstance(own, Mapping) else ():
            yield from _judged(draft, [*server.get(point, ()), *_placed(options, point, given)])


def _placed(options: Merged, point: str, given: Any) -> list[tuple[Any, Path]]:
    return [(each, options.origin("ext", point, index)) for index, each in enumerate(_listed(given))]


def _judged(draft: Draft, entries: list[tuple[Any, Path]]) -> Iterator[Problem]:
    try:
        arranged(entries, lambda entry: _hints(draft, entry[0]))
    except Cycle as cycle:
        first, *others = (draft.mark(*entries[index][1]) for index in cycle.indexes)
        related = tuple((mark, "part of the cycle") for mark in others)
        message = "circular order of extension functions: before and after contradict each other"
        yield Problem(first, Code.EXT_ORDER, message, "remove one before or after", related)


def _hints(draft: Draft, entry: Any) -> Hints:
    own: Mapping[str, Any] = entry if isinstance(entry, Mapping) else {"method": entry}
    label = draft.realms[home(own.get("method", ""))].part.label
    return Hints(label, _names(own.get("before")), _names(own.get("after")))


def _names(given: Any) -> tuple[str, ...]:
    return tuple(_listed(given))


def _listed(given: Any) -> list[Any]:
    if given is None:
        return []
    return given if isinstance(given, list) else [given]

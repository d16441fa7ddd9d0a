"""Sorts the extension functions of a point topologically by `before` and `after`, the names of plugins (hapi's topo).

Without hints the order of declaration is kept.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Hints:
    """The plugin of a function, "" for the application, and the names of plugins that it precedes or follows."""

    plugin: str = ""
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


class Cycle(ValueError):
    """A circular order; `indexes` are those of the items in the cycle."""

    def __init__(self, indexes: Sequence[int]) -> None:
        super().__init__("before and after contradict each other")
        self.indexes = tuple(indexes)


def arranged(items: Sequence[T], hints: Callable[[T], Hints]) -> tuple[T, ...]:
    """Sorts `items` stably by their hints; raises Cycle."""
    given = [hints(item) for item in items]
    if not any(each.before or each.after for each in given):
        return tuple(items)
    return tuple(items[index] for index in _Order(given).sorted_indexes())


class _Order:
    """A topological sort of items and of the gates of plugins; linear in the hints.

    A plugin has two gates: ("in", name) opens when everything before the plugin is placed, ("out", name) when all
    of its functions are placed.
    """

    def __init__(self, hints: Sequence[Hints]) -> None:
        self.hints = hints
        self.blockers: Counter[Any] = Counter()
        self.blocks: dict[Any, list[Any]] = {}
        for index, each in enumerate(hints):
            self._block(index, ("in", each.plugin))
            self._block(("out", each.plugin), index)
            for name in each.before:
                if name != each.plugin:
                    self._block(("in", name), index)
            for name in each.after:
                if name != each.plugin:
                    self._block(index, ("out", name))

    def _block(self, later: Any, earlier: Any) -> None:
        self.blockers[later] += 1
        self.blocks.setdefault(earlier, []).append(later)

    def sorted_indexes(self) -> list[int]:
        """The sorted indexes; of the unblocked ones the smallest is next."""
        order: list[int] = []
        ready: list[int] = []
        for gate in [node for node in self.blocks if isinstance(node, tuple) and not self.blockers[node]]:
            self._open(gate, ready)
        while ready:
            order.append(heapq.heappop(ready))
            self._open(order[-1], ready)
        if len(order) < len(self.hints):
            raise Cycle(self._cycle(sorted(set(range(len(self.hints))).difference(order))))
        return order

    def _open(self, node: Any, ready: list[int]) -> None:
        """Unblocks the nodes that wait for `node`; unblocked gates open at once."""
        opened = [node]
        while opened:
            for later in self.blocks.get(opened.pop(), ()):
                self.blockers[later] -= 1
                if not self.blockers[later]:
                    if isinstance(later, int):
                        heapq.heappush(ready, later)
                    else:
                        opened.append(later)

    def _cycle(self, blocked: Sequence[int]) -> list[int]:
        """The indexes of one cycle among the blocked ones."""
        of_plugin: dict[str, int] = {}
        before: dict[str, int] = {}
        for index in blocked:
            each = self.hints[index]
            of_plugin.setdefault(each.plugin, index)
            for name in each.before:
                if name != each.plugin:
                    before.setdefault(name, index)
        walked: dict[int, None] = {blocked[0]: None}
        step = blocked[0]
        while True:
            own = self.hints[step]
            waited = [of_plugin.get(name) for name in own.after if name != own.plugin]
            step = min(index for index in (*waited, before.get(own.plugin)) if index is not None)
            if step in walked:
                round_trip = list(walked)
                return sorted(round_trip[round_trip.index(step) :])
            walked[step] = None

"""Extension functions of one point in the order in which they run: hapi's topo, over the names of plugins.

Without hints the order of declaration stands. Knows neither files nor functions, only names.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Hints:
    """`plugin` is whose function it is, "" for the application's own; the other two are names of plugins."""

    plugin: str = ""
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


class Cycle(ValueError):
    """What cannot be put into an order, as indexes of the sequence that was given."""

    def __init__(self, indexes: Sequence[int]) -> None:
        super().__init__("before and after contradict each other")
        self.indexes = tuple(indexes)


def arranged(items: Sequence[T], hints: Callable[[T], Hints]) -> tuple[T, ...]:
    """`items` such that every hint is kept and otherwise nothing moves; raises Cycle when no such order exists."""
    given = [hints(item) for item in items]
    if not any(each.before or each.after for each in given):
        return tuple(items)
    return tuple(items[index] for index in _Order(given).found())


class _Order:
    """Counts for each item, and for each plugin's gate, what it still waits for; linear in the hints.

    A plugin has two gates: ("in", name), which what is before it holds shut, and ("out", name), which opens for what
    is after it when all of its functions have their place.
    """

    def __init__(self, given: Sequence[Hints]) -> None:
        self.given = given
        self.waits: Counter[Any] = Counter()
        self.holds: dict[Any, list[Any]] = {}
        for index, each in enumerate(given):
            self._wait(index, ("in", each.plugin))
            self._wait(("out", each.plugin), index)
            for name in each.before:
                if name != each.plugin:
                    self._wait(("in", name), index)
            for name in each.after:
                if name != each.plugin:
                    self._wait(index, ("out", name))

    def _wait(self, later: Any, earlier: Any) -> None:
        self.waits[later] += 1
        self.holds.setdefault(earlier, []).append(later)

    def found(self) -> list[int]:
        """The indexes in order, always the first one that waits for nothing."""
        order: list[int] = []
        ready: list[int] = []
        for gate in [node for node in self.holds if isinstance(node, tuple) and not self.waits[node]]:
            self._open(gate, ready)
        while ready:
            order.append(heapq.heappop(ready))
            self._open(order[-1], ready)
        if len(order) < len(self.given):
            raise Cycle(self._circle(sorted(set(range(len(self.given))).difference(order))))
        return order

    def _open(self, node: Any, ready: list[int]) -> None:
        """Lets go of what waits for a node; gates open at once."""
        opened = [node]
        while opened:
            for later in self.holds.get(opened.pop(), ()):
                self.waits[later] -= 1
                if not self.waits[later]:
                    if isinstance(later, int):
                        heapq.heappush(ready, later)
                    else:
                        opened.append(later)

    def _circle(self, left: Sequence[int]) -> list[int]:
        """Of what is left, where everything waits for something, one round of waiting."""
        of_plugin: dict[str, int] = {}
        before: dict[str, int] = {}
        for index in left:
            each = self.given[index]
            of_plugin.setdefault(each.plugin, index)
            for name in each.before:
                if name != each.plugin:
                    before.setdefault(name, index)
        walked: dict[int, None] = {left[0]: None}
        step = left[0]
        while True:
            own = self.given[step]
            waited = [of_plugin.get(name) for name in own.after if name != own.plugin]
            step = min(index for index in (*waited, before.get(own.plugin)) if index is not None)
            if step in walked:
                round_trip = list(walked)
                return sorted(round_trip[round_trip.index(step) :])
            walked[step] = None

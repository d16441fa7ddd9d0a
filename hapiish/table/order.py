"""Extension functions of one point in the order in which they run: hapi's topo, over the names of plugins.

Without hints the order of declaration stands. Knows neither files nor functions, only names.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

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
    earlier = [_earlier(index, given) for index in range(len(given))]
    order: list[int] = []
    left = list(range(len(given)))
    while left:
        ready = next((index for index in left if earlier[index].isdisjoint(left)), None)
        if ready is None:
            raise Cycle(_circle(left, earlier))
        order.append(ready)
        left.remove(ready)
    return tuple(items[index] for index in order)


def _earlier(index: int, given: Sequence[Hints]) -> set[int]:
    """What must come before the item at `index`: what it is after, and what wants to be before it."""
    own = given[index]
    return {
        other
        for other, each in enumerate(given)
        if other != index and (each.plugin in own.after or own.plugin in each.before) and each.plugin != own.plugin
    }


def _circle(left: Sequence[int], earlier: Sequence[set[int]]) -> list[int]:
    """Of what is left, where everything waits for something, one round of waiting."""
    walked = [left[0]]
    while True:
        step = min(earlier[walked[-1]].intersection(left))
        if step in walked:
            return sorted(walked[walked.index(step) :])
        walked.append(step)

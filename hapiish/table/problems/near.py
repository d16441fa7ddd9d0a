"""Suggests the known name that is closest to an unknown one, at a bounded cost."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from difflib import get_close_matches
from itertools import islice
from typing import Final

MOST: Final = 1000
"""The maximum of known names that one suggestion compares."""
MOST_OF_A_TABLE: Final = 50_000
"""The maximum of known names that all suggestions for one table compare; further suggestions are skipped."""
_LONGEST: Final = 100

_left: ContextVar[list[int] | None] = ContextVar("_left", default=None)


@contextmanager
def limited() -> Iterator[None]:
    """Limits the suggestions within the context to the budget of one table."""
    token = _left.set([MOST_OF_A_TABLE])
    try:
        yield
    finally:
        _left.reset(token)


def near(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The closest of the first `known` names, or None; long words have no suggestion."""
    size = len(word)
    if size > _LONGEST:
        return None
    # Names of other lengths cannot reach the cutoff of SequenceMatcher.
    lengths = range(int(size * cutoff / (2 - cutoff)), int(size * (2 - cutoff) / cutoff) + 2)
    candidates = [name for name in islice(known, MOST) if len(name) in lengths]
    left = _left.get()
    if left is not None:
        left[0] -= len(candidates)
        if left[0] < 0:
            return None
    found = get_close_matches(word, candidates, 1, cutoff)
    return found[0] if found else None

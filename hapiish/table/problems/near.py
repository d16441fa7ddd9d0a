"""The known name that an unknown one is probably meant to be; a guess, so that it may cost only so much."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from difflib import get_close_matches
from itertools import islice
from typing import Final

MOST: Final = 1000
"""Known names that are looked at for one guess."""
MOST_OF_A_TABLE: Final = 50_000
"""Known names that are looked at for all guesses about one table; after that no more are made."""
_LONGEST: Final = 100

_left: ContextVar[list[int] | None] = ContextVar("_left", default=None)


@contextmanager
def limited() -> Iterator[None]:
    """The guesses within are those about one table."""
    token = _left.set([MOST_OF_A_TABLE])
    try:
        yield
    finally:
        _left.reset(token)


def near(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The one of the first `known` names that is closest to `word`, when it is close at all; long ones never are."""
    size = len(word)
    if size > _LONGEST:
        return None
    # What SequenceMatcher would refuse for its length alone.
    lengths = range(int(size * cutoff / (2 - cutoff)), int(size * (2 - cutoff) / cutoff) + 2)
    alike = [name for name in islice(known, MOST) if len(name) in lengths]
    left = _left.get()
    if left is not None:
        left[0] -= len(alike)
        if left[0] < 0:
            return None
    found = get_close_matches(word, alike, 1, cutoff)
    return found[0] if found else None

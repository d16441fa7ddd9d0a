"""Limits the size of an expanded table: one budget for the table and everything that it uses.

A short text can expand without bound: tables use tables, presets use presets, parameters contain parameters. Values
are charged where they are created, so that the problem is at the position that exceeds the budget.
"""

import errno
import os
import stat
from collections.abc import Callable
from typing import Final

from hapiish.table.problems import Mark, Problem
from hapiish.table.problems.codes import Code

MOST_BYTES: Final = 16 << 20
"""The bytes of all files and of all text that `${…}` is replaced by."""
MOST_VALUES: Final = 1_000_000
"""The values of all expanded tables: values in files, options of presets, routes."""
MOST_TABLES: Final = 250
DEEPEST_TABLES: Final = 16

Place = Callable[[], Mark]


class OverspentError(Exception):
    """The budget is exceeded; `problem` names the limit."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class Budget:
    """The bytes, values and tables used so far."""

    def __init__(self) -> None:
        self.bytes = 0
        self.values = 0
        self.tables = 0

    def read(self, count: int, place: Place) -> None:
        """Charges the bytes of a file or of substituted text."""
        self.bytes += count
        if self.bytes > MOST_BYTES:
            raise _overspent(place, f"its files and substituted values exceed {MOST_BYTES >> 20} MB of text")

    def make(self, count: int, place: Place) -> None:
        """Charges values: entries of mappings and lists, options of presets, routes."""
        self.values += count
        if self.values > MOST_VALUES:
            raise _overspent(place, f"the expanded table has more than {MOST_VALUES:,} values")

    def affords(self, count: int) -> bool:
        """Charges values and returns whether they are within the budget: a fast `make` for frequent calls."""
        self.values += count
        return self.values <= MOST_VALUES

    def use(self, depth: int, place: Place) -> None:
        """Charges one use of another table at the nesting `depth`."""
        self.tables += 1
        if self.tables > MOST_TABLES:
            raise _overspent(place, f"the table uses more than {MOST_TABLES} tables, counting each use")
        if depth > DEEPEST_TABLES:
            raise _overspent(place, f"tables use each other more than {DEEPEST_TABLES} levels deep")


def _overspent(place: Place, message: str) -> OverspentError:
    hint = "the limit applies to the expanded table"
    return OverspentError(Problem(place(), Code.BUDGET, message, hint))


def read_file(path: str | os.PathLike[str]) -> bytes:
    """Reads a regular file of at most `MOST_BYTES`; raises OSError and never blocks on a pipe or device."""
    file = os.fspath(path)
    number = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(number, "rb") as opened:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", file)
        data = opened.read(MOST_BYTES + 1)
    if data is None:
        raise OSError(errno.EAGAIN, "it is not ready to be read", file)
    if len(data) > MOST_BYTES:
        raise OSError(errno.EFBIG, f"it is larger than {MOST_BYTES >> 20} MB", file)
    return data

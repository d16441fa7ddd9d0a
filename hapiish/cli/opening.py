"""Loads a checked table for a command and shows its problems."""

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from hapiish.cli.check import summary, wants_colour
from hapiish.cli.refusal import Refusal
from hapiish.cli.registering import registering
from hapiish.describe.masking import ABSENT
from hapiish.options import Table
from hapiish.table import Examined, check, examine, report
from hapiish.table.problems import Problem

T = TypeVar("T")

_OTHER_TEXTS: Final = ("1", "true", "1s")
_VARIABLE: Final = re.compile(r"environment variable (\w+) is ", re.ASCII)


def open_table(file: str, *, plugins: bool = False, workers: int = 1) -> Table:
    """Loads a table and shows its problems on stderr; raises Refusal for errors.

    `plugins` includes the registrations of Python plugins; `workers` is the number of processes that are to serve it.
    """
    table, problems = check(file, register=registering(plugins), workers=workers)
    show(problems)
    if table is None:
        raise Refusal(summary(file, table, problems))
    return table


def described(file: str, *, imports: bool = False, guesses: bool = False) -> Table | None:
    """Returns a table that a command only describes: a text stands for each variable that is not set.

    For errors shows the problems as `check` does, and returns None. `imports` includes the registrations of Python
    plugins. `guesses`: a number, a switch or a time stands for a variable where a text is wrong.
    """
    return _described(
        file, lambda env: check(file, env, register=registering(imports)), _OTHER_TEXTS if guesses else ()
    )


def examined(file: str, *, imports: bool = False) -> Examined | None:
    """Returns a table with its draft, otherwise as `described`."""
    found = _described(file, lambda env: examine(file, env, register=registering(imports)))
    if found is not None and found.table.is_partial:
        print("hapiish: the Python plugins were not run; --import runs them", file=sys.stderr)
    return found


def _described(
    file: str, read: Callable[[Mapping[str, str]], tuple[T | None, list[Problem]]], others: Sequence[str] = ()
) -> T | None:
    """Reads a table; if only variables are missing, reads it again with a text in place of each."""
    found, problems = read(os.environ)
    missing = [_VARIABLE.match(each.message) for each in problems if not each.warning]
    names = [each[1] for each in missing if each is not None]
    if names and len(names) == len(missing):
        again = _with_texts(read, dict.fromkeys(names, ABSENT), others)
        if again is not None:
            for name in dict.fromkeys(names):
                print(f"hapiish: {name} is not set; a text stands for it in this description", file=sys.stderr)
            return again
    if found is None:
        show(problems)
        print(summary(file, None, problems), file=sys.stderr)
    return found


def _with_texts(
    read: Callable[[Mapping[str, str]], tuple[T | None, list[Problem]]], texts: dict[str, str], others: Sequence[str]
) -> T | None:
    """Reads a table with texts for variables; where it has errors, tries the others."""
    found, problems = read({**os.environ, **texts})
    for name in texts:
        for text in others:
            if found is not None:
                return found
            tried, left = read({**os.environ, **texts, name: text})
            if tried is not None or len(left) < len(problems):
                found, problems, texts = tried, left, {**texts, name: text}
    return found


def show(problems: Sequence[Problem]) -> None:
    """Prints problems to stderr in the format of `hapiish check`."""
    if problems:
        print(report.as_text(list(problems), colour=wants_colour(sys.stderr)), end="\n\n", file=sys.stderr)

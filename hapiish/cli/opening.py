"""Loads a checked table for a command and shows its problems."""

import sys
from collections.abc import Sequence

from hapiish.cli.check import summary, wants_colour
from hapiish.cli.refusal import Refusal
from hapiish.options import Table
from hapiish.table import Examined, check, examine, report
from hapiish.table.problems import Problem


def open_table(file: str, *, plugins: bool = False, workers: int = 1) -> Table:
    """Loads a table and shows its problems on stderr; raises Refusal for errors.

    `plugins` includes the registrations of Python plugins; `workers` is the number of processes that are to serve it.
    """
    from hapiish.plugins import Plugins

    table, problems = check(file, register=Plugins() if plugins else None, workers=workers)
    show(problems)
    if table is None:
        raise Refusal(summary(file, table, problems))
    return table


def examined(file: str, *, imports: bool = False) -> Examined | None:
    """Returns a checked table with its draft; for errors shows the problems as `check` does, and returns None.

    `imports` includes the registrations of Python plugins.
    """
    register = None
    if imports:
        from hapiish.plugins import Plugins

        register = Plugins()
    found, problems = examine(file, register=register)
    if found is None:
        show(problems)
        print(summary(file, None, problems), file=sys.stderr)
    return found


def show(problems: Sequence[Problem]) -> None:
    """Prints problems to stderr in the format of `hapiish check`."""
    if problems:
        print(report.as_text(list(problems), colour=wants_colour(sys.stderr)), end="\n\n", file=sys.stderr)

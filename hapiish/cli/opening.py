"""A file to the checked table that a command goes on with; its problems are shown first."""

import sys
from collections.abc import Sequence

from hapiish.cli.check import summary, wants_colour
from hapiish.cli.refusal import Refusal
from hapiish.options import Table
from hapiish.table import check, report
from hapiish.table.problems import Problem


def open_table(file: str, *, plugins: bool = False) -> Table:
    """Shows warnings and errors on stderr; raises Refusal when the table must not be served.

    Without `plugins` what Python plugins contribute is left out.
    """
    from hapiish.plugins import Plugins

    table, problems = check(file, register=Plugins() if plugins else None)
    show(problems)
    if table is None:
        raise Refusal(summary(file, table, problems))
    return table


def show(problems: Sequence[Problem]) -> None:
    """Problems as `hapiish check` writes them, on stderr."""
    if problems:
        print(report.as_text(list(problems), colour=wants_colour(sys.stderr)), end="\n\n", file=sys.stderr)

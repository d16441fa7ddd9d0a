"""`hapiish diff OLD [NEW]`: the changes between two tables, each as breaking, unknown or safe for clients.

The exit status is 0, or 1 if a change is as bad as `--fail-on` says, and 2 if the tables cannot be compared.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from hapiish.cli.check import wants_colour
from hapiish.cli.refusal import Refusal
from hapiish.declare.types import Mark
from hapiish.describe.diff import report
from hapiish.describe.diff.change import ORDER, TableChange, worst
from hapiish.describe.diff.comparison import compare


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hapiish diff`."""
    parser.add_argument("old", metavar="OLD", nargs="?", help="a file, or a revision of git such as main:routes.yaml")
    parser.add_argument(
        "new", metavar="NEW", nargs="?", default="routes.yaml", help="the same (default: routes.yaml of this folder)"
    )
    parser.add_argument("--format", choices=["text", "json", "markdown"], default="text", help="format (default: text)")
    parser.add_argument(
        "--fail-on",
        choices=["breaking", "unknown", "none"],
        default="breaking",
        help="exit with 1 for these changes or worse (default: breaking)",
    )
    parser.add_argument("--rules", action="store_true", help="print the list of rules instead")


def main(options: argparse.Namespace) -> int:
    """Prints the changes; returns 1 for changes as bad as `--fail-on`, and 2 for tables that cannot be compared."""
    if options.rules:
        print(report.rules_page(), end="")
        return 0
    try:
        if options.old is None:
            raise Refusal("diff needs the old table: hapiish diff main:routes.yaml")
        changes = differences(options.old, options.new)
    except Refusal as refusal:
        print(f"hapiish: {refusal}", file=sys.stderr)
        return 2
    match options.format:
        case "json":
            print(report.as_json(changes))
        case "markdown":
            print(report.as_markdown(changes, f"{options.old} → {options.new}"), end="")
        case _:
            print(report.as_text(changes, colour=wants_colour(sys.stdout)))
    return int(
        options.fail_on != "none"
        and bool(changes)
        and ORDER[worst(change.verdict for change in changes)] <= ORDER[options.fail_on]
    )


def differences(old: str, new: str) -> list[TableChange]:
    """Returns the changes between two tables, each a file or `REVISION:FILE`. Raises Refusal for a wrong table."""
    from hapiish.cli.opening import described
    from hapiish.cli.revision import checked_out
    from hapiish.describe.surface import surface

    with checked_out(old) as (old_file, old_folder), checked_out(new) as (new_file, new_folder):
        tables = [described(str(file), guesses=True) for file in (old_file, new_file)]
        for name, table in zip((old, new), tables, strict=True):
            if table is None:
                raise Refusal(f"{name} has errors")
        changes = compare(*(surface(table) for table in tables if table is not None))
    return [
        replace(change, old=_shown(change.old, old_folder), new=_shown(change.new, new_folder)) for change in changes
    ]


def _shown(mark: Mark | None, folder: str) -> Mark | None:
    """Returns a place without the temporary folder of a revision."""
    if mark is None or not mark.file or not folder:
        return mark
    file = mark.file.removeprefix(folder)
    return replace(mark, file=Path(file).as_posix())

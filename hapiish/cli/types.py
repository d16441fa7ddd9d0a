"""`hapiish types`: TypeScript for clients, or TypedDicts for handlers, of a table."""

import argparse
import sys

from hapiish.cli.documents import save, saved
from hapiish.cli.opening import described
from hapiish.describe.surface import surface


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hapiish types`."""
    parser.add_argument("table", nargs="?", default="routes.yaml", help="file of the table (default: routes.yaml)")
    parser.add_argument("--python", action="store_true", help="TypedDicts for handlers, in place of TypeScript")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the file instead of printing it")
    parser.add_argument("--check", metavar="FILE", help="write nothing; fail if the file is not up to date")
    parser.add_argument("--import", action="store_true", dest="imports", help="also run the table's Python plugins")


def main(options: argparse.Namespace) -> int:
    """Prints, writes or compares the types; returns 1 for a wrong table or a file that is not up to date."""
    table = described(options.table, imports=options.imports)
    if table is None:
        return 1
    found = surface(table)
    if options.python:
        from hapiish.describe.types.handlers import handlers_module

        text = handlers_module(found)
    else:
        from hapiish.describe.types.client import client_module

        text = client_module(found)
    if options.check is not None:
        return _check(options.check, text, options)
    if options.output is not None:
        save(options.output, text)
    else:
        print(text, end="")
    return 0


def _check(file: str, text: str, options: argparse.Namespace) -> int:
    present = saved(file)
    if present == text:
        return 0
    old, new = present.splitlines(), text.splitlines()
    line = next((number for number, pair in enumerate(zip(old, new, strict=False), 1) if pair[0] != pair[1]), None)
    at = line if line is not None else min(len(old), len(new)) + 1
    python = " --python" if options.python else ""
    call = f"hapiish types{python} {options.table} -o {file}"
    print(f"{file}:{at}: differs from the types of {options.table}; run {call}", file=sys.stderr)
    return 1

"""`hapiish check`: every problem of a table with its place; offline, and without importing handlers unless asked to."""

import argparse
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TextIO

from hapiish.describe import inspect
from hapiish.options import Kind, Table
from hapiish.table import check, extras, report
from hapiish.table.compose.owned_names import home
from hapiish.table.problems import Problem, codes
from hapiish.table.problems.codes import Code

ELSEWHERE = (Code.VARIABLE_MISSING, Code.SECRET_FILE, Code.EXTRA)
"""What a machine that only checks a table need not have."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `hapiish check`."""
    parser.add_argument("table", nargs="?", default="routes.yaml", help="the route table (default: routes.yaml)")
    parser.add_argument("--format", choices=["text", "json", "github"], default="text", help="how problems are written")
    parser.add_argument(
        "--import", action="store_true", dest="imports", help="import handlers, models, schemes and plugins too"
    )
    parser.add_argument(
        "--no-env", action="store_true", help="report missing variables, secrets and packages as warnings"
    )
    parser.add_argument("--codes", action="store_true", help="write the page of all problem codes instead")


def main(options: argparse.Namespace) -> int:
    """Prints the problems; 1 when the table must not be served, warnings alone are 0."""
    if options.codes:
        print(codes.page(), end="")
        return 0
    elsewhere = ELSEWHERE if options.no_env else ()
    table, problems = check(options.table, register=_plugins() if options.imports else None, elsewhere=elsewhere)
    if table is not None:
        problems += [replace(each, warning=each.code in elsewhere) for each in extras.missing(table)]
    if table is not None and options.imports:
        problems += missing(table)
    problems = sorted(problems)
    if table is not None and table.is_names:
        table = None
    match options.format:
        case "json":
            print(report.as_json(problems))
        case "github":
            print("\n".join(filter(None, [report.as_github(problems), summary(options.table, table, problems)])))
        case _:
            shown = report.as_text(problems, colour=wants_colour(sys.stdout))
            print("\n\n".join(filter(None, [shown, summary(options.table, table, problems)])))
    return 1 if report.counts(problems)["errors"] else 0


def _plugins() -> Any:
    """What asks Python plugins for their contributions."""
    from hapiish.plugins import Plugins

    return Plugins()


def missing(table: Table) -> list[Problem]:
    """The names of `table` that lead to nothing, or to something that cannot be called, or are used as they are not."""
    from hapiish.resolve import ResolveError, Unresolved, resolve

    problems: list[Problem] = []
    unresolved = Unresolved(problems)
    objects = {}
    for name, mark in table.names.items():
        try:
            realm = table.realm(home(name))
            found = objects[name] = resolve(name, realm.folder, realm.package, table.folder)
        except ResolveError as fault:
            unresolved.add(name, fault, mark)
            continue
        if not callable(found):
            message = f'"{name}" is {type(found).__name__}, not a function'
            problems.append(Problem(mark, Code.NOT_CALLABLE, message))
    return [*problems, *_misused(table, objects)]


def _misused(table: Table, objects: Mapping[str, Any]) -> Iterable[Problem]:
    """What handlers of the kind `model` say of fields that their classes do not have."""
    from hapiish.resolve import resolve

    told: dict[Problem, None] = {}
    for route in table.routes:
        kind = route.handler
        if not isinstance(kind, Kind) or kind.name != "model":
            continue
        cls = objects.get(table.realm(kind.realm).models[kind.options.name])
        if cls is not None:
            # By name, because a table without models is checked where no database driver is installed.
            for fault in resolve("hapiish.kinds.model.handler:faults")(cls, route.path, kind.options):
                told[Problem(kind.place(fault.path), Code.KIND_OPTIONS, fault.message, fault.hint)] = None
    return told


def summary(file: str, table: Table | None, problems: list[Problem]) -> str:
    """The last line: how many problems, or how much there is of what."""
    number = report.counts(problems)
    said = [report.counted(number["errors"], "error")] if number["errors"] else []
    said += [report.counted(number["warnings"], "warning")] if number["warnings"] else []
    if not number["errors"] and table is None:
        said = ["valid but for what is not set here", *said]
    elif table is not None and not number["errors"]:
        events = [*inspect.events(table), *inspect.emits(table)]
        said = ["valid", report.counted(len(table.routes), "route"), report.counted(len(events), "event"), *said]
    return f"{file}: {', '.join(said)}"


def wants_colour(stream: TextIO) -> bool:
    """Whether colours would be seen, and are not unwanted (NO_COLOR)."""
    return stream.isatty() and not os.environ.get("NO_COLOR")

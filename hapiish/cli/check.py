"""`hapiish check`: reports all problems of a table with their locations; offline, imports handlers on request only.

The exit status is 0 for a table without errors, 1 for one with errors (with `--strict`, also with warnings), and 2 for
a wrong use of the command.
"""

import argparse
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from hapiish.cli.registering import registering
from hapiish.describe import inspect
from hapiish.options import Kind, Table
from hapiish.table import check, extras, report
from hapiish.table.compose.owned_names import owner_of
from hapiish.table.problems import Problem, codes
from hapiish.table.problems.codes import Code
from hapiish.table.problems.near import near

AS_WARNINGS = (Code.VARIABLE_MISSING, Code.SECRET_FILE, Code.EXTRA)
"""Problems that are warnings with `--no-env`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hapiish check`."""
    parser.add_argument("table", nargs="?", default="routes.yaml", help="file of the table (default: routes.yaml)")
    parser.add_argument(
        "--format", choices=["text", "json", "github", "sarif"], default="text", help="format (default: text)"
    )
    parser.add_argument("--strict", action="store_true", help="fail for warnings, too: exit status 1 instead of 0")
    parser.add_argument(
        "--ignore", type=_codes, default=(), metavar="CODES", help="leave out warnings: HA0502,HA0505 (errors stay)"
    )
    parser.add_argument(
        "--import", action="store_true", dest="imports", help="also import handlers, models, schemes and plugins"
    )
    parser.add_argument(
        "--no-env", action="store_true", help="report missing variables, secrets and packages as warnings"
    )
    parser.add_argument(
        "--workers",
        type=_count,
        default=1,
        metavar="N",
        help="check the table for N processes of hapiish run --workers",
    )
    parser.add_argument("--explain", type=_code, metavar="CODE", help="print the page of a code: wrong, right, why")
    parser.add_argument(
        "--codes",
        nargs="?",
        const="",
        metavar="FOLDER",
        help="print the list of all problem codes; or write it and their pages to FOLDER",
    )


def main(options: argparse.Namespace) -> int:
    """Prints the problems; returns 1 for errors, and with `--strict` for warnings; otherwise 0."""
    if options.explain:
        from hapiish.table.problems.pages import page

        print(page(options.explain), end="")
        return 0
    if options.codes is not None:
        if options.codes:
            from hapiish.table.problems.pages import write

            write(Path(options.codes))
        else:
            print(codes.page(), end="")
        return 0
    as_warnings = AS_WARNINGS if options.no_env else ()
    table, problems = check(
        options.table,
        register=registering(options.imports),
        as_warnings=as_warnings,
        workers=options.workers,
        advise=True,
    )
    if table is not None:
        problems += [replace(each, warning=each.code in as_warnings) for each in extras.missing(table)]
        problems += extras.missing_mongod(table, workers=options.workers)
    if table is not None and options.imports:
        problems += unresolved(table)
    problems = sorted(each for each in problems if not (each.warning and each.code in options.ignore))
    if table is not None and table.is_names:
        table = None
    match options.format:
        case "json":
            print(report.as_json(problems))
        case "sarif":
            from importlib.metadata import version

            from hapiish.table.sarif import as_sarif

            print(as_sarif(problems, version("hapiish")))
        case "github":
            print("\n".join(filter(None, [report.as_github(problems), summary(options.table, table, problems)])))
        case _:
            shown = report.as_text(problems, colour=wants_colour(sys.stdout))
            print("\n\n".join(filter(None, [shown, summary(options.table, table, problems)])), flush=True)
            if problems:
                code = problems[0].code
                print(f"`hapiish check --explain {code}` shows the page of a code: wrong, right, why", file=sys.stderr)
    number = report.counts(problems)
    return 1 if number["errors"] or (options.strict and number["warnings"]) else 0


def _code(text: str) -> Code:
    """Parses a code; the prefix HA and the case are optional."""
    code = text.upper() if text.upper().startswith("HA") else f"HA{text:0>4}"
    try:
        return Code(code)  # type: ignore[call-arg]  # mypy takes the arguments of __new__ for those of the lookup
    except ValueError:
        close = near(code, map(str, Code), 0.8)
        guess = f"; did you mean {close}?" if close else ""
        message = f"there is no code {text}{guess or ';'} `hapiish check --codes` lists the codes"
        raise argparse.ArgumentTypeError(message) from None


def _codes(text: str) -> tuple[Code, ...]:
    return tuple(_code(each.strip()) for each in text.split(",") if each.strip())


def _count(text: str) -> int:
    """Parses a number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("takes a number from 1")
    return int(text)


def unresolved(table: Table) -> list[Problem]:
    """Returns the problems of names in `table`: unresolved, not callable, or of the wrong type."""
    from hapiish.resolve import Unresolved

    problems: list[Problem] = []
    failures, absent = Unresolved(problems), object()
    objects = {}
    for name, mark in table.names.items():
        realm = table.realm(owner_of(name))
        value = failures.find(name, realm.folder, realm.package, table.folder, mark=mark, absent=absent)
        if value is absent:
            continue
        objects[name] = value
        if not callable(value):
            message = f'"{name}" is {type(value).__name__}, not a function'
            problems.append(Problem(mark, Code.NOT_CALLABLE, message))
    return [*problems, *_model_faults(table, objects)]


def _model_faults(table: Table, objects: Mapping[str, Any]) -> Iterable[Problem]:
    """Returns the problems of `model` handlers that name missing fields of their classes, each once."""
    from hapiish.resolve import resolve

    problems: dict[Problem, None] = {}
    for route in table.routes:
        kind = route.handler
        if not isinstance(kind, Kind) or kind.name != "model":
            continue
        cls = objects.get(table.realm(kind.realm).models[kind.options.name])
        if cls is not None:
            # Imported here, because checking a table without models needs no database driver.
            for fault in resolve("hapiish.kinds.model.handler:faults")(cls, route.path, kind.options):
                problems[Problem(kind.place(fault.path), Code.KIND_OPTIONS, fault.message, fault.hint)] = None
    return problems


def summary(file: str, table: Table | None, problems: list[Problem]) -> str:
    """Returns the last line: the number of problems, or of routes and events."""
    number = report.counts(problems)
    parts = [report.counted(number["errors"], "error")] if number["errors"] else []
    parts += [report.counted(number["warnings"], "warning")] if number["warnings"] else []
    if not number["errors"] and table is None:
        parts = ["valid except for unset variables, secrets and packages", *parts]
    elif table is not None and not number["errors"]:
        events = [*inspect.events(table), *inspect.emits(table)]
        parts = ["valid", report.counted(len(table.routes), "route"), report.counted(len(events), "event"), *parts]
    return f"{file}: {', '.join(parts)}"


def wants_colour(stream: TextIO) -> bool:
    """Returns True for a terminal without NO_COLOR."""
    return stream.isatty() and not os.environ.get("NO_COLOR")

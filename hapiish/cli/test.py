"""`hapiish test`: runs the `examples` of a table on a scratch database; `--contract` tests the OpenAPI document."""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hapiish.cli.check import wants_colour
from hapiish.cli.opening import open_table, show
from hapiish.cli.refusal import Refusal
from hapiish.options import Table

if TYPE_CHECKING:
    from hapiish.testing.bench import Bench
    from hapiish.testing.cases import Case
    from hapiish.testing.examples import ExampleOutcome

UNABLE = 2
"""The exit status if no test could run."""

INTERRUPTED = 130
"""The exit status after Ctrl-C, as shells have it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hapiish test`."""
    parser.add_argument("table", nargs="?", default="routes.yaml", help="file of the table (default: routes.yaml)")
    parser.add_argument(
        "-k",
        action="append",
        default=[],
        metavar="TEXT",
        dest="texts",
        help="only examples whose id, name, method, path or tag contains the text; several: any of them",
    )
    parser.add_argument("-x", "--exitfirst", action="store_true", help="stop after the first failure")
    parser.add_argument("-v", "--verbose", action="store_true", help="a line for each example, and what has no example")
    parser.add_argument("--list", action="store_true", help="list the examples and run none")
    parser.add_argument("--junit", metavar="FILE", type=Path, help="write JUnit XML to this file")
    parser.add_argument(
        "--database",
        metavar="URI",
        default=os.environ.get("HAPIISH_TEST_DATABASE"),
        help="a MongoDB, with the name of a scratch database or none (default: a local MongoDB)",
    )
    parser.add_argument(
        "--contract", action="store_true", help="test the OpenAPI document of the table with schemathesis instead"
    )
    parser.add_argument(
        "--max-examples", type=int, default=20, metavar="N", help="with --contract: requests of each kind per operation"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="with --contract: the seed of the requests")


def main(options: argparse.Namespace) -> int:
    """Runs the tests; returns 0 if all pass, 1 if one fails, 2 if none could run."""
    try:
        table = open_table(options.table, plugins=True)
        if options.contract:
            from hapiish.cli.contract import run_contract

            return run_contract(table, options, bench_of(table, options.database))
        return _examples(table, options)
    except Refusal as refusal:
        print(f"hapiish: {refusal}", file=sys.stderr)
        return UNABLE
    except KeyboardInterrupt:
        print("\nhapiish: interrupted", file=sys.stderr)
        return INTERRUPTED


def _examples(table: Table, options: argparse.Namespace) -> int:
    from hapiish.testing import report
    from hapiish.testing.cases import cases
    from hapiish.testing.examples import strict

    table = strict(table)
    every = cases(table)
    chosen = [case for case in every if _is_chosen(case, options.texts)]
    if options.list:
        for case in chosen:
            print(f"{report.place(case.example.mark)}: {case.title}")
        print(report.coverage(table, every))
        return 0
    if not chosen:
        raise Refusal(
            "no example has " + " or ".join(f'"{text}"' for text in options.texts)
            if options.texts
            else f"{options.table} has no examples; write some under `options.examples` of its routes (docs/testing.md)"
        )
    printer = report.Printer(sys.stdout, verbose=options.verbose, colour=wants_colour(sys.stdout))
    outcomes: list[ExampleOutcome] = []
    began = time.monotonic()
    with bench_of(table, options.database) as bench:
        for case in chosen:
            outcomes.append(_run(bench, table, case, every))
            printer.outcome(outcomes[-1])
            if options.exitfirst and not outcomes[-1].passed:
                break
    printer.end()
    options.seconds = time.monotonic() - began
    return _conclude(table, every, outcomes, printer, options)


def _is_chosen(case: "Case", texts: Sequence[str]) -> bool:
    return not texts or any(text.lower() in case.words for text in texts)


@contextmanager
def bench_of(table: Table, database: str | None) -> Iterator["Bench"]:
    """Opens a bench for a table, whose local MongoDB has its data beside the table.

    Raises Refusal if an application cannot start on it.
    """
    from hapiish.store.connection import StoreError
    from hapiish.store.local import LocalError
    from hapiish.table.problems import TableError
    from hapiish.testing.bench import Bench
    from hapiish.testing.scratch import ScratchError

    data = table.database.data if table.database is not None else ".hapiish"
    try:
        with Bench(Path(table.folder, data, "tests"), database=database) as bench:
            yield bench
    except TableError as error:
        show(error.problems)
        raise Refusal(f"{table.file}: the table cannot be served") from None
    except (LocalError, ScratchError, StoreError) as error:
        raise Refusal(str(error)) from None


def _run(bench: "Bench", table: Table, case: "Case", every: Sequence["Case"]) -> "ExampleOutcome":
    from hapiish.testing.examples import Runner
    from hapiish.testing.failures import Failures

    with Failures() as failures:
        app = bench.serve(table)
        try:
            outcome = bench.portal.run(Runner(app, table, every).run(case))
        finally:
            bench.close(app)
    return outcome if outcome.passed else replace(outcome, errors=failures.take())


def _conclude(
    table: Table,
    every: Sequence["Case"],
    outcomes: Sequence["ExampleOutcome"],
    printer: Any,
    options: argparse.Namespace,
) -> int:
    from hapiish.testing import report

    failed = [outcome for outcome in outcomes if not outcome.passed]
    for outcome in failed:
        printer.failure(outcome)
    if options.verbose:
        for line in report.without(table, every):
            printer.line(f"no example  {line}")
    if options.junit is not None:
        try:
            report.write_junit(options.junit, outcomes, str(options.table))
        except OSError as error:
            raise Refusal(f"{options.junit} cannot be written: {error.strerror}") from None
    counts = [f"{len(failed)} failed"] if failed else []
    counts.append(f"{len(outcomes) - len(failed)} passed")
    text = f"{', '.join(counts)} in {options.seconds:.2f} s"
    printer.line(f"{printer.painted(text, 31 if failed else 32)}; {report.coverage(table, every)}")
    return 1 if failed else 0

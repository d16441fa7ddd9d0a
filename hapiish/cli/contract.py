"""`hapiish test --contract`: tests the OpenAPI document of a table with schemathesis, the extra `contract`."""

import argparse
import sys
from contextlib import AbstractContextManager
from typing import Any

from hapiish.cli.check import wants_colour
from hapiish.cli.refusal import Refusal
from hapiish.options import Table
from hapiish.table.extras import is_installed


def run_contract(table: Table, options: argparse.Namespace, opened: AbstractContextManager[Any]) -> int:
    """Tests the document on the bench of `opened`; returns 1 if a response contradicts it.

    Raises Refusal if it cannot be tested.
    """
    if not is_installed("schemathesis"):
        raise Refusal('--contract needs the package schemathesis: pip install "hapiish[contract]"')
    from hapiish.testing.contract import Contract
    from hapiish.testing.examples import GivenError, strict
    from hapiish.testing.report import Printer, place

    printer = Printer(sys.stdout, verbose=options.verbose, colour=wants_colour(sys.stdout))
    reports = []
    with opened as bench:
        contract = Contract(bench, strict(table), most=options.max_examples, seed=options.seed)
        try:
            for report in contract.run():
                reports.append(report)
                printer.progress(not report.faults, f"{report.label}  ({report.requests} requests)")
                if report.faults and options.exitfirst:
                    break
        except GivenError as error:
            raise Refusal(f"{error}; run `hapiish test` first") from None
    printer.end()
    for report in reports:
        for fault in report.faults.values():
            where = f"{place(report.route.mark)}: " if report.route is not None else ""
            printer.line(printer.painted(f"\n{where}{report.label}: {fault.title}, {fault.count} ×", 31))
            for heading, text in (("", fault.text), ("sent", fault.sent), ("got", fault.got), ("error", fault.errors)):
                if text:
                    printer.block(heading, text)
    for remark in contract.remarks:
        printer.line(f"not tested: {remark}")
    without = [report.label for report in reports if report.without]
    if without:
        printer.line(f"without credentials, because no example that succeeds has any: {', '.join(without)}")
    faults = sum(len(report.faults) for report in reports)
    counts = f"{len(reports)} operations, {sum(report.requests for report in reports)} requests, {faults} faults"
    printer.line(printer.painted(counts, 31 if faults else 32))
    return 1 if faults else 0

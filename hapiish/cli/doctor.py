"""`hapiish doctor`: examines this machine and a table, and shows what would fail at `hapiish run`."""

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from textwrap import wrap
from typing import Final

from hapiish.cli.check import wants_colour
from hapiish.cli.examination import machine, project, services
from hapiish.cli.examination.finding import Finding, Status, failed
from hapiish.options import Table
from hapiish.table.problems.secrets import without_passwords

WORDS: Final[dict[Status, str]] = {"ok": "ok", "warning": "warning", "failed": "FAILED", "skipped": "-"}
INDENT: Final = 23  # columns before the message of a finding
COLOURS: Final[dict[Status, str]] = {"ok": "32", "warning": "33", "failed": "1;31", "skipped": "2"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hapiish doctor`."""
    parser.add_argument("table", nargs="?", default="routes.yaml", help="file of the table (default: routes.yaml)")
    parser.add_argument(
        "--json", action="store_true", help="print JSON: {ok, findings: [{name, status, message, hint}]}"
    )


def main(options: argparse.Namespace) -> int:
    """Prints the findings; returns 1 if `hapiish run` would fail or answer errors, else 0."""
    colour = not options.json and wants_colour(sys.stdout)
    findings = []
    for finding in map(without_secrets, examine(options.table)):
        findings.append(finding)
        if not options.json:
            print(as_text(finding, colour=colour), flush=True)
    works = all(finding.status != "failed" for finding in findings)
    if options.json:
        print(json.dumps({"ok": works, "findings": [asdict(each) for each in findings]}, indent=2, ensure_ascii=False))
    else:
        print(f"\n{summary(findings)}")
    return 0 if works else 1


def examine(file: str) -> Iterator[Finding]:
    """Yields all findings, cheap ones first; those that need a valid table only with one."""
    yield from machine.python()
    yield from machine.packages()
    table, found = project.table_found(file)
    yield from machine.installed_extras(table)
    yield from found
    if table is not None:
        yield from _of_table(table)
    yield from machine.open_files(table)
    if table is None:
        yield from services.mongodb(None)


def _of_table(table: Table) -> Iterator[Finding]:
    of_project: list[Callable[[Table], Iterator[Finding]]] = [project.names, project.certificates]
    of_project += [project.port, project.data_folder]
    for examination in (*of_project, services.mongodb, services.queues):
        try:
            yield from examination(table)
        except Exception as error:  # noqa: BLE001 - an error of a library or of the project's code is a finding, too
            yield failed(examination.__name__.replace("_", " "), f"{type(error).__name__}: {error}")


def as_text(finding: Finding, *, colour: bool = False) -> str:
    """Formats a finding: its status, its name, its message, and the hint on a line of its own."""
    word = f"{WORDS[finding.status]:8}"
    if colour:
        word = f"\x1b[{COLOURS[finding.status]}m{word}\x1b[0m"
    width = max(shutil.get_terminal_size().columns - INDENT, 40)
    lines = [*finding.message.splitlines(), *([f"-> {finding.hint}"] if finding.hint else [])]
    first, *more = [
        part for line in lines for part in wrap(line, width, break_long_words=False, break_on_hyphens=False) or [""]
    ]
    return "\n".join([f"{word} {finding.name:13} {first}", *(f"{'':{INDENT}}{line}" for line in more)])


def without_secrets(finding: Finding) -> Finding:
    """Returns a finding without the passwords of URLs, which errors of libraries may contain."""
    return replace(finding, message=without_passwords(finding.message), hint=without_passwords(finding.hint))


def summary(findings: Sequence[Finding]) -> str:
    """Returns the last line: whether `hapiish run` would fail, and by what."""
    faults = _names(each for each in findings if each.status == "failed")
    if faults:
        return f"`hapiish run` would fail, or answer errors: {', '.join(faults)}"
    doubts = _names(each for each in findings if each.status == "warning")
    return "; worth a look: ".join(filter(None, ["`hapiish run` works", ", ".join(doubts)]))


def _names(findings: Iterable[Finding]) -> list[str]:
    return list(dict.fromkeys(finding.name for finding in findings))

"""Reports of `hapiish test`: dots or lines while it runs, each failure with its place, a summary, and JUnit XML."""

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TextIO
from xml.etree import ElementTree as ET

from hapiish.options import Event, Mark, Route, Table
from hapiish.testing.cases import Case
from hapiish.testing.examples import ExampleOutcome

_CONTROL = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_WIDTH = 80


class Printer:
    """Prints outcomes: a dot or F each, or with `verbose` a line each; `colour` for terminals."""

    def __init__(self, stream: TextIO, *, verbose: bool, colour: bool) -> None:
        self._stream = stream
        self._verbose = verbose
        self._colour = colour
        self._column = 0

    def outcome(self, outcome: ExampleOutcome) -> None:
        """Prints the progress after an example."""
        where = place(outcome.case.example.mark)
        self.progress(outcome.passed, f"{outcome.case.title}  ({where}, {outcome.seconds:.2f} s)")

    def progress(self, passed: bool, text: str) -> None:
        """Prints a dot or F, or a line with `verbose`."""
        if self._verbose:
            word = self.painted("PASSED", 32) if passed else self.painted("FAILED", 31)
            self.line(f"{word}  {text}")
            return
        self._stream.write(self.painted(".", 32) if passed else self.painted("F", 31))
        self._column += 1
        if self._column == _WIDTH:
            self.end()
        self._stream.flush()

    def end(self) -> None:
        """Ends a line of dots."""
        if self._column:
            self.line("")
            self._column = 0

    def line(self, text: str) -> None:
        """Prints a line."""
        self._stream.write(f"{text}\n")

    def painted(self, text: str, colour: int) -> str:
        """Returns the text in a colour of terminals."""
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colour else text

    def block(self, heading: str, text: str) -> None:
        """Prints a text, indented below a heading if it has one."""
        if heading:
            self.line(f"\n  {heading}")
        for line in text.splitlines():
            self.line(f"{'    ' if heading else '  '}{line}")

    def failure(self, outcome: ExampleOutcome) -> None:
        """Prints a failed example: its place, what was sent, the faults, the difference and the errors of handlers."""
        self.line(self.painted(f"\n{place(outcome.case.example.mark)}: {outcome.case.title}", 31))
        for line in failure_lines(outcome):
            colour = {"+": 31, "-": 32}.get(line[4:5]) if line.startswith("    ") and outcome.diff else None
            self.line(self.painted(line, colour) if colour else line)


def failure_lines(outcome: ExampleOutcome) -> Iterator[str]:
    """Yields the lines of a failed example."""
    for fault in outcome.faults:
        yield f"  {fault}"
    if outcome.diff:
        yield ""
        yield from (f"    {line}" for line in outcome.diff)
    if outcome.sent:
        yield "\n  sent"
        yield from (f"    {line}" for line in outcome.sent.splitlines())
    if outcome.got:
        yield "\n  got"
        yield from (f"    {line}" for line in outcome.got.splitlines())
    for title, trace in outcome.errors:
        yield f"\n  {title}"
        yield from (f"    {line}" for line in trace.splitlines())


def place(mark: Mark) -> str:
    """Returns the place of an example, relative to the current folder if it is inside."""
    file = Path(mark.file)
    if file.is_absolute() and file.is_relative_to(Path.cwd()):
        file = file.relative_to(Path.cwd())
    return f"{file}:{mark.line}:{mark.column}"


def coverage(table: Table, cases: Sequence[Case]) -> str:
    """Returns how many routes and events have examples; those of Python plugins count only if they have."""
    with_one = {id(case.route or case.event) for case in cases}
    parts = []
    for name, every in (("routes", _routes(table, with_one)), ("events", _events(table))):
        if every:
            one = name.removesuffix("s") if len(every) == 1 else name
            parts.append(f"{sum(id(each) in with_one for each in every)} of {len(every)} {one}")
    return f"{' and '.join(parts)} have examples" if parts else "the table has no routes"


def without(table: Table, cases: Sequence[Case]) -> list[str]:
    """Returns the routes and events without an example, with their places."""
    with_one = {id(case.route or case.event) for case in cases}
    missing = [
        f"{place(route.mark)}: {route.method} {route.path}"
        for route in _routes(table, with_one)
        if id(route) not in with_one
    ]
    return missing + [f"{place(each.mark)}: event {each.event}" for each in _events(table) if id(each) not in with_one]


def _routes(table: Table, with_one: Collection[int]) -> list[Route]:
    return [route for route in table.routes if id(route) in with_one or not table.realm(route.realm).is_plugin]


def _events(table: Table) -> list[Event]:
    return [event for namespace in table.namespaces for event in namespace.events]


def write_junit(file: Path, outcomes: Sequence[ExampleOutcome], name: str) -> None:
    """Writes JUnit XML, as CI systems read it. Raises OSError."""
    failures = sum(not outcome.passed for outcome in outcomes)
    seconds = f"{sum(outcome.seconds for outcome in outcomes):.3f}"
    numbers = {"tests": str(len(outcomes)), "failures": str(failures), "errors": "0", "time": seconds}
    root = ET.Element("testsuites", numbers)
    suite = ET.SubElement(root, "testsuite", {"name": name, "skipped": "0", **numbers})
    for outcome in outcomes:
        case, mark = outcome.case, outcome.case.example.mark
        facts = {"classname": case.owner, "name": case.title.removeprefix(f"{case.owner}: ")}
        facts |= {"time": f"{outcome.seconds:.3f}", "file": mark.file, "line": str(mark.line)}
        made = ET.SubElement(suite, "testcase", {key: _clean(value) for key, value in facts.items()})
        if not outcome.passed:
            failure = ET.SubElement(made, "failure", {"message": _clean(outcome.faults[0])})
            failure.text = _clean("\n".join([place(mark), *failure_lines(outcome)]))
    ET.indent(root)
    ET.ElementTree(root).write(file, encoding="utf-8", xml_declaration=True)


def _clean(text: str) -> str:
    """Returns text without the characters that XML cannot contain."""
    return _CONTROL.sub("�", text)

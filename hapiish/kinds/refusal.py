"""The error that a handler kind raises for wrong options while a table is loaded."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class OptionFault:
    """One fault. `path` is its place inside the kind's options."""

    path: tuple[str | int, ...]
    message: str
    hint: str = ""


class InvalidOptions(ValueError):
    """Wrong options of a kind, with all faults."""

    def __init__(self, faults: Iterable[OptionFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(fault.message for fault in self.faults))


def unknown(subject: str, name: str, known: Iterable[str]) -> str:
    """Returns a message such as `the path has no parameter "nmae"; did you mean "name"?`."""
    close = get_close_matches(name, list(known), 1)
    return f'{subject} "{name}"' + (f'; did you mean "{close[0]}"?' if close else "")

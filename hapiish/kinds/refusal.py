"""What a kind of handler finds wrong with its options while a table is loaded, each fault at its place."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; `path` leads to it inside the kind's options."""

    path: tuple[str | int, ...]
    message: str
    hint: str = ""


class Refusal(ValueError):
    """Options that a kind cannot work with."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(fault.message for fault in self.faults))


def unknown(subject: str, name: str, known: Iterable[str]) -> str:
    """`subject "nmae" is unknown; did you mean "name"?`"""
    close = get_close_matches(name, list(known), 1)
    return f'{subject} "{name}"' + (f'; did you mean "{close[0]}"?' if close else "")

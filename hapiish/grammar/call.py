"""Parses calls of server methods, such as `users.load(params.id)`, into a name and arguments.

    call      = name "(" [argument *("," argument)] ")"
    argument  = 'text' / "text" / number / true / false / null / reference
    reference = root *("." key / "[" index "]" / "['" key "']")

The syntax of hapi 16 (lib/handler.js), extended by literals.
"""

import json
import math
import re
from dataclasses import dataclass
from typing import Any, Final

ROOTS: Final = (
    "params", "query", "payload", "headers", "state", "auth", "credentials", "pre", "app", "info", "method", "path",
    "id", "plugins", "models", "server", "request",
)  # fmt: skip
"""The roots of references: attributes of the request, `credentials` of its `auth`, and the request itself."""

_NAME: Final = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_CALL: Final = re.compile(rf"({_NAME})\s*\((.*)\)", re.DOTALL)
_KEY: Final = r"""\.[\w$-]+|\[[0-9]{1,9}\]|\["[^"]*"\]|\['[^']*'\]"""
_ARGUMENT: Final = re.compile(
    rf"""\s*(?:
        (?P<text>"(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*')
      | (?P<number>-?(?:0|[1-9][0-9]{{0,299}})(?:\.[0-9]{{1,300}})?(?:[eE][+-]?[0-9]{{1,3}})?(?![\w.]))
      | (?P<root>[A-Za-z_]\w*)(?P<keys>(?:{_KEY})*)
    )\s*(?P<end>,|$)""",
    re.VERBOSE,
)
_CONSTANTS: Final = {"true": True, "false": False, "null": None}


class CallError(ValueError):
    """A malformed call; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant argument."""

    value: Any


@dataclass(frozen=True, slots=True)
class Reference:
    """An argument that is read from the request: the value at `keys` of `root`."""

    root: str
    keys: tuple[str | int, ...]

    def __str__(self) -> str:
        return ".".join(str(part) for part in (self.root, *self.keys))


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a server method with arguments."""

    method: str
    args: tuple[Constant | Reference, ...]


def is_call(text: Any) -> bool:
    """Returns whether a handler or step is a call instead of the name of a function."""
    return isinstance(text, str) and "(" in text


def parse(text: str) -> Call:
    """Parses a call; raises CallError."""
    match = _CALL.fullmatch(text.strip())
    if match is None:
        raise CallError(f'"{text}" is not a call such as users.load(params.id)')
    return Call(match[1], tuple(_arguments(match[2])))


def _arguments(text: str) -> list[Constant | Reference]:
    found: list[Constant | Reference] = []
    at, more = 0, bool(text.strip())
    while more:
        match = _ARGUMENT.match(text, at)
        if match is None:
            raise CallError(
                f'"{text[at:].strip()}" is not an argument: write a reference such as params.id, or a literal'
            )
        found.append(_argument(match))
        at, more = match.end(), match["end"] == ","
    return found


def _argument(match: re.Match[str]) -> Constant | Reference:
    if match["text"] is not None:
        inside = match["text"][1:-1]
        return Constant(re.sub(r"\\(.)", r"\1", inside, flags=re.DOTALL))
    if match["number"] is not None:
        number = json.loads(match["number"])
        if number in (math.inf, -math.inf):
            raise CallError(f'"{match["number"]}" is too large for a number')
        return Constant(number)
    if match["root"] in _CONSTANTS and not match["keys"]:
        return Constant(_CONSTANTS[match["root"]])
    return Reference(match["root"], tuple(_key(key) for key in re.findall(_KEY, match["keys"])))


def _key(written: str) -> str | int:
    if written.startswith("."):
        return written[1:]
    inside = written[1:-1]
    return int(inside) if inside.isdecimal() else inside[1:-1]

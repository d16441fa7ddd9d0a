"""Parses unquoted scalars by the core schema of YAML 1.2, restricted to the values of JSON.

Unlike in YAML 1.1, `NO`, `on`, `22:22`, `1_000` and dates are text; numbers with leading zeros are errors, because the
two versions of YAML read them differently.
"""

import math
import re
from typing import Final

from hapiish.table.problems.codes import Code

Scalar = str | int | float | bool | None

_WORDS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMERIC: Final = frozenset("+-.0123456789")
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_BASED: Final = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_ZEROS: Final = re.compile(r"[-+]?0[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?")
_INFINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_MOST_DIGITS: Final = 300


class ScalarError(ValueError):
    """An ambiguous or unsupported scalar, with the code, message and hint of its problem."""

    def __init__(self, code: Code, message: str, hint: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


def read(text: str) -> Scalar:
    """Parses an unquoted scalar; raises ScalarError."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMERIC:
        return text
    if _INTEGER.fullmatch(text):
        return _integer(text, 10)
    if _FLOAT.fullmatch(text):
        return _float(text)
    if _BASED.fullmatch(text):
        return _integer(text, 0)
    if _ZEROS.fullmatch(text):
        octal = ", or write 0o for an octal number" if text.isdigit() and not set(text) & {"8", "9"} else ""
        raise ScalarError(
            Code.LEADING_ZERO,
            f'"{text}" has a leading zero',
            f'quote it if it is text: "{text}"; drop the zeros{octal}',
        )
    if _INFINITE.fullmatch(text):
        raise ScalarError(Code.NOT_JSON, f'"{text}" is not a number in JSON', f'quote it if it is text: "{text}"')
    return text


def _integer(text: str, base: int) -> int:
    if len(text) > _MOST_DIGITS:
        raise _too_long(text)
    return int(text, base)


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _too_long(text)
    return number


def _too_long(text: str) -> ScalarError:
    shown = text if len(text) <= 20 else f"{text[:20]}…"
    return ScalarError(Code.NOT_JSON, f'"{shown}" is too large for a number', "quote it if it is text")

"""Converts text to JSON types: `5`, `1.5`, `true` and `null` to an integer, a number, a boolean and null."""

import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import cache, partial

from hapiish.codec import MOST_DIGITS
from hapiish.types import Json

Convert = Callable[[Json], Json]

_INTEGER = re.compile(r"[+-]?([0-9]{1,4300})")
_DIGITS = re.compile(r"[+-]?([0-9]+)")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,64}(?:\.[0-9]{0,64})?|\.[0-9]{1,64})(?:[eE][+-]?[0-9]{1,3})?")
_BOOLEANS = {"true": True, "false": False}


def interpretations(text: str, types: Iterable[str], most_digits: int = MOST_DIGITS) -> Iterator[Json]:
    """Yields `text` as each of `types` that it can be converted to, in their order; as `string` it stays itself."""
    by_type = converters(most_digits)
    for name in types:
        if name == "string":
            yield text
        elif name in by_type and (new := by_type[name](text)) is not text:
            yield new


def converter(types: tuple[str, ...], most_digits: int = MOST_DIGITS) -> Convert | None:
    """Returns the converter of a text to one of `types`; None if all of them are types that stay text.

    No two of `types` accept the same text.
    """
    by_type = converters(most_digits)
    chosen = [by_type[name] for name in types if name in by_type]
    if len(chosen) < 2:
        return chosen[0] if chosen else None
    return lambda text: next((new for convert in chosen if (new := convert(text)) is not text), text)


def is_too_long(text: Json, most_digits: int) -> bool:
    """True if a text is an integer of more than `most_digits` digits, which is not converted."""
    return isinstance(text, str) and (match := _DIGITS.fullmatch(text)) is not None and len(match[1]) > most_digits


def without_fraction(value: Json) -> Json:
    """Returns a float without a fraction (`3.0`, `3e0`) as an integer, any other value as it is."""
    return int(value) if value.__class__ is float and value.is_integer() else value


def _integer(most_digits: int, text: Json) -> Json:
    if not isinstance(text, str):
        return without_fraction(text)
    if text.isdecimal() and text.isascii() and len(text) < 20:
        return int(text)
    if digits := _INTEGER.fullmatch(text):
        return int(text) if len(digits[1]) <= most_digits else text
    if _NUMBER.fullmatch(text):
        number = Decimal(text)
        if number.adjusted() < most_digits and number == number.to_integral_value():
            return int(number)
    return text


def _number(most_digits: int, text: Json) -> Json:
    if not isinstance(text, str):
        return text
    if digits := _INTEGER.fullmatch(text):
        return int(text) if len(digits[1]) <= most_digits else text
    if not _NUMBER.fullmatch(text):
        return text
    number = float(text)
    return number if abs(number) != float("inf") else text


def _boolean(text: Json) -> Json:
    return _BOOLEANS.get(text.lower(), text) if isinstance(text, str) else text


def _null(text: Json) -> Json:
    return None if text in ("", "null") else text


@cache
def converters(most_digits: int) -> dict[str, Convert]:
    """Returns the converters by type; each returns a value that it cannot convert as it is."""
    integer, number = partial(_integer, most_digits), partial(_number, most_digits)
    return {"boolean": _boolean, "integer": integer, "null": _null, "number": number}

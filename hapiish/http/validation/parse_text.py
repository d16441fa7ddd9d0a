"""Text to the JSON types that a schema asks for: `5`, `1.5`, `true` and `null` become what they look like."""

import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import cache, partial
from typing import Any, Final

from hapiish.codec import MOST_DIGITS

Convert = Callable[[Any], Any]

_INTEGER = re.compile(r"[+-]?([0-9]{1,4300})")
_DIGITS = re.compile(r"[+-]?([0-9]+)")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,64}(?:\.[0-9]{0,64})?|\.[0-9]{1,64})(?:[eE][+-]?[0-9]{1,3})?")
_BOOLEANS = {"true": True, "false": False}


def readings(text: str, types: Iterable[str], most_digits: int = MOST_DIGITS) -> Iterator[Any]:
    """What `text` may stand for as one of `types`, in their order; the text itself for `string`."""
    texts = converters(most_digits)
    for name in types:
        if name == "string":
            yield text
        elif name in texts and (new := texts[name](text)) is not text:
            yield new


def converter(types: tuple[str, ...], most_digits: int = MOST_DIGITS) -> Convert | None:
    """The converter of a text to one of `types`, of which no two read the same text; None for none of them."""
    texts = converters(most_digits)
    chosen = [texts[name] for name in types if name in texts]
    if len(chosen) < 2:
        return chosen[0] if chosen else None
    return lambda text: next((new for convert in chosen if (new := convert(text)) is not text), text)


def is_too_long(text: Any, most_digits: int) -> bool:
    """Whether a text is an integer of more than `most_digits`, which stays text."""
    return isinstance(text, str) and (found := _DIGITS.fullmatch(text)) is not None and len(found[1]) > most_digits


def whole(value: Any) -> Any:
    """A number without a fraction as an integer, whatever it was written as (`3.0`, `3e0`)."""
    return int(value) if value.__class__ is float and value.is_integer() else value


def _integer(most_digits: int, text: Any) -> Any:
    if not isinstance(text, str):
        return whole(text)
    if text.isdecimal() and text.isascii() and len(text) < 20:
        return int(text)
    if digits := _INTEGER.fullmatch(text):
        return int(text) if len(digits[1]) <= most_digits else text
    if _NUMBER.fullmatch(text):
        number = Decimal(text)
        if number.adjusted() < most_digits and number == number.to_integral_value():
            return int(number)
    return text


def _number(most_digits: int, text: Any) -> Any:
    if not isinstance(text, str):
        return text
    if digits := _INTEGER.fullmatch(text):
        return int(text) if len(digits[1]) <= most_digits else text
    if not _NUMBER.fullmatch(text):
        return text
    number = float(text)
    return number if abs(number) != float("inf") else text


def _boolean(text: Any) -> Any:
    return _BOOLEANS.get(text.lower(), text) if isinstance(text, str) else text


def _null(text: Any) -> Any:
    return None if text in ("", "null") else text


TYPES: Final = frozenset({"boolean", "integer", "null", "number"})
"""The types that text is converted to."""


@cache
def converters(most_digits: int) -> dict[str, Convert]:
    """What converts text to each of the types; what is no text of that type is returned as it is."""
    integer, number = partial(_integer, most_digits), partial(_number, most_digits)
    return {"boolean": _boolean, "integer": integer, "null": _null, "number": number}

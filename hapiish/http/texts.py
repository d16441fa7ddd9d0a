"""Text to the JSON types that a schema asks for: `5`, `1.5`, `true` and `null` become what they look like."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from hapiish.codec import MOST_DIGITS

Convert = Callable[[Any], Any]

_INTEGER = re.compile(rf"[+-]?[0-9]{{1,{MOST_DIGITS}}}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,64}(?:\.[0-9]{0,64})?|\.[0-9]{1,64})(?:[eE][+-]?[0-9]{1,3})?")
_BOOLEANS = {"true": True, "false": False}
_LARGEST_EXACT = 2.0**53


def readings(text: str, types: Iterable[str]) -> Iterator[Any]:
    """What `text` may stand for as one of `types`, in their order; the text itself for `string`."""
    for name in types:
        if name == "string":
            yield text
        elif name in TEXTS and (new := TEXTS[name](text)) is not text:
            yield new


def converter(types: tuple[str, ...]) -> Convert | None:
    """The converter of a text to one of `types`, of which no two read the same text; None for none of them."""
    chosen = [TEXTS[name] for name in types if name in TEXTS]
    if len(chosen) < 2:
        return chosen[0] if chosen else None
    return lambda text: next((new for convert in chosen if (new := convert(text)) is not text), text)


def _integer(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    if (text.isdecimal() and text.isascii() and len(text) < 20) or _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text) and (number := float(text)).is_integer() and abs(number) <= _LARGEST_EXACT:
        return int(number)
    return text


def _number(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if not _NUMBER.fullmatch(text):
        return text
    number = float(text)
    return number if abs(number) != float("inf") else text


def _boolean(text: Any) -> Any:
    return _BOOLEANS.get(text.lower(), text) if isinstance(text, str) else text


def _null(text: Any) -> Any:
    return None if text in ("", "null") else text


TEXTS: Final[dict[str, Convert]] = {"boolean": _boolean, "integer": _integer, "null": _null, "number": _number}
"""The types that text is converted to. Each returns what is given where it is no text, or no text of that type."""

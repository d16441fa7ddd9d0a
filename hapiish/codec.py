"""JSON encoding and decoding for HTTP bodies and Socket.IO packets.

Text is UTF-8. Integers of any size are exact. Dates are RFC 3339 in UTC with milliseconds, durations ISO 8601. Ids,
decimals and keys are text. Bytes are refused. Half a surrogate pair, which UTF-8 cannot encode, becomes U+FFFD in both
directions, as in browsers (WHATWG Encoding, Web IDL USVString). BSON and MongoEngine values are recognized by their
shape, without importing these packages.
"""

import asyncio
import dataclasses
import json
import math
import re
import sys
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Any, Final, NoReturn

import orjson

DEEPEST: Final = 128
"""Maximum nesting of arrays and objects that is decoded. Nearly twice as many levels can be encoded, so that a response
can wrap received data.
"""

MOST_DIGITS: Final = 1000
"""Default maximum number of digits of a decoded integer (`server.json.maxDigits`)."""

_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME
_TEXT = frozenset({"ObjectId", "Decimal128"})  # class names of bson
_WRITTEN_DEEPEST: Final = 254  # orjson's own limit
_TOO_DEEP: Final = f"JSON is nested more than {DEEPEST} levels deep"

# orjson decodes an integer over 64 bits, which has 19 digits or more, as a float. Translating all digits to "0" finds
# such runs quickly.
_RUNS: Final = bytes(ord("0") if chr(byte).isdecimal() and byte < 128 else ord(" ") for byte in range(256))
_RUN: Final = b"0" * 19
_ESCAPES: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}(\\u[dD][c-fC-F][0-9a-fA-F]{2})?|u[dD][c-fC-F][0-9a-fA-F]{2}|.)", re.DOTALL
)
_LONG_NUMBER: Final = re.compile(rb'(?<![0-9".])[0-9]{19}')


class BoundsError(ValueError):
    """Raised for well-formed JSON that exceeds a limit; the message names the limit."""


class UnevaluatedError(TypeError):
    """Raised for a QuerySet on the event loop, where encoding would block; call `to_json_types` in a thread first."""


def encode(value: Any) -> bytes:
    """Encodes `value` as JSON; NaN and infinity become null.

    Raises TypeError for a value that JSON cannot represent, with its location (`cannot send bytes at /items/0/data`),
    and UnevaluatedError for a QuerySet on the event loop.
    """
    try:
        return orjson.dumps(value, _plain, _OPTIONS)
    except TypeError as error:
        if isinstance(error.__cause__, UnevaluatedError):
            raise error.__cause__ from None
    # The slow path: integers over 64 bits, keys that are not text, half a surrogate pair, or the reason of the failure.
    return json.dumps(to_json_types(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def decode(text: bytes | str, most_digits: int = MOST_DIGITS) -> Any:
    """Decodes a JSON text, with exact integers.

    Raises ValueError for invalid JSON: NaN, numbers beyond a double, nesting beyond 1,024, invalid UTF-8. Raises
    BoundsError for more than `DEEPEST` levels, or more than `most_digits` digits in an integer.
    """
    try:
        data = text.encode() if isinstance(text, str) else text
        value = _read(data, most_digits)
    except ValueError as error:
        if "surrogate" not in str(error):
            raise
        written = text if isinstance(text, str) else text.decode()
        data = whole(_ESCAPES.sub(_paired, written)).encode()
        value = _read(data, most_digits)
    if len(data) > 2 * DEEPEST and data.count(b"[") + data.count(b"{") > DEEPEST and _is_deep(value):
        raise BoundsError(_TOO_DEEP)
    return value


def round_trip(value: Any) -> Any:
    """Encodes and decodes `value`: returns the value that a client receives. Raises the errors of `encode`."""
    return decode_trusted(encode(value))


def decode_trusted(text: bytes) -> Any:
    """Decodes a text that `encode` has written, without limits."""
    return _exactly(text, sys.maxsize) if _RUN in text.translate(_RUNS) else orjson.loads(text)


def to_json_types(value: Any) -> Any:
    """Returns a copy of `value` in JSON types, a QuerySet as a list of its documents; TypeError has the location."""
    return _copied(value, (), 0)


def to_base64url(data: bytes) -> str:
    """Encodes with the URL-safe alphabet, without padding (RFC 7515 §2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """Decodes what `to_base64url` returns; raises ValueError for another length, or text outside of ASCII."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _read(data: bytes, most_digits: int) -> Any:
    # `find` takes half the time of `in`, which first tests for an integer operand.
    if data.translate(_RUNS).find(_RUN) < 0 or _LONG_NUMBER.search(data) is None:
        return orjson.loads(data)
    return _exactly(data, most_digits)


def whole(text: str) -> str:
    """Joins the halves of surrogate pairs and replaces lone halves by U+FFFD, so that UTF-8 can encode the text."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _paired(escape: re.Match[str]) -> str:
    return escape[0] if escape[1] or escape[0][1] != "u" or len(escape[0]) == 2 else "\\ufffd"


def _exactly(data: bytes, most_digits: int) -> Any:
    """Decodes with Python's slower parser, as strictly as orjson."""
    read = partial(_integer, most_digits)
    try:
        value = json.loads(data.decode(), parse_int=read, parse_float=_float, parse_constant=_constant)
    except RecursionError:
        raise BoundsError(_TOO_DEEP) from None
    if b"\\u" in data:
        json.dumps(value, ensure_ascii=False).encode()  # raises for half a surrogate pair
    return value


def _integer(most_digits: int, digits: str) -> int:
    if len(digits) - digits.startswith("-") > most_digits:
        raise BoundsError(f"an integer of JSON has more than {most_digits} digits")
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number is infinity when parsed as double")
    return number


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _is_deep(value: Any) -> bool:
    """Returns True if a value has more than `DEEPEST` levels; wraps it so that it then exceeds orjson's limit."""
    around = value
    for _ in range(_WRITTEN_DEEPEST - DEEPEST):
        around = [around]
    try:
        orjson.dumps(around, str)
    except TypeError as error:
        return "64-bit" not in str(error) or _depth_exceeds(value)
    return False


def _depth_exceeds(value: Any) -> bool:
    """The result of `_is_deep` without orjson, which refuses integers over 64 bits."""
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return bool(level)


def _plain(value: Any) -> Any:
    """Converts a value that orjson does not support."""
    known = _PLAIN.get(type(value))
    if known is not None:
        return known(value)
    if type(value).__name__ in _TEXT:
        return str(value)
    if hasattr(value, "to_mongo"):
        return value.to_mongo().to_dict()
    if is_queryset(value):
        return _documents(value)
    for kind, convert in _PLAIN.items():
        if isinstance(value, kind):
            return convert(value)
    raise TypeError(f"a value of type {type(value).__name__} cannot be sent as JSON")


def is_queryset(value: Any) -> bool:
    """Returns True for a QuerySet of MongoEngine, which queries the database during iteration."""
    kind = type(value)
    return hasattr(kind, "as_pymongo") and hasattr(kind, "__iter__")


def _documents(queryset: Any) -> list[Any]:
    try:
        asyncio.get_running_loop()
    except RuntimeError:  # a thread of the pool may block
        return list(queryset)
    raise UnevaluatedError("a QuerySet is a blocking query; make a list of it in a def function")


def _instant(value: datetime) -> str:
    if value.tzinfo is None:
        return value.isoformat(timespec="milliseconds") + "Z"
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _duration(value: timedelta) -> str:
    """Formats an ISO 8601 duration: `P1DT2H`, `PT0.5S`; a negative one starts with its sign (ISO 8601-2)."""
    sign, value = ("-", -value) if value < timedelta() else ("", value)
    minutes, seconds = divmod(value.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{value.microseconds:06}".rstrip("0") if value.microseconds else ""
    days = f"{value.days}D" if value.days else ""
    parts = [f"{hours}H" if hours else "", f"{minutes}M" if minutes else ""]
    parts.append(f"{seconds}{fraction}S" if seconds or fraction else "")
    within = "".join(parts)
    if not days and not within:
        return "PT0S"
    return f"{sign}P{days}T{within}" if within else f"{sign}P{days}"


_PLAIN: dict[type, Callable[[Any], Any]] = {
    datetime: _instant,
    date: date.isoformat,
    time: time.isoformat,
    timedelta: _duration,
    Decimal: str,
    set: list,
    frozenset: list,
}


# The slow path converts value by value.

Place = tuple[object, ...]


def _copied(value: Any, place: Place, depth: int) -> Any:
    if depth > _WRITTEN_DEEPEST:
        raise _refusal(f"more than {_WRITTEN_DEEPEST} levels of JSON", (*place[:3], "…"))
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, Enum):
        return _copied(value.value, place, depth)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {_key(key, place): _copied(item, (*place, key), depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_copied(item, (*place, index), depth + 1) for index, item in enumerate(value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [each.name for each in dataclasses.fields(value) if not each.name.startswith("_")]
        return {name: _copied(getattr(value, name), (*place, name), depth + 1) for name in names}
    return _other(value, place, depth)


def _other(value: Any, place: Place, depth: int) -> Any:
    """Converts a value that has no JSON type."""
    try:
        made = _plain(value)
    except UnevaluatedError:
        raise
    except TypeError:
        return _native(value, place)
    return _copied(made, place, depth + (0 if isinstance(made, str) else 1))


def _native(value: Any, place: Place) -> Any:
    """Converts a value that only orjson supports, such as a UUID."""
    try:
        return orjson.loads(orjson.dumps(value, None, _OPTIONS))
    except TypeError:
        raise _refusal(type(value).__name__, place) from None


def _key(key: Any, place: Place) -> str:
    if isinstance(key, str):
        return whole(key)
    try:
        plain = _copied(key, (), 0)
    except TypeError:
        plain = []
    if isinstance(plain, dict | list):
        raise _refusal(f"{type(key).__name__} as a key", place)
    return plain if isinstance(plain, str) else json.dumps(plain)


def _refusal(what: str, place: Place) -> TypeError:
    pointer = "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in place)
    return TypeError(f"cannot send {what} {f'at {pointer}' if pointer else 'as JSON'}")

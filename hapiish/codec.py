"""JSON with one fixed meaning for everything that leaves and enters: HTTP bodies and Socket.IO packets alike.

UTF-8; integers exact, whatever their size; dates as RFC 3339 in UTC with milliseconds, durations as ISO 8601; ids and
decimals as text; keys as text; bytes refused. Half a surrogate pair, which UTF-8 cannot say, is U+FFFD in both
directions, as it is for browsers (WHATWG Encoding, Web IDL USVString). Knows the shapes of BSON and MongoEngine values
without importing either.
"""

import asyncio
import dataclasses
import json
import math
import re
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Any, Final, NoReturn

import orjson

DEEPEST: Final = 128
"""So many levels of arrays and objects are read; twice as many, nearly, can be written, so that what came in can go out
inside of something else.
"""

MOST_DIGITS: Final = 1000
"""So many digits an integer may have that is read, unless the table says otherwise (`server.json.maxDigits`)."""

_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME
_TEXT = frozenset({"ObjectId", "Decimal128"})  # of bson, by name
_WRITTEN_DEEPEST: Final = 254  # orjson's own limit
_TOO_DEEP: Final = f"JSON is nested more than {DEEPEST} levels deep"

# orjson reads an integer of over 64 bits, which takes 19 digits, as a float. To know of such a run costs a copy of the
# text in which all digits are the same.
_RUNS: Final = bytes(ord("0") if chr(byte).isdecimal() and byte < 128 else ord(" ") for byte in range(256))
_RUN: Final = b"0" * 19
_ESCAPES: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}(\\u[dD][c-fC-F][0-9a-fA-F]{2})?|u[dD][c-fC-F][0-9a-fA-F]{2}|.)", re.DOTALL
)
_LONG_NUMBER: Final = re.compile(rb'(?<![0-9".])[0-9]{19}')


class BoundsError(ValueError):
    """Well-formed JSON that exceeds a limit; the message says which one."""


class UnevaluatedError(TypeError):
    """A value that would ask the database while it is written, on the event loop; `evaluated` is for the thread."""


def encode(value: Any) -> bytes:
    """`value` as JSON; NaN and infinity become null.

    Raises TypeError for what JSON cannot say, which names the place (`cannot send bytes at /items/0/data`), and
    UnevaluatedError for a QuerySet on the event loop.
    """
    try:
        return orjson.dumps(value, _plain, _OPTIONS)
    except TypeError as error:
        if isinstance(error.__cause__, UnevaluatedError):
            raise error.__cause__ from None
    # The long way: integers over 64 bits, keys that are not text, half a surrogate pair, or why it cannot be sent.
    return json.dumps(evaluated(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def decode(text: bytes | str, most_digits: int = MOST_DIGITS) -> Any:
    """The value of a JSON text, integers exact.

    Raises ValueError for anything else: NaN, numbers past a double, nesting past 1,024, invalid UTF-8; BoundsError for
    more than `DEEPEST` levels or `most_digits` digits in an integer.
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


def plain(value: Any) -> Any:
    """`value` as whoever receives it will read it. Raises what `encode` raises."""
    return reread(encode(value))


def reread(text: bytes) -> Any:
    """The value of a text that `encode` has written, which is not bounded again."""
    return _exactly(text, sys.maxsize) if _RUN in text.translate(_RUNS) else orjson.loads(text)


def evaluated(value: Any) -> Any:
    """A copy of `value` in the types of JSON, a QuerySet as its documents; TypeError names the place."""
    return _copied(value, (), 0)


def _read(data: bytes, most_digits: int) -> Any:
    # `find` takes half the time of `in`, which asks first whether it is given a number.
    if data.translate(_RUNS).find(_RUN) < 0 or _LONG_NUMBER.search(data) is None:
        return orjson.loads(data)
    return _exactly(data, most_digits)


def whole(text: str) -> str:
    """`text` as UTF-8 can say it: two halves of a surrogate pair are one character, a lone half is U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _paired(escape: re.Match[str]) -> str:
    return escape[0] if escape[1] or escape[0][1] != "u" or len(escape[0]) == 2 else "\\ufffd"


def _exactly(data: bytes, most_digits: int) -> Any:
    """What Python's slower parser reads, as strict as orjson."""
    read = partial(_integer, most_digits)
    try:
        value = json.loads(data.decode(), parse_int=read, parse_float=_float, parse_constant=_constant)
    except RecursionError:
        raise BoundsError(_TOO_DEEP) from None
    if b"\\u" in data:
        json.dumps(value, ensure_ascii=False).encode()  # which half of a surrogate pair fails
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
    """Whether a value of JSON has more than `DEEPEST` levels: with the rest of them around it, orjson refuses it."""
    around = value
    for _ in range(_WRITTEN_DEEPEST - DEEPEST):
        around = [around]
    try:
        orjson.dumps(around, str)
    except TypeError as error:
        return "64-bit" not in str(error) or _depth_exceeds(value)
    return False


def _depth_exceeds(value: Any) -> bool:
    """The same without orjson, which refuses integers of over 64 bits."""
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
    """What orjson should write for a value that it does not know."""
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
    """Whether a value is a query of MongoEngine, which asks the database when it is iterated over."""
    kind = type(value)
    return hasattr(kind, "as_pymongo") and hasattr(kind, "__iter__")


def _documents(queryset: Any) -> list[Any]:
    try:
        asyncio.get_running_loop()
    except RuntimeError:  # a thread of the pool, which may wait
        return list(queryset)
    raise UnevaluatedError("a QuerySet is a blocking query; make a list of it in a def function")


def _instant(value: datetime) -> str:
    if value.tzinfo is None:
        return value.isoformat(timespec="milliseconds") + "Z"
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _duration(value: timedelta) -> str:
    """ISO 8601: `P1DT2H`, `PT0.5S`; a negative one has its sign in front (ISO 8601-2)."""
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


# The long way, a value at a time.

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
    """What JSON says of a value that is of none of its own types."""
    try:
        made = _plain(value)
    except UnevaluatedError:
        raise
    except TypeError:
        return _native(value, place)
    return _copied(made, place, depth + (0 if isinstance(made, str) else 1))


def _native(value: Any, place: Place) -> Any:
    """What only orjson knows, such as a UUID."""
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

"""JSON with one fixed meaning for everything that leaves and enters: HTTP bodies and Socket.IO packets alike.

UTF-8; dates as RFC 3339 in UTC with milliseconds; ids and decimals as text; keys as text; bytes refused. Half a
surrogate pair, which UTF-8 cannot say, is U+FFFD in both directions, as it is for browsers (WHATWG Encoding, Web IDL
USVString). Knows the shapes of BSON and MongoEngine values without importing either.
"""

import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any

import orjson

_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME
_TEXT = frozenset({"ObjectId", "Decimal128"})  # of bson, by name
_ESCAPES = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}(\\u[dD][c-fC-F][0-9a-fA-F]{2})?|u[dD][c-fC-F][0-9a-fA-F]{2}|.)", re.DOTALL
)


def encode(value: Any) -> bytes:
    """`value` as JSON. Raises TypeError for what JSON cannot say (bytes, integers over 64 bits); NaN becomes null."""
    try:
        return orjson.dumps(value, _plain, _OPTIONS)
    except TypeError as error:
        if not str(error).startswith(("Dict key", "str is not valid")):
            raise
    return orjson.dumps(_spelt(value), _plain, _OPTIONS)


def decode(text: bytes | str) -> Any:
    """The value of a JSON text. Raises ValueError for anything else: NaN, nesting over 1,024, invalid UTF-8."""
    try:
        return orjson.loads(text)
    except ValueError as error:
        if "surrogate" not in str(error):
            raise
    if not isinstance(text, str):
        text = text.decode()
    return orjson.loads(whole(_ESCAPES.sub(_paired, text)))


def whole(text: str) -> str:
    """`text` as UTF-8 can say it: two halves of a surrogate pair are one character, a lone half is U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _paired(escape: re.Match[str]) -> str:
    return escape[0] if escape[1] or escape[0][1] != "u" or len(escape[0]) == 2 else "\\ufffd"


def _plain(value: Any) -> Any:
    """What orjson should write for a value that it does not know."""
    known = _PLAIN.get(type(value))
    if known is not None:
        return known(value)
    if type(value).__name__ in _TEXT:
        return str(value)
    if hasattr(value, "to_mongo"):
        return value.to_mongo().to_dict()
    for kind, convert in _PLAIN.items():
        if isinstance(value, kind):
            return convert(value)
    raise TypeError(f"a value of type {type(value).__name__} cannot be sent as JSON")


def _instant(value: datetime) -> str:
    if value.tzinfo is None:
        return value.isoformat(timespec="milliseconds") + "Z"
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


_PLAIN: dict[type, Callable[[Any], Any]] = {
    datetime: _instant,
    date: date.isoformat,
    time: time.isoformat,
    Decimal: str,
    set: list,
    frozenset: list,
}


def _spelt(value: Any) -> Any:
    """A copy of `value` whose keys are text and whose texts are whole, for the rare value that has others."""
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, dict):
        return {_key(key): _spelt(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_spelt(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _spelt(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return _spelt(value.value)
    return _spelt(value.to_mongo().to_dict()) if hasattr(value, "to_mongo") else value


def _key(key: Any) -> str:
    if isinstance(key, str):
        return whole(key)
    text = encode(key)
    if text[:1] in b"[{":
        raise TypeError(f"a value of type {type(key).__name__} cannot be a key of JSON")
    return str(decode(text)) if text[:1] == b'"' else text.decode()

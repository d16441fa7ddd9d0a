"""JSON with one fixed meaning for everything that leaves and enters: HTTP bodies and Socket.IO packets alike.

UTF-8; dates as RFC 3339 in UTC with milliseconds; ids and decimals as text; keys as text; bytes refused. Knows the
shapes of BSON and MongoEngine values without importing either.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import orjson

_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME
_TEXT = frozenset({"ObjectId", "Decimal128"})  # of bson, by name


def encode(value: Any) -> bytes:
    """`value` as JSON. Raises TypeError for what JSON cannot say (bytes, integers over 64 bits); NaN becomes null."""
    try:
        return orjson.dumps(value, _plain, _OPTIONS)
    except TypeError as error:
        if not str(error).startswith("Dict key"):
            raise
    return orjson.dumps(_with_text_keys(value), _plain, _OPTIONS)


def decode(text: bytes | str) -> Any:
    """The value of a JSON text. Raises ValueError for anything else: NaN, lone surrogates, nesting over 1,024."""
    return orjson.loads(text)


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


def _with_text_keys(value: Any) -> Any:
    """A copy of `value` whose keys are text, for the rare value that has others."""
    if isinstance(value, dict):
        return {_key(key): _with_text_keys(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_with_text_keys(item) for item in value]
    return _with_text_keys(value.to_mongo().to_dict()) if hasattr(value, "to_mongo") else value


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    text = encode(key)
    if text[:1] in b"[{":
        raise TypeError(f"a value of type {type(key).__name__} cannot be a key of JSON")
    return str(decode(text)) if text[:1] == b'"' else text.decode()

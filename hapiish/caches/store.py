"""The protocol of a cache store, and the serialisation of values."""

from dataclasses import dataclass
from typing import Protocol

import orjson

from hapiish import boom, codec
from hapiish.types import Value

RETRY_AFTER = "1"  # seconds

# Dates, dataclasses and subclasses do not survive serialisation, so only plain data is allowed.
_STRICT = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored value. `stored` is in milliseconds since the epoch, `ttl` in milliseconds from then."""

    value: Value
    """The value."""
    stored: int
    """The time at which it was stored."""
    ttl: int
    """Its lifetime."""


class Store(Protocol):
    """Stores values by segment and id. Every method may raise; the policy handles errors.

    A store is created before an event loop runs and is used between `start` and `stop`, possibly repeatedly.
    """

    @property
    def is_ready(self) -> bool:
        """True if the store accepts calls."""

    async def start(self) -> None:
        """Opens connections, which must not be open during a fork.

        Raises UnavailableError if its server is unavailable; the store is started nevertheless.
        """

    async def stop(self) -> None:
        """Closes the connections."""

    async def get(self, segment: str, id: str) -> Entry | None:
        """Returns the entry, None if missing. May return an expired entry."""

    async def set(self, segment: str, id: str, value: Value, ttl: int) -> None:
        """Stores `value` for `ttl` milliseconds and replaces an existing entry."""

    async def drop(self, segment: str, id: str) -> None:
        """Removes a value, if present."""


class UnavailableError(boom.ServerUnavailable):
    """The retryable 503 of an unavailable store. `is_away` if its server does not answer."""

    def __init__(self, message: str = "The cache is not available; try again", *, is_away: bool = False) -> None:
        super().__init__(message, code="unavailable", data={"retryable": True}, headers={"retry-after": RETRY_AFTER})
        self.is_away = is_away


def is_away(error: Exception) -> bool:
    """Returns True if the store's server did not answer; False if it answered with an error."""
    return error.is_away if isinstance(error, UnavailableError) else isinstance(error, ConnectionError | TimeoutError)


def pack(value: Value) -> bytes:
    """Serialises plain data as JSON (a tuple as a list). Raises TypeError for any other value.

    A date that is silently converted to text would make a cached result differ from the first one.
    """
    try:
        return orjson.dumps(value, None, _STRICT)
    except TypeError as error:
        if "64-bit" in str(error) and _is_plain(value):
            return codec.encode(value)
        raise TypeError(f"a cache keeps plain data only: {error}") from error


def unpack(text: bytes) -> Value:
    """Deserialises the output of `pack`."""
    return codec.decode_trusted(text)


def _is_plain(value: Value) -> bool:
    if type(value) is dict:
        return all(type(key) is str and _is_plain(item) for key, item in value.items())
    if type(value) in (list, tuple):
        return all(map(_is_plain, value))
    return value is None or type(value) in (bool, float, int, str)

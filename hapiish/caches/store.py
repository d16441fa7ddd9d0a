"""What a cache keeps its values in: the shape of a store, and how a value becomes bytes and is the same afterwards."""

from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from hapiish import boom, codec

RETRY_AFTER = "1"  # seconds

# Dates, dataclasses and subclasses would come back as something else; without them only plain data is left.
_STRICT = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS


@dataclass(frozen=True, slots=True)
class Entry:
    """A kept value; `stored` in milliseconds since the epoch, `ttl` in milliseconds from then."""

    value: Any
    stored: int
    ttl: int


class Store(Protocol):
    """Keeps values by segment and id; every method may raise, and what a policy does then is the policy's to say.

    A store is made before an event loop runs and is used between `start` and `stop`, perhaps several times.
    """

    @property
    def is_ready(self) -> bool:
        """Whether it takes calls."""

    async def start(self) -> None:
        """Opens what must not be opened before a fork.

        Raises UnavailableError when its server is away; it is started all the same.
        """

    async def stop(self) -> None:
        """Closes it."""

    async def get(self, segment: str, id: str) -> Entry | None:
        """The entry, None when there is none; one that has expired may still be there."""

    async def set(self, segment: str, id: str, value: Any, ttl: int) -> None:
        """Keeps `value` for `ttl` milliseconds, in place of what was there."""

    async def drop(self, segment: str, id: str) -> None:
        """Forgets a value, if it is there."""


class UnavailableError(boom.ServerUnavailable):
    """The 503 of a store that cannot answer now; it may be tried again. `is_away`: its server does not answer."""

    def __init__(self, message: str = "The cache is not available; try again", *, is_away: bool = False) -> None:
        super().__init__(message, code="unavailable", data={"retryable": True}, headers={"retry-after": RETRY_AFTER})
        self.is_away = is_away


def is_away(error: Exception) -> bool:
    """Whether `error` means that nobody has answered, and not that somebody has refused."""
    away = isinstance(error, ConnectionError | TimeoutError)
    return error.is_away if isinstance(error, UnavailableError) else away


def pack(value: Any) -> bytes:
    """`value` as JSON that gives the same value back (a tuple as a list). Raises TypeError for anything else.

    Quietly turning a date into text would make the second answer differ from the first.
    """
    try:
        return orjson.dumps(value, None, _STRICT)
    except TypeError as error:
        if "64-bit" in str(error) and _is_plain(value):
            return codec.encode(value)
        raise TypeError(f"a cache keeps plain data only: {error}") from error


def unpack(text: bytes) -> Any:
    """The value of `pack`."""
    return codec.decode_trusted(text)


def _is_plain(value: Any) -> bool:
    if type(value) is dict:
        return all(type(key) is str and _is_plain(item) for key, item in value.items())
    if type(value) in (list, tuple):
        return all(map(_is_plain, value))
    return value is None or type(value) in (bool, float, int, str)

"""The bytes of a request's body: read from ASGI within a size and a time, with the content coding undone.

Knows nothing of media types or routes. A body that is already there costs no timer.
"""

import asyncio
import zlib
from collections.abc import Generator
from typing import Any

from hapiish import boom
from hapiish.types import Message, Receive

GZIP, DEFLATE = 31, 15
"""zlib's names of the formats: RFC 1952 and RFC 1950."""

_CODINGS = {b"gzip": GZIP, b"x-gzip": GZIP, b"deflate": DEFLATE, b"identity": None, b"": None}
_CHUNK = 4096


class Disconnected(boom.BadRequest):
    """The client left before its body was complete: nobody will read the answer."""


def too_large(limit: int) -> boom.Boom:
    """413 in hapi's words; the connection closes, because the rest of the body is not read."""
    message = f"Payload content length greater than maximum allowed: {limit}"
    return boom.EntityTooLarge(message, headers={"connection": "close"})


def begin(receive: Receive, limit: int) -> "bytes | Begun":
    """The whole body if it is there already, else what `complete` goes on with. Raises 413 over `limit` bytes."""
    steps = receive().__await__()
    try:
        return Waiting(steps, next(steps))
    except StopIteration as done:
        message: Message = done.value
    if message.get("more_body", False) or message["type"] != "http.request":
        return message
    body: bytes = message.get("body", b"")
    if len(body) > limit:
        raise too_large(limit)
    return body


async def complete(begun: "Begun", receive: Receive, limit: int, seconds: float | None) -> bytes:
    """The whole body: 413 as soon as it outgrows `limit` bytes, 408 when it is not there after `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            message = await begun if isinstance(begun, Waiting) else begun
            return await _collect(message, receive, limit)
    except TimeoutError:
        raise boom.ClientTimeout(headers={"connection": "close"}) from None


async def _collect(message: Message, receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        if message["type"] != "http.request":
            raise Disconnected("Client connection aborted")
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise too_large(limit)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)
        message = await receive()


class Waiting:
    """A call of `receive` that has begun and has to wait: awaiting this goes on from there.

    Only by beginning the call can one learn whether it will wait, and only then is a timer worth its price.
    """

    __slots__ = ("_steps", "_until")

    def __init__(self, steps: Generator[Any, Any, Message], until: Any) -> None:
        self._steps = steps
        self._until = until

    def __await__(self) -> Generator[Any, Any, Message]:
        while True:
            try:
                try:
                    yield self._until
                except BaseException as error:  # noqa: BLE001 - a cancellation too goes to where receive waits
                    self._until = self._steps.throw(error)
                else:
                    self._until = next(self._steps)
            except StopIteration as done:
                return done.value  # type: ignore[no-any-return]


Begun = Waiting | Message
"""A receive that waits, or the first message of a body that comes in several."""


def coding(header: bytes) -> int | None:
    """The format that a Content-Encoding header names, None for none; 415 for other codings (RFC 9110 §8.4)."""
    try:
        return _CODINGS[header.strip().lower()]
    except KeyError:
        raise boom.UnsupportedMediaType(headers={"accept-encoding": "gzip, deflate"}) from None


def inflate(body: bytes, form: int, limit: int) -> bytes:
    """`body` without its coding. Raises 413 as soon as it outgrows `limit` bytes, 400 when it is not of that form."""
    try:
        return _inflated(body, form, limit) if body else body
    except zlib.error:
        raise boom.BadRequest("Invalid compressed payload") from None


def _inflated(body: bytes, form: int, limit: int) -> bytes:
    """Inflates piece by piece, so that neither a bomb nor thousands of gzip members cost more than the limit."""
    parts: list[bytes] = []
    stream = zlib.decompressobj(form)
    left, at = limit, 0
    while at < len(body):
        if stream.eof:
            if form != GZIP:
                raise zlib.error("data after the end")
            stream = zlib.decompressobj(form)
        chunk = body[at : at + _CHUNK]
        part = stream.decompress(chunk, left + 1)
        parts.append(part)
        left -= len(part)
        if left < 0:
            raise too_large(limit)
        at += len(chunk) - len(stream.unused_data)
    if not stream.eof:
        raise zlib.error("the end is missing")
    return b"".join(parts)

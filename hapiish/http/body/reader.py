"""The bytes of a request's body: read from ASGI within a size and a time, whole or as they arrive.

Knows nothing of media types or routes. A body that is already there costs no timer.
"""

import asyncio
from collections.abc import AsyncIterator, Generator
from typing import Any

from hapiish import boom
from hapiish.bridge import anywhere
from hapiish.http.content.decompression import Bounded, too_large
from hapiish.types import Message, Receive


class RequestAborted(boom.BadRequest):
    """The client left before its body was complete: nobody will read the answer."""


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
            raise RequestAborted("Client connection aborted")
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


class Arriving:
    """The pieces of a body as they arrive, none received before it is asked for; coded ones are undone.

    Raises 413 as soon as the body outgrows `limit` bytes, before or after decoding, and RequestAborted when the client
    leaves before its end.
    """

    __slots__ = ("_decoder", "_left", "_limit", "over", "receive")

    def __init__(self, receive: Receive, limit: int, decoder: Bounded | None = None) -> None:
        self.receive = receive
        self.over = asyncio.Event()
        self._limit = self._left = limit
        self._decoder = decoder

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while not self.over.is_set():
            message = await self.receive()
            if message["type"] != "http.request":
                self.over.set()
                raise RequestAborted("Client connection aborted")
            piece: bytes = message.get("body", b"")
            self._left -= len(piece)
            if self._left < 0:
                raise too_large(self._limit)
            if not message.get("more_body", False):
                self.over.set()
            if self._decoder is not None:
                piece = self._decoder.feed(piece)
                if self.over.is_set():
                    self._decoder.finish()
            if piece:
                return piece
        raise StopAsyncIteration


class BodyStream:
    """`request.payload` under `output: stream`: the body as it arrives, to be gone through once.

    The client sends no faster than this is read. Reading raises the 413 of a body over `payload.maxBytes`.
    """

    __slots__ = ("_left", "_pieces")

    def __init__(self, pieces: Arriving) -> None:
        self._pieces = pieces
        self._left = b""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._left:
            piece, self._left = self._left, b""
            return piece
        return await anext(self._pieces)

    async def afterwards(self) -> Message:
        """The message after the body, the client's leaving: until the body is read, messages are for its reader."""
        await self._pieces.over.wait()
        return await self._pieces.receive()

    @anywhere
    async def read(self, size: int = -1) -> bytes:
        """The next `size` bytes, fewer at the end, b"" after it; all that is left when `size` is negative."""
        parts: list[bytes] = []
        missing = size
        while missing:
            piece = await anext(self, None)
            if piece is None:
                break
            if 0 <= missing < len(piece):
                piece, self._left = piece[:missing], piece[missing:]
            parts.append(piece)
            missing -= len(piece) if missing > 0 else 0
        return b"".join(parts)

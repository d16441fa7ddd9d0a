"""Reads the bytes of a request's body from ASGI within a size and a time, whole or in pieces.

Media types and routes are handled elsewhere. A body that has arrived needs no timer.
"""

import asyncio
from collections.abc import AsyncIterator, Generator
from typing import Any

from hapiish import boom
from hapiish.bridge import anywhere
from hapiish.http.content.decompression import Bounded, too_large
from hapiish.types import Message, Receive


class RequestAborted(boom.BadRequest):
    """The client left before its body was complete; the response has no reader."""


def begin(receive: Receive, limit: int) -> "bytes | PartialBody":
    """The whole body if it has arrived, else the argument of `complete`. Raises 413 over `limit` bytes."""
    steps = receive().__await__()
    try:
        return PendingReceive(steps, next(steps))
    except StopIteration as done:
        message: Message = done.value
    if message.get("more_body", False) or message["type"] != "http.request":
        return message
    body: bytes = message.get("body", b"")
    if len(body) > limit:
        raise too_large(limit)
    return body


async def complete(begun: "PartialBody", receive: Receive, limit: int, seconds: float | None) -> bytes:
    """The whole body; raises 413 over `limit` bytes and 408 after `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            message = await begun if isinstance(begun, PendingReceive) else begun
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


class PendingReceive:
    """A started call of `receive` that is pending; awaiting it continues the call.

    Only a started call shows whether it blocks, and only then does a timer pay.
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


PartialBody = PendingReceive | Message
"""A pending receive, or the first message of a body in several messages."""


class BodyPieces:
    """Iterates over the decoded pieces of a body, received on demand.

    Raises 413 over `limit` bytes, before or after decoding, and RequestAborted when the client leaves early.
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
    """`request.payload` under `output: stream`: the body as it arrives, readable once.

    Reading applies backpressure to the client. Raises 413 for a body over `payload.maxBytes`.
    """

    __slots__ = ("_left", "_pieces")

    def __init__(self, pieces: BodyPieces) -> None:
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
        """Waits until the body is read, then returns the next message: the disconnect."""
        await self._pieces.over.wait()
        return await self._pieces.receive()

    @anywhere
    async def read(self, size: int = -1) -> bytes:
        """The next `size` bytes, fewer at the end, b"" after it; the remaining body if `size` is negative."""
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

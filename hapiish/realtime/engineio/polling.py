"""Long polling (Engine.IO 4, "HTTP long-polling"): messages for the next poll, bodies of requests and responses.

A client that disconnects during a poll is noticed at once; one that is between two polls is not disconnected.
"""

import asyncio
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from hapiish.realtime.engineio.errors import MalformedError
from hapiish.realtime.engineio.outbox import size
from hapiish.types import Message, Receive

SEPARATOR = "\x1e"
NOOP: Message = {"type": "websocket.send", "text": "6"}
CLOSE: Message = {"type": "websocket.send", "text": "1"}

POSTED: Message = {"type": "posted"}

LAST_POLL = 1.0
"""Seconds in which a client can poll for messages that were sent before the end."""


class Polling:
    """Messages for the next poll; calls `fail("slow")` when over `max_count` messages or `max_bytes` are buffered."""

    __slots__ = ("_bytes", "_fail", "_max_bytes", "_max_count", "_news", "_taken", "_waiting", "polled")

    def __init__(self, max_count: int, max_bytes: int, fail: Callable[[str], None]) -> None:
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._fail = fail
        self._waiting: deque[Message] = deque()
        self._bytes = 0
        self._news = asyncio.Event()
        self._taken = asyncio.Event()
        self.polled = False  # a poll is in progress

    def put(self, message: Message) -> None:
        """Buffers a message for the next poll."""
        self._waiting.append(message)
        self._bytes += size(message)
        self._news.set()
        if len(self._waiting) > self._max_count or self._bytes > self._max_bytes:
            self._fail("slow")

    def release(self) -> None:
        """Completes the current poll, or else the next one, even without a message."""
        self._news.set()

    def take(self) -> list[Message]:
        """Removes and returns the buffered messages."""
        messages = [*self._waiting]
        self._waiting.clear()
        self._bytes = 0
        self._news.clear()
        self._taken.set()
        return messages

    async def poll(self, *, noop: bool) -> bytes:
        """Returns the body of a poll once there is a message; with `noop` at once."""
        self.polled = True
        if noop:
            self._news.set()
        try:
            await self._news.wait()
            return payload(self.take() or [NOOP])
        finally:
            self.polled = False

    @property
    def waits(self) -> bool:
        """True if messages are buffered and no poll is in progress."""
        return bool(self._waiting) and not self.polled

    async def close(self, last: Message, *, linger: bool) -> None:
        """Buffers the last message; with `linger` waits up to `LAST_POLL` seconds for a poll to fetch all."""
        self._waiting.append(last)
        self._news.set()
        if linger:
            self._taken.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._taken.wait(), LAST_POLL)


def payload(messages: list[Message]) -> bytes:
    """Returns packets as the body of a response; bytes as base64."""
    return SEPARATOR.join(
        message["text"] if "text" in message else "b" + b64encode(message["bytes"]).decode() for message in messages
    ).encode()


def packets_of(body: bytes) -> list[str | bytes]:
    """Returns the packets of a body: texts with their type, or the bytes of a binary message. Raises MalformedError."""
    try:
        texts = body.decode().split(SEPARATOR) if body else []
        return [b64decode(text[1:], validate=True) if text[:1] == "b" else text for text in texts]
    except ValueError as error:
        raise MalformedError("the body is not packets") from error


def messages_of(body: bytes) -> Receive:
    """Returns a function that returns the packets of a body as the messages of a WebSocket, then one of type "posted".

    Raises MalformedError.
    """
    messages: Iterator[Message] = (
        {"type": "websocket.receive", "bytes" if isinstance(packet, bytes) else "text": packet}
        for packet in packets_of(body)
    )

    async def receive() -> Message:
        return next(messages, POSTED)

    return receive


async def body_of(receive: Receive, limit: int) -> bytes | None:
    """Returns the body of a request, None after a disconnect. Raises MalformedError for more than `limit` bytes."""
    parts: list[bytes] = []
    length = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        if length > limit:
            raise MalformedError("too big", 1009)
        if not message.get("more_body", False):
            return b"".join(parts)


async def unless_disconnected(work: "asyncio.Future[Any]", receive: Receive) -> bool:
    """Waits for `work`; returns False if the client disconnects before, and `work` keeps running."""
    disconnect = asyncio.create_task(_disconnect(receive))
    try:
        await asyncio.wait((work, disconnect), return_when=asyncio.FIRST_COMPLETED)
        return not disconnect.done()
    finally:
        disconnect.cancel()


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

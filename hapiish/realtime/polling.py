"""Long polling of one client (Engine.IO 4, "HTTP long-polling"): what waits for its next poll, and what it posts.

Knows packets as texts and bytes, nothing of what they say. A request never outlives its client: one that leaves during
a poll is told apart at once from one that merely takes its time between two.
"""

import asyncio
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hapiish.realtime.outbox import size
from hapiish.realtime.packets import MalformedError
from hapiish.types import Message, Receive

SEPARATOR = "\x1e"
NOOP: Message = {"type": "websocket.send", "text": "6"}
CLOSE: Message = {"type": "websocket.send", "text": "1"}

LAST_POLL = 1.0
"""Seconds in which a client may come for what was sent before the end."""


class Polling:
    """What waits for a client's next poll; `fail("slow")` is called past `max_count` messages or `max_bytes`."""

    __slots__ = ("_bytes", "_fail", "_max_bytes", "_max_count", "_news", "_taken", "_waiting", "polled")

    def __init__(self, max_count: int, max_bytes: int, fail: Callable[[str], None]) -> None:
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._fail = fail
        self._waiting: deque[Message] = deque()
        self._bytes = 0
        self._news = asyncio.Event()
        self._taken = asyncio.Event()
        self.polled = False  # a poll is under way

    def put(self, message: Message) -> None:
        """Keeps a message for the next poll."""
        self._waiting.append(message)
        self._bytes += size(message)
        self._news.set()
        if len(self._waiting) > self._max_count or self._bytes > self._max_bytes:
            self._fail("slow")

    def release(self) -> None:
        """Ends the poll that is under way, or else the next one, with nothing to tell."""
        self._news.set()

    def take(self) -> list[Message]:
        """What waits, for whoever sends it now."""
        waiting = [*self._waiting]
        self._waiting.clear()
        self._bytes = 0
        self._news.clear()
        self._taken.set()
        return waiting

    async def poll(self, *, noop: bool) -> bytes:
        """The body of a poll, as soon as there is something to tell: a ping at the latest, or the end; `noop`: now."""
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
        """Whether something waits for a poll that has yet to come."""
        return bool(self._waiting) and not self.polled

    async def close(self, last: Message, *, linger: bool) -> None:
        """Puts the last message; with `linger` a client gets a moment to come for it and those before."""
        self._waiting.append(last)
        self._news.set()
        if linger:
            self._taken.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._taken.wait(), LAST_POLL)


def payload(messages: list[Message]) -> bytes:
    """Packets as the body of a response; bytes as base64."""
    return SEPARATOR.join(
        message["text"] if "text" in message else "b" + b64encode(message["bytes"]).decode() for message in messages
    ).encode()


def packets_of(body: bytes) -> list[str | bytes]:
    """The packets of a body: texts with their type, or the bytes of a binary message. Raises MalformedError."""
    try:
        texts = body.decode().split(SEPARATOR) if body else []
        return [b64decode(text[1:], validate=True) if text[:1] == "b" else text for text in texts]
    except ValueError as error:
        raise MalformedError("the body is not packets") from error


async def body_of(receive: Receive, limit: int) -> bytes | None:
    """The body of a request, None where the client left. Raises MalformedError past `limit` bytes."""
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


async def unless_left(work: "asyncio.Task[Any]", receive: Receive) -> bool:
    """Waits for `work`, which goes on without its client; False when the client left before it was done."""
    leaving = asyncio.create_task(_left(receive))
    try:
        await asyncio.wait((work, leaving), return_when=asyncio.FIRST_COMPLETED)
        return not leaving.done()
    finally:
        leaving.cancel()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

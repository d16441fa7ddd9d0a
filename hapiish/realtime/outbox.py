"""The way out of one WebSocket: straight to ASGI's `send` while it takes messages at once, a bounded buffer else.

Knows ASGI messages and their sizes, nothing of what they say.
"""

import asyncio
import types
from collections import deque
from collections.abc import Callable, Generator
from typing import Any

from hapiish.types import Message, Send

Fail = Callable[[str], None]
READY = object()


def size(message: Message) -> int:
    """Bytes of a message's content."""
    text = message.get("text")
    if text is None:
        return len(message.get("bytes", b""))
    return len(text) if text.isascii() else len(text.encode())


class Outbox:
    """Messages leave in the order of `put`. `fail(reason)` is called, once or more, when the WebSocket is of no use."""

    __slots__ = ("_buffer", "_fail", "_free", "_max_bytes", "_max_count", "_pump", "_send", "_waiting", "_writer")

    def __init__(self, send: Send, max_count: int, max_bytes: int, fail: Fail) -> None:
        self._send = send
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._fail = fail
        self._buffer: deque[Message] = deque()
        self._waiting = 0
        self._free = True  # nothing is being written, nothing waits
        self._writer: asyncio.Task[None] | None = None
        self._pump: Pump = _pump(send)
        next(self._pump)

    def put(self, message: Message) -> None:
        """Sends now, or keeps for later; fails as "slow" past `max_count` messages or `max_bytes` that wait."""
        if not self._free:
            self._buffer.append(message)
            self._waiting += size(message)
            if len(self._buffer) > self._max_count or self._waiting > self._max_bytes:
                self._fail("slow")
            return
        try:
            waits_for = self._pump.send(message)
        except Exception as error:  # noqa: BLE001  whatever the server raises, this WebSocket is of no more use
            self._fail(_reason(error))
            return
        if waits_for is not READY:
            self._free = False
            self._writer = asyncio.create_task(self._write(waits_for))

    async def close(self, last: list[Message], grace: float, *, drop: bool) -> None:
        """Sends what waits (unless `drop`), then `last`; gives up after `grace` seconds. Nothing is put after it."""
        if drop:
            self._buffer.clear()
        self._buffer.extend(last)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        done, _ = await asyncio.wait((self._writer,), timeout=grace)
        if not done:
            self._writer.cancel()

    async def _write(self, waits_for: Any = READY) -> None:
        try:
            await _rest(self._pump, waits_for)
            while self._buffer:
                message = self._buffer.popleft()
                self._waiting -= size(message)
                await self._send(message)
        except Exception as error:  # noqa: BLE001  as above
            self._fail(_reason(error))
        self._waiting = 0
        self._writer = None
        self._free = True


def _reason(error: Exception) -> str:
    """What an error of `send` means: servers raise OSError when the client is gone (ASGI 2.4)."""
    return "transport close" if isinstance(error, OSError) else "transport error"


Pump = Generator[Any, Message | None, None]


def _pump(send: Send) -> Pump:
    """Awaits `send` for one message after the other, by hand: each is put in with `.send(message)`.

    What comes back is READY where the server took the message at once, so that no task and no exception were needed;
    else what the server waits for.
    """
    while True:
        message = yield READY
        assert message is not None
        yield from send(message).__await__()


@types.coroutine
def _rest(pump: Pump, waits_for: Any) -> Generator[Any, Any, None]:
    """Waits, in a task, until the pump is ready again."""
    while waits_for is not READY:
        try:
            yield waits_for
        except BaseException as error:  # noqa: BLE001  cancellation is for the server to see
            waits_for = pump.throw(error)
        else:
            waits_for = pump.send(None)

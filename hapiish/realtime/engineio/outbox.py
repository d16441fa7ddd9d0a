"""Outbox: the outgoing messages of one WebSocket, sent at once or, while ASGI's `send` waits, from a bounded buffer."""

import asyncio
import types
from collections import deque
from collections.abc import Callable, Generator
from typing import Any

from hapiish.types import Message, Send

Fail = Callable[[str], None]
READY = object()


def size(message: Message) -> int:
    """Returns the bytes of a message's content."""
    text = message.get("text")
    if text is None:
        return len(message.get("bytes", b""))
    return len(text) if text.isascii() else len(text.encode())


class Outbox:
    """Sends messages in the order of `put`. `fail(reason)` is called, possibly repeatedly, when sending fails."""

    __slots__ = (
        "_buffer",
        "_fail",
        "_free",
        "_max_bytes",
        "_max_count",
        "_pump",
        "_send",
        "_send_now",
        "_waiting",
        "_writer",
    )

    def __init__(self, send: Send, max_count: int, max_bytes: int, fail: Fail) -> None:
        self._send = send
        # The server of `hapiish run` takes a message without a coroutine, if it has not to wait.
        self._send_now: Callable[[Message], bool] | None = getattr(getattr(send, "__self__", None), "send_now", None)
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._fail = fail
        self._buffer: deque[Message] = deque()
        self._waiting = 0
        self._free = True  # nothing is being written and the buffer is empty
        self._writer: asyncio.Task[None] | None = None
        self._pump: Pump = _pump(send)
        next(self._pump)

    def put(self, message: Message) -> None:
        """Sends or buffers a message; fails as "slow" when over `max_count` messages or `max_bytes` are buffered."""
        if not self._free:
            self._buffer.append(message)
            self._waiting += size(message)
            if len(self._buffer) > self._max_count or self._waiting > self._max_bytes:
                self._fail("slow")
            return
        if self._send_now is not None and self._send_now(message):
            return
        try:
            future = self._pump.send(message)
        except Exception as error:  # noqa: BLE001  any error of the server ends the WebSocket
            self._fail(_reason(error))
            return
        if future is not READY:
            self._free = False
            self._writer = asyncio.create_task(self._write(future))

    async def close(self, last: list[Message], timeout: float, *, drop: bool) -> None:
        """Sends the buffer (unless `drop`), then `last`, within `timeout` seconds. Must be the last call."""
        if drop:
            self._buffer.clear()
        self._buffer.extend(last)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        done, _ = await asyncio.wait((self._writer,), timeout=timeout)
        if not done:
            self._writer.cancel()

    async def _write(self, future: Any = READY) -> None:
        try:
            await _until_ready(self._pump, future)
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
    """Returns the reason for an error of `send`: servers raise OSError for a disconnected client (ASGI 2.4)."""
    return "transport close" if isinstance(error, OSError) else "transport error"


Pump = Generator[Any, Message | None, None]


def _pump(send: Send) -> Pump:
    """Drives the coroutine of `send` for each message passed in with `.send(message)`.

    Yields READY if the server accepted the message at once, which saves a task; otherwise the future it waits for.
    """
    while True:
        message = yield READY
        assert message is not None
        yield from send(message).__await__()


@types.coroutine
def _until_ready(pump: Pump, future: Any) -> Generator[Any, Any, None]:
    """Waits, in a task, until the pump yields READY."""
    while future is not READY:
        try:
            yield future
        except BaseException as error:  # noqa: BLE001  the server must receive a cancellation
            future = pump.throw(error)
        else:
            future = pump.send(None)

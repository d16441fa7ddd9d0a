"""Streamed bodies: the values that a handler may return, and their transmission.

A body object has `length` (bytes, None if unknown), `__aiter__` over bytes, `part(start, end)` with inclusive ends
where the length is known, and optionally `aclose`. Headers and routes are handled elsewhere.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from types import GeneratorType, TracebackType
from typing import Any, Protocol, Self, cast

from hapiish import codec
from hapiish.types import Message, Receive, Run, Send, Value


class Body(Protocol):
    """A body that is sent in pieces."""

    @property
    def length(self) -> int | None:
        """Size in bytes; None if unknown until the end."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterates over the bytes from the start; called once."""


class Disconnected(Exception):
    """The client left before the response was complete."""


class BrokenOff(ConnectionError):
    """A body failed after its head was sent: the server must close the connection."""


GONE = "the client has left"
"""The message of a cancellation whose reason is that the client left (`hapiish.http.serving.protocol`)."""


def is_gone(error: BaseException) -> bool:
    """Returns whether a cancellation means that the client left, and undoes it so that the task can clean up."""
    task = asyncio.current_task()
    if GONE not in error.args or task is None:
        return False
    while task.cancelling():
        task.uncancel()
    return True


_END: Any = object()


class Stream:
    """An iterator of bytes or text as a body of unknown length.

    A synchronous generator blocks, so each step runs in the thread pool.
    """

    __slots__ = ("_run", "_source")

    length: int | None = None

    def __init__(self, source: Value, run: Run) -> None:
        self._source = source
        self._run = run

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks():
            if isinstance(chunk, str):
                yield codec.whole(chunk).encode()
            elif isinstance(chunk, bytes | bytearray | memoryview):
                yield bytes(chunk)
            else:
                raise TypeError(f"a stream yields bytes or text, not {type(chunk).__name__}")

    def _chunks(self) -> AsyncIterator[Value]:
        return self._pooled(self._source) if isinstance(self._source, GeneratorType) else aiter(self._source)

    async def _pooled(self, steps: Iterator[Value]) -> AsyncIterator[Value]:
        while (chunk := await self._run(next, steps, _END)) is not _END:
            yield chunk

    async def aclose(self) -> None:
        """Closes the source, so that a generator runs its `finally`."""
        if isinstance(self._source, GeneratorType):
            # After a cancellation the pool may still run the generator; it is then closed when collected.
            with suppress(ValueError):
                await self._run(self._source.close)
        else:
            await close(self._source)


class Unsent:
    """An empty body that closes the body it replaces: for HEAD and 304."""

    __slots__ = ("_body",)

    length: int | None = 0

    def __init__(self, body: Value) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        nothing: tuple[bytes, ...] = ()
        for chunk in nothing:
            yield chunk

    async def aclose(self) -> None:
        """Closes the replaced body."""
        await close(self._body)


def is_stream(source: Value) -> bool:
    """Returns whether a handler's value is sent in pieces."""
    return hasattr(source, "__aiter__") or isinstance(source, GeneratorType)


def body_of(source: Value, run: Run) -> Body:
    """The body object of a streamed value: the value itself, or its iterator wrapped."""
    return cast("Body", source) if hasattr(source, "length") else Stream(source, run)


async def close(source: Value) -> None:
    """Closes a stream that is not sent to its end; values without `aclose` are ignored."""
    aclose: Callable[[], Awaitable[None]] | None = getattr(source, "aclose", None)
    if aclose is not None:
        await aclose()


async def transmit(status: int, headers: list[tuple[bytes, bytes]], body: Body, receive: Receive, send: Send) -> None:
    """Sends head and body with the client's backpressure and always closes the body.

    Raises Disconnected when the client leaves, and the body's errors.
    """

    async def out(message: Message) -> None:
        try:
            await send(message)
        except OSError as error:  # ASGI servers from 2.4 on report a disconnect so
            raise Disconnected from error

    try:
        async with DisconnectWatch(receive):
            await out({"type": "http.response.start", "status": status, "headers": headers})
            async for chunk in body:
                if chunk:
                    await out({"type": "http.response.body", "body": chunk, "more_body": True})
            await out({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        await close(body)


def hang_up(receive: Receive | None) -> bool:
    """Closes the connection of a request without a response; returns False where the server is not uvicorn."""
    cycle = getattr(receive, "__self__", None)
    transport = getattr(cycle, "transport", None)
    if cycle is None or transport is None:
        return False
    cycle.disconnected = True
    transport.close()
    return True


class DisconnectWatch:
    """`async with Watch(receive)`: cancels the block when the client leaves, and then raises Disconnected.

    Unread parts of the request's body are discarded. Without `receive` nobody learns that the client leaves.
    """

    __slots__ = ("_cancelling", "_listener", "_receive", "_task", "gone")

    def __init__(self, receive: Receive | None) -> None:
        self._receive = receive
        self.gone = False

    async def __aenter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._cancelling = task.cancelling()
        self._listener = asyncio.create_task(self._listen())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.cancel()
        # As in asyncio.timeout: only the own cancellation, without one from outside, becomes the exception.
        if self.gone and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise Disconnected from error

    async def _listen(self) -> None:
        receive = self._receive
        if receive is None:
            return
        with suppress(OSError):
            while (await receive())["type"] != "http.disconnect":
                pass
        self.gone = True
        self._task.cancel()

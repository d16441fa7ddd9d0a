"""Bodies that come in pieces: what a handler may return instead of a value, and how it is sent.

A body object has `length` (bytes, None when nobody knows), `__aiter__` over bytes, `part(start, end)` with both ends
inclusive where the length is known, and perhaps `aclose`. Knows nothing of headers or routes.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from types import GeneratorType, TracebackType
from typing import Any, Protocol, Self, cast

from hapiish import codec
from hapiish.types import Message, Receive, Run, Send


class Body(Protocol):
    """A body that is not bytes."""

    @property
    def length(self) -> int | None:
        """Its size in bytes; None when it will only be known at its end."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The bytes, from the start; asked for once."""


class Disconnected(Exception):
    """The client left before the work for it was done."""


class BrokenOff(ConnectionError):
    """A body failed after its head was out: all that is left is to close the connection, which the server does."""


GONE = "the client has left"
"""What a task is cancelled with by whoever knows that nobody waits for its result (`hapiish.http.serving.protocol`)."""


def is_gone(error: BaseException) -> bool:
    """Whether a cancellation says that the client has left; the task may then go on to clean up."""
    task = asyncio.current_task()
    if GONE not in error.args or task is None:
        return False
    while task.cancelling():
        task.uncancel()
    return True


_END: Any = object()


class Stream:
    """What an iterator yields, bytes or text, as a body of unknown length.

    A generator that is not async blocks, so it runs in the pool, a step at a time.
    """

    __slots__ = ("_run", "_source")

    length: int | None = None

    def __init__(self, source: Any, run: Run) -> None:
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

    def _chunks(self) -> AsyncIterator[Any]:
        return self._pooled(self._source) if isinstance(self._source, GeneratorType) else aiter(self._source)

    async def _pooled(self, steps: Iterator[Any]) -> AsyncIterator[Any]:
        while (chunk := await self._run(next, steps, _END)) is not _END:
            yield chunk

    async def aclose(self) -> None:
        """Lets the generator run its `finally`, wherever it stands."""
        if isinstance(self._source, GeneratorType):
            # After a cancellation the pool may still be inside of it; it then ends when it is collected.
            with suppress(ValueError):
                await self._run(self._source.close)
        else:
            await close(self._source)


class Unsent:
    """A body of which nothing is sent, but which must be closed: the answer to HEAD, a 304."""

    __slots__ = ("_body",)

    length: int | None = 0

    def __init__(self, body: Any) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        nothing: tuple[bytes, ...] = ()
        for chunk in nothing:
            yield chunk

    async def aclose(self) -> None:
        """Closes the body."""
        await close(self._body)


def is_stream(source: Any) -> bool:
    """Whether a handler's value is sent piece by piece."""
    return hasattr(source, "__aiter__") or isinstance(source, GeneratorType)


def body_of(source: Any, run: Run) -> Body:
    """The body object of a streamed value: itself, or the iterator wrapped."""
    return cast("Body", source) if hasattr(source, "length") else Stream(source, run)


async def close(source: Any) -> None:
    """Closes what can be closed; for a stream that will not be sent, or not to its end."""
    aclose: Callable[[], Awaitable[None]] | None = getattr(source, "aclose", None)
    if aclose is not None:
        await aclose()


async def transmit(status: int, headers: list[tuple[bytes, bytes]], body: Body, receive: Receive, send: Send) -> None:
    """Sends head and body, as fast as the client takes it, and closes the body, whatever happens.

    Raises Disconnected when the client leaves, and what the body raises.
    """

    async def out(message: Message) -> None:
        try:
            await send(message)
        except OSError as error:  # how ASGI servers from 2.4 on tell that nobody is there
            raise Disconnected from error

    try:
        async with Watch(receive):
            await out({"type": "http.response.start", "status": status, "headers": headers})
            async for chunk in body:
                if chunk:
                    await out({"type": "http.response.body", "body": chunk, "more_body": True})
            await out({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        await close(body)


def hang_up(receive: Receive | None) -> bool:
    """Closes the connection of a request without an answer; False where the server is not uvicorn, and it stays."""
    cycle = getattr(receive, "__self__", None)
    transport = getattr(cycle, "transport", None)
    if cycle is None or transport is None:
        return False
    cycle.disconnected = True
    transport.close()
    return True


class Watch:
    """`async with Watch(receive)`: cancels the block when the client leaves, and raises Disconnected then.

    What of the request's body nobody has read is dropped.
    """

    __slots__ = ("_cancelling", "_listener", "_receive", "_task", "gone")

    def __init__(self, receive: Receive) -> None:
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
        # As asyncio.timeout: only our own cancellation, and none from outside beside it, is turned into the exception.
        if self.gone and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise Disconnected from error

    async def _listen(self) -> None:
        with suppress(OSError):
            while (await self._receive())["type"] != "http.disconnect":
                pass
        self.gone = True
        self._task.cancel()

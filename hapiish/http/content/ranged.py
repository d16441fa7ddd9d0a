"""Bodies of a known length that can be read in parts, such as a file in a database or an object store."""

from collections.abc import AsyncIterator, Callable

from hapiish.http.content.stream import Stream
from hapiish.types import Run, Value

Read = Callable[[int, int], Value]
"""`read(start, stop)` returns a generator or an async iterator of the bytes from `start` up to `stop` (exclusive)."""


class Ranged:
    """A body object of the bytes `start` to `stop` (exclusive) of a source. `read` is called when it is sent.

    Iterating raises ValueError if `read` yields fewer or more bytes than requested.
    """

    __slots__ = ("_read", "_run", "_start", "_stop", "_stream")

    def __init__(self, read: Read, start: int, stop: int, run: Run) -> None:
        self._read = read
        self._start = start
        self._stop = stop
        self._run = run
        self._stream: Stream | None = None

    @property
    def length(self) -> int | None:
        """Number of bytes."""
        return self._stop - self._start

    def part(self, start: int, end: int) -> "Ranged":
        """A body of bytes `start` to `end`, inclusive."""
        return Ranged(self._read, self._start + start, self._start + end + 1, self._run)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        missing = self._stop - self._start
        self._stream = Stream(self._read(self._start, self._stop), self._run)
        async for chunk in self._stream:
            missing -= len(chunk)
            if missing < 0:
                raise ValueError("the source of a ranged response has more bytes than were asked for")
            yield chunk
        if missing:
            raise ValueError(f"the source of a ranged response ended {missing} bytes early")

    async def aclose(self) -> None:
        """Closes the iterator of `read`, so that a generator runs its `finally`."""
        if self._stream is not None:
            await self._stream.aclose()

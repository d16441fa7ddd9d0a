"""A transport that writes once per turn of the event loop: a write is the dearest thing that a small response does."""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl

WRITE_AT_ONCE = 65536
"""Bytes that are not held back until the end of the loop's turn."""


class CoalescingTransport:
    """A transport that gathers what is written to it; in all else it is the one that it stands for."""

    __slots__ = ("_ended", "_held", "_linger", "_loop", "_parts", "transport")

    def __init__(
        self, transport: Any, loop: asyncio.AbstractEventLoop, linger: Callable[[], bool] = lambda: False
    ) -> None:
        self.transport = transport
        self._linger = linger
        self._ended = False
        self._loop = loop
        self._parts: list[bytes] = []
        self._held = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)

    def write(self, data: bytes) -> None:
        """Keeps `data` until the turn ends or there is much of it."""
        if not self._parts:
            self._loop.call_soon(self.flush)
        self._parts.append(data)
        self._held += len(data)
        if self._held > WRITE_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Writes what was kept."""
        if self._parts:
            data = b"".join(self._parts)
            self._parts.clear()
            self._held = 0
            if not self.transport.is_closing():
                self.transport.write(data)

    def is_closing(self) -> bool:
        """Whether nothing more is to be written."""
        return self._ended or self.transport.is_closing()

    def close(self) -> None:
        """Closes behind what was written, at once or when `linger`, asked whether it sees to that, says yes."""
        self.flush()
        if self._ended or self.transport.is_closing():
            return
        if self._linger():
            self._ended = True
            self.transport.write_eof()
        else:
            self.transport.close()


class Flow(FlowControl):
    """uvicorn's, which reads nothing while requests that have come are not answered yet, though they ask for more."""

    held = False

    def hold(self) -> None:
        """Reads no more until `release`."""
        self.held = True
        self.pause_reading()

    def release(self) -> None:
        """Reads again."""
        self.held = False
        self.resume_reading()

    def resume_reading(self) -> None:
        """Reads again, unless it is held."""
        if not self.held:
            super().resume_reading()

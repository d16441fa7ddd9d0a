"""A transport that writes once per turn of the event loop: the write is the largest cost of a small response."""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl

WRITE_AT_ONCE = 65536
"""Bytes from which the buffer is flushed before the turn of the event loop ends."""


class CoalescingTransport:
    """Buffers writes; all other attributes are those of the wrapped transport."""

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
        """Buffers `data` until the turn ends or the buffer is full."""
        if not self._parts:
            self._loop.call_soon(self.flush)
        self._parts.append(data)
        self._held += len(data)
        if self._held > WRITE_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Writes the buffer."""
        if self._parts:
            data = b"".join(self._parts)
            self._parts.clear()
            self._held = 0
            if not self.transport.is_closing():
                self.transport.write(data)

    def is_closing(self) -> bool:
        """Returns whether nothing more can be written."""
        return self._ended or self.transport.is_closing()

    def close(self) -> None:
        """Flushes and closes; if `linger` returns true, only the sending side is closed and the caller closes later."""
        self.flush()
        if self._ended or self.transport.is_closing():
            return
        if self._linger():
            self._ended = True
            self.transport.write_eof()
        else:
            self.transport.close()


class Flow(FlowControl):
    """uvicorn's flow control, which can also stop reading while pipelined requests wait."""

    held = False

    def hold(self) -> None:
        """Stops reading until `release`."""
        self.held = True
        self.pause_reading()

    def release(self) -> None:
        """Resumes reading."""
        self.held = False
        self.resume_reading()

    def resume_reading(self) -> None:
        """Resumes reading, unless held."""
        if not self.held:
            super().resume_reading()

"""uvicorn's HTTP with one write for a response where it has two, head and body, and an end to work for nobody.

What is written in one turn of the event loop leaves together at its end. A request whose client has left is cancelled:
the protocol learns of it anyway, so that requests pay nothing for being watched, while a task that waits for
`http.disconnect` would cost each of them as much as all the rest. Everything else of the protocol stays uvicorn's.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from hapiish.http.lifecycle import UNINTERRUPTED
from hapiish.http.stream import GONE

WRITE_AT_ONCE = 65536
"""Bytes that are not held back until the end of the loop's turn."""


class Joining:
    """A transport that gathers what is written to it; in all else it is the one that it stands for."""

    __slots__ = ("_held", "_loop", "_parts", "transport")

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop) -> None:
        self.transport = transport
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

    def close(self) -> None:
        """Closes behind what was written."""
        self.flush()
        self.transport.close()


class HttpProtocol(HttpToolsProtocol):
    """For uvicorn's option `http`."""

    _running: tuple[RequestResponseCycle, asyncio.Task[None]] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Puts itself between uvicorn and the transport."""
        super().connection_made(Joining(transport, self.loop))  # type: ignore[arg-type]

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancels the request that is under way, unless it must not be."""
        super().connection_lost(exc)
        if self._running is not None:
            cycle, task = self._running
            if not cycle.response_complete and UNINTERRUPTED not in cycle.scope:
                cycle.disconnected = True
                task.cancel(GONE)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        task = self.loop.create_task(cycle.run_asgi(app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)
        self._running = cycle, task

    def handle_websocket_upgrade(self) -> None:
        """Lets a WebSocket have the transport itself."""
        self.transport.flush()  # type: ignore[attr-defined]
        self.transport = self.transport.transport  # type: ignore[attr-defined]
        super().handle_websocket_upgrade()

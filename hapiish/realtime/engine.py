"""Engine.IO: the handshake, the transports that are alive and the one task that watches them.

Answers HTTP as the library does (sessions, polling, origins); who comes in by WebSocket is handed back as a Transport.
Knows nothing of Socket.IO packets.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

import engineio
from engineio import packet

from hapiish.realtime.transport import Transport

Origins = Literal["*"] | Sequence[str] | None
Take = Callable[[Transport, str | bytes], Awaitable[None]]
Left = Callable[[Transport, str], Awaitable[None]]


class Engine(engineio.AsyncServer):
    """The transports of one process. `take` gets every packet, `left` hears of every end."""

    take: Take
    left: Left
    sockets: dict[str, Transport]
    service_task_handle: asyncio.Task[None] | None

    def __init__(self, *, send_buffer_count: int, send_buffer_bytes: int, origins: Origins, **options: Any) -> None:
        super().__init__(cors_allowed_origins=origins if origins == "*" else allows(origins), **options)
        self.send_buffer_count = send_buffer_count
        self.send_buffer_bytes = send_buffer_bytes
        self.connect_timeout = self.ping_interval + self.ping_timeout
        self.draining = False

    async def _handle_connect(self, environ: dict[str, Any], transport: str, jsonp_index: int | None = None) -> Any:
        if self.draining:
            return {**self._bad_request("The server is shutting down"), "status": "503 SERVICE UNAVAILABLE"}
        if self.service_task_handle is None:
            self.service_task_handle = asyncio.create_task(self._service_task())
        sid = self.generate_id()
        client = self.sockets[sid] = Transport(self, sid, environ["asgi.scope"])
        opening = {
            "sid": sid,
            "upgrades": self._upgrades(sid, transport) if "websocket" in self.transports else [],
            "pingInterval": round(self.ping_interval * 1000),
            "pingTimeout": round(self.ping_timeout * 1000),
            "maxPayload": self.max_http_buffer_size,
        }
        await client.send(packet.Packet(packet.OPEN, opening))
        await self._trigger_event("connect", sid, environ, run_async=False)
        if transport == "websocket":
            return await client.handle_get_request(environ)
        client.connected = True
        return self._ok(await client.poll(), jsonp_index=jsonp_index)

    async def _service_task(self) -> None:
        pause = min(1.0, self.ping_interval / 4, self.ping_timeout / 4)
        while True:
            await asyncio.sleep(pause)
            now = time.monotonic()
            for transport in tuple(self.sockets.values()):
                transport.tick(now)

    async def shutdown(self) -> None:
        """Stops the watching."""
        if self.service_task_handle is not None:
            self.service_task_handle.cancel()
            self.service_task_handle = None


def allows(origins: Sequence[str] | None) -> Callable[[str, dict[str, Any]], bool]:
    """Which origins may connect; an empty list means none, not all as in the library."""
    if origins is None:
        return same_origin
    listed = frozenset(origins)
    return lambda origin, environ: origin in listed


def same_origin(origin: str, environ: dict[str, Any]) -> bool:
    """Whether a page of `origin` came from this very host, as the client or the proxy in front of us names it."""
    secure = environ["asgi.scope"]["scheme"] in ("https", "wss")
    scheme = environ.get("HTTP_X_FORWARDED_PROTO", "https" if secure else "http").split(",")[0].strip()
    hosts = environ.get("HTTP_HOST"), environ.get("HTTP_X_FORWARDED_HOST", "").split(",")[0].strip()
    return any(origin == f"{scheme}://{host}" for host in hosts if host)

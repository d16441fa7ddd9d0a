"""Socket.IO as an ASGI application: settings in, a callable out. Hides which server library does it."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from hapiish.bridge import anywhere, loop_only
from hapiish.codec import MOST_DIGITS
from hapiish.realtime.engine import Origins
from hapiish.realtime.hooks import NamespaceHooks
from hapiish.realtime.hub import Hub
from hapiish.realtime.namespaces import Namespaces
from hapiish.realtime.review import review
from hapiish.realtime.socket import Socket
from hapiish.realtime.transport import Transport
from hapiish.types import Receive, Run, Scope, Send

Skipped = Socket | str


class RealtimeServer:
    """Serves Socket.IO 5 clients (JavaScript 3 and 4). Durations are milliseconds, sizes bytes.

    `origins` None allows pages of the same origin, `"*"` all. A client that leaves more than `send_buffer_count`
    messages or `send_buffer_bytes` unread is closed as "slow"; one that sends more than `max_bytes` at once is closed,
    and so is one that opens no namespace within `connect_timeout_ms` (None: the ping's interval and timeout together).
    `run` calls what blocks in a thread; `most_digits` bounds the integers in events.
    """

    def __init__(
        self,
        *,
        path: str = "/socket.io",
        transports: Sequence[str] = ("websocket",),
        origins: Origins = None,
        max_bytes: int = 65536,
        ping_interval_ms: int = 25000,
        ping_timeout_ms: int = 20000,
        connect_timeout_ms: int | None = None,
        send_buffer_count: int = 256,
        send_buffer_bytes: int = 1048576,
        namespaces: Mapping[str, NamespaceHooks],
        run: Run = asyncio.to_thread,
        most_digits: int = MOST_DIGITS,
    ) -> None:
        self.path = "/" + path.strip("/")
        self._hub = Hub(
            namespaces,
            run=run,
            most_digits=most_digits,
            transports=[*transports],
            origins=origins,
            max_http_buffer_size=max_bytes,
            ping_interval=ping_interval_ms / 1000,
            ping_timeout=ping_timeout_ms / 1000,
            connect_timeout=connect_timeout_ms / 1000 if connect_timeout_ms is not None else None,
            send_buffer_count=send_buffer_count,
            send_buffer_bytes=send_buffer_bytes,
        )

    @property
    def namespaces(self) -> Mapping[str, NamespaceHooks]:
        """May be replaced at any time: connected sockets go on with the new hooks."""
        return self._hub.namespaces

    @namespaces.setter
    def namespaces(self, namespaces: Mapping[str, NamespaceHooks]) -> None:
        self._hub.namespaces = namespaces if isinstance(namespaces, Namespaces) else Namespaces(namespaces)

    def handles(self, path: str) -> bool:
        """Whether a request for `path` is for this application."""
        return path.startswith(self.path) and path[len(self.path) : len(self.path) + 1] in ("", "/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application: takes "websocket" scopes, and the "http" scopes of long polling."""
        transport = await self._hub.handle_request(scope, receive, send)
        if isinstance(transport, Transport):
            await transport.serve(receive)

    @anywhere
    async def emit(
        self,
        event: str,
        data: Any = None,
        to: str | Sequence[str] | None = None,
        *,
        namespace: str = "/",
        skip: Skipped | Iterable[Skipped] | None = None,
        declared: Namespaces | None = None,
    ) -> None:
        """Sends to a room, to the union of several, or to everybody; `skip` (sockets or their ids) are left out.

        `declared` are the namespaces whose `emits` the event must meet, by default the current ones.

        Raises ValueError for a namespace that is not declared, what the namespace's `emits` raises, and TypeError for
        data that cannot be sent.
        """
        hooks = self._hub.expect(namespace, declared)
        await self._hub.emit_to(hooks, event, data, namespace, room=to, skipped=_ids(skip) if skip is not None else ())

    @anywhere
    async def review(self, before: Mapping[str, NamespaceHooks]) -> None:
        """Judges who came in by namespaces of `before` by those of now; what changed may be in their disfavour."""
        await review(self._hub, before)

    @loop_only
    async def shutdown(self, *, grace_ms: int = 5000) -> None:
        """Refuses who comes, lets events that are being handled end within `grace_ms`, and closes every connection."""
        engine = self._hub.eio
        engine.draining = True
        await asyncio.gather(
            *(transport.finish("server shutting down", grace_ms / 1000) for transport in tuple(engine.sockets.values()))
        )
        await engine.shutdown()


def _ids(skip: Skipped | Iterable[Skipped]) -> Collection[str]:
    if isinstance(skip, Socket):
        return (skip.id,)
    return (skip,) if isinstance(skip, str) else {each.id if isinstance(each, Socket) else each for each in skip}

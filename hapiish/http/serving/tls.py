"""TLS as `hapiish run` negotiates it: a handshake is a connection like any other, which is counted and has its time.

Where an event loop's own server negotiates, nobody knows of a connection before the handshake has succeeded.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any

from uvicorn.protocols.utils import get_remote_addr

from hapiish.http.body.reader import Waiting
from hapiish.http.serving.protocol import HttpProtocol, connections, descriptor


class Handshake(asyncio.Protocol):
    """For uvicorn's option `http`; its Config has the context as `tls` and none as `ssl`."""

    watched: dict[Any, float] | None = None

    def __init__(self, config: Any, server_state: Any, app_state: dict[str, Any], _loop: Any = None) -> None:
        self.config = config
        self.server_state = server_state
        self.app_state = app_state
        self.loop = _loop or asyncio.get_running_loop()
        self.shared = connections(server_state, config)
        self.transport: Any = None
        self._early: list[bytes] = []
        self._lost = False

    def connection_made(self, transport: Any) -> None:
        """Takes a place among the server's connections and begins to negotiate."""
        self.transport = transport
        client = get_remote_addr(transport)
        refused = self.shared.admit(self, client[0] if client else None, descriptor(transport))
        if refused is not None:
            self.shared.tell(refused, client)
            transport.abort()
            return
        self.server_state.connections.add(self)
        steps = self.loop.start_tls(
            transport,
            self,
            self.config.tls,
            server_side=True,
            ssl_handshake_timeout=self.shared.limits.head_timeout,
        ).__await__()
        # Begun here and not in the task: uvloop reads on, and the first bytes must find TLS in place.
        task = self.loop.create_task(self._negotiate(Waiting(steps, next(steps))))  # type: ignore[arg-type]
        self.server_state.tasks.add(task)
        task.add_done_callback(self.server_state.tasks.discard)

    async def _negotiate(self, secured: Awaitable[Any]) -> None:
        try:
            secure = await secured
        except OSError:  # the client's TLS is wrong, or it has left, or its time is over
            self._end()
            return
        self.server_state.connections.discard(self)
        if self._lost or secure is None or secure.is_closing():  # aborted, uvloop tells of no error
            self.shared.leave(self)
            return
        protocol = HttpProtocol(self.config, self.server_state, self.app_state, self.loop)
        self.shared.hand_over(self, protocol)
        secure.set_protocol(protocol)
        protocol.connection_made(secure)
        for data in self._early:
            protocol.data_received(data)

    def data_received(self, data: bytes) -> None:
        """Keeps what comes in one piece with the end of the handshake."""
        self._early.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has left."""
        self._lost = True
        self.shared.leave(self)

    def _end(self) -> None:
        self._lost = True
        self.server_state.connections.discard(self)
        self.shared.leave(self)
        self.transport.abort()

    expire = give_up = shutdown = _end

"""Negotiates TLS for `hapiish run`: a handshake counts as a connection and has a deadline.

An event loop's own TLS server reports a connection only after its handshake has succeeded.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any

from uvicorn.protocols.utils import get_remote_addr

from hapiish.http.body.reader import PendingReceive
from hapiish.http.serving.protocol import HttpProtocol, connections, descriptor


class Handshake(asyncio.Protocol):
    """The class for uvicorn's option `http` with TLS; its Config has the context as `tls` and no `ssl`."""

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
        """Admits the connection and starts the handshake."""
        self.transport = transport
        client = get_remote_addr(transport)
        refused = self.shared.admit(self, client[0] if client else None, descriptor(transport))
        if refused is not None:
            self.shared.log_refusal(refused, client)
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
        # Started here and not in the task: uvloop keeps reading, and TLS must see the first bytes.
        task = self.loop.create_task(self._negotiate(PendingReceive(steps, next(steps))))  # type: ignore[arg-type]
        self.server_state.tasks.add(task)
        task.add_done_callback(self.server_state.tasks.discard)

    async def _negotiate(self, secured: Awaitable[Any]) -> None:
        try:
            secure = await secured
        except OSError:  # invalid TLS, a disconnect, or the deadline
            self._end()
            return
        self.server_state.connections.discard(self)
        if self._lost or secure is None or secure.is_closing():  # uvloop reports no error for an aborted handshake
            self.shared.leave(self)
            return
        protocol = HttpProtocol(self.config, self.server_state, self.app_state, self.loop)
        self.shared.hand_over(self, protocol)
        secure.set_protocol(protocol)
        protocol.connection_made(secure)
        for data in self._early:
            protocol.data_received(data)

    def data_received(self, data: bytes) -> None:
        """Buffers data that arrives with the end of the handshake."""
        self._early.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Releases the place of a lost connection."""
        self._lost = True
        self.shared.leave(self)

    def _end(self) -> None:
        self._lost = True
        self.server_state.connections.discard(self)
        self.shared.leave(self)
        self.transport.abort()

    expire = give_up = shutdown = _end

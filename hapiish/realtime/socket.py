"""One client in one namespace: what handlers get as `request.socket`. Hides python-socketio."""

import asyncio
from typing import TYPE_CHECKING, Any

from hapiish.bridge import anywhere
from hapiish.realtime import packets
from hapiish.realtime.hooks import NamespaceHooks
from hapiish.realtime.packets import Packed
from hapiish.realtime.transport import Transport, handled
from hapiish.types import Scope

if TYPE_CHECKING:
    from hapiish.realtime.hub import Hub


class Socket:
    """A connected client. `scope` is the ASGI scope of its handshake (address, headers), `data` the application's own.

    `namespace` is what the client named, `declared` the namespace that takes it and `params` the values of its
    parameters. `hooks` are those of the namespace that its latest event began with.

    `auth` is what the client sent with its handshake, until the lifecycle puts its verdict in that place; `handshake`
    is that for good, `expiry`
    is the lifecycle's too: the timer that ends a connection whose credentials have a time.
    """

    __slots__ = (
        *("auth", "data", "declared", "expiry", "handshake", "home", "hooks", "id", "namespace", "params", "transport"),
        *("_hub", "_left", "_packets", "_rooms"),
    )

    def __init__(
        self,
        hub: "Hub",
        transport: Transport,
        namespace: str,
        auth: dict[str, Any] | None,
        found: tuple[str, dict[str, Any]],
        *,
        hooks: NamespaceHooks,
    ) -> None:
        self.id: str = hub.eio.generate_id()
        self.namespace = namespace
        self.declared, self.params = found
        self.hooks = hooks
        self.transport = transport
        self.auth: Any = auth
        self.handshake = auth
        self.expiry: asyncio.TimerHandle | None = None
        self.data: dict[str, Any] = {}
        self.home = asyncio.get_running_loop()
        self._hub = hub
        self._rooms: set[str] | None = set()  # joined while the client is not connected; None while it is
        self._packets: list[Packed] = []  # and sent while it connects
        self._left = False

    def __repr__(self) -> str:
        return f"<Socket {self.id} of {self.namespace}>"

    @property
    def scope(self) -> Scope:
        return self.transport.scope

    @property
    def left(self) -> bool:
        """Whether it is connected no more."""
        return self._left

    @property
    def rooms(self) -> frozenset[str]:
        """The rooms that it joined; in the disconnect hook, those that it was in."""
        if self._rooms is not None:
            return frozenset(self._rooms)
        return frozenset(self._hub.manager.get_rooms(self.id, self.namespace)) - {self.id}

    @anywhere
    async def join(self, room: str) -> None:
        """Enters a room; nothing happens once the socket is gone. Raises ValueError for another socket's own room."""
        if self._left:
            return
        self._hub.manager.expect(self.id, self.namespace, room)
        if self._rooms is None:
            await self._hub.manager.enter_room(self.id, self.namespace, room)
        else:
            self._rooms.add(room)

    @anywhere
    async def leave(self, room: str) -> None:
        """Leaves a room, if it is there."""
        if self._rooms is None:
            await self._hub.manager.leave_room(self.id, self.namespace, room)
        elif not self._left:
            self._rooms.discard(room)

    @anywhere
    async def emit(self, event: str, data: Any = None) -> None:
        """Sends an event to this client alone. Raises what the namespace's `emits` raises."""
        if self._rooms is None:
            await self._hub.emit_to(self._emitting(), event, data, self.namespace, room=self.id)
            return
        packet = await self._hub.packed(self._emitting(), event, data, self.namespace)
        if not self._left:
            self._packets.append(packet)

    @anywhere
    async def disconnect(self, reason: str = "server disconnect") -> None:
        """Ends the connection to the namespace; the disconnect hook is told `reason`.

        In a handler of this very client it happens after the acknowledgement.
        """
        if self._is_handling():
            self.transport.leaving.append((self, reason))
        else:
            await self._hub.dismiss(self, reason)

    def _is_handling(self) -> bool:
        """Whether the caller is a handler of this very client."""
        transport = self.transport
        return transport.handling is asyncio.current_task() or (transport.working and handled.get() is transport)

    def _emitting(self) -> NamespaceHooks | None:
        """The hooks that judge an emit: in a handler of this client those of its event, elsewhere those of now."""
        current = self._hub.namespaces.get(self.declared)
        return self.hooks if self.hooks is not current and self._is_handling() else current

    def admit(self) -> None:
        """Connects: from here on the rooms know the socket."""
        assert self._rooms is not None
        self.transport.sockets[self.namespace] = self
        self._hub.manager.admit(self.id, self.namespace, self.transport, self._rooms)
        self._rooms = None
        self.transport.deliver(packets.connected(self.namespace, self.id))
        for packet in self._packets:
            self.transport.put(packet)
        self._packets.clear()

    def forget(self) -> bool:
        """Leaves every room, remembering which; False when that was done before."""
        if self._left:
            return False
        self._rooms, self._left = set(self.rooms), True
        self._hub.manager.basic_disconnect(self.id, self.namespace)
        if self.transport.sockets.get(self.namespace) is self:
            del self.transport.sockets[self.namespace]
        return True

"""Client and Socket: one connection, and one of the namespaces that it has open (`request.socket`)."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from math import inf
from typing import Any, Protocol

from hapiish.bridge import anywhere
from hapiish.realtime.engineio.reading import Run, current_run
from hapiish.realtime.engineio.transport import Transport
from hapiish.realtime.socketio import packets
from hapiish.realtime.socketio.emitter import Emitter
from hapiish.realtime.socketio.events import CheckEmit
from hapiish.realtime.socketio.gathering import Gathering
from hapiish.realtime.socketio.packets import Packed
from hapiish.realtime.socketio.rooms import Rooms
from hapiish.types import Message, Scope, Value


class SocketServer(Protocol):
    """The server of a socket."""

    manager: Rooms
    emitter: Emitter

    def check_of(self, declared: str) -> CheckEmit | None:
        """Returns the current check of emits of the namespace declared by this name."""

    async def dismiss(self, socket: "Socket", reason: str) -> None:
        """Disconnects the socket from its namespace."""

    async def renew(self, socket: "Socket", auth: Value, accept: Callable[[Value], bool] | None) -> None:
        """Replaces the credentials of the socket by those of another `auth`."""


class Client:
    """The Socket.IO state of one transport: its open `sockets` by namespace.

    `lines` are the namespaces in which a packet is being handled, `runs` what handles them. `gathering` is the event
    whose attachments are being received.
    """

    __slots__ = ("gathering", "lines", "runs", "sockets", "transport")

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.sockets: dict[str, Socket] = {}
        self.lines = transport.reading.lines
        self.runs = transport.reading.runs
        self.gathering: Gathering | None = None

    def add(self, socket: "Socket") -> None:
        """Opens a namespace."""
        self.sockets[socket.namespace] = socket
        self.transport.in_use = True

    def remove(self, socket: "Socket") -> None:
        """Closes a namespace; a transport without any is out of use."""
        if self.sockets.get(socket.namespace) is socket:
            del self.sockets[socket.namespace]
            self.transport.in_use = bool(self.sockets)

    def farewell(self, reason: str) -> list[Message]:
        """Returns the last messages of a connection that ends for `reason`."""
        return [packets.kicked(namespace) for namespace in self.sockets] if reason == "slow" else []


class Socket:
    """A client in a namespace. `scope` is the ASGI scope of its handshake, `data` belongs to the application.

    `public` belongs to the application as well; `server.sockets` shows it to all processes.

    `namespace` is the name sent by the client, `declared` the name declared for it, `params` the values of its
    parameters, `asked` those that the client sent, before validation. `auth` is the auth object of the handshake until
    authentication replaces it; `handshake` keeps it. `expiry` is the timer that disconnects at the end of the
    credentials. `on_leave` is called with the id when the socket has left, on every path.
    """

    __slots__ = (
        *("asked", "auth", "client", "data", "declared", "expiry", "handshake", "home", "id", "namespace", "on_leave"),
        *("params", "public", "_left", "_packets", "_rooms", "_server"),
    )

    id: str
    """The id of the socket, which is a room with this socket alone."""
    namespace: str
    """The name of the namespace that the client sent, such as `/room-5`."""
    declared: str
    """The name that the table declares for it, such as `/room-{id}`."""
    params: dict[str, Value]
    """The values of the parameters of the namespace's name."""
    handshake: Value
    """The `auth` object that the client sent when it connected."""
    data: dict[str, Value]
    """Data of the application, for this socket alone; empty at first."""
    public: dict[str, Value]
    """Data of the application that `server.sockets` shows to all processes; empty at first."""

    def __init__(
        self,
        server: SocketServer,
        client: Client,
        id: str,
        namespace: str,
        found: tuple[str, dict[str, Value]],
        *,
        auth: dict[str, Value] | None,
    ) -> None:
        self.id = id
        self.namespace = namespace
        self.declared, self.params = found
        self.asked = dict(self.params)
        self.client = client
        self.auth: Any = auth
        self.handshake = auth
        self.expiry: asyncio.TimerHandle | None = None
        self.on_leave: Callable[[str], None] | None = None
        self.data = {}
        self.public = {}
        self.home = asyncio.get_running_loop()
        self._server = server
        self._rooms: set[str] | None = set()  # before and after the connection; None while connected
        self._packets: list[Packed] = []  # buffered until the connection is accepted
        self._left = False

    def __repr__(self) -> str:
        return f"<Socket {self.id} of {self.namespace}>"

    @property
    def scope(self) -> Scope:
        """The ASGI scope of the handshake."""
        return self.client.transport.scope

    @property
    def left(self) -> bool:
        """True once the socket is disconnected."""
        return self._left

    @property
    def rooms(self) -> frozenset[str]:
        """The rooms that it joined; in the disconnect hook, those that it had joined."""
        if self._rooms is not None:
            return frozenset(self._rooms)
        return frozenset(self._server.manager.get_rooms(self.id, self.namespace)) - {self.id}

    @anywhere
    async def join(self, room: str) -> None:
        """Enters a room; does nothing once disconnected.

        Raises ValueError for the own room of another socket, and TypeError for a room that is not a string.
        """
        if self._left:
            return
        self._server.manager.expect(self.id, self.namespace, room)
        if self._rooms is None:
            await self._server.manager.enter_room(self.id, self.namespace, room)
        else:
            self._rooms.add(room)

    @anywhere
    async def leave(self, room: str) -> None:
        """Leaves a room; does nothing for a room that it has not joined."""
        if self._rooms is None:
            await self._server.manager.leave_room(self.id, self.namespace, room)
        elif not self._left:
            self._rooms.discard(room)

    @anywhere
    async def emit(self, event: str, data: Value = None) -> None:
        """Sends an event to this client alone. Raises the error of the namespace's `emits`."""
        emitter = self._server.emitter
        if self._rooms is None:
            await emitter.emit(self._check(), event, data, self.namespace, room=self.id)
            return
        packet = await emitter.packed(self._check(), event, data, self.namespace)
        if not self._left:
            self._packets.append(packet)

    @anywhere
    async def disconnect(self, reason: str = "server disconnect") -> None:
        """Disconnects from the namespace; the disconnect hook gets `reason`.

        In a handler of this client it happens after the acknowledgement.
        """
        run = self._run()
        if run is not None:
            run.leaving.append((self, reason))
        else:
            await self._server.dismiss(self, reason)

    @anywhere
    async def authenticate(
        self, auth: dict[str, Value], *, accept: Callable[[Value], bool] | None = None
    ) -> datetime | None:
        """Replaces the credentials by those of another `auth` object of a handshake, such as `{"token": …}`.

        Returns the time when they expire, None if they do not. The socket stays in its rooms, and events that are being
        handled keep the former credentials. Raises the boom that would refuse the connection; then the former
        credentials stay. If `accept(credentials)` returns False, for example for another user, it raises a 403. Raises
        ValueError for a namespace without authentication.
        """
        await self._server.renew(self, auth, accept)
        expires: float = self.auth.expires
        return datetime.fromtimestamp(expires, UTC) if expires < inf else None

    def _run(self) -> Run | None:
        """Returns the run whose handler calls, if it handles an event of this client."""
        run = current_run.get()
        return run if run is not None and run.busy and run.transport is self.client.transport else None

    def call(self, packet: Packed, answered: Callable[..., None]) -> int:
        """Sends a packed event and calls `answered` with the arguments of its acknowledgement; returns the ack id."""
        number = self._server.manager.expect_answer(self.id, answered)
        self.client.transport.put(packets.with_ack_id(packet, self.namespace, number))
        return number

    def forget_call(self, number: int) -> None:
        """Ignores an acknowledgement that arrives later."""
        self._server.manager.ignore_answer(self.id, number)

    def _check(self) -> CheckEmit | None:
        """Returns the check of emits: in a handler of this client that of its event, otherwise the current one."""
        run = self._run()
        hooks = run.context.get(self.declared) if run is not None else None
        return hooks.emits if hooks is not None else self._server.check_of(self.declared)

    def admit(self) -> None:
        """Accepts the connection: registers the socket in its rooms and sends the buffered packets."""
        assert self._rooms is not None
        transport = self.client.transport
        self.client.add(self)
        self._server.manager.admit(self.id, self.namespace, transport, self._rooms)
        self._rooms = None
        transport.deliver(packets.connected(self.namespace, self.id))
        for packet in self._packets:
            transport.put(packet)
        self._packets.clear()

    def forget(self) -> bool:
        """Leaves all rooms but keeps their names for `rooms`; returns False if it has left before."""
        if self._left:
            return False
        self._rooms, self._left = set(self.rooms), True
        self._server.manager.basic_disconnect(self.id, self.namespace)
        self.client.remove(self)
        if self.on_leave is not None:
            self.on_leave(self.id)
        return True

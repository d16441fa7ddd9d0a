"""ClusterRooms: the rooms of this process among those of all processes, which a queue connects.

A process subscribes to the channel of a room while it hosts a member, so that it reads no emit without a recipient. An
emit is delivered here directly, and published on the channel of each of its rooms. A process that hosts members of
several of these rooms gets it several times, and delivers it to each socket once.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Any

from hapiish.realtime.cluster import envelope
from hapiish.realtime.cluster.bus import Bus
from hapiish.realtime.cluster.channels import names_socket, several, socket_id
from hapiish.realtime.cluster.copies import Copies
from hapiish.realtime.cluster.publisher import Publisher
from hapiish.realtime.cluster.pubsub import PubSubRooms
from hapiish.realtime.cluster.stock import StockMessages
from hapiish.realtime.engineio.transport import Transport
from hapiish.realtime.socketio.packets import Packed


class ClusterRooms(PubSubRooms):
    """The rooms of the process `bus.node`. Raises ValueError for an emit of more than `max_bytes`.

    python-socketio's manager does what hapiish's own API does not use: emits with a callback to a socket of another
    process, and `enter_room`, `leave_room`, `close_room` and `disconnect` of such a socket.
    """

    def __init__(self, bus: Bus, *, max_bytes: int) -> None:
        super().__init__()
        self.bus = bus
        self.host_id = f"hapiish:{bus.node}"
        self.unwanted = 0
        """Emits that were read without a member of their room in this process."""
        self._publisher = Publisher(bus, max_bytes)
        self._hosted: dict[bytes, tuple[str, str | None]] = {}
        self._copies = Copies()
        self._stock = StockMessages(self.host_id, self._handle)

    def new_id(self, random: str) -> str:
        """Returns the id of a new socket; it begins with that of the process."""
        return socket_id(self.bus.node, random)

    # Members

    def is_own(self, namespace: str, room: str | None) -> bool:
        """Returns True for the own room of a socket of this process."""
        return room in self.rooms.get(namespace, {}).get(None, {})

    def expect(self, sid: str, namespace: str, room: str | None) -> None:
        """Raises ValueError for a room that the socket `sid` cannot enter: the own room of a socket in any process."""
        super().expect(sid, namespace, room)
        if room is not None and room != sid and names_socket(room):
            raise ValueError("cannot enter the own room of another socket")

    async def reserve(self, sid: str, namespace: str, rooms: Iterable[str]) -> Callable[[], None]:
        """Subscribes for the rooms of a socket before it is accepted; the returned function ends the reservation.

        What is emitted once the client knows that it is connected thus reaches it.
        """
        channels = {self.bus.channels.of(namespace, room) for room in (None, sid, *rooms)}
        for channel in channels:
            self.bus.subscribe(channel)

        def release() -> None:
            for channel in channels:
                self._unsubscribe(channel)

        try:
            await self.bus.active(channels)
        except BaseException:
            release()
            raise
        return release

    async def enter_room(self, sid: str, namespace: str, room: str, eio_sid: Any = None) -> None:
        """Enters a room; returns when emits of other processes reach it, or after a bounded time."""
        await super().enter_room(sid, namespace, room, eio_sid=eio_sid)
        if self.is_connected(sid, namespace):
            await self.bus.active((self.bus.channels.of(namespace, room),))

    def basic_enter_room(self, sid: str, namespace: str, room: str | None, eio_sid: Transport | None = None) -> None:
        """Enters a room; its first member here subscribes to it."""
        is_new = room not in self.rooms.get(namespace, {})
        super().basic_enter_room(sid, namespace, room, eio_sid)
        if is_new:
            channel = self.bus.channels.of(namespace, room)
            self._hosted[channel] = namespace, room
            self.bus.subscribe(channel)

    def basic_leave_room(self, sid: str, namespace: str, room: str | None) -> None:
        """Leaves a room; the last member here ends the subscription."""
        was_there = room in self.rooms.get(namespace, {})
        super().basic_leave_room(sid, namespace, room)
        if was_there and room not in self.rooms.get(namespace, {}):
            self._unsubscribe(self.bus.channels.of(namespace, room))

    def _unsubscribe(self, channel: bytes) -> None:
        self.bus.unsubscribe(channel)
        if not self.bus.wants(channel):
            self._hosted.pop(channel, None)

    # Emits

    def broadcast(
        self,
        packet: Packed,
        namespace: str,
        room: str | Iterable[str] | None,
        skipped: Collection[str] = (),
        excepted: str | Collection[str] = (),
    ) -> None:
        """Delivers a packet to the members of rooms in this process and publishes it for those in others."""
        rooms = several(room)
        own = self.rooms.get(namespace, {}).get(None, {})
        remote = [name for name in rooms if name not in own]
        excluded = [excepted] if isinstance(excepted, str) else [*excepted]
        ids = [each for each in skipped if each is not None and each not in own]
        messages = self._publisher.messages(packet, namespace, remote, ids, excluded) if remote else ()
        self.deliver(packet, namespace, room if room is None or isinstance(room, str) else rooms, skipped, excluded)
        for channel, message in messages:
            self.bus.publish(channel, message)
        if remote and not excluded:
            self._publisher.publish_stock(packet, namespace, remote, ids)

    def received(self, channel: bytes, message: bytes) -> int:
        """Delivers an emit of another process; returns to how many sockets. Raises ValueError for another program's."""
        hosted = self._hosted.get(channel)
        if hosted is None:  # the last member has just left
            self.unwanted += 1
            return 0
        namespace, room = hosted
        header, body = envelope.open_(message)
        if header.room is not None:
            room = header.room
        members = self.rooms.get(namespace, {}).get(room)
        if members is None:
            self.unwanted += 1
            return 0
        packet = envelope.packed_of(body, header.sizes)
        if header is envelope.PLAIN:
            for transport in members.values():
                transport.deliver(packet)  # type: ignore[arg-type]
            return len(members)
        skipped = set(header.skipped)
        if header.number:
            delivered = self._copies.of(message[1 : envelope.START], header.number)
            skipped |= delivered
            delivered.update(members)
        self.deliver(packet, namespace, room, skipped, header.excluded)
        return len(members)

    # python-socketio's channel

    def received_stock(self, message: bytes) -> int:
        """Queues a message of a server or emitter of python-socketio."""
        return self._stock.received(message)

    async def _handle(self, data: Any) -> None:
        handlers = {
            "emit": self._handle_emit,
            "callback": self._handle_callback,
            "disconnect": self._handle_disconnect,
            "enter_room": self._handle_enter_room,
            "leave_room": self._handle_leave_room,
            "close_room": self._handle_close_room,
        }
        if (method := data.get("method")) in handlers:
            await handlers[method](data)

    async def _publish(self, data: Any) -> None:
        """Sends a message to all processes on the channel of python-socketio."""
        self.bus.publish_stock(self.json.dumps(data).encode())

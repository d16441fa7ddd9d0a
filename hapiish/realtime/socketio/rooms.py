"""Rooms: python-socketio's manager with plain dictionaries, a reverse index and an emit without a task per recipient.

`rooms[namespace][room][socket id]` is the transport. Room None holds every socket, and each socket has its own room,
named after its id.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from typing import Any

import socketio

from hapiish.realtime.engineio.transport import Transport
from hapiish.realtime.socketio import packets
from hapiish.realtime.socketio.deliveries import RECIPIENTS_PER_TURN, Deliveries
from hapiish.realtime.socketio.packets import Packed
from hapiish.types import Value

Members = dict[str, Transport]


class Rooms(socketio.AsyncManager):
    """The rooms of one process. `reserve`, of rooms that several processes share, prepares a socket's rooms for it."""

    reserve: Callable[[str, str, Iterable[str]], Awaitable[Callable[[], None]]] | None = None

    def __init__(self) -> None:
        super().__init__()
        self.rooms: dict[str, dict[str | None, Members]] = {}
        self.joined: dict[str, set[str | None]] = {}
        self.deliveries = Deliveries(self.joined)

    def admit(self, sid: str, namespace: str, transport: Transport, rooms: Iterable[str]) -> None:
        """Registers an accepted socket in its own room and in `rooms`."""
        for room in (None, sid, *rooms):
            self.basic_enter_room(sid, namespace, room, transport)

    def basic_enter_room(self, sid: str, namespace: str, room: str | None, eio_sid: Transport | None = None) -> None:
        """Enters a room. Raises ValueError for the own room of another socket, and for an unconnected socket."""
        connected = self.rooms.get(namespace, {}).get(None, {})
        transport = eio_sid or connected.get(sid)
        if transport is None:
            raise ValueError("the socket is not connected to the namespace")
        self.expect(sid, namespace, room)
        self.rooms.setdefault(namespace, {}).setdefault(room, {})[sid] = transport
        self.joined.setdefault(sid, set()).add(room)

    def expect(self, sid: str, namespace: str, room: str | None) -> None:
        """Raises ValueError for the own room of another socket, and TypeError for a room that is not a string."""
        if room is not None and not isinstance(room, str):
            raise TypeError(f"a room is a string, not {type(room).__name__}")
        if room != sid and room in self.rooms.get(namespace, {}).get(None, {}):
            raise ValueError("cannot enter the own room of another socket")

    def basic_leave_room(self, sid: str, namespace: str, room: str | None) -> None:
        """Leaves a room, if it has joined it; an empty room is deleted."""
        rooms = self.rooms.get(namespace, {})
        members = rooms.get(room, {})
        if members.pop(sid, None) is None:
            return
        self.joined[sid].discard(room)
        if not members:
            del rooms[room]
            if not rooms:
                del self.rooms[namespace]

    def basic_disconnect(self, sid: str, namespace: str, **_: Any) -> None:
        """Leaves all rooms; the cost depends on the rooms of this socket alone."""
        for room in tuple(self.joined.get(sid, ())):
            self.basic_leave_room(sid, namespace, room)
        self.joined.pop(sid, None)
        self.callbacks.pop(sid, None)

    def get_rooms(self, sid: str, namespace: str) -> list[str]:
        """Returns the rooms of a socket, its own included."""
        return [room for room in self.joined.get(sid, ()) if room is not None]

    def get_participants(self, namespace: str, room: str | Iterable[str] | None) -> Iterator[tuple[str, str]]:
        """Yields the socket and transport ids of a room, or of the union of several."""
        for sid, transport in tuple(self.members(namespace, room).items()):
            yield sid, transport.sid

    def eio_sid_from_sid(self, sid: str, namespace: str) -> str | None:
        """Returns the transport id of a socket."""
        transport = self.rooms.get(namespace, {}).get(None, {}).get(sid)
        return transport.sid if transport is not None else None

    async def emit(
        self,
        event: str,
        data: Value,
        namespace: str,
        *,
        room: str | Iterable[str] | None = None,
        skip_sid: str | list[str] | set[str] | None = None,
        callback: Any = None,
        to: str | Iterable[str] | None = None,
        **options: Any,
    ) -> None:
        """Encodes an event once for all recipients. A tuple as `data` is several arguments.

        The library emits events with an acknowledgement callback. Raises TypeError for data that cannot be encoded.
        """
        target = to if to is not None else room
        if callback is not None:
            skip_list = [*skip_sid] if isinstance(skip_sid, set) else skip_sid
            await super().emit(event, data, namespace, room=target, skip_sid=skip_list, callback=callback, **options)
            return
        skipped: Any = skip_sid if isinstance(skip_sid, list | set) else (skip_sid,)
        self.deliver(packets.emitted(namespace, event, data), namespace, target, skipped)
        await self.deliveries.done()

    def deliver(
        self,
        packet: Packed,
        namespace: str,
        room: str | Iterable[str] | None,
        skipped: Collection[str],
        excepted: str | Collection[str] = (),
    ) -> None:
        """Delivers a packet to the sockets of a room, or of the union of several.

        Excludes the sockets with ids in `skipped`, and those in the room or rooms `excepted`.
        """
        members = self.members(namespace, room)
        if excepted:
            skipped = {*skipped, *self.members(namespace, excepted)}
        if len(members) > RECIPIENTS_PER_TURN or self.deliveries.waiting:
            self.deliveries.add(packet, members, skipped)
            return
        for message in packet if isinstance(packet, list) else (packet,):
            for sid, transport in members.items():
                if sid not in skipped:
                    transport.deliver(message)

    broadcast = deliver
    """Delivers a packet in every process."""

    def new_id(self, random: str) -> str:
        """Returns the id of a new socket, from a random text."""
        return random

    def expect_answer(self, sid: str, callback: Callable[..., None]) -> int:
        """Returns the ack id of an event to a socket; `callback` gets the arguments of its acknowledgement."""
        number: int = self._generate_ack_id(sid, callback)
        return number

    def ignore_answer(self, sid: str, number: int) -> None:
        """Forgets the callback of an ack id."""
        self.callbacks.get(sid, {}).pop(number, None)

    def members(self, namespace: str, room: str | Iterable[str] | None) -> Members:
        """Returns the transports of a room, or of the union of several, by socket id; not to be changed."""
        rooms = self.rooms.get(namespace, {})
        if room is None or isinstance(room, str):
            return rooms.get(room, {})
        members: Members = {}
        for name in room:
            members.update(rooms.get(name, {}))
        return members

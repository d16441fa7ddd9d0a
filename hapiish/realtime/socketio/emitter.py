"""Emits: an event of the server is checked, encoded once and delivered to rooms."""

from collections.abc import Collection, Sequence

from hapiish import codec
from hapiish.realtime.socketio import packets
from hapiish.realtime.socketio.events import CheckEmit
from hapiish.realtime.socketio.packets import Packed
from hapiish.realtime.socketio.rooms import Rooms
from hapiish.types import Run, Value


class Emitter:
    """Sends to the sockets of `rooms`; `run` evaluates lazy documents in a thread."""

    __slots__ = ("_rooms", "_run")

    def __init__(self, rooms: Rooms, run: Run) -> None:
        self._rooms = rooms
        self._run = run

    async def emit(
        self,
        check: CheckEmit | None,
        event: str,
        data: Value,
        namespace: str,
        *,
        room: str | Sequence[str] | None = None,
        skipped: Collection[str] = (),
        excepted: str | Collection[str] = (),
        local: bool = False,
    ) -> None:
        """Sends an event that passes `check` to a room, several, or all; with `local`, to those of this process alone.

        Raises the error of `check`, and TypeError.
        """
        try:
            if check is not None:
                check(event, data)
            packet = packets.emitted(namespace, event, data)
        except codec.UnevaluatedError:
            packet = await self.packed(check, event, data, namespace)
        send = self._rooms.deliver if local else self._rooms.broadcast
        send(packet, namespace, room, skipped, excepted)
        if self._rooms.deliveries.waiting:
            await self._rooms.deliveries.done()

    async def packed(self, check: CheckEmit | None, event: str, data: Value, namespace: str) -> Packed:
        """Returns the encoded event; documents that are not loaded yet are loaded in a thread."""
        return await pack(check, event, data, namespace, run=self._run)


async def pack(check: CheckEmit | None, event: str, data: Value, namespace: str, *, run: Run) -> Packed:
    """Returns the encoded event, which has passed `check`. Raises the error of `check`, and TypeError."""
    try:
        if check is not None:
            check(event, data)
        return packets.emitted(namespace, event, data)
    except codec.UnevaluatedError:
        data = await run(codec.to_json_types, data)
    if check is not None:
        check(event, data)
    return packets.emitted(namespace, event, data)

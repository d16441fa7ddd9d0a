"""Publisher: the messages that carry an emit to other processes, one on the channel of each of its rooms."""

from collections.abc import Collection, Iterable
from itertools import count

from hapiish import codec
from hapiish.realtime.cluster import envelope
from hapiish.realtime.cluster.bus import Bus
from hapiish.realtime.cluster.channels import names_socket
from hapiish.realtime.cluster.envelope import EMIT, Header
from hapiish.realtime.cluster.stock import MARK, stock_message
from hapiish.realtime.socketio.packets import Packed


class Publisher:
    """Makes the messages of emits. Raises ValueError for an emit of more than `max_bytes`."""

    __slots__ = ("_bus", "_max_bytes", "_numbers")

    def __init__(self, bus: Bus, max_bytes: int) -> None:
        self._bus = bus
        self._max_bytes = max_bytes
        self._numbers = count(1)

    def messages(
        self,
        packet: Packed,
        namespace: str,
        rooms: Collection[str | None],
        skipped: Iterable[str | None] = (),
        excluded: Collection[str] = (),
    ) -> list[tuple[bytes, bytes]]:
        """Returns the messages with their channels."""
        body, sizes = envelope.body_of(packet)
        if sum(map(len, body)) > self._max_bytes:
            raise ValueError(f"the emit has more than the {self._max_bytes} bytes of sockets.queue.maxBytes")
        ids = [each for each in skipped if each is not None]
        number = next(self._numbers) if len(rooms) > 1 else 0
        names, node = self._bus.channels, self._bus.node
        plain = b"" if number or ids or excluded or sizes else envelope.seal(EMIT, node, envelope.PLAIN, body)
        messages = []
        for room in rooms:
            shared = room if room is not None and names_socket(room) else None
            if plain and shared is None:
                message = plain
            else:
                message = envelope.seal(EMIT, node, Header(number, shared, ids, [*excluded], sizes), body)
            messages.append((names.of(namespace, room), message))
        return messages

    def publish_stock(
        self, packet: Packed, namespace: str, rooms: Collection[str | None], skipped: Iterable[str | None] = ()
    ) -> None:
        """Publishes an emit for servers of python-socketio, if there are any."""
        if self._bus.stock_servers:
            message = stock_message(packet, namespace, rooms, skipped, f"hapiish:{self._bus.node}")
            self._bus.publish_stock(codec.encode({**message, MARK: True}))

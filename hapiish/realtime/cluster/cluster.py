"""Cluster: what a process has in a service of several processes: its bus, rooms and exchange."""

from functools import partial
from typing import TYPE_CHECKING

from hapiish.options import Queue
from hapiish.realtime.cluster.bus import Bus
from hapiish.realtime.cluster.bus_exchange import BusExchange
from hapiish.realtime.cluster.envelope import EMIT, QUESTION, REPLY, START
from hapiish.realtime.cluster.exchange import Perform
from hapiish.realtime.cluster.rooms import ClusterRooms

if TYPE_CHECKING:
    from hapiish.realtime.socketio.hub import Hub


class Cluster:
    """The bus of this process, and its `rooms` and `exchange` on it."""

    def __init__(self, queue: Queue) -> None:
        self.bus = Bus(
            queue.url,
            partition=queue.partition,
            on_message=self._received,
            on_stock=self._received_stock,
            stock=queue.channel,
        )
        self.rooms = ClusterRooms(self.bus, max_bytes=queue.max_bytes)
        self.exchange: BusExchange
        self._node = self.bus.node.encode()

    def exchange_of(self, hub: "Hub", perform: Perform) -> BusExchange:
        """Returns the exchange that performs operations on the sockets of `hub`."""
        self.exchange = BusExchange(self.bus, partial(perform, hub), self.rooms.is_own)
        return self.exchange

    @property
    def is_away(self) -> bool:
        """True while other processes cannot be reached."""
        return self.bus.is_away

    async def start(self) -> None:
        """Connects to the queue; returns after a bounded time if it is away."""
        await self.bus.start()

    async def close(self) -> None:
        """Closes the connections."""
        await self.bus.close()

    def _received_stock(self, channel: bytes, message: bytes) -> int:
        return self.rooms.received_stock(message)

    def _received(self, channel: bytes, message: bytes) -> int:
        kind = message[:1]
        if kind == EMIT:
            return self.rooms.received(channel, message) if message[1:START] != self._node else 0
        if kind == QUESTION:
            self.exchange.asked(message)
        elif kind == REPLY:
            self.exchange.received_reply(message)
        else:
            raise ValueError("not a kind of message")
        return 0

"""Bus: publishes messages to channels of the queue and subscribes to channels, on one Redis or on a Redis Cluster.

While the queue is away nothing raises or waits: messages are dropped, and subscriptions are made when it is back.
"""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any

from hapiish.outages import Service
from hapiish.realtime.cluster.channels import Channels, node_id
from hapiish.realtime.cluster.shard import OnMessage, Shard, ShardEvents
from hapiish.realtime.cluster.topology import Seeds, Topology

NAME = "the queue of the sockets"

WARNING_PAUSE = 10.0
"""Seconds between warnings about messages that are not understood."""

MOST_LOGGED = 64
"""Bytes of a channel's name in a line of the log."""

START = 2.5
"""Longest time that a start waits for the queue, in seconds."""

logger = logging.getLogger("hapiish.realtime")


class Bus:
    """The connection of one process, the node `node`, to the queue at `url`. Runs between `start` and `close`.

    `on_message(channel, payload)` gets the messages of subscribed channels, `on_stock(payload)` those of the channel
    `stock`, on which servers and emitters of python-socketio publish; both return the number of deliveries.
    Raises ValueError for an invalid `url`.
    """

    def __init__(
        self,
        url: str,
        *,
        partition: str = "hapiish",
        on_message: OnMessage | None = None,
        on_stock: OnMessage | None = None,
        stock: str | None = None,
        meanwhile: str = "events reach only the clients of their own process",
    ) -> None:
        self.node = node_id()
        self.channels = Channels(partition)
        self.stock = stock.encode() if stock is not None else None
        self.read = 0
        """The number of messages read from channels, those of heartbeats and replies excluded."""
        self.inbox = self.channels.of_node(self.node)
        self._meanwhile = meanwhile
        self._service = self._named(NAME)
        self._stock_servers: dict[Shard, int] = {}
        self._warn_again = 0.0
        self._seeds = Seeds(url)
        self._on_message = on_message
        self._on_stock = on_stock
        self._counts: dict[bytes, int] = {}
        self._topology: Topology | None = None
        self._shards: dict[str, Shard] = {}
        self._mapping: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._map_again = asyncio.Event()
        self._has_topology = asyncio.Event()

    @property
    def is_away(self) -> bool:
        """True while a server of the queue does not answer."""
        shards = self._shards.values()
        return not shards or any(shard.is_away for shard in shards)

    @property
    def stock_servers(self) -> int:
        """The number of processes of python-socketio that listen on the channel `stock`."""
        return sum(self._stock_servers.values())

    async def start(self) -> None:
        """Connects; waits a bounded time for the queue, and continues to connect if it is away."""
        if self._mapping is None:
            self._mapping = asyncio.create_task(self._map())
            with suppress(TimeoutError):
                async with asyncio.timeout(START):
                    await self._mapped()

    async def close(self) -> None:
        """Sends what waits, within a bounded time, and closes the connections."""
        if self._mapping is not None:
            self._mapping.cancel()
            with suppress(asyncio.CancelledError):
                await self._mapping
            self._mapping = None
        shards, self._shards, self._topology = tuple(self._shards.values()), {}, None
        await asyncio.gather(*(shard.close() for shard in shards))

    # Messages

    def publish(self, channel: bytes, payload: bytes) -> bool:
        """Sends a message to the subscribers of a channel; returns False if the queue is away."""
        shard = self._shard(channel)
        return shard is not None and shard.publish(channel, payload)

    def publish_counted(self, channel: bytes, payload: bytes) -> asyncio.Future[Any] | None:
        """Sends a message; returns the future of the number of its receivers, None if the queue is away."""
        shard = self._shard(channel)
        return shard.publish_counted(channel, payload) if shard is not None else None

    def publish_stock(self, payload: bytes) -> None:
        """Sends a message to servers of python-socketio."""
        if self.stock is not None:
            for shard in self._shards.values():
                if shard.is_up:
                    shard.publish_plain(self.stock, payload)
                    return

    # Subscriptions

    def subscribe(self, channel: bytes) -> None:
        """Subscribes to a channel, until `unsubscribe` is called as often as this."""
        count = self._counts.get(channel, 0)
        self._counts[channel] = count + 1
        if not count and (shard := self._shard(channel)) is not None:
            shard.subscribe(channel)

    def unsubscribe(self, channel: bytes) -> None:
        """Ends a subscription that nobody needs any more."""
        count = self._counts[channel] - 1
        if count:
            self._counts[channel] = count
            return
        del self._counts[channel]
        if (shard := self._shard(channel)) is not None:
            shard.unsubscribe(channel)

    def wants(self, channel: bytes) -> bool:
        """Returns True for a channel that is subscribed, or will be when the queue is back."""
        return channel in self._counts

    async def active(self, channels: Iterable[bytes]) -> None:
        """Waits until subscriptions are confirmed: at most about a second, and not at all while the queue is away."""
        by_shard: dict[Shard, list[bytes]] = {}
        for channel in channels:
            if (shard := self._shard(channel)) is not None and not shard.confirmed(channel):
                by_shard.setdefault(shard, []).append(channel)
        for shard, waiting in by_shard.items():
            await shard.active(waiting)

    # Servers

    def _shard(self, channel: bytes) -> Shard | None:
        return self._shards.get(self._topology.server_of(channel)) if self._topology is not None else None

    async def _mapped(self) -> None:
        await self._has_topology.wait()
        for shard in tuple(self._shards.values()):
            await shard.first.wait()

    async def _map(self) -> None:
        """Learns the servers of the queue, at the start and whenever one reports that they have changed."""
        while True:
            self._map_again.clear()
            try:
                topology = await self._seeds.topology(self._topology)
            except Exception as error:  # noqa: BLE001 - it tries again
                self._service.lost(error, yet=True)
                await asyncio.sleep(1)
                continue
            self._service.back()
            if topology != self._topology:
                self._adopt(topology)
            for shard in self._shards.values():
                shard.renew()
            await self._map_again.wait()
            await asyncio.sleep(0.2)

    def _adopt(self, topology: Topology) -> None:
        before, self._topology = self._shards, topology
        self._has_topology.set()
        self._shards = {server: before.get(server) or self._new_shard(server, topology) for server in topology.servers}
        for server, shard in self._shards.items():
            # A pattern, because PUBSUB NUMSUB then counts the servers of python-socketio alone. On one server, because
            # all servers of a cluster pass on what is published.
            is_first = server == topology.servers[0] and self._on_stock is not None
            shard.set_pattern(_only(self.stock) if is_first and self.stock is not None else None)
        for server, shard in before.items():
            if server not in self._shards:
                self._stock_servers.pop(shard, None)
                task = asyncio.create_task(shard.close())
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)
        for channel in (self.inbox, *self._counts):
            owner = self._shard(channel)
            for shard in self._shards.values():
                if shard is owner and not shard.wants(channel):
                    shard.subscribe(channel)
                elif shard is not owner and shard.wants(channel):
                    shard.unsubscribe(channel)

    def _new_shard(self, server: str, topology: Topology) -> Shard:
        events = ShardEvents(
            on_message=self._received,
            on_pattern=self._received_stock,
            on_beat=self._look_for_stock,
            on_moved=self._moved,
        )
        beat = topology.channel_on(server, self.channels, self.node)
        make = self._seeds.maker(server)
        service = self._named(NAME if len(topology.servers) == 1 else f"{NAME} at {server}")
        return Shard(make, events, service, beat=beat, dialect=topology.dialect)

    def _named(self, name: str) -> Service:
        return Service(name, self._meanwhile, log="hapiish.realtime")

    def _moved(self) -> None:
        if self._seeds.may_change:
            self._map_again.set()

    # What arrives

    def _received(self, channel: bytes, payload: bytes) -> int:
        self.read += channel != self.inbox
        if self._on_message is None:
            return 0
        try:
            return self._on_message(channel, payload)
        except Exception as error:  # noqa: BLE001 - nothing that arrives may end the reader
            return self._ignore(channel, error)

    def _received_stock(self, channel: bytes, payload: bytes) -> int:
        assert self._on_stock is not None
        try:
            return self._on_stock(channel, payload)
        except Exception as error:  # noqa: BLE001 - as above
            return self._ignore(channel, error)

    def _ignore(self, channel: bytes, error: Exception) -> int:
        """Logs a message that is not understood, at most once in `WARNING_PAUSE` seconds."""
        if monotonic() >= self._warn_again:
            self._warn_again = monotonic() + WARNING_PAUSE
            logger.warning("a message on the channel %r is ignored", channel[:MOST_LOGGED], exc_info=error)
        return 0

    async def count_stock(self) -> None:
        """Counts the servers of python-socketio, which otherwise happens with each heartbeat."""
        replies = [self._look_for_stock(shard) for shard in self._shards.values()]
        await asyncio.gather(*(each for each in replies if each is not None), return_exceptions=True)

    def _look_for_stock(self, shard: Shard) -> asyncio.Future[Any] | None:
        if self.stock is None:
            return None
        reply = shard.ask(b"PUBSUB", b"NUMSUB", self.stock)
        if reply is not None:
            reply.add_done_callback(partial(self._count_stock, shard))
        return reply

    def _count_stock(self, shard: Shard, reply: asyncio.Future[Any]) -> None:
        if not reply.cancelled() and reply.exception() is None:
            self._stock_servers[shard] = int(reply.result()[1])


def _only(channel: bytes) -> bytes:
    """Returns a pattern (of Redis) that matches this channel only."""
    escaped = b"".join(b"\\" + bytes([each]) if each in b"*?[]\\^-" else bytes([each]) for each in channel)
    return b"[%b]" % channel[:1] + escaped[1:] if channel[:1].isalnum() else escaped

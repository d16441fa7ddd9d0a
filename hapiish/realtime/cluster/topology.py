"""Topology: the servers of the queue, and which of them has a channel. One Redis, or the masters of a Redis Cluster."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from redis.asyncio.connection import ConnectionPool
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot

from hapiish.realtime.cluster.channels import Channels
from hapiish.realtime.cluster.link import PATIENCE, Link
from hapiish.realtime.cluster.resp import ReplyError, command
from hapiish.realtime.cluster.shard import PLAIN, SHARDED, Dialect

SCHEMES: Mapping[str, str] = {
    "redis": "redis",
    "rediss": "rediss",
    "unix": "unix",
    "valkey": "redis",
    "valkeys": "rediss",
    "redis+cluster": "redis",
    "rediss+cluster": "rediss",
    "valkey+cluster": "redis",
    "valkeys+cluster": "rediss",
}
"""The schemes of a queue's URL that Redis and Valkey serve, with redis-py's scheme for them."""


@dataclass(frozen=True, slots=True)
class Topology:
    """The `servers` by address. In a cluster, `slots` has the index of the server of each hash slot."""

    servers: tuple[str, ...]
    slots: Sequence[int] = field(default=(), repr=False)
    dialect: Dialect = PLAIN

    def server_of(self, channel: bytes) -> str:
        """Returns the server of a channel."""
        return self.servers[self.slots[key_slot(channel)]] if self.slots else self.servers[0]

    def channel_on(self, server: str, channels: Channels, node: str) -> bytes:
        """Returns a channel of a process on this server."""
        number = 0
        while True:
            channel = channels.of_node(node, f":{number}")
            if self.server_of(channel) == server:
                return channel
            number += 1


class Seeds:
    """The servers of a queue's URL. A cluster may name several: `redis+cluster://a:6379,b:6379`.

    Raises ValueError for an invalid URL.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        scheme = SCHEMES.get(parts.scheme)
        if scheme is None:
            raise ValueError(f'the URL of a queue begins with one of {", ".join(SCHEMES)}, not "{parts.scheme}"')
        self.must_be_cluster = parts.scheme.endswith("+cluster")
        user, at, addresses = parts.netloc.rpartition("@")
        self._pools = {
            address: _pool(urlunsplit(parts._replace(scheme=scheme, netloc=user + at + address)))
            for address in addresses.split(",")
        }
        if len(self._pools) == 1 and scheme == parts.scheme:
            self._pools = {addresses: _pool(url)}
        self._first = next(iter(self._pools))
        self.may_change = self.must_be_cluster

    def maker(self, server: str) -> Callable[[], Any]:
        """Returns the function that makes connections to a server."""
        if server not in self._pools:
            host, _, port = server.rpartition(":")
            kwargs = {**self._pools[self._first].connection_kwargs, "host": host, "port": int(port)}
            made = self._pools[self._first].connection_class
            return lambda: made(**kwargs)
        return self._pools[server].make_connection

    async def topology(self, known: Topology | None) -> Topology:
        """Asks the servers, known ones first. Raises the error of the last one if none answers."""
        failure: Exception | None = None
        for server in dict.fromkeys((*(known.servers if known is not None else ()), *self._pools)):
            try:
                return await self._ask(server)
            except Exception as error:  # noqa: BLE001 - the next one is asked
                failure = error
        if known is not None:
            return known
        if not self.must_be_cluster and len(self._pools) == 1:
            self.may_change = True
            return Topology((self._first,))  # a shard reports the outage, and asks again
        assert failure is not None
        raise failure

    async def _ask(self, server: str) -> Topology:
        link = await Link.open(self.maker(server))
        try:
            try:
                ranges = await link.ask(command(b"CLUSTER", b"SLOTS"))
            except ReplyError:
                if self.must_be_cluster:
                    raise
                self.may_change = False
                return Topology((server,))
            sharded = False
            with suppress(ReplyError):
                sharded = (await link.ask(command(b"COMMAND", b"INFO", b"SPUBLISH")))[0] is not None
        finally:
            link.close()
        self.may_change = True
        if not sharded:
            return Topology((server,))
        return _topology(ranges, server)


def _topology(ranges: Any, asked: str) -> Topology:
    """Returns the topology for the reply to CLUSTER SLOTS."""
    own = asked.rpartition(":")[0]
    servers: dict[str, int] = {}
    slots = [0] * REDIS_CLUSTER_HASH_SLOTS
    for first, last, master, *_ in sorted(ranges, key=lambda each: each[0]):
        host = (master[0] or b"").decode() or own
        index = servers.setdefault(f"{host}:{master[1]}", len(servers))
        slots[first : last + 1] = [index] * (last - first + 1)
    if not servers:
        raise ConnectionError("the cluster has no slots yet")
    return Topology(tuple(servers), tuple(slots), SHARDED)


def _pool(url: str) -> ConnectionPool:
    return ConnectionPool.from_url(url, protocol=2, socket_timeout=None, socket_connect_timeout=PATIENCE)

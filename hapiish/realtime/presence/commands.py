"""RedisCommands: commands to the Redis of presence: one server, or a Redis Cluster."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit, urlunsplit

from redis.asyncio import Redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import MovedError

PATIENCE: Final = 1.0
"""Seconds that a command waits for Redis."""


class RedisCommands:
    """Sends commands to the Redis of a queue's URL. Raises RedisError and OSError; connects on first use."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        scheme, _, kind = parts.scheme.replace("valkey", "redis").partition("+")
        self._login, at, self._addresses = parts.netloc.rpartition("@")
        self._login += at
        self._parts = parts._replace(scheme=scheme)
        self._in_cluster = kind == "cluster"
        self._redis: Any = None

    async def run(self, *command: Any) -> Any:
        """Runs a command whose first argument is its key."""
        return await self._run(command)

    async def script(self, script: str, keys: Sequence[str], *arguments: Any) -> Any:
        """Runs a script on keys of one hash slot."""
        return await self._run(("EVAL", script, len(keys), *keys, *arguments))

    async def close(self) -> None:
        """Closes the connections; the next command opens them again."""
        redis, self._redis = self._redis, None
        if redis is not None:
            await redis.aclose()

    async def _run(self, command: Sequence[Any]) -> Any:
        if self._redis is None:
            self._redis = self._connect()
        try:
            return await self._redis.execute_command(*command)
        except MovedError:
            if self._in_cluster:
                raise
        self._in_cluster = True  # the URL of one server of a cluster
        await self.close()
        return await self._run(command)

    def _connect(self) -> Any:
        settings: dict[str, Any] = {
            "decode_responses": True,
            "socket_timeout": PATIENCE,
            "socket_connect_timeout": PATIENCE,
        }
        if not self._in_cluster:
            # One immediate retry: Redis may have closed an idle connection of the pool.
            return Redis.from_url(self._url(self._addresses), retry=Retry(NoBackoff(), 1), **settings)
        addresses = self._addresses.split(",")
        nodes = [ClusterNode(each.hostname or "", each.port or 6379) for each in map(_address, addresses)]
        return RedisCluster.from_url(self._url(addresses[0]), startup_nodes=nodes, **settings)

    def _url(self, address: str) -> str:
        return urlunsplit(self._parts._replace(netloc=self._login + address))


def _address(text: str) -> SplitResult:
    return urlsplit(f"//{text}")

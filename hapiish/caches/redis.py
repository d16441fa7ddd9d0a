"""The Redis store: shared by processes and machines, in the format of catbox-redis.

Key `partition:segment:id`, each part URL-encoded; value `{"item", "stored", "ttl"}` as JSON, so that a hapi server can
share the cache. Bytes are base64 in `bytes`, because JSON has no bytes.
"""

import time
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import quote

import orjson
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as NoAnswer

from hapiish import codec
from hapiish.bridge import anywhere
from hapiish.caches.memory import MemoryStore
from hapiish.caches.store import Entry, UnavailableError, pack
from hapiish.options.caches import RedisCache
from hapiish.types import Value

T = TypeVar("T")
_AWAY = (NoConnection, NoAnswer, OSError)


class RedisStore:
    """Stores values in the Redis at `url` under `partition`. A call waits at most `timeout` milliseconds.

    Raises UnavailableError, a retryable 503, if Redis is unavailable or does not answer in time; reconnects
    automatically. Raises ValueError for an invalid `url`.
    """

    def __init__(
        self, *, url: str, partition: str = "hapiish", timeout: int = 1000, clock: Callable[[], float] = time.time
    ) -> None:
        self._url = url
        self._partition = quote(partition, safe="")
        self._timeout = timeout / 1000
        self._clock = clock
        self._client: Any = None
        self._connect()  # validates the URL; opens no connection yet

    def _connect(self) -> Any:
        return Redis.from_url(
            self._url,
            socket_timeout=self._timeout,
            socket_connect_timeout=self._timeout,
            # One immediate retry: Redis may have closed an idle connection of the pool.
            retry=Retry(NoBackoff(), 1),
        )

    @property
    def is_ready(self) -> bool:
        """True between `start` and `stop`, even while Redis is unavailable."""
        return self._client is not None

    @anywhere
    async def start(self) -> None:
        """Connects. Raises UnavailableError if Redis is unavailable; the store is started and works when it answers."""
        if self._client is None:
            self._client = self._connect()
            await self._ask(lambda client: client.ping())

    @anywhere
    async def stop(self) -> None:
        """Closes the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    @anywhere
    async def get(self, segment: str, id: str) -> Entry | None:
        """Returns the entry. A value of another program in a different format counts as missing."""
        text = await self._ask(lambda client: client.get(self._key(segment, id)))
        if text is None:
            return None
        try:
            envelope = codec.decode_trusted(text)
            value = b64decode(envelope["bytes"]) if "bytes" in envelope else envelope["item"]
            return Entry(value, int(envelope["stored"]), int(envelope["ttl"]))
        except (ValueError, KeyError, TypeError):
            return None

    @anywhere
    async def set(self, segment: str, id: str, value: Value, ttl: int) -> None:
        """Stores a serialised copy. Raises TypeError for a value that does not survive serialisation."""
        times = {"stored": round(self._clock() * 1000), "ttl": ttl}
        if isinstance(value, bytes):
            text = orjson.dumps({"bytes": b64encode(value).decode(), **times})
        else:
            text = orjson.dumps({"item": orjson.Fragment(pack(value)), **times})
        await self._ask(lambda client: client.set(self._key(segment, id), text, px=ttl))

    @anywhere
    async def drop(self, segment: str, id: str) -> None:
        """Removes a value, if present."""
        await self._ask(lambda client: client.delete(self._key(segment, id)))

    async def _ask(self, command: Callable[[Any], Awaitable[T]]) -> T:
        if self._client is None:
            raise UnavailableError("The cache is not started")
        try:
            return await command(self._client)
        except (RedisError, OSError) as error:
            raise UnavailableError(is_away=isinstance(error, _AWAY)) from error

    def _key(self, segment: str, id: str) -> str:
        return f"{self._partition}:{quote(segment, safe='')}:{quote(id, safe='')}"


def redis_store(server: object, options: RedisCache) -> RedisStore | MemoryStore:
    """Returns the store of the provider `redis`; without a URL, one in memory, so that one table serves both cases."""
    if not options.url:
        return MemoryStore()
    return RedisStore(url=options.url, partition=options.partition, timeout=options.timeout)

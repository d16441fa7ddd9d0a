"""A store in Redis, by the `redis` library: shared by processes and machines, in catbox-redis's own format.

Key `partition:segment:id`, each part URL-encoded; value `{"item", "stored", "ttl"}` as JSON, so that a hapi server can
use the same cache. Bytes, which JSON does not have, are kept as base64 under `bytes`.
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
from hapiish.caches.store import Entry, UnavailableError, pack

T = TypeVar("T")
_AWAY = (NoConnection, NoAnswer, OSError)


class RedisStore:
    """Keeps values in the Redis at `url` under `partition`; a call waits `timeout` milliseconds at most.

    A Redis that is away or does not answer in time is a 503 that may be tried again; connections come back by
    themselves. Raises ValueError for a `url` that is none.
    """

    def __init__(
        self, *, url: str, partition: str = "hapiish", timeout: int = 1000, clock: Callable[[], float] = time.time
    ) -> None:
        self._url = url
        self._partition = quote(partition, safe="")
        self._timeout = timeout / 1000
        self._clock = clock
        self._client: Any = None
        self._connect()  # opens nothing yet, but knows a URL

    def _connect(self) -> Any:
        return Redis.from_url(
            self._url,
            socket_timeout=self._timeout,
            socket_connect_timeout=self._timeout,
            # Once more at once: a connection of the pool may be one that Redis has closed since.
            retry=Retry(NoBackoff(), 1),
        )

    @property
    def is_ready(self) -> bool:
        """Whether it was started; whether Redis answers is told by the next call."""
        return self._client is not None

    @anywhere
    async def start(self) -> None:
        """Connects; raises UnavailableError for a Redis that is away, which is used all the same when it comes back."""
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
        """The entry; what another program has left under the key, and is none, is not there."""
        text = await self._ask(lambda client: client.get(self._key(segment, id)))
        if text is None:
            return None
        try:
            kept = codec.decode_trusted(text)
            value = b64decode(kept["bytes"]) if "bytes" in kept else kept["item"]
            return Entry(value, int(kept["stored"]), int(kept["ttl"]))
        except (ValueError, KeyError, TypeError):
            return None

    @anywhere
    async def set(self, segment: str, id: str, value: Any, ttl: int) -> None:
        """Keeps a serialised copy, or raises TypeError when there is none that would be the same value."""
        kept = {"stored": round(self._clock() * 1000), "ttl": ttl}
        if isinstance(value, bytes):
            text = orjson.dumps({"bytes": b64encode(value).decode(), **kept})
        else:
            text = orjson.dumps({"item": orjson.Fragment(pack(value)), **kept})
        await self._ask(lambda client: client.set(self._key(segment, id), text, px=ttl))

    @anywhere
    async def drop(self, segment: str, id: str) -> None:
        """Forgets a value, if it is there."""
        await self._ask(lambda client: client.delete(self._key(segment, id)))

    async def _ask(self, question: Callable[[Any], Awaitable[T]]) -> T:
        if self._client is None:
            raise UnavailableError("The cache is not started")
        try:
            return await question(self._client)
        except (RedisError, OSError) as error:
            raise UnavailableError(is_away=isinstance(error, _AWAY)) from error

    def _key(self, segment: str, id: str) -> str:
        return f"{self._partition}:{quote(segment, safe='')}:{quote(id, safe='')}"

"""The memory store: bounded in bytes, with serialised values and removal of expired ones (catbox-memory)."""

import asyncio
import time
from collections.abc import Callable
from heapq import heapify, heappop, heappush

from hapiish.bridge import anywhere
from hapiish.caches.store import Entry, UnavailableError, pack, unpack
from hapiish.options.caches import MemoryCache
from hapiish.types import Value

MAX_BYTES = 100 * 1024 * 1024
CLEANUP_INTERVAL = 1000  # minimum between two clean-ups, in ms
ENTRY_BYTES = 144  # approximate overhead of an entry, without key and value

Key = tuple[str, str]


class CacheFullError(Exception):
    """The value does not fit. The store never evicts unexpired values."""


class _Stored:
    __slots__ = ("bytes", "data", "expires", "stored", "ttl")

    def __init__(self, key: Key, data: bytes, *, raw: bool, stored: int, ttl: int) -> None:
        self.data: bytes | tuple[bytes] = data if raw else (data,)
        self.stored = stored
        self.ttl = ttl
        self.expires = stored + ttl
        self.bytes = ENTRY_BYTES + len(data) + len(key[0].encode()) + len(key[1].encode())


class MemoryStore:
    """Stores at most `max_bytes` (0: no limit). Raises CacheFullError for a value that does not fit.

    `clock` returns seconds since the epoch. Used from one event loop at a time.
    """

    def __init__(self, *, max_bytes: int = MAX_BYTES, clock: Callable[[], float] = time.time) -> None:
        self.bytes = 0
        self._max_bytes = max_bytes
        self._clock = clock
        self._values: dict[Key, _Stored] | None = None
        self._expiring: list[tuple[int, Key]] = []  # a heap; may contain replaced and dropped entries
        self._cleanup: asyncio.TimerHandle | None = None

    @property
    def is_ready(self) -> bool:
        """True between `start` and `stop`."""
        return self._values is not None

    @anywhere
    async def start(self) -> None:
        """Starts with no values. Has no effect on a started store."""
        if self._values is None:
            self._values = {}

    @anywhere
    async def stop(self) -> None:
        """Removes all values."""
        if self._cleanup is not None:
            self._cleanup.cancel()
            self._cleanup = None
        self._values = None
        self._expiring = []
        self.bytes = 0

    @anywhere
    async def get(self, segment: str, id: str) -> Entry | None:
        """Returns the entry, None if missing. Bytes are returned unchanged, any other value as a copy."""
        entry = self._entries().get((segment, id))
        if entry is None:
            return None
        value = unpack(entry.data[0]) if isinstance(entry.data, tuple) else entry.data
        return Entry(value, entry.stored, entry.ttl)

    @anywhere
    async def set(self, segment: str, id: str, value: Value, ttl: int) -> None:
        """Stores a serialised copy. Raises TypeError for a value that does not survive serialisation."""
        entries = self._entries()
        key = (segment, id)
        raw = isinstance(value, bytes)
        entry = _Stored(key, value if raw else pack(value), raw=raw, stored=self._now(), ttl=ttl)
        self._remove(key)
        if self._max_bytes and self.bytes + entry.bytes > self._max_bytes:
            self._remove_expired()
            if self.bytes + entry.bytes > self._max_bytes:
                raise CacheFullError(f"the cache is full: {self._max_bytes} bytes")
        entries[key] = entry
        self.bytes += entry.bytes
        heappush(self._expiring, (entry.expires, key))
        if len(self._expiring) > 2 * len(entries) + 1000:
            self._expiring = [(entry.expires, key) for key, entry in entries.items()]
            heapify(self._expiring)
        self._schedule()

    @anywhere
    async def drop(self, segment: str, id: str) -> None:
        """Removes a value, if present."""
        self._remove((segment, id))

    def _entries(self) -> dict[Key, _Stored]:
        if self._values is None:
            raise UnavailableError("The cache is not started")
        return self._values

    def _now(self) -> int:
        return round(self._clock() * 1000)

    def _remove(self, key: Key) -> None:
        entry = self._entries().pop(key, None)
        if entry is not None:
            self.bytes -= entry.bytes

    def _schedule(self) -> None:
        """Schedules the next clean-up for the first expiry, at least CLEANUP_INTERVAL from now."""
        if self._cleanup is None and self._expiring:
            wait = max(self._expiring[0][0] - self._now(), CLEANUP_INTERVAL)
            self._cleanup = asyncio.get_running_loop().call_later(wait / 1000, self._clean_up)

    def _clean_up(self) -> None:
        self._cleanup = None
        self._remove_expired()
        self._schedule()

    def _remove_expired(self) -> None:
        now = self._now()
        entries = self._entries()
        while self._expiring and self._expiring[0][0] <= now:
            expires, key = heappop(self._expiring)
            entry = entries.get(key)
            if entry is not None and entry.expires == expires:
                self._remove(key)


def memory_store(server: object, options: MemoryCache) -> MemoryStore:
    """Returns the store of the provider `memory`."""
    return MemoryStore(max_bytes=options.max_byte_size)

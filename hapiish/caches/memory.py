"""A store in this process: bounded in bytes, values serialised, what has expired cleaned up (catbox-memory)."""

import asyncio
import time
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any

from hapiish.bridge import anywhere
from hapiish.caches.store import Entry, UnavailableError, pack, unpack

MAX_BYTES = 100 * 1024 * 1024
CLEANUP_INTERVAL = 1000  # ms, the shortest between two clean-ups
ENTRY_BYTES = 144  # what an entry takes besides its key and value, about

Key = tuple[str, str]


class CacheFullError(Exception):
    """The store has no room for one more value; it throws nothing out that is still good."""


class _Kept:
    __slots__ = ("bytes", "data", "expires", "stored", "ttl")

    def __init__(self, key: Key, data: bytes, *, raw: bool, stored: int, ttl: int) -> None:
        self.data: bytes | tuple[bytes] = data if raw else (data,)
        self.stored = stored
        self.ttl = ttl
        self.expires = stored + ttl
        self.bytes = ENTRY_BYTES + len(data) + len(key[0].encode()) + len(key[1].encode())


class MemoryStore:
    """Keeps at most `max_bytes` (0: no limit); raises CacheFullError for what does not fit.

    `clock` gives seconds since the epoch. Used from one event loop at a time.
    """

    def __init__(self, *, max_bytes: int = MAX_BYTES, clock: Callable[[], float] = time.time) -> None:
        self.bytes = 0
        self._max_bytes = max_bytes
        self._clock = clock
        self._kept: dict[Key, _Kept] | None = None
        self._expiring: list[tuple[int, Key]] = []  # a heap; what was replaced or dropped stays in it for a while
        self._cleanup: asyncio.TimerHandle | None = None

    @property
    def is_ready(self) -> bool:
        """Whether it was started."""
        return self._kept is not None

    @anywhere
    async def start(self) -> None:
        """Begins empty; goes on with what it has when it is started already."""
        if self._kept is None:
            self._kept = {}

    @anywhere
    async def stop(self) -> None:
        """Forgets everything."""
        if self._cleanup is not None:
            self._cleanup.cancel()
            self._cleanup = None
        self._kept = None
        self._expiring = []
        self.bytes = 0

    @anywhere
    async def get(self, segment: str, id: str) -> Entry | None:
        """The entry; bytes as they were given, everything else as a copy of its own."""
        kept = self._entries().get((segment, id))
        if kept is None:
            return None
        value = unpack(kept.data[0]) if isinstance(kept.data, tuple) else kept.data
        return Entry(value, kept.stored, kept.ttl)

    @anywhere
    async def set(self, segment: str, id: str, value: Any, ttl: int) -> None:
        """Keeps a serialised copy, or raises TypeError when there is none that would be the same value."""
        entries = self._entries()
        key = (segment, id)
        raw = isinstance(value, bytes)
        kept = _Kept(key, value if raw else pack(value), raw=raw, stored=self._now(), ttl=ttl)
        self._forget(key)
        if self._max_bytes and self.bytes + kept.bytes > self._max_bytes:
            self._clean()
            if self.bytes + kept.bytes > self._max_bytes:
                raise CacheFullError(f"the cache is full: {self._max_bytes} bytes")
        entries[key] = kept
        self.bytes += kept.bytes
        heappush(self._expiring, (kept.expires, key))
        if len(self._expiring) > 2 * len(entries) + 1000:
            self._expiring = [(kept.expires, key) for key, kept in entries.items()]
            heapify(self._expiring)
        self._schedule()

    @anywhere
    async def drop(self, segment: str, id: str) -> None:
        """Forgets a value, if it is there."""
        self._entries()
        self._forget((segment, id))

    def _entries(self) -> dict[Key, _Kept]:
        if self._kept is None:
            raise UnavailableError("The cache is not started")
        return self._kept

    def _now(self) -> int:
        return round(self._clock() * 1000)

    def _forget(self, key: Key) -> None:
        kept = self._entries().pop(key, None)
        if kept is not None:
            self.bytes -= kept.bytes

    def _schedule(self) -> None:
        """Sees to it that the next clean-up comes when the first value has expired, but not too often."""
        if self._cleanup is None and self._expiring:
            wait = max(self._expiring[0][0] - self._now(), CLEANUP_INTERVAL)
            self._cleanup = asyncio.get_running_loop().call_later(wait / 1000, self._clean_up)

    def _clean_up(self) -> None:
        self._cleanup = None
        self._clean()
        self._schedule()

    def _clean(self) -> None:
        now = self._now()
        entries = self._entries()
        while self._expiring and self._expiring[0][0] <= now:
            expires, key = heappop(self._expiring)
            kept = entries.get(key)
            if kept is not None and kept.expires == expires:
                self._forget(key)

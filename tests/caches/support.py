"""Test doubles: a store with outages, and a slow source of values."""

import asyncio
from collections.abc import Callable
from typing import Any

from hapiish.caches import Entry, Flags
from hapiish.caches.memory import MemoryStore


class Source:
    """Makes 1, 2, 3, … of a key, each after `delay` milliseconds; `fails` raises instead, `ttl` is set as a flag."""

    def __init__(self, delay: int = 0, *, fails: Exception | None = None, ttl: int | None = None) -> None:
        self.delay = delay
        self.fails = fails
        self.ttl = ttl
        self.asked: list[Any] = []

    async def __call__(self, key: Any, flags: Flags) -> Any:
        self.asked.append(key)
        count = len(self.asked)
        delay, fails = self.delay, self.fails
        flags.ttl = self.ttl
        await asyncio.sleep(delay / 1000)
        if fails is not None:
            raise fails
        return {"made": count}


class FaultyStore(MemoryStore):
    """A real store whose `broken` operations raise, and whose look-ups take `delay` milliseconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(clock=clock)
        self.broken: set[str] = set()
        self.error: type[Exception] = ConnectionError
        self.delay = 0
        self.lookups = 0

    async def get(self, segment: str, id: str) -> Entry | None:
        self.lookups += 1
        await asyncio.sleep(self.delay / 1000)
        if "get" in self.broken:
            raise self.error("cannot read")
        return await super().get(segment, id)

    async def set(self, segment: str, id: str, value: Any, ttl: int) -> None:
        if "set" in self.broken:
            raise self.error("cannot write")
        await super().set(segment, id, value, ttl)

    async def drop(self, segment: str, id: str) -> None:
        if "drop" in self.broken:
            raise self.error("cannot drop")
        await super().drop(segment, id)

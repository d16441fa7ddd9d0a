"""Counts requests for limits, in the memory of this process or in a Redis that several processes share.

The windows are those of the package limits. Its memory store walks over all keys after every request, with a thread
call per key; the store here evicts expired keys only and is bounded.
"""

import heapq
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import Any, Final, Literal

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import MovingWindowSupport, RedisStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter, RateLimiter

from hapiish.http.guards.turns import Trials, Verdict
from hapiish.outages import Service

Clock = Callable[[], float]
Strategy = Literal["moving", "fixed"]

PAUSE: Final = 1.0
"""Seconds for which a failed store is not asked again, so that requests do not wait for it."""

_PATIENCE: Final = 1.0
_STRATEGIES: Final[dict[Strategy, type[RateLimiter]]] = {
    "moving": MovingWindowRateLimiter,
    "fixed": FixedWindowRateLimiter,
}


@dataclass(frozen=True, slots=True)
class Window:
    """`amount` requests in `seconds`: a `moving` window looks back from each request, a `fixed` one starts over."""

    amount: int
    seconds: int
    strategy: Strategy = "moving"

    @classmethod
    def of(cls, amount: int, milliseconds: int, burst: int | None, strategy: Strategy) -> "Window":
        """The window of a limit; a burst lengthens the window in proportion, which keeps the rate."""
        if burst is None:
            return cls(amount, milliseconds // 1000, strategy)
        return cls(burst, max(1, ceil(burst * milliseconds / amount / 1000)), strategy)


class Counters:
    """The counts of all limits in one store: `url` of a Redis, or empty for the memory of this process.

    A failed store is logged once, not asked for a moment, and used again when it answers.
    """

    def __init__(self, url: str = "", *, partition: str = "hapiish", clock: Clock = time.time) -> None:
        self.trials = Trials()
        self._clock = clock
        self._errors: tuple[type[Exception], ...] = ()
        self._pool: Any = None
        storage: Any = MemoryCounters(clock=clock)
        if url:
            storage, self._pool, self._errors = _redis(url, partition)
        self._limiters = {name: make(storage) for name, make in _STRATEGIES.items()}
        self._paused_until = 0.0
        self._service = Service("the store of the limits", "each limit does what its onStoreError says")

    async def take(self, window: Window, key: str) -> Verdict | None:
        """Counts a request if the limit allows it; None if the store does not answer."""
        return await self._ask(window, key, take=True)

    async def look(self, window: Window, key: str) -> Verdict | None:
        """Checks the limit without counting; None if the store does not answer."""
        return await self._ask(window, key, take=False)

    async def close(self) -> None:
        """Closes the connections; counts are kept."""
        if self._pool is not None:
            await self._pool.disconnect()

    async def _ask(self, window: Window, key: str, *, take: bool) -> Verdict | None:
        if self._clock() < self._paused_until:
            return None
        limiter, item = self._limiters[window.strategy], _item(window)
        try:
            taken = not take or await limiter.hit(item, key)
            reset, remaining = await limiter.get_window_stats(item, key)
        except self._errors as error:
            self._service.lost(error)
            self._paused_until = self._clock() + PAUSE
            return None
        if self._service.is_away:
            self._service.back()
        allowed = taken if take else remaining > 0
        return Verdict(allowed, max(0, remaining), max(0.0, reset - self._clock()))


@lru_cache(maxsize=1024)
def _item(window: Window) -> RateLimitItem:
    return RateLimitItemPerSecond(window.amount, window.seconds, window.strategy)


def _redis(url: str, partition: str) -> tuple[Any, Any, tuple[type[Exception], ...]]:
    from redis.asyncio import ConnectionPool
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.exceptions import RedisError

    # One retry replaces a connection that a restart of Redis has closed; more would delay requests.
    pool: Any = ConnectionPool.from_url(
        url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE, retry=Retry(NoBackoff(), 1)
    )
    options: dict[str, Any] = {"connection_pool": pool}
    storage = RedisStorage("async+redis://", implementation="redispy", key_prefix=f"{partition}:limit", **options)
    return storage, pool, (RedisError, OSError)


class MemoryCounters(Storage, MovingWindowSupport):
    """Counts in memory, for at most `keys` keys; beyond that the keys that expire first are evicted."""

    STORAGE_SCHEME = None

    def __init__(self, *, keys: int = 100_000, clock: Clock = time.time) -> None:
        super().__init__()
        self._clock = clock
        self._most = keys
        self._counts: dict[str, tuple[int, float]] = {}
        self._moments: dict[str, tuple[deque[float], float]] = {}
        self._ends: list[tuple[float, str]] = []

    @property
    def base_exceptions(self) -> type[Exception]:
        """The errors that the package limits wraps; this store raises none."""
        return ValueError

    def __len__(self) -> int:
        return len(self._ends)

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Counts in a fixed window, which begins with its first request."""
        now = self._forget()
        count, until = self._counts.get(key, (0, 0.0))
        if not count:
            until = now + expiry
            self._begin(key, until)
        self._counts[key] = (count + amount, until)
        return count + amount

    async def get(self, key: str) -> int:
        """The count in a fixed window."""
        self._forget()
        return self._counts.get(key, (0, 0.0))[0]

    async def get_expiry(self, key: str) -> float:
        """The end of a fixed window."""
        return self._counts.get(key, (0, self._clock()))[1]

    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Counts in a moving window if it has room."""
        now = self._forget()
        held = self._moments.get(key)
        if held is None:
            held = self._moments[key] = (deque(maxlen=limit), expiry)
            self._begin(key, now + expiry)
        moments = _within(held[0], now - expiry)
        if len(moments) + amount > limit:
            return False
        moments.extend([now] * amount)
        return True

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """The oldest moment in a moving window, and the count."""
        now = self._forget()
        held = self._moments.get(key)
        moments = _within(held[0], now - expiry) if held is not None else ()
        return (moments[0] if moments else now), len(moments)

    async def check(self) -> bool:
        """Returns true: memory is always available."""
        return True

    async def reset(self) -> int:
        """Removes all keys."""
        count = len(self)
        self._counts.clear()
        self._moments.clear()
        self._ends.clear()
        return count

    async def clear(self, key: str) -> None:
        """Removes one key."""
        self._counts.pop(key, None)
        self._moments.pop(key, None)

    def _begin(self, key: str, until: float) -> None:
        if len(self._ends) >= self._most:
            self._drop(heapq.heappop(self._ends)[1])
        heapq.heappush(self._ends, (until, key))

    def _forget(self) -> float:
        """Evicts expired keys; returns the time."""
        now = self._clock()
        ends = self._ends
        while ends and ends[0][0] <= now:
            _, key = heapq.heappop(ends)
            end = self._end(key)
            if end > now:
                heapq.heappush(ends, (end, key))
            else:
                self._drop(key)
        return now

    def _end(self, key: str) -> float:
        """The current expiry of a key; every request extends a moving window."""
        moments, seconds = self._moments.get(key, ((), 0.0))
        return moments[-1] + seconds if moments else self._counts.get(key, (0, 0.0))[1]

    def _drop(self, key: str) -> None:
        self._counts.pop(key, None)
        self._moments.pop(key, None)


def _within(moments: deque[float], since: float) -> deque[float]:
    while moments and moments[0] <= since:
        moments.popleft()
    return moments

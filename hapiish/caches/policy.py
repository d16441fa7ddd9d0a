"""A cache policy: looks values up, generates missing and stale ones, with catbox's semantics.

    fresh    → returned
    stale    → regenerated; after `stale_timeout` the caller gets the stale value, the new one is stored when ready
    missing  → generated; after `generate_timeout` the caller gets a 503, the value is stored when ready

Concurrent calls for one key share one look-up and one generation. Timeouts use the event loop, expiry uses `clock`.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from hapiish import boom
from hapiish.bridge import anywhere
from hapiish.caches.rules import Flags, Rules
from hapiish.caches.store import Entry, Store, is_away
from hapiish.outages import Service
from hapiish.types import Value

log = logging.getLogger("hapiish.caches")

T = TypeVar("T")

Key = str | Mapping[str, Value]
"""An id, or a mapping with `id`. `generate_func` gets the key unchanged."""


@dataclass(slots=True)
class Stats:
    """Counters of a policy since its creation. `errors` counts errors of the store."""

    sets: int = 0
    """Values stored by `set`."""
    gets: int = 0
    """Values asked for."""
    hits: int = 0
    """Values found in the store."""
    stales: int = 0
    """Found values that were stale."""
    generates: int = 0
    """Calls of the function that generates values."""
    errors: int = 0
    """Errors of the store."""


@dataclass(slots=True)
class Cached:
    """A value from the store. `ttl` is its remaining lifetime in milliseconds."""

    item: Value
    stored: int
    ttl: int
    is_stale: bool


@dataclass(slots=True)
class Report:
    """Report on a look-up. `msec` is its duration; `is_stale` is None if the value was missing."""

    msec: float = 0.0
    stored: int | None = None
    ttl: int | None = None
    is_stale: bool | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Decorated:
    """The result of `get` with `get_decorated_value`. `cached` is None for a newly generated value."""

    value: Value
    """The value."""
    cached: Cached | None
    """The value in the store, with `stored`, `ttl` and `is_stale`."""
    report: Report
    """The duration and the result of the look-up."""


class _Pending:
    """The `count` callers that wait for one key."""

    __slots__ = ("count", "future", "is_looked_up", "timer")

    def __init__(self) -> None:
        self.count = 1
        self.is_looked_up = False
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.future.add_done_callback(_retrieve_exception)
        self.timer: asyncio.TimerHandle | None = None

    def after(self, milliseconds: int, do: Callable[[], None]) -> None:
        self.timer = asyncio.get_running_loop().call_later(milliseconds / 1000, do)


class Policy:
    """The values of one `segment` of a store under one set of rules. `clock` returns seconds since the epoch.

    `service` logs outages of the store; all segments of the store share it.
    """

    def __init__(
        self,
        rules: Rules,
        store: Store,
        segment: str,
        *,
        clock: Callable[[], float] = time.time,
        service: Service | None = None,
    ) -> None:
        self.rules = rules
        self.store = store
        self.segment = segment
        self.stats = Stats()
        self._clock = clock
        self._pendings: dict[str, _Pending] = {}
        self._generating: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._last_warning = ""
        self._service = service or store_service(segment)
        self.home: asyncio.AbstractEventLoop | None = None
        """The event loop of the policy's server, for calls from threads."""

    @property
    def is_ready(self) -> bool:
        """True if the store accepts calls. Otherwise each call generates the value."""
        return self.store.is_ready

    @anywhere
    async def get(self, key: Key) -> Value:
        """Returns the cached or generated value of `key`; None for a missing value without `generate_func`.

        Raises the function's exception, `boom.ServerUnavailable` after `generate_timeout`, and the store's error if the
        rules do not ignore it. Cancelling a caller affects neither other callers nor the generation.
        """
        self.stats.gets += 1
        id = _id(key)
        pending = self._pendings.get(id)
        if pending is None:
            pending = self._pendings[id] = _Pending()
            try:
                await self._look_up(pending, id, key)
            except asyncio.CancelledError:
                self._hand_over(pending, id, key)
                raise
            except Exception as error:  # noqa: BLE001 - handed to all callers that wait
                self._settle(id, error, None, None, Report())
        else:
            pending.count += 1
        future = pending.future
        return future.result() if future.done() else await asyncio.shield(future)

    @anywhere
    async def set(self, key: Key, value: Value, ttl: int | None = None) -> None:
        """Stores `value` for `ttl` milliseconds, by default as the rules say. Raises the store's errors."""
        self.stats.sets += 1
        lifetime = ttl or self.rules.ttl(self._clock())
        if lifetime <= 0:
            return
        await self._ask(self.store.set(self.segment, _id(key), value, lifetime))

    @anywhere
    async def drop(self, key: Key) -> None:
        """Removes the value of `key`. Raises the store's errors."""
        await self._ask(self.store.drop(self.segment, _id(key)))

    def ttl(self, created: float | None = None) -> int:
        """Returns the remaining lifetime in ms of a value created at `created` (seconds since the epoch, else now)."""
        now = self._clock()
        created = now if created is None else created
        return 0 if created > now else max(self.rules.ttl(created) - round((now - created) * 1000), 0)

    @anywhere
    async def close(self) -> None:
        """Cancels running generations; their callers get a 503."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look_up(self, pending: _Pending, id: str, key: Key) -> None:
        """Settles `pending` with the value from the store, or starts a generation."""
        rules, report, cached = self.rules, Report(), None
        began = time.perf_counter()
        try:
            cached = self._evaluate(await self._ask(self.store.get(self.segment, id)), report)
        except Exception as error:  # noqa: BLE001 - handled as the rules say
            report.error = error
            self._warn("read", error)
        report.msec = (time.perf_counter() - began) * 1000
        pending.is_looked_up = True
        if rules.generate_func is None or (report.error is not None and not rules.generate_on_read_error):
            self._settle(id, report.error, cached.item if cached else None, cached, report)
        elif cached is not None and not cached.is_stale:
            self._settle(id, None, cached.item, cached, report)
        else:
            self._generate(pending, id, key, cached, report)

    def _evaluate(self, entry: Entry | None, report: Report) -> Cached | None:
        """Returns the value of an unexpired entry, marked if stale; fills the report."""
        if entry is None or entry.value is None:
            return None
        now = round(self._clock() * 1000)
        left = entry.stored + entry.ttl - now
        if left <= 0:
            return None
        rule = self.rules.stale_in
        stale_in = rule(entry.stored, left) if callable(rule) else rule
        is_stale = stale_in is not None and 0 < stale_in <= now - entry.stored
        report.stored, report.ttl, report.is_stale = entry.stored, left, is_stale
        self.stats.stales += is_stale
        return Cached(entry.value, entry.stored, left, is_stale)

    def _generate(self, pending: _Pending, id: str, key: Key, cached: Cached | None, report: Report) -> None:
        rules = self.rules
        if cached is not None:
            assert rules.stale_timeout is not None
            cached.ttl -= rules.stale_timeout  # remaining when it is returned
        if cached is not None and cached.ttl > 0:
            assert rules.stale_timeout is not None
            pending.after(rules.stale_timeout, partial(self._settle, id, None, cached.item, cached, report))
        elif rules.generate_timeout:
            late = boom.ServerUnavailable()
            pending.after(rules.generate_timeout, partial(self._settle, id, late, None, None, report))
        if id in self._generating:
            return
        self.stats.generates += 1
        if rules.pending_generate_timeout:
            forget = partial(self._generating.pop, id, None)
            loop = asyncio.get_running_loop()
            self._generating[id] = loop.call_later(rules.pending_generate_timeout / 1000, forget)
        self._spawn(self._run_generate(id, key, cached, report))

    async def _run_generate(self, id: str, key: Key, cached: Cached | None, report: Report) -> None:
        """Calls `generate_func`, stores its result, and settles the callers that wait for `id`."""
        rules, flags = self.rules, Flags()
        value, failure = None, None
        assert rules.generate_func is not None
        try:
            value = await rules.generate_func(key, flags)
        except asyncio.CancelledError:
            self._settle(id, boom.ServerUnavailable(), None, None, report)
            raise
        except Exception as error:  # noqa: BLE001 - handed to the callers
            failure = error
        finally:
            timer = self._generating.pop(id, None)
            if timer is not None:
                timer.cancel()
        try:
            if flags.ttl == 0 or (failure is not None and rules.drop_on_error):
                await self.drop(id)
            elif failure is None:
                await self.set(id, value, flags.ttl)
        except Exception as error:  # noqa: BLE001 - handled as the rules say
            self._warn("write", error)
            if failure is None and not rules.generate_ignore_write_error:
                failure = error
        if cached is not None and failure is not None and not rules.drop_on_error:
            self._settle(id, failure, cached.item, cached, report)
        else:
            self._settle(id, failure, value, None, report)

    def _settle(self, id: str, error: Exception | None, value: Value, cached: Cached | None, report: Report) -> None:
        """Answers the callers that wait for `id`. None waits if a stale value was returned before."""
        pending = self._pendings.pop(id, None)
        if pending is None:
            return
        if pending.timer is not None:
            pending.timer.cancel()
        if report.is_stale is not None:
            self.stats.hits += pending.count
        if error is not None and cached is None:
            pending.future.set_exception(error)
        elif self.rules.get_decorated_value:
            report.error = error or report.error
            pending.future.set_result(Decorated(value, cached, report))
        else:
            pending.future.set_result(value)

    def _hand_over(self, pending: _Pending, id: str, key: Key) -> None:
        """Repeats the look-up for the remaining callers after the one that made it was cancelled."""
        if pending.is_looked_up:
            return
        if pending.count == 1:
            del self._pendings[id]
        else:
            pending.count -= 1
            self._spawn(self._look_up(pending, id, key))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self, call: Awaitable[T]) -> T:
        """Returns the store's result. Counts an error, and logs an outage of the store."""
        try:
            result = await call
        except Exception as error:
            self.stats.errors += 1
            if is_away(error):
                self._service.lost(error.__cause__ or error)
            raise
        if self._service.is_away:
            self._service.back()
        return result

    def _warn(self, operation: str, error: Exception) -> None:
        """Logs an error of the store, unless it repeats the last one or `_ask` has logged it as an outage."""
        if is_away(error):
            return
        warning = f"{operation}: {type(error).__name__}: {error}"
        if warning != self._last_warning:
            self._last_warning = warning
            log.warning("cache segment %s cannot %s", self.segment, warning)


def store_service(name: str) -> Service:
    """Returns the service that logs outages of the cache `name`."""
    return Service(f'the store of the cache "{name}"', "it caches no values", log="hapiish.caches")


def _id(key: Key) -> str:
    id = key if isinstance(key, str) else key["id"]
    if not isinstance(id, str):
        raise TypeError(f"the key of a cached value must be text, not {type(id).__name__}")
    return id


def _retrieve_exception(future: asyncio.Future[Any]) -> None:
    """Marks an exception as retrieved, so that asyncio does not log it if no caller waits any more."""
    if not future.cancelled():
        future.exception()

"""One kind of cached values: looked up, made when missing, made anew when stale, all by catbox's rules.

    fresh    → returned
    stale    → made anew; after `stale_timeout` the caller gets the stale value, and the new one is kept when it comes
    missing  → made; after `generate_timeout` the caller gets a 503, and the value is kept when it comes

Concurrent calls for one key share one look-up and one generate. Times out by the event loop, tells time by `clock`.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from hapiish import boom
from hapiish.bridge import anywhere
from hapiish.caches.rules import Flags, Rules
from hapiish.caches.store import Entry, Store, is_away
from hapiish.service import Service

log = logging.getLogger("hapiish.caches")

T = TypeVar("T")

Key = str | Mapping[str, Any]
"""An id, or a mapping whose `id` it is; the function that generates gets it as it is."""


@dataclass(slots=True)
class Stats:
    """Counted since the policy was made; `errors` are those of the store."""

    sets: int = 0
    gets: int = 0
    hits: int = 0
    stales: int = 0
    generates: int = 0
    errors: int = 0


@dataclass(slots=True)
class Cached:
    """A value as it was found; `ttl` is what is left of it, in milliseconds."""

    item: Any
    stored: int
    ttl: int
    is_stale: bool


@dataclass(slots=True)
class Report:
    """How a value was come by; `msec` is how long the look-up took, `is_stale` None when nothing was found."""

    msec: float = 0.0
    stored: int | None = None
    ttl: int | None = None
    is_stale: bool | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Decorated:
    """What `get` returns under `get_decorated_value`; `cached` is None for a value that was made just now."""

    value: Any
    cached: Cached | None
    report: Report


class _Pending:
    """Those who wait for one key: `count` of them, for one `future`."""

    __slots__ = ("count", "found", "future", "timer")

    def __init__(self) -> None:
        self.count = 1
        self.found = False  # whether the look-up is through
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.future.add_done_callback(_seen)
        self.timer: asyncio.TimerHandle | None = None

    def after(self, milliseconds: int, do: Callable[[], None]) -> None:
        self.timer = asyncio.get_running_loop().call_later(milliseconds / 1000, do)


class Policy:
    """The values of one `segment` of a store under one set of rules. `clock` gives seconds since the epoch.

    `service` is what the log calls the store, the same for all of its segments.
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
        self._told = ""
        self._service = service or called(segment)
        self.home: asyncio.AbstractEventLoop | None = None
        """The event loop of the server that the policy belongs to, for calls from threads."""

    @property
    def is_ready(self) -> bool:
        """Whether the store takes calls; while it does not, values are made each time."""
        return self.store.is_ready

    @anywhere
    async def get(self, key: Key) -> Any:
        """The value of `key`: kept, or made by `generate_func`; None when there is neither.

        Raises what the function raises, `boom.ServerUnavailable` after `generate_timeout`, and the store's own error
        where the rules do not get around it. Cancelling a caller cancels nobody else, nor what is being made.
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
            except Exception as error:  # noqa: BLE001 - whoever joined must hear of it, too
                self._settle(id, error, None, None, Report())
        else:
            pending.count += 1
        future = pending.future
        return future.result() if future.done() else await asyncio.shield(future)

    @anywhere
    async def set(self, key: Key, value: Any, ttl: int | None = None) -> None:
        """Keeps `value` for `ttl` milliseconds, else for as long as the rules say; raises what the store raises."""
        self.stats.sets += 1
        lifetime = ttl or self.rules.ttl(self._clock())
        if lifetime <= 0:
            return
        await self._ask(self.store.set(self.segment, _id(key), value, lifetime))

    @anywhere
    async def drop(self, key: Key) -> None:
        """Forgets the value of `key`; raises what the store raises."""
        await self._ask(self.store.drop(self.segment, _id(key)))

    def ttl(self, created: float | None = None) -> int:
        """What is left to a value made at `created` (seconds since the epoch, now by default), in milliseconds."""
        now = self._clock()
        made = now if created is None else created
        return 0 if made > now else max(self.rules.ttl(made) - round((now - made) * 1000), 0)

    @anywhere
    async def close(self) -> None:
        """Ends what is still being made; those who wait for it get a 503."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look_up(self, pending: _Pending, id: str, key: Key) -> None:
        """Settles `pending` with what the store has, or starts making it."""
        rules, report, cached = self.rules, Report(), None
        began = time.perf_counter()
        try:
            cached = self._judge(await self._ask(self.store.get(self.segment, id)), report)
        except Exception as error:  # noqa: BLE001 - the rules say what follows
            report.error = error
            self._tell("read", error)
        report.msec = (time.perf_counter() - began) * 1000
        pending.found = True
        if rules.generate_func is None or (report.error is not None and not rules.generate_on_read_error):
            self._settle(id, report.error, cached.item if cached else None, cached, report)
        elif cached is not None and not cached.is_stale:
            self._settle(id, None, cached.item, cached, report)
        else:
            self._generate(pending, id, key, cached, report)

    def _judge(self, entry: Entry | None, report: Report) -> Cached | None:
        """What was found, unless it has expired; whether it is stale."""
        if entry is None or entry.value is None:
            return None
        now = round(self._clock() * 1000)
        left = entry.stored + entry.ttl - now
        if left <= 0:
            return None
        given = self.rules.stale_in
        stale_in = given(entry.stored, left) if callable(given) else given
        is_stale = stale_in is not None and 0 < stale_in <= now - entry.stored
        report.stored, report.ttl, report.is_stale = entry.stored, left, is_stale
        self.stats.stales += is_stale
        return Cached(entry.value, entry.stored, left, is_stale)

    def _generate(self, pending: _Pending, id: str, key: Key, cached: Cached | None, report: Report) -> None:
        rules = self.rules
        if cached is not None:
            assert rules.stale_timeout is not None
            cached.ttl -= rules.stale_timeout  # what will be left of it when it is handed out
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
        self._spawn(self._make(id, key, cached, report))

    async def _make(self, id: str, key: Key, cached: Cached | None, report: Report) -> None:
        """Calls the function, keeps what it returns, and settles whoever waits for `id` by then."""
        rules, flags = self.rules, Flags()
        value, failure = None, None
        assert rules.generate_func is not None
        try:
            value = await rules.generate_func(key, flags)
        except asyncio.CancelledError:
            self._settle(id, boom.ServerUnavailable(), None, None, report)
            raise
        except Exception as error:  # noqa: BLE001 - handed to whoever waits
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
        except Exception as error:  # noqa: BLE001 - the rules say what follows
            self._tell("write", error)
            if failure is None and not rules.generate_ignore_write_error:
                failure = error
        if cached is not None and failure is not None and not rules.drop_on_error:
            self._settle(id, failure, cached.item, cached, report)
        else:
            self._settle(id, failure, value, None, report)

    def _settle(self, id: str, error: Exception | None, value: Any, cached: Cached | None, report: Report) -> None:
        """Answers those who wait for `id`; nobody may be left, when a stale value was handed out before."""
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
        """The caller that did the look-up for all is gone: nobody is left, or somebody must do it anew."""
        if pending.found:
            return
        if pending.count == 1:
            del self._pendings[id]
        else:
            pending.count -= 1
            self._spawn(self._look_up(pending, id, key))

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self, question: Awaitable[T]) -> T:
        """The store's answer; that there is none is counted, and told of a store that is away."""
        try:
            answer = await question
        except Exception as error:
            self.stats.errors += 1
            if is_away(error):
                self._service.lost(error.__cause__ or error)
            raise
        if self._service.is_away:
            self._service.back()
        return answer

    def _tell(self, what: str, error: Exception) -> None:
        """Logs an error of the store, but not the same one with every call, and not what `_ask` has told."""
        if is_away(error):
            return
        said = f"{what}: {type(error).__name__}: {error}"
        if said != self._told:
            self._told = said
            log.warning("cache segment %s cannot %s", self.segment, said)


def called(name: str) -> Service:
    """What the log says of the cache of that name."""
    return Service(f'the store of the cache "{name}"', "nothing is kept in it", log="hapiish.caches")


def _id(key: Key) -> str:
    id = key if isinstance(key, str) else key["id"]
    if not isinstance(id, str):
        raise TypeError(f"the key of a cached value must be text, not {type(id).__name__}")
    return id


def _seen(future: asyncio.Future[Any]) -> None:
    """An error that nobody waits for any more is nobody's."""
    if not future.cancelled():
        future.exception()

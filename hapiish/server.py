"""The server of a process: its state (store, sockets, threads, listeners), and the compiled table that it serves.

The table is one attribute, `current`, which a reload replaces in the event loop. Each request uses the `BoundServer` of
the table that was current when it began.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Hashable
from contextlib import suppress
from time import monotonic, time
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from hapiish import boom
from hapiish.bound import BaseServer, BoundServer, ServerInfo
from hapiish.bridge import anywhere, loop_only
from hapiish.caches import Caches
from hapiish.compile import Compiled, compile_table
from hapiish.http.exchange.events import Events
from hapiish.options import Table
from hapiish.store.threads import Pool

if TYPE_CHECKING:
    from hapiish.health import Check
    from hapiish.realtime import RealtimeServer
    from hapiish.store.store import Store

__all__ = ["Server", "ServerInfo"]

logger = logging.getLogger("hapiish.server")

PATIENCE = 1.0
"""The most seconds for a function of `onReadiness`. Probes usually have a timeout of one second, too."""

LAST_WAIT = 0.5
"""Seconds that running threads get after `shutdownTimeout`."""


class Server(BaseServer):
    """The server that `create_app` creates. `app` is the application's data; `current` is the table of new requests.

    Attributes of a table (`settings`, `models`, `methods`, `dispatch`, …) are those of the current one.
    """

    current: Compiled

    def __init__(self, table: Table) -> None:
        self.server = self
        self.pool = Pool(table.database.threads if table.database is not None else 4)
        self.store: Store | None = None
        self.realtime: RealtimeServer | None = None
        self.app: dict[str, Any] = dict(table.server.app)
        self.started = False
        self.draining = False
        self.pid = os.getpid()
        self.created = time()
        self.started_at: float | None = None
        self.port: int | None = None
        self.kept: dict[Hashable, Any] = {}
        self.caches = Caches()
        self.events = Events(self._listeners_changed)
        self._starting = asyncio.Lock()
        self._stop_by: float | None = None
        self._bound: WeakSet[BoundServer] = WeakSet()
        self._retired: dict[Caches, asyncio.TimerHandle] = {}
        self._releases: set[asyncio.Task[None]] = set()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or "current" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
        return getattr(self.current.server, name)

    @property
    def home(self) -> asyncio.AbstractEventLoop | None:
        """The event loop of the server, for calls from threads."""
        return self.events.loop

    def listening(self, port: int) -> None:
        """Sets the bound port, for `info`."""
        self.port = port

    def compile(self, table: Table) -> Compiled:
        """Compiles a table for this server, which keeps serving its current one. Raises TableError."""
        bound = BoundServer(self, table)
        compiled = compile_table(table, bound)
        bound.complete(compiled)
        return compiled

    @loop_only
    async def prepare(self, compiled: Compiled) -> None:
        """Opens the new caches and connects the new models of a table before it is served.

        Raises StoreError for a model that is connected to another database, and any exception of a cache; the caches
        that were opened are closed again.
        """
        caches = compiled.server.caches
        try:
            if self.started:
                await caches.start()
            if self.store is not None:
                await asyncio.to_thread(self.store.adopt, compiled.documents)
        except BaseException:
            await self._close_unused(caches)
            raise

    @loop_only
    async def discard(self, compiled: Compiled) -> None:
        """Closes what `prepare` has opened for a table that will not serve."""
        await self._close_unused(compiled.server.caches)
        if self.store is not None:
            self.store.adopt(self.current.documents)

    async def _close_unused(self, caches: Caches) -> None:
        for store in caches.unused(self.caches, *self._retired):
            if store.is_ready:
                await store.stop()

    def switch(self, compiled: Compiled) -> None:
        """Uses this table for new requests and events; those in progress keep their table.

        The switch is atomic, because it runs in the event loop without awaiting.
        """
        bound, before = compiled.server, self.__dict__.get("current")
        for key, resource in bound.created_resources.items():
            self.kept.setdefault(key, resource)
        self.current = compiled
        self.caches = bound.caches
        self.events.table = compiled.events
        self._bound.add(bound)
        bound.listen()
        if self.realtime is not None:
            self.realtime.namespaces = compiled.namespaces
        if before is not None:
            before.load.stop()
            self._retire(before.server.caches)
        if self.started and not self.draining:
            compiled.load.start()
        self._announce()

    def _retire(self, caches: Caches) -> None:
        """Stops the stores that are no longer used, `shutdownTimeout` after their table was replaced."""
        if self.home is not None and caches.unused(self.caches):
            seconds = self.settings.shutdown_timeout / 1000
            self._retired[caches] = self.home.call_later(seconds, self._release, caches)

    def _release(self, caches: Caches) -> None:
        del self._retired[caches]
        task = asyncio.ensure_future(caches.release(self.caches, *self._retired))
        self._releases.add(task)
        task.add_done_callback(self._releases.discard)

    def _listeners_changed(self, name: str) -> None:
        if name == "response":
            for bound in list(self._bound):
                bound.listen()

    def _announce(self) -> None:
        """Emits `route` for every route and `cachePolicy` for the caches of methods, if the server runs."""
        if self.home is None:
            return
        if self.events.has_listeners("route"):
            for route in self.current.routes:
                self.events.emit("route", route)
        for policy in self.current.policies:
            self.events.emit("cachePolicy", *policy)

    def keep(self, make: Callable[..., Any], /, *given: Hashable) -> Any:
        """Returns the resource `make(*given)`, created at the first call: equal arguments return the same resource.

        It outlives a reload, and its `close()` is awaited when the server stops.
        """
        key = make, given
        if key not in self.kept:
            self.kept[key] = make(*given)
        return self.kept[key]

    @anywhere
    async def start(self) -> None:
        """Opens the resources that must be opened after a fork; called by the lifespan or the first request."""
        async with self._starting:
            if self.started:
                return
            self._stop_by = None
            self.events.loop = asyncio.get_running_loop()
            self._announce()
            await self.caches.start()
            if self.realtime is not None:
                await self.realtime.start()
            await self._extend("onPreStart")
            if self.store is not None:
                await self.store.start()
            if self.realtime is not None and self.realtime.presence is not None:
                await self.realtime.presence.start()
            self.load.start()
            self.draining = False
            self.started = True
            self.started_at = time()
            self.events.emit("start")
            await self._extend("onPostStart")

    @loop_only
    async def stop(self) -> None:
        """Disconnects sockets, then closes the store and the pool, within `shutdownTimeout`.

        Threads that run longer are abandoned.
        """
        self.stopping()
        self.draining = True
        await self._extend("onPreStop")
        self.load.stop()
        self.started_at = None
        await self.events.gauge("closing")
        if self.realtime is not None:
            seconds = self.time_to_stop()
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self.realtime.shutdown(grace_ms=round(seconds * 1000))
            if self.realtime.presence is not None:
                await self.realtime.presence.close()
        for kept in self.kept.values():
            await kept.close()
        await self.caches.stop()
        for retired, timer in [*self._retired.items()]:
            timer.cancel()
            await retired.release(self.caches)
        self._retired.clear()
        await self.pool.stop(self.time_to_stop())
        if self.realtime is not None:
            await self.realtime.close()
        if self.store is not None:
            await self.store.stop()
        self.started = False
        await self.events.gauge("stop")
        self.events.loop = None
        await self._extend("onPostStop")

    def stopping(self) -> None:
        """Starts the countdown of `shutdownTimeout`, unless it is running."""
        if self._stop_by is None:
            self._stop_by = monotonic() + self.settings.shutdown_timeout / 1000

    def time_to_stop(self) -> float:
        """Returns the remaining seconds of `shutdownTimeout`, at least `LAST_WAIT`; all of them before `stopping`."""
        if self._stop_by is None:
            return self.settings.shutdown_timeout / 1000
        return max(LAST_WAIT, self._stop_by - monotonic())

    async def _extend(self, point: str) -> None:
        for function in self.current.server_ext.get(point, ()):
            await function(self)

    @loop_only
    async def reloaded(self) -> None:
        """Calls the functions of `onPostReload`. An exception is only logged, because the new table is in use."""
        try:
            await self._extend("onPostReload")
        except Exception:
            logger.exception("a function of onPostReload failed")

    @anywhere
    async def readiness(self) -> dict[str, "bool | Check"]:
        """Returns the checks for a load balancer, by name; the server is ready when all required ones have passed.

        Without its queue, the server is degraded: events reach only the clients of their own process. Functions of
        `onReadiness` add checks. A function that raises, or takes longer than a second, is a failed check of its name.
        """
        checks: dict[str, bool | Check] = {"serving": not self.draining}
        if self.store is not None:
            checks["database"] = await self.store.ping()
        if self.realtime is not None and self.realtime.cluster is not None:
            checks["queue"] = not self.realtime.is_degraded
        for function in self.current.server_ext.get("onReadiness", ()):
            try:
                async with asyncio.timeout(PATIENCE):
                    checks.update(await function(self) or {})
            except Exception:
                logger.exception("a function of onReadiness failed")
                checks["onReadiness"] = False
        return checks

    def translate(self, error: Exception) -> boom.Boom | None:
        """Returns the boom for an error of the store; None for other errors."""
        return self.store.translate(error) if self.store is not None else None

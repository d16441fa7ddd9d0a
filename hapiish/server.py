"""`request.server`: what lives as long as the process, whatever table it serves: store, sockets, state.

The compiled table is one attribute of it; a reload replaces that attribute and nothing else.
"""

import asyncio
import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from socket import gethostname
from time import monotonic, time
from typing import TYPE_CHECKING, Any, Unpack

from hapiish import boom
from hapiish.bridge import anywhere, loop_only
from hapiish.caches import Caches, Policy, Rules
from hapiish.compile import Compiled
from hapiish.http.dispatch import Dispatcher, Tell
from hapiish.http.exchange import log
from hapiish.http.exchange.events import Events
from hapiish.http.exchange.request import Request, decorated
from hapiish.http.exchange.response import Response
from hapiish.http.exchange.route import Route, caller
from hapiish.http.guards.load import Load
from hapiish.http.inject import Injected, Injection, inject
from hapiish.http.routing.router import normalise
from hapiish.methods import namespace
from hapiish.store.models import Models
from hapiish.store.threads import Pool
from hapiish.table.model import Table

if TYPE_CHECKING:
    from hapiish.realtime import RealtimeServer
    from hapiish.store.store import Store


LAST_WAIT = 0.5
"""Seconds for what is under way in threads when the time for a stop is over."""


@dataclass(slots=True, kw_only=True)
class ServerInfo:
    """`request.server.info`: times in seconds since the epoch; `port` is 0, and `uri` a guess, until it is known.

    `protocol` is http, https or socket, whose path is then the `port` (hapi).
    """

    id: str
    created: float
    started: float | None
    host: str
    address: str
    port: int | str
    protocol: str
    uri: str


class Server:
    """Made by `create_app`. `app` is free for the application; `settings` are the table's."""

    compiled: Compiled
    dispatch: Dispatcher

    def __init__(self, table: Table) -> None:
        self.pool = Pool(table.database.threads if table.database is not None else 4)
        self.store: Store | None = None
        self.realtime: RealtimeServer | None = None
        self.app: dict[str, Any] = dict(table.server.app)
        self.caches = Caches()
        self.started = False
        self.draining = False
        self._starting = asyncio.Lock()
        self._kept: dict[Hashable, Any] = {}
        self._created = time()
        self._started: float | None = None
        self._port: int | None = None
        self._stop_by: float | None = None
        self.events = Events(self._heard)

    @property
    def home(self) -> asyncio.AbstractEventLoop | None:
        """The event loop that the server runs in, for calls from threads."""
        return self.events.loop

    @property
    def info(self) -> ServerInfo:
        """Where the server is and since when."""
        given = self.settings
        port = self._port or given.socket or given.port
        protocol = "socket" if isinstance(port, str) else "https" if given.tls is not None else "http"
        host = f"[{given.host}]" if ":" in given.host else given.host
        return ServerInfo(
            id=f"{gethostname()}:{os.getpid()}:{int(self._created * 1000):x}",
            created=self._created,
            started=self._started,
            host=given.host,
            address=given.address or given.host,
            port=port,
            protocol=protocol,
            uri=given.uri or (f"socket:{port}" if protocol == "socket" else f"{protocol}://{host}:{port}"),
        )

    def listening(self, port: int) -> None:
        """Notes the port that was taken, for `info`; called by whoever listens."""
        self._port = port

    def adopt(self, compiled: Compiled) -> None:
        """Serves this table from now on; requests that have begun end by the old one."""
        self.compiled = compiled
        self.settings = compiled.table.server
        self.plugins: Mapping[str, Any] = getattr(compiled.table.plugins, "exposed", {})
        self.registrations: Mapping[str, Any] = getattr(compiled.table.plugins, "registrations", {})
        self.cookies = compiled.cookies
        self.session = compiled.sessions
        self.identify = compiled.identity
        self.mime = compiled.mime
        self.encodings = compiled.encodings
        self.etags = compiled.etags
        self.auth = compiled.auth
        self.requests = decorated(compiled.decorations)
        self.models = Models(compiled.models)
        self.views = compiled.views
        self.methods = namespace(compiled.methods)
        if self.store is not None:
            self.store.adopt(compiled.documents)
        if self.realtime is not None:
            self.realtime.namespaces = compiled.namespaces
        self.dispatch = compiled.dispatch
        self.internal = compiled.internal
        self.dispatch.requests = self.internal.requests = self.requests
        self.events.adopt(compiled.events, compiled.listeners, compiled.prints)
        self._heard("response")
        self._introduce()
        before, self.load = getattr(self, "load", None), compiled.load
        if before is not None and self.events.loop is not None:
            self.events.loop.call_soon_threadsafe(_relieve, before, self.load)

    def _heard(self, name: str) -> None:
        """Has responses told to those who want to know, and to nobody if nobody does."""
        if name == "response":
            tell = self._responded if self.events.has_listeners(name) else None
            for dispatch in (self.dispatch, self.internal):
                dispatch.listen(tell)
            self.logs_access = self.dispatch.access_log
            logged: tuple[Tell, ...] = (log.told_event,) if self.logs_access else ()
            self.event_tells = logged if tell is None else (*logged, tell)

    def _responded(self, request: Request, response: Response, status: int, size: int) -> None:
        request.response = response
        request.info.responded = time()
        self.events.emit("response", request)

    def _introduce(self) -> None:
        """Tells of every route and of the caches of methods, once the server runs."""
        if self.events.loop is None:
            return
        if self.events.has_listeners("route"):
            for route in self.compiled.routes:
                self.events.emit("route", route)
        for given in self.compiled.policies:
            self.events.emit("cachePolicy", *given)

    def keep(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What `make` makes, once for each `key`: it outlives a reload, and its `close()` is awaited at the end."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]

    @anywhere
    async def start(self) -> None:
        """Opens what must not be opened before a fork; called by the lifespan, or by the first request without one."""
        async with self._starting:
            if self.started:
                return
            self._stop_by = None
            self.events.loop = asyncio.get_running_loop()
            self._introduce()
            await self.caches.start()
            await self._extend("onPreStart")
            if self.store is not None:
                await self.store.start()
            self.load.start()
            self.draining = False
            self.started = True
            self._started = time()
            self.events.emit("start")
            await self._extend("onPostStart")

    @loop_only
    async def stop(self) -> None:
        """Says goodbye to sockets, then closes the store and the pool, within `shutdownTimeout` as far as it is ours.

        What a thread does beyond that is left to itself.
        """
        self.stopping()
        self.draining = True
        await self._extend("onPreStop")
        self.load.stop()
        self._started = None
        await self.events.gauge("closing")
        if self.realtime is not None:
            await self.realtime.shutdown()
        for kept in self._kept.values():
            await kept.close()
        await self.caches.stop()
        await self.pool.stop(self.time_to_stop())
        if self.store is not None:
            await self.store.stop()
        self.started = False
        await self.events.gauge("stop")
        self.events.loop = None
        await self._extend("onPostStop")

    def stopping(self) -> None:
        """The time of `shutdownTimeout` begins now, if it has not begun."""
        if self._stop_by is None:
            self._stop_by = monotonic() + self.settings.shutdown_timeout / 1000

    def time_to_stop(self) -> float:
        """Seconds that are left of `shutdownTimeout`, all of it before `stopping`, half a second when it is over."""
        if self._stop_by is None:
            return self.settings.shutdown_timeout / 1000
        return max(LAST_WAIT, self._stop_by - monotonic())

    @anywhere
    async def settle(self, before: Caches) -> None:
        """After a reload: opens the caches that are new in this table, closes those that only the one before had."""
        if self.started and self.caches is not before:
            await self.caches.start()
            await before.release(self.caches)

    def cache(self, *, segment: str, cache: str | None = None, shared: bool = False, **rules: Any) -> Policy:
        """A cache policy (hapi's server.cache) over a segment of the cache of that name, the default one without.

        `rules` are those of `hapiish.caches.Rules`, durations in milliseconds; a `def` generate_func runs in the pool.
        Raises ValueError for contradicting rules, an unknown cache, and a segment that is taken.
        """
        if "generate_func" in rules:
            rules["generate_func"] = caller(rules["generate_func"], self.pool.call)
        policy = self.caches.policy(Rules(**rules), segment=segment, cache=cache, shared=shared)
        self.events.emit("cachePolicy", policy, cache, segment)
        return policy

    async def _extend(self, point: str) -> None:
        for function in self.compiled.server_ext.get(point, ()):
            await function(self)

    @anywhere
    async def readiness(self) -> dict[str, bool]:
        """What a load balancer should know, by name; ready when all are true."""
        checks = {"serving": not self.draining}
        if self.store is not None:
            checks["database"] = await self.store.ping()
        return checks

    def translate(self, error: Exception) -> boom.Boom | None:
        """The boom that says what a store's error means to a client; None when it is nobody's but ours."""
        return self.store.translate(error) if self.store is not None else None

    @anywhere
    async def emit(
        self,
        event: str,
        data: Any,
        to: str | Sequence[str] | None = None,
        *,
        skip: Any = None,
        namespace: str = "/",
    ) -> None:
        """Sends a Socket.IO event to rooms, or to everybody; refuses what the table's `emits` does not declare.

        `skip` is a socket, or several, that do not get it, or their ids. Raises ValueError for an undeclared namespace,
        event or payload.
        """
        if self.realtime is None:
            raise RuntimeError("the table declares no sockets")
        await self.realtime.emit(event, data, to, namespace=namespace, skip=skip)

    def lookup(self, id: str) -> Route | None:
        """The route with that id."""
        return self.dispatch.routes.get(id)

    def match(self, method: str, path: str, host: str | None = None) -> Route | None:
        """The route that a request would meet."""
        found = self.dispatch.router.find(method.upper(), normalise(path, self.dispatch.strip), host)
        return found[0] if found else None

    def table(self, host: str | None = None) -> list[Route]:
        """Every route; with `host` those that requests to it can meet."""
        return [route for route in self.compiled.routes if host is None or route.vhost in (None, host.lower())]

    @anywhere
    async def inject(self, *, allow_internals: bool = False, **request: Unpack[Injection]) -> Injected:
        """Sends one request through the lifecycle, from within; `allow_internals` reaches routes with `isInternal`."""
        await self.start()
        return await inject(self.internal if allow_internals else self.dispatch, **request)

    def event(self, name: str, *, channels: Sequence[str] = ()) -> None:
        """Declares an event of the application, for `events.on` and `events.emit`; ValueError for a name in use."""
        self.events.register(name, channels)

    def log(self, tags: str | Sequence[str], data: Any = None) -> None:
        """Tells an event that belongs to no request: to listeners of `log`, and to the log as `server.debug` has it."""
        self.events.log([tags] if isinstance(tags, str) else tags, data)


def _relieve(before: Load, after: Load) -> None:
    before.stop()
    after.start()

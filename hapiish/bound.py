"""`request.server`: the server bound to one compiled table, which a request keeps from start to end."""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from socket import gethostname
from time import time
from typing import TYPE_CHECKING, Any, Protocol, Unpack

from hapiish.bridge import anywhere
from hapiish.caches import Caches, Policy, Rules
from hapiish.compile import Compiled
from hapiish.declare.option import derive
from hapiish.http.cookies.cookies import Cookies, Definition
from hapiish.http.cookies.session import Sessions
from hapiish.http.dispatch import Dispatcher, Observer
from hapiish.http.exchange import log
from hapiish.http.exchange.events import Events, TableEvents
from hapiish.http.exchange.request import Request, decorated
from hapiish.http.exchange.request_id import Identity
from hapiish.http.exchange.response import Response
from hapiish.http.exchange.route import Route, caller
from hapiish.http.guards.load import Load
from hapiish.http.inject import Injected, Injection, inject
from hapiish.http.routing.router import normalise
from hapiish.methods import Methods, namespace
from hapiish.options import Server as Settings
from hapiish.options import Table
from hapiish.realtime.cluster.operator import BroadcastOperator, Operation, Replies, To
from hapiish.store.models import Models
from hapiish.table.build import overlay
from hapiish.table.digest import table_hash

if TYPE_CHECKING:
    from hapiish.http.auth.service import AuthService
    from hapiish.http.content.files import Etags
    from hapiish.http.content.mime import MimeTypes
    from hapiish.realtime import RealtimeServer
    from hapiish.realtime.presence import Presence
    from hapiish.store.threads import Pool


class ServerState(Protocol):
    """The state of a server that outlives its tables (`hapiish.server.Server`)."""

    app: dict[str, Any]
    pool: "Pool"
    caches: Caches
    events: Events
    realtime: "RealtimeServer | None"
    kept: dict[Hashable, Any]
    pid: int
    port: int | None
    created: float
    started_at: float | None

    async def start(self) -> None:
        """Opens the resources of the server."""


@dataclass(slots=True, kw_only=True)
class ServerInfo:
    """`request.server.info`: times in seconds since the epoch; `port` is 0, and `uri` a guess, until it is known.

    `protocol` is http, https or socket, whose path is then the `port` (hapi).
    """

    id: str
    """The host's name, the process id and the time of creation."""
    created: float
    """The time at which the server was created."""
    started: float | None
    """The time at which it started; None before."""
    host: str
    """`server.host` of the table."""
    address: str
    """The address that it listens on."""
    port: int | str
    """The port that it listens on, or the path of its socket."""
    protocol: str
    """`http`, `https` or `socket`."""
    uri: str
    """The address of the server as a URI."""


class BaseServer(BroadcastOperator):
    """The methods that depend on the table: `Server` has them for the current one, `BoundServer` for its own."""

    server: ServerState
    """The server itself, which outlives its tables."""
    compiled: Compiled
    app: dict[str, Any]
    """Data of the application, for the whole process; empty at first."""
    settings: Settings
    """The settings of `server` in the table."""
    checked_table: Table
    """The table before its compilation, for handler kinds and plugins that describe it."""
    table_hash: str
    """The hash of the table, without secrets: the same in every process that serves the same table."""
    plugins: Mapping[str, Any]
    """The values that plugins expose, by the plugin's name and then their own."""
    registrations: Mapping[str, Any]
    """The registered plugins by name: `version` and `options`."""
    caches: Caches
    events: Events
    """The [events](#serverevents) of the server and of the application."""
    dispatch: Dispatcher
    internal: Dispatcher
    load: Load
    cookies: Cookies
    session: Sessions | None
    identify: Identity | None
    mime: "MimeTypes"
    encodings: tuple[str, ...]
    etags: "Etags"
    auth: "AuthService"
    """The [strategies](#serverauth)."""
    requests: type[Request]
    models: Models
    """The models of the table by name: `server.models.Message`."""
    methods: Methods
    """The server methods of the table: `await server.methods.users.load(id)`; a cached one has a `cache`."""
    views: Any

    @property
    def info(self) -> ServerInfo:
        """The address of the server and the times of its start."""
        server, given = self.server, self.settings
        port = server.port or given.socket or given.port
        protocol = "socket" if isinstance(port, str) else "https" if given.tls is not None else "http"
        host = f"[{given.host}]" if ":" in given.host else given.host
        return ServerInfo(
            id=f"{gethostname()}:{server.pid}:{int(server.created * 1000):x}",
            created=server.created,
            started=server.started_at,
            host=given.host,
            address=given.address or given.host,
            port=port,
            protocol=protocol,
            uri=given.uri or (f"socket:{port}" if protocol == "socket" else f"{protocol}://{host}:{port}"),
        )

    def cache(self, *, segment: str, cache: str | None = None, shared: bool = False, **rules: Any) -> Policy:
        """Makes a cache policy (hapi's server.cache) over a segment of the cache of that name, by default `_default`.

        `rules` are those of `hapiish.caches.Rules`, durations in milliseconds; a `def` generate_func runs in the pool.
        Raises ValueError for contradicting rules, an unknown cache, and a segment that is taken.
        """
        if "generate_func" in rules:
            rules["generate_func"] = caller(rules["generate_func"], self.server.pool.call)
        policy = self.caches.policy(Rules(**rules), segment=segment, cache=cache, shared=shared)
        self.events.emit("cachePolicy", policy, cache, segment)
        return policy

    @anywhere
    async def emit(
        self,
        event: str,
        data: Any = None,
        to: str | Sequence[str] | None = None,
        *,
        skip: Any = None,
        except_: str | Collection[str] = (),
        namespace: str = "/",
        local: bool = False,
    ) -> None:
        """Sends a Socket.IO event to rooms, or to everybody; refuses an event that the table's `emits` does not have.

        `skip` is a socket, or several, that do not get it, or their ids; neither do sockets in the room or rooms
        `except_`. With `local`, only sockets of this process get it. Raises ValueError for an undeclared namespace,
        event or payload.
        """
        realtime, hooks = self._realtime(), self.compiled.namespaces.expect(namespace)
        await realtime.send(hooks, event, data, to, namespace=namespace, skip=skip, except_=except_, local=local)

    def rooms(self, *, namespace: str = "/") -> list[str]:
        """Returns the rooms that sockets of this process have joined, without the room of each socket itself.

        Raises ValueError for an undeclared namespace.
        """
        self.compiled.namespaces.expect(namespace)
        return self._realtime().rooms(namespace)

    @anywhere
    async def operate(self, operation: Operation, to: To, *, namespace: str, timeout: int) -> Replies:
        """Performs an operation on sockets. Raises RuntimeError for a table without sockets."""
        declared = self.compiled.namespaces
        return await self._realtime().operate(operation, to, namespace=namespace, timeout=timeout, declared=declared)

    def _realtime(self) -> "RealtimeServer":
        if self.server.realtime is None:
            raise RuntimeError("the table declares no sockets")
        return self.server.realtime

    @property
    def presence(self) -> "Presence":
        """The presence of users. Raises RuntimeError for a table without `sockets.presence`."""
        presence = self.server.realtime.presence if self.server.realtime is not None else None
        if presence is None:
            raise RuntimeError("the table declares no sockets.presence")
        return presence

    def lookup(self, id: str) -> Route | None:
        """Returns the route with that id."""
        return self.dispatch.routes.get(id)

    def match(self, method: str, path: str, host: str | None = None) -> Route | None:
        """Returns the route that a request would reach."""
        match = self.dispatch.router.find(method.upper(), normalise(path, self.dispatch.strip_trailing_slash), host)
        return match[0] if match else None

    def table(self, host: str | None = None) -> list[Route]:
        """Returns every route; with `host` those that a request to it can reach."""
        return [route for route in self.compiled.routes if host is None or route.vhost in (None, host.lower())]

    @anywhere
    async def inject(self, *, allow_internals: bool = False, **request: Unpack[Injection]) -> Injected:
        """Sends one request through the lifecycle, from within; `allow_internals` reaches routes with `isInternal`."""
        await self.server.start()
        return await inject(self.internal if allow_internals else self.dispatch, **request)

    def event(self, name: str, *, channels: Sequence[str] = ()) -> None:
        """Declares an event of the application, for `events.on` and `events.emit`; ValueError for a name in use."""
        self.events.register(name, channels)

    def log(self, tags: str | Sequence[str], data: Any = None) -> None:
        """Emits an event outside of requests: to listeners of `log`, and to the log if `server.debug` selects it."""
        self.events.log([tags] if isinstance(tags, str) else tags, data)


class BoundServer(BaseServer):
    """The server bound to one compiled table. Attributes that no table has (`store`, `started`, …) are the server's.

    `created_resources` are those that compiling this table created with `keep`. The server takes them over when it
    serves the table.
    """

    def __init__(self, server: ServerState, table: Table) -> None:
        self.server = server
        self.app = server.app
        self.pool = server.pool
        self.caches = server.caches
        self.events = server.events.of(TableEvents())
        self.created_resources: dict[Hashable, Any] = {}
        self.settings = table.server
        self.checked_table = table
        self.table_hash = table_hash(table)
        self.plugins = getattr(table.plugins, "exposed", {})
        self.registrations = getattr(table.plugins, "registrations", {})
        self.logs_access = table.server.access_log
        self.event_observers: tuple[Observer, ...] = ()

    def __getattr__(self, name: str) -> Any:
        # Bypasses the `__getattr__` of the server, which reads from its current table and would recurse.
        return object.__getattribute__(self.server, name)

    def complete(self, compiled: Compiled) -> None:
        """Sets the attributes that come from the compiled table."""
        self.compiled = compiled
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
        self.events.table = compiled.events
        self.dispatch = compiled.dispatch
        self.internal = compiled.internal
        self.dispatch.requests = self.internal.requests = self.requests
        self.load = compiled.load
        self.listen()

    def listen(self) -> None:
        """Makes the dispatchers emit `response` only if it has listeners, so that others pay nothing per response."""
        emit = self._responded if self.events.has_listeners("response") else None
        for dispatch in (self.dispatch, self.internal):
            dispatch.observe(emit)
        logged: tuple[Observer, ...] = (log.log_event,) if self.logs_access else ()
        self.event_observers = logged if emit is None else (*logged, emit)

    def _responded(self, request: Request, response: Response, status: int, size: int) -> None:
        request.response = response
        request.info.responded = time()
        self.events.emit("response", request)

    def sealed_cookie(self, settings: Mapping[str, Any], **defaults: Any) -> Definition:
        """Returns the definition of a scheme's sealed cookie, for its `cookies`.

        `settings` are those of a cookie under `state`, as the file has them. They override `defaults`, keywords of
        `Definition`, which override the table's `server.state`. An invalid value is ignored. Raises ValueError for a
        missing or short password, and for attributes that browsers refuse.
        """
        base = replace(self.settings.state, ignore_errors=True, **defaults)
        general = self.cookies.defaults
        return derive(
            Definition,
            overlay(base, {**settings, "encoding": "iron"}),
            auto_value=general.auto_value,
            contextualize=general.contextualize,
        )

    def keep(self, make: Callable[..., Any], /, *given: Hashable) -> Any:
        """Returns a resource that outlives this table (`Server.keep`), the server's own if it exists."""
        key = make, given
        if key in self.server.kept:
            return self.server.kept[key]
        if key not in self.created_resources:
            self.created_resources[key] = make(*given)
        return self.created_resources[key]

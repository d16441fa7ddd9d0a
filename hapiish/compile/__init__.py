"""Compiles a checked table to dispatchers, routes and events. The only package that depends on table and server.

`routes` lists the steps of a route in hapi's order, `sockets` those of an event; `names` resolves `module:attribute`.
Options become steps and prepared values; an unused option costs nothing. Routes with equal settings share responders,
payload steps and authentication steps.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hapiish import options as model
from hapiish.caches import Policy
from hapiish.collector import without_collector
from hapiish.compile.auth import AuthCompiler
from hapiish.compile.caches import compile_caches
from hapiish.compile.cookies import compile_cookies
from hapiish.compile.events import compile_events
from hapiish.compile.methods import MethodCompiler
from hapiish.compile.names import Names
from hapiish.compile.routes import RouteCompiler
from hapiish.compile.server import ServerCompiler
from hapiish.compile.sockets import SocketCompiler
from hapiish.http.content.files import Etags
from hapiish.http.content.mime import MimeTypes
from hapiish.http.cookies.cookies import Cookies
from hapiish.http.cookies.session import Sessions
from hapiish.http.dispatch import Dispatcher
from hapiish.http.exchange.events import TableEvents
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.request_id import Identity
from hapiish.http.exchange.route import Route
from hapiish.http.guards.load import Load
from hapiish.http.routing.forwarded import Forwarding
from hapiish.realtime.socketio.namespaces import Namespaces
from hapiish.table.problems import TableError
from hapiish.types import SERVER_POINTS, AsyncHandler

if TYPE_CHECKING:
    from hapiish.http.auth.service import AuthService


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """The compiled table of a running server; a reload replaces it as one value."""

    table: model.Table
    server: Any
    """The server bound to this table, `request.server` of its requests."""
    dispatch: Dispatcher
    internal: Dispatcher
    """As `dispatch`, including routes with `isInternal`."""
    routes: tuple[Route, ...]
    load: Load
    forwarding: Forwarding | None
    identity: Identity | None
    events: TableEvents
    namespaces: Namespaces
    models: Mapping[str, Any]
    methods: Mapping[str, Any]
    policies: tuple[tuple[Policy, str | None, str], ...]
    """The caches of methods: each policy, the name of its cache, and its segment."""
    documents: Mapping[str, Any]  # including those of used tables
    cookies: Cookies
    sessions: Sessions | None
    mime: MimeTypes
    encodings: tuple[str, ...]
    etags: Etags
    auth: "AuthService"
    decorations: Mapping[str, Callable[[Request], Any]]
    views: Any
    templates: tuple[Any, ...]  # including those of used tables
    server_ext: Mapping[str, tuple[AsyncHandler, ...]]
    on_presence: AsyncHandler | None
    """`onChange` of `sockets.presence`."""


def compile_table(table: model.Table, server: Any) -> Compiled:
    """Compiles `table` for the server that is bound to it (`Server.compile`), whose pool runs the `def` functions.

    Raises TableError with every unknown name.
    """
    if table.is_partial:
        raise ValueError("the table has Python plugins: it must be loaded by hapiish.plugins.load to be served")
    names = Names(table, server)
    with without_collector():
        server.caches = compile_caches(names)  # for schemes and kinds with a cache policy
        server.cookies = compile_cookies(names)  # for schemes with a sealed cookie
        compiled = _compile(names)
    if names.problems:
        raise TableError(names.problems)
    return compiled


def _compile(names: Names) -> Compiled:
    table = names.table
    models = {name: names.object(given) for name, given in table.models.items()}
    cookies = names.server.cookies
    auth = AuthCompiler(names, cookies)
    methods = MethodCompiler(names)
    compiler = RouteCompiler(names, auth, cookies, methods)
    server_ext = {point: compiler.ext.at(point) for point in SERVER_POINTS if point in table.ext}
    servers = ServerCompiler(names, compiler)
    dispatch = servers.dispatcher(internals=False)
    sockets = SocketCompiler(compiler)
    presence = table.sockets.presence if table.sockets is not None else None
    names.realm = 0
    services = [auth.service(realm) for realm in range(len(names.views))]
    for view, service in zip(names.views[1:], services[1:], strict=True):
        view.auth = service
    on_presence = names.function(presence.on_change) if presence is not None and presence.on_change else None
    return Compiled(
        table=table,
        server=names.server,
        dispatch=dispatch,
        internal=servers.dispatcher(internals=True) if servers.has_internals else dispatch,
        routes=servers.all(),
        load=servers.load,
        forwarding=servers.forwarding,
        identity=servers.identity,
        events=compile_events(names),
        namespaces=Namespaces({given.namespace: sockets.namespace(given) for given in table.namespaces}),
        models=models,
        methods=methods.of(0),
        policies=tuple(methods.policies),
        documents={name: names.object(given) for name, given in table.every_model.items()},
        cookies=cookies,
        sessions=compiler.sessions.sessions,
        mime=compiler.mime,
        etags=Etags(table.server.files.etags_cache_max_size),
        encodings=table.server.compression.encodings if table.server.compression is not None else (),
        auth=services[0],
        decorations=auth.decorations,
        views=compiler.kinds.views.environments.get(0),
        templates=tuple(each for each in compiler.kinds.views.environments.values() if each is not None),
        server_ext=server_ext,
        on_presence=on_presence,
    )

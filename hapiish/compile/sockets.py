"""Namespaces and events of a table to what the Socket.IO server asks: the same routes, reached by an event."""

from collections.abc import Iterator

from hapiish.compile.names import missing
from hapiish.compile.routes import RouteCompiler
from hapiish.http.lifecycle import Route, Step
from hapiish.realtime import NamespaceHooks
from hapiish.realtime.binding import Connection, Emits, EventRoute
from hapiish.table import model
from hapiish.types import AsyncHandler


class SocketCompiler:
    """Compiles namespaces with what `routes` makes of options."""

    def __init__(self, routes: RouteCompiler) -> None:
        self.routes = routes
        self.names = routes.names
        self.auth = routes.auth
        self.server = routes.server

    def namespace(self, given: model.Namespace) -> NamespaceHooks:
        if given.auth is not None:
            self.auth.judges_handshakes(given.auth, given.mark)
        self.names.realm = given.realm
        self.routes.limits.namespace = given.namespace
        server = self.names.views[given.realm]
        connection = Connection(
            server,
            route=self.connection_route(given),
            authenticate=self.auth.authenticate(given.auth)[0] if given.auth is not None else None,
            access=tuple(self.auth.access(given.auth)) if given.auth is not None else (),
            token_headers=self.auth.token_headers(given.auth) if given.auth is not None else (),
            on_connect=self.functions(given.on_connect),
            on_disconnect=self.functions(given.on_disconnect),
        )
        absent = EventRoute(server, self.absent())
        return NamespaceHooks(
            connect=connection.connect,
            disconnect=connection.disconnect,
            judge=connection.judge,
            rules=self.rules(given.auth),
            events={event.event: EventRoute(server, self.event(event)).acknowledge for event in given.events},
            unknown=absent.unknown,
            refused=absent.refused,
            emits=Emits({emit.event: self.routes.inputs.validator(emit.payload) for emit in given.emits}).check,
        )

    def rules(self, auth: model.RouteAuth | None) -> object:
        """All that the table says of who may come in; where it says the same, nobody is judged again."""
        if auth is None:
            return None
        strategies = self.names.table.auth.strategies
        return auth, [(strategies[name].scheme, strategies[name].options) for name in auth.strategies]

    def functions(self, given: str | tuple[str, ...] | None) -> list[AsyncHandler]:
        """The functions that one name or several mean."""
        names = (given,) if isinstance(given, str) else given or ()
        return [self.names.function(name) for name in names]

    def connection_route(self, given: model.Namespace) -> Route:
        """What `request.route` is while a client comes and goes."""
        options = model.RouteOptions(auth=given.auth)
        responder = self.routes.responder(options, "")
        return Route(
            id=None, method="connect", path=given.namespace, settings=options, handler=missing, responder=responder
        )

    def absent(self) -> Route:
        """What `request.route` is for an event that the namespace does not have: the server's defaults."""
        defaults = self.routes.table.server.routes
        return Route(
            id=None,
            method="event",
            path="",
            settings=defaults,
            handler=missing,
            responder=self.routes.responder(defaults, ""),
            on_pre_response=self.routes.ext.at("onPreResponse"),
            on_post_response=self.routes.ext.at("onPostResponse"),
        )

    def event(self, given: model.Event) -> Route:
        options = given.options
        route = Route(
            id=given.id,
            method="event",
            path=given.event,
            context=self.routes.bound(options),
            settings=options,
            handler=self.routes.handler(given),
            responder=self.routes.responder(options, ""),
            steps=tuple(self.event_steps(given, options)),
            marshal=tuple(self.routes.limits.marshal(given)),
            **self.routes.after(given, options),
        )
        return self.routes.limited(route, options)

    def event_steps(self, given: model.Event, options: model.RouteOptions) -> Iterator[tuple[Step, bool]]:
        """As a route's, as far as an event has it: its caller was authenticated when the socket connected."""
        yield from self.routes.limits.early(given)
        if options.auth is not None:
            yield from self.auth.access(options.auth)
        yield from self.routes.limits.late(given)
        yield from self.routes.inputs.validations(given, options.validate)
        yield from self.routes.extensions("onPreHandler", options)
        yield from self.routes.prerequisites(options)

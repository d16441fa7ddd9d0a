"""Compiles Socket.IO namespaces to hooks; an event is compiled like a route."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from hapiish import options as model
from hapiish.compile.names import missing
from hapiish.compile.routes import RouteCompiler
from hapiish.declare.option import declaring
from hapiish.grammar.schema import embed
from hapiish.http.auth.access import claim, text_of
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.route import Route, Step
from hapiish.realtime import NamespaceHooks
from hapiish.realtime.binding import (
    Emits,
    EventRoute,
    NamespaceConnection,
    response_check_with_attachments,
    with_attachments,
)
from hapiish.realtime.socketio.attachments import for_attachments, has_attachments
from hapiish.resolve import resolve
from hapiish.types import AsyncHandler, Json, Value

_CONSTANT_FIELDS: Final = declaring(model.RouteOptions, "acknowledgement")


class SocketCompiler:
    """Compiles namespaces; `routes` compiles the options of their events."""

    def __init__(self, routes: RouteCompiler) -> None:
        self.routes = routes
        self.names = routes.names
        self.auth = routes.auth
        self.server = routes.server
        self.attaching = routes.inputs.for_attachments()

    def namespace(self, namespace: model.Namespace) -> NamespaceHooks:
        if namespace.auth is not None:
            self.auth.check_handshakes(namespace.auth, namespace.mark)
        self.names.realm = namespace.realm
        self.routes.limits.namespace = namespace.namespace
        server = self.names.views[namespace.realm]
        connection = NamespaceConnection(
            server=server,
            route=self.connection_route(namespace),
            authenticate=self.auth.authenticate(namespace.auth)[0] if namespace.auth is not None else None,
            access=tuple(self.auth.access(namespace.auth)) if namespace.auth is not None else (),
            validations=tuple(self.routes.inputs.validations(namespace, namespace.validate)),
            token_headers=self.auth.token_headers(namespace.auth) if namespace.auth is not None else {},
            on_connect=self.functions(namespace.on_connect),
            on_disconnect=self.functions(namespace.on_disconnect),
            user_of=self.user_of(),
        )
        routes = {
            event.event: EventRoute(
                server,
                self.event(event, namespace),
                raw=(event.ack or namespace.ack) == "raw",
                constant=_constant_fields(event.options),
            )
            for event in namespace.events
        }
        others = routes.pop("*", None)
        undeclared = EventRoute(server, self.not_found_route(), raw=namespace.ack == "raw")
        return NamespaceHooks(
            connect=connection.connect,
            disconnect=connection.disconnect,
            judge=connection.judge,
            renew=connection.renew,
            shape=connection.shape,
            rules=self.rules(namespace),
            events={name: route.acknowledge for name, route in routes.items()},
            others=others.acknowledge_any if others is not None else None,
            unknown=undeclared.unknown,
            refused=undeclared.refused,
            binary=_events_with(namespace, "binary"),
            several=_events_with(namespace, "arguments"),
            concurrent=frozenset(event.event for event in namespace.events if event.options.concurrent),
            raw=namespace.ack == "raw",
            emits=self.emits(namespace).check,
        )

    def rules(self, namespace: model.Namespace) -> object:
        """Returns the rules of the handshake; a reload judges sockets again only if they changed."""
        table, auth, validate = self.names.table, namespace.auth, namespace.validate
        validation = (validate, table.schemas) if validate != model.Validate() else None
        if auth is None:
            return validation
        used = [table.auth.strategies[name] for name in auth.strategies]
        schemes = [(each.scheme, table.auth.schemes.get(each.scheme), each.options) for each in used]
        return auth, schemes, validation

    def user_of(self) -> Callable[[Request], str | None] | None:
        """Returns the function that reads the user of a socket from its credentials; None without presence."""
        sockets = self.names.table.sockets
        if sockets is None or sockets.presence is None:
            return None
        _, *names = sockets.presence.by.split(".")

        def read(request: Request) -> str | None:
            value: Value = request.auth.credentials
            for name in names:
                value = claim(value, name)
            return text_of(value)

        return read

    def functions(self, references: str | tuple[str, ...] | None) -> list[AsyncHandler]:
        """Returns the functions of one name or of several."""
        names = (references,) if isinstance(references, str) else references or ()
        return [self.names.function(name) for name in names]

    def emits(self, namespace: model.Namespace) -> Emits:
        """Returns the declared emits of the namespace, with the validators of their payloads."""
        validators = {}
        attaching = set()
        for emit in namespace.emits:
            schema, inputs = emit.payload, self.routes.inputs
            if self.has_binary(schema):
                attaching.add(emit.event)
                schema, inputs = for_attachments(schema), self.attaching
            validators[emit.event] = inputs.validator(schema)
        return Emits(validators, frozenset(attaching))

    def connection_route(self, namespace: model.Namespace) -> Route:
        """Returns `request.route` of connect and disconnect."""
        options = model.RouteOptions(auth=namespace.auth, app=namespace.app, plugins=namespace.plugins)
        return Route(
            id=None,
            method="connect",
            path=namespace.namespace,
            errors=self.routes.errors(self.routes.table.server.routes),
            settings=options,
            handler=missing,
            responder=self.routes.responder(options, ""),
        )

    def not_found_route(self) -> Route:
        """Returns the route of undeclared events, with the server's defaults."""
        defaults = self.routes.table.server.routes
        return Route(
            id=None,
            method="event",
            path="",
            errors=self.routes.errors(defaults),
            settings=defaults,
            handler=missing,
            responder=self.routes.responder(defaults, ""),
            on_pre_response=self.routes.ext.at("onPreResponse"),
            on_post_response=self.routes.ext.at("onPostResponse"),
        )

    def event(self, event: model.Event, namespace: model.Namespace) -> Route:
        options = event.options
        route = Route(
            id=event.id,
            method="event",
            path=event.event,
            context=self.routes.bound(options),
            errors=self.routes.errors(options),
            settings=options,
            handler=self.routes.handler(event),
            responder=self.routes.responder(options, ""),
            steps=tuple(self.event_steps(event, options, binary=_setting(event, namespace, "binary"))),
            finalizers=tuple(self.routes.limits.finalizers(event)),
            **self.routes.after(event, options),
        )
        rules = options.response
        schemas = (rules.schema, *rules.status.values())
        if any(map(self.has_binary, schemas)):
            attaching = replace(
                rules,
                schema=for_attachments(rules.schema),
                status={status: for_attachments(schema) for status, schema in rules.status.items()},
            )
            step = self.attaching.response_step(event, attaching)
            route.validate_response = response_check_with_attachments(step) if step is not None else None
        return self.routes.limited(route, options)

    def has_binary(self, schema: Json) -> bool:
        """True if a schema contains `format: binary`, references included."""
        return isinstance(schema, dict) and has_attachments(embed(schema, self.routes.inputs.schemas))

    def event_steps(
        self, event: model.Event, options: model.RouteOptions, *, binary: bool
    ) -> Iterator[tuple[Step, bool]]:
        """Yields the steps of an event; authentication is that of the handshake."""
        yield from self.routes.limits.early(event)
        if options.auth is not None:
            yield from self.auth.access(options.auth)
        yield from self.routes.limits.late(event)
        rules = options.validate
        if binary and isinstance(rules.payload, dict):
            rules = replace(rules, payload=for_attachments(rules.payload))
            yield with_attachments(tuple(self.attaching.validations(event, rules))), True
        else:
            yield from self.routes.inputs.validations(event, rules)
        yield from self.routes.last_steps(options)


def _constant_fields(options: model.RouteOptions) -> dict[str, Json]:
    """Returns the constant fields of an event's acknowledgements, as its options declare them."""
    declared = [(getattr(options, name), function) for name, function in _CONSTANT_FIELDS]
    return {
        name: value
        for settings, function in declared
        if settings is not None
        for name, value in resolve(function)(settings).items()
    }


def _setting(event: model.Event, namespace: model.Namespace, key: str) -> bool:
    own = getattr(event, key)
    return bool(getattr(namespace, key) if own is None else own)


def _events_with(namespace: model.Namespace, key: str) -> frozenset[str]:
    """Returns the events of a namespace with `key` set."""
    return frozenset(event.event for event in namespace.events if _setting(event, namespace, key))

"""Describes the routes and events of a checked table as flat records, without a running server."""

from dataclasses import dataclass

from hapiish.options import Event, Namespace, Route, RouteAuth, RouteOptions, Table

SOURCES = ("headers", "params", "query", "payload", "state", "all")


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteInfo:
    """A route: handler, authentication, validated inputs, and location in the file."""

    method: str
    path: str
    vhost: str | None
    id: str | None
    description: str | None
    tags: tuple[str, ...]
    auth: RouteAuth | None
    validation: tuple[str, ...]
    handler: str
    file: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EventInfo:
    """An event from clients; `auth` is the event's, else the namespace's."""

    namespace: str
    event: str
    id: str | None
    description: str | None
    tags: tuple[str, ...]
    auth: RouteAuth | None
    validation: tuple[str, ...]
    handler: str
    file: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EmitInfo:
    """An event to clients."""

    namespace: str
    event: str
    description: str | None
    validation: tuple[str, ...]
    file: str
    line: int


def routes(table: Table) -> list[RouteInfo]:
    """Returns the routes of `table`, in the order of the file."""
    return [_route(route) for route in table.routes]


def events(table: Table) -> list[EventInfo]:
    """Returns the events from clients, by namespace."""
    return [_event(namespace, event) for namespace in _namespaces(table) for event in namespace.events]


def emits(table: Table) -> list[EmitInfo]:
    """Returns the events to clients, by namespace."""
    return [
        EmitInfo(
            namespace=namespace.namespace,
            event=emit.event,
            description=emit.description,
            validation=() if emit.payload is None else ("payload",),
            file=emit.mark.file,
            line=emit.mark.line,
        )
        for namespace in _namespaces(table)
        for emit in namespace.emits
    ]


def auth_text(auth: RouteAuth | None) -> str:
    """Formats `session`, `session|basic try [admin +paid | user]`; `-` for a public route."""
    if auth is None:
        return "-"
    words = ["|".join(auth.strategies)]
    if auth.mode != "required":
        words.append(auth.mode)
    rules = [" ".join([*(rule.scope or ()), *([rule.entity] if rule.entity != "any" else [])]) for rule in auth.access]
    return " ".join([*words, f"[{' | '.join(rules)}]"] if rules else words)


def _namespaces(table: Table) -> tuple[Namespace, ...]:
    return table.sockets.namespaces if table.sockets is not None else ()


def _route(route: Route) -> RouteInfo:
    return RouteInfo(
        method=route.method,
        path=route.path,
        vhost=route.vhost,
        id=route.id,
        description=route.options.description,
        tags=route.options.tags,
        auth=route.options.auth,
        validation=_validation(route.options),
        handler=str(route.handler),
        file=route.mark.file,
        line=route.mark.line,
    )


def _event(namespace: Namespace, event: Event) -> EventInfo:
    return EventInfo(
        namespace=namespace.namespace,
        event=event.event,
        id=event.id,
        description=event.options.description,
        tags=event.options.tags,
        auth=event.options.auth or namespace.auth,
        validation=_validation(event.options),
        handler=event.handler,
        file=event.mark.file,
        line=event.mark.line,
    )


def _validation(options: RouteOptions) -> tuple[str, ...]:
    """Returns the names of validated inputs, and `response`."""
    inputs = [source for source in SOURCES if getattr(options.validate, source) not in (None, True)]
    rules = options.response
    answers = rules.sample > 0 and (bool(rules.status) or rules.schema not in (None, True))
    return (*inputs, *(["response"] if answers else []))

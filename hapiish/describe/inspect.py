"""Describes the routes and events of a checked table as flat records, without a running server."""

from dataclasses import dataclass
from typing import Any

from hapiish.options import Event, Route, RouteAuth, RouteOptions, Table

SOURCES = ("headers", "params", "query", "payload", "state", "all")


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerInfo:
    """The handler of a route or event: authentication, validated inputs, and location in the file."""

    id: str | None
    description: str | None
    tags: tuple[str, ...]
    auth: RouteAuth | None
    validation: tuple[str, ...]
    handler: str
    file: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteInfo(HandlerInfo):
    """A route."""

    method: str
    path: str
    vhost: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventInfo(HandlerInfo):
    """An event from clients; `auth` is the event's, else the namespace's."""

    namespace: str
    event: str


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
    return [
        RouteInfo(method=route.method, path=route.path, vhost=route.vhost, **_handler(route, route.options.auth))
        for route in table.routes
    ]


def events(table: Table) -> list[EventInfo]:
    """Returns the events from clients, by namespace."""
    return [
        EventInfo(
            namespace=namespace.namespace, event=event.event, **_handler(event, event.options.auth or namespace.auth)
        )
        for namespace in table.namespaces
        for event in namespace.events
    ]


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
        for namespace in table.namespaces
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


def _handler(item: Route | Event, auth: RouteAuth | None) -> dict[str, Any]:
    """Returns the values of a HandlerInfo."""
    return {
        "id": item.id,
        "description": item.options.description,
        "tags": item.options.tags,
        "auth": auth,
        "validation": _validation(item.options),
        "handler": str(item.handler),
        "file": item.mark.file,
        "line": item.mark.line,
    }


def _validation(options: RouteOptions) -> tuple[str, ...]:
    """Returns the names of validated inputs, and `response`."""
    inputs = [source for source in SOURCES if getattr(options.validate, source) not in (None, True)]
    rules = options.response
    answers = rules.sample > 0 and (bool(rules.status) or rules.schema not in (None, True))
    return (*inputs, *(["response"] if answers else []))

"""Selects routes, events and emits of a table by method, path, tag, authentication, handler and so on."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from hapiish.grammar.call import is_call
from hapiish.options import Emit, Event, Kind, Namespace, Route, RouteAuth, Table

FUNCTION: Final = "function"
CALL: Final = "call"
_OF_ROUTES: Final = ("methods", "paths")
_OF_EVENTS: Final = ("events", "namespaces")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The criteria of a selection; empty ones select everything, several values of one are alternatives.

    `paths` are prefixes by whole segments, or patterns with `*` and `?`; `ids`, `events` and `namespaces` are names or
    such patterns. `kinds` are the kinds of handlers, `function` and `call` included. Criteria of routes exclude events,
    and the reverse.
    """

    methods: Sequence[str] = ()
    paths: Sequence[str] = ()
    events: Sequence[str] = ()
    namespaces: Sequence[str] = ()
    ids: Sequence[str] = ()
    tags: Sequence[str] = ()
    strategies: Sequence[str] = ()
    scopes: Sequence[str] = ()
    kinds: Sequence[str] = ()
    is_public: bool = False
    is_deprecated: bool = False

    def route(self, route: Route) -> bool:
        """Returns whether a route is selected."""
        return (
            not self._has(_OF_EVENTS)
            and (not self.methods or any(_is_method(route.method, each.upper()) for each in self.methods))
            and (not self.paths or any(_is_path(route.path, each) for each in self.paths))
            and self._handler(route, route.options.auth)
        )

    def event(self, event: Event, namespace: Namespace) -> bool:
        """Returns whether an event from clients is selected."""
        return (
            not self._has(_OF_ROUTES)
            and self._named(event.event, namespace)
            and self._handler(event, event.options.auth or namespace.auth)
        )

    def emit(self, emit: Emit, namespace: Namespace) -> bool:
        """Returns whether an event to clients is selected; it has no handler, and so none of its criteria."""
        return not self._has(_OF_ROUTES) and not self._has_handler_criteria and self._named(emit.event, namespace)

    def _named(self, event: str, namespace: Namespace) -> bool:
        return (not self.events or any(fnmatchcase(event, each) for each in self.events)) and (
            not self.namespaces or any(_is_name(namespace.namespace, each) for each in self.namespaces)
        )

    def _has(self, names: Sequence[str]) -> bool:
        return any(getattr(self, name) for name in names)

    @property
    def _has_handler_criteria(self) -> bool:
        return self._has(("ids", "tags", "strategies", "scopes", "kinds", "is_public", "is_deprecated"))

    def _handler(self, item: Route | Event, auth: RouteAuth | None) -> bool:
        scopes = {scope.lstrip("+!") for rule in auth.access for scope in rule.scope or ()} if auth is not None else ()
        return (
            (not self.ids or any(fnmatchcase(item.id or "", each) for each in self.ids))
            and (not self.tags or any(tag in item.options.tags for tag in self.tags))
            and (not self.strategies or (auth is not None and any(map(auth.strategies.__contains__, self.strategies))))
            and (not self.scopes or any(scope in scopes for scope in self.scopes))
            and (not self.kinds or kind_of(item) in self.kinds)
            and (not self.is_public or auth is None)
            and (not self.is_deprecated or item.options.deprecated is not None)
        )


def kind_of(item: Route | Event) -> str:
    """Returns the kind of a handler: `function`, `call` of a server method, or the name of its kind."""
    if isinstance(item.handler, Kind):
        return str(item.handler.name)
    return CALL if is_call(item.handler) else FUNCTION


SORTS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "path": lambda info: (getattr(info, "path", None) or f"{info.namespace} {info.event}", _method(info)),
    "method": lambda info: (_method(info), getattr(info, "path", "")),
    "id": lambda info: (getattr(info, "id", None) is None, getattr(info, "id", None) or "", _method(info)),
    "handler": lambda info: (getattr(info, "handler", ""), _method(info)),
}
"""The orders of a list by name, each with the key of its entries; without one, the order of the file."""


def events_of(table: Table) -> Iterator[tuple[Event, Namespace]]:
    """Yields the events from clients with their namespaces."""
    for namespace in table.namespaces:
        yield from ((event, namespace) for event in namespace.events)


def emits_of(table: Table) -> Iterator[tuple[Emit, Namespace]]:
    """Yields the events to clients with their namespaces."""
    for namespace in table.namespaces:
        yield from ((emit, namespace) for emit in namespace.emits)


def _method(info: Any) -> str:
    return str(getattr(info, "method", "") or info.event)


def _is_method(declared: str, wanted: str) -> bool:
    return declared == wanted or (declared == "GET" and wanted == "HEAD")


def _is_path(path: str, wanted: str) -> bool:
    if "*" in wanted or "?" in wanted:
        return fnmatchcase(path, wanted)
    prefix = wanted.rstrip("/")
    return path in (wanted, prefix) or path.startswith(f"{prefix}/")


def _is_name(name: str, wanted: str) -> bool:
    return name == wanted or fnmatchcase(name, wanted)

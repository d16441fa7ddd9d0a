"""A tree whose form is right, laid out for the cross-checks: routes and events with the options in effect for them.

Nothing is certain to be there: what the file's schema has refused is already taken out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from hapiish import path as paths
from hapiish.table.kinds import defaults, kind_of
from hapiish.table.marks import Path
from hapiish.table.merge import Layer, Merged, Options, merge
from hapiish.table.problems import Mark
from hapiish.table.source import Tree

DEFAULTS: Final[Path] = ("server", "routes")

# What an event takes over from the server's defaults for routes: all that means something without HTTP.
_FOR_EVENTS: Final[dict[str, tuple[str, ...] | None]] = {
    "app": None,
    "ext": ("onPreHandler", "onPostHandler", "onPreResponse", "onPostResponse"),
    "plugins": None,
    "response": ("failAction", "modify", "options", "sample"),
    "validate": ("failAction", "detail", "errorFields", "options"),
}


@dataclass(frozen=True, slots=True)
class RouteDraft:
    """An entry of `routes`; `options` are those in effect for each of its methods, in upper case."""

    at: Path
    value: Mapping[str, Any]
    options: Mapping[str, Merged]
    hosts: tuple[str | None, ...]
    path: paths.Path | None
    path_fault: str

    @property
    def title(self) -> str:
        """How the route is called in problems: `GET, PUT /users/{id} (api.example.com)`."""
        hosts = f" ({', '.join(host for host in self.hosts if host)})" if any(self.hosts) else ""
        return f"{', '.join(self.options)} {self.value.get('path', '')}{hosts}"


@dataclass(frozen=True, slots=True)
class EventDraft:
    """An entry of `sockets.namespaces[].events`."""

    at: Path
    value: Mapping[str, Any]
    options: Merged


@dataclass(frozen=True, slots=True)
class NamespaceDraft:
    """An entry of `sockets.namespaces`."""

    at: Path
    value: Mapping[str, Any]
    events: tuple[EventDraft, ...]

    @property
    def name(self) -> str:
        """The namespace's name."""
        return str(self.value.get("namespace") or "/")


class Draft:
    """What the checks share."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.marks = tree.marks
        self.value: Options = tree.value
        self.written_defaults: Mapping[str, Any] = self.section("server", "routes")
        self.defaults = merge(Layer(self.written_defaults, DEFAULTS))

    def section(self, *path: str) -> Mapping[str, Any]:
        """The mapping at `path`, empty when there is none."""
        found: Any = self.value
        for step in path:
            found = found.get(step) if isinstance(found, Mapping) else None
        return found if isinstance(found, Mapping) else {}

    def mark(self, *path: str | int) -> Mark:
        """Where the value at `path` stands."""
        return self.marks.value(path)

    def key_mark(self, *path: str | int) -> Mark:
        """Where the key that ends `path` stands."""
        return self.marks.key(path)

    def lost(self, *path: str | int) -> bool:
        """Whether something was taken out at `path`, around it or inside of it, so that its absence says nothing."""
        return any(gone[: len(path)] == path[: len(gone)] for gone in self.tree.broken)

    def cookie(self, name: str) -> dict[str, Any]:
        """The settings of the declared cookie `name`, over those of every cookie; null is the built-in default."""
        given = self.section("state").get(name)
        return {**self.section("server", "state"), **(given if isinstance(given, Mapping) else {})}

    @cached_property
    def routes(self) -> tuple[RouteDraft, ...]:
        """The routes."""
        router = self.section("server", "router")
        case_sensitive = router.get("isCaseSensitive") is not False
        return tuple(self._route(at, value, case_sensitive) for at, value in _entries(self.value, "routes"))

    @cached_property
    def namespaces(self) -> tuple[NamespaceDraft, ...]:
        """The namespaces of Socket.IO."""
        sockets = self.section("sockets")
        return tuple(
            NamespaceDraft(at, value, tuple(self._event(*event) for event in _entries(value, "events", at)))
            for at, value in _entries(sockets, "namespaces", ("sockets",))
            if not self.lost(*at, "namespace")
        )

    @cached_property
    def _event_defaults(self) -> Merged:
        value = {
            key: given if names is None else {name: given[name] for name in names if name in given}
            for key, names in _FOR_EVENTS.items()
            if isinstance(given := self.written_defaults.get(key), Mapping)
        }
        return merge(Layer(value, DEFAULTS))

    @cached_property
    def get_defaults(self) -> Merged:
        """The server's defaults for GET routes, which have no request body."""
        value = {key: given for key, given in self.written_defaults.items() if key != "payload"}
        if isinstance(value.get("validate"), Mapping):
            value["validate"] = {key: given for key, given in value["validate"].items() if key != "payload"}
        return merge(Layer(value, DEFAULTS))

    def _route(self, at: Path, value: Mapping[str, Any], case_sensitive: bool) -> RouteDraft:
        layer = Layer(value.get("options") or {}, (*at, "options"))
        methods = dict.fromkeys(method.upper() for method in _listed(value.get("method")))
        parsed, fault = None, ""
        try:
            parsed = paths.parse(value["path"], case_sensitive=case_sensitive) if "path" in value else None
        except paths.PathError as error:
            fault = str(error)
        hosts = tuple(dict.fromkeys(host.lower() for host in _listed(value.get("vhost"))))
        kind = kind_of(value.get("handler"))
        options = {}
        for method in methods:
            base = self.get_defaults if method == "GET" else self.defaults
            if kind is not None and (brought := defaults(kind, self.section("kinds").get(kind), method)):
                base = base.under(Layer(brought, (*at, "handler", kind)))
            options[method] = base.under(layer)
        return RouteDraft(at, value, options, hosts or (None,), parsed, fault)

    def _event(self, at: Path, value: Mapping[str, Any]) -> EventDraft:
        layer = Layer(value.get("options") or {}, (*at, "options"))
        return EventDraft(at, value, self._event_defaults.under(layer))


def _entries(holder: Mapping[str, Any], key: str, at: Path = ()) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for index, value in enumerate(holder.get(key) or ()):
        if isinstance(value, Mapping):
            yield (*at, key, index), value


def _listed(value: Any) -> list[str]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]

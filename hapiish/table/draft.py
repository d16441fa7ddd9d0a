"""A tree whose form is right, laid out for the cross-checks: routes and events with the options in effect for them.

Nothing is certain to be there: what the file's schema has refused is already taken out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from hapiish import path as paths
from hapiish.table.kinds import defaults, kind_of
from hapiish.table.marks import Path
from hapiish.table.merge import Layer, Merged, Options
from hapiish.table.presets import Presets
from hapiish.table.problems import Mark
from hapiish.table.resources import Entry, entries, is_resource
from hapiish.table.scope import Scope
from hapiish.table.source import Tree

DEFAULTS: Final[Path] = ("server", "routes")


@dataclass(frozen=True, slots=True)
class RouteDraft:
    """A route; `options` are those in effect for each of its methods, in upper case, upon what it has from its `scope`.

    `text` is the path that requests have, prefixes included; `path` is None when it cannot be read, which is told by
    `path_fault` unless a prefix is at fault.
    """

    at: Path
    value: Mapping[str, Any]
    handler_at: Path
    options: Mapping[str, Merged]
    scope: Scope
    hosts: tuple[str | None, ...]
    text: str
    path: paths.Path | None
    path_fault: str

    def touched(self, method: str) -> set[str]:
        """The options of which the route, or the kind of its handler, says something itself."""
        inherited = {layer.at for layer in self.scope.of(method).layers}
        return {key for layer in self.options[method].layers if layer.at not in inherited for key in layer.value}

    @property
    def title(self) -> str:
        """How the route is called in problems: `GET, PUT /users/{id} (api.example.com)`."""
        hosts = f" ({', '.join(host for host in self.hosts if host)})" if any(self.hosts) else ""
        return f"{', '.join(self.options)} {self.text}{hosts}"


@dataclass(frozen=True, slots=True)
class GroupDraft:
    """Where routes stand: the top of a table or an entry of `groups`; `fault` says why its prefix cannot be read."""

    at: Path
    value: Mapping[str, Any]
    scope: Scope
    prefix: str = ""
    fault: str = ""
    hosts: tuple[str | None, ...] = ()


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
        self.presets = Presets(tree, ())
        self.written_defaults: Mapping[str, Any] = self.section("server", "routes")
        below = self.presets.layers(self.written_defaults, DEFAULTS)
        self.scope = Scope((*below, Layer(self.written_defaults, DEFAULTS)))
        self.defaults = self.scope.defaults

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
    def groups(self) -> tuple[GroupDraft, ...]:
        """Every place that has routes, from the top of the table inwards."""
        return tuple(self._groups(GroupDraft((), self.value, self.scope)))

    def _groups(self, group: GroupDraft) -> Iterator[GroupDraft]:
        yield group
        for at, value in _entries(group.value, "groups", group.at):
            yield from self._groups(self._group(group, at, value))

    def _group(self, outer: GroupDraft, at: Path, value: Mapping[str, Any]) -> GroupDraft:
        options = value.get("options") or {}
        scope = outer.scope.inside(
            *self.presets.layers(options, (*at, "options")),
            Layer(options, (*at, "options")),
            Layer({"ext": value["ext"]} if value.get("ext") else {}, at),
        )
        prefix = outer.prefix + (value.get("prefix") or "")
        fault = outer.fault
        if not fault and prefix:
            try:
                paths.parse(prefix)
            except paths.PathError as error:
                fault = str(error)
        hosts = outer.hosts if any(outer.hosts) else _hosts(value.get("vhost"))
        return GroupDraft(at, value, scope, prefix, fault, hosts)

    @cached_property
    def written(self) -> tuple[Layer, ...]:
        """Every place where options of routes are written: defaults, presets, groups and the routes themselves."""
        defaults = Layer(self.written_defaults, DEFAULTS)
        grouped = [_options(group.value, group.at) for group in self.groups[1:]]
        grouped += [_options(value, at) for at, value in self.resources]
        own = [_options(route.value, route.at) for route in self.routes]
        return (defaults, *grouped, *own, *self.presets.written())

    @cached_property
    def routes(self) -> tuple[RouteDraft, ...]:
        """The routes of the table and of all groups."""
        case_sensitive = self.section("server", "router").get("isCaseSensitive") is not False
        return tuple(
            self._route(holder, entry, case_sensitive)
            for group in self.groups
            for at, value in _entries(group.value, "routes", group.at)
            for holder in (self._shared(group, at, value) if is_resource(value) else group,)
            for entry in entries(at, value)
        )

    @cached_property
    def resources(self) -> tuple[tuple[Path, Mapping[str, Any]], ...]:
        """The entries of `routes` that stand for several."""
        written = ((at, value) for group in self.groups for at, value in _entries(group.value, "routes", group.at))
        return tuple((at, value) for at, value in written if is_resource(value))

    @cached_property
    def namespaces(self) -> tuple[NamespaceDraft, ...]:
        """The namespaces of Socket.IO."""
        sockets = self.section("sockets")
        return tuple(
            NamespaceDraft(at, value, tuple(self._event(*event) for event in _entries(value, "events", at)))
            for at, value in _entries(sockets, "namespaces", ("sockets",))
            if not self.lost(*at, "namespace")
        )

    def _shared(self, group: GroupDraft, at: Path, value: Mapping[str, Any]) -> GroupDraft:
        """The group as the routes of a resource see it, whose options are theirs."""
        own = _options(value, at)
        return replace(group, scope=group.scope.inside(*self.presets.layers(own.value, own.at), own))

    def _route(self, group: GroupDraft, entry: Entry, case_sensitive: bool) -> RouteDraft:
        at, value = entry.at, entry.value
        options = value.get("options") or {}
        layer = Layer(options, (*at, "options"))
        methods = dict.fromkeys(method.upper() for method in _listed(value.get("method")))
        text = _below(group.prefix, value.get("path", ""))
        parsed, fault = None, ""
        try:
            parsed = paths.parse(text, case_sensitive=case_sensitive) if "path" in value and not group.fault else None
        except paths.PathError as error:
            fault = str(error)
        hosts = group.hosts if any(group.hosts) else _hosts(value.get("vhost"))
        scope = group.scope.inside(*self.presets.layers(options, layer.at)) if "use" in options else group.scope
        kind = kind_of(value.get("handler"))
        merged = {
            method: scope.of(method, self._brought(kind, entry.handler_at, method)).under(layer) for method in methods
        }
        return RouteDraft(at, value, entry.handler_at, merged, scope, hosts or (None,), text, parsed, fault)

    def _brought(self, kind: str | None, at: Path, method: str) -> Layer | None:
        """What the kind of a handler says of its route."""
        if kind is None:
            return None
        return Layer(defaults(kind, self.section("kinds").get(kind), method), (*at, kind))

    def _event(self, at: Path, value: Mapping[str, Any]) -> EventDraft:
        return EventDraft(at, value, self.scope.for_events.under(_options(value, at)))


def _options(value: Mapping[str, Any], at: Path) -> Layer:
    return Layer(value.get("options") or {}, (*at, "options"))


def _below(prefix: str, path: str) -> str:
    """A path under a prefix: `/` is the prefix itself, as in hapi."""
    return prefix if prefix and path == "/" else f"{prefix}{path}"


def _hosts(vhost: Any) -> tuple[str | None, ...]:
    return tuple(dict.fromkeys(host.lower() for host in _listed(vhost)))


def _entries(holder: Mapping[str, Any], key: str, at: Path = ()) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for index, value in enumerate(holder.get(key) or ()):
        if isinstance(value, Mapping):
            yield (*at, key, index), value


def _listed(value: Any) -> list[str]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]

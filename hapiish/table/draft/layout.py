"""Lays out the routes and events of all tables with their effective options: groups, presets, overrides.

A layout is complete once constructed: all uses of presets and overrides are known after all routes and events.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hapiish.grammar import path as paths
from hapiish.table.draft.parts import (
    AppliedOverride,
    EventDraft,
    GroupDraft,
    NamespaceDraft,
    Pruned,
    RouteDraft,
    prefixed,
)
from hapiish.table.kinds import defaults, kind_of
from hapiish.table.merging.merge import Layer, Merged, listed
from hapiish.table.merging.realms import RealmDraft, hosts_of
from hapiish.table.merging.resources import RouteEntry, entries, is_resource
from hapiish.table.merging.scope import Scope, of_events
from hapiish.table.problems import Problem
from hapiish.table.text.budget import Budget
from hapiish.table.text.marks import Path
from hapiish.table.text.source import Tree
from hapiish.table.text.tree import INHERITED, mappings, section


class Layout:
    """The groups, routes, resources and namespaces of all tables.

    `routes` excludes those that an override removes; `overridden` maps the path of each applied override to "route" or
    "event"; `preset_instances` are the options of presets with parameters, for each set of arguments; `problems` are
    those of presets and of their uses.
    """

    def __init__(self, realms: Sequence[RealmDraft], tree: Tree, budget: Budget, was_pruned: Pruned) -> None:
        self.realms = realms
        self.tree = tree
        self.budget = budget
        self.was_pruned = was_pruned
        self.overridden: dict[Path, str] = {}
        self._scopes: dict[tuple[int, int], tuple[Any, Any, Scope]] = {}
        self.groups = tuple(group for realm in realms for group in self._groups(self._top(realm)))
        self.routes = tuple(self._routes())
        self.namespaces = tuple(self._namespaces())
        self.problems: tuple[Problem, ...] = tuple(problem for realm in realms for problem in realm.presets.check())
        self.preset_instances = tuple(layer for realm in realms for layer in realm.presets.instances())

    def resources(self) -> Iterator[tuple[Path, Mapping[str, Any]]]:
        """Yields the entries of `routes` that are resources, with their paths."""
        for group in self.groups:
            yield from ((at, value) for value, at in mappings(group.value, "routes", group.at) if is_resource(value))

    def _groups(self, group: GroupDraft) -> Iterator[GroupDraft]:
        yield group
        for value, at in mappings(group.value, "groups", group.at):
            yield from self._groups(self._nested(group, at, value))

    def _top(self, realm: RealmDraft) -> GroupDraft:
        at: Path = (*realm.host.at, *realm.part.entry_at, "routes", "prefix") if realm.host is not None else ()
        fault = self._prefix_fault(realm.prefix, at) if at else ""
        return GroupDraft(realm, realm.at, realm.value, realm.scope, realm.prefix, at, fault, realm.hosts)

    def _nested(self, outer: GroupDraft, at: Path, value: Mapping[str, Any]) -> GroupDraft:
        own = _options(value, at)
        scope = outer.scope.inside(
            *_presets(outer.realm, own),
            own,
            Layer({"ext": value["ext"]} if value.get("ext") else {}, at),
        )
        prefix, prefix_at = outer.prefix + (value.get("prefix") or ""), (*at, "prefix")
        fault = outer.fault or self._prefix_fault(prefix, prefix_at)
        hosts = outer.hosts or hosts_of(value.get("vhost"))
        return GroupDraft(outer.realm, at, value, scope, prefix, prefix_at, fault, hosts)

    def _prefix_fault(self, prefix: str, at: Path) -> str:
        try:
            paths.parse(prefix or "/")
        except paths.PathError as error:
            return str(error)
        return "there was another prefix" if self.was_pruned(*at) else ""

    def _routes(self) -> Iterator[RouteDraft]:
        is_case_sensitive = section(self.tree.value, "server", "router").get("isCaseSensitive") is not False
        for group in self.groups:
            for value, at in mappings(group.value, "routes", group.at):
                holder = _with_resource_options(group, at, value) if is_resource(value) else group
                for entry in entries(at, value):
                    if (route := self._route(holder, entry, is_case_sensitive)) is not None:
                        yield route

    def _namespaces(self) -> Iterator[NamespaceDraft]:
        for realm in self.realms:
            at = (*realm.at, "sockets")
            for value, place in mappings(section(realm.value, "sockets"), "namespaces", at):
                if not self.was_pruned(*place, "namespace"):
                    defaults = realm.scope.for_events
                    for layer in (*_event_presets(realm, _options(value, place)), *namespace_layers(value, place)):
                        defaults = defaults.under(layer)
                    events = tuple(self._events(realm, value, place, defaults))
                    yield NamespaceDraft(realm, place, value, events, defaults)

    def _route(self, group: GroupDraft, entry: RouteEntry, case_sensitive: bool) -> RouteDraft | None:
        at, value = entry.at, entry.value
        id, overrides = self._overrides(group.realm, value.get("id"), "route")
        if any(override.value is False for override in overrides):
            return None
        text = prefixed(group.prefix, value.get("path", ""))
        parsed, fault = None, ""
        try:
            parsed = paths.parse(text, case_sensitive=case_sensitive) if "path" in value and not group.fault else None
            if parsed is not None and not str(value["path"]).startswith("/"):
                paths.parse(str(value["path"]))  # a prefix would hide a missing slash
        except paths.PathError as error:
            parsed, fault = None, str(error)
        own = _options(value, at)
        scope = self._with_presets(group.scope, _presets(group.realm, own))
        layers = (own, *(layer for override in overrides for layer in _override_layers(override)))
        handler, handler_at, writer = value.get("handler"), entry.handler_at, group.realm
        for override in overrides:
            if override.value.get("handler") is not None:
                handler, handler_at, writer = override.value["handler"], (*override.at, "handler"), override.realm
        merged = {}
        hosts = group.hosts or hosts_of(value.get("vhost")) or (None,)
        for method in dict.fromkeys(method.upper() for method in listed(value.get("method"))):
            self.budget.make(len(scope.above) + len(layers) + len(hosts), lambda: self.tree.marks.value(at))
            merged[method] = scope.of(method, kind_defaults(handler, handler_at, writer, method))
            for layer in layers:
                merged[method] = merged[method].under(layer)
        of_kind = kind_defaults(handler, handler_at, writer, "")
        own_layers = layers if of_kind is None else (of_kind, *layers)
        return RouteDraft(
            group.realm, at, value, merged, scope, own_layers, hosts, text, parsed, fault, id, handler, handler_at
        )

    def _with_presets(self, scope: Scope, presets: tuple[Layer, ...]) -> Scope:
        """A scope with the layers of presets on top, shared by all routes that use the same presets."""
        if not presets:
            return scope
        key = (id(scope), id(presets))
        if key not in self._scopes:
            self._scopes[key] = (scope, presets, scope.inside(*presets))
        return self._scopes[key][2]

    def _events(
        self, realm: RealmDraft, namespace: Mapping[str, Any], at: Path, defaults: Merged
    ) -> Iterator[EventDraft]:
        for value, place in mappings(namespace, "events", at):
            id, overrides = self._overrides(realm, value.get("id"), "event")
            if any(override.value is False for override in overrides):
                continue
            merged = defaults
            for layer in _event_layers(realm, _options(value, place)):
                merged = merged.under(layer)
            handler = value.get("handler")
            for override in overrides:
                handler = override.value.get("handler") or handler
                for layer in _event_layers(override.realm, _options(override.value, override.at)):
                    merged = merged.under(layer)
            yield EventDraft(place, value, merged, id, handler)

    def _overrides(self, realm: RealmDraft, id: str | None, target: str) -> tuple[str | None, list[AppliedOverride]]:
        """The id in the root table, and the overrides by the tables around, innermost first."""
        found: list[AppliedOverride] = []
        if id is None:
            return None, found
        for inner in realm.lineage:
            if inner.host is None:
                break
            override = section(inner.part.entry, "override").get(id)
            if override is not None:
                place = (*inner.host.at, *inner.part.entry_at, "override", id)
                self.overridden[place] = target
                found.append(AppliedOverride(inner.host, place, override))
            id = f"{inner.name}.{id}" if inner.name else id
        return id, found


def namespace_layers(namespace: Mapping[str, Any], at: Path) -> tuple[Layer, ...]:
    """The layers of options that a namespace sets for its events."""
    layers = (_options(namespace, at), Layer({key: namespace[key] for key in INHERITED if key in namespace}, at))
    return tuple(layer for layer in layers if layer.value)


def _with_resource_options(group: GroupDraft, at: Path, value: Mapping[str, Any]) -> GroupDraft:
    """The group with the options of a resource, which its routes inherit."""
    own = _options(value, at)
    return replace(group, scope=group.scope.inside(*_presets(group.realm, own), own))


def _presets(realm: RealmDraft, options: Layer) -> tuple[Layer, ...]:
    return realm.presets.layers(options.value, options.at[len(realm.at) :])


def _event_presets(realm: RealmDraft, options: Layer) -> Iterator[Layer]:
    """Returns the layers of the presets that an event uses, without the options that events do not have."""
    return map(of_events, _presets(realm, options))


def _event_layers(realm: RealmDraft, options: Layer) -> tuple[Layer, ...]:
    return (*_event_presets(realm, options), options)


def kind_defaults(handler: Any, at: Path, writer: RealmDraft, method: str) -> Layer | None:
    """The default options of a handler's kind, which is resolved in the table that writes the handler."""
    kind = kind_of(handler)
    if kind is None:
        return None
    own = next((found[kind] for realm in writer.visible if kind in (found := section(realm.value, "kinds"))), None)
    return Layer(defaults(kind, own, method), (*at, kind))


def _override_layers(override: AppliedOverride) -> Iterator[Layer]:
    layer = _options(override.value, override.at)
    yield from _presets(override.realm, layer)
    yield layer


def _options(value: Mapping[str, Any], at: Path) -> Layer:
    return Layer(value.get("options") or {}, (*at, "options"))

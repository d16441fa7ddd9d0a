"""A tree whose form is right, laid out for the cross-checks: routes and events with the options in effect for them.

Nothing is certain to be there: what the file's schema has refused is already taken out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from hapiish.grammar import path as paths
from hapiish.table.compose.composition import Composition, Part
from hapiish.table.compose.owned_names import home
from hapiish.table.draft_parts import EventDraft, GroupDraft, NamespaceDraft, Override, RouteDraft, below
from hapiish.table.kinds import defaults, kind_of
from hapiish.table.merge import Layer, Options
from hapiish.table.merging.realms import RealmDraft, hosts_of
from hapiish.table.merging.resources import Entry, entries, is_resource
from hapiish.table.places import INHERITED, Place, mappings, options_in, schemas_in, schemas_of, section
from hapiish.table.problems import Mark
from hapiish.table.schemas.dereference import Dereferenced
from hapiish.table.schemas.references import Library, Root, UnresolvedError
from hapiish.table.scope import Scope
from hapiish.table.text.marks import Path


class Draft:
    """What the checks share."""

    def __init__(self, whole: Composition) -> None:
        self.whole = whole
        self.is_partial = whole.is_partial
        self.tree = whole.tree
        self.marks = self.tree.marks
        self.value: Options = self.tree.value
        realms: dict[Part | None, RealmDraft] = {}
        for part in whole.parts:
            host = realms[part.host] if part.host is not None else None
            realms[part] = RealmDraft(part, host, whole.budget)
            if host is not None and part.is_plugin:
                host.plugins.append(realms[part])
        self.realms = tuple(realms.values())
        self.scope = self.realms[0].scope
        self.defaults = self.scope.defaults
        self.overridden: dict[Path, str] = {}
        self._known: dict[tuple[object, ...], list[str]] = {}
        self._scopes: dict[tuple[int, int], tuple[Any, Any, Scope]] = {}

    def section(self, *path: str) -> Mapping[str, Any]:
        """The mapping at `path` of the table itself, empty when there is none."""
        return section(self.value, *path)

    def sections(self, *path: str) -> Iterator[tuple[RealmDraft, Path, Mapping[str, Any]]]:
        """The mappings at `path` of all tables, with their places."""
        for realm in self.realms:
            yield realm, (*realm.at, *path), section(realm.value, *path)

    def outermost(self, key: str) -> RealmDraft:
        """The table whose section `key` holds for the server: its own, else that of the first used one that has any."""
        return next((realm for realm in self.realms if realm.value.get(key) is not None), self.realms[0])

    def declaring(self, name: str, *path: str) -> RealmDraft | None:
        """The table whose declaration in the section `path` a name means: that of its writer, or the next around it."""
        for realm in self.realms[home(name)].visible:
            if str(name) in section(realm.value, *path):
                return realm
        return None

    def scheme(self, strategy: str) -> Any:
        """The scheme of the strategy that a name means."""
        realm = self.declaring(strategy, "auth", "strategies")
        return section(realm.value, "auth", "strategies", str(strategy)).get("scheme") if realm is not None else None

    def known(self, writer: int, *path: str) -> list[str]:
        """The names that the section `path` has for what is written in the table `writer`."""
        key = (writer, *path)
        if key not in self._known:
            visible = self.realms[writer].visible
            self._known[key] = list(dict.fromkeys(name for realm in visible for name in section(realm.value, *path)))
        return self._known[key]

    def realm_at(self, path: Path) -> RealmDraft:
        """The table in which a place is."""
        if path[:1] != ("plugins",):  # all others are in there
            return self.realms[0]
        around = [realm for realm in self.realms if path[: len(realm.at)] == realm.at]
        return max(around, key=lambda realm: len(realm.at))

    @cached_property
    def schemas(self) -> Mapping[str, Any]:
        """The named schemas of all tables; those of a used one have its label in front, as references to them have."""
        return {
            f"{realm.part.label}/{name}" if realm.index else name: schema
            for realm, _, found in self.sections("schemas")
            for name, schema in found.items()
        }

    @cached_property
    def libraries(self) -> tuple[Library, ...]:
        """The schemas of each table, by its index, as references in them see each other."""
        others: dict[int, list[Any]] = {realm.index: [] for realm in self.realms}
        for at, schema in self.written_schemas:
            realm = self.realm_at(at)
            if isinstance(schema, dict) and at[len(realm.at)] != "schemas":
                others[realm.index].append(schema)
        return tuple(
            Library(
                {name: schema for name, schema in section(realm.value, "schemas").items() if schema is not None},
                others[realm.index],
                f"{realm.part.label}/" if realm.index else "",
            )
            for realm in self.realms
        )

    @cached_property
    def dereferenced(self) -> tuple[Dereferenced | None, ...]:
        """The schemas of each table as they are built; None where a reference cannot be followed."""
        return tuple(_dereferenced(library) for library in self.libraries)

    def root(self, at: Path, schema: Any) -> Root:
        """A written schema as the references in it see it."""
        realm = self.realm_at(at)
        library = self.libraries[realm.index]
        own = at[len(realm.at) :]
        return library.named[str(own[1])] if own[0] == "schemas" else library.others[id(schema)]

    def root_of(self, at: Path, schema: Any) -> Root | None:
        """As `root`, of a schema that is perhaps not written as such."""
        return self.libraries[self.realm_at(at).index].others.get(id(schema))

    def place_of(self, root: Root) -> Path:
        """Where a schema is written."""
        return self._places.get(id(root.schema), ())

    @cached_property
    def _places(self) -> Mapping[int, Path]:
        return {id(schema): at for at, schema in self.written_schemas}

    def mark(self, *path: str | int) -> Mark:
        """Where the value at `path` stands."""
        return self.marks.value(path)

    def key_mark(self, *path: str | int) -> Mark:
        """Where the key that ends `path` stands."""
        return self.marks.key(path)

    def lost(self, *path: str | int) -> bool:
        """Whether something was taken out at `path`, around it or inside of it, so that its absence says nothing."""
        broken, around = self._broken
        return path in around or any(path[:length] in broken for length in range(len(path) + 1))

    @cached_property
    def _broken(self) -> tuple[frozenset[Path], frozenset[Path]]:
        """The places that were taken out, and all places around them."""
        broken = self.tree.broken
        return broken, frozenset(gone[:length] for gone in broken for length in range(len(gone) + 1))

    def cookie(self, name: str, realm: RealmDraft) -> dict[str, Any]:
        """The settings of a cookie that `realm` declares, over those of every cookie of the server and then of its own.

        null is the built-in default.
        """
        servers = [section(other.value, "server", "state") for other in (self.realms[0], realm)]
        return {**servers[0], **servers[1], **section(realm.value, "state", name)}

    @cached_property
    def groups(self) -> tuple[GroupDraft, ...]:
        """Every place that has routes, from the top of each table inwards."""
        return tuple(group for realm in self.realms for group in self._groups(self._top(realm)))

    def _groups(self, group: GroupDraft) -> Iterator[GroupDraft]:
        yield group
        for value, at in mappings(group.value, "groups", group.at):
            yield from self._groups(self._inner(group, at, value))

    def _top(self, realm: RealmDraft) -> GroupDraft:
        at: Path = (*realm.host.at, *realm.part.entry_at, "routes", "prefix") if realm.host is not None else ()
        fault = self._fault(realm.prefix, at) if at else ""
        return GroupDraft(realm, realm.at, realm.value, realm.scope, realm.prefix, at, fault, realm.hosts)

    def _inner(self, outer: GroupDraft, at: Path, value: Mapping[str, Any]) -> GroupDraft:
        own = _options(value, at)
        scope = outer.scope.inside(
            *_presets(outer.realm, own),
            own,
            Layer({"ext": value["ext"]} if value.get("ext") else {}, at),
        )
        prefix, prefix_at = outer.prefix + (value.get("prefix") or ""), (*at, "prefix")
        fault = outer.fault or self._fault(prefix, prefix_at)
        hosts = outer.hosts or hosts_of(value.get("vhost"))
        return GroupDraft(outer.realm, at, value, scope, prefix, prefix_at, fault, hosts)

    def _fault(self, prefix: str, at: Path) -> str:
        try:
            paths.parse(prefix or "/")
        except paths.PathError as error:
            return str(error)
        return "there was another prefix" if self.lost(*at) else ""

    @cached_property
    def written(self) -> tuple[Layer, ...]:
        """Every place where options of routes are written: defaults, presets, groups and the routes themselves."""
        found = [Layer(value, (*realm.at, *at)) for realm in self.realms for value, at in options_in(realm.value)]
        assert self.routes is not None  # laying them out fills the presets
        return (*found, *(layer for realm in self.realms for layer in realm.presets.filled()))

    @cached_property
    def written_schemas(self) -> tuple[Place, ...]:
        """Every place that holds a JSON Schema, as it is written, in all tables."""
        found = [((*realm.at, *at), schema) for realm in self.realms for at, schema in schemas_in(realm.value)]
        assert self.routes is not None  # laying them out fills the presets
        filled = [layer for realm in self.realms for layer in realm.presets.filled()]
        return (*found, *(place for layer in filled for place in schemas_of(layer.value, layer.at)))

    @cached_property
    def routes(self) -> tuple[RouteDraft, ...]:
        """The routes of all tables and of all groups, but for those that an override switches off."""
        case_sensitive = self.section("server", "router").get("isCaseSensitive") is not False
        return tuple(
            route
            for group in self.groups
            for value, at in mappings(group.value, "routes", group.at)
            for holder in (_shared(group, at, value) if is_resource(value) else group,)
            for entry in entries(at, value)
            if (route := self._route(holder, entry, case_sensitive)) is not None
        )

    @cached_property
    def resources(self) -> tuple[tuple[Path, Mapping[str, Any]], ...]:
        """The entries of `routes` that stand for several."""
        written = ((at, value) for group in self.groups for value, at in mappings(group.value, "routes", group.at))
        return tuple((at, value) for at, value in written if is_resource(value))

    @cached_property
    def namespaces(self) -> tuple[NamespaceDraft, ...]:
        """The namespaces of Socket.IO of all tables."""
        return tuple(
            NamespaceDraft(realm, place, value, tuple(self._events(realm, value, place)))
            for realm, at, found in self.sections("sockets")
            for value, place in mappings(found, "namespaces", at)
            if not self.lost(*place, "namespace")
        )

    def _route(self, group: GroupDraft, entry: Entry, case_sensitive: bool) -> RouteDraft | None:
        at, value = entry.at, entry.value
        id, overrides = self._overrides(group.realm, value.get("id"), "route")
        if any(override.value is False for override in overrides):
            return None
        text = below(group.prefix, value.get("path", ""))
        parsed, fault = None, ""
        try:
            parsed = paths.parse(text, case_sensitive=case_sensitive) if "path" in value and not group.fault else None
            if parsed is not None and not str(value["path"]).startswith("/"):
                paths.parse(str(value["path"]))  # under a prefix it would go on where that ends
        except paths.PathError as error:
            parsed, fault = None, str(error)
        own = _options(value, at)
        scope = self._inside(group.scope, _presets(group.realm, own))
        layers = (own, *(layer for override in overrides for layer in _overriding(override)))
        handler, handler_at, writer = value.get("handler"), entry.handler_at, group.realm
        for override in overrides:
            if override.value.get("handler") is not None:
                handler, handler_at, writer = override.value["handler"], (*override.at, "handler"), override.realm
        merged = {}
        hosts = group.hosts or hosts_of(value.get("vhost")) or (None,)
        for method in dict.fromkeys(method.upper() for method in _listed(value.get("method"))):
            self.whole.budget.make(len(scope.above) + len(layers) + len(hosts), lambda: self.mark(*at))
            merged[method] = scope.of(method, _brought(handler, handler_at, writer, method))
            for layer in layers:
                merged[method] = merged[method].under(layer)
        brought = _brought(handler, handler_at, writer, "")
        own_layers = layers if brought is None else (brought, *layers)
        return RouteDraft(
            group.realm, at, value, merged, scope, own_layers, hosts, text, parsed, fault, id, handler, handler_at
        )

    def _inside(self, scope: Scope, presets: tuple[Layer, ...]) -> Scope:
        """A scope with presets upon it, shared by all routes that use the same ones."""
        if not presets:
            return scope
        key = (id(scope), id(presets))
        if key not in self._scopes:
            self._scopes[key] = (scope, presets, scope.inside(*presets))
        return self._scopes[key][2]

    def _events(self, realm: RealmDraft, namespace: Mapping[str, Any], at: Path) -> Iterator[EventDraft]:
        inherited = realm.scope.for_events
        for layer in namespace_layers(namespace, at):
            inherited = inherited.under(layer)
        for value, place in mappings(namespace, "events", at):
            id, overrides = self._overrides(realm, value.get("id"), "event")
            if any(override.value is False for override in overrides):
                continue
            merged = inherited.under(_options(value, place))
            handler = value.get("handler")
            for override in overrides:
                handler = override.value.get("handler") or handler
                for layer in _overriding(override):
                    merged = merged.under(layer)
            yield EventDraft(place, value, merged, id, handler)

    def _overrides(self, realm: RealmDraft, id: str | None, what: str) -> tuple[str | None, list[Override]]:
        """The id as it is in the whole, and what the tables around say of the route, from the inside outwards."""
        found: list[Override] = []
        if id is None:
            return None, found
        for inner in realm.line:
            if inner.host is None:
                break
            override = section(inner.part.entry, "override").get(id)
            if override is not None:
                place = (*inner.host.at, *inner.part.entry_at, "override", id)
                self.overridden[place] = what
                found.append(Override(inner.host, place, override))
            id = f"{inner.name}.{id}" if inner.name else id
        return id, found


def _dereferenced(library: Library) -> Dereferenced | None:
    try:
        return Dereferenced(library)
    except UnresolvedError:
        return None


def namespace_layers(namespace: Mapping[str, Any], at: Path) -> tuple[Layer, ...]:
    """What a namespace says for all its events."""
    layers = (_options(namespace, at), Layer({key: namespace[key] for key in INHERITED if key in namespace}, at))
    return tuple(layer for layer in layers if layer.value)


def _shared(group: GroupDraft, at: Path, value: Mapping[str, Any]) -> GroupDraft:
    """The group as the routes of a resource see it, whose options are theirs."""
    own = _options(value, at)
    return replace(group, scope=group.scope.inside(*_presets(group.realm, own), own))


def _presets(realm: RealmDraft, options: Layer) -> tuple[Layer, ...]:
    """What the presets that these options use put below them."""
    return realm.presets.layers(options.value, options.at[len(realm.at) :])


def _brought(handler: Any, at: Path, writer: RealmDraft, method: str) -> Layer | None:
    """What the kind of a handler says of its route; a kind is looked up where the handler is written."""
    kind = kind_of(handler)
    if kind is None:
        return None
    own = next((found[kind] for realm in writer.visible if kind in (found := section(realm.value, "kinds"))), None)
    return Layer(defaults(kind, own, method), (*at, kind))


def _overriding(override: Override) -> Iterator[Layer]:
    layer = _options(override.value, override.at)
    yield from _presets(override.realm, layer)
    yield layer


def _options(value: Mapping[str, Any], at: Path) -> Layer:
    return Layer(value.get("options") or {}, (*at, "options"))


def _listed(value: Any) -> list[str]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]

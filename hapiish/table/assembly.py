"""Builds the table from a checked draft: all declarations, and the effective options of each route and event.

Relies on a draft without problems and validates nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass, replace
from typing import Any, Final, TypeVar, cast

from hapiish import options as model
from hapiish.declare.option import Role, settings_of
from hapiish.declare.walk import walk
from hapiish.options.kinds import KINDS
from hapiish.table.build import Converter, Place, build, fields_of, part
from hapiish.table.compose.owned_names import exact_text, owned
from hapiish.table.draft import Draft
from hapiish.table.draft.parts import EventDraft, NamespaceDraft, RouteDraft
from hapiish.table.kinds import kind_of
from hapiish.table.merging.merge import Merged, spell_auth
from hapiish.table.merging.realms import POINTS_WITHOUT_ROUTE, RealmDraft
from hapiish.table.problems import Mark
from hapiish.table.text.marks import Path
from hapiish.table.text.tree import INHERITED, mappings, section

T = TypeVar("T")

_NO_OPTIONS: Final = model.RouteOptions()
_DATA: Final = frozenset({"app", "plugins"})
"""Options of routes that are data of the application, which may change it."""
_BUILT_SEPARATELY: Final = frozenset({"auth", "events", "options", *INHERITED})
"""Keys of a namespace that are built separately, most of them because events inherit them."""


def build_table(draft: Draft) -> model.Table:
    """Returns the table of a draft without problems."""
    table = _Assembly(draft).table()
    table.set_outside(draft.composition.outside)
    return table


def names_only(draft: Draft) -> model.Table:
    """Returns a table with names only, for a draft with missing variables, secrets or packages."""
    root, *used = draft.composition.parts
    return model.Table(
        file=root.file,
        folder=root.folder,
        files=draft.composition.files,
        names=names_of(draft),
        used=tuple(
            model.Realm(label=part.label, file=part.file, folder=part.folder, package=part.package) for part in used
        ),
        is_partial=True,
        is_names=True,
    )


def names_of(draft: Draft) -> dict[str, Mark]:
    """Every `module:attribute` of all tables with its first position, in the order of positions."""
    found: dict[str, Mark] = {}
    for realm in draft.realms:
        for role, name, at in walk(model.Table, realm.value):
            if role is Role.FUNCTION:
                mark = draft.mark(*realm.at, *at)
                found[name] = min(found.get(name, mark), mark)
    for layer in draft.layout.preset_instances:
        for role, name, at in walk(model.RouteOptions, layer.value, layer.at):
            if role is Role.FUNCTION:
                found.setdefault(name, draft.mark(*at))
    return dict(sorted(found.items(), key=lambda item: item[1]))


class _Assembly:
    def __init__(self, draft: Draft) -> None:
        draft.release()
        self.draft = draft
        self.inherited: dict[int, model.RouteOptions] = {}
        self.options: dict[tuple[str, bytes], Any] = {}
        self.outside = draft.composition.outside
        dereferenced = [each for each in draft.dereferenced if each is not None]
        self.schemas = {name: schema for each in dereferenced for name, schema in each.named.items()}
        self.dereferenced = {identity: schema for each in dereferenced for identity, schema in each.others.items()}
        self.defaults = self.inherited_options(draft.defaults, draft.realms[0])

    def table(self) -> model.Table:
        draft, value, composition = self.draft, self.draft.value, self.draft.composition
        root = composition.parts[0]
        server = {key: value for key, value in draft.section("server").items() if key != "routes"}
        return model.Table(
            file=root.file,
            folder=root.folder,
            models=part(model.Table, "models", value.get("models") or {}, ("models",), draft.marks.value),
            info=self.info(draft.section("info")),
            extensions=self.extensions(value),
            server=replace(build(model.Server, server, ("server",), draft.marks.value), routes=self.defaults),
            auth=self.auth(),
            database=self.outermost("database", model.Database),
            session=self.outermost("session", model.Session),
            caches=self.caches(),
            methods=self.declared("methods", model.Method),
            kinds=self.declared("kinds", model.KindSource),
            state=self.state(),
            ext=self.ext(),
            events=self.events(),
            schemas=self.schemas,
            routes=tuple(route for entry in draft.routes for route in self.routes(entry)),
            sockets=self.sockets(),
            views=self.views(draft.realms[0]),
            files=composition.files,
            names=names_of(draft),
            used=tuple(self.realm(realm) for realm in draft.realms[1:]),
            plugins=composition.register,
            is_partial=draft.is_partial,
        )

    def info(self, written: Mapping[str, Any]) -> dict[str, Any]:
        """Metadata, with the keys x-… that have no value from outside."""
        own = _without_x_keys({key: value for key, value in written.items() if value is not None})
        return {**own, **self.extensions(written)}

    def extensions(self, *written: Mapping[str, Any]) -> dict[str, Any]:
        """The keys x-… of mappings, for descriptions; a value from outside may be secret, and leaves its key out."""
        return {
            key: value
            for mapping in written
            for key, value in mapping.items()
            if key.startswith("x-") and not (self.outside and _has_text_of(value, self.outside))
        }

    def views(self, realm: RealmDraft) -> model.Views | None:
        """The settings of a table's templates."""
        written, at = realm.value.get("views"), (*realm.at, "views")
        return build(model.Views, written, at, self.draft.marks.value) if written is not None else None

    def outermost(self, key: str, kind: type[T]) -> T | None:
        """A section that the server has only once: of the root table, or else of the first used table that has it."""
        realm = self.draft.outermost(key)
        written, at = realm.value.get(key), (*realm.at, key)
        return build(kind, written, at, self.draft.marks.value) if written is not None else None

    def caches(self) -> tuple[model.CacheStore, ...]:
        """The caches of all tables, which the server shares; equal declarations are one cache."""
        found: dict[str, model.CacheStore] = {}
        for realm in self.draft.realms:
            for cache, at in mappings(realm.value, "caches", realm.at):
                found.setdefault(cache.get("name") or "", self.cache(at, cache))
        return tuple(found.values())

    def cache(self, at: Path, cache: Mapping[str, Any]) -> model.CacheStore:
        """A cache with the options of its provider."""
        place = self.draft.marks.value
        store = build(model.CacheStore, cache, at, place)
        chosen = settings_of(model.CacheStore).chosen
        kind: Any = chosen.kind(store.provider) if chosen is not None else None
        written = _without_x_keys(cache.get("options") or {})
        return replace(store, options=build(kind, written, (*at, "options"), place) if kind is not None else written)

    def realm(self, realm: RealmDraft) -> model.Realm:
        """A used table; without models of its own it inherits those of the table that uses it."""
        assert realm.host is not None
        part = realm.part
        return model.Realm(
            label=part.label,
            name=".".join(other.name for other in reversed([*realm.lineage]) if other.name),
            file=part.file,
            folder=part.folder,
            package=part.package,
            prefix=realm.prefix,
            models=realm.models,
            options=section(part.entry, "with" if "table" in part.entry else "options"),
            app=section(realm.value, "server", "app"),
            views=self.views(realm),
            host=realm.host.index,
            is_plugin=part.is_plugin,
            mark=self.draft.mark(*realm.host.at, *part.entry_at),
        )

    def declared(self, key: str, kind: type[T]) -> dict[str, T]:
        """The declarations of all tables in a section, by name; names of used tables keep their owner."""
        return {
            owned(name, realm.index): build(kind, value, (*at, name), self.draft.marks.value)
            for realm, at, found in self.draft.sections(*key.split("."))
            for name, value in found.items()
            if not name.startswith("x-")
        }

    def state(self) -> dict[str, model.Cookie]:
        """The cookies of all tables, which the server shares."""
        return {
            name: build(model.Cookie, self.draft.cookie(name, realm), (*at, name), self.draft.marks.value)
            for realm, at, found in self.draft.sections("state")
            for name in found
        }

    def ext(self) -> dict[str, tuple[model.Ext, ...]]:
        """The extension functions of the server: all of the table itself, and those of used tables at server points."""
        found: dict[str, tuple[model.Ext, ...]] = {}
        for realm, at, points in self.draft.sections("ext"):
            relevant = {key: value for key, value in points.items() if realm.index == 0 or key in POINTS_WITHOUT_ROUTE}
            built = part(model.Table, "ext", relevant, at, self.draft.marks.value)
            found |= {point: (*found.get(point, ()), *functions) for point, functions in built.items()}
        return found

    def events(self) -> dict[str, model.ServerEvent]:
        """The server events: the listeners and the channels of all tables."""
        found: dict[str, model.ServerEvent] = {}
        for _, at, events in self.draft.sections("events"):
            for name, value in events.items():
                event = build(model.ServerEvent, value, (*at, name), self.draft.marks.value)
                before = found.get(name, model.ServerEvent())
                channels = tuple(dict.fromkeys((*before.channels, *event.channels)))
                found[name] = model.ServerEvent(listeners=(*before.listeners, *event.listeners), channels=channels)
        return found

    def auth(self) -> model.Auth:
        strategies: dict[str, model.Strategy] = {}
        extensions = {
            owned(name, realm.index): self.extensions(value)
            for realm, _, found in self.draft.sections("auth", "strategies")
            for name, value in found.items()
            if isinstance(value, Mapping)
        }
        for name, each in self.declared("auth.strategies", model.Strategy).items():
            scheme, options = self.with_owner(each.scheme, "schemes"), _without_x_keys(each.options)
            strategies[name] = replace(each, scheme=scheme, options=options, extensions=extensions.get(name, {}))
        schemes = {
            owned(name, realm.index): value
            for realm, _, found in self.draft.sections("auth", "schemes")
            for name, value in found.items()
        }
        default, at = self.draft.realms[0].default_auth
        return model.Auth(
            schemes=schemes,
            strategies=strategies,
            default=self.route_auth(spell_auth(default), at, self.draft.realms[0]),
        )

    def with_owner(self, name: str, declared: str) -> str:
        """The name of a strategy or scheme, owned by the table that declares it."""
        realm = self.draft.declaring(name, "auth", declared)
        return owned(name, realm.index if realm is not None else 0)

    def route_auth(self, spelled: Any, path: Path, realm: RealmDraft) -> model.RouteAuth | None:
        """Builds `spelled` with the default strategy filled in; None without authentication."""
        if spelled is None or spelled is False:
            return None
        if "strategies" not in spelled:
            spelled = {**spell_auth(realm.default_auth[0]), **spelled}
        built = build(model.RouteAuth, spelled, path, self.draft.marks.value)
        return replace(built, strategies=tuple(self.with_owner(name, "strategies") for name in built.strategies))

    def inherited_options(self, merged: Merged, realm: RealmDraft) -> model.RouteOptions:
        """The options that routes inherit from a scope, built once."""
        if id(merged) not in self.inherited:
            keys = merged.value.keys() | {"auth"}
            self.inherited[id(merged)] = self.with_changes(_NO_OPTIONS, merged, keys, realm)
        return self.inherited[id(merged)]

    def with_changes(
        self, base: model.RouteOptions, merged: Merged, keys: Any, realm: RealmDraft
    ) -> model.RouteOptions:
        """`base` with the options `keys` built from `merged`; its other options equal those of `merged`."""
        known = fields_of(model.RouteOptions)
        changes: dict[str, Any] = {}

        def place(path: Path) -> Mark:
            return self.draft.marks.value(merged.origin(*path))

        for key in keys:
            value = merged.value.get(key)
            if key == "auth":
                auth = spell_auth(realm.default_auth[0]) if value is None else value
                changes["auth"] = self.route_auth(auth, merged.origin("auth"), realm)
            elif key in known:
                name, convert = known[key]
                value = self.with_schemas(key, value)
                changes[name] = getattr(_NO_OPTIONS, name) if value is None else self.option(key, value, convert, place)
        return replace(base, **changes) if changes else base

    def option(self, key: str, value: Any, convert: Converter, place: Place) -> Any:
        """The value of an option of routes, shared by equal ones.

        Not shared are values with a position, data that may be changed, and texts from outside, known by identity.
        """
        outside = self.outside
        if key in _DATA or not isinstance(value, dict | list) or (outside and _has_text_of(value, outside)):
            return convert(value, (key,), place)
        equal = key, exact_text(value)
        if equal not in self.options:
            marks: list[Mark] = []

            def noted(path: Path) -> Mark:
                marks.append(place(path))
                return marks[-1]

            built = convert(value, (key,), noted)
            if marks:
                return built
            self.options[equal] = built
        return self.options[equal]

    def with_schemas(self, key: str, value: Any) -> Any:
        """Validation rules with their dereferenced schemas."""
        if key not in ("validate", "response") or not self.dereferenced or not isinstance(value, Mapping):
            return value
        dereferenced = {name: self.dereferenced.get(id(rule), rule) for name, rule in value.items()}
        if isinstance(by_status := dereferenced.get("status"), Mapping):
            dereferenced["status"] = {code: self.dereferenced.get(id(rule), rule) for code, rule in by_status.items()}
        return dereferenced

    def routes(self, entry: RouteDraft) -> list[model.Route]:
        mark = self.draft.mark(*entry.at)
        handler = self.handler(entry)
        routes = []
        for method, merged in entry.options.items():
            base = self.inherited_options(entry.scope.of(method), entry.realm)
            options = self.with_changes(base, merged, entry.own_keys, entry.realm)
            routes += [
                model.Route(
                    method=method,
                    path=entry.text,
                    handler=handler,
                    id=entry.id,
                    vhost=host,
                    options=options,
                    extensions=self.extensions(entry.value, section(entry.value, "options")),
                    realm=entry.realm.index,
                    mark=mark,
                )
                for host in entry.hosts
            ]
        return routes

    def handler(self, entry: RouteDraft) -> str | model.Kind:
        written = entry.handler
        name = kind_of(written)
        if name is None:
            return cast("str", written)
        at: Path = (*entry.handler_at, name)
        mark, options, writer = self.draft.key_mark(*at), written[name], self.draft.realm_at(at)
        built_in = KINDS.get(name)
        if built_in is None:
            owner = next((realm.index for realm in writer.visible if name in section(realm.value, "kinds")), 0)
            name = owned(name, owner)
        elif built_in.spell is not None:
            options = built_in.spell(options)
        if built_in is None or not is_dataclass(built_in.options):
            return model.Kind(name=name, options=options, realm=writer.index, mark=mark)
        marks = self.draft.marks.value
        places = {path: marks((*at, *path)) for path in _paths(written[name], ())}
        built: Any = build(built_in.options, options, at, marks)
        return model.Kind(name=name, options=built, realm=writer.index, mark=mark, places=places)

    def sockets(self) -> model.Sockets | None:
        """The namespaces of all tables, with the transport settings of the outermost table that has sockets."""
        realm = self.draft.outermost("sockets")
        if realm.value.get("sockets") is None:
            return None
        written = {key: value for key, value in section(realm.value, "sockets").items() if key != "namespaces"}
        built = build(model.Sockets, written, (*realm.at, "sockets"), self.draft.marks.value)
        return replace(built, namespaces=tuple(self.namespace(entry) for entry in self.draft.namespaces))

    def namespace(self, entry: NamespaceDraft) -> model.Namespace:
        plain = {key: value for key, value in entry.value.items() if key not in _BUILT_SEPARATELY}
        if self.dereferenced and plain.get("emits"):
            plain["emits"] = [
                {key: self.dereferenced.get(id(value), value) for key, value in emit.items()} for emit in plain["emits"]
            ]
        built = build(model.Namespace, plain, entry.at, self.draft.marks.value)
        emits = tuple(
            replace(emit, extensions=self.extensions(value))
            for emit, value in zip(built.emits, plain.get("emits") or (), strict=True)
        )
        written = entry.value.get("auth")
        spelled = spell_auth(entry.realm.default_auth[0] if written is None else written)
        auth = self.route_auth(spelled, (*entry.at, "auth"), entry.realm)
        defaults = entry.defaults
        data = self.with_changes(_NO_OPTIONS, defaults, _DATA & defaults.value.keys(), entry.realm)
        return replace(
            built,
            namespace=entry.name,
            app=data.app,
            plugins=data.plugins,
            emits=emits,
            extensions=self.extensions(entry.value),
            auth=auth,
            events=tuple(self.event(event, auth, entry) for event in entry.events),
            realm=entry.realm.index,
        )

    def event(self, entry: EventDraft, auth: model.RouteAuth | None, namespace: NamespaceDraft) -> model.Event:
        merged, realm = entry.options, namespace.realm
        options = self.with_changes(_NO_OPTIONS, merged, merged.value.keys() - {"auth"}, realm)
        spelled = merged.value.get("auth")
        if spelled is not None and auth is not None:
            complete = {"mode": auth.mode, **spelled, "strategies": list(auth.strategies)}
            options = replace(options, auth=self.route_auth(complete, (*entry.at, "options", "auth"), realm))
        return model.Event(
            event=entry.value["event"],
            **{key: entry.value[key] for key in ("ack", "arguments", "binary") if entry.value.get(key) is not None},
            handler=entry.handler,
            id=entry.id,
            options=options,
            extensions=self.extensions(entry.value, section(entry.value, "options")),
            mark=self.draft.mark(*entry.at),
        )


def _paths(value: Any, path: Path) -> Iterator[Path]:
    """The paths of a value and of everything in it."""
    yield path
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from _paths(item, (*path, key))


def _without_x_keys(section: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in section.items() if not key.startswith("x-")}


def _has_text_of(value: Any, outside: Mapping[int, Any]) -> bool:
    if isinstance(value, dict | list):
        return any(_has_text_of(each, outside) for each in (value.values() if isinstance(value, dict) else value))
    return id(value) in outside

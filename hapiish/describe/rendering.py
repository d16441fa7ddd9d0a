"""Renders a table as one table without plugins, groups, presets and variables, in the form of the file.

Each route and event has its complete options; `server.routes` stays, because it also applies where no route matches. A
value that a higher layer has reset is null. Names of used tables that occur in several tables get the label of their
table as a prefix, and names of functions are written as they are found from the folder of the root table.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import PurePath
from typing import Any, Final

from hapiish import options as model
from hapiish.declare.option import Merge, Role, keys_of
from hapiish.declare.walk import walk
from hapiish.describe.masking import Masks, free_paths
from hapiish.describe.provenance import plain
from hapiish.describe.rendered_names import RenderedNames, copied
from hapiish.options import RouteOptions, Table
from hapiish.table import Examined
from hapiish.table.draft.layout import kind_defaults
from hapiish.table.draft.parts import EventDraft, NamespaceDraft, RouteDraft, prefixed
from hapiish.table.kinds import kind_of
from hapiish.table.merging.merge import listed, rules_of
from hapiish.table.merging.realms import POINTS_WITHOUT_ROUTE, RealmDraft
from hapiish.table.merging.resources import ACTIONS, is_resource
from hapiish.table.merging.scope import Scope
from hapiish.table.schemas.references import value_at
from hapiish.table.text.marks import Path
from hapiish.table.text.tree import mappings, section

_FREE: Final = ("app", "plugins")
"""Options that merge key by key and in which null is a value."""
_OF_NAMESPACE: Final = frozenset({"events", "options", "ext", "limit", "pre", "auth", "namespace"})
_RULES: Final = rules_of(RouteOptions)
"""The merge rule of each option, by key."""
_SWITCHES: Final = frozenset(key for key, each in keys_of(RouteOptions).items() if each.declared.merge is Merge.SWITCH)
"""Options for which true means their defaults."""
_DECLARED: Final = ("database", "session", "views", "sockets")
"""Sections that mean something even if they are empty."""
_ORDER: Final = (
    *("hapiish", "info", "server", "database", "models", "auth", "methods", "kinds", "caches", "state", "session"),
    *("views", "ext", "events", "schemas", "presets", "plugins", "routes", "sockets"),
)


def render(examined: Examined, masks: Masks) -> dict[str, Any]:
    """Returns the table as plain data in the form of the file, without secrets."""
    tree = _Rendering(examined).tree()
    masked: dict[str, Any] = masks.table(tree, free_paths(tree))
    return masked


class _Rendering:
    def __init__(self, examined: Examined) -> None:
        self.table, self.draft = examined.table, examined.draft
        self.root = self.draft.realms[0]
        self.scope = Scope(self.root.scope.servers)
        self.built = {(route.method, route.path, route.vhost): route for route in self.table.routes}
        self.resets: dict[str, dict[str, None]] = {}
        self.names = RenderedNames(self.draft)

    def tree(self) -> dict[str, Any]:
        draft = self.draft
        server = {key: value for key, value in section(self.root.value, "server").items() if key != "routes"}
        defaults = self.options({}, draft.defaults.value)
        found: dict[str, Any] = {
            "hapiish": 1,
            "info": section(self.root.value, "info"),
            "server": {**server, **({"routes": defaults} if defaults else {})},
            "models": {**self.models(), **section(self.root.value, "models")},
            "auth": self.auth(),
            "methods": self.declared("methods"),
            "kinds": self.declared("kinds"),
            "caches": self.caches(),
            "state": {name: value for _, _, cookies in draft.sections("state") for name, value in cookies.items()},
            "views": self.views(),
            "ext": self.ext(),
            "events": self.events(),
            "schemas": self.declared("schemas"),
            "routes": list(self.entries()),
            "sockets": self.sockets(),
            "plugins": self.plugins(),
        }
        for key in ("database", "session"):
            found[key] = draft.outermost(key).value.get(key)
        found["presets"] = self.resets
        found = copied(found)
        for role, name, at in walk(Table, found):
            if role is not Role.SECRET and role is not Role.SCHEMA and isinstance(name, str):
                _put(found, at, self.names.name(role, name))
            elif role is Role.SCHEMA and len(draft.realms) > 1:
                _put(found, at, self.names.schema(name))
        shown = {key: found[key] for key in _ORDER if found[key] or (key in _DECLARED and found[key] is not None)}
        return shown | _own_keys(self.root.value)

    def declared(self, key: str) -> dict[str, Any]:
        """Returns a section of all tables."""
        return {
            self.names.unique(key, name, realm): value
            for realm, _, found in self.draft.sections(*key.split("."))
            for name, value in found.items()
            if not name.startswith("x-")
        }

    def models(self) -> dict[str, Any]:
        """Returns the models of used tables."""
        return {name: value for _, _, found in self.draft.sections("models") for name, value in found.items()}

    def views(self) -> Any:
        """Returns the templates of the root table, or else of the first used table that has some."""
        realm = self.draft.outermost("views")
        written = realm.value.get("views")
        if not realm.index or written is None:
            return written
        return {**written, "relativeTo": self.from_root(realm, str(written.get("relativeTo") or "."))}

    def auth(self) -> dict[str, Any]:
        found = {key: self.declared(f"auth.{key}") for key in ("schemes", "strategies")}
        default = section(self.root.value, "auth").get("default")
        return {**{key: value for key, value in found.items() if value}, **({"default": default} if default else {})}

    def caches(self) -> list[Any]:
        found: dict[str, Any] = {}
        for realm in self.draft.realms:
            for cache, _ in mappings(realm.value, "caches"):
                found.setdefault(cache.get("name") or "", cache)
        return list(found.values())

    def ext(self) -> dict[str, Any]:
        found: dict[str, list[Any]] = {}
        for realm, _, points in self.draft.sections("ext"):
            for point, functions in points.items():
                if not realm.index or point in POINTS_WITHOUT_ROUTE:
                    found[point] = [*found.get(point, ()), *listed(functions)]
        return {point: functions for point, functions in found.items() if functions}

    def events(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for _, _, events in self.draft.sections("events"):
            for name, value in events.items():
                given = value if isinstance(value, Mapping) else {"listeners": listed(value)}
                before = found.get(name, {})
                merged = {**before, **given}
                for key in ("listeners", "channels"):
                    both = [*listed(before.get(key)), *listed(given.get(key))]
                    if both:
                        merged[key] = both if key == "listeners" else list(dict.fromkeys(both))
                found[name] = merged
        return found

    def plugins(self) -> list[Any]:
        """Returns the entries of Python plugins that were not asked to register."""
        if not self.draft.is_partial:
            return []
        entries = (entry for realm in self.draft.realms for entry, _ in mappings(realm.value, "plugins"))
        return [entry for entry in entries if "plugin" in entry]

    def entries(self) -> Iterator[dict[str, Any]]:
        """Yields the entries of `routes`; a resource stays one entry."""
        for at, together in groupby(self.draft.routes, key=self.resource_at):
            if at is None:
                for entry in together:
                    yield from self.routes(entry)
            else:
                yield self.resource(value_at(self.draft.value, at), list(together))

    def resource_at(self, entry: RouteDraft) -> Path | None:
        """Returns the path of the resource that a route belongs to."""
        at = entry.at[:-2] if entry.at[-2:-1] == ("actions",) else entry.at
        return at if is_resource(value_at(self.draft.value, at)) else None

    def resource(self, value: Mapping[str, Any], entries: Sequence[RouteDraft]) -> dict[str, Any]:
        """Returns the entry of a resource: options and overrides are those of its actions."""
        first = entries[0]
        by_action = {_action(each, value): each for each in entries}
        written = section(value, "actions")
        actions: dict[str, Any] = {name: False for name in ACTIONS if name not in by_action}
        for name, entry in by_action.items():
            own = section(written, name)
            settings: dict[str, Any] = {}
            if entry.id != f"{value['resource']}.{name}":
                settings["id"] = entry.id
            if own.get("handler") is not None or entry.handler_at[: len(first.realm.at)] != first.realm.at:
                settings["handler"] = self.handler(entry)
            (options,) = (self.options_of(entry, method) for method in entry.options)
            if options:
                settings["options"] = options
            if settings:
                actions[name] = settings
        return {
            "resource": value["resource"],
            "path": prefixed(_prefix(first), str(value.get("path") or "")),
            **({"vhost": [host for host in first.hosts if host]} if any(first.hosts) else {}),
            "handler": value["handler"],
            **({"actions": actions} if actions else {}),
            **self.notes(first, value),
        }

    def notes(self, entry: RouteDraft, value: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the table that a route is from, and its own `x-` keys."""
        own = {"x-table": entry.realm.part.label} if entry.realm.index else {}
        return own | _own_keys(value)

    def options_of(self, entry: RouteDraft, method: str) -> dict[str, Any]:
        """Returns the complete options of a route."""
        inherited = self.root_scope(method, self.kind_layer(entry, method))
        options = self.options(inherited, entry.options[method].value) | _own_keys(section(entry.value, "options"))
        return options | self.auth_of(entry, method) | self.files_of(entry, options) if entry.realm.index else options

    def files_of(self, entry: RouteDraft, options: Mapping[str, Any]) -> dict[str, Any]:
        """Returns `files` of a route of a used table, whose folder is another one."""
        given = options.get("files") or {}
        folder = self.from_root(entry.realm, str(given.get("relativeTo") or "."))
        return {"files": {**given, "relativeTo": folder}} if folder != "." else {}

    def from_root(self, realm: RealmDraft, path: str) -> str:
        """Returns a path of a table as seen from the folder of the root table, absolute outside of it."""
        root, whole = PurePath(self.root.part.folder), PurePath(realm.part.folder, path)
        return str(whole.relative_to(root)) if whole.is_relative_to(root) else str(whole)

    def routes(self, entry: RouteDraft) -> Iterator[dict[str, Any]]:
        """Yields the entries of a route: one for all methods with equal options."""
        groups: list[tuple[list[str], dict[str, Any]]] = []
        for method in entry.options:
            options = self.options_of(entry, method)
            same = next((methods for methods, given in groups if given == options), None)
            if same is not None:
                same.append(method)
            else:
                groups.append(([method], options))
        for methods, options in groups:
            yield {
                "method": methods[0] if len(methods) == 1 else methods,
                "path": entry.text,
                **({"id": entry.id} if entry.id is not None else {}),
                **({"vhost": [host for host in entry.hosts if host]} if any(entry.hosts) else {}),
                "handler": self.handler(entry),
                **({"options": options} if options else {}),
                **self.notes(entry, entry.value),
            }

    def root_scope(self, method: str, kind: Any) -> Mapping[str, Any]:
        """Returns the options that a route of the rendered table inherits."""
        return self.scope.of(method, kind).value

    def kind_layer(self, entry: RouteDraft, method: str) -> Any:
        writer = self.draft.realm_at(entry.handler_at)
        return kind_defaults(entry.handler, entry.handler_at, writer, method)

    def auth_of(self, entry: RouteDraft, method: str) -> dict[str, Any]:
        """Returns `auth` of a route of a used table, whose default strategy may differ."""
        found = self.built[method, entry.text, entry.hosts[0]]
        auth = found.options.auth
        if auth is None:
            return {"auth": False} if section(self.root.value, "auth").get("default") else {}
        return {"auth": {**plain(auth), "strategies": list(auth.strategies)}}

    def handler(self, entry: RouteDraft) -> Any:
        handler = entry.handler
        name = kind_of(handler)
        if name is None:
            return handler
        writer = self.draft.realm_at(entry.handler_at)
        declaring = next((each for each in writer.visible if name in section(each.value, "kinds")), None)
        return {self.names.unique("kinds", name, declaring) if declaring is not None else name: handler[name]}

    def options(self, inherited: Mapping[str, Any], effective: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the options that make `effective` of `inherited`, all of them explicit."""
        found: dict[str, Any] = {}
        reset: list[str] = []
        for key in dict.fromkeys([*effective, *inherited]):
            mine, theirs = effective.get(key), inherited.get(key)
            if key not in effective:
                found[key] = None
            elif key == "ext":
                added = _added(mine or {}, theirs or {})
                if added is None:
                    reset.append(key)
                if added is None or added:
                    found[key] = mine if added is None else added
            elif key in _FREE:
                if not _covers(mine, theirs):
                    reset.append(key)
                found[key] = mine
            elif key in _SWITCHES and mine == {} and not theirs:
                found[key] = True
            else:
                found[key] = _explicit(mine, theirs, _RULES.get(key, {}))
        if reset:
            name = f"reset-{'-'.join(reset)}"
            self.resets[name] = dict.fromkeys(reset)
            found = {"use": [name], **found}
        return found

    def sockets(self) -> dict[str, Any] | None:
        realm = self.draft.outermost("sockets")
        written = realm.value.get("sockets")
        if written is None:
            return None
        settings = {key: value for key, value in written.items() if key != "namespaces"}
        pairs = zip(self.draft.namespaces, self.table.namespaces, strict=True)
        return {**settings, "namespaces": [self.namespace(entry, built) for entry, built in pairs]}

    def namespace(self, entry: NamespaceDraft, built: model.Namespace) -> dict[str, Any]:
        auth: dict[str, Any] = {"auth": entry.value["auth"]} if "auth" in entry.value else {}
        if entry.realm.index:
            given = built.auth
            auth = {"auth": False if given is None else {**plain(given), "strategies": list(given.strategies)}}
        inherited = self.scope.for_events.value
        own = section(entry.value, "options")
        data = {name: own[name] for name in ("app", "plugins") if own.get(name) is not None}  # which `onConnect` reads
        options = data | _own_keys(own)
        return {
            "namespace": entry.name,
            **auth,
            **{key: value for key, value in entry.value.items() if key not in _OF_NAMESPACE},
            **({"options": options} if options else {}),
            "events": [self.event(event, inherited, data) for event in entry.events],
        }

    def event(self, entry: EventDraft, inherited: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
        """Returns an event; `data` are the `app` and `plugins` of its namespace, which null keeps from it."""
        options = self.options(inherited, entry.options.value) | _own_keys(section(entry.value, "options"))
        options |= {name: None for name in data if name not in options}
        value = {key: inner for key, inner in entry.value.items() if key not in ("options", "handler", "id")}
        return {
            **value,
            **({"id": entry.id} if entry.id is not None else {}),
            "handler": entry.handler,
            **({"options": options} if options else {}),
        }


def _own_keys(value: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the keys `x-…` of a mapping."""
    return {key: inner for key, inner in value.items() if key.startswith("x-")}


def _prefix(entry: RouteDraft) -> str:
    """Returns the prefix of the path of a route."""
    own = str(entry.value.get("path") or "")
    if own == "/":
        return "" if entry.text == "/" else entry.text
    return entry.text.removesuffix(own)


def _action(entry: RouteDraft, resource: Mapping[str, Any]) -> str:
    """Returns the action of a route of a resource."""
    if entry.at[-2:-1] == ("actions",):
        return str(entry.at[-1])
    (method,) = entry.options
    is_single = entry.value.get("path") != resource.get("path")
    return next(name for name, action in ACTIONS.items() if action == (method, is_single))


def _explicit(mine: Any, theirs: Any, rule: Any) -> Any:
    """Returns a value with null for each inherited key that it lacks. A value that replaces the whole is unchanged."""
    if rule in (Merge.WHOLE, Merge.LIST) or not isinstance(mine, Mapping) or not isinstance(theirs, Mapping):
        return mine
    rules = rule if isinstance(rule, dict) else {}
    return {
        key: _explicit(mine[key], theirs.get(key), rules.get(key, rules.get("*", {}))) if key in mine else None
        for key in {**mine, **theirs}
    }


def _covers(mine: Any, theirs: Any) -> bool:
    """Returns whether data has every inherited key, so that a merge adds none."""
    if not isinstance(mine, Mapping) or not isinstance(theirs, Mapping):
        return True
    return all(key in mine and _covers(mine[key], inner) for key, inner in theirs.items())


def _added(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns the functions that are added to the inherited ones; None if some of those are missing."""
    found = {}
    for point in dict.fromkeys([*mine, *theirs]):
        own, inherited = listed(mine.get(point)), listed(theirs.get(point))
        if own[: len(inherited)] != inherited:
            return None
        if own[len(inherited) :]:
            found[point] = own[len(inherited) :]
    return found


def _put(value: Any, path: Path, new: Any) -> None:
    for step in path[:-1]:
        value = value[step]
    value[path[-1]] = new

"""A checked draft to the frozen dataclasses of `model`, by their type hints: camelCase keys, units, short forms.

Everything here relies on the checks having found no fault; nothing is judged again.
"""

import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from pathlib import Path as FilePath
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from hapiish.table import model, units
from hapiish.table.draft import Draft, EventDraft, NamespaceDraft, RouteDraft
from hapiish.table.kinds import kind_of, spelled
from hapiish.table.marks import Path
from hapiish.table.merge import Merged, spell_auth
from hapiish.table.names import names
from hapiish.table.problems import Mark

Place = Callable[[Path], Mark]
Converter = Callable[[Any, Path, Place], Any]
T = TypeVar("T")

_SHORT: Final[Mapping[type, str | Callable[[Any], Mapping[str, Any]]]] = {
    model.Ext: "method",
    model.Method: "method",
    model.KindSource: "method",
    model.Limit: units.rate,
    model.Lookup: "field",
    model.ModelHandler: "name",
    model.Owner: "value",
    model.Pre: "method",
    model.Hsts: "maxAge",
    model.Sort: "fields",
    model.Xframe: "rule",
}
"""Classes that a single value may stand for: the key that it is the value of, or what spells it out."""

_KINDS: Final[Mapping[str, type]] = {"model": model.ModelHandler}
"""The classes of the built-in kinds' options; a kind of the table's own gets what is written."""

_CACHES: Final[Mapping[str, type[Any]]] = {"memory": model.MemoryCache, "redis": model.RedisCache}
_SPELT: Final = {"custom_session_id_generator": "customSessionIDGenerator"}
"""Keys that hapi spells in a way of their own."""

_NO_OPTIONS: Final = model.RouteOptions()
_UNITS: Final[Mapping[Any, Callable[[Any], int]]] = {
    model.Duration: units.duration,
    model.Seconds: units.seconds,
    model.Size: units.size,
}


def build(kind: type[T], value: Any, path: Path, place: Place) -> T:
    """The dataclass `kind` from a mapping that the file's schema accepts; `place` marks what stands at a path."""
    hint: Any = kind
    built: T = _converter(hint)(value, path, place)
    return built


def overlay(base: T, given: Mapping[str, Any]) -> T:
    """A dataclass of ours with the options of `given`, as they are in the file, over its own."""
    kind: Any = type(base)
    known = _fields(kind)
    found = [(known[key], value) for key, value in given.items() if key in known and value is not None]
    changes = {name: convert(value, (), lambda path: model.NOWHERE) for (name, convert), value in found}
    return replace(base, **changes)  # type: ignore[type-var]


def build_table(draft: Draft, file: str) -> model.Table:
    """The table of a draft without faults."""
    return _Assembly(draft).table(file)


def camel(name: str) -> str:
    """`is_http_only` as it is written in the file: `isHttpOnly`."""
    first, *rest = name.split("_")
    return _SPELT.get(name) or first + "".join(word.capitalize() for word in rest)


class _Assembly:
    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.default_auth = spell_auth(draft.section("auth").get("default"))
        self.inherited: dict[int, model.RouteOptions] = {}
        self.defaults = self.scoped(draft.defaults)

    def table(self, file: str) -> model.Table:
        draft, value = self.draft, self.draft.value
        sections = {
            key: value[key]
            for key in ("database", "models", "methods", "kinds", "session", "ext", "schemas")
            if value.get(key) is not None
        }
        sections["state"] = {name: draft.cookie(name) for name in draft.section("state")}
        built = build(model.Table, {"file": file, "folder": _folder(file), **sections}, (), draft.marks.value)
        server = {key: given for key, given in draft.section("server").items() if key != "routes"}
        return replace(
            built,
            info=_ours({key: given for key, given in draft.section("info").items() if given is not None}),
            server=replace(build(model.Server, server, ("server",), draft.marks.value), routes=self.defaults),
            auth=self.auth(),
            caches=tuple(self.cache(*entry) for entry in enumerate(value.get("caches") or ())),
            routes=tuple(route for entry in draft.routes for route in self.routes(entry)),
            sockets=self.sockets(),
            files=(file,),
            names=names(draft),
        )

    def cache(self, index: int, given: Mapping[str, Any]) -> model.CacheStore:
        """A cache with the options of its provider."""
        at, place = ("caches", index), self.draft.marks.value
        store = build(model.CacheStore, given, at, place)
        kind = _CACHES.get(store.provider)
        written = _ours(given.get("options") or {})
        return replace(store, options=build(kind, written, (*at, "options"), place) if kind is not None else written)

    def auth(self) -> model.Auth:
        section = {key: given for key, given in self.draft.section("auth").items() if key != "default"}
        built = build(model.Auth, section, ("auth",), self.draft.marks.value)
        return replace(
            built,
            strategies={name: replace(each, options=_ours(each.options)) for name, each in built.strategies.items()},
            default=self.route_auth(self.default_auth, ("auth", "default")),
        )

    def route_auth(self, spelled: Any, path: Path) -> model.RouteAuth | None:
        """`spelled` with the default strategy filled in; None for anybody."""
        if spelled is None or spelled is False:
            return None
        if "strategies" not in spelled:
            spelled = {**self.default_auth, **spelled}
        return build(model.RouteAuth, spelled, path, self.draft.marks.value)

    def scoped(self, merged: Merged) -> model.RouteOptions:
        """The options that a scope gives to its routes, made once."""
        if id(merged) not in self.inherited:
            self.inherited[id(merged)] = self.changed(_NO_OPTIONS, merged, merged.value.keys() | {"auth"})
        return self.inherited[id(merged)]

    def changed(self, base: model.RouteOptions, merged: Merged, keys: Any) -> model.RouteOptions:
        """`base` with `keys` as they are in `merged`; the other options of `merged` are those of `base`."""
        known = _fields(model.RouteOptions)
        changes: dict[str, Any] = {}

        def place(path: Path) -> Mark:
            return self.draft.marks.value(merged.origin(*path))

        for key in keys:
            given = merged.value.get(key)
            if key == "auth":
                changes["auth"] = self.route_auth(self.default_auth if given is None else given, merged.origin("auth"))
            elif key in known:
                name, convert = known[key]
                changes[name] = getattr(_NO_OPTIONS, name) if given is None else convert(given, (key,), place)
        return replace(base, **changes) if changes else base

    def routes(self, entry: RouteDraft) -> list[model.Route]:
        mark = self.draft.mark(*entry.at)
        handler = self.handler(entry)
        made = []
        for method, merged in entry.options.items():
            base = self.scoped(entry.scope.of(method))
            options = self.changed(base, merged, entry.touched(method))
            made += [
                model.Route(
                    method=method,
                    path=entry.text,
                    handler=handler,
                    id=entry.value.get("id"),
                    vhost=host,
                    options=options,
                    mark=mark,
                )
                for host in entry.hosts
            ]
        return made

    def handler(self, entry: RouteDraft) -> str | model.Kind:
        written = entry.value["handler"]
        name = kind_of(written)
        if name is None:
            return str(written)
        at: Path = (*entry.handler_at, name)
        mark, options = self.draft.key_mark(*at), spelled(name, written[name])
        if name not in _KINDS:
            return model.Kind(name=name, options=options, mark=mark)
        marks = self.draft.marks.value
        places = {path: marks((*at, *path)) for path in _places(written[name], ())}
        return model.Kind(name=name, options=build(_KINDS[name], options, at, marks), mark=mark, places=places)

    def sockets(self) -> model.Sockets | None:
        if self.draft.value.get("sockets") is None:
            return None
        section = {key: given for key, given in self.draft.section("sockets").items() if key != "namespaces"}
        built = build(model.Sockets, section, ("sockets",), self.draft.marks.value)
        return replace(built, namespaces=tuple(self.namespace(entry) for entry in self.draft.namespaces))

    def namespace(self, entry: NamespaceDraft) -> model.Namespace:
        plain = {key: given for key, given in entry.value.items() if key not in ("auth", "events")}
        written = entry.value.get("auth")
        spelled = self.default_auth if written is None else spell_auth(written)
        auth = self.route_auth(spelled, (*entry.at, "auth"))
        return replace(
            build(model.Namespace, plain, entry.at, self.draft.marks.value),
            auth=auth,
            events=tuple(self.event(event, auth) for event in entry.events),
        )

    def event(self, entry: EventDraft, auth: model.RouteAuth | None) -> model.Event:
        merged = entry.options
        options = self.changed(_NO_OPTIONS, merged, merged.value.keys() - {"auth"})
        spelled = merged.value.get("auth")
        if spelled is not None and auth is not None:
            given = {"mode": auth.mode, **spelled, "strategies": list(auth.strategies)}
            options = replace(options, auth=self.route_auth(given, (*entry.at, "options", "auth")))
        return model.Event(
            event=entry.value["event"],
            handler=entry.value["handler"],
            id=entry.value.get("id"),
            options=options,
            mark=self.draft.mark(*entry.at),
        )


def _places(value: Any, path: Path) -> Iterator[Path]:
    """The path of everything in a value."""
    yield path
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from _places(item, (*path, key))


def _folder(file: str) -> str:
    return str(FilePath(file).resolve().parent)


def _ours(section: Mapping[str, Any]) -> dict[str, Any]:
    return {key: given for key, given in section.items() if not key.startswith("x-")}


@cache
def _fields(kind: type) -> Mapping[str, tuple[str, Converter]]:
    """The fields of a dataclass by their key in the file: the attribute's name and how its value is made."""
    hints = get_type_hints(kind)
    return {camel(name): (name, _converter(hint)) for name, hint in hints.items()}


@cache
def _converter(hint: Any) -> Converter:
    """How a value of the file becomes one of type `hint`."""
    if hint in _UNITS:
        unit = _UNITS[hint]
        return lambda value, path, place: unit(value)
    if is_dataclass(hint):
        return _dataclass(hint)
    origin, inner = get_origin(hint), get_args(hint)
    if origin is tuple:
        return _tuple(_converter(inner[0]))
    if origin is Mapping and inner[1] is not Any:
        return _mapping(inner[0], _converter(inner[1]), named=is_dataclass(inner[1]))
    if origin in (Union, types.UnionType):
        return _union(inner)
    return lambda value, path, place: value


def _dataclass(kind: Any) -> Converter:
    short = _SHORT.get(kind, "")
    marked = any(field.name == "mark" for field in fields(kind))

    def convert(value: Any, path: Path, place: Place) -> Any:
        if not isinstance(value, Mapping):
            value = {} if value in (None, True) else short(value) if callable(short) else {short: value}
        known = _fields(kind)
        given = {
            known[key][0]: known[key][1](inner, (*path, key), place)
            for key, inner in value.items()
            if inner is not None and key in known
        }
        return kind(**given, mark=place(path)) if marked else kind(**given)

    return convert


def _tuple(item: Converter) -> Converter:
    def convert(value: Any, path: Path, place: Place) -> Any:
        if not isinstance(value, list):
            return (item(value, path, place),)
        return tuple(item(inner, (*path, index), place) for index, inner in enumerate(value))

    return convert


def _mapping(key_type: type, item: Converter, *, named: bool) -> Converter:
    """A `named` thing without settings is there with its defaults; anything else that is null is not there."""

    def convert(value: Any, path: Path, place: Place) -> Any:
        return {
            key_type(key): item(inner, (*path, key), place)
            for key, inner in value.items()
            if named or inner is not None
        }

    return convert


def _union(members: tuple[Any, ...]) -> Converter:
    """False is "switched off" where a group of options may be None, and a single value may stand for a whole."""
    literals = [value for member in members if get_origin(member) is Literal for value in get_args(member)]
    rest = [member for member in members if get_origin(member) is not Literal and member is not types.NoneType]
    made = next((m for m in rest if is_dataclass(m) or m in _UNITS or get_origin(m) in (tuple, Mapping)), None)
    convert_made = _converter(made) if made is not None else None
    takes_false = bool in rest or False in [value for value in literals if isinstance(value, bool)]

    def convert(value: Any, path: Path, place: Place) -> Any:
        if model.Function in members and isinstance(value, str) and ":" in value:
            return value
        if value is False and not takes_false and types.NoneType in members:
            return None
        if isinstance(value, str) and str in rest:
            return value
        if convert_made is None or any(value is given or (value == given and value is not True) for given in literals):
            return value
        return convert_made(value, path, place)

    return convert

"""Where in one table something is written: routes, events, options of routes, names of strategies, schemas.

Walks the plain tree of a table, of which nothing is certain to be there.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hapiish.grammar.schema import NAMED, SEVERAL, SINGLE
from hapiish.table.schemes import BUILT_IN
from hapiish.table.text.marks import Path

_INPUTS: Final = ("headers", "params", "query", "payload", "state", "all")

_NOTHING: Final[Mapping[str, Any]] = {}

Options = Iterator[tuple[Mapping[str, Any], Path]]
Names = Iterator[tuple[str, Path]]
Place = tuple[Path, Any]
Schemas = Iterator[Place]


def section(value: Any, *path: str) -> Mapping[str, Any]:
    """The mapping at `path`, empty when there is none."""
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else _NOTHING


def mappings(holder: Any, key: str, at: Path = ()) -> Options:
    """The mappings in the list `key` of `holder`."""
    listed = holder.get(key) if isinstance(holder, dict) else None
    for index, value in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(value, dict):
            yield value, (*at, key, index)


def groups_in(table: Any, at: Path = ()) -> Options:
    """The groups of a table or of a group, with those inside of them."""
    for group, place in mappings(table, "groups", at):
        yield group, place
        yield from groups_in(group, place)


def routes_in(table: Any) -> Options:
    """The routes of a table and of its groups, and what resources say of single actions."""
    holders = [(table, ()), *groups_in(table)]
    for route, at in ((route, at) for holder, place in holders for route, at in mappings(holder, "routes", place)):
        yield route, at
        for name, action in section(route, "actions").items():
            if isinstance(action, Mapping):
                yield action, (*at, "actions", name)


def events_in(table: Any) -> Options:
    """The events from clients, of all namespaces."""
    for namespace, place in mappings(section(table, "sockets"), "namespaces", ("sockets",)):
        yield from mappings(namespace, "events", place)


INHERITED: Final = ("ext", "limit", "pre")
"""Options that a namespace may have without `options` around them."""


def options_of_events(table: Any) -> Options:
    """Every place with options of events: namespaces, in either of their forms, and the events themselves."""
    for namespace, place in mappings(section(table, "sockets"), "namespaces", ("sockets",)):
        yield section(namespace, "options"), (*place, "options")
        yield {key: namespace[key] for key in INHERITED if namespace.get(key) is not None}, place
        for event, at in mappings(namespace, "events", place):
            yield section(event, "options"), (*at, "options")


def overrides_in(table: Any) -> Options:
    """What a table says of single routes of the tables that it uses."""
    for entry, place in mappings(table, "plugins"):
        for id, override in section(entry, "override").items():
            if isinstance(override, Mapping):
                yield override, (*place, "override", id)


def options_in(table: Any) -> Options:
    """Every place with options of routes: defaults, presets, groups, used tables, overrides, the routes themselves."""
    yield section(table, "server", "routes"), ("server", "routes")
    for name in section(table, "presets"):
        yield section(table, "presets", name), ("presets", name)
    used = [(entry, at) for entry, at in mappings(table, "plugins") if "table" in entry]
    for holder, at in [*groups_in(table), *used, *routes_in(table), *overrides_in(table)]:
        yield section(holder, "options"), (*at, "options")


def strategies_in(table: Any) -> Names:
    """Every name of a strategy or of a scheme, but for those that are being declared, and what is built in."""
    written: list[tuple[Any, Path]] = [(section(table, "auth").get("default"), ("auth", "default"))]
    for name in section(table, "auth", "strategies"):
        scheme = section(table, "auth", "strategies", name).get("scheme")
        if isinstance(scheme, str) and scheme not in BUILT_IN:
            yield scheme, ("auth", "strategies", name, "scheme")
    written += [(options.get("auth"), (*at, "auth")) for options, at in options_in(table)]
    for namespace, at in mappings(section(table, "sockets"), "namespaces", ("sockets",)):
        written.append((namespace.get("auth"), (*at, "auth")))
    written += [(options.get("auth"), (*at, "auth")) for options, at in options_of_events(table)]
    for auth, at in written:
        yield from strategies_of(auth, at)


def strategies_of(auth: Any, at: Path) -> Names:
    """The names of strategies in one `auth` as it is written."""
    if isinstance(auth, str):
        yield auth, at
    elif isinstance(auth, Mapping):
        if isinstance(auth.get("strategy"), str):
            yield auth["strategy"], (*at, "strategy")
        listed = auth.get("strategies")
        for index, name in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(name, str):
                yield name, (*at, "strategies", index)


def schemas_in(table: Any) -> Schemas:
    """Every JSON Schema, but for those in presets that are filled in where they are used."""
    for name, schema in section(table, "schemas").items():
        yield ("schemas", name), schema
    for options, at in options_in(table):
        yield from schemas_of(options, at)
    for options, at in options_of_events(table):
        yield from schemas_of(options, at)
    for namespace, at in mappings(section(table, "sockets"), "namespaces", ("sockets",)):
        yield from schemas_of({"validate": section(namespace, "validate")}, at)
        for emit, place in mappings(namespace, "emits", at):
            if emit.get("payload") is not None:
                yield (*place, "payload"), emit["payload"]


def schemas_of(options: Mapping[str, Any], at: Path) -> Schemas:
    """The schemas among the options of a route."""
    validate, response = section(options, "validate"), section(options, "response")
    if not validate and not response:
        return
    rules = [((*at, "validate", source), validate.get(source)) for source in _INPUTS]
    rules.append(((*at, "response", "schema"), response.get("schema")))
    rules += [((*at, "response", "status", status), rule) for status, rule in section(response, "status").items()]
    # A rule may be the name of a function as well.
    yield from ((place, rule) for place, rule in rules if isinstance(rule, bool | dict))


def schemas_within(at: Path, schema: Any) -> Iterator[tuple[Path, Any]]:
    """The schema and those inside of it; names, constants and defaults that look like keywords are left in peace."""
    if not isinstance(schema, dict):
        return
    yield at, schema
    for key, value in schema.items():
        if key in SINGLE:
            yield from schemas_within((*at, key), value)
        elif key in SEVERAL and isinstance(value, list):
            for index, inner in enumerate(value):
                yield from schemas_within((*at, key, index), inner)
        elif key in NAMED and isinstance(value, Mapping):
            for name, inner in value.items():
                yield from schemas_within((*at, key, name), inner)

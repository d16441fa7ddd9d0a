"""Finds the routes and their options in the tree of one table, and the subschemas of a schema.

Walks the plain tree of a table, of which nothing is certain to be there.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hapiish.grammar.schema import NAMED, SEVERAL, SINGLE
from hapiish.table.text.marks import Path

_NOTHING: Final[Mapping[str, Any]] = {}

Options = Iterator[tuple[Mapping[str, Any], Path]]
Place = tuple[Path, Any]


def section(value: Any, *path: str) -> Mapping[str, Any]:
    """The mapping at `path`, empty if absent."""
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
    """The groups of a table or group, nested ones included."""
    for group, place in mappings(table, "groups", at):
        yield group, place
        yield from groups_in(group, place)


def routes_in(table: Any) -> Options:
    """The routes of a table and its groups, and the settings of single actions of resources."""
    holders = [(table, ()), *groups_in(table)]
    for route, at in ((route, at) for holder, place in holders for route, at in mappings(holder, "routes", place)):
        yield route, at
        for name, action in section(route, "actions").items():
            if isinstance(action, Mapping):
                yield action, (*at, "actions", name)


INHERITED: Final = ("ext", "limit", "pre")
"""Options that a namespace may set outside of `options`."""


def overrides_in(table: Any) -> Options:
    """The overrides of single routes and events of used tables."""
    for entry, place in mappings(table, "plugins"):
        for id, override in section(entry, "override").items():
            if isinstance(override, Mapping):
                yield override, (*place, "override", id)


def options_in(table: Any) -> Options:
    """All options of routes: in defaults, presets, groups, used tables, overrides and routes."""
    yield section(table, "server", "routes"), ("server", "routes")
    for name in section(table, "presets"):
        yield section(table, "presets", name), ("presets", name)
    used = [(entry, at) for entry, at in mappings(table, "plugins") if "table" in entry]
    for holder, at in [*groups_in(table), *used, *routes_in(table), *overrides_in(table)]:
        yield section(holder, "options"), (*at, "options")


def schemas_within(at: Path, schema: Any) -> Iterator[tuple[Path, Any]]:
    """The schema and its subschemas; names, constants and defaults that look like keywords are ignored."""
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

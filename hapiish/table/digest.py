"""The hash of a checked table, and the differences between two.

Both compare the effective table: what is declared, with the defaults and presets filled in, wherever it stands in the
files. A text from `${NAME}` or `${file:…}` counts by its source in the hash, so that no secret changes it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from hashlib import sha256
from typing import Any, Final

import orjson

from hapiish.declare.option import keys_of
from hapiish.options import Server, Sockets, Table
from hapiish.table.compose.owned_names import OwnedName

LENGTH: Final = 12
"""Hexadecimal digits of a hash."""

_PLACES: Final = frozenset({"mark", "places", "file", "folder", "files", "names", "host", "extensions"})
"""Fields that tell where something is written, and the keys x-…, which the server does not read."""

_FACTS: Final = frozenset({"plugins", "is_partial", "is_names"})
_BY_NAME: Final = frozenset({"routes", "used", "sockets", "caches", "auth"})
"""Sections whose parts are entries of their own."""

_ADDRESS: Final = frozenset({"server.host", "server.address", "server.port", "server.socket"})
"""Settings that differ between processes that serve the same table."""

_OF_PLUGIN: Final = re.compile(r"^_(.+)_[0-9]+_[0-9a-f]{8}:")
"""The module of a Python plugin's functions, whose name depends on the folder and the number of plugins."""


def table_hash(table: Table) -> str:
    """Returns the hash of a table: equal for equal tables in every process, whatever their order and their secrets."""
    entries = dict(_Canonical(table, table.outside).entries())
    listed = sorted((key, text) for key, text in entries.items() if text and key not in _ADDRESS)
    return sha256(orjson.dumps(listed)).hexdigest()[:LENGTH]


def differences(old: Table, new: Table) -> list[str]:
    """Returns what differs, one line each: `+ GET /new`, `- event / typing`, `~ GET /users (validate)`."""
    before, after = (dict(_Canonical(table, {}).entries()) for table in (old, new))
    lines = [f"+ {key}" for key in after if key not in before]
    lines += [f"- {key}" for key in before if key not in after]
    changed = [key for key, text in after.items() if before.get(key, text) != text]
    details = _details(old, new) if changed else {}
    lines += [f"~ {key}{f' ({details[key]})' if details.get(key) else ''}" for key in changed]
    return sorted(lines, key=lambda line: (line[2:], line[0]))


def _details(old: Table, new: Table) -> dict[str, str]:
    """Returns the names of the options that differ, by the entry of the route or event."""
    before, after = (dict(_handled(table)) for table in (old, new))
    mine, theirs = _Canonical(old, {}), _Canonical(new, {})
    return {
        key: ", ".join(
            name
            for name, ours, other in _pairs(before[key], item)
            if ours is not other and mine.text(ours) != theirs.text(other)
        )
        for key, item in after.items()
        if key in before
    }


def _pairs(old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    kind: Any = type(new)
    for name, _ in _fields(kind):
        if name == "options":
            yield from _pairs(old.options, new.options)
        else:
            yield _key(kind, name), getattr(old, name), getattr(new, name)


def _handled(table: Table) -> Iterator[tuple[str, Any]]:
    """Yields every route and event by the key of its entry."""
    for route in table.routes:
        yield f"{route.method} {route.path}{f' of {route.vhost}' if route.vhost else ''}", route
    for namespace in table.namespaces:
        for event in namespace.events:
            yield f"event {namespace.namespace} {event.event}", event


class _Canonical:
    """Canonical texts of the parts of a table; equal objects have equal texts."""

    def __init__(self, table: Table, outside: Mapping[int, tuple[str, str]]) -> None:
        self.table = table
        self.outside = outside
        self.labels = ("", *(realm.label for realm in table.used))
        self._known: dict[int, str] = {}

    def entries(self) -> Iterator[tuple[str, str]]:
        """Yields name and text of every declaration."""
        table = self.table
        for key, item in _handled(table):
            yield key, self.text(item)
        for name, _ in _fields(Table):
            if name not in _FACTS | _BY_NAME:
                yield from self._section(name, getattr(table, name))
        yield from self._section("auth.schemes", table.auth.schemes)
        yield from self._section("auth.strategies", table.auth.strategies)
        yield "auth.default", self.text(table.auth.default)
        for cache_store in table.caches:
            yield f"caches.{cache_store.name or '_default'}", self.text(cache_store)
        for realm in table.used:
            yield f"plugins.{realm.label}", self.text(realm)
        yield from self._sockets(table.sockets)

    def _section(self, name: str, value: Any) -> Iterator[tuple[str, str]]:
        if isinstance(value, Mapping):
            for key, item in value.items():
                yield f"{name}.{key}{self._owner(key)}", self.text(item)
        elif isinstance(value, Server):
            yield from self._options(name, value)
        elif value is not None:
            yield name, self.text(value)

    def _options(self, section: str, value: Any) -> Iterator[tuple[str, str]]:
        """Yields the options of a section that is too large for one entry; the text of a default is empty."""
        kind: Any = type(value)
        for name, default in _fields(kind):
            if name != "namespaces":
                item = getattr(value, name)
                yield f"{section}.{_key(kind, name)}", "" if _equals(item, default) else self.text(item)

    def _sockets(self, sockets: Sockets | None) -> Iterator[tuple[str, str]]:
        if sockets is None:
            return
        yield "sockets", "declared"
        yield from self._options("sockets", sockets)
        for namespace in sockets.namespaces:
            kind: Any = type(namespace)
            own = [
                f"{field}={self.text(getattr(namespace, field))}"
                for field, _ in _fields(kind)
                if field not in ("events", "emits")
            ]
            yield f"namespace {namespace.namespace}", ";".join(own)
            for emit in namespace.emits:
                yield f"emit {namespace.namespace} {emit.event}", self.text(emit)

    def text(self, value: Any) -> str:
        """Returns the canonical text of a value."""
        if isinstance(value, str):
            return self._string(value)
        if value is None or isinstance(value, bool | int | float):
            return repr(value)
        known = self._known.get(id(value))
        if known is None:
            known = self._known[id(value)] = self._compound(value)
        return known

    def _string(self, value: str) -> str:
        shown = self.outside.get(id(value))
        if shown is not None:
            return f"${shown[1]!r}"
        return repr(_OF_PLUGIN.sub(r"\1:", str(value))) + self._owner(value)

    def _owner(self, value: object) -> str:
        return f"@{self.labels[value.owner]}" if isinstance(value, OwnedName) and value.owner else ""

    def _compound(self, value: Any) -> str:
        if is_dataclass(value) and not isinstance(value, type):
            parts = []
            kind: Any = type(value)
            for name, default in _fields(kind):
                item = getattr(value, name)
                if name == "realm":
                    item = self.labels[item]
                if not _equals(item, default):
                    parts.append(f"{name}={self.text(item)}")
            return f"({';'.join(parts)})"
        if isinstance(value, Mapping):
            items = sorted(f"{key!s}{self._owner(key)}={self.text(item)}" for key, item in value.items())
            return f"{{{';'.join(items)}}}"
        if isinstance(value, set | frozenset):
            return f"<{';'.join(sorted(map(self.text, value)))}>"
        if isinstance(value, Sequence) and not isinstance(value, bytes):
            return f"[{';'.join(map(self.text, value))}]"
        return repr(value) if isinstance(value, bytes) else type(value).__qualname__


@cache
def _fields(kind: Any) -> tuple[tuple[str, Any], ...]:
    """Returns the fields of a dataclass that say what is declared, with their defaults."""
    return tuple((field.name, _default(field)) for field in fields(kind) if field.name not in _PLACES)


def _default(field: Any) -> Any:
    if field.default is not MISSING:
        return field.default
    return field.default_factory() if field.default_factory is not MISSING else MISSING


@cache
def _spellings(kind: Any) -> dict[str, str]:
    return {each.name: key for key, each in keys_of(kind).items()}


def _key(kind: type, name: str) -> str:
    """Returns the key of a field in the file."""
    return _spellings(kind).get(name, name)


def _equals(value: Any, default: Any) -> bool:
    return value is default or (type(value) is type(default) and value == default)

"""What is laid out of a table for the cross-checks: routes, groups, namespaces and events, as their draft has them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hapiish.grammar import path as paths
from hapiish.table.merge import Layer, Merged
from hapiish.table.merging.realms import RealmDraft
from hapiish.table.scope import Scope
from hapiish.table.text.marks import Path


@dataclass(frozen=True, slots=True)
class RouteDraft:
    """A route; `options` are those in effect for each of its methods, in upper case, upon what it has from its `scope`.

    `text` is the path that requests have, prefixes included; `path` is None when it cannot be read, which is told by
    `path_fault` unless a prefix is at fault. `handler` may come from an override, `id` has the names of the tables
    that it is used by in front.
    """

    realm: RealmDraft
    at: Path
    value: Mapping[str, Any]
    options: Mapping[str, Merged]
    scope: Scope
    own: tuple[Layer, ...]
    hosts: tuple[str | None, ...]
    text: str
    path: paths.Path | None
    path_fault: str
    id: str | None
    handler: Any
    handler_at: Path

    @property
    def touched(self) -> set[str]:
        """The options of which the route, the kind of its handler or an override says something itself."""
        return {key for layer in self.own for key in layer.value}

    @property
    def title(self) -> str:
        """How the route is called in problems: `GET, PUT /users/{id} (api.example.com)`."""
        hosts = f" ({', '.join(host for host in self.hosts if host)})" if any(self.hosts) else ""
        return f"{', '.join(self.options)} {self.text}{hosts}"


@dataclass(frozen=True, slots=True)
class GroupDraft:
    """Where routes stand: the top of a table or an entry of `groups`; `fault` says why its prefix cannot be read."""

    realm: RealmDraft
    at: Path
    value: Mapping[str, Any]
    scope: Scope
    prefix: str
    prefix_at: Path
    fault: str
    hosts: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class EventDraft:
    """An entry of `sockets.namespaces[].events`."""

    at: Path
    value: Mapping[str, Any]
    options: Merged
    id: str | None
    handler: Any


@dataclass(frozen=True, slots=True)
class NamespaceDraft:
    """An entry of `sockets.namespaces`; `name` has the prefix of its table in front."""

    realm: RealmDraft
    at: Path
    value: Mapping[str, Any]
    events: tuple[EventDraft, ...]

    @property
    def name(self) -> str:
        """The namespace's name."""
        return below(self.realm.prefix, str(self.value.get("namespace") or "/"))

    @property
    def params(self) -> tuple[str, ...]:
        """The parameters of its name; none of a name that is not one."""
        try:
            return paths.parse(self.name).params if "{" in self.name else ()
        except paths.PathError:
            return ()


@dataclass(frozen=True, slots=True)
class Override:
    """What a table around it says of one route or event: `realm` is that table, `at` the place."""

    realm: RealmDraft
    at: Path
    value: Any


def below(prefix: str, path: str) -> str:
    """A path under a prefix: `/` is the prefix itself, as in hapi."""
    return prefix if prefix and path == "/" else f"{prefix}{path}"

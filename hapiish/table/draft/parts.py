"""The parts of a draft: routes, groups, namespaces and events."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hapiish.grammar import path as paths
from hapiish.table.merging.merge import Layer, Merged
from hapiish.table.merging.realms import RealmDraft
from hapiish.table.merging.scope import Scope
from hapiish.table.text.marks import Path


class Pruned:
    """The paths of pruned values; called with a path, returns whether a value at, around or inside of it was pruned.

    The absence of such a value is no problem.
    """

    def __init__(self, paths: frozenset[Path]) -> None:
        self._paths = paths
        self._ancestors = frozenset(path[:length] for path in paths for length in range(len(path) + 1))

    def __call__(self, *path: str | int) -> bool:
        return path in self._ancestors or any(path[:length] in self._paths for length in range(len(path) + 1))


@dataclass(frozen=True, slots=True)
class RouteDraft:
    """A route; `options` are the effective ones by method (uppercase), merged over those of its `scope`.

    `text` is the full path with prefixes; `path` is None if it is invalid, for the reason in `path_fault`, which is
    empty if a prefix is invalid. `handler` may come from an override; `id` is prefixed with the names of the tables
    around.
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
    def params(self) -> tuple[str, ...] | None:
        """The parameters of the path; None if it is invalid."""
        return self.path.params if self.path is not None else None

    @property
    def own_keys(self) -> set[str]:
        """The options that the route, the kind of its handler or an override sets itself."""
        return {key for layer in self.own for key in layer.value}

    @property
    def title(self) -> str:
        """The name of the route in problems: `GET, PUT /users/{id} (api.example.com)`."""
        hosts = f" ({', '.join(host for host in self.hosts if host)})" if any(self.hosts) else ""
        return f"{', '.join(self.options)} {self.text}{hosts}"


@dataclass(frozen=True, slots=True)
class GroupDraft:
    """The top level of a table or an entry of `groups`; `fault` is the reason why its prefix is invalid."""

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

    @property
    def title(self) -> str:
        """The name of the event in problems."""
        return f"event {self.value.get('event', '')}"


@dataclass(frozen=True, slots=True)
class NamespaceDraft:
    """An entry of `sockets.namespaces`; `name` includes the prefix of its table, `defaults` are those of its events."""

    realm: RealmDraft
    at: Path
    value: Mapping[str, Any]
    events: tuple[EventDraft, ...]
    defaults: Merged

    @property
    def name(self) -> str:
        """The name with the prefix of the table."""
        return prefixed(self.realm.prefix, str(self.value.get("namespace") or "/"))

    @property
    def params(self) -> tuple[str, ...]:
        """The parameters in the name; empty if the name is invalid."""
        try:
            return paths.parse(self.name).params if "{" in self.name else ()
        except paths.PathError:
            return ()


@dataclass(frozen=True, slots=True)
class AppliedOverride:
    """An override of one route or event by the table `realm`, at the path `at`."""

    realm: RealmDraft
    at: Path
    value: Any


def prefixed(prefix: str, path: str) -> str:
    """Returns a path under a prefix; `/` is the prefix itself, as in hapi."""
    return prefix if prefix and path == "/" else f"{prefix}{path}"

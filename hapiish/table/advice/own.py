"""The subject of the advice: the tables in files of the project, their schemas, and the uses of both."""

from functools import cached_property
from typing import Any

from hapiish.table.advice.uses import Uses
from hapiish.table.draft import Draft
from hapiish.table.merging.realms import RealmDraft
from hapiish.table.schemas.references import Root, UnresolvedError
from hapiish.table.text.marks import Path

Name = tuple[int, str]
"""A named schema: the index of its table, and its name."""


class Advised:
    """A draft, and what several warnings ask of it.

    `realms` are the tables in files beside the root table, neither of installed packages nor of Python plugins; `own`
    are their indexes. `schemas` are their root schemas with their paths.
    """

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.realms: list[RealmDraft] = [
            realm for realm in draft.realms if realm.part.package is None and not realm.part.is_plugin
        ]
        self.own = frozenset(realm.index for realm in self.realms)
        self.schemas = tuple((at, schema) for at, schema in draft.written_schemas if self._index(at) in self.own)
        self._inbound: set[Name] = set()
        self._outbound: set[Name] = set()
        self._inline: set[Path] = set()
        for at, schema in draft.written_schemas:
            index = self._index(at)
            own = at[len(draft.realms[index].at) :]
            if own[:1] != ("schemas",) and isinstance(schema, dict):
                is_sent = "response" in own or "emits" in own
                if not is_sent:
                    self._inline.add(at)
                self._reach(index, draft.root(at, schema), self._outbound if is_sent else self._inbound)

    @cached_property
    def uses(self) -> Uses:
        """The uses of names in tables and code."""
        return Uses(self.draft)

    @property
    def used_schemas(self) -> set[Name]:
        """The named schemas that those of routes, events and handshakes reach."""
        return self._inbound | self._outbound

    @cached_property
    def received(self) -> tuple[tuple[Path, Any], ...]:
        """The root schemas of what clients send, with the named schemas that are not for responses only."""
        return tuple((at, schema) for at, schema in self.schemas if at in self._inline or self._is_received(at))

    def _is_received(self, at: Path) -> bool:
        index = self._index(at)
        own = at[len(self.draft.realms[index].at) :]
        name = index, str(own[1])
        return own[0] == "schemas" and (name in self._inbound or name not in self._outbound)

    def _index(self, at: Path) -> int:
        return self.draft.realm_at(at).index

    def _reach(self, index: int, root: Root, reached: set[Name]) -> None:
        """Adds the named schemas that a root refers to, directly or through others."""
        library, waiting = self.draft.libraries[index], [root]
        while waiting:
            current = waiting.pop()
            for place, _, target in current.references:
                try:
                    found = library.find(current, place, target)[0]
                except UnresolvedError:
                    continue
                name = found.name.removeprefix(library.prefix) if found.name is not None else ""
                if library.named.get(name) is found and (index, name) not in reached:
                    reached.add((index, name))
                    waiting.append(found)

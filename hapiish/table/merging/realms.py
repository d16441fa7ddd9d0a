"""The draft of one table of a composition: its declarations, and the scope of its routes."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hapiish.table.compose.composition import TablePart
from hapiish.table.merging.merge import Layer, Options, listed
from hapiish.table.merging.presets import Presets
from hapiish.table.merging.scope import Scope
from hapiish.table.text.budget import Budget
from hapiish.table.text.marks import Path
from hapiish.table.text.tree import section
from hapiish.types import SERVER_POINTS

DEFAULTS: Final = ("server", "routes")
POINTS_WITHOUT_ROUTE: Final = frozenset({"onRequest", *SERVER_POINTS})
"""The extension points whose functions run without a route: those of the server, and onRequest."""


class RealmDraft:
    """A table of a composition: its declarations, and the scope of its routes.

    `prefix`, `hosts` and the upper layers of the scope come from the tables that use it.
    """

    def __init__(self, part: TablePart, host: "RealmDraft | None", budget: Budget) -> None:
        self.part = part
        self.host = host
        self.index = part.index
        self.plugins: list[RealmDraft] = []  # Python plugins of this table, which sees their declarations
        self.at = part.at
        self.value: Options = part.tree.value
        self.presets = Presets(part, budget)
        self.written_defaults = section(self.value, *DEFAULTS)
        own = Layer(self.written_defaults, (*self.at, *DEFAULTS))
        servers = (*self.presets.layers(own.value, DEFAULTS), own)
        self.prefix, self.name = "", ""
        self.hosts: tuple[str | None, ...] = ()
        self.scope = Scope(servers)
        if host is not None:
            entry, at = part.entry, part.entry_at
            self.prefix = host.prefix + (section(entry, "routes").get("prefix") or "")
            self.hosts = host.hosts or hosts_of(section(entry, "routes").get("vhost"))
            self.name = entry.get("as") or ""
            options = Layer(section(entry, "options") if "table" in entry else {}, (*host.at, *at, "options"))
            above = (*host.presets.layers(options.value, (*at, "options")), options, self._extensions())
            self.scope = Scope((*host.scope.servers, *servers), host.scope.above).inside(*above)

    @property
    def lineage(self) -> "Iterator[RealmDraft]":
        """This table, the table that uses it, and so on up to the root table."""
        realm: RealmDraft | None = self
        while realm is not None:
            yield realm
            realm = realm.host

    @property
    def visible(self) -> "Iterator[RealmDraft]":
        """The tables whose declarations this one sees, nearest first: itself, its plugins, the tables around it."""
        for realm in self.lineage:
            yield realm
            yield from realm.plugins

    @property
    def default_auth(self) -> tuple[Any, Path]:
        """The `auth.default` of this table or of the nearest one around it, as written, and its path."""
        for realm in self.lineage:
            written = section(realm.value, "auth").get("default")
            if written is not None or realm.host is None:
                return written, (*realm.at, "auth", "default")
        raise AssertionError

    @property
    def models(self) -> Mapping[str, Any]:
        """The models of this table's handlers: its own, or else those of the nearest table around it."""
        return next((own for realm in self.lineage if (own := section(realm.value, "models"))), {})

    def _extensions(self) -> Layer:
        """The extension functions of a used table, which apply to its own routes."""
        points = {key: value for key, value in section(self.value, "ext").items() if key not in POINTS_WITHOUT_ROUTE}
        return Layer({"ext": points} if points else {}, self.at)


def hosts_of(vhost: Any) -> tuple[str | None, ...]:
    """The hosts of a `vhost`, in lower case."""
    return tuple(dict.fromkeys(host.lower() for host in listed(vhost)))

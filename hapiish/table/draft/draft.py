"""The draft of a table, the input of the checks: sections, schemas, and routes and events with effective options.

Any value may be absent: values that the schema of the file rejects are already pruned.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from hapiish.declare.option import Role
from hapiish.declare.walk import walk
from hapiish.options import RouteOptions, Table
from hapiish.table.compose.composition import Composition, TablePart
from hapiish.table.compose.owned_names import owner_of
from hapiish.table.draft.layout import Layout
from hapiish.table.draft.parts import Pruned
from hapiish.table.merging.merge import Layer, Options
from hapiish.table.merging.realms import RealmDraft
from hapiish.table.problems import Mark
from hapiish.table.schemas.dereference import Dereferenced
from hapiish.table.schemas.references import Library, Root, UnresolvedError
from hapiish.table.text.marks import Path
from hapiish.table.text.tree import Place, options_in, section


class Draft:
    """The input of the checks. Its values depend on the tables alone, never on which of them is read first.

    `workers` is the number of processes of `--workers` that are to serve the table.
    """

    def __init__(self, composition: Composition, workers: int = 1) -> None:
        self.composition = composition
        self.workers = workers
        self.is_partial = composition.is_partial
        self.tree = composition.tree
        self.marks = self.tree.marks
        self.value: Options = self.tree.value
        realms: dict[TablePart | None, RealmDraft] = {}
        for part in composition.parts:
            host = realms[part.host] if part.host is not None else None
            realms[part] = RealmDraft(part, host, composition.budget)
            if host is not None and part.is_plugin:
                host.plugins.append(realms[part])
        self.realms = tuple(realms.values())
        self.defaults = self.realms[0].scope.defaults
        self.was_pruned = Pruned(self.tree.broken)  # no method: a draft in a cycle would outlive its use
        self.layout = Layout(self.realms, self.tree, composition.budget, self.was_pruned)
        self.groups, self.routes, self.namespaces = self.layout.groups, self.layout.routes, self.layout.namespaces
        self._known: dict[tuple[object, ...], list[str]] = {}

    def section(self, *path: str) -> Mapping[str, Any]:
        """The mapping at `path` of the table itself, empty if absent."""
        return section(self.value, *path)

    def sections(self, *path: str) -> Iterator[tuple[RealmDraft, Path, Mapping[str, Any]]]:
        """The mappings at `path` of all tables, with their paths."""
        for realm in self.realms:
            yield realm, (*realm.at, *path), section(realm.value, *path)

    def outermost(self, key: str) -> RealmDraft:
        """The table whose section `key` applies to the server: the root table, or else the first that has it."""
        return next((realm for realm in self.realms if realm.value.get(key) is not None), self.realms[0])

    def declaring(self, name: str, *path: str) -> RealmDraft | None:
        """The table that declares `name` in the section `path`: its owner, or the nearest table around that."""
        for realm in self.realms[owner_of(name)].visible:
            if str(name) in section(realm.value, *path):
                return realm
        return None

    def scheme(self, strategy: str) -> Any:
        """The scheme of a strategy."""
        realm = self.declaring(strategy, "auth", "strategies")
        return section(realm.value, "auth", "strategies", str(strategy)).get("scheme") if realm is not None else None

    def known(self, writer: int, *path: str) -> list[str]:
        """The names in the section `path` that are visible in the table `writer`."""
        key = (writer, *path)
        if key not in self._known:
            visible = self.realms[writer].visible
            self._known[key] = list(dict.fromkeys(name for realm in visible for name in section(realm.value, *path)))
        return self._known[key]

    def realm_at(self, path: Path) -> RealmDraft:
        """The table that contains `path`."""
        if path[:1] != ("plugins",):  # used tables are below this key
            return self.realms[0]
        around = [realm for realm in self.realms if path[: len(realm.at)] == realm.at]
        return max(around, key=lambda realm: len(realm.at))

    @cached_property
    def libraries(self) -> tuple[Library, ...]:
        """The schemas of each table, by its index, for resolving references."""
        others: dict[int, list[Any]] = {realm.index: [] for realm in self.realms}
        for at, schema in self.written_schemas:
            realm = self.realm_at(at)
            if isinstance(schema, dict) and at[len(realm.at)] != "schemas":
                others[realm.index].append(schema)
        return tuple(
            Library(
                {name: schema for name, schema in section(realm.value, "schemas").items() if schema is not None},
                others[realm.index],
                f"{realm.part.label}/" if realm.index else "",
            )
            for realm in self.realms
        )

    @cached_property
    def dereferenced(self) -> tuple[Dereferenced | None, ...]:
        """The dereferenced schemas of each table; None if a reference is unresolved."""
        return tuple(_dereferenced(library) for library in self.libraries)

    def release(self) -> None:
        """Frees what only the checks need; the dereferenced schemas remain."""
        if self.dereferenced:
            self.__dict__.pop("libraries", None)

    def root(self, at: Path, schema: Any) -> Root:
        """The root of the schema at `at`, for resolving its references."""
        realm = self.realm_at(at)
        library = self.libraries[realm.index]
        own = at[len(realm.at) :]
        return library.named[str(own[1])] if own[0] == "schemas" else library.others[id(schema)]

    def root_of(self, at: Path, schema: Any) -> Root | None:
        """As `root`; None for a schema that is not written in the file, such as a merged one."""
        return self.libraries[self.realm_at(at).index].others.get(id(schema))

    def place_of(self, root: Root) -> Path:
        """The path of a root schema."""
        return self._places.get(id(root.schema), ())

    @cached_property
    def _places(self) -> Mapping[int, Path]:
        return {id(schema): at for at, schema in self.written_schemas}

    def mark(self, *path: str | int) -> Mark:
        """The position of the value at `path`."""
        return self.marks.value(path)

    def key_mark(self, *path: str | int) -> Mark:
        """The position of the last key of `path`."""
        return self.marks.key(path)

    def cookie(self, name: str, realm: RealmDraft) -> dict[str, Any]:
        """The settings of a cookie that `realm` declares, merged over `server.state` of the root table and of `realm`.

        null resets to the built-in default.
        """
        servers = [section(other.value, "server", "state") for other in (self.realms[0], realm)]
        return {**servers[0], **servers[1], **section(realm.value, "state", name)}

    @cached_property
    def written(self) -> tuple[Layer, ...]:
        """All options of routes as they are written: in defaults, presets, groups and routes."""
        found = [Layer(value, (*realm.at, *at)) for realm in self.realms for value, at in options_in(realm.value)]
        return (*found, *self.layout.preset_instances)

    @cached_property
    def written_schemas(self) -> tuple[Place, ...]:
        """All JSON Schemas of all tables as they are written, with their paths."""
        walks = [walk(Table, realm.value, realm.at) for realm in self.realms]
        walks += [walk(RouteOptions, layer.value, layer.at) for layer in self.layout.preset_instances]
        return tuple((at, schema) for found in walks for role, schema, at in found if role is Role.SCHEMA)


def _dereferenced(library: Library) -> Dereferenced | None:
    try:
        return Dereferenced(library)
    except UnresolvedError:
        return None

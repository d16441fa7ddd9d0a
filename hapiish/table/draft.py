"""The composed tables as the cross-checks read them: sections, schemas, and routes and events with their options.

Any value may be missing: those that the schema of the file refuses are taken out before.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from hapiish.table.compose.composition import Composition, Part
from hapiish.table.compose.owned_names import home
from hapiish.table.layout import Layout
from hapiish.table.merge import Layer, Options
from hapiish.table.merging.realms import RealmDraft
from hapiish.table.places import Place, options_in, schemas_in, schemas_of, section
from hapiish.table.problems import Mark
from hapiish.table.schemas.dereference import Dereferenced
from hapiish.table.schemas.references import Library, Root, UnresolvedError
from hapiish.table.text.marks import Path


class Draft:
    """The input of the checks. Its values depend on the tables alone, never on which of them is read first."""

    def __init__(self, whole: Composition) -> None:
        self.whole = whole
        self.is_partial = whole.is_partial
        self.tree = whole.tree
        self.marks = self.tree.marks
        self.value: Options = self.tree.value
        realms: dict[Part | None, RealmDraft] = {}
        for part in whole.parts:
            host = realms[part.host] if part.host is not None else None
            realms[part] = RealmDraft(part, host, whole.budget)
            if host is not None and part.is_plugin:
                host.plugins.append(realms[part])
        self.realms = tuple(realms.values())
        self.defaults = self.realms[0].scope.defaults
        self.layout = Layout(self.realms, self.tree, whole.budget, self.was_pruned)
        self.groups, self.routes, self.namespaces = self.layout.groups, self.layout.routes, self.layout.namespaces
        self._known: dict[tuple[object, ...], list[str]] = {}

    def section(self, *path: str) -> Mapping[str, Any]:
        """The mapping at `path` of the table itself, empty when there is none."""
        return section(self.value, *path)

    def sections(self, *path: str) -> Iterator[tuple[RealmDraft, Path, Mapping[str, Any]]]:
        """The mappings at `path` of all tables, with their places."""
        for realm in self.realms:
            yield realm, (*realm.at, *path), section(realm.value, *path)

    def outermost(self, key: str) -> RealmDraft:
        """The table whose section `key` holds for the server: its own, else that of the first used one that has any."""
        return next((realm for realm in self.realms if realm.value.get(key) is not None), self.realms[0])

    def declaring(self, name: str, *path: str) -> RealmDraft | None:
        """The table whose declaration in the section `path` a name means: that of its writer, or the next around it."""
        for realm in self.realms[home(name)].visible:
            if str(name) in section(realm.value, *path):
                return realm
        return None

    def scheme(self, strategy: str) -> Any:
        """The scheme of the strategy that a name means."""
        realm = self.declaring(strategy, "auth", "strategies")
        return section(realm.value, "auth", "strategies", str(strategy)).get("scheme") if realm is not None else None

    def known(self, writer: int, *path: str) -> list[str]:
        """The names that the section `path` has for what is written in the table `writer`."""
        key = (writer, *path)
        if key not in self._known:
            visible = self.realms[writer].visible
            self._known[key] = list(dict.fromkeys(name for realm in visible for name in section(realm.value, *path)))
        return self._known[key]

    def realm_at(self, path: Path) -> RealmDraft:
        """The table in which a place is."""
        if path[:1] != ("plugins",):  # all others are in there
            return self.realms[0]
        around = [realm for realm in self.realms if path[: len(realm.at)] == realm.at]
        return max(around, key=lambda realm: len(realm.at))

    @cached_property
    def schemas(self) -> Mapping[str, Any]:
        """The named schemas of all tables; those of a used one have its label in front, as references to them have."""
        return {
            f"{realm.part.label}/{name}" if realm.index else name: schema
            for realm, _, found in self.sections("schemas")
            for name, schema in found.items()
        }

    @cached_property
    def libraries(self) -> tuple[Library, ...]:
        """The schemas of each table, by its index, as references in them see each other."""
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
        """The schemas of each table as they are built; None where a reference cannot be followed."""
        return tuple(_dereferenced(library) for library in self.libraries)

    def root(self, at: Path, schema: Any) -> Root:
        """A written schema as the references in it see it."""
        realm = self.realm_at(at)
        library = self.libraries[realm.index]
        own = at[len(realm.at) :]
        return library.named[str(own[1])] if own[0] == "schemas" else library.others[id(schema)]

    def root_of(self, at: Path, schema: Any) -> Root | None:
        """As `root`, of a schema that is perhaps not written as such."""
        return self.libraries[self.realm_at(at).index].others.get(id(schema))

    def place_of(self, root: Root) -> Path:
        """Where a schema is written."""
        return self._places.get(id(root.schema), ())

    @cached_property
    def _places(self) -> Mapping[int, Path]:
        return {id(schema): at for at, schema in self.written_schemas}

    def mark(self, *path: str | int) -> Mark:
        """Where the value at `path` stands."""
        return self.marks.value(path)

    def key_mark(self, *path: str | int) -> Mark:
        """Where the key that ends `path` stands."""
        return self.marks.key(path)

    def was_pruned(self, *path: str | int) -> bool:
        """Whether something was taken out at `path`, around it or inside of it, so that its absence says nothing."""
        broken, around = self._broken
        return path in around or any(path[:length] in broken for length in range(len(path) + 1))

    @cached_property
    def _broken(self) -> tuple[frozenset[Path], frozenset[Path]]:
        """The places that were taken out, and all places around them."""
        broken = self.tree.broken
        return broken, frozenset(gone[:length] for gone in broken for length in range(len(gone) + 1))

    def cookie(self, name: str, realm: RealmDraft) -> dict[str, Any]:
        """The settings of a cookie that `realm` declares, over those of every cookie of the server and then of its own.

        null is the built-in default.
        """
        servers = [section(other.value, "server", "state") for other in (self.realms[0], realm)]
        return {**servers[0], **servers[1], **section(realm.value, "state", name)}

    @cached_property
    def written(self) -> tuple[Layer, ...]:
        """Every place where options of routes are written: defaults, presets, groups and the routes themselves."""
        found = [Layer(value, (*realm.at, *at)) for realm in self.realms for value, at in options_in(realm.value)]
        return (*found, *self.layout.filled)

    @cached_property
    def written_schemas(self) -> tuple[Place, ...]:
        """Every place that holds a JSON Schema, as it is written, in all tables."""
        found = [((*realm.at, *at), schema) for realm in self.realms for at, schema in schemas_in(realm.value)]
        return (*found, *(place for layer in self.layout.filled for place in schemas_of(layer.value, layer.at)))


def _dereferenced(library: Library) -> Dereferenced | None:
    try:
        return Dereferenced(library)
    except UnresolvedError:
        return None

"""Resolves the references of JSON Schemas (2020-12 §8): resources with an `$id`, anchors and pointers.

A schema or subschema with an `$id` is a resource, which schemas of the same table refer to by its URI. The
metaschemas of 2020-12 are resources, too. Nothing is ever fetched.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Final
from urllib.parse import urljoin

from hapiish.grammar.schema import NAMED, SEVERAL, SINGLE, key_of
from hapiish.table.text.marks import Path

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
META: Final = "https://json-schema.org/draft/2020-12/"
"""The prefix of the URIs of the metaschemas."""

_TABLE: Final = "https://table.invalid/"  # the base of relative URIs outside of a resource
_IDENTIFYING: Final = frozenset({"$anchor", "$dynamicAnchor", "$dynamicRef", "$id", "$schema"})


class UnresolvedError(ValueError):
    """An unresolved reference; `is_outside` if its target is outside of the table."""

    def __init__(self, message: str, *, is_outside: bool = False) -> None:
        super().__init__(message)
        self.is_outside = is_outside


class ScopesError(UnresolvedError):
    """Dynamic references with too many dynamic scopes."""


@dataclass(eq=False, slots=True)
class SchemaResource:
    """A schema resource: a root schema, or a subschema with an `$id` at the path `at` of the root `around` it."""

    schema: Any
    uri: str
    at: Path = ()
    around: "Root | None" = None
    anchors: dict[str, Path] | None = None
    dynamic: frozenset[str] = frozenset()

    @property
    def root(self) -> "Root":
        """The root schema that contains the resource."""
        assert self.around is not None
        return self.around

    def anchor(self, name: str) -> Path | None:
        """The path of an anchor in the root."""
        return self.anchors.get(name) if self.anchors is not None else None


@dataclass(eq=False, slots=True)
class Root(SchemaResource):
    """A root schema; `name` is its name in the built table, None for an inline schema.

    A table has thousands of them, most without identifiers, so empty attributes are shared, and a root refers to itself
    nowhere. `outer` is the resource that contains a part of a schema, `inner` are the resources in the root by path.
    `size` is the number of its schemas, `identifying` the keywords in them that concern identifiers.
    """

    name: str | None = None
    outer: SchemaResource | None = None
    inner: dict[Path, SchemaResource] | None = None
    size: int = 0
    identifying: frozenset[str] = frozenset()
    references: tuple[tuple[Path, str, str], ...] = ()

    @property
    def root(self) -> "Root":
        """The root schema itself."""
        return self

    @property
    def resources(self) -> Iterator[SchemaResource]:
        """All resources of the root: its own first."""
        yield self.outer or self
        yield from (self.inner or {}).values()

    def resource_at(self, path: Path) -> SchemaResource:
        """The innermost resource that contains `path`."""
        if self.inner:
            for end in range(len(path), 0, -1):
                if path[:end] in self.inner:
                    return self.inner[path[:end]]
        return self.outer or self

    def begins_resource(self, path: Path) -> bool:
        """Returns whether a resource begins at `path`."""
        return not path or (self.inner is not None and path in self.inner)

    def has_schema(self, path: Path) -> bool:
        """Returns whether there is a schema at `path`: only certain keywords contain schemas."""
        schema, steps = self.schema, iter(path)
        for keyword in steps:
            if not isinstance(schema, dict) or keyword not in schema:
                return False
            schema = schema[keyword]
            if keyword in SINGLE:
                continue
            step: Any = next(steps, None)
            is_list = keyword in SEVERAL and isinstance(schema, list)
            if is_list and not (isinstance(step, int) and step < len(schema)):
                return False
            if not is_list and not (keyword in NAMED and isinstance(schema, dict) and step in schema):
                return False
            schema = schema[step]
        return True


Target = tuple[Root, Path]


def read(schema: Any, name: str | None, uri: str = _TABLE, outer: SchemaResource | None = None) -> Root:
    """Collects the resources, anchors and references of a schema; `outer` is the resource of a part of a schema."""
    root = Root(schema, uri, name=name, outer=outer)
    references: list[tuple[Path, str, str]] = []
    _collect(root, schema, (), outer or root, references)
    root.references = tuple(references)
    return root


def _collect(
    root: Root, schema: Any, path: Path, resource: SchemaResource, references: list[tuple[Path, str, str]]
) -> None:
    root.size += 1
    if not isinstance(schema, dict):
        return
    if not _IDENTIFYING.isdisjoint(schema):
        root.identifying |= _IDENTIFYING & schema.keys()
        resource = _identified(root, schema, path, resource)
    written = [keyword for keyword in ("$ref", "$dynamicRef") if isinstance(schema.get(keyword), str)]
    references.extend((path, keyword, schema[keyword]) for keyword in written)
    for inner, place in inside(schema, path):
        _collect(root, inner, place, resource, references)


def _identified(root: Root, schema: dict[str, Any], path: Path, resource: SchemaResource) -> SchemaResource:
    """Collects the identifiers of a schema; returns its resource."""
    own = schema.get("$id")
    if isinstance(own, str) and path:
        resource = SchemaResource(schema, _resolved(resource.uri, own), path, root)
        root.inner = {} if root.inner is None else root.inner
        root.inner[path] = resource
    elif isinstance(own, str) and resource.uri == _TABLE:
        resource.uri = _resolved(resource.uri, own)
    if resource.root is root:
        for keyword in ("$anchor", "$dynamicAnchor"):
            if isinstance(schema.get(keyword), str):
                resource.anchors = {} if resource.anchors is None else resource.anchors
                resource.anchors.setdefault(schema[keyword], path)
        if isinstance(schema.get("$dynamicAnchor"), str):
            resource.dynamic |= {schema["$dynamicAnchor"]}
    return resource


def inside(schema: dict[str, Any], path: Path) -> Iterator[tuple[Any, Path]]:
    """The direct subschemas of a schema, with their paths."""
    for keyword, value in schema.items():
        if keyword in SINGLE:
            yield value, (*path, keyword)
        elif keyword in SEVERAL and isinstance(value, list):
            yield from ((each, (*path, keyword, index)) for index, each in enumerate(value))
        elif keyword in NAMED and isinstance(value, dict):
            yield from ((each, (*path, keyword, name)) for name, each in value.items())


def _resolved(base: str, reference: str) -> str:
    """An absolute URI without its fragment."""
    try:
        return urljoin(base, reference).partition("#")[0] if reference.partition("#")[0] else base
    except ValueError:
        return reference


class Library:
    """The schemas of one table: `named` by their names, `others` (inline) by identity.

    `prefix` precedes the names in the built table. `duplicates` are resources with the same URI.
    """

    def __init__(self, named: Mapping[str, Any], others: list[Any], prefix: str = "") -> None:
        self.prefix = prefix
        self.named = {name: read(schema, prefix + name) for name, schema in named.items()}
        self.others = {id(schema): read(schema, None) for schema in others}
        self.resources: dict[str, SchemaResource] = {}
        self.duplicates: list[tuple[SchemaResource, SchemaResource]] = []
        self._parts: dict[tuple[Root, Path], Root] = {}
        self._taken = {root.name for root in self.named.values()}
        for root in self.roots:
            for resource in root.resources:
                self._add(resource)

    @property
    def roots(self) -> Iterator[Root]:
        """All root schemas."""
        yield from self.named.values()
        yield from self.others.values()

    @cached_property
    def is_plain(self) -> bool:
        """Returns whether all references are pointers to schemas, as in most tables."""
        if any(root.identifying for root in self.roots):
            return False
        return all(_is_plain(self, root, path, text) for root in self.roots for path, _, text in root.references)

    def _add(self, resource: SchemaResource) -> None:
        if not isinstance(resource.schema, dict) or not isinstance(resource.schema.get("$id"), str):
            return
        known = self.resources.setdefault(resource.uri, resource)
        both_named = known.root.name is not None and resource.root.name is not None
        if known is not resource and (both_named or known.schema != resource.schema):
            self.duplicates.append((known, resource))

    def find(self, root: Root, path: Path, reference: str) -> Target:
        """Resolves a reference in the schema at `path`; raises UnresolvedError."""
        uri, _, pointer = reference.partition("#")
        if not uri and pointer.startswith("/schemas/"):
            return self._named(pointer.removeprefix("/schemas/"))
        resource = root.resource_at(path)
        if uri:
            found = _resolved(resource.uri, uri)
            known = self.resources.get(found) or _metaschema(found)
            if known is None:
                raise UnresolvedError(f'"{reference}" is outside of the table', is_outside=True)
            resource = known
        if not pointer:
            return resource.root, resource.at
        if pointer.startswith("/"):
            place = pointer_path(resource.schema, pointer[1:])
            if place is None:
                raise UnresolvedError(f'"{reference}" is not in this schema')
            return resource.root, (*resource.at, *place)
        name = key_of(pointer)
        at = resource.anchor(name)
        if at is None:
            raise UnresolvedError(f'there is no $anchor "{name}" in this schema')
        return resource.root, at

    def _named(self, pointer: str) -> Target:
        name, slash, rest = pointer.partition("/")
        root = self.named.get(key_of(name).removeprefix(self.prefix))
        place = pointer_path(root.schema, rest) if root is not None and slash else ()
        if root is None or place is None:
            raise UnresolvedError(f'unknown schema "{pointer}"')
        return root, place

    def part(self, root: Root, path: Path) -> Target:
        """Names a target that needs a name in the built table: in another schema, or at a path that no keyword has."""
        is_schema = root.has_schema(path)
        resource = root.resource_at(path)
        start = resource.at if is_schema else path
        key = (root, start)
        if key not in self._parts:
            name = self._unused_name(resource.uri + ("" if is_schema else "#" + "/".join(map(str, path))))
            schema = value_at(root.schema, start)
            self._parts[key] = read(schema, name, resource.uri, None if is_schema else resource)
        return self._parts[key], path[len(start) :]

    def _unused_name(self, name_in_table: str) -> str:
        name, number = self.prefix + name_in_table, 1
        while name in self._taken:
            number += 1
            name = f"{self.prefix}{name_in_table} ({number})"
        self._taken.add(name)
        return name


def _is_plain(library: Library, root: Root, path: Path, reference: str) -> bool:
    try:
        target, place = library.find(root, path, reference)
    except UnresolvedError:
        return True  # `checks.schemas` reports it
    return reference.startswith("#") and target.has_schema(place)


def pointer_path(schema: Any, pointer: str) -> Path | None:
    """The path of a JSON pointer (without its first slash) in `schema`; None if it does not exist."""
    path: Path = ()
    for part in pointer.split("/"):
        token = key_of(part)
        if isinstance(schema, list) and token.isdecimal() and len(token) < 10 and int(token) < len(schema):
            schema, path = schema[int(token)], (*path, int(token))
        elif isinstance(schema, Mapping) and token in schema:
            schema, path = schema[token], (*path, token)
        else:
            return None
    return path


def value_at(schema: Any, path: Path) -> Any:
    """The value at `path`."""
    for step in path:
        schema = schema[step]
    return schema


@cache
def _metaschema(uri: str) -> SchemaResource | None:
    """A metaschema of 2020-12 without its defaults, named by its URI."""
    if not uri.startswith(META):
        return None
    from jsonschema_specifications import REGISTRY  # takes long to import, and few tables refer to a metaschema

    return read(_without_defaults(REGISTRY.contents(uri)), uri) if uri in REGISTRY else None


def _without_defaults(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    made = {keyword: value for keyword, value in schema.items() if keyword != "default"}
    for keyword, value in made.items():
        if keyword in SINGLE:
            made[keyword] = _without_defaults(value)
        elif keyword in SEVERAL:
            made[keyword] = [_without_defaults(each) for each in value]
        elif keyword in NAMED:
            made[keyword] = {name: _without_defaults(each) for name, each in value.items()}
    return made

"""Reads schemas for generated types: references with the root that they count from, directions, kinds of values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from hapiish.describe.surface import names_in
from hapiish.grammar.schema import key_of, resolve
from hapiish.table.text.tree import schemas_within
from hapiish.types import Json

Direction = Literal["in", "out"]
"""`in`: clients send the value; `out`: they receive it."""

_SCHEMAS: Final = "#/schemas/"
_HIDDEN: Final[Mapping[Direction, str]] = {"in": "readOnly", "out": "writeOnly"}
"""The keyword of members that do not occur in a direction."""

_OBJECT: Final = ("properties", "additionalProperties", "patternProperties", "propertyNames", "required")
_ARRAY: Final = ("items", "prefixItems")


@dataclass(frozen=True, slots=True)
class Located:
    """A schema with its root, from which its references `#/…` count; `name` is that of a named root."""

    schema: Json
    root: Json
    name: str | None = None

    def at(self, schema: Json) -> "Located":
        """Returns a subschema of this one."""
        return Located(schema, self.root, self.name)


class SchemaReader:
    """Follows the references of a table's schemas; `schemas` are the named ones."""

    def __init__(self, schemas: Mapping[str, Json]) -> None:
        self.schemas = schemas
        self._directed: dict[tuple[str, str], bool] = {}

    def named(self, name: str) -> Located:
        """Returns a named schema."""
        schema = self.schemas[name]
        return Located(schema, schema, name)

    def target(self, reference: str, holder: Located) -> tuple[Located, str] | None:
        """Returns the schema that a reference leads to, and its pointer in its root; None for an unknown one.

        The pointer is empty for a root.
        """
        if reference.startswith(_SCHEMAS):
            token, _, rest = reference.removeprefix(_SCHEMAS).partition("/")
            name = key_of(token)
            if name not in self.schemas:
                return None
            root = self.named(name)
            found = resolve(root.root, f"#/{rest}") if rest else root.root
            return (Located(found, root.root, name), rest) if found is not None else None
        if reference == "#":
            return Located(holder.root, holder.root, holder.name), ""
        found = resolve(holder.root, reference)
        return (Located(found, holder.root, holder.name), reference.removeprefix("#/")) if found is not None else None

    def is_directed(self, name: str, direction: Direction) -> bool:
        """Returns whether a named schema, or one that it references, has members that the direction hides."""
        key = (name, direction)
        if key not in self._directed:
            self._directed[key] = False  # for a schema that contains itself
            reached = self.reached(name)
            self._directed[key] = any(_hides(self.schemas[each], direction) for each in reached)
        return self._directed[key]

    def reached(self, name: str) -> set[str]:
        """Returns a named schema and those that it references, also through others."""
        return {name} | names_in(self.schemas[name], self.schemas)


def is_hidden(schema: Json, direction: Direction) -> bool:
    """Returns whether a member with this schema does not occur in a direction."""
    return isinstance(schema, dict) and schema.get(_HIDDEN[direction]) is True


def kinds(schema: Mapping[str, Json]) -> tuple[str, ...]:
    """Returns the JSON types that a schema names, or that its keywords describe; none if it says nothing of them."""
    given = schema.get("type")
    if isinstance(given, str):
        return (given,)
    if isinstance(given, list):
        return tuple(given)
    if any(key in schema for key in _OBJECT):
        return ("object",)
    return ("array",) if any(key in schema for key in _ARRAY) else ()


def _hides(schema: Json, direction: Direction) -> bool:
    return any(is_hidden(each, direction) for _, each in schemas_within((), schema))

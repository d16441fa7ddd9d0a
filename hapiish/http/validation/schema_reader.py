"""Reads schemas: the types, members, items and defaults that one describes, through `$ref` and allOf.

Alternatives (anyOf, oneOf, then, else, dependentSchemas) are followed where the type leaves only one of them; all
others are listed, because the value decides between them. No value is validated here.
"""

import json
from collections.abc import Iterator
from typing import Final, NamedTuple

from hapiish.http.validation.schema import Schema, resolve
from hapiish.types import Json

ABSENT: Final = object()
"""Marks a missing value or default, which null would not."""

ANY: Final = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
_TYPES: Final = {name: (name,) for name in ANY} | {"number": ("number", "integer")}
_ALTERNATIVES: Final = ("anyOf", "oneOf")

_PRESENCE: Final = frozenset(
    {
        *("$dynamicRef", "anyOf", "const", "dependentRequired", "dependentSchemas", "dependencies", "enum", "if"),
        *("maxProperties", "not", "oneOf", "patternProperties", "propertyNames"),
    }
)
"""Keywords whose verdict depends on which properties an object has."""

_DEEPEST_TAG: Final = 3
"""The maximum depth of objects searched for discriminators, and of alternatives searched for integer types."""

Refs = tuple[str, ...]
Names = tuple[str, ...]


class AlternativesGroup(NamedTuple):
    """The alternatives of one `keyword`: `anyOf`, `oneOf`, `if` (with then and else) or `dependentSchemas`."""

    keyword: str
    schemas: dict[str, Json]


class Shape:
    """Reads the schemas of one embedded document."""

    __slots__ = ("_document",)

    def __init__(self, document: Schema) -> None:
        self._document = document

    def types(self, schema: Json, refs: Refs = ()) -> frozenset[str]:
        """Returns the JSON types that `schema` accepts; `number` comes with `integer`."""
        if not isinstance(schema, dict):
            return frozenset() if schema is False else ANY
        types = ANY
        own = _own_types(schema)
        if own is not None:
            types &= frozenset(own)
        for target, target_refs in self._target(schema, refs):
            types &= self.types(target, target_refs)
        for part in schema.get("allOf", ()):
            types &= self.types(part, refs)
        for keyword in _ALTERNATIVES:
            if keyword in schema:
                types &= frozenset[str]().union(*(self.types(branch, refs) for branch in schema[keyword]))
        return types

    def is_integer(self, schema: Json, depth: int = 0) -> bool:
        """True if `schema`, or one of its alternatives, accepts only integers among numbers."""
        types = self.types(schema)
        if "number" not in types or "integer" not in types or depth >= _DEEPEST_TAG:
            return "integer" in types and "number" not in types
        branches = (each for group in self.groups(schema, "") for name, each in group.schemas.items() if name != "if")
        return any(self.is_integer(branch, depth + 1) for branch in branches)

    def order(self, schema: Json) -> tuple[str, ...] | None:
        """Returns the types of `schema` in its own order, without its alternatives; None if it restricts no type."""
        return common_types(_own_types(one) for one, _ in self._conjuncts(schema, ""))

    def members(self, schema: Json) -> dict[str, Json]:
        """Returns the schema of each property that `schema` names."""
        conjuncts = self.conjuncts(schema, "object")
        names = dict.fromkeys(name for one in conjuncts for name in one.get("properties", {}))
        return {name: joined([each for one in conjuncts for each in _member(one, name)]) for name in names}

    def patterns(self, schema: Json) -> dict[str, Json]:
        """Returns the schemas of `patternProperties` by pattern."""
        by_pattern: dict[str, list[Json]] = {}
        for one in self.conjuncts(schema, "object"):
            for pattern, each in one.get("patternProperties", {}).items():
                by_pattern.setdefault(pattern, []).append(each)
        return {pattern: joined(schemas) for pattern, schemas in by_pattern.items()}

    def rest(self, schema: Json, keyword: str) -> Json:
        """Returns the schema of all other properties; `keyword` is additionalProperties or unevaluatedProperties."""
        schemas = (one.get(keyword) for one in self.conjuncts(schema, "object"))
        return joined([each for each in schemas if isinstance(each, dict)])

    def is_open(self, schema: Json) -> bool:
        """True if `schema` explicitly allows properties that it does not name."""
        keywords = ("additionalProperties", "unevaluatedProperties")
        conjuncts = self.conjuncts(schema, "object")
        return any(one.get(keyword, False) is not False for one in conjuncts for keyword in keywords)

    def closed(self, schema: Json) -> list[tuple[frozenset[str], list[str]]]:
        """Returns the names and patterns of each part of `schema` that has `additionalProperties: false`."""
        return [
            (frozenset(one.get("properties", ())), list(one.get("patternProperties", ())))
            for one in self.conjuncts(schema, "object")
            if one.get("additionalProperties") is False
        ]

    def items(self, schema: Json) -> tuple[list[Json], Json]:
        """Returns the schemas of `prefixItems` and that of all other items (True without restrictions)."""
        conjuncts = self.conjuncts(schema, "array")
        count = max((len(one.get("prefixItems", ())) for one in conjuncts), default=0)
        first = [joined([_item(one, index) for one in conjuncts]) for index in range(count)]
        return first, joined([_item(one, count) for one in conjuncts])

    def contains(self, schema: Json) -> list[Json]:
        """Returns the schemas of `contains`."""
        return [one["contains"] for one in self.conjuncts(schema, "array") if "contains" in one]

    def default(self, schema: Json, refs: Refs = ()) -> Json:
        """Returns the default that the schema of a property sets, or `ABSENT`."""
        if not isinstance(schema, dict):
            return ABSENT
        if "default" in schema:
            return schema["default"]
        parts = [*self._target(schema, refs), *((part, refs) for part in schema.get("allOf", ()))]
        defaults = (self.default(part, part_refs) for part, part_refs in parts)
        return next((default for default in defaults if default is not ABSENT), ABSENT)

    def groups(self, schema: Json, kind: str) -> Iterator[AlternativesGroup]:
        """Yields the alternatives of `schema` for a value of type `kind`; "" is a text that may become any type."""
        for one, refs in self._conjuncts(schema, kind):
            for keyword in _ALTERNATIVES:
                branches = self._of_type(one.get(keyword, ()), kind, refs)
                if len(branches) > 1:
                    yield AlternativesGroup(keyword, {str(index): branch for index, branch in enumerate(branches)})
            if "if" in one and ("then" in one or "else" in one):
                yield AlternativesGroup("if", {keyword: one.get(keyword, True) for keyword in ("if", "then", "else")})
            if one.get("dependentSchemas") and kind == "object":
                yield AlternativesGroup("dependentSchemas", one["dependentSchemas"])

    def tags(self, schema: Json, refs: Refs = (), depth: int = 0) -> dict[Names, list[Json]]:
        """Returns the discriminators: the allowed values of nested properties with `const` or `enum`, by path."""
        tags: dict[Names, list[Json]] = {}
        for one, one_refs in self._conjuncts(schema, "object", refs):
            for name, member in one.get("properties", {}).items():
                values = self.values(member, one_refs)
                if values is not None:
                    tags.setdefault((name,), values)
                elif depth < _DEEPEST_TAG:
                    for names, nested in self.tags(member, one_refs, depth + 1).items():
                        tags.setdefault((name, *names), nested)
            for keyword in _ALTERNATIVES:
                branches = self._of_type(one.get(keyword, ()), "object", one_refs)
                by_branch = [self.tags(branch, one_refs, depth) for branch in branches] if len(branches) > 1 else []
                for names in by_branch[0] if by_branch else ():
                    if all(names in each for each in by_branch):
                        tags.setdefault(names, [value for each in by_branch for value in each[names]])
        return tags

    def required(self, schema: Json) -> list[str]:
        """Returns the properties that `schema` requires."""
        conjuncts = self.conjuncts(schema, "object")
        return list(dict.fromkeys(name for one in conjuncts for name in one.get("required", ())))

    def ever_required(self, schema: Json) -> frozenset[str]:
        """Returns the properties that `schema` requires, unconditionally or by `dependentRequired`."""
        names = set(self.required(schema))
        for one in self.conjuncts(schema, "object"):
            names.update(*one.get("dependentRequired", {}).values())
        return frozenset(names)

    def needs(self, schema: Json) -> list[str]:
        """Returns the properties that `schema` requires and gives no default."""
        members = self.members(schema)
        return [name for name in self.required(schema) if self.default(members.get(name)) is ABSENT]

    def is_plain(self, schema: Json) -> bool:
        """True if adding a property cannot make an object invalid."""
        return all(_PRESENCE.isdisjoint(one) for one in self.conjuncts(schema, "object"))

    def unions(self, schema: Json) -> list[list[Json]]:
        """Returns the branches of each anyOf and oneOf of `schema`."""
        groups = self.groups(schema, "")
        return [list(group.schemas.values()) for group in groups if group.keyword in _ALTERNATIVES]

    def mentions(self, schema: Json, refs: Refs = ()) -> set[str]:
        """Returns the properties that `schema` or any of its alternatives names."""
        names: set[str] = set()
        for one, one_refs in self._conjuncts(schema, "object", refs):
            names.update(one.get("properties", ()))
            for branch in (*one.get("anyOf", ()), *one.get("oneOf", ()), *one.get("dependentSchemas", {}).values()):
                names |= self.mentions(branch, one_refs)
            for keyword in ("if", "then", "else"):
                names |= self.mentions(one.get(keyword), one_refs)
        return names

    def values(self, schema: Json, refs: Refs = ()) -> list[Json] | None:
        """Returns the values of a `const` or `enum`: of the schema, its references or all its alternatives."""
        for one, one_refs in self._conjuncts(schema, "", refs):
            if "const" in one or "enum" in one:
                return list(one["enum"]) if "enum" in one else [one["const"]]
            for keyword in _ALTERNATIVES:
                by_branch = [self.values(branch, one_refs) for branch in one.get(keyword, ())]
                if by_branch and all(values is not None for values in by_branch):
                    return [value for values in by_branch for value in values or ()]
        return None

    def conjuncts(self, schema: Json, kind: str) -> list[dict[str, Json]]:
        """Returns the schemas that all apply to a value of type `kind`."""
        return [one for one, _ in self._conjuncts(schema, kind)]

    def _target(self, schema: dict[str, Json], refs: Refs) -> Iterator[tuple[Json, Refs]]:
        """Yields the target of `$ref`, unless it was followed already."""
        reference = schema.get("$ref")
        if reference is not None and reference not in refs:
            yield resolve(self._document, reference), (*refs, reference)

    def _conjuncts(self, schema: Json, kind: str, refs: Refs = ()) -> Iterator[tuple[dict[str, Json], Refs]]:
        """Yields the same, each with the references followed to it."""
        if not isinstance(schema, dict):
            return
        yield schema, refs
        for target, target_refs in self._target(schema, refs):
            yield from self._conjuncts(target, kind, target_refs)
        for part in schema.get("allOf", ()):
            yield from self._conjuncts(part, kind, refs)
        for keyword in _ALTERNATIVES:
            branches = self._of_type(schema.get(keyword, ()), kind, refs)
            if len(branches) == 1:
                yield from self._conjuncts(branches[0], kind, refs)

    def _of_type(self, schemas: Json, kind: str, refs: Refs) -> list[Json]:
        return [schema for schema in schemas if not kind or kind in self.types(schema, refs)]


def common_types(orders: Json) -> tuple[str, ...] | None:
    """Returns the types in all of `orders`, in the order of the first one that is not None; None if all are."""
    common: tuple[str, ...] | None = None
    for order in orders:
        if order is not None:
            common = order if common is None else tuple(name for name in common if name in order)
    return common


def _own_types(schema: dict[str, Json]) -> tuple[str, ...] | None:
    """Returns the types that `type`, `enum` and `const` of one schema allow, in its order; None without any of them."""
    orders: list[tuple[str, ...]] = []
    if "const" in schema or "enum" in schema:
        orders.append(tuple(dict.fromkeys(type_of(value) for value in schema.get("enum", [schema.get("const")]))))
    if "type" in schema:
        names = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
        orders.append(tuple(dict.fromkeys(each for name in names for each in _TYPES.get(name, ANY))))
    return common_types(orders)


def _member(schema: dict[str, Json], name: str) -> Iterator[Json]:
    """Yields the schema of the property `name` by `properties`, or else by additionalProperties."""
    if name in schema.get("properties", {}):
        yield schema["properties"][name]
    elif isinstance(schema.get("additionalProperties"), dict) and not schema.get("patternProperties"):
        yield schema["additionalProperties"]


def _item(schema: dict[str, Json], index: int) -> Json:
    first = schema.get("prefixItems", ())
    return first[index] if index < len(first) else schema.get("items", schema.get("unevaluatedItems", True))


def type_of(value: Json) -> str:
    """Returns the JSON type of a value; `integer` for numbers without a fraction."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    kinds = ((int, "integer"), (str, "string"), (list, "array"), (dict, "object"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "null")


def inside(value: Json, names: Names) -> Json:
    """Returns the value at a path of names in an object, or `ABSENT`."""
    for name in names:
        value = value.get(name, ABSENT) if isinstance(value, dict) else ABSENT
    return value


def among(value: Json, values: list[Json]) -> bool:
    """True if a value equals one of several by JSON's rules: `1` equals `1.0` and not `true`."""
    return any(value == each and isinstance(value, bool) == isinstance(each, bool) for each in values)


def joined(schemas: list[Json]) -> Json:
    """Combines schemas into one, without duplicates, so that recursive schemas yield equal results again."""
    flat = [each for schema in schemas for each in _split(schema) if each is not True]
    unique = list({json.dumps(each, sort_keys=True): each for each in flat}.values())
    return unique[0] if len(unique) == 1 else {"allOf": unique} if unique else True


def _split(schema: Json) -> list[Json]:
    return schema["allOf"] if isinstance(schema, dict) and schema.keys() == {"allOf"} else [schema]

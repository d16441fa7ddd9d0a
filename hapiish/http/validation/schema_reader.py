"""What a schema says about the form of values: their types, members, items and defaults, through `$ref` and allOf.

Alternatives (anyOf, oneOf, then, else, dependentSchemas) are followed where only one of them fits by its type; the
others are listed, for a value to choose among them. This reads schemas, it never judges a value.
"""

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from hapiish.http.validation.schema import Schema, resolve

ABSENT: Final = object()
"""No default at all, as against a default of null."""

ANY: Final = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
_TYPES: Final = {name: (name,) for name in ANY} | {"number": ("number", "integer")}
_ALTERNATIVES: Final = ("anyOf", "oneOf")

_PRESENCE: Final = frozenset(
    {
        *("$dynamicRef", "anyOf", "const", "dependentRequired", "dependentSchemas", "dependencies", "enum", "if"),
        *("maxProperties", "not", "oneOf", "patternProperties", "propertyNames"),
    }
)
"""Keywords for which it matters which properties an object has."""

_DEEPEST_TAG: Final = 3
"""So many objects inside each other may hold the constants that tell alternatives apart, and so many alternatives the
promise of an integer.
"""

Refs = tuple[str, ...]
Names = tuple[str, ...]


class AlternativesGroup(NamedTuple):
    """Schemas among which the value chooses: `anyOf`, `oneOf`, `if` (with then and else) or `dependentSchemas`."""

    word: str
    schemas: dict[str, Any]


class Shape:
    """Reads the schemas of one embedded document."""

    __slots__ = ("_document",)

    def __init__(self, document: Schema) -> None:
        self._document = document

    def types(self, schema: Any, seen: Refs = ()) -> frozenset[str]:
        """The JSON types that `schema` lets pass; `number` comes with `integer`."""
        if not isinstance(schema, dict):
            return frozenset() if schema is False else ANY
        types = ANY
        own = _own_types(schema)
        if own is not None:
            types &= frozenset(own)
        for target, refs in self._target(schema, seen):
            types &= self.types(target, refs)
        for each in schema.get("allOf", ()):
            types &= self.types(each, seen)
        for keyword in _ALTERNATIVES:
            if keyword in schema:
                types &= frozenset[str]().union(*(self.types(each, seen) for each in schema[keyword]))
        return types

    def promises_integer(self, schema: Any, depth: int = 0) -> bool:
        """Whether `schema`, or one of its alternatives, takes whole numbers and no others."""
        types = self.types(schema)
        if "number" not in types or "integer" not in types or depth >= _DEEPEST_TAG:
            return "integer" in types and "number" not in types
        branches = (each for group in self.groups(schema, "") for word, each in group.schemas.items() if word != "if")
        return any(self.promises_integer(each, depth + 1) for each in branches)

    def order(self, schema: Any) -> tuple[str, ...] | None:
        """The types of `schema` as they are written, without its alternatives; None where it says nothing of types."""
        return common(_own_types(one) for one, _ in self._conjuncts(schema, ""))

    def members(self, schema: Any) -> dict[str, Any]:
        """The schema of each property that `schema` names for objects."""
        conjuncts = self.conjuncts(schema, "object")
        names = dict.fromkeys(name for one in conjuncts for name in one.get("properties", {}))
        return {name: joined([each for one in conjuncts for each in _inside(one, name)]) for name in names}

    def patterns(self, schema: Any) -> dict[str, Any]:
        """The schemas of properties by the pattern of their names."""
        found: dict[str, list[Any]] = {}
        for one in self.conjuncts(schema, "object"):
            for pattern, each in one.get("patternProperties", {}).items():
                found.setdefault(pattern, []).append(each)
        return {pattern: joined(schemas) for pattern, schemas in found.items()}

    def rest(self, schema: Any, keyword: str) -> Any:
        """The schema of all other properties by `keyword` (additionalProperties, unevaluatedProperties)."""
        found = (one.get(keyword) for one in self.conjuncts(schema, "object"))
        return joined([each for each in found if isinstance(each, dict)])

    def is_open(self, schema: Any) -> bool:
        """Whether `schema` says that objects may have properties it does not name."""
        words = ("additionalProperties", "unevaluatedProperties")
        conjuncts = self.conjuncts(schema, "object")
        return any(one.get(word, False) is not False for one in conjuncts for word in words)

    def shut(self, schema: Any) -> list[tuple[frozenset[str], list[str]]]:
        """The names and patterns of each part of `schema` that allows no other properties."""
        return [
            (frozenset(one.get("properties", ())), list(one.get("patternProperties", ())))
            for one in self.conjuncts(schema, "object")
            if one.get("additionalProperties") is False
        ]

    def items(self, schema: Any) -> tuple[list[Any], Any]:
        """The schemas of the first items of an array, and that of the rest (True when nothing is said)."""
        conjuncts = self.conjuncts(schema, "array")
        count = max((len(one.get("prefixItems", ())) for one in conjuncts), default=0)
        first = [joined([_item(one, index) for one in conjuncts]) for index in range(count)]
        return first, joined([_item(one, count) for one in conjuncts])

    def contains(self, schema: Any) -> list[Any]:
        """What some items of an array have to be."""
        return [one["contains"] for one in self.conjuncts(schema, "array") if "contains" in one]

    def default(self, schema: Any, seen: Refs = ()) -> Any:
        """The default that the schema of a property gives it, or `ABSENT`."""
        if not isinstance(schema, dict):
            return ABSENT
        if "default" in schema:
            return schema["default"]
        inner = [*self._target(schema, seen), *((each, seen) for each in schema.get("allOf", ()))]
        return next((found for each, refs in inner if (found := self.default(each, refs)) is not ABSENT), ABSENT)

    def groups(self, schema: Any, kind: str) -> Iterator[AlternativesGroup]:
        """What `schema` lets a value of type `kind` choose among; for the kind "" a text that may become any type."""
        for one, refs in self._conjuncts(schema, kind):
            for keyword in _ALTERNATIVES:
                fitting = self._fitting(one.get(keyword, ()), kind, refs)
                if len(fitting) > 1:
                    yield AlternativesGroup(keyword, {str(index): each for index, each in enumerate(fitting)})
            if "if" in one and ("then" in one or "else" in one):
                yield AlternativesGroup("if", {word: one.get(word, True) for word in ("if", "then", "else")})
            if one.get("dependentSchemas") and kind == "object":
                yield AlternativesGroup("dependentSchemas", one["dependentSchemas"])

    def tags(self, schema: Any, seen: Refs = (), depth: int = 0) -> dict[Names, list[Any]]:
        """The values that `schema` allows for the properties, at any depth, that it restricts by `const` or `enum`."""
        found: dict[Names, list[Any]] = {}
        for one, refs in self._conjuncts(schema, "object", seen):
            for name, each in one.get("properties", {}).items():
                values = self.values(each, refs)
                if values is not None:
                    found.setdefault((name,), values)
                elif depth < _DEEPEST_TAG:
                    for names, inner in self.tags(each, refs, depth + 1).items():
                        found.setdefault((name, *names), inner)
            for keyword in _ALTERNATIVES:
                fitting = self._fitting(one.get(keyword, ()), "object", refs)
                several = [self.tags(each, refs, depth) for each in fitting] if len(fitting) > 1 else []
                for names in several[0] if several else ():
                    if all(names in each for each in several):
                        found.setdefault(names, [value for each in several for value in each[names]])
        return found

    def required(self, schema: Any) -> list[str]:
        """The properties that `schema` requires."""
        conjuncts = self.conjuncts(schema, "object")
        return list(dict.fromkeys(name for one in conjuncts for name in one.get("required", ())))

    def demanded(self, schema: Any) -> frozenset[str]:
        """The properties that `schema` requires, in any case or beside others."""
        found = set(self.required(schema))
        for one in self.conjuncts(schema, "object"):
            found.update(*one.get("dependentRequired", {}).values())
        return frozenset(found)

    def needs(self, schema: Any) -> list[str]:
        """The properties that `schema` requires and gives no default."""
        members = self.members(schema)
        return [name for name in self.required(schema) if self.default(members.get(name)) is ABSENT]

    def is_plain(self, schema: Any) -> bool:
        """Whether no property that is added can make an object fail that `schema` accepts without it."""
        return all(_PRESENCE.isdisjoint(one) for one in self.conjuncts(schema, "object"))

    def unions(self, schema: Any) -> list[list[Any]]:
        """The branches of each anyOf and oneOf of `schema`."""
        groups = self.groups(schema, "")
        return [list(group.schemas.values()) for group in groups if group.word in _ALTERNATIVES]

    def mentions(self, schema: Any, seen: Refs = ()) -> set[str]:
        """The properties that `schema` or any of its alternatives names."""
        found: set[str] = set()
        for one, refs in self._conjuncts(schema, "object", seen):
            found.update(one.get("properties", ()))
            for group in (*one.get("anyOf", ()), *one.get("oneOf", ()), *one.get("dependentSchemas", {}).values()):
                found |= self.mentions(group, refs)
            for word in ("if", "then", "else"):
                found |= self.mentions(one.get(word), refs)
        return found

    def values(self, schema: Any, seen: Refs = ()) -> list[Any] | None:
        """The values of a `const` or `enum`, directly, by reference or as alternatives."""
        for one, refs in self._conjuncts(schema, "", seen):
            if "const" in one or "enum" in one:
                return list(one["enum"]) if "enum" in one else [one["const"]]
            for keyword in _ALTERNATIVES:
                inner = [self.values(each, refs) for each in one.get(keyword, ())]
                if inner and all(each is not None for each in inner):
                    return [value for each in inner for value in each or ()]
        return None

    def conjuncts(self, schema: Any, kind: str) -> list[dict[str, Any]]:
        """The schemas that all apply to a value of type `kind`."""
        return [one for one, _ in self._conjuncts(schema, kind)]

    def _target(self, schema: dict[str, Any], seen: Refs) -> Iterator[tuple[Any, Refs]]:
        """Where `$ref` leads, unless the way has been there."""
        reference = schema.get("$ref")
        if reference is not None and reference not in seen:
            yield resolve(self._document, reference), (*seen, reference)

    def _conjuncts(self, schema: Any, kind: str, seen: Refs = ()) -> Iterator[tuple[dict[str, Any], Refs]]:
        """The same, with the references on the way to each."""
        if not isinstance(schema, dict):
            return
        yield schema, seen
        for target, refs in self._target(schema, seen):
            yield from self._conjuncts(target, kind, refs)
        for each in schema.get("allOf", ()):
            yield from self._conjuncts(each, kind, seen)
        for keyword in _ALTERNATIVES:
            fitting = self._fitting(schema.get(keyword, ()), kind, seen)
            if len(fitting) == 1:
                yield from self._conjuncts(fitting[0], kind, seen)

    def _fitting(self, schemas: Any, kind: str, seen: Refs) -> list[Any]:
        return [each for each in schemas if not kind or kind in self.types(each, seen)]


def common(orders: Any) -> tuple[str, ...] | None:
    """The types that all of `orders` have, in the order of the first that says any; None where none does."""
    found: tuple[str, ...] | None = None
    for order in orders:
        if order is not None:
            found = order if found is None else tuple(name for name in found if name in order)
    return found


def _own_types(schema: dict[str, Any]) -> tuple[str, ...] | None:
    """The types that `type`, `enum` and `const` of one schema allow, as written; None when they say nothing."""
    orders: list[tuple[str, ...]] = []
    if "const" in schema or "enum" in schema:
        orders.append(tuple(dict.fromkeys(type_of(value) for value in schema.get("enum", [schema.get("const")]))))
    if "type" in schema:
        given = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
        orders.append(tuple(dict.fromkeys(each for name in given for each in _TYPES.get(name, ANY))))
    return common(orders)


def _inside(schema: dict[str, Any], name: str) -> Iterator[Any]:
    """What one schema says of the property `name` by name, or else by additionalProperties."""
    if name in schema.get("properties", {}):
        yield schema["properties"][name]
    elif isinstance(schema.get("additionalProperties"), dict) and not schema.get("patternProperties"):
        yield schema["additionalProperties"]


def _item(schema: dict[str, Any], index: int) -> Any:
    first = schema.get("prefixItems", ())
    return first[index] if index < len(first) else schema.get("items", schema.get("unevaluatedItems", True))


def type_of(value: Any) -> str:
    """The JSON type of a value; `integer` for whole numbers."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    kinds = ((int, "integer"), (str, "string"), (list, "array"), (dict, "object"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "null")


def inside(value: Any, names: Names) -> Any:
    """What an object has at a path of names, or `ABSENT`."""
    for name in names:
        value = value.get(name, ABSENT) if isinstance(value, dict) else ABSENT
    return value


def among(value: Any, values: list[Any]) -> bool:
    """Whether a value is one of several, by JSON's rules: `1` is `1.0` and no `true`."""
    return any(value == each and isinstance(value, bool) == isinstance(each, bool) for each in values)


def joined(schemas: list[Any]) -> Any:
    """One schema for several; equal ones count once, so that recursive schemas come back to what was seen before."""
    flat = [each for schema in schemas for each in _split(schema) if each is not True]
    unique = list({json.dumps(each, sort_keys=True): each for each in flat}.values())
    return unique[0] if len(unique) == 1 else {"allOf": unique} if unique else True


def _split(schema: Any) -> list[Any]:
    return schema["allOf"] if isinstance(schema, dict) and schema.keys() == {"allOf"} else [schema]

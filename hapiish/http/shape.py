"""What a schema says about the form of values: their types, members, items and defaults, through `$ref` and allOf.

Alternatives (anyOf, oneOf, then, else) are followed where only one of them fits, or where all of them agree; this
reads schemas, it never judges a value.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from hapiish.http.schema import Schema, resolve

ABSENT: Final = object()
"""No default at all, as against a default of null."""

ANY: Final = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
_TYPES: Final = {name: frozenset({name}) for name in ANY} | {"number": frozenset({"integer", "number"})}

Refs = tuple[str, ...]


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
        if "type" in schema:
            given = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
            types &= frozenset[str]().union(*(_TYPES.get(name, ANY) for name in given))
        if "const" in schema or "enum" in schema:
            types &= {_type(value) for value in schema.get("enum", [schema.get("const")])}
        for target, refs in self._target(schema, seen):
            types &= self.types(target, refs)
        for each in schema.get("allOf", ()):
            types &= self.types(each, seen)
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                types &= frozenset[str]().union(*(self.types(each, seen) for each in schema[keyword]))
        return types

    def members(self, schema: Any, seen: Refs = (), keyword: str = "properties") -> dict[str, Any]:
        """The schema of each property that `schema` mentions for objects; of each pattern for `patternProperties`."""
        found: dict[str, list[Any]] = {}
        for one, refs in self._conjuncts(schema, "object", seen):
            for name, each in one.get(keyword, {}).items():
                found.setdefault(name, []).append(each)
            for group in self._alternatives(one, "object", refs):
                several: dict[str, list[Any]] = {}
                for alternative in group:
                    for name, each in self.members(alternative, refs, keyword).items():
                        several.setdefault(name, []).append(each)
                for name, schemas in several.items():
                    found.setdefault(name, []).append(_joined("anyOf", schemas))
        return {name: _joined("allOf", schemas) for name, schemas in found.items()}

    def others(self, schema: Any) -> tuple[list[tuple[str, Any]], Any]:
        """The schemas of properties by pattern, and that of all others (True when nothing is said)."""
        patterns: list[tuple[str, Any]] = []
        rest = []
        for one, _ in self._conjuncts(schema, "object"):
            patterns += one.get("patternProperties", {}).items()
            rest += [one["additionalProperties"]] if isinstance(one.get("additionalProperties"), dict) else []
        return patterns, _joined("allOf", rest) if rest else True

    def is_open(self, schema: Any, seen: Refs = ()) -> bool:
        """Whether `schema`, or one of its alternatives, says that objects may have properties it does not name."""
        for one, refs in self._conjuncts(schema, "object", seen):
            if any(one.get(word, False) is not False for word in ("additionalProperties", "unevaluatedProperties")):
                return True
            groups = self._alternatives(one, "object", refs)
            if any(self.is_open(each, refs) for group in groups for each in group):
                return True
        return False

    def items(self, schema: Any) -> tuple[list[Any], Any]:
        """The schemas of the first items of an array, and that of the rest (True when nothing is said)."""
        first: list[Any] = []
        rest = []
        for one, _ in self._conjuncts(schema, "array"):
            first = first or one.get("prefixItems", [])
            rest += [one["items"]] if "items" in one else []
        return first, _joined("allOf", rest) if rest else True

    def default(self, schema: Any, seen: Refs = ()) -> Any:
        """The default that the schema of a property gives it, or `ABSENT`."""
        if not isinstance(schema, dict):
            return ABSENT
        if "default" in schema:
            return schema["default"]
        inner = [*self._target(schema, seen), *((each, seen) for each in schema.get("allOf", ()))]
        return next((found for each, refs in inner if (found := self.default(each, refs)) is not ABSENT), ABSENT)

    def _target(self, schema: dict[str, Any], seen: Refs) -> Iterator[tuple[Any, Refs]]:
        """Where `$ref` leads, unless the way has been there."""
        reference = schema.get("$ref")
        if reference is not None and reference not in seen:
            yield resolve(self._document, reference), (*seen, reference)

    def _conjuncts(self, schema: Any, kind: str, seen: Refs = ()) -> Iterator[tuple[dict[str, Any], Refs]]:
        """The schemas that all apply to a value of type `kind`, with the references on the way to each."""
        if not isinstance(schema, dict):
            return
        yield schema, seen
        for target, refs in self._target(schema, seen):
            yield from self._conjuncts(target, kind, refs)
        for each in schema.get("allOf", ()):
            yield from self._conjuncts(each, kind, seen)
        for keyword in ("anyOf", "oneOf"):
            fitting = self._fitting(schema.get(keyword, ()), kind, seen)
            if len(fitting) == 1:
                yield from self._conjuncts(fitting[0], kind, seen)

    def _alternatives(self, schema: dict[str, Any], kind: str, seen: Refs) -> Iterator[list[Any]]:
        """The groups of schemas of which it takes a value to know which one applies."""
        for keyword in ("anyOf", "oneOf"):
            fitting = self._fitting(schema.get(keyword, ()), kind, seen)
            if len(fitting) > 1:
                yield fitting
        yield [schema[keyword] for keyword in ("then", "else") if keyword in schema]
        yield list(schema.get("dependentSchemas", {}).values())

    def _fitting(self, schemas: Any, kind: str, seen: Refs) -> list[Any]:
        return [each for each in schemas if kind in self.types(each, seen)]


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    kinds = ((int, "integer"), (str, "string"), (list, "array"), (dict, "object"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "null")


def _joined(keyword: str, schemas: list[Any]) -> Any:
    """One schema for several; equal ones count once, so that recursive schemas come back to what was seen before."""
    flat = [each for schema in schemas for each in _split(keyword, schema)]
    unique = list({json.dumps(each, sort_keys=True): each for each in flat}.values())
    return unique[0] if len(unique) == 1 else {keyword: unique}


def _split(keyword: str, schema: Any) -> list[Any]:
    return schema[keyword] if isinstance(schema, dict) and schema.keys() == {keyword} else [schema]

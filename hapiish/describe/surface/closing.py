"""hapi's `allowUnknown: false` in the words of JSON Schema: `unevaluatedProperties: false` where objects are closed.

A key is known if the schema names it, or its references or the alternatives that the value matches. An object stays
open if its schema names no key, or sets `additionalProperties` itself. Named schemas are copied: the table uses them
open, too.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from hapiish.declare.types import Json
from hapiish.describe.surface.parts import AnswerSurface
from hapiish.describe.surface.schemas import target
from hapiish.grammar.schema import fragment, key_of
from hapiish.options import ResponseRules, Validate

_INSIDE: Final = ("additionalProperties", "contains", "items")
_INSIDE_LISTS: Final = ("prefixItems",)
_INSIDE_NAMED: Final = ("patternProperties", "properties")
_IN_PLACE: Final = ("else", "if", "then")
_IN_PLACE_LISTS: Final = ("allOf", "anyOf", "oneOf")
_REFERENCE: Final = "#/schemas/"
_OWN: Final = ("additionalProperties", "unevaluatedProperties")


def closed_answers(
    answers: tuple[AnswerSurface, ...], rules: ResponseRules, closing: "Closing"
) -> tuple[AnswerSurface, ...]:
    """Returns answers without unknown keys, where `response.options` refuses or strips them."""
    if rules.options.allow_unknown and not rules.options.strip_unknown:
        return answers
    return tuple(each if each.schema is None else replace(each, schema=closing.closed(each.schema)) for each in answers)


def closes(rules: Validate) -> bool:
    """Returns whether unknown keys of an input are refused; stripped ones are gone before the validation."""
    return not rules.options.allow_unknown and not rules.options.strip_unknown


class Closing:
    """Closes schemas; `made` are the closed copies of named schemas that they refer to, by new names."""

    def __init__(self, schemas: Mapping[str, Json]) -> None:
        self._schemas = schemas
        self._names: dict[tuple[str, bool], str] = {}
        self.made: dict[str, Any] = {}

    def closed(self, schema: Json) -> Any:
        """Returns a copy of a schema that refuses keys which it does not name, at any depth."""
        return self._copy(schema, outer=True)

    def _copy(self, schema: Json, *, outer: bool) -> Any:
        """Copies a schema; one that is not `outer` applies to the value of the schema around it, which closes it."""
        if not isinstance(schema, dict):
            return schema
        if outer and schema.keys() == {"$ref"}:
            return {"$ref": self._reference(schema["$ref"], outer=True)}
        copy = {keyword: self._keyword(keyword, value) for keyword, value in schema.items()}
        if outer and self._names_keys(schema):
            copy["unevaluatedProperties"] = False
        return copy

    def _keyword(self, keyword: str, value: Any) -> Any:
        if keyword == "$ref":
            return self._reference(value, outer=False)
        if keyword in _INSIDE:
            return self._copy(value, outer=True)
        if keyword in _INSIDE_LISTS and isinstance(value, list):
            return [self._copy(each, outer=True) for each in value]
        if keyword in _INSIDE_NAMED and isinstance(value, dict):
            return {name: self._copy(each, outer=True) for name, each in value.items()}
        if keyword in _IN_PLACE:
            return self._copy(value, outer=False)
        if keyword in _IN_PLACE_LISTS and isinstance(value, list):
            return [self._copy(each, outer=False) for each in value]
        if keyword == "dependentSchemas" and isinstance(value, dict):
            return {name: self._copy(each, outer=False) for name, each in value.items()}
        return value

    def _reference(self, reference: Any, *, outer: bool) -> Any:
        """Returns a reference to the copy of a named schema; one into a schema, or to itself, stays."""
        if not isinstance(reference, str) or not reference.startswith(_REFERENCE):
            return reference
        name = key_of(reference.removeprefix(_REFERENCE))
        if "/" in reference.removeprefix(_REFERENCE) or name not in self._schemas:
            return reference
        if (name, outer) not in self._names:
            key = f"{name}.closed" if outer else f"{name}.inner"
            while key in self._schemas or key in self.made:
                key += "_"
            self._names[name, outer] = key
            self.made[key] = None  # before the copy, which may refer to itself
            self.made[key] = self._copy(self._schemas[name], outer=outer)
        return _REFERENCE + fragment(self._names[name, outer])

    def _names_keys(self, schema: Any) -> bool:
        """Returns whether a schema names keys of an object, and leaves others open."""
        parts = self._parts(schema)
        named = any(part.get("properties") or part.get("patternProperties") for part in parts)
        return named and not any(keyword in part for part in parts for keyword in _OWN)

    def _parts(self, schema: Any) -> list[Mapping[str, Any]]:
        """Returns a schema and all those that may apply to the same value."""
        found: list[Mapping[str, Any]] = []
        seen: set[int] = set()
        waiting = [schema]
        while waiting:
            part = waiting.pop()
            if not isinstance(part, dict) or id(part) in seen:
                continue
            seen.add(id(part))
            found.append(part)
            waiting += [part.get(keyword) for keyword in _IN_PLACE]
            waiting += [each for keyword in _IN_PLACE_LISTS for each in part.get(keyword, ())]
            waiting += part.get("dependentSchemas", {}).values()
            if isinstance(part.get("$ref"), str):
                waiting.append(target(part["$ref"], self._schemas))
        return found

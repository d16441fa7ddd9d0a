"""Finds the properties and items that a schema does not evaluate (JSON Schema 2020-12 §11.2, §11.3), for the report.

jsonschema's own implementation matches the names that clients send with Python's `re`, whose syntax differs and whose
time can be exponential, and it searches a list for each name and index.
"""

from collections.abc import Iterator
from typing import Any

from hapiish.grammar.pattern import matcher
from hapiish.types import Json


def unevaluated_names(validator: Any, value: dict[str, Json], schema: dict[str, Json]) -> list[str]:
    """Returns the properties of `value` that no keyword of `schema` other than `unevaluatedProperties` evaluates."""
    others = {keyword: rule for keyword, rule in schema.items() if keyword != "unevaluatedProperties"}
    evaluated = set(_evaluated_names(validator, value, others))
    return [name for name in value if name not in evaluated]


def has_unevaluated_items(validator: Any, value: list[Json], schema: dict[str, Json]) -> bool:
    """True if an item of `value` is evaluated by no keyword of `schema` and does not match `unevaluatedItems`."""
    evaluated = set(_evaluated_indexes(validator, value, schema))
    return any(index not in evaluated for index in range(len(value)))


def _evaluated_indexes(validator: Any, value: list[Json], schema: Json) -> Iterator[int]:
    if not isinstance(schema, dict):
        return
    if "items" in schema:
        yield from range(len(value))
        return
    yield from range(len(schema.get("prefixItems", ())))
    for keyword in ("contains", "unevaluatedItems"):
        if keyword in schema:
            matches = validator.evolve(schema=schema[keyword]).is_valid
            yield from (index for index, item in enumerate(value) if matches(item))
    for inner, target in _referred(validator, schema):
        yield from _evaluated_indexes(inner, value, target)
    for subschema in _matching(validator, value, schema):
        yield from _evaluated_indexes(validator, value, subschema)


def _referred(validator: Any, schema: dict[str, Json]) -> Iterator[tuple[Json, Json]]:
    """Yields the target of `$ref`, if there is one, with a validator that resolves references from there."""
    if "$ref" in schema:
        target = validator._resolver.lookup(schema["$ref"])  # noqa: SLF001 - the keywords of jsonschema do so
        yield validator.evolve(schema=target.contents, _resolver=target.resolver), target.contents


def _evaluated_names(validator: Any, value: dict[str, Json], schema: Json) -> Iterator[str]:
    if not isinstance(schema, dict):
        return
    for inner, target in _referred(validator, schema):
        yield from _evaluated_names(inner, value, target)
    yield from schema.get("properties", {}).keys() & value.keys()
    for pattern in schema.get("patternProperties", ()):
        yield from filter(matcher(pattern), value)
    if "additionalProperties" in schema or "unevaluatedProperties" in schema:
        yield from value  # these keywords evaluate all remaining properties, and report the invalid ones
    for subschema in _matching(validator, value, schema):
        yield from _evaluated_names(validator, value, subschema)


def _matching(validator: Any, value: Json, schema: dict[str, Json]) -> Iterator[Json]:
    """Yields the subschemas for the same value that it matches."""

    def matches(subschema: Json) -> bool:
        return next(iter(validator.descend(value, subschema)), None) is None

    for keyword in ("allOf", "anyOf", "oneOf"):
        yield from filter(matches, schema.get(keyword, ()))
    if isinstance(value, dict):
        yield from (each for name, each in schema.get("dependentSchemas", {}).items() if name in value)
    if "if" in schema:
        is_met = matches(schema["if"])
        if is_met:
            yield schema["if"]
        if (branch := "then" if is_met else "else") in schema:
            yield schema[branch]

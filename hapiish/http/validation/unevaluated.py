"""Which properties and items its schema looks at (JSON Schema 2020-12 §11.2, §11.3), for the report.

jsonschema's own answer searches the names that clients send with Python's `re`, which reads patterns otherwise and may
take for ever, and it looks for each name and index in a list.
"""

from collections.abc import Iterator
from typing import Any

from hapiish.grammar.pattern import matcher


def unevaluated(validator: Any, value: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    """The names in `value` that no keyword of `schema` but `unevaluatedProperties` evaluates."""
    others = {keyword: rule for keyword, rule in schema.items() if keyword != "unevaluatedProperties"}
    known = set(_evaluated(validator, value, others))
    return [name for name in value if name not in known]


def has_surplus_items(validator: Any, value: list[Any], schema: dict[str, Any]) -> bool:
    """Whether some item of `value` is evaluated by no keyword of `schema`, and does not fit `unevaluatedItems`."""
    known = set(_indexes(validator, value, schema))
    return any(index not in known for index in range(len(value)))


def _indexes(validator: Any, value: list[Any], schema: Any) -> Iterator[int]:
    if not isinstance(schema, dict):
        return
    if "items" in schema:
        yield from range(len(value))
        return
    yield from range(len(schema.get("prefixItems", ())))
    for keyword in ("contains", "unevaluatedItems"):
        if keyword in schema:
            fits = validator.evolve(schema=schema[keyword]).is_valid
            yield from (index for index, item in enumerate(value) if fits(item))
    for inner, each in _referred(validator, schema):
        yield from _indexes(inner, value, each)
    for each in _applied(validator, value, schema):
        yield from _indexes(validator, value, each)


def _referred(validator: Any, schema: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    if "$ref" in schema:
        found = validator._resolver.lookup(schema["$ref"])  # noqa: SLF001 - the keywords of jsonschema do so
        yield validator.evolve(schema=found.contents, _resolver=found.resolver), found.contents


def _evaluated(validator: Any, value: dict[str, Any], schema: Any) -> Iterator[str]:
    if not isinstance(schema, dict):
        return
    for inner, each in _referred(validator, schema):
        yield from _evaluated(inner, value, each)
    yield from schema.get("properties", {}).keys() & value.keys()
    for pattern in schema.get("patternProperties", ()):
        yield from filter(matcher(pattern), value)
    if "additionalProperties" in schema or "unevaluatedProperties" in schema:
        yield from value  # whatever is left; what does not fit is a fault of that keyword
    for each in _applied(validator, value, schema):
        yield from _evaluated(validator, value, each)


def _applied(validator: Any, value: Any, schema: dict[str, Any]) -> Iterator[Any]:
    """The schemas for the same value that hold."""

    def holds(each: Any) -> bool:
        return next(iter(validator.descend(value, each)), None) is None

    for keyword in ("allOf", "anyOf", "oneOf"):
        yield from filter(holds, schema.get(keyword, ()))
    if isinstance(value, dict):
        yield from (each for name, each in schema.get("dependentSchemas", {}).items() if name in value)
    if "if" in schema:
        fits = holds(schema["if"])
        if fits:
            yield schema["if"]
        if (branch := "then" if fits else "else") in schema:
            yield schema[branch]

"""Which properties of an object its schema looks at (JSON Schema 2020-12 §11.3), for the report.

jsonschema's own answer searches the names that clients send with Python's `re`, which reads patterns otherwise and may
take for ever.
"""

from collections.abc import Iterator
from typing import Any

from hapiish.pattern import matcher


def unevaluated(validator: Any, value: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    """The names in `value` that no keyword of `schema` but `unevaluatedProperties` evaluates."""
    others = {keyword: rule for keyword, rule in schema.items() if keyword != "unevaluatedProperties"}
    known = set(_evaluated(validator, value, others))
    return [name for name in value if name not in known]


def _evaluated(validator: Any, value: dict[str, Any], schema: Any) -> Iterator[str]:
    if not isinstance(schema, dict):
        return
    if "$ref" in schema:
        found = validator._resolver.lookup(schema["$ref"])  # noqa: SLF001 - the keywords of jsonschema do so
        inner = validator.evolve(schema=found.contents, _resolver=found.resolver)
        yield from _evaluated(inner, value, found.contents)
    yield from schema.get("properties", {}).keys() & value.keys()
    for pattern in schema.get("patternProperties", ()):
        yield from filter(matcher(pattern), value)
    if "additionalProperties" in schema or "unevaluatedProperties" in schema:
        yield from value  # whatever is left; what does not fit is a fault of that keyword
    for each in _applied(validator, value, schema):
        yield from _evaluated(validator, value, each)


def _applied(validator: Any, value: dict[str, Any], schema: dict[str, Any]) -> Iterator[Any]:
    """The schemas for the same object that hold."""

    def holds(each: Any) -> bool:
        return next(iter(validator.descend(value, each)), None) is None

    for keyword in ("allOf", "anyOf", "oneOf"):
        yield from filter(holds, schema.get(keyword, ()))
    yield from (each for name, each in schema.get("dependentSchemas", {}).items() if name in value)
    if "if" in schema:
        fits = holds(schema["if"])
        if fits:
            yield schema["if"]
        if (branch := "then" if fits else "else") in schema:
            yield schema[branch]

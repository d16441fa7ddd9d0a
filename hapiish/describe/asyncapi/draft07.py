"""JSON Schema 2020-12 in the words of draft 07, the language of AsyncAPI's Schema Object.

Keywords without an older form (`unevaluatedProperties`, `minContains` …) stay: readers of draft 07 ignore them, so that
the document accepts more than the server does, never less.
"""

from typing import Any

from hapiish.declare.types import Json
from hapiish.grammar.schema import inside


def draft07(schema: Json) -> Any:
    """Returns a copy of a schema whose tuples, dependencies and references draft 07 reads in the same way."""
    if not isinstance(schema, dict):
        return schema
    made = {keyword: inside(keyword, value, draft07) for keyword, value in schema.items()}
    return _reference(_dependencies(_tuple(made)))


def _tuple(made: dict[str, Any]) -> dict[str, Any]:
    """`prefixItems` with `items` for the rest were `items` with `additionalItems`."""
    if "prefixItems" not in made:
        return made
    rest = made.pop("items", None)
    made["items"] = made.pop("prefixItems")
    if rest is not None:
        made["additionalItems"] = rest
    return made


def _dependencies(made: dict[str, Any]) -> dict[str, Any]:
    """`dependentSchemas` and `dependentRequired` were `dependencies`; a key in both gets a schema for both."""
    schemas, required = made.pop("dependentSchemas", {}), made.pop("dependentRequired", {})
    found: dict[str, Any] = {**made.get("dependencies", {}), **required}
    for name, each in schemas.items():
        found[name] = {"allOf": [each, {"required": required[name]}]} if name in required else each
    return {**made, "dependencies": found} if found else made


def _reference(made: dict[str, Any]) -> dict[str, Any]:
    """Keywords beside `$ref` were ignored: they move out of the reach of the reference."""
    if "$ref" not in made or len(made) == 1:
        return made
    reference = {"$ref": made.pop("$ref")}
    return {**made, "allOf": [reference, *made.get("allOf", ())]}

"""Self-contained schemas: a schema and the named schemas that it references, in one JSON Schema 2020-12 document.

`#/schemas/Name` refers to a named schema of the table, `#/$defs/…` to the schema that contains the reference. Only
keywords that contain schemas are visited: properties, constants and defaults that look like references are not changed.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, unquote

from hapiish.grammar.pattern import translated

Schema = dict[str, Any] | bool

SINGLE = frozenset(
    {
        *("additionalProperties", "contains", "contentSchema", "else", "if", "items", "not", "propertyNames", "then"),
        *("unevaluatedItems", "unevaluatedProperties"),
    }
)
SEVERAL = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
NAMED = frozenset({"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"})
"""Keywords that contain one schema, a list of schemas, and a mapping of names to schemas."""

_NAMED_SCHEMAS = "#/schemas/"


class SchemaError(ValueError):
    """Raised for an unusable schema; the message names the reference or keyword."""


def embed(schema: Schema, schemas: Mapping[str, Any]) -> Schema:
    """Returns `schema` with the named schemas that it references under `schemas`; SchemaError for an unknown name."""
    if isinstance(schema, bool):
        return schema
    names: list[str] = []
    document: dict[str, Any] = _moved(schema, "#", names)
    embedded: dict[str, Any] = {}
    while names:
        name = names.pop()
        if name in embedded:
            continue
        if name not in schemas:
            raise SchemaError(f'unknown schema "{name}" for "{_NAMED_SCHEMAS}{escape(name)}"')
        embedded[name] = _moved(schemas[name], _NAMED_SCHEMAS + fragment(name), names)
    return {**document, "schemas": embedded} if embedded else document


def _moved(schema: Any, base: str, names: list[str]) -> Any:
    """Rewrites the references of a schema for its location `base`; adds the names that it references to `names`."""
    if not isinstance(schema, dict):
        return schema
    return {
        keyword: _reference(value, base, names)
        if keyword in ("$ref", "$dynamicRef")
        else inside(keyword, value, lambda each: _moved(each, base, names))
        for keyword, value in schema.items()
    }


def _reference(reference: Any, base: str, names: list[str]) -> Any:
    if not isinstance(reference, str):
        raise SchemaError(f"a $ref must be text, not {reference!r}")
    if reference.startswith(_NAMED_SCHEMAS):
        names.append(key_of(reference.removeprefix(_NAMED_SCHEMAS).partition("/")[0]))
        return reference
    if reference == "#" or reference.startswith("#/"):
        return base + reference[1:]
    if not reference.startswith("#"):
        raise SchemaError(f'remote reference "{reference}" is refused; put the schema under "schemas:" by name')
    return reference


def for_engine(schema: Any) -> Any:
    """Translates the patterns of an embedded document for jsonschema-rs."""
    if not isinstance(schema, dict):
        return schema
    made = {keyword: inside(keyword, value, for_engine) for keyword, value in schema.items()}
    if isinstance(schema.get("pattern"), str):
        made["pattern"] = translated(schema["pattern"])
    if isinstance(schema.get("patternProperties"), dict):
        by_pattern: dict[str, list[Any]] = {}
        for pattern, each in made["patternProperties"].items():
            by_pattern.setdefault(translated(pattern), []).append(each)
        made["patternProperties"] = {
            pattern: several[0] if len(several) == 1 else {"allOf": several} for pattern, several in by_pattern.items()
        }
    if isinstance(schema.get("$ref"), str) and "/patternProperties/" in schema["$ref"]:
        before, *tokens = schema["$ref"].split("/")
        for index, token in enumerate(tokens[1:], 1):
            if tokens[index - 1] == "patternProperties":
                tokens[index] = fragment(translated(key_of(token)))
        made["$ref"] = "/".join([before, *tokens])
    return made


def inside(keyword: str, value: Any, change: Callable[[Any], Any]) -> Any:
    """Applies `change` to the schemas in a keyword's value; returns other values unchanged."""
    if keyword in SINGLE:
        return change(value)
    if keyword in SEVERAL and isinstance(value, list):
        return [change(each) for each in value]
    if keyword in NAMED and isinstance(value, dict):
        return {name: change(each) for name, each in value.items()}
    return value


def resolve(document: Schema, reference: str) -> Any:
    """Resolves a `#/…` reference of an embedded document; None for a missing target or an anchor."""
    found: Any = document
    for part in reference.removeprefix("#").split("/")[1:]:
        key = key_of(part)
        if isinstance(found, list) and key.isdecimal() and len(key) < 10 and int(key) < len(found):
            found = found[int(key)]
        elif isinstance(found, dict) and key in found:
            found = found[key]
        else:
            return None
    return found if reference == "#" or reference.startswith("#/") else None


def escape(key: object) -> str:
    """Escapes a key for a JSON pointer (RFC 6901 §3)."""
    return str(key).replace("~", "~0").replace("/", "~1")


def unescape(token: str) -> str:
    """Unescapes a token of a JSON pointer."""
    return token.replace("~1", "/").replace("~0", "~")


def fragment(key: str) -> str:
    """Escapes a key for a JSON pointer in a URI fragment (RFC 6901 §6)."""
    return quote(escape(key), safe="!$&'()*+,;=:@~")


def key_of(token: str) -> str:
    """Unescapes a token of a JSON pointer in a URI fragment."""
    return unescape(unquote(token))

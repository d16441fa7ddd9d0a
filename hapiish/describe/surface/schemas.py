"""Reads the schemas of a table: follows references, lists the members of objects, makes self-contained documents."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from hapiish.declare.types import Json, Schema
from hapiish.describe.surface.parts import NamedValue
from hapiish.grammar.schema import embed, fragment, inside, key_of, resolve

ANNOTATIONS: Final = frozenset(
    {"$comment", "default", "deprecated", "description", "examples", "readOnly", "title", "writeOnly"}
)
"""Keywords that accept any value."""

_NAMED_SCHEMAS: Final = "#/schemas/"
_MOST_STEPS: Final = 100


def is_any(schema: Schema | None) -> bool:
    """Returns whether a schema accepts any value."""
    return schema is None or schema is True or (isinstance(schema, dict) and all(is_annotation(key) for key in schema))


def is_annotation(keyword: str) -> bool:
    """Returns whether a keyword accepts any value."""
    return keyword in ANNOTATIONS or keyword.startswith("x-")


def names_in(schema: Json, schemas: Mapping[str, Json]) -> set[str]:
    """Returns the names of the named schemas that a schema references, also through others."""
    document = embed(schema, schemas)
    return set(document.get("schemas", ())) if isinstance(document, dict) else set()


def standalone(schema: Schema, schemas: Mapping[str, Json]) -> Schema:
    """Returns a self-contained schema: the named schemas that it references are in its `$defs`."""
    names = names_in(schema, schemas)
    if not names or not isinstance(schema, dict):
        return schema
    taken = schema.get("$defs", {})
    defs = {name if name not in taken else f"{name}_": name for name in sorted(names)}
    places = {name: f"#/$defs/{fragment(key)}" for key, name in defs.items()}
    moved = relocated(schema, "#", places.__getitem__)
    inner = {key: relocated(schemas[name], places[name], places.__getitem__) for key, name in defs.items()}
    return {**moved, "$defs": {**moved.get("$defs", {}), **inner}}


def relocated(schema: Json, here: str, place: Callable[[str], str]) -> Any:
    """Returns a copy of a schema that stands at the pointer `here` of a document.

    References to itself begin with `here`; `place` returns the pointer of a named schema.
    """
    if not isinstance(schema, dict):
        return schema
    return {
        keyword: _pointer(value, here, place)
        if keyword in ("$ref", "$dynamicRef") and isinstance(value, str)
        else inside(keyword, value, lambda each: relocated(each, here, place))
        for keyword, value in schema.items()
    }


def _pointer(reference: str, here: str, place: Callable[[str], str]) -> str:
    if reference.startswith(_NAMED_SCHEMAS):
        name, slash, rest = reference.removeprefix(_NAMED_SCHEMAS).partition("/")
        return place(key_of(name)) + slash + rest
    return here + reference[1:] if reference == "#" or reference.startswith("#/") else reference


def followed(schema: Schema | None, schemas: Mapping[str, Json]) -> dict[str, Any]:
    """Returns the schema that a reference leads to, with the keywords beside the references; {} for none."""
    beside: dict[str, Any] = {}
    for _ in range(_MOST_STEPS):
        if not isinstance(schema, dict):
            return beside
        reference = schema.get("$ref")
        beside = {**{key: value for key, value in schema.items() if key != "$ref"}, **beside}
        if not isinstance(reference, str):
            return beside
        schema = target(reference, schemas)
    return beside


def target(reference: str, schemas: Mapping[str, Json]) -> Any:
    """Returns the schema that `#/schemas/Name/…` points at; None for another reference."""
    if not reference.startswith(_NAMED_SCHEMAS):
        return None
    return resolve({"schemas": dict(schemas)}, reference)


def members(schema: Schema | None, schemas: Mapping[str, Json]) -> Iterator[NamedValue]:
    """Yields the properties that an object schema names, those of its references and of `allOf` included."""
    found: dict[str, Schema] = {}
    required: set[str] = set()
    for part in together(schema, schemas):
        for name, each in part.get("properties", {}).items():
            found.setdefault(name, each)
        required.update(part.get("required", ()))
    for name, each in found.items():
        yield NamedValue(name=name, schema=each, required=name in required)


def together(schema: Schema | None, schemas: Mapping[str, Json]) -> Iterator[Mapping[str, Any]]:
    """Yields a schema and the schemas that apply together with it: those of its references and of `allOf`."""
    waiting: list[Any] = [schema]
    seen: set[int] = set()
    while waiting:
        part = waiting.pop()
        if not isinstance(part, dict) or id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        waiting.extend(reversed(part.get("allOf", ())))
        if isinstance(part.get("$ref"), str):
            waiting.append(target(part["$ref"], schemas))


def is_closed(schema: Schema | None, schemas: Mapping[str, Json]) -> bool:
    """Returns whether an object schema refuses names that it does not list."""
    return any(
        part.get("additionalProperties") is False or part.get("unevaluatedProperties") is False
        for part in together(schema, schemas)
    )


def takes_null(schema: Schema | None, schemas: Mapping[str, Json]) -> bool:
    """Returns whether a schema may accept null, the value of an empty body."""
    if schema is False:
        return True
    for part in together(schema, schemas):
        kind = part.get("type")
        if kind is not None and "null" not in ([kind] if isinstance(kind, str) else kind):
            return False
        if "const" in part and part["const"] is not None:
            return False
        if "enum" in part and None not in part["enum"]:
            return False
    return True


_EVERY: Final = frozenset({"object", "null", "array", "string", "number", "integer", "boolean"})


def types(rule: Schema | None, schemas: Mapping[str, Json], _within: tuple[int, ...] = ()) -> frozenset[str]:
    """Returns the JSON types that a schema is meant for, by its `type`, `properties` and alternatives."""
    if rule is False or id(rule) in _within:
        return frozenset()
    flat, within = followed(rule, schemas), (*_within, id(rule))
    kind = flat.get("type")
    if kind is not None:
        return frozenset([kind] if isinstance(kind, str) else kind)
    if "properties" in flat and "anyOf" not in flat:
        return frozenset({"object"})
    for keyword in ("anyOf", "oneOf"):
        if keyword in flat:
            return frozenset[str]().union(*(types(each, schemas, within) for each in flat[keyword]))
    return _EVERY

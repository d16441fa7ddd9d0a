"""`routes.schema.json`, the schema of the file: loaded once, for validation and for the known names at a path."""

import json
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import jsonschema_rs

from hapiish.grammar.pattern import matcher
from hapiish.table.text.marks import Path

FILE = "routes.schema.json"
Subschema = dict[str, Any]
_IN_TEXT = r'|\\$\\{"'
"""The end of a pattern that also accepts a text with a variable (`publish`), as JSON has it."""
_MERGE_KEY = '|^<<$"'
"""The end of a pattern of names that also accepts a merge key."""


@cache
def text() -> str:
    """The text of the published schema."""
    return files("hapiish.table").joinpath(FILE).read_text(encoding="utf-8")


@cache
def load() -> Subschema:
    """The published schema for a table after substitution and merging: patterns accept no variable and no `<<`."""
    schema: Subschema = json.loads(text().replace(_IN_TEXT, '"').replace(_MERGE_KEY, '"'))
    return schema


@cache
def _filled_in() -> Subschema:
    """The schema of a tree after substitution: a remaining `${…}` is text (`$${…}`)."""
    schema = load()
    return {**schema, "definitions": {**schema["definitions"], "variable": {"not": {}}}}


def _definition(name: str | None) -> Subschema:
    """The schema of the whole file, or one of its definitions as a self-contained schema."""
    return {"$ref": f"#/definitions/{name}", "definitions": _filled_in()["definitions"]} if name else _filled_in()


@cache
def is_valid(name: str | None = None) -> Any:
    """The fast validator `(value) -> bool` of a whole file or of one definition."""
    return jsonschema_rs.Draft7Validator(_definition(name)).is_valid


@cache
def errors(name: str | None = None) -> Any:
    """The slow validator `(value) -> iterator of jsonschema's errors`."""
    from jsonschema import Draft7Validator  # takes long to import, and only a wrong table needs it
    from jsonschema.validators import extend

    slow = extend(Draft7Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]
    return slow(_definition(name)).iter_errors


def _pattern(_: Any, pattern: str, value: Any, schema: Any) -> Iterator[Any]:
    # By the engine of the fast validator: `$` of Python's also matches before a line break at the end.
    from jsonschema import ValidationError

    if isinstance(value, str) and not matcher(pattern)(value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def follow(schema: Subschema) -> Subschema:
    """`schema`, or the target of its reference."""
    while "$ref" in schema:
        schema = load()["definitions"][schema["$ref"].rpartition("/")[2]]
    return schema


def branches(schema: Subschema) -> Iterator[Subschema]:
    """The schemas that may describe a value: `schema` itself, and its `allOf` and `anyOf`."""
    schema = follow(schema)
    yield schema
    for keyword in ("allOf", "anyOf"):
        for branch in schema.get(keyword, ()):
            yield from branches(branch)


def names_at(path: Path) -> frozenset[str]:
    """The known keys of the mapping at `path`."""
    # All entries of a list have the same schema.
    return _names_at(tuple(0 if isinstance(step, int) else step for step in path))


@lru_cache(1024)
def _names_at(path: Path) -> frozenset[str]:
    found = [load()]
    for step in path:
        found = [inner for schema in found for branch in branches(schema) for inner in _inside(branch, step)]
    return frozenset(name for schema in found for branch in branches(schema) for name in branch.get("properties", ()))


def _inside(schema: Subschema, step: str | int) -> Iterator[Subschema]:
    if isinstance(step, int):
        if isinstance(schema.get("items"), dict):
            yield schema["items"]
    elif step in schema.get("properties", ()):
        yield schema["properties"][step]
    elif isinstance(schema.get("additionalProperties"), dict):
        yield schema["additionalProperties"]

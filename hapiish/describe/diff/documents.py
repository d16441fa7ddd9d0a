"""Self-contained JSON Schema documents: their subschemas, verdicts and canonical forms."""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, Final

import jsonschema_rs

from hapiish.declare.types import Json, Schema
from hapiish.describe.surface.schemas import ANNOTATIONS
from hapiish.grammar.pattern import OPTIONS
from hapiish.grammar.schema import resolve

_MOST_STEPS: Final = 50
SHARED: Final = frozenset({"schemas", "$defs", "definitions"})
"""Keywords that contain schemas for references."""
REFUSING_NOTHING: Final = (
    ANNOTATIONS | SHARED | {"contentEncoding", "contentMediaType", "contentSchema", "errorMessage"}
)
"""Keywords that refuse no value."""


class Document:
    """A schema with the schemas that it references. `root` is the document, `schema` the part of it that is meant."""

    def __init__(self, schema: Schema, root: dict[str, Any] | None = None) -> None:
        self.schema = schema
        self.root: dict[str, Any] = root if root is not None else schema if isinstance(schema, dict) else {}

    def at(self, schema: Schema) -> "Document":
        """Returns the document of a part of this one."""
        return Document(schema, self.root)

    @cached_property
    def whole(self) -> Schema:
        """The part as a document of its own."""
        if not isinstance(self.schema, dict) or self.schema is self.root:
            return self.schema
        shared = {key: self.root[key] for key in SHARED if key in self.root}
        return {**self.schema, **shared} if _refers(self.schema) else self.schema

    @cached_property
    def flat(self) -> "Document":
        """The document at the end of references that stand alone."""
        found, schema = self, self.schema
        for _ in range(_MOST_STEPS):
            if not isinstance(schema, dict) or not isinstance(schema.get("$ref"), str):
                return found
            if any(key != "$ref" and not is_note(key) for key in schema):
                return found
            target = resolve(self.root, schema["$ref"])
            if not isinstance(target, dict | bool):
                return found
            found, schema = self.at(target), target
        return found

    def parts(self) -> Iterator["Document"]:
        """Yields the schemas that apply together: this one, its references and its `allOf`."""
        waiting, seen = [self.schema], set[int]()
        while waiting:
            part = waiting.pop()
            if id(part) in seen:
                continue
            seen.add(id(part))
            yield self.at(part)
            if isinstance(part, dict):
                waiting.extend(reversed(part.get("allOf", ())))
                if isinstance(part.get("$ref"), str):
                    target = resolve(self.root, part["$ref"])
                    if isinstance(target, dict | bool):
                        waiting.append(target)

    @cached_property
    def accepts(self) -> Callable[[Json], bool] | None:
        """The verdict of jsonschema-rs on a value; None if it cannot compile the schema."""
        engine = self.engine
        return None if engine is None else engine.is_valid

    @cached_property
    def engine(self) -> Any:
        """The validator of jsonschema-rs; None if it cannot compile the schema."""
        try:
            return jsonschema_rs.Draft202012Validator(
                self.whole, validate_formats=True, offline=True, pattern_options=OPTIONS
            )
        except (ValueError, jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError):
            return None

    @cached_property
    def canonical(self) -> Any:
        """The canonical form of jsonschema-rs; None if there is none."""
        if self.engine is None or not _is_modelled(self.whole):
            return None
        try:
            return jsonschema_rs.canonicalize(
                self.whole,
                draft=jsonschema_rs.Draft202012,
                validate_formats=True,
                offline=True,
                pattern_options=OPTIONS,
            )
        except Exception:  # noqa: BLE001 each release of jsonschema-rs has its own classes of errors
            return None

    def allows(self, value: Json) -> bool:
        """Returns whether a value is valid; False if that is unknown."""
        try:
            return self.accepts is not None and self.accepts(value)
        except (ValueError, RecursionError):
            return False

    def refuses(self, value: Json) -> bool:
        """Returns whether a value is invalid; False if that is unknown."""
        try:
            return self.accepts is not None and not self.accepts(value)
        except (ValueError, RecursionError):
            return False


def is_note(keyword: str) -> bool:
    """Returns whether a keyword refuses no value."""
    return keyword in REFUSING_NOTHING or keyword.startswith("x-")


def _refers(schema: Any) -> bool:
    if isinstance(schema, dict):
        return "$ref" in schema or "$dynamicRef" in schema or any(map(_refers, schema.values()))
    return isinstance(schema, list) and any(map(_refers, schema))


def _is_modelled(schema: Any) -> bool:
    """Returns whether a schema has no keyword whose meaning depends on where it is referenced from."""
    if isinstance(schema, dict):
        return (
            "$dynamicRef" not in schema and "$dynamicAnchor" not in schema and all(map(_is_modelled, schema.values()))
        )
    return all(map(_is_modelled, schema)) if isinstance(schema, list) else True

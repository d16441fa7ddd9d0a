"""Reports the faults of an invalid value: a JSON pointer, a short message and the keyword of each.

The faults are jsonschema's errors. Messages are built from the schema alone, never from the value, so that no password
reaches a client or a log. Keywords that the two engines evaluate differently (patterns, formats, fractions) are
evaluated by jsonschema-rs here as well.

jsonschema-rs gives the verdict but cannot write the report: its `iter_errors` computes all errors of a value, nested
alternatives included, before it returns the first, so that the work on a hostile value has no bound.
"""

import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Any, TypedDict

import jsonschema_rs
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from referencing import Registry

from hapiish.grammar.pattern import matcher
from hapiish.http.validation.alternatives import AlternativesReport, SchemaMessage, either
from hapiish.http.validation.schema import Schema, escape
from hapiish.http.validation.schema_reader import Shape
from hapiish.http.validation.unevaluated import has_unevaluated_items, unevaluated_names
from hapiish.types import Json

MOST_FAULTS = 100
"""The maximum number of faults listed for one value; a body of a megabyte can have hundreds of thousands."""


class Fault(TypedDict):
    """One fault. `path` is a JSON pointer (RFC 6901) to the value, or to the place of a missing one."""

    path: str
    message: str
    keyword: str


UNEXPLAINED: Fault = {"path": "", "message": "does not fit the schema", "keyword": "schema"}
TOO_DEEP: Fault = {"path": "", "message": "is nested too deeply", "keyword": "depth"}

Path = tuple[str | int, ...]


class Reporter:
    """Lists the faults of values against one schema."""

    __slots__ = ("_alternatives", "_shape", "_validator")

    def __init__(self, document: Schema) -> None:
        self._shape = Shape(document)
        self._alternatives = unions = AlternativesReport(self._shape)
        own = extend(_Validator, {"anyOf": unions.any_of, "oneOf": unions.one_of})  # type: ignore[no-untyped-call]
        self._validator: Any = own(document, registry=_OFFLINE)

    def faults(self, value: Json) -> list[Fault]:
        """Returns the first `MOST_FAULTS` faults, sorted by path; none for a valid value."""
        try:
            self._alternatives.restart()
            faults = set(islice(self._faults(value), MOST_FAULTS))
        except RecursionError:
            return [TOO_DEEP]
        return [
            {"path": "".join(f"/{escape(part)}" for part in path), "message": message, "keyword": keyword}
            for path, keyword, message in sorted(faults, key=_sort_key)
        ]

    def _faults(self, value: Json) -> Iterator[tuple[Path, str, str]]:
        """Yields the path, keyword and message of each fault, unsorted and with duplicates."""
        errors = list(islice(self._validator.iter_errors(value), MOST_FAULTS))
        others = [tuple(error.absolute_path) for error in errors if error.validator != "unevaluatedProperties"]
        for error in errors:
            path, keyword = tuple(error.absolute_path), str(error.validator or "false")
            if keyword == "unevaluatedProperties" and any(other[: len(path) - 1] == path[:-1] for other in others):
                known = self._shape.mentions(error.schema)
            else:
                known = set()
            if path and path[-1] in known:
                continue  # a failed branch leaves its properties unevaluated; the faults of the branch state the cause
            is_safe = isinstance(error, SchemaMessage)
            yield path, keyword, error.message if is_safe else _MESSAGES.get(keyword, _unexplained)(error)


def _sort_key(fault: tuple[Path, str, str]) -> tuple[Any, ...]:
    return [(0, part, "") if isinstance(part, int) else (1, 0, part) for part in fault[0]], fault[1:]


# Keywords that replace jsonschema's: they add the property to the path, or leave the verdict to jsonschema-rs.


@lru_cache(maxsize=4096)
def _compiled(text: str) -> Callable[[Json], bool]:
    return jsonschema_rs.Draft202012Validator(text, validate_formats=True, offline=True).is_valid


def _accepts(keyword: str, setting: Json, value: Json) -> bool:
    try:
        if keyword == "pattern":
            return matcher(setting)(value)
        return _compiled(json.dumps({keyword: setting}))(value)
    except ValueError:  # the value is no JSON value
        return False


def _by_jsonschema_rs(keyword: str) -> Callable[..., Iterator[ValidationError]]:
    def evaluate(validator: Any, setting: Json, value: Json, schema: Json) -> Iterator[ValidationError]:
        if not _accepts(keyword, setting, value):
            yield ValidationError("")

    return evaluate


def _required(validator: Any, names: Json, value: Json, schema: Json) -> Iterator[ValidationError]:
    if validator.is_type(value, "object"):
        yield from (ValidationError("", path=[name]) for name in names if name not in value)


def _dependent(validator: Any, needs: Json, value: Json, schema: Json) -> Iterator[ValidationError]:
    for present, names in needs.items():
        if validator.is_type(value, "object") and present in value:
            yield from (ValidationError("", path=[name]) for name in names if name not in value)


def _properties(validator: Any, properties: Json, value: Json, schema: Json) -> Iterator[ValidationError]:
    if validator.is_type(value, "object"):
        for name, property_schema in properties.items():
            if name in value:
                yield from _property(validator, name, value[name], property_schema)


def _pattern_properties(validator: Any, patterns: Json, value: Json, schema: Json) -> Iterator[ValidationError]:
    if validator.is_type(value, "object"):
        for pattern, property_schema in patterns.items():
            for name in value:
                if _accepts("pattern", pattern, name):
                    yield from _property(validator, name, value[name], property_schema)


def _additional(validator: Any, rest: Json, value: Json, schema: Json) -> Iterator[ValidationError]:
    if validator.is_type(value, "object"):
        declared, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
        for name in value:
            if name not in declared and not any(_accepts("pattern", pattern, name) for pattern in patterns):
                yield from _property(validator, name, value[name], rest)


def _property_names(validator: Any, names: Json, value: Json, schema: Json) -> Iterator[ValidationError]:
    if validator.is_type(value, "object"):
        for name in value:
            if next(iter(validator.descend(name, names)), None):
                yield ValidationError("", path=[name])


def _property(validator: Any, name: str, value: Json, schema: Json) -> Iterator[ValidationError]:
    if schema is False:
        yield ValidationError("", path=[name], validator="additionalProperties")
    else:
        yield from validator.descend(value, schema, path=name, schema_path=name)


def _unevaluated(validator: Any, rest: Json, value: Json, schema: Json) -> Iterator[ValidationError]:
    if validator.is_type(value, "object"):
        for name in unevaluated_names(validator, value, schema):
            if next(iter(validator.descend(value[name], rest)), None):
                yield ValidationError("", path=[name])


def _unevaluated_items(validator: Any, rest: Json, value: Json, schema: Json) -> Iterator[ValidationError]:
    if validator.is_type(value, "array") and has_unevaluated_items(validator, value, schema):
        yield ValidationError("")


_OFFLINE: Any = Registry()
_Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {
        "additionalProperties": _additional,
        "dependentRequired": _dependent,
        "format": _by_jsonschema_rs("format"),
        "multipleOf": _by_jsonschema_rs("multipleOf"),
        "pattern": _by_jsonschema_rs("pattern"),
        "patternProperties": _pattern_properties,
        "properties": _properties,
        "propertyNames": _property_names,
        "required": _required,
        "unevaluatedItems": _unevaluated_items,
        "unevaluatedProperties": _unevaluated,
        "uniqueItems": _by_jsonschema_rs("uniqueItems"),
    },
)


# Messages. Each is a predicate whose subject is the path of the value.


def _unexplained(error: ValidationError) -> str:
    return UNEXPLAINED["message"]


def _type(error: ValidationError) -> str:
    return f"must be {either(_listed(error.validator_value))}"


def _listed(types: Json) -> list[str]:
    return [types] if isinstance(types, str) else list(types)


def _enum(error: ValidationError) -> str:
    return f"must be {either([json.dumps(value, ensure_ascii=False) for value in _listed(error.validator_value)])}"


def _limit(text: str, one: str = "", many: str = "") -> Callable[[ValidationError], str]:
    def message(error: ValidationError) -> str:
        limit = error.validator_value
        unit = one if limit == 1 else many
        return f"{text} {limit:g} {unit}".rstrip() if isinstance(limit, float) else f"{text} {limit} {unit}".rstrip()

    return message


_NOT_ALLOWED: Callable[[ValidationError], str] = lambda error: "is not allowed"  # noqa: E731
_IS_REQUIRED: Callable[[ValidationError], str] = lambda error: "is required"  # noqa: E731

_MESSAGES: dict[str, Callable[[ValidationError], str]] = {
    "false": _NOT_ALLOWED,
    "additionalProperties": _NOT_ALLOWED,
    "const": lambda error: f"must be {json.dumps(error.validator_value, ensure_ascii=False)}",
    "contains": lambda error: "has no item of the kind it must contain",
    "dependentRequired": _IS_REQUIRED,
    "enum": _enum,
    "exclusiveMaximum": _limit("must be less than"),
    "exclusiveMinimum": _limit("must be greater than"),
    "format": lambda error: f"must be a valid {error.validator_value}",
    "items": lambda error: "has too many items",
    "maxContains": _limit("must contain at most", "such item", "such items"),
    "maxItems": _limit("must have at most", "item", "items"),
    "maxLength": _limit("must have at most", "character", "characters"),
    "maxProperties": _limit("must have at most", "property", "properties"),
    "maximum": _limit("must be at most"),
    "minContains": _limit("must contain at least", "such item", "such items"),
    "minItems": _limit("must have at least", "item", "items"),
    "minLength": _limit("must have at least", "character", "characters"),
    "minProperties": _limit("must have at least", "property", "properties"),
    "minimum": _limit("must be at least"),
    "multipleOf": _limit("must be a multiple of"),
    "not": _NOT_ALLOWED,
    "pattern": lambda error: f"must match the pattern {error.validator_value}",
    "propertyNames": lambda error: "is not an allowed name",
    "required": _IS_REQUIRED,
    "type": _type,
    "unevaluatedProperties": _NOT_ALLOWED,
    "unevaluatedItems": lambda error: "has too many items",
    "uniqueItems": lambda error: "must not have equal items",
}

"""What is wrong with a value, from jsonschema's errors: a JSON pointer, a short message and the keyword of each fault.

Messages are made of the schema alone, never of the value, so that no password reaches a client or a log. What
the engines would judge differently (patterns, formats, fractions) is judged by jsonschema-rs here as well.

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
from hapiish.http.validation.unevaluated import has_surplus_items, unevaluated

MOST_FAULTS = 100
"""So many faults of one value are listed; a body of a megabyte may hold more of them than anybody reads."""


class Fault(TypedDict):
    """One fault. `path` is a JSON pointer (RFC 6901) to the value, or to where a missing one should be."""

    path: str
    message: str
    keyword: str


UNEXPLAINED: Fault = {"path": "", "message": "does not fit the schema", "keyword": "schema"}
TOO_DEEP: Fault = {"path": "", "message": "is nested too deeply", "keyword": "depth"}

Path = tuple[str | int, ...]


class Reporter:
    """Lists the faults of values against one schema; `engine` is jsonschema-rs compiled for it."""

    __slots__ = ("_alternatives", "_engine", "_shape", "_validator")

    def __init__(self, document: Schema, engine: jsonschema_rs.Validator) -> None:
        self._engine = engine
        self._shape = Shape(document)
        self._alternatives = choices = AlternativesReport(self._shape)
        own = extend(_Validator, {"anyOf": choices.any_of, "oneOf": choices.one_of})  # type: ignore[no-untyped-call]
        self._validator: Any = own(document, registry=_OFFLINE)

    def faults(self, value: Any) -> list[Fault]:
        """The first `MOST_FAULTS` faults, sorted by place; empty when there are none."""
        try:
            self._alternatives.restart()
            found = set(islice(self._places(value), MOST_FAULTS))
        except RecursionError:
            return [TOO_DEEP]
        return [
            {"path": "".join(f"/{escape(part)}" for part in path), "message": message, "keyword": keyword}
            for path, keyword, message in sorted(found, key=_order)
        ]

    def _places(self, value: Any) -> Iterator[tuple[Path, str, str]]:
        errors = list(islice(self._validator.iter_errors(value), MOST_FAULTS))
        others = [tuple(error.absolute_path) for error in errors if error.validator != "unevaluatedProperties"]
        for error in errors:
            path, keyword = tuple(error.absolute_path), str(error.validator or "false")
            if keyword == "unevaluatedProperties" and any(each[: len(path) - 1] == path[:-1] for each in others):
                known = self._shape.mentions(error.schema)
            else:
                known = set()
            if path and path[-1] in known:
                continue  # what a branch knows is surplus when the branch fails; the faults of the branch say why
            told = error.message if isinstance(error, SchemaMessage) else _MESSAGES.get(keyword, _unknown)(error)
            yield path, keyword, told


def _order(fault: tuple[Path, str, str]) -> tuple[Any, ...]:
    return [(0, part, "") if isinstance(part, int) else (1, 0, part) for part in fault[0]], fault[1:]


# The keywords that are judged otherwise than jsonschema does: with the path of the property, or by jsonschema-rs.


@lru_cache(maxsize=4096)
def _judge(text: str) -> Callable[[Any], bool]:
    return jsonschema_rs.Draft202012Validator(text, validate_formats=True, offline=True).is_valid


def _accepts(keyword: str, setting: Any, value: Any) -> bool:
    try:
        if keyword == "pattern":
            return matcher(setting)(value)
        return _judge(json.dumps({keyword: setting}))(value)
    except ValueError:  # a value outside JSON
        return False


def _by_other_engine(keyword: str) -> Callable[..., Iterator[ValidationError]]:
    def judge(validator: Any, setting: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
        if not _accepts(keyword, setting, value):
            yield ValidationError("")

    return judge


def _required(validator: Any, names: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(value, "object"):
        yield from (ValidationError("", path=[name]) for name in names if name not in value)


def _dependent(validator: Any, needs: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    for present, names in needs.items():
        if validator.is_type(value, "object") and present in value:
            yield from (ValidationError("", path=[name]) for name in names if name not in value)


def _properties(validator: Any, properties: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(value, "object"):
        for name, each in properties.items():
            if name in value:
                yield from _property(validator, name, value[name], each)


def _pattern_properties(validator: Any, patterns: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(value, "object"):
        for pattern, each in patterns.items():
            for name in value:
                if _accepts("pattern", pattern, name):
                    yield from _property(validator, name, value[name], each)


def _additional(validator: Any, rest: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(value, "object"):
        declared, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
        for name in value:
            if name not in declared and not any(_accepts("pattern", pattern, name) for pattern in patterns):
                yield from _property(validator, name, value[name], rest)


def _names(validator: Any, names: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(value, "object"):
        for name in value:
            if next(iter(validator.descend(name, names)), None):
                yield ValidationError("", path=[name])


def _property(validator: Any, name: str, value: Any, schema: Any) -> Iterator[ValidationError]:
    if schema is False:
        yield ValidationError("", path=[name], validator="additionalProperties")
    else:
        yield from validator.descend(value, schema, path=name, schema_path=name)


def _unevaluated(validator: Any, rest: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(value, "object"):
        for name in unevaluated(validator, value, schema):
            if next(iter(validator.descend(value[name], rest)), None):
                yield ValidationError("", path=[name])


def _unevaluated_items(validator: Any, rest: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(value, "array") and has_surplus_items(validator, value, schema):
        yield ValidationError("")


_OFFLINE: Any = Registry()
_Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {
        "additionalProperties": _additional,
        "dependentRequired": _dependent,
        "format": _by_other_engine("format"),
        "multipleOf": _by_other_engine("multipleOf"),
        "pattern": _by_other_engine("pattern"),
        "patternProperties": _pattern_properties,
        "properties": _properties,
        "propertyNames": _names,
        "required": _required,
        "unevaluatedItems": _unevaluated_items,
        "unevaluatedProperties": _unevaluated,
        "uniqueItems": _by_other_engine("uniqueItems"),
    },
)


# Messages, each to be read after the name of the value.


def _unknown(error: ValidationError) -> str:
    return UNEXPLAINED["message"]


def _type(error: ValidationError) -> str:
    return f"must be {either(_listed(error.validator_value))}"


def _listed(types: Any) -> list[str]:
    return [types] if isinstance(types, str) else list(types)


def _enum(error: ValidationError) -> str:
    return f"must be {either([json.dumps(value, ensure_ascii=False) for value in _listed(error.validator_value)])}"


def _limit(text: str, one: str = "", many: str = "") -> Callable[[ValidationError], str]:
    def say(error: ValidationError) -> str:
        limit = error.validator_value
        unit = one if limit == 1 else many
        return f"{text} {limit:g} {unit}".rstrip() if isinstance(limit, float) else f"{text} {limit} {unit}".rstrip()

    return say


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

"""Compiles declared filters to query parameters, and their values to MongoDB conditions.

A client chooses values, never operators: the table fixes each parameter's operator, and its value is converted to the
type of the document's field before it enters a query.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from hapiish.kinds.model.types import Schema, Type
from hapiish.kinds.model.values import Convert, Unfit, text
from hapiish.types import Value

Condition = dict[str, Value]
Make = Callable[[str, Value], Condition]

EQUALITY = ("eq", "ne", "in")
RANGE = ("lt", "lte", "gt", "gte")
TEXT = ("prefix", "contains")

_MAX_LENGTH = 256  # characters of a search text; as a regular expression it stays within MongoDB's limits
_MAX_VALUES = 100  # values of one `in`


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A query parameter `name` or `name[operator]`, with its schema and its condition."""

    parameter: str
    path: str
    schema: Schema
    convert: Convert
    make: Make

    def condition(self, value: Value) -> Condition:
        """Returns the condition for a validated value. Raises Unfit with the parameter's name."""
        try:
            return self.make(self.path, self.convert(value))
        except Unfit as fault:
            raise Unfit(fault.message, (self.parameter, *fault.path)) from None


def allowed_operators(field_type: Type) -> tuple[str, ...]:
    """Returns the operators for values of a type; none for values that cannot be compared."""
    if field_type.store is None:
        return ()
    ranges = RANGE if field_type.ranged and not field_type.many else ()
    return (*EQUALITY, "nin", *ranges, *(TEXT if field_type.text else ()), "exists")


def default_operators(field_type: Type) -> tuple[str, ...]:
    """Returns the operators of a field that is declared without any: those that an index supports."""
    return tuple(name for name in allowed_operators(field_type) if name in EQUALITY or name in RANGE)


def filters(path: str, field_type: Type, operators: Iterable[str]) -> list[Filter]:
    """Returns the parameters of one field, one for each of the `operators`."""
    return [_filter(path, operator, field_type) for operator in operators]


def _filter(path: str, operator: str, field_type: Type) -> Filter:
    store = field_type.store
    assert store is not None
    operand = _operand_schema(field_type)
    schema, convert = operand, store
    if operator in ("in", "nin"):
        schema, convert = {"type": "array", "items": operand, "maxItems": _MAX_VALUES}, _each(store)
    elif operator in TEXT:
        schema = {"type": "string", "minLength": 1, "maxLength": _MAX_LENGTH, "pattern": "^[^\\x00]*$"}
        convert = _search_pattern
    elif operator == "exists":
        schema, convert = {"type": "boolean"}, bool
    name = path if operator == "eq" else f"{path}[{operator}]"
    return Filter(parameter=name, path=path, schema=schema, convert=convert, make=_MAKE[operator])


def _operand_schema(field_type: Type) -> Schema:
    """Returns the schema of a value to compare with, without the limits of stored values."""
    schema = (field_type.item or field_type).schema
    limits = ("minLength", "maxLength", "minimum", "maximum", *(("pattern", "format") if field_type.text else ()))
    return {key: value for key, value in schema.items() if key not in limits}


def _search_pattern(value: Value) -> str:
    if not isinstance(value, str) or "\0" in value or len(value) > _MAX_LENGTH:
        raise Unfit("must be a text to search for")
    return re.escape(text(value))


def _each(store: Convert) -> Convert:
    return lambda values: [store(value) for value in (values if isinstance(values, list) else [values])]


def _compare(operator: str) -> Make:
    return lambda path, value: {path: {operator: value}}


_MAKE: Mapping[str, Make] = {
    **{name: _compare(f"${name}") for name in (*EQUALITY, "nin", *RANGE)},
    "prefix": lambda path, value: {path: {"$regex": f"^{value}"}},
    "contains": lambda path, value: {path: {"$regex": value, "$options": "i"}},
    "exists": lambda path, value: {path: {"$ne": None} if value else None},
}

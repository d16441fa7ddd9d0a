"""Declared filters to query parameters, and what a request says in them to conditions of MongoDB.

A client chooses values, never operators: each parameter has its operator from the table, and its value is typed by the
document's field before it gets anywhere near a query.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hapiish.kinds.model.types import Schema, Type
from hapiish.kinds.model.values import Convert, Unfit, text

Condition = dict[str, Any]
Make = Callable[[str, Any], Condition]

EQUALITY = ("eq", "ne", "in")
RANGE = ("lt", "lte", "gt", "gte")
TEXT = ("prefix", "contains")

_LONGEST = 256  # characters of a text searched for, as a regular expression well inside MongoDB's limits
_MOST = 100  # values of one `in`


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One query parameter, `name` or `name[operator]`: what it may be, and the condition it makes."""

    parameter: str
    path: str
    schema: Schema
    convert: Convert
    make: Make

    def condition(self, value: Any) -> Condition:
        """The condition of a value that the parameter's schema has accepted; raises Unfit with the parameter's name."""
        try:
            return self.make(self.path, self.convert(value))
        except Unfit as fault:
            raise Unfit(fault.message, (self.parameter, *fault.path)) from None


def known(found: Type) -> tuple[str, ...]:
    """The operators that make sense for values of a type; none where there is nothing to compare."""
    if found.store is None:
        return ()
    ranges = RANGE if found.ranged and not found.many else ()
    return (*EQUALITY, "nin", *ranges, *(TEXT if found.text else ()), "exists")


def usual(found: Type) -> tuple[str, ...]:
    """The operators that a field named without any has: those that an index answers."""
    return tuple(name for name in known(found) if name in EQUALITY or name in RANGE)


def filters(path: str, found: Type, operators: Iterable[str]) -> list[Filter]:
    """The parameters of one field, each with one of the `operators`."""
    assert found.store is not None
    return [_filter(path, operator, found) for operator in operators]


def _filter(path: str, operator: str, found: Type) -> Filter:
    store = found.store
    assert store is not None
    value = _loose(found)
    schema, convert = value, store
    if operator in ("in", "nin"):
        schema, convert = {"type": "array", "items": value, "maxItems": _MOST}, _each(store)
    elif operator in TEXT:
        schema = {"type": "string", "minLength": 1, "maxLength": _LONGEST, "pattern": "^[^\\x00]*$"}
        convert = _searched
    elif operator == "exists":
        schema, convert = {"type": "boolean"}, bool
    name = path if operator == "eq" else f"{path}[{operator}]"
    return Filter(parameter=name, path=path, schema=schema, convert=convert, make=_MAKE[operator])


def _loose(found: Type) -> Schema:
    """The schema of a value to compare with, which need not be one that may be stored."""
    schema = (found.item or found).schema
    limits = ("minLength", "maxLength", "minimum", "maximum", *(("pattern", "format") if found.text else ()))
    return {key: value for key, value in schema.items() if key not in limits}


def _searched(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value or len(value) > _LONGEST:
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

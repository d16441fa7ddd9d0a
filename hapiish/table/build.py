"""Plain data of a table to the frozen dataclasses of `model`, by their type hints: camelCase keys, units, short forms.

Everything here relies on the checks having found no fault; nothing is judged again.
"""

import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from hapiish.table import model, units
from hapiish.table.problems import Mark
from hapiish.table.text.marks import Path

Place = Callable[[Path], Mark]
Converter = Callable[[Any, Path, Place], Any]
T = TypeVar("T")

_SHORT: Final[Mapping[type, str | Callable[[Any], Mapping[str, Any]]]] = {
    model.ErrorBody: "body",
    model.Ext: "method",
    model.Listener: "method",
    model.ServerEvent: "listeners",
    model.Method: "method",
    model.KindSource: "method",
    model.Limit: units.rate,
    model.Lookup: "field",
    model.MaxConnections: "total",
    model.ModelHandler: "name",
    model.Owner: "value",
    model.Pre: "method",
    model.Hsts: "maxAge",
    model.Sort: "fields",
    model.ViewHandler: "template",
    model.Xframe: "rule",
}
"""Classes that a single value may stand for: the key that it is the value of, or what spells it out."""

_SPELT: Final = {"custom_session_id_generator": "customSessionIDGenerator"}
"""Keys that hapi spells in a way of their own."""

_UNITS: Final[Mapping[Any, Callable[[Any], int]]] = {
    model.Duration: units.duration,
    model.Seconds: units.seconds,
    model.Size: units.size,
}


def build(kind: type[T], value: Any, path: Path, place: Place) -> T:
    """The dataclass `kind` from a mapping that the file's schema accepts; `place` marks what stands at a path."""
    hint: Any = kind
    built: T = _converter(hint)(value, path, place)
    return built


def overlay(base: T, given: Mapping[str, Any]) -> T:
    """A dataclass of ours with the options of `given`, as they are in the file, over its own."""
    kind: Any = type(base)
    known = fields_of(kind)
    found = [(known[key], value) for key, value in given.items() if key in known and value is not None]
    changes = {name: convert(value, (), lambda path: model.NOWHERE) for (name, convert), value in found}
    return replace(base, **changes)  # type: ignore[type-var]


def camel(name: str) -> str:
    """`is_http_only` as it is written in the file: `isHttpOnly`."""
    first, *rest = name.split("_")
    return _SPELT.get(name) or first + "".join(word.capitalize() for word in rest)


@cache
def fields_of(kind: type) -> Mapping[str, tuple[str, Converter]]:
    """The fields of a dataclass by their key in the file: the attribute's name and how its value is made."""
    hints = get_type_hints(kind)
    return {camel(name): (name, _converter(hint)) for name, hint in hints.items()}


@cache
def _converter(hint: Any) -> Converter:
    """How a value of the file becomes one of type `hint`."""
    if hint in _UNITS:
        unit = _UNITS[hint]
        return lambda value, path, place: unit(value)
    if is_dataclass(hint):
        return _dataclass(hint)
    origin, inner = get_origin(hint), get_args(hint)
    if origin is tuple:
        return _tuple(_converter(inner[0]))
    if origin is Mapping and inner[1] is not Any:
        return _mapping(inner[0], _converter(inner[1]), named=is_dataclass(inner[1]))
    if origin in (Union, types.UnionType):
        return _union(inner)
    return lambda value, path, place: value


def _dataclass(kind: Any) -> Converter:
    short = _SHORT.get(kind, "")
    marked = any(field.name == "mark" for field in fields(kind))

    def convert(value: Any, path: Path, place: Place) -> Any:
        if not isinstance(value, Mapping):
            value = {} if value in (None, True) else short(value) if callable(short) else {short: value}
        known = fields_of(kind)
        given = {
            known[key][0]: known[key][1](inner, (*path, key), place)
            for key, inner in value.items()
            if inner is not None and key in known
        }
        return kind(**given, mark=place(path)) if marked else kind(**given)

    return convert


def _tuple(item: Converter) -> Converter:
    def convert(value: Any, path: Path, place: Place) -> Any:
        if not isinstance(value, list):
            return (item(value, path, place),)
        return tuple(item(inner, (*path, index), place) for index, inner in enumerate(value))

    return convert


def _mapping(key_type: type, item: Converter, *, named: bool) -> Converter:
    """A `named` thing without settings is there with its defaults; anything else that is null is not there."""

    def convert(value: Any, path: Path, place: Place) -> Any:
        return {
            key_type(key): item(inner, (*path, key), place)
            for key, inner in value.items()
            if named or inner is not None
        }

    return convert


def _union(members: tuple[Any, ...]) -> Converter:
    """False is "switched off" where a group of options may be None, and a single value may stand for a whole."""
    literals = [value for member in members if get_origin(member) is Literal for value in get_args(member)]
    rest = [member for member in members if get_origin(member) is not Literal and member is not types.NoneType]
    made = next((m for m in rest if is_dataclass(m) or m in _UNITS or get_origin(m) in (tuple, Mapping)), None)
    convert_made = _converter(made) if made is not None else None
    takes_false = bool in rest or False in [value for value in literals if isinstance(value, bool)]

    def convert(value: Any, path: Path, place: Place) -> Any:
        if model.Function in members and isinstance(value, str) and ":" in value:
            return value
        if value is False and not takes_false and types.NoneType in members:
            return None
        if isinstance(value, str) and str in rest:
            return value
        if convert_made is None or any(value is given or (value == given and value is not True) for given in literals):
            return value
        return convert_made(value, path, place)

    return convert

"""Builds the frozen dataclasses of `hapiish.options` from the tree of a table: keys, units, short forms.

Everything here relies on the checks having found no fault; nothing is judged again.
"""

import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin

from hapiish import options as model
from hapiish.declare import units
from hapiish.declare.option import bare, keys_of, spelled
from hapiish.table.problems import Mark
from hapiish.table.text.marks import Path

Place = Callable[[Path], Mark]
Converter = Callable[[Any, Path, Place], Any]
T = TypeVar("T")

_UNITS: Final[Mapping[Any, Callable[[Any], int]]] = {
    model.Duration: units.duration,
    model.Seconds: units.seconds,
    model.Size: units.size,
}


def build(kind: type[T], value: Any, path: Path, place: Place) -> T:
    """Builds the dataclass `kind` from a mapping that the schema accepts; `place` returns the position of a path."""
    hint: Any = kind
    built: T = _converter(hint)(value, path, place)
    return built


def part(kind: type, key: str, value: Any, path: Path, place: Place) -> Any:
    """Builds the value of a single option of the class `kind`."""
    return fields_of(kind)[key][1](value, path, place)


def overlay(base: T, given: Mapping[str, Any]) -> T:
    """Returns a dataclass with the options in `given`, as in the file, over its own."""
    kind: Any = type(base)
    known = fields_of(kind)
    found = [(known[key], value) for key, value in given.items() if key in known and value is not None]
    changes = {name: convert(value, (), lambda path: model.NOWHERE) for (name, convert), value in found}
    return replace(base, **changes)  # type: ignore[type-var]


@cache
def fields_of(kind: type) -> Mapping[str, tuple[str, Converter]]:
    """The fields of a dataclass by their key in the file: the name of the attribute and the converter of its value."""
    return {key: (each.name, _converter(each.hint)) for key, each in keys_of(kind).items() if each.is_attribute}


@cache
def _converter(hint: Any) -> Converter:
    """Returns the converter of values in the file to the type `hint`."""
    hint, _ = bare(hint)
    if hint in _UNITS:
        unit = _UNITS[hint]
        return lambda value, path, place: unit(value)
    if is_dataclass(hint):
        return _dataclass(hint)
    origin, inner = get_origin(hint), get_args(hint)
    if origin is tuple:
        return _tuple(_converter(inner[0]))
    if origin is Mapping and inner[1] is not Any:
        return _mapping(bare(inner[0])[0], _converter(inner[1]), named=is_dataclass(bare(inner[1])[0]))
    if origin in (Union, types.UnionType):
        return _union(inner)
    return lambda value, path, place: value


def _dataclass(kind: Any) -> Converter:
    marked = any(field.name == "mark" for field in fields(kind))

    def convert(value: Any, path: Path, place: Place) -> Any:
        known = fields_of(kind)
        given = {
            known[key][0]: known[key][1](inner, (*path, key), place)
            for key, inner in spelled(kind, value).items()
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
    """Converts mappings by name; null means the defaults for a `named` class, and absence for any other value."""

    def convert(value: Any, path: Path, place: Place) -> Any:
        return {
            key_type(key): item(inner, (*path, key), place)
            for key, inner in value.items()
            if named or inner is not None
        }

    return convert


def _members(hints: tuple[Any, ...]) -> Iterator[Any]:
    """The types of a union without markers; functions are recognized by their colon, not by their type."""
    for hint in hints:
        kind, _ = bare(hint)
        if get_origin(kind) in (Union, types.UnionType):
            yield from _members(get_args(kind))
        elif hint != model.Function:
            yield kind


def _union(members: tuple[Any, ...]) -> Converter:
    """The converter of a union: False becomes None for an optional group, a single value its short form."""
    takes_function = model.Function in members
    members = tuple(_members(members))
    literals = [value for member in members if get_origin(member) is Literal for value in get_args(member)]
    rest = [member for member in members if get_origin(member) is not Literal and member is not types.NoneType]
    made = next((m for m in rest if is_dataclass(m) or m in _UNITS or get_origin(m) in (tuple, Mapping)), None)
    convert_made = _converter(made) if made is not None else None
    takes_false = bool in rest or False in [value for value in literals if isinstance(value, bool)]

    def convert(value: Any, path: Path, place: Place) -> Any:
        if takes_function and isinstance(value, str) and ":" in value:
            return value
        if value is False and not takes_false and types.NoneType in members:
            return None
        if type(value) in (str, bool) and type(value) in rest:
            return value
        if convert_made is None or any(value is given or (value == given and value is not True) for given in literals):
            return value
        return convert_made(value, path, place)

    return convert

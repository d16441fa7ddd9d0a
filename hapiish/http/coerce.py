"""Schemas to converters: the text of params, query, headers, cookies and forms to JSON types, and defaults filled in.

Nothing given is changed in place, and text that does not fit stays as it is, for the validator to report. JSON
bodies only get their defaults: their types are what the client sent (hapi).
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from functools import partial
from typing import Any

from hapiish.codec import MOST_DIGITS
from hapiish.http.schema import Schema, SchemaError, embed
from hapiish.http.shape import ABSENT, Shape
from hapiish.pattern import matcher

Convert = Callable[[Any], Any]
Make = Callable[[], Any]
Matches = Callable[[str], bool]

_INTEGER = re.compile(rf"[+-]?[0-9]{{1,{MOST_DIGITS}}}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,64}(?:\.[0-9]{0,64})?|\.[0-9]{1,64})(?:[eE][+-]?[0-9]{1,3})?")
_BOOLEANS = {"true": True, "false": False}
_LARGEST_EXACT = 2.0**53


def compile_coercer(schema: Schema, schemas: Mapping[str, Any], *, files: bool = False) -> Convert | None:
    """What turns a dictionary of texts (or lists of texts) into the types that `schema` asks for.

    `5`, `1.5`, `true` and `null` become what they look like where the schema wants it and no text, a single text
    becomes a list of one where it wants a list, an absent name gets its default. With `files` a single file, in
    whatever form, becomes such a list too. None when there is nothing to do.
    """
    document = embed(schema, schemas)
    shape = Shape(document)
    members = shape.members(document)
    plan = [(name, _converter(shape, each, files), _maker(shape.default(each))) for name, each in members.items()]
    plan = [entry for entry in plan if entry[1:] != (None, None)]
    others = [(matches, _converter(shape, each, files)) for matches, each in _others(shape, document)]
    if any(convert for _, convert in others):
        return partial(_coerce_all, tuple(plan), frozenset(members), tuple(others))
    return partial(_coerce, tuple(plan)) if plan else None


def _coerce(plan: tuple[tuple[str, Convert | None, Make | None], ...], values: dict[str, Any]) -> dict[str, Any]:
    result = values
    for name, convert, default in plan:
        value = values.get(name, ABSENT)
        if value is ABSENT:
            if default is None:
                continue
            new = default()
        elif convert is None or (new := convert(value)) is value:
            continue
        if result is values:
            result = values.copy()
        result[name] = new
    return result


def _coerce_all(
    plan: tuple[tuple[str, Convert | None, Make | None], ...],
    declared: frozenset[str],
    others: tuple[tuple[Matches, Convert | None], ...],
    values: dict[str, Any],
) -> dict[str, Any]:
    result = _coerce(plan, values).copy()
    for name in values.keys() - declared:
        convert = next((convert for matches, convert in others if matches(name)), None)
        if convert is not None:
            result[name] = convert(values[name])
    return result


def _others(shape: Shape, schema: Any) -> Iterator[tuple[Matches, Any]]:
    """The schemas of names that are not declared, each with what its names match; the one for the rest comes last."""
    patterns, rest = shape.others(schema)
    for pattern, each in patterns:
        yield matcher(pattern), each
    if rest is not True:
        yield _anything, rest


def _anything(name: str) -> bool:
    return True


def _maker(default: Any) -> Make | None:
    """What makes the default anew for each request, so that nobody's change to it is seen by the next."""
    if default is ABSENT:
        return None
    return partial(deepcopy, default) if isinstance(default, dict | list) else lambda: default


# Text


def _converter(shape: Shape, schema: Any, files: bool) -> Convert | None:
    types = shape.types(schema)
    scalar = _scalar(types)
    if "array" not in types:
        return scalar
    first, rest = shape.items(schema)
    items = [_scalar(shape.types(each)) for each in (*first, rest)]
    wraps = "string" not in types
    convert = partial(_array, scalar, wraps, items[:-1], items[-1]) if wraps or any(items) else scalar
    return partial(_listed, convert) if files and types <= {"array", "null"} else convert


def _scalar(types: Iterable[str]) -> Convert | None:
    """The converter of a text to one of `types`; None where text may stay text."""
    if "string" in types:
        return None
    chosen = [_TEXTS[name] for name in ("null", "boolean", "number", "integer") if name in types]
    if _number in chosen:
        chosen.remove(_integer)
    return partial(_first, tuple(chosen)) if len(chosen) > 1 else chosen[0] if chosen else None


def _integer(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if (value.isdecimal() and value.isascii() and len(value) < 20) or _INTEGER.fullmatch(value):
        return int(value)
    if _NUMBER.fullmatch(value) and (number := float(value)).is_integer() and abs(number) <= _LARGEST_EXACT:
        return int(number)
    return value


def _number(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if _INTEGER.fullmatch(value):
        return int(value)
    if not _NUMBER.fullmatch(value):
        return value
    number = float(value)
    return number if abs(number) != float("inf") else value


def _boolean(value: Any) -> Any:
    return _BOOLEANS.get(value.lower(), value) if isinstance(value, str) else value


def _null(value: Any) -> Any:
    return None if value in ("", "null") else value


_TEXTS: dict[str, Convert] = {"boolean": _boolean, "integer": _integer, "null": _null, "number": _number}


def _first(converters: tuple[Convert, ...], value: Any) -> Any:
    for convert in converters:
        new = convert(value)
        if new is not value:
            return new
    return value


def _listed(convert: Convert | None, value: Any) -> Any:
    """A single file where there may be several."""
    value = value if value is None or isinstance(value, str | list) else [value]
    return value if convert is None else convert(value)


def _array(scalar: Convert | None, wraps: bool, first: list[Convert | None], rest: Convert | None, value: Any) -> Any:
    if isinstance(value, str):
        if scalar is not None and (new := scalar(value)) is not value:
            return new
        if not wraps:
            return value
        value = [value]
    elif not isinstance(value, list):
        return value
    converters = (first[index] if index < len(first) else rest for index in range(len(value)))
    return [each if convert is None else convert(each) for convert, each in zip(converters, value, strict=True)]


# Defaults of JSON bodies


def compile_defaults(schema: Schema, schemas: Mapping[str, Any]) -> Convert | None:
    """What fills the defaults of `schema` into a JSON value, at any depth; None when it has none.

    Raises SchemaError for a default that would need itself for ever.
    """
    document = embed(schema, schemas)
    nodes: dict[str, _Defaults] = {}
    root = _node(Shape(document), document, nodes, 0)
    useful = {node for node in nodes.values() if any(default for _, default, _ in node.members)}
    while more := {node for node in nodes.values() if node not in useful and useful.intersection(node.children())}:
        useful |= more
    if root not in useful:
        return None
    for node in useful:
        node.prune(useful)
    for node in useful:
        node.test()
    return root.fill


class _Defaults:
    """The defaults below one schema: of its members, of its other properties and of its items."""

    __slots__ = ("declared", "first", "items", "members", "others")

    def __init__(self) -> None:
        self.members: list[tuple[str, Make | None, _Defaults | None]] = []
        self.declared: frozenset[str] = frozenset()
        self.others: list[tuple[Matches, _Defaults | None]] = []
        self.first: list[_Defaults | None] = []
        self.items: _Defaults | None = None

    def children(self) -> Iterator["_Defaults"]:
        inner = [node for *_, node in self.members] + [node for _, node in self.others] + self.first + [self.items]
        return (node for node in inner if node is not None)

    def prune(self, useful: set["_Defaults"]) -> None:
        """Forgets the children that have no default anywhere below."""
        known = {id(node): node for node in useful}
        self.members = [(name, default, known.get(id(node))) for name, default, node in self.members]
        self.members = [entry for entry in self.members if entry[1:] != (None, None)]
        self.others = [(matches, known.get(id(node))) for matches, node in self.others]
        self.others = self.others if any(node for _, node in self.others) else []
        self.first = [known.get(id(node)) for node in self.first]
        self.items = known.get(id(self.items))

    def test(self) -> None:
        for name, default, node in self.members:
            try:
                if default is not None and node is not None:
                    node.fill(default())
            except RecursionError:
                raise SchemaError(f'the default of "{name}" contains itself without end') from None

    def fill(self, value: Any) -> Any:
        """`value` with its defaults, or `value` itself where none is missing."""
        if isinstance(value, dict):
            return self._fill_object(value)
        if not isinstance(value, list) or not (self.first or self.items):
            return value
        result = value
        for index, each in enumerate(value):
            node = self.first[index] if index < len(self.first) else self.items
            if node is not None and (new := node.fill(each)) is not each:
                result = value.copy() if result is value else result
                result[index] = new
        return result

    def _fill_object(self, value: dict[str, Any]) -> dict[str, Any]:
        result = value
        for name, default, node in self.members:
            given = value.get(name, ABSENT)
            new = default() if given is ABSENT and default is not None else given
            if new is ABSENT:
                continue
            if node is not None:
                new = node.fill(new)
            if new is not given:
                result = value.copy() if result is value else result
                result[name] = new
        for name in value.keys() - self.declared if self.others else ():
            node = next((node for matches, node in self.others if matches(name)), None)
            if node is not None and (new := node.fill(value[name])) is not value[name]:
                result = value.copy() if result is value else result
                result[name] = new
        return result


_DEEPEST = 64
"""So many levels of one schema are searched for defaults; what comes back by `$ref` is found again, not searched."""


def _node(shape: Shape, schema: Any, nodes: dict[str, _Defaults], depth: int) -> _Defaults:
    key = json.dumps(schema, sort_keys=True)
    if key in nodes:
        return nodes[key]
    node = nodes[key] = _Defaults()
    if depth < _DEEPEST and isinstance(schema, dict):
        members = shape.members(schema)
        first, rest = shape.items(schema)
        node.declared = frozenset(members)
        node.members = [
            (name, _maker(shape.default(each)), _node(shape, each, nodes, depth + 1)) for name, each in members.items()
        ]
        node.others = [(matches, _node(shape, each, nodes, depth + 1)) for matches, each in _others(shape, schema)]
        node.first = [_node(shape, each, nodes, depth + 1) for each in first]
        node.items = _node(shape, rest, nodes, depth + 1)
    return node

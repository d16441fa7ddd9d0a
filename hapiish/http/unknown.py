"""hapi's `stripUnknown` and `allowUnknown: false` for JSON Schema: keys of objects that a schema nowhere mentions.

A key is known where the schema, what it refers to or any of its alternatives names it or matches it by a pattern. An
object of which no key is named, or that says something about `additionalProperties`, may have what it likes.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jsonschema_rs

from hapiish.http.schema import Schema, embed
from hapiish.http.shape import Shape

Convert = Callable[[Any], Any]
_DEEPEST = 64


def compile_strip(schema: Schema, schemas: Mapping[str, Any]) -> Convert | None:
    """What makes a copy of a value without its unknown keys, at any depth; None when the schema closes nothing.

    A value without unknown keys is returned as it is; so is one of `additionalProperties: true`.
    """
    root = _compile(schema, schemas)
    return root.strip if root is not None else None


def closing(schema: Schema, schemas: Mapping[str, Any]) -> Schema:
    """The JSON Schema that refuses the unknown keys of `schema` and nothing else; True when it closes nothing."""
    root = _compile(schema, schemas)
    if root is None:
        return True
    nodes = {node: str(index) for index, node in enumerate(root.walk())}
    references = {node: {"$ref": f"#/$defs/{name}"} for node, name in nodes.items()}
    return {**references[root], "$defs": {name: node.schema(references) for node, name in nodes.items()}}


class _Known:
    """What is known of the values at one place: the keys of objects, and the places inside."""

    __slots__ = ("first", "is_closed", "items", "members", "patterns", "rest")

    def __init__(self) -> None:
        self.is_closed = False
        self.members: dict[str, _Known | None] = {}
        self.patterns: list[tuple[str, Callable[[str], bool], _Known | None]] = []
        self.rest: _Known | None = None
        self.first: list[_Known | None] = []
        self.items: _Known | None = None

    def children(self) -> Iterator["_Known"]:
        inner = [*self.members.values(), *(node for *_, node in self.patterns), self.rest, *self.first, self.items]
        return (node for node in inner if node is not None)

    def walk(self) -> dict["_Known", None]:
        """This place and those inside of it, each once."""
        found: dict[_Known, None] = {}
        left = [self]
        while left:
            node = left.pop()
            if node not in found:
                found[node] = None
                left += node.children()
        return found

    def prune(self, useful: set["_Known"]) -> None:
        """Forgets the places below which nothing is closed."""
        self.members = {name: _kept(node, useful) for name, node in self.members.items()}
        self.patterns = [(pattern, matches, _kept(node, useful)) for pattern, matches, node in self.patterns]
        self.rest = _kept(self.rest, useful)
        self.first = [_kept(node, useful) for node in self.first]
        self.items = _kept(self.items, useful)

    def schema(self, references: Mapping["_Known", Schema]) -> Schema:
        """This place as a JSON Schema that speaks of unknown keys only."""

        def inside(node: _Known | None) -> Schema:
            return True if node is None else references[node]

        schema: dict[str, Any] = {
            "properties": {name: inside(node) for name, node in self.members.items()},
            "patternProperties": {pattern: inside(node) for pattern, _, node in self.patterns},
            "additionalProperties": False if self.is_closed else inside(self.rest),
            "items": inside(self.items),
        }
        if self.first:
            schema["prefixItems"] = [inside(node) for node in self.first]
        return schema

    def strip(self, value: Any) -> Any:
        if isinstance(value, dict):
            return self._strip_object(value)
        if not isinstance(value, list) or not (self.first or self.items):
            return value
        result = value
        for index, each in enumerate(value):
            node = self.first[index] if index < len(self.first) else self.items
            if node is not None and (new := node.strip(each)) is not each:
                result = value.copy() if result is value else result
                result[index] = new
        return result

    def _strip_object(self, value: dict[str, Any]) -> dict[str, Any]:
        result = value
        for name, each in value.items():
            known, node = self._place(name)
            if known:
                if node is None or (new := node.strip(each)) is each:
                    continue
                result = value.copy() if result is value else result
                result[name] = new
            else:
                result = value.copy() if result is value else result
                del result[name]
        return result

    def _place(self, name: str) -> tuple[bool, "_Known | None"]:
        if name in self.members:
            return True, self.members[name]
        for _, matches, node in self.patterns:
            if matches(name):
                return True, node
        return not self.is_closed, self.rest


def _kept(node: _Known | None, useful: set[_Known]) -> _Known | None:
    return node if node in useful else None


def _compile(schema: Schema, schemas: Mapping[str, Any]) -> _Known | None:
    document = embed(schema, schemas)
    nodes: dict[str, _Known] = {}
    root = _node(Shape(document), document, nodes, 0)
    useful = {node for node in nodes.values() if node.is_closed}
    while more := {node for node in nodes.values() if node not in useful and useful.intersection(node.children())}:
        useful |= more
    for node in useful:
        node.prune(useful)
    return _kept(root, useful)


def _node(shape: Shape, schema: Any, nodes: dict[str, _Known], depth: int) -> _Known:
    key = json.dumps(schema, sort_keys=True)
    if key in nodes:
        return nodes[key]
    node = nodes[key] = _Known()
    if depth < _DEEPEST and isinstance(schema, dict):
        members = shape.members(schema)
        patterns = shape.members(schema, keyword="patternProperties")
        _, rest = shape.others(schema)
        first, items = shape.items(schema)
        node.members = {name: _node(shape, each, nodes, depth + 1) for name, each in members.items()}
        node.patterns = [
            (text, _matcher(text), _node(shape, each, nodes, depth + 1)) for text, each in patterns.items()
        ]
        node.is_closed = bool(members or patterns) and not shape.is_open(schema)
        node.rest = _node(shape, rest, nodes, depth + 1)
        node.first = [_node(shape, each, nodes, depth + 1) for each in first]
        node.items = _node(shape, items, nodes, depth + 1)
    return node


def _matcher(pattern: str) -> Callable[[str], bool]:
    return jsonschema_rs.Draft202012Validator({"pattern": pattern}, offline=True).is_valid

"""hapi's `stripUnknown` and `allowUnknown: false` for JSON Schema: keys of objects that a schema nowhere mentions.

A key is known where the schema, what it refers to or any of its alternatives names it or matches it by a pattern. An
object of which no key is named, or that says something about `additionalProperties`, may have what it likes.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from hapiish.http.schema import Schema, embed, escape
from hapiish.http.shape import Shape
from hapiish.pattern import matcher

Matches = Callable[[str], bool]

_DEEPEST: Final = 64
"""So many levels of one schema are looked at; what comes back by `$ref` is found again."""


def compile_known(schema: Schema, schemas: Mapping[str, Any]) -> "Known | None":
    """What is known of the values of a schema; None when it closes nothing."""
    document = embed(schema, schemas)
    nodes: dict[str, Known] = {}
    root = _node(Shape(document), document, nodes, 0)
    useful = {node for node in nodes.values() if node.is_closed}
    while more := {node for node in nodes.values() if node not in useful and useful.intersection(node.children())}:
        useful |= more
    for node in useful:
        node.prune(useful)
    return _kept(root, useful)


class Known:
    """What is known of the values at one place: the keys of objects, and the places inside."""

    __slots__ = ("first", "is_closed", "items", "members", "patterns", "rest")

    def __init__(self) -> None:
        self.is_closed = False
        self.members: dict[str, Known | None] = {}
        self.patterns: list[tuple[Matches, Known | None]] = []
        self.rest: Known | None = None
        self.first: list[Known | None] = []
        self.items: Known | None = None

    def strip(self, value: Any) -> Any:
        """`value` without its unknown keys, at any depth; `value` itself when it has none."""
        result = value
        for key, inner, known, node in self._walk(value):
            if known and (node is None or (new := node.strip(inner)) is inner):
                continue
            if result is value:
                result = value.copy()
            if known:
                result[key] = new
            else:
                del result[key]
        return result

    def surplus(self, value: Any, path: str = "") -> Iterator[str]:
        """Where the unknown keys of `value` are, as JSON pointers."""
        for key, inner, known, node in self._walk(value):
            place = f"{path}/{escape(key)}"
            if not known:
                yield place
            elif node is not None:
                yield from node.surplus(inner, place)

    def _walk(self, value: Any) -> Iterator[tuple[Any, Any, bool, "Known | None"]]:
        """What is inside of `value`: its key or index, itself, whether it is known, and what is known of it."""
        if isinstance(value, dict):
            for name, inner in value.items():
                yield name, inner, *self._place(name)
        elif isinstance(value, list) and (self.first or self.items):
            for index, inner in enumerate(value):
                yield index, inner, True, self.first[index] if index < len(self.first) else self.items

    def _place(self, name: str) -> tuple[bool, "Known | None"]:
        if name in self.members:
            return True, self.members[name]
        matching = [node for matches, node in self.patterns if matches(name)]
        if matching:
            # Several patterns would have to be known together; what is inside is then left in peace.
            return True, matching[0] if len(matching) == 1 else None
        return not self.is_closed, self.rest

    def children(self) -> Iterator["Known"]:
        """The places inside."""
        inner = [*self.members.values(), *(node for _, node in self.patterns), self.rest, *self.first, self.items]
        return (node for node in inner if node is not None)

    def prune(self, useful: set["Known"]) -> None:
        """Forgets the places below which nothing is closed."""
        self.members = {name: _kept(node, useful) for name, node in self.members.items()}
        self.patterns = [(matches, _kept(node, useful)) for matches, node in self.patterns]
        self.rest = _kept(self.rest, useful)
        self.first = [_kept(node, useful) for node in self.first]
        self.items = _kept(self.items, useful)


def _kept(node: Known | None, useful: set[Known]) -> Known | None:
    return node if node in useful else None


def _node(shape: Shape, schema: Any, nodes: dict[str, Known], depth: int) -> Known:
    key = json.dumps(schema, sort_keys=True)
    if key in nodes:
        return nodes[key]
    node = nodes[key] = Known()
    if depth < _DEEPEST and isinstance(schema, dict):
        members = shape.members(schema)
        patterns = [(_matcher(text), each) for text, each in shape.members(schema, keyword="patternProperties").items()]
        _, rest = shape.others(schema)
        first, items = shape.items(schema)

        def inside(*schemas: Any) -> Known:
            joined = schemas[0] if len(schemas) == 1 else {"allOf": list(schemas)}
            return _node(shape, joined, nodes, depth + 1)

        for name, each in members.items():
            node.members[name] = inside(each, *(other for matches, other in patterns if matches(name)))
        node.patterns = [(matches, inside(each)) for matches, each in patterns]
        node.is_closed = bool(members or patterns) and not shape.is_open(schema)
        node.rest = inside(rest)
        node.first = [inside(each) for each in first]
        node.items = inside(items)
    return node


def _matcher(pattern: str) -> Matches:
    return matcher(pattern)

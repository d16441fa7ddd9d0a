"""Transforms values by a schema: converts text, fills in defaults and removes unknown keys.

A `SchemaNode` stands for all schemas that apply to one value unconditionally. Its alternatives depend on the value: a
branch validates its own transformation of the value, and only the nodes of the branches that match take part. The
input is never modified; a value that needs no change is returned itself.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Final, Protocol

from hapiish.codec import MOST_DIGITS
from hapiish.http.validation.parse_text import Convert, interpretations, without_fraction
from hapiish.http.validation.schema_reader import ABSENT, common_types
from hapiish.http.validation.validator import Judge
from hapiish.types import Json

MakeDefault = Callable[[], Json]
Matches = Callable[[str], bool]
Nodes = tuple["SchemaNode", ...]


class Memo(dict[tuple[Nodes, int], tuple[Json, Json, Nodes]]):
    """The results for the containers of one value, by nodes and id: the container, its result and all active nodes.

    The container is part of the entry so that its id is not used again. `level` is the nesting of the alternatives
    under evaluation. With `checks_defaults` an object gets only the defaults that keep it valid by its own schema, for
    at most `tries` validations; with `skips_defaults` it gets none.
    """

    level = 0
    checks_defaults = False
    skips_defaults = False
    tries = 1000


_NO_MEMO: Final = Memo()


class Choice(Protocol):
    """A group of alternatives of one node (`branches.Alternatives`)."""

    def nodes(self) -> "Iterator[SchemaNode]":
        """Yields the nodes of all branches."""

    def prune(self, with_defaults: "set[SchemaNode]", with_closed: "set[SchemaNode]") -> None:
        """Removes the stages that change nothing."""

    def nodes_for_text(self, base: Nodes, value: str, memo: Memo) -> Nodes:
        """Returns `base` and the nodes of the branch that a text matches."""

    def nodes_for_container(self, value: Json, memo: Memo) -> Nodes:
        """Returns the nodes of the branches that an object or array matches."""

    def naming_nodes(self) -> "Iterator[SchemaNode]":
        """Yields the nodes that name the known keys of the branches."""


class SchemaNode:
    """The combined rules of some schemas for one value."""

    __slots__ = (
        *("arrays", "changes_items", "changes_others", "closed", "convert", "converts", "files", "first", "inside"),
        *("is_open", "items", "judge", "members", "most_digits", "names", "objects", "order", "parses", "patterns"),
        *("required", "rest", "strips", "texts", "unevaluated", "verdict", "whole"),
    )

    def __init__(self) -> None:
        self.members: list[tuple[str, MakeDefault | None, Convert | None, SchemaNode | None]] = []
        self.inside: dict[str, Nodes] = {}
        self.patterns: list[tuple[Matches, Nodes]] = []
        self.rest: Nodes = ()
        self.unevaluated: Nodes = ()
        self.first: list[Nodes] = []
        self.items: Nodes = ()
        self.order: tuple[str, ...] | None = None
        self.parses = False
        self.converts = False
        self.whole = False
        self.most_digits = MOST_DIGITS
        self.convert: Convert | None = None
        self.files = False
        self.judge: Judge | None = None
        self.verdict: Judge | None = None  # only if the node's own defaults can make an object invalid
        self.names = False
        self.is_open = False
        self.required: frozenset[str] = frozenset()
        self.strips = False
        self.closed: list[tuple[frozenset[str], list[Matches]]] = []
        self.objects: list[Choice] = []
        self.arrays: list[Choice] = []
        self.texts: list[Choice] = []
        self.changes_others = False
        self.changes_items = False

    def prune(
        self, useful: set["SchemaNode"], with_defaults: set["SchemaNode"], with_closed: set["SchemaNode"]
    ) -> None:
        """Removes the alternatives that change nothing, and sets `converts`, `changes_others` and `changes_items`."""
        for choices in (self.objects, self.arrays, self.texts):
            choices[:] = [choice for choice in choices if not useful.isdisjoint(choice.nodes())]
            for choice in choices:
                choice.prune(with_defaults, with_closed)
        self.converts = self.converts or bool(self.texts)
        others = (*(nodes for _, nodes in self.patterns), self.rest, self.unevaluated)
        self.changes_others = any(useful.intersection(nodes) for nodes in others)
        self.changes_items = any(useful.intersection(nodes) for nodes in (*self.first, self.items))

    def finish(self, useful: set["SchemaNode"]) -> None:
        """Keeps only the members that are transformed or have a default."""
        members, self.members = self.members, []
        for name, default, _, node in members:
            kept = node if node in useful else None
            if default is not None or kept is not None:
                self.members.append((name, default, None if kept is None else kept.convert, kept))

    def refuses(self, name: str) -> bool:
        """True if one of the schemas has `additionalProperties: false` and does not name `name`."""
        return any(
            name not in names and not any(matches(name) for matches in patterns) for names, patterns in self.closed
        )

    def transform(self, value: Json) -> Json:
        """Returns `value` transformed."""
        return self.apply(value, Memo())

    def transform_members(self, value: Json) -> Json:
        """Does the same, faster, where no node has alternatives and this one strips no keys: for most requests."""
        return self.members_of(value, _NO_MEMO) if value.__class__ is dict else self.apply(value, Memo())

    def apply(self, value: Json, memo: Memo) -> Json:
        """Returns `value` transformed; `memo` belongs to the whole value, which may contain it."""
        if isinstance(value, str):
            if self.convert is not None:
                return self.convert(value)
            return parse((), (self,), value, memo)[0] if self.converts else value
        if self.files and value is not None and not isinstance(value, list):
            value = [value]
        if isinstance(value, dict):
            if self.objects or (memo.checks_defaults and self.verdict is not None):
                value, active = apply_container((self,), value, memo)
                return stripped(active, value) if self.strips else value
            value = self.members_of(value, memo)
            return stripped((self,), value) if self.strips else value
        if isinstance(value, list):
            if self.arrays:
                return apply_container((self,), value, memo)[0]
            return self.items_of(value, memo)
        return without_fraction(value) if self.whole else value

    def members_of(self, value: dict[str, Json], memo: Memo, without: Collection[str] = ()) -> dict[str, Json]:
        """Returns an object with its members transformed; the names in `without` get no default."""
        result = value
        for name, default, convert, node in self.members:
            old = value.get(name, ABSENT)
            if old is ABSENT:
                if default is None or memo.skips_defaults or name in without:
                    continue
                new = default()
                if node is not None and not self.parses:
                    new = node.apply(new, memo)
            elif convert is not None:
                if (new := convert(old)) is old:
                    continue
            elif node is None or (new := node.apply(old, memo)) is old:
                continue
            if result is value:
                result = value.copy()
            result[name] = new
        return self._other_members_of(value, result, memo) if self.changes_others else result

    def _other_members_of(self, value: dict[str, Json], result: dict[str, Json], memo: Memo) -> dict[str, Json]:
        for name in value.keys() - self.inside.keys():
            nodes = _nodes_of((self,), name)[0]
            if nodes and (new := apply(nodes, value[name], memo)) is not value[name]:
                result = value.copy() if result is value else result
                result[name] = new
        return result

    def items_of(self, value: list[Json], memo: Memo, _: Collection[str] = ()) -> list[Json]:
        """Returns an array with its items transformed."""
        if not self.changes_items:
            return value
        result = value
        first, (rest,) = self.first, self.items
        if rest.convert is without_fraction and not first and float not in map(type, value):
            return value
        for index, old in enumerate(value):
            node = first[index][0] if index < len(first) else rest
            if (new := node.apply(old, memo)) is not old:
                if result is value:
                    result = value.copy()
                result[index] = new
        return result

    def children(self) -> Iterator["SchemaNode"]:
        """Yields the nodes of members, items and alternatives."""
        for nodes in (*self.inside.values(), *(each for _, each in self.patterns), *self.first):
            yield from nodes
        yield from (*self.rest, *self.unevaluated, *self.items)
        for choice in (*self.objects, *self.arrays, *self.texts):
            yield from choice.nodes()


# The same by several nodes that apply to one value.


def apply(nodes: Nodes, value: Json, memo: Memo) -> Json:
    """Returns `value` transformed by all of `nodes`."""
    if len(nodes) == 1:
        return nodes[0].apply(value, memo)
    if isinstance(value, str):
        return parse((), nodes, value, memo)[0] if any(node.converts for node in nodes) else value
    if not isinstance(value, list) and value is not None and any(node.files for node in nodes):
        value = [value]
    if not isinstance(value, dict | list):
        return without_fraction(value) if any(node.whole for node in nodes) else value
    new, active = apply_container(nodes, value, memo)
    return stripped(active, new) if isinstance(new, dict) else new


def apply_container(nodes: Nodes, value: Json, memo: Memo, without: Collection[str] = ()) -> tuple[Json, Nodes]:
    """Returns a container transformed by `nodes` and the alternatives it matches, and the tuple of all these nodes.

    Unknown keys are kept.
    """
    key = (nodes, id(value))
    if key in memo and not without:
        return memo[key][1:]
    memo[key] = value, value, nodes  # ends the recursion of a schema that refers to itself for the same value
    is_object = isinstance(value, dict)
    by_several: Callable[[Nodes, Json, Memo, Collection[str]], Json] = _object if is_object else _array
    active = nodes
    if len(nodes) > 1:
        new = by_several(nodes, value, memo, without)
    else:
        new = (nodes[0].members_of if is_object else nodes[0].items_of)(value, memo, without)
    for choice in [each for node in nodes for each in (node.objects if is_object else node.arrays)]:
        more: list[SchemaNode] = []
        for node in choice.nodes_for_container(new, memo):
            more += _with_alternatives(node, new, memo)
        added = tuple(node for node in dict.fromkeys(more) if node not in active)
        if added:
            active += added
            new = by_several(active, value, memo, without)
    if memo.checks_defaults and is_object and not without:
        new, active = _with_valid_defaults(nodes, value, memo, new, active)
    memo[key] = value, new, active
    return new, active


def _with_valid_defaults(
    nodes: Nodes, value: dict[str, Json], memo: Memo, new: Json, active: Nodes
) -> tuple[Json, Nodes]:
    """Returns `new` and `active`, or the result with fewer defaults if all of them together make the object invalid."""

    def is_valid(new: Json, active: Nodes) -> bool:
        memo.tries -= 1
        less = stripped(active, new)
        return all(accepts(judge, new) or (less is not new and accepts(judge, less)) for judge in judges)

    judges = [node.verdict for node in active if node.verdict is not None]
    if not judges or is_valid(new, active):
        return new, active
    without = {name for node in active for name, default, *_ in node.members if default is not None}
    without -= value.keys()
    best = new, active
    for name in [None, *(name for name in new if name in without)]:
        fewer = frozenset(without - {name})
        if memo.tries > 0 and fewer and is_valid(*(result := apply_container(nodes, value, memo, fewer))):
            best, without = result, {*fewer}
    return best


def _with_alternatives(node: SchemaNode, value: Json, memo: Memo) -> Nodes:
    """Returns a node and those of its own alternatives that `value` matches."""
    has_choices = node.objects if isinstance(value, dict) else node.arrays
    return apply_container((node,), value, memo)[1] if has_choices else (node,)


def _object(nodes: Nodes, value: dict[str, Json], memo: Memo, without: Collection[str] = ()) -> dict[str, Json]:
    """Returns an object with its members transformed by several nodes; the names in `without` get no default."""
    result = value
    for name, old in value.items():
        inside = _nodes_of(nodes, name)[0]
        if inside and (new := apply(inside, old, memo)) is not old:
            result = value.copy() if result is value else result
            result[name] = new
    for node in nodes:
        for name, default, *_ in node.members:
            if default is None or name in result or memo.skips_defaults or name in without:
                continue
            if not any(each.refuses(name) for each in nodes):
                result = value.copy() if result is value else result
                result[name] = default()
                inside = _nodes_of(nodes, name)[0]
                if inside and not node.parses:
                    result[name] = apply(inside, result[name], memo)
    return result


def _array(nodes: Nodes, value: list[Json], memo: Memo, _: Collection[str] = ()) -> list[Json]:
    if not any(node.changes_items for node in nodes):
        return value
    result = value
    for index, old in enumerate(value):
        inside = _united(node.first[index] if index < len(node.first) else node.items for node in nodes)
        if inside and (new := apply(inside, old, memo)) is not old:
            result = value.copy() if result is value else result
            result[index] = new
    return result


def _nodes_of(nodes: Nodes, name: str) -> tuple[Nodes, bool]:
    """Returns the nodes of the property `name`, and True if any of `nodes` knows it."""
    matching: list[Nodes] = []
    is_known = False
    for node in nodes:
        if name in node.inside:
            is_known = True
            matching.append(node.inside[name])
            continue
        by_pattern = [inside for matches, inside in node.patterns if matches(name)]
        is_known = is_known or bool(by_pattern)
        matching += by_pattern or [node.rest]
    if not is_known:
        matching += [node.unevaluated for node in nodes]
    return _united(matching), is_known


def _united(tuples: Iterable[Nodes]) -> Nodes:
    filled = [nodes for nodes in tuples if nodes]
    if len(filled) < 2:
        return filled[0] if filled else ()
    return tuple(dict.fromkeys(node for nodes in filled for node in nodes))


def stripped(nodes: Nodes, value: dict[str, Json]) -> dict[str, Json]:
    """Returns `value` without the keys unknown to all of `nodes`; unchanged if a node is open or none names a key."""
    if not any(node.strips for node in nodes):
        return value
    if any(node.is_open for node in nodes) or not any(node.names for node in nodes):
        return value
    unknown = {name for name in value if not _nodes_of(nodes, name)[1]}
    unknown -= {name for name in unknown if any(name in node.required for node in nodes)}
    return {name: each for name, each in value.items() if name not in unknown} if unknown else value


def parse(base: Nodes, nodes: Nodes, value: str, memo: Memo) -> tuple[Json, Nodes]:
    """Returns a text as the type that `base` and `nodes` want, and all nodes that decide on it.

    The alternatives of `base` are among its nodes already.
    """
    base += nodes
    for node in nodes:
        for choice in node.texts:
            base = choice.nodes_for_text(base, value, memo)
    order = common_types(node.order for node in base)
    if order is None:
        return value, base
    candidates = list(interpretations(value, order, base[0].most_digits))
    if "array" in order:
        candidates.append([value])
    if len(candidates) > 1:
        candidates = [apply(base, each, memo) if isinstance(each, list) else each for each in candidates]
        judges = [node.judge for node in base if node.judge is not None]
        valid = (each for each in candidates if all(accepts(judge, each) for judge in judges))
        return next(valid, candidates[0]), base
    if candidates:
        return apply(base, candidates[0], memo) if isinstance(candidates[0], list) else candidates[0], base
    return value, base


def accepts(judge: Judge, value: Json) -> bool:
    """True if `value` is valid; the engine of the report decides on values outside JSON (files)."""
    try:
        return judge.is_valid(value)
    except ValueError:
        return not judge.errors(value)

"""The trie of the router: one node per segment, searched in hapi's order with backtracking.

Segments are expanded and folded by `expanded`; literal paths, methods and hosts are handled by the router.
"""

from collections.abc import Iterator
from typing import Generic, TypeVar

from hapiish.grammar.path import LiteralText, Mixed, Param, Path, Segment, Wildcard

T = TypeVar("T")
"""The target of a route."""


class Leaf(Generic[T]):
    """A target and the names of its parameters in order; a counted parameter's name is repeated."""

    __slots__ = ("counted", "names", "target")

    def __init__(self, target: T, names: tuple[str, ...]) -> None:
        self.target = target
        self.names = names
        self.counted = len(set(names)) < len(names)


class Node(Generic[T]):
    """A node of the trie. `open` is a wildcard below it, `optional` says that its route's last segment is `{p?}`."""

    __slots__ = ("edge", "literals", "mixed", "open", "optional", "param", "plain")

    def __init__(self) -> None:
        self.edge: Leaf[T] | None = None
        self.open: Leaf[T] | None = None
        self.literals: dict[str, Node[T]] = {}
        self.mixed: tuple[tuple[_Shape, Node[T]], ...] = ()
        self.param: Node[T] | None = None
        self.optional = False
        self.plain = False

    def put(self, segments: list[Segment], leaf: Leaf[T]) -> None:
        """Adds `leaf` below this node, replacing an existing one."""
        node: Node[T] = self
        for segment in segments:
            if isinstance(segment, Wildcard):
                node.open = leaf
                return
            node = node._child(segment)
        node.edge = leaf
        node.optional = isinstance(segment, Param) and segment.optional

    def freeze(self) -> None:
        """Sorts the alternatives; a plain node needs no backtracking after a literal."""
        self.mixed = tuple(sorted(self.mixed, key=lambda pair: pair[0].rank))
        self.plain = not self.mixed and self.param is None and self.open is None
        for node in (*self.literals.values(), *(node for _, node in self.mixed), self.param):
            if node is not None:
                node.freeze()

    def _child(self, segment: Segment) -> "Node[T]":
        if isinstance(segment, LiteralText):
            return self.literals.setdefault(segment.text, Node())
        if isinstance(segment, Mixed):
            shape = _Shape(segment)
            for known, node in self.mixed:
                if known.rank == shape.rank:
                    return node
            self.mixed = (*self.mixed, (shape, Node()))
            return self.mixed[-1][1]
        if self.param is None:
            self.param = Node()
        return self.param


class _Shape:
    """A mixed segment as prefix, separators and suffix; matching is greedy from the left and linear in the text.

    The first parameter is longest when every separator is as far right as the ones after it allow, so separators are
    searched from the right; a regular expression would backtrack (n³ steps for four parameters).
    """

    __slots__ = ("least", "prefix", "rank", "separators", "suffix")

    def __init__(self, mixed: Mixed) -> None:
        parts = mixed.parts
        literals = [part.text for part in parts if isinstance(part, LiteralText)]
        params = [part for part in parts if isinstance(part, Param)]
        starts, ends = isinstance(parts[0], LiteralText), isinstance(parts[-1], LiteralText)
        self.least = tuple(0 if param.optional else 1 for param in params)
        # hapi's order: more parts first, then those starting with a literal, then part by part the longer literal.
        # Shapes that differ only in optionality come last: hapi merges them into the one added first.
        self.rank = (-len(parts), not starts, [(-len(text), text) for text in literals], [-n for n in self.least])
        self.prefix = literals.pop(0) if starts else ""
        self.suffix = literals.pop() if ends else ""
        self.separators = tuple(reversed(list(zip(literals, self.least[1:], strict=True))))

    def match(self, segment: str, raw: str) -> list[str] | None:
        """The parameters' values cut from `raw`; None unless `segment`, its case-folded form, matches."""
        if not (segment.startswith(self.prefix) and segment.endswith(self.suffix)):
            return None
        start, end = len(self.prefix), len(segment) - len(self.suffix)
        values: list[str] = []
        for separator, least in self.separators:
            stop = end - least
            at = segment.rfind(separator, start, stop) if stop > start else -1
            if at < 0:
                return None
            values.append(raw[at + len(separator) : end])
            end = at
        if end - start < self.least[0]:
            return None
        values.append(raw[start:end])
        values.reverse()
        return values


def search(node: Node[T], segments: list[str], raw: list[str], index: int, values: list[str]) -> Leaf[T] | None:
    """The best leaf below `node` for `segments` from `index`; appends its parameters to `values`."""
    count = len(segments)
    while index < count:
        segment = segments[index]
        child = node.literals.get(segment)
        if node.plain:
            if child is None:
                return None
            node = child
            index += 1
            continue
        mark = len(values)
        if child is not None:
            leaf = search(child, segments, raw, index + 1, values)
            if leaf is not None:
                return leaf
            del values[mark:]
        if node.mixed:
            leaf = _search_mixed(node, segments, raw, index, values)
            if leaf is not None:
                return leaf
        index += 1
        param = node.param
        # A required parameter is never empty; hapi accepts "" if it shares its node with `{p?}`.
        if param is not None and (segment or (param.optional and index == count)):
            values.append(raw[index - 1])
            if node.open is None:
                node = param
                continue
            leaf = search(param, segments, raw, index, values)
            if leaf is not None:
                return leaf
            del values[mark:]
        if node.open is not None:
            values.append("/".join(raw[index - 1 :]))
        return node.open
    return node.edge or node.open


def _search_mixed(node: Node[T], segments: list[str], raw: list[str], index: int, values: list[str]) -> Leaf[T] | None:
    mark = len(values)
    for shape, child in node.mixed:
        matched = shape.match(segments[index], raw[index])
        if matched is None:
            continue
        values += matched
        leaf = search(child, segments, raw, index + 1, values)
        if leaf is not None:
            return leaf
        del values[mark:]
    return None


def expanded(path: Path, case_sensitive: bool) -> Iterator[Segment]:
    """One segment per slash: `{p*3}` becomes three parameters; literals are folded if case is ignored."""
    for segment in path.segments:
        match segment:
            case Param(count=count):
                yield from [segment] * count
            case LiteralText(text) if not case_sensitive:
                yield LiteralText(text.lower())
            case Mixed(parts) if not case_sensitive:
                yield Mixed(
                    tuple(LiteralText(part.text.lower()) if isinstance(part, LiteralText) else part for part in parts)
                )
            case _:
                yield segment


def names_of(path: Path) -> Iterator[str]:
    """The parameter names of a match, in order."""
    for segment in path.segments:
        match segment:
            case Param(name, count=count):
                yield from [name] * count
            case Mixed(parts):
                yield from (part.name for part in parts if isinstance(part, Param))
            case Wildcard(name):
                yield name

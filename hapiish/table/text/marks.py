"""The positions of all keys and values of a file and of the files used in it: a tree parallel to that of the values.

A path is a tuple of keys and indexes, as in jsonschema.
"""

from dataclasses import dataclass

from hapiish.table.problems import Mark

Path = tuple[str | int, ...]


class MarkNode:
    """The position of one value, from 0; `keys` has the positions of a mapping's keys, `text` is a scalar as written.

    `plain` scalars have neither quotes nor a tag. `marks` are those of a used table whose root is this node.
    """

    __slots__ = ("column", "items", "keys", "line", "marks", "plain", "text")

    def __init__(self, line: int, column: int, text: str | None = None, *, plain: bool = False) -> None:
        self.line = line
        self.column = column
        self.text = text
        self.plain = plain
        self.marks: Marks | None = None
        self.keys: dict[str, tuple[int, int]] | None = None
        self.items: dict[str, MarkNode] | list[MarkNode] | None = None


@dataclass(frozen=True, slots=True)
class Marks:
    """The positions in one file; `chain` are the positions where its table is used."""

    file: str
    root: MarkNode
    chain: tuple[Mark, ...] = ()

    def value(self, path: Path) -> Mark:
        """The position of the value at `path`, or of its nearest ancestor that exists."""
        node, _, marks = self._walk(path)
        return Mark(marks.file, node.line + 1, node.column + 1, marks.chain)

    def key(self, path: Path) -> Mark:
        """The position of the last key of `path`; for an entry of a list, the position of the value."""
        node, depth, marks = self._walk(path[:-1])
        if depth == len(path) - 1 and node.keys is not None and path[-1] in node.keys:
            line, column = node.keys[str(path[-1])]
            return Mark(marks.file, line + 1, column + 1, marks.chain)
        return self.value(path)

    def written(self, path: Path) -> str | None:
        """The source text of the unquoted scalar at `path`; None for any other value."""
        node, depth, _ = self._walk(path)
        return node.text if depth == len(path) and node.plain else None

    def graft(self, path: Path, key: str, other: "Marks") -> None:
        """Inserts the positions of a used table into the mapping at `path`, under a key that no file can contain."""
        node, _, _ = self._walk(path)
        other.root.marks = other
        if not isinstance(node.items, dict):
            node.items = {}
        node.items[key] = other.root

    def append(self, path: Path, count: int, node: MarkNode) -> None:
        """Appends the position of an entry to a list of `count` entries, which may be written as a single value."""
        outer = self.root
        for step in path:
            outer = _inside(outer).setdefault(str(step), MarkNode(node.line, node.column))
        if not isinstance(outer.items, list):
            alone = MarkNode(outer.line, outer.column, outer.text, plain=outer.plain)
            alone.keys, alone.items = outer.keys, outer.items
            outer.keys, outer.items = None, [alone] * count
        outer.items.append(node)

    def _walk(self, path: Path) -> "tuple[MarkNode, int, Marks]":
        node, marks = self.root, self
        for depth, step in enumerate(path):
            match node.items:
                case dict() as items if step in items:
                    node = items[str(step)]
                case list() as entries if isinstance(step, int) and step < len(entries):
                    node = entries[step]
                case _:
                    return node, depth, marks
            marks = node.marks or marks
        return node, len(path), marks


def _inside(node: MarkNode) -> dict[str, MarkNode]:
    if not isinstance(node.items, dict):
        node.items = {}
    return node.items

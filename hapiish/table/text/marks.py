"""The positions of all keys and values of a file and of the files used in it: a tree parallel to that of the values.

A path is a tuple of keys and indexes, as in jsonschema. A table has more positions than anything else, so those of a
file are numbers in one array.
"""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from hapiish.table.problems import Mark

Path = tuple[str | int, ...]

COLUMN: Final = 32
"""The bits of a column in a position."""
_COLUMNS: Final = (1 << COLUMN) - 1


def position(line: int, column: int) -> int:
    """Returns a position, which counts from 0, as one number."""
    return line << COLUMN | column


class MarkNode:
    """The positions in a mapping or list: those of its values from `start` on in the array of the file, then the keys'.

    `names` has the index of each key of a mapping, None for a list. A child is the node of a mapping or list, or the
    text of a scalar with neither quotes nor a tag, or None for another scalar.
    """

    __slots__ = ("children", "names", "start")

    def __init__(self, start: int, names: Mapping[str, int] | None, children: tuple["Child", ...]) -> None:
        self.start = start
        self.names = names
        self.children = children

    def index(self, step: str | int) -> int | None:
        """The index of the value of a key, or of an entry; None if absent."""
        if self.names is not None:
            return self.names.get(step)  # type: ignore[arg-type]
        return step if isinstance(step, int) and step < len(self.children) else None


Child = MarkNode | str | None


@dataclass(frozen=True, slots=True)
class Marks:
    """The positions in one file; `chain` are the positions where its table is used.

    `root` is the child of the whole file and `at` its position. `added` has the positions of values that are not in the
    file, and the marks of used tables, by path.
    """

    file: str
    at: int
    root: Child = None
    positions: "array[int]" = field(default_factory=lambda: array("Q"))
    chain: tuple[Mark, ...] = ()
    added: "dict[Path, int | Marks]" = field(default_factory=dict)

    def value(self, path: Path) -> Mark:
        """The position of the value at `path`, or of its nearest ancestor that exists."""
        marks, _, at, _ = self._walk(path)
        return marks.mark(at)

    def key(self, path: Path) -> Mark:
        """The position of the last key of `path`; for an entry of a list, the position of the value."""
        marks, node, _, depth = self._walk(path[:-1])
        if depth == len(path) - 1 and isinstance(node, MarkNode) and node.names is not None:
            index = node.index(path[-1])
            if index is not None:
                return marks.mark(marks.positions[node.start + len(node.names) + index])
        return self.value(path)

    def mark(self, at: int) -> Mark:
        """Returns a position in this file."""
        return Mark(self.file, (at >> COLUMN) + 1, (at & _COLUMNS) + 1, self.chain)

    def written(self, path: Path) -> str | None:
        """The source text of the unquoted scalar at `path`; None for any other value."""
        _, node, _, depth = self._walk(path)
        return node if depth == len(path) and isinstance(node, str) else None

    def graft(self, path: Path, key: str, other: "Marks") -> None:
        """Adds the positions of a used table to the mapping at `path`, under a key that no file can contain."""
        self.added[*path, key] = other

    def append(self, path: Path, index: int, at: int) -> None:
        """Adds the position of an entry that is appended to the list at `path`, which the file need not contain."""
        for length in range(1, len(path) + 1):
            self.added.setdefault(path[:length], self._walk(path[:length])[2])
        self.added[*path, index] = at

    def _walk(self, path: Path) -> "tuple[Marks, Child, int, int]":
        """The value at `path` or its nearest ancestor: the marks of its file, its child, position and depth."""
        marks, node, at, entered = self, self.root, self.at, 0
        for depth, step in enumerate(path):
            index = node.index(step) if isinstance(node, MarkNode) else None
            if index is not None:
                assert isinstance(node, MarkNode)
                at, node = marks.positions[node.start + index], node.children[index]
                continue
            added = marks.added.get(path[entered : depth + 1]) if marks.added else None
            match added:
                case None:
                    return marks, node, at, depth
                case Marks():
                    marks, node, at, entered = added, added.root, added.at, depth + 1
                case _:
                    node, at = None, added
        return marks, node, at, len(path)

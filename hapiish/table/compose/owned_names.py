"""Names that know which table wrote them: `handlers.messages:create` of one table is not that of another.

A plain text was written by the table that is served; what a used table says of functions, strategies and named
schemas is marked as its own, and what was given to it `with:` the use as the giver's.
"""

from typing import Any, Final, Self

from hapiish.table.names import named_in
from hapiish.table.places import schemas_in, schemas_within, strategies_in
from hapiish.table.text.marks import Path
from hapiish.table.text.source import Tree

NAMED: Final = "#/schemas/"


class Name(str):
    """A name and `home`, the index of the table that wrote it; equal only to the same name of the same table."""

    __slots__ = ("home",)
    home: int

    def __new__(cls, text: str, home: int) -> Self:
        name = super().__new__(cls, text)
        name.home = home
        return name

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other) is True and self.home == home(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((str(self), self.home)) if self.home else str.__hash__(self)


def home(name: object) -> int:
    """The index of the table that wrote a name."""
    return name.home if isinstance(name, Name) else 0


def homed(name: str, index: int) -> str:
    """`name` as the table `index` has it."""
    return Name(name, index) if index else str(name)


def written(name: str, index: int) -> str:
    """A name that may be one of the table `index`, in options that nobody knows before they are used."""
    return name if isinstance(name, Name) else homed(name, index)


def settle(tree: Tree, index: int, label: str) -> None:
    """Marks the names in the tree of a used table, in place; its named schemas get its label in front."""
    for text, path in [*named_in(tree.value), *strategies_in(tree.value)]:
        _put(tree.value, path, Name(text, tree.passed.get(path, index)))
    for _, schema in [place for at, root in schemas_in(tree.value) for place in schemas_within(at, root)]:
        for keyword in ("$ref", "$dynamicRef"):
            target = schema.get(keyword)
            if isinstance(target, str) and target.startswith(NAMED):
                schema[keyword] = f"{NAMED}{label}~1{target.removeprefix(NAMED)}"


def _put(value: Any, path: Path, name: Name) -> None:
    for step in path[:-1]:
        value = value[step]
    value[path[-1]] = name

"""Names with an owner, the table that wrote them: `handlers.messages:create` differs between two tables.

A plain string belongs to the root table. Names of functions, strategies and schemas in a used table belong to it,
except those in its arguments (`with:`), which belong to the table that passes them.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any, Final, Self

import orjson

from hapiish.declare.option import Role
from hapiish.declare.walk import walk
from hapiish.grammar.example import MATCH, is_matcher
from hapiish.options import Table
from hapiish.table.text.marks import Path
from hapiish.table.text.source import Tree
from hapiish.table.text.tree import schemas_within

NAMED: Final = "#/schemas/"
_unequal = count()


class OwnedName(str):
    """A name and the index of its owner; equal only to the same name with the same owner."""

    __slots__ = ("owner",)
    owner: int

    def __new__(cls, text: str, owner: int) -> Self:
        name = super().__new__(cls, text)
        name.owner = owner
        return name

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other) is True and self.owner == owner_of(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((str(self), self.owner)) if self.owner else str.__hash__(self)


def owner_of(name: object) -> int:
    """The index of the table that wrote a name, 0 for the root table."""
    return name.owner if isinstance(name, OwnedName) else 0


def owned(name: str, index: int) -> str:
    """`name` with the table `index` as its owner."""
    return OwnedName(name, index) if index else str(name)


def owned_by_default(name: str, index: int) -> str:
    """`name` with its owner, or else with the table `index` as its owner."""
    return name if isinstance(name, OwnedName) else owned(name, index)


def exact_text(value: Any) -> bytes:
    """The text of a value of a table, or of a dataclass of such values; those with the same text are interchangeable.

    It has the owners of names and the order of keys, and tells `1` from `1.0`. A value that orjson cannot encode, such
    as an integer over 64 bits, has a text of its own.
    """
    try:
        return orjson.dumps(value, _exact, orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_SUBCLASS)
    except TypeError:
        return b"#%d" % next(_unequal)


def _exact(value: Any) -> Any:
    if isinstance(value, OwnedName):
        return orjson.Fragment(f"{value.owner} {str(value)!r}")  # no JSON, so that no other text is the same
    raise TypeError


def set_owners(tree: Tree, index: int, label: str) -> None:
    """Sets the owner of all names in the tree of a used table, in place, and prefixes its schemas with `label`."""
    found = walk(Table, tree.value)
    for role, text, path in found:
        if role not in (Role.SCHEMA, Role.SECRET):
            _replace(tree.value, path, OwnedName(text, tree.owners.get(path, index)))
    roots = [(at, root) for role, root, at in found if role is Role.SCHEMA]
    roots += [((), schema) for schema in _matchers(tree.value)]
    for _, schema in [place for at, root in roots for place in schemas_within(at, root)]:
        for keyword in ("$ref", "$dynamicRef"):
            target = schema.get(keyword)
            if isinstance(target, str) and target.startswith(NAMED):
                schema[keyword] = f"{NAMED}{label}~1{target.removeprefix(NAMED)}"


def _matchers(value: Any) -> Iterator[Any]:
    """Yields the schemas of `{$match: schema}` in the examples of a tree."""
    stack = [(value, False)]
    while stack:
        inner, is_example = stack.pop()
        if is_example and is_matcher(inner):
            yield inner[MATCH]
        elif isinstance(inner, dict):
            stack += [(each, is_example or key == "examples") for key, each in inner.items()]
        elif isinstance(inner, list):
            stack += [(each, is_example) for each in inner]


def _replace(value: Any, path: Path, name: OwnedName) -> None:
    for step in path[:-1]:
        value = value[step]
    value[path[-1]] = name

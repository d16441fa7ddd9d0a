"""How often a JSON Schema is asked for a verdict on one value, which `$ref` lets grow without bound in a short text.

Only what judges the same value counts (`allOf`, `$ref`, `if` and so on): what judges a part of it is bounded by the
value itself.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hapiish.table.schemas.references import Library, Root, Target, UnresolvedError
from hapiish.table.text.marks import Path

HEAVIEST: Final = 10_000
"""Verdicts on one value that a schema may take."""

_DEEPEST: Final = 100
"""Schemas that may ask each other in a row."""
_BOTH: Final = ("allOf",)
_EITHER: Final = ("anyOf", "oneOf")
_SINGLE: Final = ("not", "if", "then", "else")


class Weights:
    """The weights of the schemas of one table, each computed once."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self._known: dict[tuple[int, Path], int] = {}
        self._open: set[tuple[int, Path]] = set()

    def of(self, root: Root, path: Path = ()) -> int:
        """The verdicts that the schema at `path` asks for; more than HEAVIEST where it asks itself for one."""
        key = (id(root), path)
        if key in self._open or len(self._open) > _DEEPEST:
            return HEAVIEST + 1
        if key not in self._known:
            self._open.add(key)
            total = 1
            for target in asked(self.library, root, path):
                total += self.of(*target)
                if total > HEAVIEST:
                    break
            self._open.discard(key)
            self._known[key] = total
        return self._known[key]


def demanded(library: Library, root: Root, path: Path = ()) -> Iterator[Target]:
    """The schemas that the one at `path` itself, and what it refers to, demand of the same value, each once."""
    found: dict[tuple[int, Path], Target] = {}
    waiting = [(root, path)]
    while waiting:
        target = waiting.pop()
        key = (id(target[0]), target[1])
        if key not in found:
            found[key] = target
            waiting += asked(library, *target, lists=_BOTH, singles=())
    yield from found.values()


def asked(
    library: Library,
    root: Root,
    path: Path,
    *,
    lists: tuple[str, ...] = (*_BOTH, *_EITHER),
    singles: tuple[str, ...] = _SINGLE,
) -> Iterator[Target]:
    """The schemas that the one at `path` asks about its own value."""
    schema = at(root, path)
    if not isinstance(schema, Mapping):
        return
    for key in singles:
        if key in schema:
            yield root, (*path, key)
    for key in lists:
        for index in range(len(schema[key]) if isinstance(schema.get(key), list) else 0):
            yield root, (*path, key, index)
    dependent = schema.get("dependentSchemas")
    for name in dependent if isinstance(dependent, Mapping) and singles else ():
        yield root, (*path, "dependentSchemas", name)
    for key in ("$ref", "$dynamicRef"):
        if isinstance(schema.get(key), str):
            try:
                yield library.find(root, path, schema[key])
            except (UnresolvedError, StopIteration):
                continue  # told at its place


def at(root: Root, path: Path) -> Any:
    """The schema at a place of a whole one."""
    found = root.schema
    for step in path:
        found = found[step]
    return found

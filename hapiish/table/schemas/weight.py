"""Counts how many schemas are evaluated for one value, which grows exponentially with references.

Only in-place applicators count (`allOf`, `$ref`, `if` and so on): the size of the value bounds all others.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from hapiish.table.schemas.references import Library, Root, Target, UnresolvedError, value_at
from hapiish.table.text.marks import Path

HEAVIEST: Final = 10_000
"""The maximum of schemas that one schema may evaluate for one value."""

_DEEPEST: Final = 100
"""The maximum depth of in-place applicators."""
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
        """The number of schemas that the schema at `path` evaluates for a value; above HEAVIEST if it is recursive."""
        key = (id(root), path)
        if key in self._open or len(self._open) > _DEEPEST:
            return HEAVIEST + 1
        if key not in self._known:
            self._open.add(key)
            total = 1
            for target in applied_in_place(self.library, root, path):
                total += self.of(*target)
                if total > HEAVIEST:
                    break
            self._open.discard(key)
            self._known[key] = total
        return self._known[key]


def always_applied(library: Library, root: Root, path: Path = ()) -> Iterator[Target]:
    """The schemas that always apply to the value of the schema at `path`: itself, and by `allOf` and references."""
    found: dict[tuple[int, Path], Target] = {}
    queue = [(root, path)]
    while queue:
        target = queue.pop()
        key = (id(target[0]), target[1])
        if key not in found:
            found[key] = target
            queue += applied_in_place(library, *target, lists=_BOTH, singles=())
    yield from found.values()


def applied_in_place(
    library: Library,
    root: Root,
    path: Path,
    *,
    lists: tuple[str, ...] = (*_BOTH, *_EITHER),
    singles: tuple[str, ...] = _SINGLE,
) -> Iterator[Target]:
    """The schemas that the schema at `path` applies in place, to the same value."""
    schema = value_at(root.schema, path)
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
                continue  # `checks.schemas` reports it

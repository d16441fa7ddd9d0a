"""Keyset pagination: the sort order of a list and the cursor of its next page.

A cursor has the last document's values of the sort keys, the id last, so that inserts between two pages neither skip
nor repeat documents. A cursor is validated like any other input: a forged one is only another position in the list.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from hapiish import codec
from hapiish.kinds.model.types import Type
from hapiish.kinds.model.values import Unfit
from hapiish.types import Value

Condition = dict[str, Value]

_MAX_LENGTH = 4096  # characters of a cursor


@dataclass(frozen=True, slots=True)
class SortKey:
    """One sort key: a path in the database, its type, and the direction."""

    path: str
    type: Type
    descending: bool = False

    def __str__(self) -> str:
        return f"-{self.path}" if self.descending else self.path


@dataclass(frozen=True, slots=True)
class Order:
    """Sort keys. The last one is unique, so that the order is total."""

    keys: tuple[SortKey, ...]

    @property
    def sort(self) -> list[tuple[str, int]]:
        """The order in PyMongo's form."""
        return [(key.path, -1 if key.descending else 1) for key in self.keys]

    def cursor(self, row: Mapping[str, Value]) -> str:
        """Returns the cursor of the page after this stored document."""
        values = [key.type.plain(_value_at(row, key.path)) for key in self.keys]
        return codec.to_base64url(codec.encode([self._name(), *values]))

    def after(self, cursor: str) -> Condition:
        """Returns the condition for documents after the cursor. Raises Unfit for a cursor of another order."""
        try:
            if len(cursor) > _MAX_LENGTH:
                raise ValueError
            name, *values = codec.decode(codec.from_base64url(cursor))
            if name != self._name() or len(values) != len(self.keys):
                raise ValueError
            return self._after([self._stored(key, value) for key, value in zip(self.keys, values, strict=True)])
        except (ValueError, TypeError):
            raise Unfit("is not a cursor of this list in this order", ("cursor",)) from None

    def _name(self) -> str:
        return ",".join(map(str, self.keys))

    @staticmethod
    def _stored(key: SortKey, value: Value) -> Value:
        assert key.type.store is not None
        return None if value is None else key.type.store(value)

    def _after(self, values: list[Value]) -> Condition:
        """Returns the condition of the lexicographic order: equal in the first keys and after the value of the next."""
        branches: list[Condition] = []
        equal: list[Condition] = []
        for key, value in zip(self.keys, values, strict=True):
            after = _after_value(key, value)
            if after is not None:
                branches.append({"$and": [*equal, after]})
            equal.append({key.path: value})
        return {"$or": branches}


def _after_value(key: SortKey, value: Value) -> Condition | None:
    """Returns the condition for values after `value`, None if there are none.

    MongoDB sorts null and missing fields first, but `$gt` and `$lt` never match null.
    """
    if value is None:
        return None if key.descending else {key.path: {"$ne": None}}
    if not key.descending:
        return {key.path: {"$gt": value}}
    return {"$or": [{key.path: {"$lt": value}}, {key.path: None}]}


def _value_at(row: Value, path: str) -> Value:
    for step in path.split("."):
        row = row.get(step) if isinstance(row, Mapping) else None
    return row

"""The order of a list, and the place in it where the next page begins (keyset pagination).

A cursor says after which values of the sort keys, the id last, to go on; so nothing is skipped or doubled when
documents are inserted between two pages. What a client makes of a cursor is read as strictly as any other value: a
forged one is only another place in the same list.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hapiish import codec
from hapiish.kinds.model.types import Type
from hapiish.kinds.model.values import Unfit

Condition = dict[str, Any]

_LONGEST = 4096  # characters of a cursor


@dataclass(frozen=True, slots=True)
class Key:
    """One sort key: a path in the database, its type, and the direction."""

    path: str
    type: Type
    descending: bool = False

    def __str__(self) -> str:
        return f"-{self.path}" if self.descending else self.path


@dataclass(frozen=True, slots=True)
class Order:
    """Sort keys, the last of which tells any two documents apart."""

    keys: tuple[Key, ...]

    @property
    def sort(self) -> list[tuple[str, int]]:
        """As PyMongo takes it."""
        return [(key.path, -1 if key.descending else 1) for key in self.keys]

    def cursor(self, row: Mapping[str, Any]) -> str:
        """The cursor of the page that follows this stored document."""
        values = [key.type.plain(_at(row, key.path)) for key in self.keys]
        text = codec.encode([self._name(), *values])
        return urlsafe_b64encode(text).decode().rstrip("=")

    def after(self, cursor: str) -> Condition:
        """The condition that only what follows the cursor fulfils; Unfit for one that is not of this order."""
        try:
            if len(cursor) > _LONGEST:
                raise ValueError
            name, *values = codec.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
            if name != self._name() or len(values) != len(self.keys):
                raise ValueError
            return self._beyond([self._stored(key, value) for key, value in zip(self.keys, values, strict=True)])
        except (ValueError, TypeError):
            raise Unfit("is not a cursor of this list in this order", ("cursor",)) from None

    def _name(self) -> str:
        return ",".join(map(str, self.keys))

    @staticmethod
    def _stored(key: Key, value: Any) -> Any:
        assert key.type.store is not None
        return None if value is None else key.type.store(value)

    def _beyond(self, values: list[Any]) -> Condition:
        """Equal in the first keys and beyond in the next one, for each of them."""
        branches: list[Condition] = []
        equal: list[Condition] = []
        for key, value in zip(self.keys, values, strict=True):
            beyond = _past(key, value)
            if beyond is not None:
                branches.append({"$and": [*equal, beyond]})
            equal.append({key.path: value})
        return {"$or": branches}


def _past(key: Key, value: Any) -> Condition | None:
    """MongoDB puts null, and what is absent, before everything else; it never compares null with a value."""
    if value is None:
        return None if key.descending else {key.path: {"$ne": None}}
    if not key.descending:
        return {key.path: {"$gt": value}}
    return {"$or": [{key.path: {"$lt": value}}, {key.path: None}]}


def _at(row: Any, path: str) -> Any:
    for step in path.split("."):
        row = row.get(step) if isinstance(row, Mapping) else None
    return row

"""Decides if one JSON Schema accepts only values that another accepts.

The answer "yes" is proved: by the canonical forms of jsonschema-rs, or by the structure of recursive schemas. The
answer "no" has a witness, a value that jsonschema-rs accepts by the one schema and refuses by the other. Everything
else is "unknown".
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

from hapiish.declare.types import Json
from hapiish.describe.diff.documents import Document, is_note
from hapiish.describe.diff.samples import candidates

_MOST_STEPS: Final = 400


Answer = Literal["yes", "no", "unknown"]


@dataclass(frozen=True, slots=True)
class Inclusion:
    """The answer whether a schema accepts each value of another one. `witness` has a refused value, or is empty."""

    answer: Answer
    witness: tuple[Json, ...] = ()


def contains(wide: Document, narrow: Document) -> Inclusion:
    """Returns whether `wide` accepts every value that `narrow` accepts."""
    if _Proof(narrow, wide).holds(narrow, wide):
        return Inclusion("yes")
    for value in candidates(narrow, wide):
        if narrow.allows(value) and wide.refuses(value):
            return Inclusion("no", (value,))
    return Inclusion("unknown")


def proved(wide: Document, narrow: Document) -> bool:
    """Returns whether the canonical forms prove that `wide` accepts every value that `narrow` accepts."""
    if narrow.schema is False or wide.schema is True or wide.schema == {}:
        return narrow.engine is not None and wide.engine is not None
    if narrow.canonical is None or wide.canonical is None:
        return False
    try:
        return bool(wide.canonical.covers(narrow.canonical).value == "yes")
    except Exception:  # noqa: BLE001 each release of jsonschema-rs has its own classes of errors
        return False


class _Proof:
    """A proof by structure. An assumption about two recursive schemas counts only inside an object or array."""

    def __init__(self, narrow: Document, wide: Document) -> None:
        self.steps = 0
        self.assumed: set[tuple[int, int]] = set()
        self.is_possible = narrow.engine is not None and wide.engine is not None

    def holds(self, narrow: Document, wide: Document) -> bool:
        self.steps += 1
        if not self.is_possible or self.steps > _MOST_STEPS:
            return False
        if proved(wide, narrow):
            return True
        narrow, wide = narrow.flat, wide.flat
        key = (id(narrow.schema), id(wide.schema))
        if key in self.assumed:
            return True
        return self._by_structure(narrow, wide, key)

    def _by_structure(self, narrow: Document, wide: Document, key: tuple[int, int]) -> bool:
        if isinstance(narrow.schema, bool) or isinstance(wide.schema, bool):
            return False
        own, other = words(narrow.schema), words(wide.schema)
        if own.keys() == {"anyOf"}:
            return all(self.holds(narrow.at(each), wide) for each in own["anyOf"])
        if other.keys() == {"anyOf"}:
            return any(self.holds(narrow, wide.at(each)) for each in other["anyOf"])
        if own.keys() <= PLAIN_OBJECT and other.keys() <= PLAIN_OBJECT and own.get("type") == "object":
            return other.get("type", "object") == "object" and self._objects(narrow, wide, key)
        if own.keys() <= PLAIN_ARRAY and other.keys() <= PLAIN_ARRAY and own.get("type") == "array":
            return other.get("type", "array") == "array" and self._arrays(narrow, wide, key)
        return False

    def _inside(self, narrow: Document, wide: Document, key: tuple[int, int]) -> bool:
        """Proves a part of a value; the whole may be assumed, because the part is smaller."""
        is_new = key not in self.assumed
        self.assumed.add(key)
        try:
            return self.holds(narrow, wide)
        finally:
            if is_new:
                self.assumed.discard(key)

    def _objects(self, narrow: Document, wide: Document, key: tuple[int, int]) -> bool:
        own, other = words(narrow.schema), words(wide.schema)
        if not set(other.get("required", ())) <= set(own.get("required", ())):
            return False
        mine, theirs = own.get("properties", {}), other.get("properties", {})
        rest, their_rest = own.get("additionalProperties", True), other.get("additionalProperties", True)
        pairs = [(mine.get(name, rest), theirs.get(name, their_rest)) for name in {**mine, **theirs}]
        return all(self._inside(narrow.at(a), wide.at(b), key) for a, b in [*pairs, (rest, their_rest)])

    def _arrays(self, narrow: Document, wide: Document, key: tuple[int, int]) -> bool:
        own, other = words(narrow.schema), words(wide.schema)
        if own.get("minItems", 0) < other.get("minItems", 0):
            return False
        if "maxItems" in other and own.get("maxItems", float("inf")) > other["maxItems"]:
            return False
        if other.get("uniqueItems") and not own.get("uniqueItems"):
            return False
        return self._inside(narrow.at(own.get("items", True)), wide.at(other.get("items", True)), key)


PLAIN_OBJECT: Final = frozenset({"type", "properties", "required", "additionalProperties"})
PLAIN_ARRAY: Final = frozenset({"type", "items", "minItems", "maxItems", "uniqueItems"})


def words(schema: Any) -> dict[str, Any]:
    """Returns the keywords of a schema that can refuse a value."""
    return {key: value for key, value in schema.items() if not is_note(key)} if isinstance(schema, dict) else {}

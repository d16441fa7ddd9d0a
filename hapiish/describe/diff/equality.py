"""Compares schemas of one universe for equality, through references and without what people read only."""

from collections.abc import Mapping
from typing import Any, Final

from hapiish.describe.diff.relaxing import target
from hapiish.describe.surface.schemas import ANNOTATIONS

NOTES: Final = frozenset({"default", "deprecated"})
"""Keywords that accept any value, and whose change is reported."""
_IGNORED: Final = ANNOTATIONS - NOTES
_NAMES: Final = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_DATA: Final = frozenset({"const", "enum", "default", "required", "dependentRequired"})


class Equality:
    """Equality of schemas; two references are equal if they lead to equal schemas, also recursively."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self.definitions = definitions
        self.assumed: set[tuple[str, str]] = set()
        self.waiting: list[tuple[Any, Any]] = []

    def same(self, one: Any, other: Any) -> bool:
        """Returns whether two schemas are equal."""
        return self._followed(self._alike(one, other))

    def differs(self, one: Mapping[str, Any], other: Mapping[str, Any], key: str) -> bool:
        """Returns whether two schemas differ in a keyword."""
        return not self._followed(not self._differs(one, other, key))

    def _followed(self, is_alike: bool) -> bool:
        """Returns whether the targets of references are equal, too; they wait, as a chain of them has any length."""
        while is_alike and self.waiting:
            is_alike = self._alike(*self.waiting.pop())
        if not is_alike:
            self.waiting.clear()
            self.assumed.clear()  # they were equal on the assumption only
        return is_alike

    def _alike(self, one: Any, other: Any) -> bool:
        if isinstance(one, dict) and isinstance(other, dict):
            return all(not self._differs(one, other, key) for key in one.keys() | other.keys())
        return type(one) is type(other) and bool(one == other)

    def _differs(self, one: Mapping[str, Any], other: Mapping[str, Any], key: str) -> bool:
        if key in _IGNORED or key.startswith("x-"):
            return False
        if (key in one) != (key in other):
            # An absent list of required properties and an empty one are equal, as are absent and no properties.
            return bool(one.get(key, other.get(key))) or key not in ("required", "properties")
        if key not in one:
            return False
        before, after = one[key], other[key]
        if key in _NAMES and isinstance(before, dict) and isinstance(after, dict):
            return before.keys() != after.keys() or any(not self._alike(before[name], after[name]) for name in before)
        if key == "required" and isinstance(before, list) and isinstance(after, list):
            return set(before) != set(after)
        if key in _DATA:
            return type(before) is not type(after) or bool(before != after)
        if key in ("$ref", "$dynamicRef"):
            return not self._same_targets(before, after)
        if isinstance(before, list) and isinstance(after, list):
            pairs = zip(before, after, strict=False)
            return len(before) != len(after) or any(not self._alike(*pair) for pair in pairs)
        return not self._alike(before, after)

    def _same_targets(self, one: Any, other: Any) -> bool:
        if one == other or (one, other) in self.assumed:
            return True
        first, second = target(one, self.definitions), target(other, self.definitions)
        if first is None or second is None:
            return False
        self.assumed.add((one, other))
        self.waiting.append((first, second))
        return True

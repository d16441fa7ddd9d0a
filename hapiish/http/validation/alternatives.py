"""The keywords `anyOf` and `oneOf` of the report: the faults of the branch closest to the value, or what all allow.

The candidates are the branches that accept the type of the value and its discriminators, properties whose constants
differ between branches (`kind: {const: circle}`). Branches that the schema alone rules out are not evaluated.
"""

import json
from collections.abc import Iterator
from typing import Any

from jsonschema.exceptions import ValidationError

from hapiish.http.validation.schema_reader import ABSENT, ANY, Shape, among, inside, type_of
from hapiish.types import Json

MOST_BRANCHES = 1000
"""The maximum number of branches evaluated for one value where the schema leaves more than one candidate."""


class SchemaMessage(ValidationError):
    """An error whose message is built from the schema alone; jsonschema's own messages quote the value."""


class AlternativesReport:
    """Implements `anyOf` and `oneOf` for a jsonschema validator; `shape` reads the document.

    `restart` must be called before each value.
    """

    __slots__ = ("_facts_by_schema", "_remaining", "_shape")

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._facts_by_schema: dict[int, tuple[Json, ...]] = {}
        self._remaining = MOST_BRANCHES

    def restart(self) -> None:
        """Resets the number of branches that may be evaluated."""
        self._remaining = MOST_BRANCHES

    def any_of(self, validator: Any, branches: Json, value: Json, schema: Json) -> Iterator[ValidationError]:
        """Yields the faults of a value that matches no branch."""
        yield from self._faults(validator, branches, value, most=len(branches))

    def one_of(self, validator: Any, branches: Json, value: Json, schema: Json) -> Iterator[ValidationError]:
        """Yields the faults of a value that does not match exactly one branch."""
        yield from self._faults(validator, branches, value, most=1)

    def _faults(self, validator: Any, branches: list[Json], value: Json, most: int) -> Iterator[ValidationError]:
        candidates, fault = self._candidates(branches, value)
        failures: list[list[ValidationError]] = []
        matches = 0
        for branch in candidates:
            if len(candidates) > 1:
                self._remaining -= 1
                if self._remaining < 0:
                    return
            errors = list(validator.descend(value, branch, schema_path=branches.index(branch)))
            failures += [errors] if errors else []
            matches += not errors
            if matches and most > 1:
                return
        if matches > most:
            yield SchemaMessage("fits more than one of the alternatives")
        elif not matches:
            yield from min(failures, key=_distance) if failures else [fault]

    def _candidates(self, branches: list[Json], value: Json) -> tuple[list[Json], ValidationError]:
        """Returns the branches that the schema does not rule out for a value, and the fault if there are none."""
        value_type = type_of(value)
        candidates = [branch for branch in branches if self._accepts(branch, value_type, value)]
        if not candidates:
            words = [word for branch in branches for word in self._words(branch)]
            message = f"must be {either(list(dict.fromkeys(words)))}" if words else "fits none of the alternatives"
            return [], SchemaMessage(message)  # a new one: jsonschema adds the path to it
        return self._discriminated(candidates, value) if isinstance(value, dict) else (candidates, _NO_MATCH)

    def _discriminated(self, branches: list[Json], value: dict[str, Json]) -> tuple[list[Json], ValidationError]:
        """Returns the branches whose discriminators the value has, and the fault if there are none."""
        tagged = [(branch, self._facts(branch)[3]) for branch in branches]
        for names in tagged[0][1]:
            if len(tagged) < 2 or not all(names in tags for _, tags in tagged):
                continue
            allowed = [tags[names] for _, tags in tagged]
            actual = inside(value, names)
            if actual is ABSENT and len(names) == 1 and self._is_required(branches, names[0], allowed):
                return [], SchemaMessage("is required", validator="required", path=names)
            if actual is ABSENT or all(_same(values, allowed[0]) for values in allowed):
                continue
            matching = [(branch, tags) for branch, tags in tagged if among(actual, tags[names])]
            if not matching:
                words = dict.fromkeys(_as_json(constant) for values in allowed for constant in values)
                return [], SchemaMessage(f"must be {either(list(words))}", validator="enum", path=names)
            tagged = matching
        return [branch for branch, _ in tagged], _NO_MATCH

    def _is_required(self, branches: list[Json], name: str, allowed: list[list[Json]]) -> bool:
        """True if `name` discriminates between all branches and all require it."""
        differ = not any(_same(values, other) for index, values in enumerate(allowed) for other in allowed[:index])
        return differ and all(name in self._shape.required(branch) for branch in branches)

    def _facts(self, schema: Json) -> tuple[Json, ...]:
        """Returns the types, values, unions and discriminators of a branch, computed once."""
        key = id(schema)
        if key not in self._facts_by_schema:
            shape = self._shape
            facts = shape.types(schema), shape.values(schema), shape.unions(schema), shape.tags(schema)
            self._facts_by_schema[key] = facts
        return self._facts_by_schema[key]

    def _accepts(self, schema: Json, value_type: str, value: Json, depth: int = 0) -> bool:
        """True if the types and constants of a branch, or of one of its nested branches, accept a value."""
        types, values, unions, _ = self._facts(schema)
        if value_type not in types:
            return False
        if values is not None:
            return among(value, values)
        return all(
            any(self._accepts(branch, value_type, value, depth + 1) for branch in branches)
            for branches in (unions if depth < _DEEPEST else ())
        )

    def _words(self, schema: Json, depth: int = 0) -> list[str]:
        """Returns the values, or else the types, that a branch allows."""
        types, values, unions, _ = self._facts(schema)
        if values is not None:
            return [_as_json(value) for value in values]
        for branches in unions if depth < _DEEPEST else ():
            words = [word for branch in branches for word in self._words(branch, depth + 1)]
            return [word for word in words if word not in ANY or word in types]
        names = self._shape.order(schema) or sorted(types)
        return [name for name in names if name in types and not (name == "integer" and "number" in types)]


_DEEPEST = 4
"""The maximum depth of nested alternatives that a message describes."""

_NO_MATCH = SchemaMessage("fits none of the alternatives")


def _distance(errors: list[ValidationError]) -> tuple[int, int, int]:
    """Returns the distance of a value from a branch: the numbers of wrong types and constants, and of all faults."""
    at_root = sum(error.validator in ("type", "const", "enum") and not error.relative_path for error in errors)
    return at_root, sum(error.validator in ("const", "enum") for error in errors), len(errors)


def _same(values: list[Json], others: list[Json]) -> bool:
    return all(among(value, others) for value in values) and all(among(other, values) for other in others)


def _as_json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def either(words: list[str]) -> str:
    """Returns the words as `a, b or c`."""
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)

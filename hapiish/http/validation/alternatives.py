"""What a report says of a failed anyOf or oneOf: the faults of the branch that the value means, or what all allow.

A value means the branches that take its type and the constants that tell them apart (`kind: {const: circle}`). Branches
that the schema alone rules out for a value are not looked into.
"""

import json
from collections.abc import Iterator
from typing import Any

from jsonschema.exceptions import ValidationError

from hapiish.http.validation.schema_reader import ABSENT, ANY, Shape, among, inside, type_of

MOST_DOUBTS = 1000
"""So many branches of one value are tried where a schema leaves it open which is meant."""


class SchemaMessage(ValidationError):
    """An error whose message is made of the schema alone, as against jsonschema's, which show the value."""


class AlternativesReport:
    """The keywords `anyOf` and `oneOf` for one report after the other; `shape` reads the document."""

    __slots__ = ("_known", "_left", "_shape")

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._known: dict[int, tuple[Any, ...]] = {}
        self._left = MOST_DOUBTS

    def restart(self) -> None:
        """For the next value."""
        self._left = MOST_DOUBTS

    def any_of(self, validator: Any, branches: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
        """The faults of a value that fits no branch."""
        yield from self._faults(validator, branches, value, most=len(branches))

    def one_of(self, validator: Any, branches: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
        """The faults of a value that does not fit exactly one branch."""
        yield from self._faults(validator, branches, value, most=1)

    def _faults(self, validator: Any, branches: list[Any], value: Any, most: int) -> Iterator[ValidationError]:
        likely, told = self._likely(branches, value)
        tried: list[list[ValidationError]] = []
        fitting = 0
        for branch in likely:
            if len(likely) > 1:
                self._left -= 1
                if self._left < 0:
                    return
            errors = list(validator.descend(value, branch, schema_path=branches.index(branch)))
            tried += [errors] if errors else []
            fitting += not errors
            if fitting and most > 1:
                return
        if fitting > most:
            yield SchemaMessage("fits more than one of the alternatives")
        elif not fitting:
            yield from min(tried, key=_distance) if tried else [told]

    def _likely(self, branches: list[Any], value: Any) -> tuple[list[Any], ValidationError]:
        """The branches that the schema does not rule out for a value, and what is told where it rules out all."""
        kind = type_of(value)
        likely = [each for each in branches if self._takes(each, kind, value)]
        if not likely:
            words = [word for each in branches for word in self._words(each)]
            said = f"must be {either(list(dict.fromkeys(words)))}" if words else "fits none of the alternatives"
            return [], SchemaMessage(said)
        return self._tagged(likely, value) if isinstance(value, dict) else (likely, _NONE)

    def _tagged(self, branches: list[Any], value: dict[str, Any]) -> tuple[list[Any], ValidationError]:
        """Those of the branches of which the value has the constants that tell them apart."""
        tags = [(each, self._facts(each)[3]) for each in branches]
        for names in tags[0][1]:
            if len(tags) < 2 or not all(names in mine for _, mine in tags):
                continue
            values = [mine[names] for _, mine in tags]
            given = inside(value, names)
            if given is ABSENT and len(names) == 1 and self._is_missing(branches, names[0], values):
                return [], SchemaMessage("is required", validator="required", path=names)
            if given is ABSENT or all(_same(each, values[0]) for each in values):
                continue
            several = [each for each in tags if among(given, each[1][names])]
            if not several:
                words = dict.fromkeys(_written(one) for each in values for one in each)
                return [], SchemaMessage(f"must be {either(list(words))}", validator="enum", path=names)
            tags = several
        return [each for each, _ in tags], _NONE

    def _is_missing(self, branches: list[Any], name: str, values: list[list[Any]]) -> bool:
        """Whether branches that a constant tells apart all require it; nothing else can be said of a value without."""
        differ = not any(_same(each, other) for index, each in enumerate(values) for other in values[:index])
        return differ and all(name in self._shape.required(each) for each in branches)

    def _facts(self, schema: Any) -> tuple[Any, ...]:
        """The types, values, unions and tags of a branch, read once."""
        key = id(schema)
        if key not in self._known:
            shape = self._shape
            self._known[key] = shape.types(schema), shape.values(schema), shape.unions(schema), shape.tags(schema)
        return self._known[key]

    def _takes(self, schema: Any, kind: str, value: Any, depth: int = 0) -> bool:
        """Whether the types and constants of a branch, or of one of its own branches, let a value pass."""
        types, values, unions, _ = self._facts(schema)
        if kind not in types:
            return False
        if values is not None:
            return among(value, values)
        return all(
            any(self._takes(each, kind, value, depth + 1) for each in inner)
            for inner in (unions if depth < _DEEPEST else ())
        )

    def _words(self, schema: Any, depth: int = 0) -> list[str]:
        """What a branch allows, in words."""
        types, values, unions, _ = self._facts(schema)
        if values is not None:
            return [_written(each) for each in values]
        for inner in unions if depth < _DEEPEST else ():
            return [word for each in inner for word in self._words(each, depth + 1) if word not in ANY or word in types]
        names = self._shape.order(schema) or sorted(types)
        return [name for name in names if name in types and not (name == "integer" and "number" in types)]


_DEEPEST = 4
"""So many alternatives within alternatives are told in one sentence."""

_NONE = SchemaMessage("fits none of the alternatives")


def _distance(errors: list[ValidationError]) -> tuple[int, int, int]:
    """How far a value is from a branch: by wrong types and constants, and by faults in all."""
    at_root = sum(error.validator in ("type", "const", "enum") and not error.relative_path for error in errors)
    return at_root, sum(error.validator in ("const", "enum") for error in errors), len(errors)


def _same(values: list[Any], others: list[Any]) -> bool:
    return all(among(each, others) for each in values) and all(among(each, values) for each in others)


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def either(words: list[str]) -> str:
    """`a, b or c`."""
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)

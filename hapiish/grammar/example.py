"""The notation of examples: `{name.path}` is a value of `given`, and `{$match: schema}` accepts a value of a schema."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

RESULT: Final = ("status", "headers", "cookies", "payload", "request")
"""The parts of the result of an example."""

MATCH: Final = "$match"

_REFERENCE: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)((?:\.[^\s.{}]+)+)\}")


def references(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yields the values that a text refers to: the name in `given`, and the path in its result."""
    for found in _REFERENCE.finditer(text):
        yield found[1], tuple(found[2][1:].split("."))


def filled(value: Any, given: Mapping[str, Any]) -> Any:
    """Returns `value` with its references replaced; a text that is one reference becomes the value itself.

    Names that `given` does not have remain text. Raises LookupError for a path that the result does not have.
    """
    if isinstance(value, str):
        whole = _REFERENCE.fullmatch(value)
        if whole is not None and whole[1] in given:
            return found(given, whole)
        return _REFERENCE.sub(lambda each: str(found(given, each)) if each[1] in given else each[0], value)
    if isinstance(value, Mapping):
        return {filled(key, given): filled(inner, given) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, given) for inner in value]
    return value


def found(given: Mapping[str, Any], reference: re.Match[str]) -> Any:
    """Returns the value of a reference. Raises LookupError."""
    value = given[reference[1]]
    for step in reference[2][1:].split("."):
        try:
            value = value[int(step)] if isinstance(value, list) else value[step]
        except (KeyError, IndexError, TypeError, ValueError):
            has = ", ".join(map(str, value)) if isinstance(value, Mapping) else type(value).__name__
            raise LookupError(f'{reference[0]}: there is no "{step}" ({has or "an empty mapping"})') from None
    return value


def is_matcher(value: Any) -> bool:
    """Returns whether a value is `{$match: schema}`."""
    return isinstance(value, Mapping) and len(value) == 1 and MATCH in value

"""hapi's `stripUnknown` and `allowUnknown: false` for JSON Schema: keys of objects that a schema does not mention.

A key is known where the schema, what it refers to or one of its alternatives that hold names it or matches it by a
pattern. An object of which no key is named, or that says something about `additionalProperties`, may have what it
likes; so may one that fits none of the alternatives, which is refused for that.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from hapiish.http.validation.coerce import compile_stripper
from hapiish.http.validation.parse_text import Convert
from hapiish.http.validation.schema import Schema, escape


def compile_known(schema: Schema, schemas: Mapping[str, Any]) -> "Known | None":
    """What is known of the values of a schema; None when it closes nothing."""
    strip = compile_stripper(schema, schemas)
    return None if strip is None else Known(strip)


class Known:
    """The keys that a schema knows. `strip` makes of a value the same without the others, at any depth."""

    __slots__ = ("strip",)

    def __init__(self, strip: Convert) -> None:
        self.strip = strip

    def surplus(self, value: Any) -> Iterator[str]:
        """Where the unknown keys of `value` are, as JSON pointers."""
        return _missing(value, self.strip(value), "")


def _missing(value: Any, rest: Any, path: str) -> Iterator[str]:
    """The keys that `rest` no longer has."""
    if value is rest:
        return
    for key, each in value.items() if isinstance(value, dict) else enumerate(value):
        place = f"{path}/{escape(key)}"
        if isinstance(value, dict) and key not in rest:
            yield place
        else:
            yield from _missing(each, rest[key], place)

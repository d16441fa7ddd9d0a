"""hapi's `stripUnknown` and `allowUnknown: false` for JSON Schema: keys of objects that a schema does not mention.

A key is known where the schema, what it refers to or one of its alternatives that hold names it or matches it by a
pattern. An object of which no key is named, or that says something about `additionalProperties`, may have what it
likes; so may one that fits none of the alternatives, which is refused for that.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from hapiish.http.validation.coerce import compile_stripper
from hapiish.http.validation.parse_text import Convert
from hapiish.http.validation.report import MOST_FAULTS, TOO_DEEP, Fault
from hapiish.http.validation.schema import Schema, escape
from hapiish.http.validation.validator import Judge, Validator, compile_schema


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


class Strict:
    """A validator under hapi's options: unknown keys are faults too (`known`), or only the first fault is told."""

    __slots__ = ("_first", "_known", "_validator", "is_valid")

    def __init__(self, validator: Validator, known: Known | None, *, abort_early: bool) -> None:
        self._validator = validator
        self._known = known
        self._first = abort_early
        self.is_valid: Callable[[Any], bool] = validator.is_valid if known is None else self._fits

    def _fits(self, value: Any) -> bool:
        assert self._known is not None
        return self._validator.is_valid(value) and next(self._known.surplus(value), None) is None

    def errors(self, value: Any) -> list[Fault]:
        """The faults of `value`, sorted by place; the first of them alone with `abort_early`."""
        found = self._validator.errors(value)
        if self._known is not None and found != [TOO_DEEP]:
            surplus = islice(self._known.surplus(value), MOST_FAULTS)
            more = [_unknown(place) for place in surplus if not any(fault["path"] == place for fault in found)]
            found = sorted([*found, *more], key=lambda fault: fault["path"]) if more else found
        return found[:1] if self._first else found


def _unknown(place: str) -> Fault:
    return {"path": place, "message": "is not allowed", "keyword": "additionalProperties"}


def compile_judge(
    schema: Schema, schemas: Mapping[str, Any], *, allow_unknown: bool = True, abort_early: bool = False
) -> Judge:
    """`compile_schema` under hapi's `validate.options`; without any of them it is that validator itself."""
    validator = compile_schema(schema, schemas)
    known = None if allow_unknown else compile_known(schema, schemas)
    return validator if known is None and not abort_early else Strict(validator, known, abort_early=abort_early)

"""hapi's `stripUnknown` and `allowUnknown: false` for JSON Schema: removes or refuses keys that a schema does not name.

A key is known if `properties` or `patternProperties` name it: those of the schema, of its references, or of an
alternative that the value matches. Objects stay open if the schema names no key or sets `additionalProperties`, and
if they match no alternative, which is a fault of its own.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from hapiish.http.validation.coerce import compile_stripper
from hapiish.http.validation.parse_text import Convert
from hapiish.http.validation.report import MOST_FAULTS, TOO_DEEP, Fault
from hapiish.http.validation.schema import Schema, escape
from hapiish.http.validation.validator import Judge, Validator, compile_schema
from hapiish.types import Json


def compile_known(schema: Schema, schemas: Mapping[str, Json]) -> "Known | None":
    """Returns the known keys of the values of a schema; None if all its objects are open."""
    strip = compile_stripper(schema, schemas)
    return None if strip is None else Known(strip)


class Known:
    """The known keys of a schema. `strip` returns a value without its unknown keys, at any depth."""

    __slots__ = ("strip",)

    def __init__(self, strip: Convert) -> None:
        self.strip = strip

    def unknown_keys(self, value: Json) -> Iterator[str]:
        """Yields the unknown keys of `value` as JSON pointers."""
        return _removed(value, self.strip(value), "")


def _removed(value: Json, stripped: Json, path: str) -> Iterator[str]:
    """Yields the pointers of the keys that `value` has and `stripped` has not."""
    if value is stripped:
        return
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        pointer = f"{path}/{escape(key)}"
        if isinstance(value, dict) and key not in stripped:
            yield pointer
        else:
            yield from _removed(inner, stripped[key], pointer)


class Strict:
    """A validator under hapi's options: keys outside `known` are faults, `abort_early` reports only the first fault."""

    __slots__ = ("_abort_early", "_known", "_validator", "is_valid")

    def __init__(self, validator: Validator, known: Known | None, *, abort_early: bool) -> None:
        self._validator = validator
        self._known = known
        self._abort_early = abort_early
        self.is_valid: Callable[[Json], bool] = validator.is_valid if known is None else self._is_valid_and_known

    def _is_valid_and_known(self, value: Json) -> bool:
        assert self._known is not None
        return self._validator.is_valid(value) and next(self._known.unknown_keys(value), None) is None

    def errors(self, value: Json) -> list[Fault]:
        """Returns the faults of `value`, sorted by path; only the first with `abort_early`."""
        faults = self._validator.errors(value)
        if self._known is not None and faults != [TOO_DEEP]:
            pointers = islice(self._known.unknown_keys(value), MOST_FAULTS)
            more = [_unknown(pointer) for pointer in pointers if not any(fault["path"] == pointer for fault in faults)]
            faults = sorted([*faults, *more], key=lambda fault: fault["path"]) if more else faults
        return faults[:1] if self._abort_early else faults


def _unknown(pointer: str) -> Fault:
    return {"path": pointer, "message": "is not allowed", "keyword": "additionalProperties"}


def compile_judge(
    schema: Schema, schemas: Mapping[str, Json], *, allow_unknown: bool = True, abort_early: bool = False
) -> Judge:
    """Returns the validator of `compile_schema`, wrapped where hapi's `validate.options` differ from the defaults."""
    validator = compile_schema(schema, schemas)
    known = None if allow_unknown else compile_known(schema, schemas)
    return validator if known is None and not abort_early else Strict(validator, known, abort_early=abort_early)

"""Compares what an example expects with what came: mappings may lack keys, `{$match: schema}` accepts such values."""

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema_rs

from hapiish.grammar.example import MATCH, is_matcher
from hapiish.grammar.pattern import OPTIONS
from hapiish.grammar.schema import embed, escape, for_engine
from hapiish.table.form.wording import did_you_mean

MISSING = object()
MOST = 10
"""Differences that are listed; a response that is wholly different needs no more."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: `pointer` is the place as a JSON pointer (RFC 6901), `text` says what is wrong there."""

    pointer: str
    text: str

    def __str__(self) -> str:
        return f"{self.pointer}: {self.text}" if self.pointer else self.text


@dataclass(frozen=True, slots=True)
class Comparison:
    """The way to compare values: `schemas` are those that matchers refer to, `exact` permits no further keys."""

    schemas: Mapping[str, Any]
    exact: bool = False

    def differences(self, expected: Any, actual: Any, pointer: str = "") -> Iterator[Difference]:
        """Yields the differences between an expected value and the actual one."""
        if is_matcher(expected):
            yield from self._unmatched(expected[MATCH], actual, pointer)
        elif isinstance(expected, Mapping) and isinstance(actual, Mapping):
            for key, value in expected.items():
                inner = f"{pointer}/{escape(key)}"
                if key not in actual:
                    hint = did_you_mean(key, [each for each in actual if each not in expected])
                    yield Difference(inner, f"missing, expected {shown(value)}{hint}")
                else:
                    yield from self.differences(value, actual[key], inner)
            for key in actual if self.exact else ():
                if key not in expected:
                    yield Difference(f"{pointer}/{escape(key)}", f"not expected: {shown(actual[key])}")
        elif isinstance(expected, list) and isinstance(actual, list):
            if len(expected) != len(actual):
                yield Difference(pointer, f"expected {len(expected)} entries, got {len(actual)}")
            for index, (value, other) in enumerate(zip(expected, actual, strict=False)):
                yield from self.differences(value, other, f"{pointer}/{index}")
        elif not _equal(expected, actual):
            yield Difference(pointer, f"expected {shown(expected)}, got {shown(actual)}")

    def _unmatched(self, schema: Any, actual: Any, pointer: str) -> Iterator[Difference]:
        try:
            document = for_engine(embed(schema, self.schemas))
            validator = jsonschema_rs.Draft202012Validator(
                document, validate_formats=True, offline=True, pattern_options=OPTIONS
            )
        except ValueError as error:
            yield Difference(pointer, f"{MATCH} is not a JSON Schema: {error}")
            return
        for fault in validator.iter_errors(actual):
            inner = "".join(f"/{escape(step)}" for step in fault.instance_path)
            yield Difference(f"{pointer}{inner}", fault.message)


def _equal(expected: Any, actual: Any) -> bool:
    """JSON's equality: 1 is 1.0, and true is not 1."""
    return isinstance(expected, bool) == isinstance(actual, bool) and bool(expected == actual)


def shown(value: Any, most: int = 200) -> str:
    """Returns a value as JSON, cut after `most` characters."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= most else f"{text[:most]}…"


def diff(expected: Any, actual: Any, *, exact: bool) -> list[str]:
    """Returns the lines of a diff of two values as JSON; without `exact`, of what is expected alone."""
    before, after = _lines(expected), _lines(actual if exact else _like(expected, actual))
    return list(difflib.unified_diff(before, after, "expected", "got", lineterm="", n=2))


def _like(expected: Any, actual: Any) -> Any:
    """Returns `actual` with the keys of `expected` alone, and with its matchers where they stand."""
    if is_matcher(expected):
        return expected if actual is not None else actual
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        known = {key: _like(value, actual[key]) for key, value in expected.items() if key in actual}
        return known if len(known) == len(expected) else {**known, **actual}
    if isinstance(expected, list) and isinstance(actual, list):
        same = [_like(value, other) for value, other in zip(expected, actual, strict=False)]
        return [*same, *actual[len(same) :]]
    return actual


def _lines(value: Any) -> list[str]:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str).splitlines()

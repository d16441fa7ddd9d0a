"""Decides whether one schema accepts every value of another, by the canonical forms of jsonschema-rs.

The answer "no" has a witness if one is found: a value that is accepted by one schema and refused by the other.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, Final, Literal

import jsonschema_rs
from jsonschema_rs.canonical import Containment

from hapiish.declare.types import Json
from hapiish.describe.diff.relaxing import target, unescaped
from hapiish.grammar.schema import NAMED, SEVERAL, SINGLE

Answer = Literal["yes", "no", "unknown"]
_MOST_DEPTH: Final = 8
_MOST_SAMPLES: Final = 60
_MOST_LENGTH: Final = 100_000
_DEFS: Final = "#/$defs/"
_TEXTS: Final = ("", "a", "0", "true", "a@b.example", "2026-01-31T12:00:00Z", "2026-01-31", "0" * 24, "-", "A b")


@dataclass(frozen=True, slots=True)
class Inclusion:
    """The answer whether a schema accepts each value of another one; `witness` has one that it refuses, or is empty."""

    answer: Answer
    witness: tuple[Json, ...] = ()


def document(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """Returns a self-contained schema with the definitions that it needs."""
    if not isinstance(schema, dict):
        return schema
    needed: dict[str, Any] = {}
    waiting: list[Any] = [schema]
    while waiting:
        for name in _references(waiting.pop()):
            if name not in needed and name in definitions:
                needed[name] = definitions[name]
                waiting.append(definitions[name])
    return {**schema, "$defs": {**schema.get("$defs", {}), **needed}} if needed else schema


def _references(node: Any) -> set[str]:
    found: set[str] = set()
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting.extend(part)
        elif isinstance(part, dict):
            for keyword, value in part.items():
                if keyword in ("$ref", "$dynamicRef") and isinstance(value, str) and value.startswith(_DEFS):
                    found.add(unescaped(value.removeprefix(_DEFS).split("/")[0]))
                elif keyword in SINGLE or keyword in SEVERAL:
                    waiting.append(value)
                elif keyword in NAMED and isinstance(value, dict):
                    waiting.extend(value.values())
    return found


def included(narrow: Any, wide: Any) -> Inclusion:
    """Returns whether `wide` accepts every value of `narrow`; both are self-contained."""
    if narrow == wide or narrow is False or wide is True or wide == {}:
        return Inclusion("yes")
    small, large = _canonical(narrow), _canonical(wide)
    verdict = large.covers(small) if small is not None and large is not None else Containment.UNKNOWN
    if verdict == Containment.YES:
        return Inclusion("yes")
    difference = None
    if small is not None and large is not None:
        difference = small.subtract(large).to_json_schema()
    for value in _candidates(difference, narrow, wide):
        if _accepts(narrow, value) is True and _accepts(wide, value) is False:
            return Inclusion("no", (value,))
    return Inclusion("no" if verdict == Containment.NO else "unknown")


def _canonical(schema: Any) -> jsonschema_rs.CanonicalSchema | None:
    try:
        return _parsed(json.dumps(schema, sort_keys=True))
    except (ValueError, TypeError, RecursionError):
        return None


@lru_cache(maxsize=256)
def _parsed(text: str) -> jsonschema_rs.CanonicalSchema:
    draft = jsonschema_rs.Draft202012
    return jsonschema_rs.canonicalize(json.loads(text), draft=draft, validate_formats=True, offline=True)


@lru_cache(maxsize=256)
def _validator(text: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(json.loads(text), validate_formats=True, offline=True)


def _accepts(schema: Any, value: Json) -> bool | None:
    try:
        return _validator(json.dumps(schema, sort_keys=True)).is_valid(value)
    except (ValueError, TypeError, RecursionError):
        return None


def _candidates(*schemas: Any) -> Iterator[Json]:
    for schema in schemas:
        if schema is not None:
            yield from islice(_values(schema, schema, _MOST_DEPTH), _MOST_SAMPLES)
    yield from (None, True, 0, 1.5, "", "text", [], {}, -1, ["text"], {"text": "text"})


def _values(node: Any, root: Any, depth: int) -> Iterator[Json]:
    """Yields values that a schema may accept, the ones at its bounds first."""
    if not isinstance(node, dict) or depth == 0:
        return
    if "const" in node:
        yield node["const"]
    yield from node.get("enum", ())
    if "$ref" in node:
        definitions = root.get("$defs", {}) if isinstance(root, dict) else {}
        yield from islice(_values(target(node["$ref"], definitions), root, depth - 1), 10)
    for keyword in ("anyOf", "oneOf", "allOf"):
        for branch in node.get(keyword, ()):
            merged = {**{key: value for key, value in node.items() if key != keyword}, **branch} if branch else node
            if isinstance(branch, dict) and merged != node:
                yield from islice(_values(merged, root, depth - 1), 8)
    kinds = node.get("type", _guessed(node))
    for kind in [kinds] if isinstance(kinds, str) else kinds:
        yield from islice(_of_kind(kind, node, root, depth), 12)


def _guessed(node: Mapping[str, Any]) -> list[str]:
    marks = {
        "object": ("properties", "required", "additionalProperties", "minProperties", "maxProperties"),
        "array": ("items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"),
        "string": ("minLength", "maxLength", "pattern", "format"),
        "number": ("minimum", "maximum", "multipleOf", "exclusiveMinimum", "exclusiveMaximum"),
    }
    return [kind for kind, keywords in marks.items() if any(keyword in node for keyword in keywords)]


def _of_kind(kind: str, node: Mapping[str, Any], root: Any, depth: int) -> Iterator[Json]:
    match kind:
        case "null":
            yield None
        case "boolean":
            yield from (True, False)
        case "integer" | "number":
            yield from _numbers(kind, node)
        case "string":
            lengths = [node[key] for key in ("minLength", "maxLength") if node.get(key, _MOST_LENGTH) < _MOST_LENGTH]
            yield from ("a" * length for length in lengths)
            yield from _TEXTS
        case "array":
            yield from _arrays(node, root, depth)
        case "object":
            yield from _objects(node, root, depth)


def _numbers(kind: str, node: Mapping[str, Any]) -> Iterator[Json]:
    step = node.get("multipleOf", 1)
    step = step if isinstance(step, int | float) and step else 1
    for keyword, sign in (("minimum", 1), ("maximum", -1), ("exclusiveMinimum", 1), ("exclusiveMaximum", -1)):
        bound = node.get(keyword)
        if isinstance(bound, int | float):
            nearest = (bound // step) * step
            yield from (bound, bound + sign, nearest, nearest + step, nearest - step)
            if kind == "number":
                yield bound + sign * 0.5
    yield from (0, 1, step, *((0.5,) if kind == "number" else ()))


def _arrays(node: Mapping[str, Any], root: Any, depth: int) -> Iterator[Json]:
    prefix = [next(_values(each, root, depth - 1), None) for each in node.get("prefixItems", ())]
    items = node.get("items", {})
    values = list(islice(_values(items, root, depth - 1), 6)) or [None, 0, "a", {}]
    least, most = node.get("minItems", 0), node.get("maxItems")
    for length in dict.fromkeys((least, max(least, 1), *((most,) if most is not None else ()), least + 2)):
        if length <= 1000:
            for value in values[:4]:
                yield (prefix + [value] * length)[: max(length, len(prefix))]
            yield (prefix + [f"a{index}" for index in range(length)])[: max(length, len(prefix))]
    for branch in (node["contains"],) if isinstance(node.get("contains"), dict) else ():
        yield from ([value] for value in islice(_values(branch, root, depth - 1), 3))


def _objects(node: Mapping[str, Any], root: Any, depth: int) -> Iterator[Json]:
    properties = node.get("properties", {})
    required = list(node.get("required", ()))
    fallback: list[Json] = [None, 0, "a", True, {}, []]
    base = {name: next(_values(properties.get(name), root, depth - 1), "a") for name in required}
    yield base
    full = {name: next(_values(each, root, depth - 1), "a") for name, each in properties.items() if each is not False}
    yield {**full, **base}
    for name, each in properties.items():
        if each is not False:
            for value in list(islice(_values(each, root, depth - 1), 8)) or fallback:
                yield {**base, name: value}
    for name in required:
        if name not in properties:
            yield from ({**base, name: value} for value in fallback)
    extra = node.get("additionalProperties", {})
    if extra is not False:
        for value in islice(_values(extra, root, depth - 1), 3):
            yield {**base, "extra": value}
        yield {**base, "extra": None}
    most = node.get("maxProperties", node.get("minProperties"))
    if isinstance(most, int) and most <= 1000:
        yield {**base, **{f"p{index}": None for index in range(most - len(base))}}

"""Finds values that one schema probably accepts and another refuses, from the limits and names in both.

The values are only candidates: jsonschema-rs decides on each.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from hapiish.declare.types import Json
from hapiish.describe.diff.documents import Document
from hapiish.grammar.regexp import Piece, RegexpError, parse

_DEEPEST: Final = 5
_LONGEST: Final = 100_000
"""The most characters of a text, or of an array as text."""
_LONGEST_MATCH: Final = 3000
"""The most characters of a text for a pattern, whose repetitions may be nested."""
_MOST_ITEMS: Final = 200
"""The most items of an array, of any length."""
_MOST: Final = 160
_MOST_OF_MEMBER: Final = 24
_BRANCHES: Final = ("anyOf", "oneOf")
_OTHER_BRANCHES: Final = ("not", "if", "then", "else")
_FORMATS: Final = {
    "date": "2024-01-31",
    "date-time": "2024-01-31T12:00:00Z",
    "duration": "P1D",
    "email": "a@example.com",
    "hostname": "example.com",
    "idn-email": "a@example.com",
    "idn-hostname": "example.com",
    "ipv4": "127.0.0.1",
    "ipv6": "::1",
    "iri": "https://example.com/",
    "json-pointer": "/a",
    "regex": "a",
    "relative-json-pointer": "1",
    "time": "12:00:00Z",
    "uri": "https://example.com/",
    "uri-reference": "/a",
    "uri-template": "/{a}",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
}
_TYPES: Final[tuple[tuple[str, Json], ...]] = (
    ("object", {}),
    ("array", []),
    ("string", "a"),
    ("integer", 1),
    ("number", 0.5),
    ("boolean", True),
    ("null", None),
)


def candidates(wanted: Document, other: Document | None = None, depth: int = 0) -> Iterator[Json]:
    """Yields values that `wanted` may accept, the ones that `other` may refuse among them."""
    seen: set[str] = set()
    for value in islice(_values(wanted, other, depth), 4 * _MOST):
        key = repr(value)
        if key not in seen:
            seen.add(key)
            yield value


def sample(wanted: Document, depth: int = 0) -> list[Json]:
    """Returns a list of one accepted value, or an empty list."""
    return next(([value] for value in candidates(wanted, None, depth) if wanted.allows(value)), [])


def _values(wanted: Document, other: Document | None, depth: int) -> Iterator[Json]:
    own = list(_keywords(wanted))
    hints = own + (list(_keywords(other)) if other is not None else [])
    for words in hints:
        if "const" in words:
            yield words["const"]
        if isinstance(words.get("enum"), list):
            yield from words["enum"][:_MOST]
        if "default" in words:
            yield words["default"]
        if isinstance(words.get("examples"), list):
            yield from words["examples"][:4]
    yield from (value for _, value in _TYPES)
    yield from (False, 0, -1, "", "aa")
    yield from _numbers(hints)
    yield from _texts(hints)
    if depth < _DEEPEST and not (depth and other is None and not any(_has_parts(words) for words in own)):
        yield from _arrays(wanted, other, hints, depth)
        yield from _objects(wanted, other, hints, depth)


def _keywords(document: Document, levels: int = 4) -> Iterator[dict[str, Any]]:
    """Yields the keywords that apply to a value, those of alternatives included."""
    for part in document.parts():
        if not isinstance(part.schema, dict):
            continue
        yield part.schema
        if levels:
            branches = [each for key in _BRANCHES for each in part.schema.get(key, ())]
            branches += [part.schema[key] for key in _OTHER_BRANCHES if key in part.schema]
            branches += list(part.schema.get("dependentSchemas", {}).values())
            for branch in branches:
                yield from _keywords(document.at(branch), levels - 1)


def _numbers(hints: list[dict[str, Any]]) -> Iterator[Json]:
    steps = [words["multipleOf"] for words in hints if _is_number(words.get("multipleOf"))]
    bounds = [
        words[key]
        for words in hints
        for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
        if _is_number(words.get(key))
    ]
    for bound in bounds:
        yield from (bound, bound - 1, bound + 1, bound - 0.5, bound + 0.5, bound + 1000000, bound - 1000000)
    for step in steps:
        yield from (step, step * 2, step * 3, step * 5, step * 7, -step)
        for bound in bounds:
            yield from (bound // step * step + shift * step for shift in (-2, -1, 0, 1, 2))
    yield from (2, 3, 5, 7, 10, 1000003, -1000003, 1e20)


def _texts(hints: list[dict[str, Any]]) -> Iterator[Json]:
    lengths = sorted(
        {
            near
            for words in hints
            for key in ("minLength", "maxLength")
            if isinstance(words.get(key), int)
            for near in (words[key] - 1, words[key], words[key] + 1)
            if 0 <= near <= _LONGEST
        }
    )
    patterns = [words["pattern"] for words in hints if isinstance(words.get("pattern"), str)]
    for words in hints:
        if words.get("format") in _FORMATS:
            yield _FORMATS[words["format"]]
    for pattern in patterns:
        for count in (0, 1, 2, *(length for length in lengths if length <= _LONGEST_MATCH)):
            yield from matching(pattern, count)
    yield from ("a" * length for length in lengths)
    yield from ("0", "A", "-", " ", "a b", "é", "abc1", "1a")


def _arrays(wanted: Document, other: Document | None, hints: list[dict[str, Any]], depth: int) -> Iterator[Json]:
    own = list(_keywords(wanted))
    if not _may_be("array", own):
        return
    inside = _all(wanted, [words["items"] for words in own if "items" in words])
    beyond = None if other is None else _all(other, [w["items"] for w in _keywords(other) if "items" in w])
    contained = [doc.at(w["contains"]) for doc in _both(wanted, other) for w in _keywords(doc) if "contains" in w]
    prefixes = [w["prefixItems"] for w in own if isinstance(w.get("prefixItems"), list)]
    heads: list[Any] = max(prefixes, key=len, default=[])
    start = [value for each in heads for value in sample(wanted.at(each), depth + 1)[:1]]
    fillers = [*sample(inside, depth + 1)]
    most = max(_MOST_ITEMS, _LONGEST // len(repr(fillers)))
    counts = sorted(
        {0, 1, 2, len(start), len(start) + 1}
        | {
            near
            for words in hints
            for key in ("minItems", "maxItems", "minContains", "maxContains")
            if isinstance(words.get(key), int)
            for near in (words[key] - 1, words[key], words[key] + 1)
            if 0 <= near <= most
        }
        | {len(w["prefixItems"]) + more for w in hints if isinstance(w.get("prefixItems"), list) for more in (0, 1)}
    )
    kinds = [value for value in candidates(inside, None, depth + 1) if inside.allows(value)][:40]
    for count in counts:
        if count <= len(start):
            yield start[:count]
        if fillers:
            yield start + fillers * max(0, count - len(start))
        if len(kinds) >= count - len(start) > 0:
            yield start + kinds[: count - len(start)]
        for each in contained:
            for value in sample(each, depth + 1):
                yield [value] * count
                yield start + [value] * max(0, count - len(start))
    for value in islice(_members(inside, beyond, depth), _MOST_OF_MEMBER):
        yield [*start, value]
        yield [*start, value, value]
    yield from _heads(wanted, other, inside, (heads, start, fillers), depth)


def _heads(
    wanted: Document,
    other: Document | None,
    inside: Document,
    found: tuple[list[Any], list[Json], list[Json]],
    depth: int,
) -> Iterator[Json]:
    """Yields arrays that differ in one of the first items; `found`: their schemas, values for them and for others."""
    heads, start, fillers = found
    for words in (w for doc in _both(wanted, other) for w in _keywords(doc)):
        for index, each in enumerate(words.get("prefixItems", ())[:4]):
            now = wanted.at(heads[index]) if index < len(heads) else inside
            before = (start + fillers * index)[:index]
            after = start[index + 1 :]
            if len(before) == index:
                for value in islice(_members(now, wanted.at(each), depth), 12):
                    yield [*before, value, *after]


def _objects(wanted: Document, other: Document | None, hints: list[dict[str, Any]], depth: int) -> Iterator[Json]:
    own = list(_keywords(wanted))
    if not _may_be("object", own):
        return
    names = dict.fromkeys(name for words in hints for name in _names(words))
    required = {name for words in own for name in words.get("required", ())}
    inner = {name: member(wanted, name) for name in names}
    full = {name: value for name in names for value in sample(inner[name], depth + 1)[:1]}
    least = {name: full[name] for name in full if name in required}
    yield least
    yield full
    yield from ({**least, name: full[name]} for name in full)
    yield from ({key: full[key] for key in full if key != name} for name in full)
    for name in names:
        told = [words["properties"][name] for words in hints if name in words.get("properties", {})]
        beyond = member(wanted if other is None else other, name)
        beyond = beyond.at({"anyOf": [beyond.schema, *told]}) if told else beyond
        for value in islice(_members(inner[name], beyond, depth), _MOST_OF_MEMBER):
            yield {**least, name: value}
            if name not in least or len(full) > len(least):
                yield {**full, name: value}
    rest = member(wanted, "zz9")
    for value in islice(_members(rest, None if other is None else member(other, "zz9"), depth), 8):
        yield {**least, "zz9": value}
        yield {**full, "zz9": value}
    sizes = {
        words[key] + shift
        for words in hints
        for key in ("minProperties", "maxProperties")
        if isinstance(words.get(key), int)
        for shift in (-1, 0, 1)
    }
    filler = sample(rest, depth + 1)
    for size in sorted(size for size in sizes if 0 <= size <= 200):
        base = dict(islice({**least, **full}.items(), max(size, len(least))))
        more = {f"p{number}": filler[0] for number in range(max(0, size - len(base)))} if filler else {}
        yield {**base, **more}


def member(document: Document, name: str) -> Document:
    """Returns the schema of a member of an object by its name, as far as `properties` and its neighbours say."""
    found: list[Any] = []
    for part in document.parts():
        words = part.schema
        if not isinstance(words, dict):
            found.append(words)
            continue
        own = [words["properties"][name]] if name in words.get("properties", {}) else []
        own += [each for pattern, each in words.get("patternProperties", {}).items() if _matches(pattern, name)]
        if not own and "additionalProperties" in words:
            own.append(words["additionalProperties"])
        found += own
    return _all(document, found)


def _members(wanted: Document, other: Document | None, depth: int) -> Iterator[Json]:
    """Yields values of a member, first those that the other schema refuses."""
    valid = [value for value in candidates(wanted, other, depth + 1) if wanted.allows(value)]
    refused = [value for value in valid if other is not None and other.refuses(value)]
    yield from refused
    yield from valid


def _names(words: dict[str, Any]) -> Iterator[str]:
    yield from words.get("required", ())
    yield from words.get("properties", {})
    for name, others in words.get("dependentRequired", {}).items():
        yield from (name, *others)
    yield from words.get("dependentSchemas", {})
    for pattern in words.get("patternProperties", {}):
        yield from matching(pattern, 1)
    if isinstance(words.get("propertyNames"), dict):
        yield from (text for text in _texts([words["propertyNames"]]) if isinstance(text, str) and len(text) < 80)


def matching(pattern: str, count: int) -> Iterator[str]:
    """Yields texts that a pattern probably matches; each repetition has `count` more turns than its least."""
    try:
        tree = parse(pattern)
    except (RegexpError, RecursionError):
        return
    text = _text(tree, count)
    if text is not None and len(text) <= _LONGEST_MATCH:
        yield text
        yield from (text + "a", "a" + text)


def _text(piece: Piece, count: int) -> str | None:
    if piece.kind in ("start", "end", "edge", "look", "back"):
        return ""
    if piece.kind == "or":
        return next((text for text in (_text(each, count) for each in piece.inner) if text is not None), "")
    if piece.kind == "repeat":
        inner = _text(piece.inner[0], count) or ""
        unit = max(1, piece.inner[0].least)
        least = piece.least // unit
        most = least + count if piece.most is None else max(least, min(least + count, piece.most // unit))
        return inner * min(most, _LONGEST_MATCH)
    if piece.inner:
        return "".join(_text(each, count) or "" for each in piece.inner)
    return piece.sample


def _matches(pattern: str, name: str) -> bool:
    try:
        return re.search(pattern, name) is not None
    except re.error:
        return False


def _all(document: Document, schemas: list[Any]) -> Document:
    if not schemas:
        return document.at(True)
    return document.at(schemas[0] if len(schemas) == 1 else {"allOf": schemas})


def _both(wanted: Document, other: Document | None) -> Iterable[Document]:
    return (wanted,) if other is None else (wanted, other)


def _may_be(kind: str, own: list[dict[str, Any]]) -> bool:
    """Returns whether the first keywords with `type` permit a type."""
    types = [words["type"] for words in own if "type" in words]
    return not types or any(kind == each or (isinstance(each, list) and kind in each) for each in types)


_PARTS: Final = frozenset(
    {
        *("additionalProperties", "contains", "dependentRequired", "dependentSchemas", "items", "maxItems"),
        *("maxProperties", "minItems", "minProperties", "patternProperties", "prefixItems", "properties"),
        *("propertyNames", "required", "unevaluatedItems", "unevaluatedProperties", "uniqueItems"),
    }
)


def _has_parts(words: dict[str, Any]) -> bool:
    return not _PARTS.isdisjoint(words)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

"""Warns of patterns in what clients send: without a limit of length, costly to evaluate, or not of ECMAScript."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from hapiish.grammar.pattern import fault, matcher
from hapiish.grammar.regexp import RegexpError, parse
from hapiish.table.advice.own import Advised
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.text.marks import Path
from hapiish.table.text.tree import schemas_within

_BOUNDS: Final = ("maxLength", "const", "enum")
_LENGTHS: Final = (30, 100, 300, 1000)
_SUFFIXES: Final = ("\u00e9", "!", " ", "")
_MOST_PUMPS: Final = 8
_MOST_PATTERNS: Final = 2000
"""The different patterns of one table that are tried for their cost."""
_HINTS: Final = {
    "(?i)": "write both cases: [Aa]",
    "(?P<": "write (?<name>…)",
    "\\A": "write ^",
    "\\Z": "write $",
    "\\z": "write $",
    "\\x": "write \\u{…}",
}


def unbounded(advised: Advised) -> Iterator[Problem]:
    """Patterns of texts of any length, which a client chooses."""
    draft = advised.draft
    for at, root in advised.received:
        for place, schema, bounded in _within(at, root):
            pattern = schema.get("pattern")
            if draft.was_pruned(*place, "pattern"):
                continue
            if isinstance(pattern, str) and not (bounded or _is_bounded(pattern) or fault(pattern)):
                message = f'the pattern "{_short(pattern)}" has no maxLength beside it: it accepts texts of any length'
                mark = draft.key_mark(*place, "pattern")
                yield Problem(mark, Code.UNBOUNDED_PATTERN, message, "add maxLength", warning=True)


def _within(at: Path, root: Any) -> Iterator[tuple[Path, dict[str, Any], bool]]:
    """Yields the subschemas, each with whether its text is bounded by a keyword here or in a schema around it."""
    bounds: dict[Path, bool] = {}
    for place, schema in schemas_within(at, root):
        own = any(keyword in schema for keyword in _BOUNDS)
        own = own or any(
            isinstance(each, dict) and any(keyword in each for keyword in _BOUNDS) for each in schema.get("allOf") or ()
        )
        around = place[:-2] if place[-2:-1] and place[-2] in ("allOf", "anyOf", "oneOf") else place[:-1]
        applies = place != at and place[len(around)] in ("allOf", "anyOf", "oneOf", "then", "else", "if", "not")
        bounds[place] = own or (applies and bounds.get(around, False))
        # A pattern of a property's name or of a condition limits no text.
        is_condition = place[-1:] in (("if",), ("not",))
        yield place, schema, bounds[place] or is_condition


def costly(advised: Advised) -> Iterator[Problem]:
    """Patterns that need too many steps for some texts, which are then refused."""
    draft = advised.draft
    tried = 0
    for at, root in advised.received:
        for place, schema in schemas_within(at, root):
            for pattern, path in _patterns(schema):
                tried += 1
                longest = schema.get("maxLength") if path == ("pattern",) else None
                longest = longest if isinstance(longest, int) else _LENGTHS[-1]
                length = _overflow(pattern, longest) if tried <= _MOST_PATTERNS else None
                if length is not None:
                    message = (
                        f'the pattern "{_short(pattern)}" backtracks: some texts of {length} characters need more than '
                        "100,000 steps, and are refused"
                    )
                    hint = (
                        "without lookaround, \\b and references the engine needs linear time; else remove the nested "
                        "or adjacent repetition, or lower maxLength"
                    )
                    yield Problem(draft.key_mark(*place, *path), Code.COSTLY_PATTERN, message, hint, warning=True)


def foreign(advised: Advised) -> Iterator[Problem]:
    """Patterns that our engine accepts and ECMAScript, which JSON Schema means, does not."""
    draft = advised.draft
    for at, root in advised.schemas:
        for place, schema in schemas_within(at, root):
            for pattern, path in _patterns(schema):
                part = _foreign_part(pattern)
                if part:
                    message = (
                        f'"{part}" in the pattern "{_short(pattern)}" is not ECMAScript: clients and tools that read '
                        "the schema refuse it, or read it differently"
                    )
                    escape = len(part) == 2 and part[0] == "\\" and not part[1].isalnum()
                    hint = f'write "{part[1]}"' if escape else _HINTS.get(part, "")
                    yield Problem(draft.key_mark(*place, *path), Code.FOREIGN_PATTERN, message, hint, warning=True)


def _patterns(schema: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    if isinstance(schema.get("pattern"), str):
        yield schema["pattern"], ("pattern",)
    named = schema.get("patternProperties")
    for pattern in named if isinstance(named, Mapping) else ():
        yield pattern, ("patternProperties", pattern)


def _short(pattern: str) -> str:
    return pattern if len(pattern) <= 60 else f"{pattern[:60]}…"


@lru_cache(maxsize=4096)
def _is_bounded(pattern: str) -> bool:
    try:
        return parse(pattern).is_bounded
    except RegexpError:
        return True  # `foreign` reports it


@lru_cache(maxsize=4096)
def _foreign_part(pattern: str) -> str:
    try:
        parse(pattern)
    except RegexpError as error:
        return "" if fault(pattern) else error.part
    return ""


@lru_cache(maxsize=4096)
def _overflow(pattern: str, longest: int) -> int | None:
    """Returns the length of a text for which the engine gives up; None if none is found."""
    try:
        node = parse(pattern)
    except RegexpError:
        return None
    if not node.is_hard or fault(pattern):
        return None
    # The second alternative matches every text, so that a text without a match is one that the engine gave up.
    is_decided = matcher(f"(?:{pattern})|(?![\\s\\S])")
    pumps = [pump for _, pump in zip(range(_MOST_PUMPS), node.pumps(), strict=False)]
    for length in _LENGTHS:
        for before, body in pumps if length <= longest else ():
            text = (before + body * (length // len(body) + 1))[:length]
            if not all(is_decided(text + suffix) for suffix in _SUFFIXES):
                return length
    return None

"""Patterns of JSON Schema: regular expressions of ECMA-262 with the `u` flag, translated for jsonschema-rs.

The regular expression engine of jsonschema-rs evaluates every pattern, so that a pattern has one meaning everywhere. It
supports the classes and properties of ECMAScript; other syntax is translated. The work for a text is bounded: linear
without lookaround, word boundaries and backreferences, else `_STEPS`; a text that exceeds them does not match.
"""

import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Final

import jsonschema_rs

_STEPS: Final = 100_000
_SIZE: Final = 50_000_000  # bytes of a compiled pattern; `^\p{L}{1,1000}$` needs a large part of it

OPTIONS: Final = jsonschema_rs.FancyRegexOptions(backtrack_limit=_STEPS, size_limit=_SIZE)
"""Options for every compilation of a schema."""

_PIECE: Final = re.compile(
    r"""
      \\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}   # a surrogate pair
    | \\k<[^>\]]*> | \\0(?![0-9]) | \\. | \\
    | \(\?<(?![=!])[^>\]]*> | \(\??
    | \[\^?\]? | [\].]
    | [^\\(\[\].]+ | .
    """,
    re.DOTALL | re.VERBOSE,
)
_WORD: Final = "[0-9A-Za-z_]"
_OUTSIDE: Final = {
    "[]": r"[^\s\S]",
    "[^]": r"[\s\S]",
    ".": r"[^\n\r\u{2028}\u{2029}]",
    # The engine's own word boundaries are Unicode-aware, those of ECMAScript are ASCII.
    r"\b": rf"(?:(?<={_WORD})(?!{_WORD})|(?<!{_WORD})(?={_WORD}))",
    r"\B": rf"(?:(?<={_WORD})(?={_WORD})|(?<!{_WORD})(?!{_WORD}))",
}
_ESCAPES: Final = {r"\0": r"\x00", r"\<": "<", r"\>": ">"}
_PROPERTY: Final = re.compile(r"\\[pP]\{([^{}]*)\}")


@lru_cache(maxsize=4096)
def translated(pattern: str) -> str:
    """Translates `pattern` to the syntax of jsonschema-rs's engine."""
    pieces = [*_pieces(pattern)]
    names = _names(pieces)
    made = []
    for piece, inside in pieces:
        if inside:
            made.append(r"\x08" if piece == r"\b" else _one(piece))
        elif piece.startswith("(?<"):
            made.append("(")
        elif piece.startswith(r"\k<") and piece[3:-1] in names:
            made.append(rf"(?:\{names[piece[3:-1]]})")
        else:
            made.append(_OUTSIDE.get(piece) or _one(piece))
    return "".join(made)


def _pieces(pattern: str) -> Iterator[tuple[str, bool]]:
    """Yields the tokens of a pattern, each with True if it is inside a character class."""
    inside = False
    for piece in _PIECE.findall(pattern):
        yield piece, inside
        closes = piece.endswith("]") and not piece.startswith("\\")
        inside = not closes if inside else piece in ("[", "[^")


def _names(pieces: Iterable[tuple[str, bool]]) -> dict[str, int]:
    opened = [piece for piece, inside in pieces if not inside and piece.startswith("(") and piece != "(?"]
    return {piece[3:-1]: number for number, piece in enumerate(opened, 1) if piece != "("}


def _one(piece: str) -> str:
    """Translates an escape, inside or outside a class."""
    if len(piece) == 12 and piece.startswith(r"\u"):
        high, low = int(piece[2:6], 16), int(piece[8:], 16)
        return rf"\u{{{0x10000 + (high - 0xD800 << 10) + low - 0xDC00:X}}}"
    return _ESCAPES.get(piece, piece)


@lru_cache(maxsize=4096)
def matcher(pattern: str) -> Callable[[str], bool]:
    """Returns a function that tests a text for a match; ValueError for a pattern that the engine does not support."""
    validator = jsonschema_rs.Draft202012Validator(
        {"pattern": translated(pattern)}, pattern_options=OPTIONS, offline=True
    )
    return validator.is_valid


@lru_cache(maxsize=4096)
def fault(pattern: str) -> str:
    """Returns the reason why the engine does not support `pattern`, as a predicate; empty if it does."""
    if _is_known(pattern):
        return ""
    unknown = next((found[1] for found in _PROPERTY.finditer(pattern) if not _is_known(found[0])), None)
    if unknown is not None:
        return f'names a property that Unicode does not have, or the engine does not know: "{unknown}"'
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            re.compile(pattern)
    except re.error as error:
        if not error.msg.startswith(("bad escape", "incomplete escape", "unknown extension")):
            return f"is not a regular expression: {error.msg} at character {(error.pos or 0) + 1}"
    except (RecursionError, OverflowError):
        pass
    else:
        return "means something in Python only, or is too large; keep to what ECMAScript knows"
    return "is not a regular expression of ECMAScript"


def _is_known(pattern: str) -> bool:
    try:
        matcher(pattern)
    except ValueError:
        return False
    return True

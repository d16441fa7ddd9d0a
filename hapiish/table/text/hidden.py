"""Replaces characters that the YAML parser treats differently from YAML 1.2, and restores them after parsing."""

import json
import re
from collections.abc import Iterator
from typing import Final

_NO_BREAKS: Final = "\x85\u2028\u2029"
"""Line breaks in YAML 1.1 (the version of the parser), but not in YAML 1.2 (§5.4)."""
_PAIR: Final = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F]")
_ESCAPE: Final = re.compile(r"\\(?:(u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|.)", re.DOTALL)


def hide(text: str) -> tuple[str, dict[int, str]]:
    """Returns `text` with unused characters in place of problematic ones, and the mapping that restores those."""
    text, hidden = _without_pairs(text)
    text, breaks = _without_old_breaks(text)
    return text, hidden | breaks


def _without_old_breaks(text: str) -> tuple[str, dict[int, str]]:
    """Replaces `_NO_BREAKS` by unused characters; returns the mapping that restores them, too."""
    present = [each for each in _NO_BREAKS if each in text]
    if not present:
        return text, {}
    hidden = dict(zip(present, _unused(text), strict=False))
    shown = {ord(other): each for each, other in hidden.items()}
    return text.translate({ord(each): other for each, other in hidden.items()}), shown


def _without_pairs(text: str) -> tuple[str, dict[int, str]]:
    """The same for escaped surrogate pairs of a table in JSON, which the YAML parser does not combine."""
    if not _PAIR.search(text) or not text.lstrip().startswith("{"):
        return text, {}
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text, {}
    free = _unused(text)
    dropped = next(free)
    others: dict[str, str] = {}

    def other(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0]
        character = json.loads(f'"{found[0]}"')
        if character not in others:
            others[character] = next(free, "\ufffd")
        return f"\\u{ord(others[character]):04X}\\u{ord(dropped):04X}"

    text = _ESCAPE.sub(other, text)
    return text, {ord(dropped): "", **{ord(each): character for character, each in others.items()}}


def _unused(text: str) -> Iterator[str]:
    """Private use characters that `text` does not contain, neither literally nor escaped."""
    escaped = set(re.findall(r"\\u([eEfF][0-9a-fA-F]{3})", text))
    used = {int(each, 16) for each in escaped} | set(map(ord, text))
    return (chr(code) for code in range(0xE000, 0xF900) if code not in used)

r"""Words of a text, for the search. Case and width do not count, and the number of words of a text is bounded.

A word is a run of letters, digits and their marks; an emoji is a word of its own. Languages that write without spaces
between words (Chinese, Japanese, Thai, Khmer …) have no such runs: each pair of neighbouring characters is a word, and
so is the last character, so that every part of a text of two characters or more is found.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from unicodedata import normalize

WORDS: Final = 512
"""The most different words of a text. A search does not find later words."""

LONGEST: Final = 32
"""The most characters of a word that count."""

# Scripts without spaces: Thai and Lao, Myanmar, Khmer, kana, ideographs.
_PAIRED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
# Marks that are parts of words and that \w does not contain: of Latin, Hebrew, Arabic and the scripts of India.
_MARKS: Final = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06ed\u0900-\u0963\u0966-\u0dff"
)
_EMOJI: Final = "\u2600-\u27bf\U0001f000-\U0001faff"

_RUN: Final = re.compile(rf"[{_PAIRED}]+|[{_EMOJI}]|(?:(?![{_PAIRED}_])[\w{_MARKS}])+")
_IS_PAIRED: Final = re.compile(rf"[{_PAIRED}]")


def words_of(*texts: str) -> list[str]:
    """Returns the different words of texts in the order of their first occurrence, at most `WORDS`."""
    found: dict[str, None] = {}
    for text in texts:
        for run in _RUN.finditer(_folded(text)):
            found.update(dict.fromkeys(_parts(run[0])))
            if len(found) >= WORDS:
                return list(found)[:WORDS]
    return list(found)


def words_in(text: str, attachments: Iterable[Mapping[str, Any]]) -> list[str]:
    """Returns the words of a message for the search: those of its text and of the names of its attachments."""
    return words_of(text, *(each["name"] for each in attachments))


def query_of(text: str, limit: int) -> tuple[list[str], str | None]:
    """Returns the words that a message must contain, and the beginning of one more word or None.

    The beginning is the last word of the query, unless characters follow it. It needs two characters, or one in a
    language without spaces between words.
    """
    folded = _folded(text)
    runs = list(_RUN.finditer(folded))[: limit + 1]
    found: dict[str, None] = {}
    for run in runs:
        found.update(dict.fromkeys(_pairs(run[0]) if _IS_PAIRED.match(run[0]) else [run[0][:LONGEST]]))
    words = list(found)[:limit]
    if not words or not runs or runs[-1].end() < len(folded):
        return words, None
    last = runs[-1][0]
    if _IS_PAIRED.match(last):
        return (words[:-1], last) if len(last) == 1 else (words, None)
    is_open = 1 < len(last) <= LONGEST and words[-1] == last
    return (words[:-1], last) if is_open else (words, None)


def _folded(text: str) -> str:
    """Returns the form for comparisons. It is normalised twice, because case folding may undo the normal form."""
    if text.isascii():
        return text.lower()
    return normalize("NFKC", normalize("NFKC", text).casefold())


def _parts(run: str) -> list[str]:
    if not _IS_PAIRED.match(run):
        return [run[:LONGEST]]
    return [*_pairs(run), run[-1]]


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)] or [run]

"""Parser for regular expressions of ECMAScript with the `u` flag (ECMA-262 §22.2.1), which JSON Schema means.

`parse` returns the tree of a pattern, or raises RegexpError with the part that ECMAScript does not know. The tree tells
the length of the texts that match, and finds texts for which a backtracking engine needs many steps.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_TOKEN: Final = re.compile(
    r"""
      \\(?: u\{[0-9a-fA-F]+\} | u[0-9a-fA-F]{4} | x[0-9a-fA-F]{2} | c[A-Za-z] | [pP]\{[^{}]*\} | k<[^>]*>
          | [1-9][0-9]* | 0(?![0-9]) | [dDwWsSbBfnrtv] | [\^$\\.*+?()\[\]{}|/] )
    | \(\?(?: <[=!] | <[^=!>][^>]*> | [:=!] )
    | \{[0-9]+(?:,[0-9]*)?\}\?? | [*+?]\??
    | [\[\]()|^$.{}] | [^\\]
    """,
    re.VERBOSE | re.DOTALL,
)
_IN_CLASS: Final = re.compile(r"\\-|\\(?!B|k<|[1-9])", re.DOTALL)
_COUNTS: Final = re.compile(r"\{(\d+)(,?)(\d*)\}")
_SAMPLES: Final = {"d": "1", "D": "a", "w": "a", "W": "-", "s": " ", "S": "a", "f": "\f", "n": "\n", "r": "\r"}
_DEEPEST: Final = 200


class RegexpError(ValueError):
    """Raised for a pattern that is not ECMAScript; `part` is the part that it does not know."""

    def __init__(self, part: str) -> None:
        super().__init__(f'"{part}" is not ECMAScript')
        self.part = part


@dataclass(frozen=True, slots=True)
class Piece:
    r"""A part of a pattern that matches between `least` and `most` characters (None: any number).

    `kind` is one of "char", "class", "seq", "or", "repeat", "group", "look", "back", "start", "end" and "edge" (`\b`).
    `sample` is a character that it matches.
    """

    kind: str
    least: int
    most: int | None
    inner: tuple["Piece", ...] = ()
    sample: str = ""

    @property
    def is_hard(self) -> bool:
        """True if it needs an engine that backtracks: lookaround, word boundaries, references."""
        return self.kind in ("look", "back", "edge") or any(each.is_hard for each in self.inner)

    @property
    def is_bounded(self) -> bool:
        """True if a text that matches the whole pattern is never longer than `most`: it is anchored on both sides."""
        return self.most is not None and self._starts and self._ends

    @property
    def _starts(self) -> bool:
        return self.anchored("start", 0)

    @property
    def _ends(self) -> bool:
        return self.anchored("end", -1)

    def anchored(self, kind: str, index: int) -> bool:
        """Returns True if each alternative has the anchor "start" or "end" at `index`, 0 or -1."""
        match self.kind:
            case "seq":
                solid = [each for each in self.inner if each.kind != "look"]
                return bool(solid) and solid[index].anchored(kind, index)
            case "or" | "group":
                return all(each.anchored(kind, index) for each in self.inner)
        return self.kind == kind

    def text(self) -> str:
        """Returns a text that the part probably matches, without regard to lookaround and references."""
        match self.kind:
            case "char" | "class":
                return self.sample
            case "or":
                return self.inner[0].text()
            case "repeat":
                return self.inner[0].text() * min(self.least, 50)
            case "seq" | "group":
                return "".join(each.text() for each in self.inner)[:1000]
        return ""

    def pumps(self, before: str = "") -> Iterator[tuple[str, str]]:
        """Yields pairs of a text that leads to an unbounded repetition, and a text that this repeats."""
        if self.kind == "repeat" and (self.most is None or self.most > 50):
            for body in self.inner[0].choices():
                yield before, body
        for each in self.inner:
            yield from each.pumps(before)
            if self.kind == "seq":
                before += each.text() or (each.inner[0].text() if each.kind == "repeat" else "")

    def choices(self) -> list[str]:
        """Returns texts of the alternatives of a part."""
        if self.kind in ("or", "group", "repeat"):
            return [text for each in self.inner for text in each.choices()][:4]
        texts = self.text() or "".join(
            each.inner[0].text() if each.kind == "repeat" else each.text() for each in self.inner
        )
        return [texts] if texts else []


@lru_cache(maxsize=4096)
def parse(pattern: str) -> Piece:
    """Returns the tree of `pattern`; raises RegexpError."""
    return _Parser(pattern).pattern()


class _Parser:
    def __init__(self, pattern: str) -> None:
        self.text = pattern
        self.at = 0
        self.depth = 0

    def pattern(self) -> Piece:
        node = self.alternatives()
        if self.at < len(self.text):
            raise RegexpError(self.text[self.at])
        return node

    def token(self) -> str:
        found = _TOKEN.match(self.text, self.at)
        if found is None:
            raise RegexpError(self.text[self.at : self.at + 2])
        return found[0]

    def alternatives(self) -> Piece:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise RegexpError("(" * 3)
        branches = [self.sequence()]
        while self.at < len(self.text) and self.text[self.at] == "|":
            self.at += 1
            branches.append(self.sequence())
        self.depth -= 1
        if len(branches) == 1:
            return branches[0]
        longest = [each.most for each in branches]
        most = None if None in longest else max(each for each in longest if each is not None)
        return Piece("or", min(each.least for each in branches), most, tuple(branches))

    def sequence(self) -> Piece:
        nodes: list[Piece] = []
        while self.at < len(self.text):
            token = self.token()
            if token in (")", "|"):
                break
            nodes.append(self.repeated(self.atom(token)))
        longest = [each.most for each in nodes]
        most = None if None in longest else sum(each for each in longest if each is not None)
        return Piece("seq", sum(each.least for each in nodes), most, tuple(nodes))

    def atom(self, token: str) -> Piece:
        start, self.at = self.at, self.at + len(token)
        if token[0] in "*+?{}]":
            raise RegexpError(token)
        if token.startswith("["):
            return self.character_class(start)
        if token[0] == "(":
            if len(token) == 1 and self.text.startswith("?", self.at):
                raise RegexpError(self.text[start : start + 4])
            inner = self.alternatives()
            if not self.text.startswith(")", self.at):
                raise RegexpError(token)
            self.at += 1
            is_look = token[-1] in "=!"
            return Piece("look", 0, 0, (inner,)) if is_look else Piece("group", inner.least, inner.most, (inner,))
        match token:
            case "^":
                return Piece("start", 0, 0)
            case "$":
                return Piece("end", 0, 0)
            case "\\b" | "\\B":
                return Piece("edge", 0, 0)
            case ".":
                return Piece("class", 1, 1, sample="a")
        if token[0] != "\\":
            return Piece("char", 1, 1, sample=token)
        if token[1] == "k" or token[1] in "123456789":
            return Piece("back", 0, None)
        return Piece("class", 1, 1, sample=_sample(token))

    def repeated(self, node: Piece) -> Piece:
        found = _TOKEN.match(self.text, self.at)
        token = found[0] if found is not None else ""
        if not token or (token[0] not in "*+?" and not _COUNTS.match(token)):
            return node
        if node.kind in ("start", "end", "edge", "look"):
            raise RegexpError(token)
        self.at += len(token)
        counts = _COUNTS.match(token)
        least = int(counts[1]) if counts else int(token[0] == "+")
        most = 1 if token[0] == "?" else None
        if counts:
            most = int(counts[3]) if counts[3] else None if counts[2] else least
        longest = None if most is None or node.most is None else most * node.most
        return Piece("repeat", least * node.least, longest, (node,)) if (least, most) != (1, 1) else node

    def character_class(self, start: int) -> Piece:
        is_negated = self.text.startswith("^", self.at)
        self.at += is_negated
        first = ""
        while not self.text.startswith("]", self.at):
            if self.at >= len(self.text):
                raise RegexpError(self.text[start : start + 20])
            token = self.text[self.at]
            if token.startswith("\\"):
                if not _IN_CLASS.match(self.text, self.at):
                    raise RegexpError(self.text[self.at : self.at + 2])
                token = "\\-" if self.text.startswith("\\-", self.at) else self.token()
            self.at += len(token)
            first = first or _sample(token)
        self.at += 1
        if not is_negated:
            return Piece("class", 1, 1, sample=first or "a")
        inside = self.text[start : self.at]
        return Piece("class", 1, 1, sample=next((each for each in "a1- " if each not in inside), "\u00e9"))


def _sample(token: str) -> str:
    """Returns a character that an escape or a character matches."""
    if token[0] != "\\":
        return token
    digits = token[2:].strip("{}")
    if token[1] in "ux" and digits:
        number = int(digits, 16)
        return chr(number) if number < 0xD800 or 0xDFFF < number < 0x110000 else "a"
    if token[1] in "pP":
        return "1" if digits.startswith("N") else "a"
    return _SAMPLES.get(token[1], token[1])

"""Says why a route answers a request and why each other one does not, by the rules of the router.

`http.routing` decides which route wins; here are the reasons, segment by segment. Knows the paths' grammar only.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from hapiish.grammar.path import LiteralText, Mixed, Param, Path, Segment, Wildcard, parse
from hapiish.options import Route

ANY: Final = "*"
_KINDS: Final = {LiteralText: 1, Mixed: 2, Param: 3, Wildcard: 4}
"""The order in which the router tries segments; the end of a path, 0, is first."""


@dataclass(frozen=True, slots=True)
class MatchRequest:
    """A request: its method, its path as the router sees it, and its host without port in lower case."""

    method: str
    path: str
    host: str | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """The reason why a route does not answer: a kind, a sentence, and the segment that decides, from 1.

    Kinds: internal, host, segment, case, slash, length, method, precedence.
    """

    kind: str
    text: str
    segment: int | None = None


class Matcher:
    """Compares requests with routes; `case_sensitive` is that of the table's router."""

    def __init__(self, *, case_sensitive: bool = True) -> None:
        self.case_sensitive = case_sensitive

    def reason(self, asked: MatchRequest, route: Route, winner: Route | None) -> Reason:
        """Returns why `route` does not answer the request, which `winner` answers."""
        if route.options.is_internal:
            return Reason("internal", "is internal: only inject with allow_internals reaches it")
        path = parse(route.path)
        differs = self.mismatch(path, asked.path)
        if differs is not None:
            return differs
        if route.vhost is not None and (asked.host is None or route.vhost.lower() != asked.host):
            shown = f", not {asked.host}" if asked.host else "; the request names no host (add --host, or a full URL)"
            return Reason("host", f"serves only the host {route.vhost}{shown}")
        if not answers(route.method, asked.method):
            also = " and HEAD" if route.method == "GET" else ""
            why = " (a route of any method answers no CONNECT)" if route.method == ANY else ""
            return Reason("method", f"answers {'any method' if route.method == ANY else route.method}{also}{why}")
        if winner is None:
            return Reason("precedence", "matches")
        return self.precedence(route, winner)

    def mismatch(self, path: Path, text: str) -> Reason | None:
        """Returns where a path of a request differs from that of a route; None if it matches."""
        found = self._mismatch(path, text, self.case_sensitive)
        if found is None:
            return None
        if self.case_sensitive and self._mismatch(path, text, False) is None:
            return Reason("case", f"{found.text}: it differs in case", found.segment)
        other = text[:-1] if text.endswith("/") else f"{text}/"
        if len(text) > 1 and self._mismatch(path, other, self.case_sensitive) is None:
            has = "has a trailing slash" if text.endswith("/") else "has no trailing slash"
            return Reason("slash", f"the request {has}", found.segment)
        return found

    def likeness(self, asked: MatchRequest, route: Route) -> float:
        """Returns the similarity of the paths of a request and a route from 0 to 1; 2 if only a detail differs."""
        differs = self.mismatch(parse(route.path), asked.path)
        if differs is None or differs.kind in ("case", "slash"):
            return 2.0
        return _likeness(route.path, asked.path)

    def _mismatch(self, path: Path, text: str, case_sensitive: bool) -> Reason | None:
        given = text.split("/")[1:]
        wanted = list(expanded(path))
        for index, segment in enumerate(wanted):
            number = index + 1
            if isinstance(segment, Wildcard):
                return None
            if index >= len(given):
                if isinstance(segment, Param) and segment.optional and index == len(wanted) - 1:
                    return None
                return Reason("length", f"the request ends before segment {number}, {shown(segment)}", number)
            own = given[index]
            is_last = index == len(given) - 1
            if not _fits(segment, own, is_last, case_sensitive):
                return Reason("segment", _difference(segment, own, number), number)
        if len(given) > len(wanted):
            number = len(wanted) + 1
            return Reason("length", f'the request goes on with segment {number}, "{given[number - 1]}"', number)
        return None

    def precedence(self, route: Route, winner: Route) -> Reason:
        """Returns why `winner` precedes `route`, which matches, too."""
        if winner.method != route.method and ANY in (winner.method, route.method):
            return Reason("precedence", f"a route of the method {winner.method} precedes one of any method")
        if winner.vhost != route.vhost:
            return Reason("precedence", f"a route of the host {winner.vhost} precedes one of all hosts")
        if winner.method != route.method:
            return Reason("precedence", f"a route of the method {winner.method} precedes it")
        mine, best = list(expanded(parse(route.path))), list(expanded(parse(winner.path)))
        for index in range(max(len(mine), len(best))):
            own, other = (each[index] if index < len(each) else None for each in (mine, best))
            if _rank(own) == _rank(other) and self._is_same(own, other):
                continue
            first, last = shown(other), shown(own)
            text = f"segment {index + 1}: {first} precedes {last}"
            if isinstance(own, Mixed) and isinstance(other, Mixed):
                text += ", because it has more literal text"
            return Reason("precedence", text, index + 1)
        return Reason("precedence", "the other route precedes it")

    def _is_same(self, own: Segment | None, other: Segment | None) -> bool:
        if isinstance(own, LiteralText) and isinstance(other, LiteralText):
            return own.text == other.text or (not self.case_sensitive and own.text.lower() == other.text.lower())
        if isinstance(own, Mixed) and isinstance(other, Mixed):
            return _pattern(own, self.case_sensitive).pattern == _pattern(other, self.case_sensitive).pattern
        return True


def answers(declared: str, asked: str) -> bool:
    """Returns whether a route of a method answers requests of another: GET answers HEAD, `*` all but CONNECT."""
    return declared == asked or (declared == "GET" and asked == "HEAD") or (declared == ANY and asked != "CONNECT")


def nearest(asked: MatchRequest, routes: Sequence[Route], matcher: Matcher, most: int = 3) -> list[Route]:
    """Returns the routes whose paths are most like that of the request, the most similar first."""
    seen = [route for route in routes if not route.options.is_internal]
    ranks = [(matcher.likeness(asked, route), answers(route.method, asked.method)) for route in seen]
    ranked = sorted(zip(ranks, range(0, -len(seen), -1), seen, strict=True), key=lambda each: each[:2], reverse=True)
    return [route for (ratio, _), _, route in ranked[:most] if ratio > _LEAST]


_LEAST: Final = 0.45


def _likeness(path: str, asked: str) -> float:
    """Returns the similarity of two paths from 0 to 1, segment by segment; a parameter equals any segment."""
    mine, theirs = path.split("/")[1:], asked.split("/")[1:]
    ratios = [
        1.0 if "{" in own else SequenceMatcher(None, own.lower(), other.lower()).ratio()
        for own, other in zip(mine, theirs, strict=False)
    ]
    literal = [ratio for own, ratio in zip(mine, ratios, strict=False) if "{" not in own]
    if literal and max(literal) < _LEAST:
        return 0.0
    return sum(ratios) / max(len(mine), len(theirs))


def expanded(path: Path) -> Iterator[Segment]:
    """Yields one segment for each slash: `{p*3}` is three parameters."""
    for segment in path.segments:
        if isinstance(segment, Param) and segment.count > 1:
            yield from [segment] * segment.count
        else:
            yield segment


def shown(segment: Segment | None) -> str:
    """Returns a segment in words: `the literal "new"`, `the parameter {id}`."""
    match segment:
        case None:
            return "the end of the path"
        case LiteralText(""):
            return "the trailing slash"
        case LiteralText(text):
            return f'the literal "{text}"'
        case Wildcard(name):
            return f"the wildcard {{{name}*}}"
        case Mixed(parts):
            text = "".join(part.text if isinstance(part, LiteralText) else f"{{{part.name}}}" for part in parts)
            return f'the pattern "{text}"'
        case Param(name, optional):
            return f"the optional parameter {{{name}?}}" if optional else f"the parameter {{{name}}}"
    raise AssertionError


def _rank(segment: Segment | None) -> int:
    return _KINDS[type(segment)] if segment is not None else 0


def _fits(segment: Segment, given: str, is_last: bool, case_sensitive: bool) -> bool:
    if isinstance(segment, LiteralText):
        return given == segment.text or (not case_sensitive and given.lower() == segment.text.lower())
    if isinstance(segment, Mixed):
        return _pattern(segment, case_sensitive).fullmatch(given) is not None
    assert isinstance(segment, Param)
    return bool(given) or (segment.optional and is_last)


def _pattern(mixed: Mixed, case_sensitive: bool) -> re.Pattern[str]:
    text = "".join(
        re.escape(part.text) if isinstance(part, LiteralText) else "(.*)" if part.optional else "(.+)"
        for part in mixed.parts
    )
    return re.compile(text, re.DOTALL | (0 if case_sensitive else re.IGNORECASE))


def _difference(segment: Segment, given: str, number: int) -> str:
    own = f'"{given}"' if given else "empty"
    if isinstance(segment, LiteralText):
        if not segment.text:
            return f"the request goes on with segment {number}, {own}"
        return f'segment {number} is {own}, not "{segment.text}"'
    if isinstance(segment, Mixed):
        return f"segment {number}, {own}, does not have the form of {shown(segment)}"
    return f"segment {number} is {own}, which {shown(segment)} does not match"

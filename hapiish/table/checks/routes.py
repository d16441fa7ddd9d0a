"""Checks paths, methods, hosts, ids and kinds: routes that are unreachable, ambiguous or invalid."""

from collections.abc import Iterator
from typing import Any, Final

from hapiish.grammar import path as paths
from hapiish.options.kinds import KINDS
from hapiish.table.draft import Draft
from hapiish.table.draft.parts import RouteDraft
from hapiish.table.form.foreign_terms import synonym
from hapiish.table.form.wording import did_you_mean
from hapiish.table.kinds import kind_of
from hapiish.table.problems import Mark, Problem
from hapiish.table.problems.codes import Code
from hapiish.table.problems.near import near
from hapiish.table.text.marks import Path

_METHODS: Final = (
    *("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "QUERY", "CONNECT", "TRACE", "*", "PURGE", "NOTIFY"),
    *("ACL", "BASELINE-CONTROL", "BIND", "CHECKIN", "CHECKOUT", "COPY", "LABEL", "LINK", "LOCK", "MERGE", "MKACTIVITY"),
    *("MKCALENDAR", "MKCOL", "MKREDIRECTREF", "MKWORKSPACE", "MOVE", "M-SEARCH", "ORDERPATCH", "PRI", "PROPFIND"),
    *("PROPPATCH", "REBIND", "REPORT", "SEARCH", "SUBSCRIBE", "UNBIND", "UNCHECKOUT", "UNLINK", "UNLOCK"),
    *("UNSUBSCRIBE", "UPDATE", "UPDATEREDIRECTREF", "VERSION-CONTROL", "SOURCE"),
)
"""IANA's registry of methods, and the ones that caches and devices use."""
_MOST_COMPARISONS: Final = 1_000_000
"""The maximum of pairs of mixed segments that are compared for a warning."""


def syntax(draft: Draft) -> Iterator[Problem]:
    """Paths with invalid syntax."""
    for route in draft.routes:
        if route.path_fault:
            yield Problem(draft.mark(*route.at, "path"), Code.PATH, route.path_fault)


def prefixes(draft: Draft) -> Iterator[Problem]:
    """Prefixes with invalid syntax."""
    reported: set[str] = set()
    for group in draft.groups:
        if group.fault and group.fault not in reported and not draft.was_pruned(*group.prefix_at):
            reported.add(group.fault)
            yield Problem(draft.mark(*group.prefix_at), Code.PREFIX, group.fault)


def conflicts(draft: Draft) -> Iterator[Problem]:
    """Routes that match the same requests."""
    taken: dict[tuple[str, str | None, str], RouteDraft] = {}
    reported: set[tuple[Path, Path]] = set()
    for route in draft.routes:
        if route.path is None:
            continue
        keys = paths.occupies(route.path)
        for method in route.options:
            for host in route.hosts:
                for key in keys:
                    first = taken.setdefault((method, host, key), route)
                    if first.at != route.at and (first.at, route.at) not in reported:
                        reported.add((first.at, route.at))
                        yield _conflict(draft, first, route, method, host)


def _conflict(draft: Draft, first: RouteDraft, route: RouteDraft, method: str, host: str | None) -> Problem:
    at = f" (host {host})" if host else ""
    message = f'"{method} {route.text}"{at} answers the same requests as "{method} {first.text}"'
    related = ((draft.mark(*first.at, "path"), f'"{method} {first.text}"{at}'),)
    return Problem(draft.mark(*route.at, "path"), Code.PATH_CONFLICT, message, related=related)


def trailing_slashes(draft: Draft) -> Iterator[Problem]:
    """Paths with a trailing slash where `stripTrailingSlash` removes it from requests."""
    if draft.section("server", "router").get("stripTrailingSlash") is not True:
        return
    for route in draft.routes:
        if route.path is not None and route.path.text != "/" and route.path.text.endswith("/"):
            setting = (draft.mark("server", "router", "stripTrailingSlash"), "slashes are stripped here")
            message = f'path "{route.path.text}" ends with a slash, which is stripped from requests'
            hint = f'write "{route.path.text.rstrip("/")}"'
            yield Problem(draft.mark(*route.at, "path"), Code.TRAILING_SLASH, message, hint, (setting,))


def head(draft: Draft) -> Iterator[Problem]:
    """Declared HEAD routes."""
    for route in draft.routes:
        if "HEAD" in route.options:
            methods = route.value.get("method")
            place: tuple[Any, ...] = ("method",)
            if isinstance(methods, list):
                place = ("method", next(i for i, method in enumerate(methods) if method.upper() == "HEAD"))
            hint = "declare the GET route, which also answers HEAD"
            yield Problem(draft.mark(*route.at, *place), Code.HEAD, "HEAD cannot be declared", hint)


def methods(draft: Draft) -> Iterator[Problem]:
    """Misspelled methods."""
    for route in draft.routes:
        written = route.value.get("method")
        for index, method in enumerate(written if isinstance(written, list) else [written]):
            if not isinstance(method, str) or method.upper() in _METHODS:
                continue
            meant = "*" if method.upper() in ("ALL", "ANY") else near(method.upper(), _METHODS, 0.65)
            if meant is not None:
                at = ("method", index) if isinstance(written, list) else ("method",)
                message = f'"{method}" is not an HTTP method; did you mean "{meant}"?'
                yield Problem(draft.mark(*route.at, *at), Code.METHOD, message)


def kinds(draft: Draft) -> Iterator[Problem]:
    """Unknown kinds of handlers, and declared kinds with the name of a built-in one."""
    for _, at, own in draft.sections("kinds"):
        for name in own:
            if name in KINDS:
                message = f'the kind "{name}" is already built in'
                yield Problem(draft.key_mark(*at, name), Code.UNKNOWN_KIND, message, "give it another name")
    for route in draft.routes:
        kind = kind_of(route.handler)
        if kind is None or draft.is_partial or draft.was_pruned("kinds"):
            continue
        known = (*KINDS, *draft.known(draft.realm_at(route.handler_at).index, "kinds"))
        if kind not in known:
            other = synonym(kind, known)
            suggestion = f'; did you mean "{other}"?' if other is not None else did_you_mean(kind, known)
            message = f'unknown kind of handler "{kind}"{suggestion}'
            yield Problem(draft.key_mark(*route.handler_at, kind), Code.UNKNOWN_KIND, message)


def ids(draft: Draft) -> Iterator[Problem]:
    """Ids that do not name exactly one route or event."""
    taken: dict[str, tuple[Mark, str]] = {}
    for at, name, title in _identified(draft):
        mark = draft.mark(*at, "id")
        if name in taken:
            message = f'the id "{name}" is already used by "{taken[name][1]}"'
            yield Problem(mark, Code.DUPLICATE_ID, message, related=((taken[name][0], "the first one"),))
        taken.setdefault(name, (mark, title))
    for route in draft.routes:
        if route.id is not None and len(route.options) > 1:
            message = f'the id "{route.id}" would name {len(route.options)} routes, one for each method'
            hint = "remove it, or write one route for each method"
            yield Problem(draft.mark(*route.at, "id"), Code.ID_ON_SEVERAL, message, hint)


def _identified(draft: Draft) -> Iterator[tuple[Path, str, str]]:
    for route in draft.routes:
        if route.id is not None:
            yield route.at, route.id, route.title
    for namespace in draft.namespaces:
        for event in namespace.events:
            if event.id is not None:
                yield event.at, event.id, event.title


def shadowed(draft: Draft) -> Iterator[Problem]:
    """Warns of `/logo.{ext}` beside `/{name}.{ext}`: hapi prefers the segment with more parts, which is the latter."""
    alternatives: dict[tuple[str, str | None, str], list[_Alternative]] = {}
    for route in draft.routes:
        if route.path is None:
            continue
        fingerprints = route.path.fingerprint.split("/")[1:]
        for index, segment in enumerate(route.path.segments):
            if isinstance(segment, paths.Mixed):
                before = "/".join(fingerprints[:index])
                for method in route.options:
                    for host in route.hosts:
                        found = segment, route, "/".join(fingerprints[index + 1 :]), route.path.segments[index + 1 :]
                        alternatives.setdefault((method, host, before), []).append(found)
    comparisons = 0
    for candidates in alternatives.values():
        longest = max(len(segment.parts) for segment, *_ in candidates)
        for each in candidates:
            comparisons += len(candidates)
            if len(each[0].parts) < longest and comparisons < _MOST_COMPARISONS:
                for winner in _covering(each, candidates):
                    yield _shadow(draft, each[1], winner)


_Alternative = tuple[paths.Mixed, RouteDraft, str, tuple[paths.Segment, ...]]
"""A segment with several parts, its route, and the rest of the path: its fingerprint and its segments."""


def _covering(shadowed: _Alternative, candidates: list[_Alternative]) -> Iterator[RouteDraft]:
    segment, _, after, rest = shadowed
    sample = _sample(segment)
    for other, winner, end, others in candidates:
        if (
            len(other.parts) > len(segment.parts)
            and _covers(other, sample)
            and (end == after or _covers_rest(_single(others), _single(rest)))
        ):
            yield winner


def _single(segments: tuple[paths.Segment, ...]) -> list[paths.Segment]:
    """The segments with one for each that `{name*2}` spans."""
    return [
        paths.Param(each.name) if isinstance(each, paths.Param) and each.count > 1 else each
        for each in segments
        for _ in range(each.count if isinstance(each, paths.Param) else 1)
    ]


def _covers_rest(general: list[paths.Segment], special: list[paths.Segment]) -> bool:
    """Returns whether the segments `general` match each rest of a path that `special` match."""
    for index, segment in enumerate(general):
        if isinstance(segment, paths.Wildcard):
            return True
        is_optional = isinstance(segment, paths.Param) and segment.optional
        if index >= len(special):
            return is_optional
        other = special[index]
        if isinstance(other, paths.Wildcard) or (isinstance(other, paths.Param) and other.optional and not is_optional):
            return False
        if isinstance(segment, paths.Param):
            if isinstance(other, paths.LiteralText) and not other.text:
                return False
        elif isinstance(segment, paths.Mixed):
            text = _sample(other) if isinstance(other, paths.Mixed) else getattr(other, "text", None)
            if text is None or not _covers(segment, text):
                return False
        elif segment != other:
            return False
    return len(special) <= len(general)


def _shadow(draft: Draft, route: RouteDraft, winner: RouteDraft) -> Problem:
    message = f'"{winner.text}" takes precedence over "{route.text}" where both match'
    hint = "hapi prefers the segment with more parts; write literal paths, or make the two paths distinct"
    related = ((draft.mark(*winner.at, "path"), "this one answers"),)
    return Problem(draft.mark(*route.at, "path"), Code.SHADOWED, message, hint, related, warning=True)


def _covers(segment: paths.Mixed, text: str) -> bool:
    """Returns whether a segment matches `text`; each literal is matched as far to the left as possible."""
    at, least = 0, 0
    for index, part in enumerate(segment.parts):
        if isinstance(part, paths.Param):
            least = 0 if part.optional else 1
            continue
        if index == len(segment.parts) - 1:
            return text.endswith(part.text) and len(text) - len(part.text) >= at + least
        found = text.find(part.text, at + least)
        if found < 0 or (index == 0 and found):
            return False
        at, least = found + len(part.text), 0
    return len(text) >= at + least


def _sample(segment: paths.Mixed) -> str:
    return "".join(part.text if isinstance(part, paths.LiteralText) else "x" for part in segment.parts)

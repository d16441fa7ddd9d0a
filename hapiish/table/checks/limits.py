"""Checks rate limits: contradictory numbers, shared names, and keys (`by`) that requests do not have."""

from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import Any

from hapiish.declare import units
from hapiish.table.draft import Draft
from hapiish.table.draft.layout import namespace_layers
from hapiish.table.draft.parts import RouteDraft
from hapiish.table.form.wording import did_you_mean
from hapiish.table.merging.merge import Merged
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.text.marks import Path

_LimitsAt = Iterator[tuple[Mapping[str, Any], Path]]


def numbers(draft: Draft) -> Iterator[Problem]:
    """Durations that are not whole seconds, and bursts below `max`."""
    for limit, at in _declared(draft):
        if "duration" not in limit or "max" not in limit:
            continue
        if units.duration(limit["duration"]) % 1000:
            mark = draft.mark(*at, "duration")
            yield Problem(mark, Code.LIMIT, '"duration" must be in whole seconds', "raise max and duration together")
        burst = limit.get("burst")
        if burst is not None and burst < limit["max"]:
            message = f'"burst" must be at least "max", which is {limit["max"]}'
            yield Problem(draft.mark(*at, "burst"), Code.LIMIT, message)


def names(draft: Draft) -> Iterator[Problem]:
    """Limits of the same name, which share counters, with different settings."""
    first: dict[str, tuple[Mapping[str, Any], Path]] = {}
    for limit, at in _declared(draft):
        name = limit.get("name")
        if not isinstance(name, str):
            continue
        known, place = first.setdefault(name, (limit, at))
        for key in ("max", "duration", "burst", "by", "strategy"):
            if known.get(key) != limit.get(key):
                message = f'the limit "{name}" has a different "{key}" elsewhere; limits of one name share counters'
                related = ((draft.mark(*place), "the first one"),)
                yield Problem(draft.key_mark(*at, key), Code.LIMIT, message, related=related)
                break


def values(draft: Draft) -> Iterator[Problem]:
    """`by` with a parameter that the path does not have, or with a body on a GET route.

    An inherited limit must fit at least one route: the others fall back to the client's address.
    """
    inherited: dict[tuple[str, Path], list[str]] = {}
    for route in draft.routes:
        for method, merged in route.options.items():
            for term, place in _terms_in_effect(merged):
                fault = _fault(term, method, route)
                if place[: len(route.at)] != route.at:
                    inherited.setdefault((term, place), []).append(fault)
                elif fault:
                    yield Problem(draft.mark(*place), Code.LIMIT_BY, fault)
    for (term, place), found in inherited.items():
        if all(found) and not draft.is_partial:  # a plugin may add a route that has it
            yield Problem(draft.mark(*place), Code.LIMIT_BY, f'no route with this limit has "{term}": {found[0]}')
    for namespace in draft.namespaces:
        for event in namespace.events:
            for term, place in _terms_in_effect(event.options):
                name = term.removeprefix("params.")
                if name not in (term, *namespace.params) and place[: len(namespace.at)] == namespace.at:
                    lacks = f'whose namespace "{namespace.name}" has none' if namespace.params else "which has no path"
                    yield Problem(draft.mark(*place), Code.LIMIT_BY, f'"{term}" on an event, {lacks}')


def _fault(term: str, method: str, route: RouteDraft) -> str:
    root, _, name = term.partition(".")
    if root == "params" and route.path is not None and name not in route.path.params:
        return f'"{route.path.text}" has no parameter "{name}"{did_you_mean(name, route.path.params)}'
    if root == "payload" and method == "GET":
        return f'"{term}" on a GET route, which has no request body'
    return ""


def _terms_in_effect(merged: Merged) -> Iterator[tuple[str, Path]]:
    for limit, at in _limits(merged.value.get("limit"), merged.origin("limit")):
        yield from _terms(limit, at)


def allowlist(draft: Draft) -> Iterator[Problem]:
    """Entries of `allowlist` that are not an IP address or network."""
    for index, value in enumerate(draft.section("server", "limit").get("allowlist") or ()):
        try:
            ip_network(value, strict=False)
        except ValueError:
            mark = draft.mark("server", "limit", "allowlist", index)
            message = f'"{value}" is not an IP address or network'
            yield Problem(mark, Code.LIMIT, message, 'such as "127.0.0.1" or "10.0.0.0/8"')


def _declared(draft: Draft) -> _LimitsAt:
    """Every limit that is written as a mapping, with its path."""
    for layer in draft.written:
        yield from _limits(layer.value.get("limit"), (*layer.at, "limit"))
    for namespace in draft.namespaces:
        for layer in namespace_layers(namespace.value, namespace.at):
            yield from _limits(layer.value.get("limit"), (*layer.at, "limit"))
        for event in namespace.events:
            yield from _limits((event.value.get("options") or {}).get("limit"), (*event.at, "options", "limit"))


def _limits(value: Any, at: Path) -> _LimitsAt:
    if isinstance(value, Mapping):
        yield value, at
    elif isinstance(value, list):
        yield from ((limit, (*at, index)) for index, limit in enumerate(value) if isinstance(limit, Mapping))


def _terms(limit: Mapping[str, Any], at: Path) -> Iterator[tuple[str, Path]]:
    by = limit.get("by")
    if isinstance(by, str):
        yield by, (*at, "by")
    elif isinstance(by, list):
        yield from ((term, (*at, "by", index)) for index, term in enumerate(by))

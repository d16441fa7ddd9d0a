"""Checks caches and server methods: duplicate and unknown names, contradictory cache policies."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hapiish.declare import units
from hapiish.grammar import expiry
from hapiish.table.draft import Draft
from hapiish.table.form.wording import did_you_mean
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.text.marks import Path
from hapiish.table.text.tree import mappings, section

_DURATIONS: Final = ("expiresIn", "generateTimeout", "staleIn", "staleTimeout", "pendingGenerateTimeout")


def stores(draft: Draft) -> Iterator[Problem]:
    """Duplicate names of caches, or several default caches."""
    declared: dict[str, tuple[Mapping[str, Any], Path]] = {}
    for cache, at in _caches(draft):
        name = cache.get("name") or ""
        first, place = declared.setdefault(name, (cache, at))
        if place != at and (cache != first or draft.realm_at(at) is draft.realm_at(place)):
            message = f'the cache "{name}" is declared twice' if name else "there are two default caches"
            hint = "" if name else "give one of them a name"
            yield Problem(draft.mark(*at), Code.CACHE, message, hint, ((draft.mark(*place), "the first one"),))


def policies(draft: Draft) -> Iterator[Problem]:
    """Cache policies with contradictory options, an unknown cache or a segment that is already in use."""
    shared = {cache.get("name") or "" for cache, _ in _caches(draft) if cache.get("shared") is True}
    known = [cache["name"] for cache, _ in _caches(draft) if cache.get("name")]
    taken: dict[tuple[str, str], Path] = {}
    for name, policy, at in _policies(draft):
        settings = {"generateTimeout": 1, **_in_milliseconds(policy), "generateFunc": True}
        for key, fault in expiry.contradictions(settings):
            place = (*at, key) if key in policy else at
            yield Problem(draft.key_mark(*place), Code.CACHE, fault)
        cache = policy.get("cache") or ""
        if cache and cache not in known and not draft.was_pruned("caches"):
            hint = "" if known else "caches is empty"
            message = f'unknown cache "{cache}"{did_you_mean(cache, known)}'
            yield Problem(draft.mark(*at, "cache"), Code.CACHE, message, hint)
        segment = (cache, policy.get("segment") or f"#{name}")
        if segment in taken and policy.get("shared") is not True and cache not in shared:
            message = f'the segment "{segment[1]}" is already in use'
            related = ((draft.key_mark(*taken[segment]), "by this policy"),)
            yield Problem(draft.key_mark(*at), Code.CACHE, message, "set shared: true, or rename the segment", related)
        taken.setdefault(segment, at)


def methods(draft: Draft) -> Iterator[Problem]:
    """Methods that are attributes of other methods: `users.load` beside `users`."""
    for _, at, own in draft.sections("methods"):
        for name, outer in ((name, outer) for name in own for outer in own if name.startswith(f"{outer}.")):
            related = ((draft.key_mark(*at, outer), f'"{outer}" is here'),)
            message = f'"{name}" would be an attribute of the method "{outer}"'
            yield Problem(draft.key_mark(*at, name), Code.CALL, message, "rename one of the two", related)


def _caches(draft: Draft) -> list[tuple[Mapping[str, Any], Path]]:
    return [found for realm in draft.realms for found in mappings(realm.value, "caches", realm.at)]


def _policies(draft: Draft) -> Iterator[tuple[str, Mapping[str, Any], Path]]:
    for realm, at, methods in draft.sections("methods"):
        for name, method in methods.items():
            policy = section(method).get("cache")
            if isinstance(policy, Mapping):
                yield f"{realm.part.label}/{name}" if realm.index else name, policy, (*at, name, "cache")
    sessions = draft.outermost("session")
    policy = section(sessions.value, "session").get("cache")
    if isinstance(policy, Mapping):
        yield "session", policy, (*sessions.at, "session", "cache")


def _in_milliseconds(policy: Mapping[str, Any]) -> dict[str, Any]:
    """The policy with its durations in milliseconds; a `staleIn` that names a function is kept."""

    def number(key: str, value: Any) -> Any:
        is_function = key == "staleIn" and isinstance(value, str) and ":" in value
        return value if key not in _DURATIONS or value in (None, False) or is_function else units.duration(value)

    return {key: number(key, value) for key, value in policy.items()}

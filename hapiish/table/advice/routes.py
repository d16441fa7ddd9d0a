"""Warns of routes that change data by GET, and of access rules that no caller satisfies."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hapiish.table.advice.own import Advised
from hapiish.table.merging.merge import Merged, listed
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code

_CHANGING: Final = frozenset({"create", "replace", "update", "delete"})
_VERBS: Final = frozenset({"delete", "destroy", "insert", "remove", "update"})
"""Names of handlers that change data; `create` and `edit` may show a form."""


def changes_by_get(advised: Advised) -> Iterator[Problem]:
    """GET routes that change data: browsers, crawlers and caches repeat and prefetch GET."""
    draft = advised.draft
    own = advised.own
    for route in draft.routes:
        if route.options.keys().isdisjoint(("GET", "*")) or route.realm.index not in own:
            continue
        settings = route.handler.get("model") if isinstance(route.handler, Mapping) else None
        action = settings.get("action") if isinstance(settings, Mapping) else None
        place: tuple[Any, ...] = ("model", "action")
        if action not in _CHANGING:
            name = route.handler.rpartition(":")[2] if isinstance(route.handler, str) else ""
            action, place = (name if name in _VERBS else None), ()
        if action is not None:
            message = (
                f'"GET {route.text}" changes data ("{action}"): browsers prefetch GET, crawlers and caches repeat it'
            )
            hint = "use POST, PUT, PATCH or DELETE"
            mark = draft.mark(*route.handler_at, *place)
            yield Problem(mark, Code.CHANGING_GET, message, hint, warning=True)


def contradictory_scopes(advised: Advised) -> Iterator[Problem]:
    """Scopes that require and forbid the same value: every authenticated request gets a 403."""
    draft = advised.draft
    reported: set[tuple[Any, ...]] = set()
    for route in draft.routes:
        for merged in route.options.values():
            for at, value in _contradictions(merged):
                if at not in reported:
                    reported.add(at)
                    message = f'no caller may use "{route.title}": its scope requires and forbids "{value}"'
                    yield Problem(draft.mark(*at), Code.UNREACHABLE, message, "remove one of the two", warning=True)


def _contradictions(merged: Merged) -> Iterator[tuple[tuple[str | int, ...], str]]:
    auth = merged.value.get("auth")
    if not isinstance(auth, Mapping):
        return
    access = auth.get("access")
    places: list[tuple[tuple[str | int, ...], Any]] = [(("auth", "scope"), auth.get("scope"))]
    for index, each in enumerate(access if isinstance(access, list) else [access]):
        if isinstance(each, Mapping):
            step = ("auth", "access", index) if isinstance(access, list) else ("auth", "access")
            places.append(((*step, "scope"), each.get("scope")))
    for place, scope in places:
        names = [each for each in listed(scope) if isinstance(each, str)]
        plain = [each for each in names if each[:1] not in "+!"]
        required = {each[1:] for each in names if each.startswith("+")} | ({plain[0]} if len(plain) == 1 else set())
        for name in names:
            if name.startswith("!") and name[1:] in required:
                yield merged.origin(*place), name[1:]

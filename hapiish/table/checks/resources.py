"""Resources and the kind `model`: what must be said, what contradicts itself, and what the action would never read."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hapiish.grammar.template import SOURCES
from hapiish.table.checks.calls import assigned_by
from hapiish.table.checks.templates import Available, faults, sources
from hapiish.table.draft import Draft
from hapiish.table.draft_parts import RouteDraft
from hapiish.table.form.wording import did_you_mean
from hapiish.table.kinds import kind_of
from hapiish.table.merge import Merged
from hapiish.table.problems import Mark, Problem
from hapiish.table.problems.codes import Code

_LISTS: Final = ("filters", "sort", "limit", "maxLimit", "paging", "maxOffset", "count")
_UNREAD: Final[Mapping[str, tuple[str, ...]]] = {
    "list": ("lookup", "readOnly", "version", "requireMatch"),
    "get": (*_LISTS, "readOnly", "requireMatch"),
    "create": (*_LISTS, "projection", "requireMatch"),
    "replace": (*_LISTS, "projection"),
    "update": (*_LISTS, "projection"),
    "delete": (*_LISTS, "projection", "readOnly", "computed"),
}
"""The options that an action has no use for."""

_READING: Final = ("list", "get")
_OF_CALLERS: Final = {"credentials", "artifacts"}


def form(draft: Draft) -> Iterator[Problem]:
    """Entries that are half a resource."""
    for at, value in draft.layout.resources():
        for key in ("method", "id"):
            if value.get(key) is not None:
                message = f'"{key}" is not allowed on a resource: each of its routes has its own'
                yield Problem(draft.key_mark(*at, key), Code.RESOURCE, message)
        if kind_of(value.get("handler")) != "model" and not draft.lost(*at, "handler"):
            hint = "write handler: {model: {name: …}}"
            yield Problem(draft.mark(*at, "handler"), Code.RESOURCE, "a resource needs a model handler", hint)
        elif isinstance(settings := (value.get("handler") or {}).get("model"), Mapping) and "action" in settings:
            place = draft.key_mark(*at, "handler", "model", "action")
            yield Problem(place, Code.RESOURCE, "a resource serves all actions", 'remove "action"')
    for route in draft.routes:
        if route.value.get("actions") is not None:
            message = '"actions" is only allowed on a resource'
            yield Problem(draft.key_mark(*route.at, "actions"), Code.RESOURCE, message, 'add "resource: <name>"')


def models(draft: Draft) -> Iterator[Problem]:
    """Models that are not there or have no database, and options of the kind that do not go together."""
    has_database = draft.value.get("database") is not None or draft.lost("database")
    for route, settings, is_single in _routes(draft):
        name = settings.get("name")
        at = (*route.handler_at, "model")
        if not has_database:
            has_database = True  # said once
            yield Problem(draft.mark(*at), Code.MODEL, "a model handler needs a database", 'add "database: {}"')
        writer = draft.realm_at(at)
        known = writer.models
        if isinstance(name, str) and name not in known and not draft.lost(*writer.at, "models"):
            message = f'unknown model "{name}"{did_you_mean(name, known)}'
            hint = "" if known else 'declare it under "models"'
            yield Problem(draft.mark(*at, "name"), Code.MODEL, message, hint)
        action = settings.get("action")
        if action is None:
            hint = "or write resource: <name> instead of method, to serve all actions"
            if not draft.lost(*at, "action"):
                yield Problem(draft.mark(*at), Code.MODEL, 'a model handler needs an "action"', hint)
            continue
        for key in _UNREAD[action] if is_single else ():
            if settings.get(key) is not None:
                message = f'"{key}" has no effect for the action "{action}"'
                yield Problem(draft.key_mark(*at, key), Code.MODEL, message)
        limit, most = settings.get("limit") or 25, settings.get("maxLimit") or 100
        if isinstance(limit, int) and isinstance(most, int) and limit > most:
            place = "limit" if settings.get("limit") is not None else "maxLimit"
            message = f'"limit" ({limit}) is greater than "maxLimit" ({most})'
            yield Problem(draft.mark(*at, place), Code.MODEL, message)
        if (
            settings.get("maxOffset") is not None
            and settings.get("paging") != "offset"
            and not draft.lost(*at, "paging")
        ):
            yield Problem(draft.key_mark(*at, "maxOffset"), Code.MODEL, '"maxOffset" requires "paging: offset"')


def templates(draft: Draft) -> Iterator[Problem]:
    """Templates in `where` that cannot be read, or that read what requests of the route never have."""
    told: set[Mark] = set()  # the routes of a resource have the same faults
    for route, settings, _ in _routes(draft):
        params = route.path.params if route.path is not None else None
        for method, merged in route.options.items():
            known = tuple(source for source in SOURCES if source != "payload" or method != "GET")
            assigned = {name for name in assigned_by(merged.value.get("pre")) if "." not in name}
            pre = None if draft.lost(*merged.origin("pre")) else assigned
            available = Available(f"{method} {route.text}", known, params, pre)
            for field, value in (settings.get("where") or {}).items():
                place = draft.mark(*route.handler_at, "model", "where", field)
                found = list(faults(value, available)) if isinstance(value, str) and place not in told else []
                told.update(place for _ in found)
                yield from (Problem(place, Code.TEMPLATE, message, hint) for message, hint in found)


def owners(draft: Draft) -> Iterator[Problem]:
    """Documents that belong to callers whom nobody asks for credentials."""
    for route, settings, _ in _routes(draft):
        if all(
            merged.value.get("auth", True) is not False and _asks(route, merged) for merged in route.options.values()
        ):
            continue
        message = "the documents depend on the caller, but this route has no authentication"
        owner = settings.get("owner")
        is_read = isinstance(owner, Mapping) and owner.get("reads") == "all" and settings.get("action") in _READING
        if owner is not None and not is_read:
            hint = "set a strategy under options.auth"
            yield Problem(draft.mark(*route.handler_at, "model", "owner"), Code.OWNER, message, hint)
        for field, value in (settings.get("where") or {}).items():
            if _OF_CALLERS & sources(value):
                place = draft.mark(*route.handler_at, "model", "where", field)
                yield Problem(place, Code.OWNER, message, "set a strategy under options.auth")


def _asks(route: RouteDraft, merged: Merged) -> bool:
    auth = merged.value.get("auth")
    return auth is not False and (auth if auth is not None else route.realm.default_auth[0]) is not None


def _routes(draft: Draft) -> Iterator[tuple[RouteDraft, Mapping[str, Any], bool]]:
    """Routes over a model with its settings, and whether the settings are for this route alone."""
    resources = {(*at, "handler") for at, _ in draft.layout.resources()}
    for route in draft.routes:
        handler: Any = route.handler
        if kind_of(handler) == "model":
            settings = handler["model"]
            settings = {"name": settings} if isinstance(settings, str) else settings
            if isinstance(settings, Mapping):
                yield route, settings, route.handler_at not in resources

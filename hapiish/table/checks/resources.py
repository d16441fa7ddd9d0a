"""Checks resources and handlers of the kind `model`: missing, contradictory and unused options."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hapiish.grammar.template import SOURCES
from hapiish.table.checks.calls import assigned_by
from hapiish.table.checks.templates import Available, faults, sources
from hapiish.table.draft import Draft
from hapiish.table.draft.parts import RouteDraft
from hapiish.table.form.wording import did_you_mean
from hapiish.table.kinds import kind_of
from hapiish.table.merging.merge import Merged
from hapiish.table.problems import Mark, Problem
from hapiish.table.problems.codes import Code

_LISTS: Final = ("filters", "sort", "limit", "maxLimit", "paging", "maxOffset", "count")
_UNUSED: Final[Mapping[str, tuple[str, ...]]] = {
    "list": ("lookup", "readOnly", "version", "requireMatch"),
    "get": (*_LISTS, "readOnly", "requireMatch"),
    "create": (*_LISTS, "projection", "requireMatch"),
    "replace": (*_LISTS, "projection"),
    "update": (*_LISTS, "projection"),
    "delete": (*_LISTS, "projection", "readOnly", "computed"),
}
"""The options that have no effect for an action."""

_READING: Final = ("list", "get")
_CALLER_SOURCES: Final = {"credentials", "artifacts"}


def form(draft: Draft) -> Iterator[Problem]:
    """Resources with keys of single routes, and single routes with keys of resources."""
    for at, value in draft.layout.resources():
        for key in ("method", "id"):
            if value.get(key) is not None:
                message = f'"{key}" is not allowed on a resource: each of its routes has its own'
                yield Problem(draft.key_mark(*at, key), Code.RESOURCE, message)
        if kind_of(value.get("handler")) != "model" and not draft.was_pruned(*at, "handler"):
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
    """Unknown models, models without a database, and contradictory options."""
    has_database = draft.value.get("database") is not None or draft.was_pruned("database")
    for route, settings, is_single in _routes(draft):
        name = settings.get("name")
        at = (*route.handler_at, "model")
        if not has_database:
            has_database = True  # report it once
            yield Problem(draft.mark(*at), Code.MODEL, "a model handler needs a database", 'add "database: {}"')
        writer = draft.realm_at(at)
        known = writer.models
        if isinstance(name, str) and name not in known and not draft.was_pruned(*writer.at, "models"):
            message = f'unknown model "{name}"{did_you_mean(name, known)}'
            hint = "" if known else 'declare it under "models"'
            yield Problem(draft.mark(*at, "name"), Code.MODEL, message, hint)
        action = settings.get("action")
        if action is None:
            hint = "or write resource: <name> instead of method, to serve all actions"
            if not draft.was_pruned(*at, "action"):
                yield Problem(draft.mark(*at), Code.MODEL, 'a model handler needs an "action"', hint)
            continue
        for key in _UNUSED[action] if is_single else ():
            if settings.get(key) is not None:
                message = f'"{key}" has no effect for the action "{action}"'
                yield Problem(draft.key_mark(*at, key), Code.MODEL, message)
        limit, max_limit = settings.get("limit") or 25, settings.get("maxLimit") or 100
        if isinstance(limit, int) and isinstance(max_limit, int) and limit > max_limit:
            place = "limit" if settings.get("limit") is not None else "maxLimit"
            message = f'"limit" ({limit}) is greater than "maxLimit" ({max_limit})'
            yield Problem(draft.mark(*at, place), Code.MODEL, message)
        if (
            settings.get("maxOffset") is not None
            and settings.get("paging") != "offset"
            and not draft.was_pruned(*at, "paging")
        ):
            yield Problem(draft.key_mark(*at, "maxOffset"), Code.MODEL, '"maxOffset" requires "paging: offset"')


def templates(draft: Draft) -> Iterator[Problem]:
    """Templates in `where` that are malformed, or that read values that requests of the route do not have."""
    reported: set[Mark] = set()  # the routes of a resource have the same faults
    for route, settings, _ in _routes(draft):
        for method, merged in route.options.items():
            known = tuple(source for source in SOURCES if source != "payload" or method != "GET")
            assigned = {name for name in assigned_by(merged.value.get("pre")) if "." not in name}
            pre = None if draft.was_pruned(*merged.origin("pre")) else assigned
            available = Available(f"{method} {route.text}", known, route.params, pre)
            for field, value in (settings.get("where") or {}).items():
                place = draft.mark(*route.handler_at, "model", "where", field)
                found = list(faults(value, available)) if isinstance(value, str) and place not in reported else []
                reported.update(place for _ in found)
                yield from (Problem(place, Code.TEMPLATE, message, hint) for message, hint in found)


def owners(draft: Draft) -> Iterator[Problem]:
    """Documents that depend on the caller (`owner`, `where`) behind routes without authentication."""
    for route, settings, _ in _routes(draft):
        if all(
            merged.value.get("auth", True) is not False and _authenticates(route, merged)
            for merged in route.options.values()
        ):
            continue
        message = "the documents depend on the caller, but this route has no authentication"
        owner = settings.get("owner")
        is_read = isinstance(owner, Mapping) and owner.get("reads") == "all" and settings.get("action") in _READING
        if owner is not None and not is_read:
            hint = "set a strategy under options.auth"
            yield Problem(draft.mark(*route.handler_at, "model", "owner"), Code.OWNER, message, hint)
        for field, value in (settings.get("where") or {}).items():
            if _CALLER_SOURCES & sources(value):
                place = draft.mark(*route.handler_at, "model", "where", field)
                yield Problem(place, Code.OWNER, message, "set a strategy under options.auth")


def _authenticates(route: RouteDraft, merged: Merged) -> bool:
    auth = merged.value.get("auth")
    return auth is not False and (auth if auth is not None else route.realm.default_auth[0]) is not None


def _routes(draft: Draft) -> Iterator[tuple[RouteDraft, Mapping[str, Any], bool]]:
    """The routes with a model handler, their settings, and whether only this route has these settings."""
    resources = {(*at, "handler") for at, _ in draft.layout.resources()}
    for route in draft.routes:
        handler: Any = route.handler
        if kind_of(handler) == "model":
            settings = handler["model"]
            settings = {"name": settings} if isinstance(settings, str) else settings
            if isinstance(settings, Mapping):
                yield route, settings, route.handler_at not in resources

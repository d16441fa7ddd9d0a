"""Checks options of the built-in schemes: missing and contradictory options, and those that accept any caller."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hapiish.table.checks.options import exclusive
from hapiish.table.draft import Draft
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.text.marks import Path

_ONE_OF: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "apiKey": (("validate", "keys"),),
    "basic": (("validate", "users"),),
    "oauth2": (("provider", "issuer"),),
}
"""Groups of options of which a strategy must set exactly one."""

_ONE_AT_MOST: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "apiKey": (("header", "query", "cookie"),),
    "jwt": (("headerName", "cookieName"),),
}


def options(draft: Draft) -> Iterator[Problem]:
    """Options that exclude or need each other."""
    sections = draft.sections("auth", "strategies")
    declared = (
        (name, strategy, (*at, name)) for _, at, strategies in sections for name, strategy in strategies.items()
    )
    for name, strategy, place in declared:
        at = (*place, "options")
        if not isinstance(strategy, Mapping) or draft.was_pruned(*at):
            continue
        scheme = strategy.get("scheme")
        settings = strategy.get("options") or {}
        for group in _ONE_OF.get(str(scheme), ()):
            present = [key for key in group if key in settings]
            if not present:
                message = f'the strategy "{name}" needs {" or ".join(group)}'
                yield Problem(draft.mark(*at), Code.STRATEGY, message)
            yield from _exclusive(draft, at, present)
        for group in _ONE_AT_MOST.get(str(scheme), ()):
            yield from _exclusive(draft, at, [key for key in group if settings.get(key) is not None])
        if scheme == "jwt":
            yield from _jwt(draft, name, settings, at)
        if scheme == "cookie":
            yield from _cookie(draft, settings, at)


def _exclusive(draft: Draft, at: Path, present: list[str]) -> Iterator[Problem]:
    if len(present) > 1:
        yield exclusive(draft, (*at, present[0]), (*at, present[1]))


def _jwt(draft: Draft, name: str, settings: Mapping[str, Any], at: Path) -> Iterator[Problem]:
    if settings.get("verify") is False:
        if not settings.get("validate"):
            message = "verify: false without validate would accept any token"
            yield Problem(draft.mark(*at, "verify"), Code.STRATEGY, message)
    elif "keys" not in settings:
        yield Problem(draft.mark(*at), Code.STRATEGY, f'the strategy "{name}" needs keys')


def _cookie(draft: Draft, settings: Mapping[str, Any], at: Path) -> Iterator[Problem]:
    if settings.get("keepAlive") is True and not (settings.get("cookie") or {}).get("ttl"):
        message = "keepAlive requires a cookie with a ttl"
        yield Problem(draft.key_mark(*at, "keepAlive"), Code.STRATEGY, message, "set a ttl on the cookie")


def redirects(draft: Draft) -> Iterator[Problem]:
    """`plugins.cookie.redirectTo` of a route that is neither text nor false."""
    for route in draft.routes:
        plugins = (route.value.get("options") or {}).get("plugins")
        override = plugins.get("cookie") if isinstance(plugins, Mapping) else None
        if isinstance(override, Mapping) and "redirectTo" in override:
            uri = override["redirectTo"]
            if uri is not False and not (isinstance(uri, str) and uri):
                mark = draft.mark(*route.at, "options", "plugins", "cookie", "redirectTo")
                yield Problem(mark, Code.STRATEGY, "plugins.cookie.redirectTo must be a path, a URI or false")

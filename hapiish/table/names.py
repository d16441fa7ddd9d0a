"""Every `module:attribute` in the plain tree of one table; nothing is certain to be there."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hapiish.table.calls import is_call
from hapiish.table.kinds import BUILT_IN as KINDS
from hapiish.table.kinds import functions, kind_of
from hapiish.table.merge import added_by
from hapiish.table.places import (
    events_in,
    groups_in,
    mappings,
    options_in,
    options_of_events,
    overrides_in,
    routes_in,
    section,
)
from hapiish.table.schemes import BUILT_IN
from hapiish.table.text.marks import Path

_ACTIONS: Final = ("error", "log", "ignore")
_RULES: Final = {
    "json": ("replacer",),
    "response": ("schema",),
    "validate": ("headers", "params", "query", "payload", "state", "all"),
}

Found = Iterator[tuple[str, Path]]


def functions_in(table: Any) -> Found:
    """The names of a table, each at its place."""
    return ((name, at) for name, at in named_in(table) if not is_call(name))


def named_in(table: Any) -> Found:
    """The names of a table, and the calls of its server methods."""
    yield from _sections(table)
    for options, at in options_in(table):
        yield from functions_of(options, at)
    for options, at in options_of_events(table):
        yield from functions_of(options, at)
    for group, at in groups_in(table):
        yield from _extensions(section(group, "ext"), (*at, "ext"))
    for holder, at in [*routes_in(table), *events_in(table), *overrides_in(table)]:
        yield from _handler(holder.get("handler"), (*at, "handler"))
    for namespace, at in mappings(section(table, "sockets"), "namespaces", ("sockets",)):
        yield from functions_of({"validate": section(namespace, "validate")}, at)
        for key in ("onConnect", "onDisconnect"):
            yield from _steps(namespace.get(key), (*at, key))


def _sections(table: Any) -> Found:
    for path in (("models",), ("auth", "schemes")):
        for key, name in section(table, *path).items():
            yield from _name(name, (*path, key))
    for key, kind in section(table, "kinds").items():
        yield from _steps(kind, ("kinds", key))
    for key, strategy in section(table, "auth", "strategies").items():
        for reference in BUILT_IN.get(str(section(strategy).get("scheme")), ()):
            yield from _references(section(strategy, "options"), reference, ("auth", "strategies", key, "options"))
    yield from _name(section(table, "session").get("customSessionIDGenerator"), ("session", "customSessionIDGenerator"))
    yield from _name(section(table, "server", "requestId").get("generate"), ("server", "requestId", "generate"))
    yield from _name(section(table, "server", "query").get("parser"), ("server", "query", "parser"))
    cookies = [(cookie, ("state", key)) for key, cookie in section(table, "state").items()]
    for cookie, at in [(section(table, "server", "state"), ("server", "state")), *cookies]:
        yield from _cookie(cookie, at)
    for key, method in section(table, "methods").items():
        yield from _method(method, ("methods", key))
    yield from _views(section(table, "views"))
    for cache, place in mappings(table, "caches"):
        if ":" in str(cache.get("provider")):
            yield from _name(cache["provider"], (*place, "provider"))
    yield from _extensions(section(table, "ext"), ("ext",))
    for name, event in section(table, "events").items():
        own = isinstance(event, Mapping)
        yield from _steps(event.get("listeners") if own else event, ("events", name, *(("listeners",) if own else ())))


def _views(views: Mapping[str, Any]) -> Found:
    """The functions that templates call, and the one that says what they all see."""
    yield from _name(views.get("context"), ("views", "context"))
    for key in ("helpers", "filters"):
        for name, given in section(views, key).items():
            yield from _name(given, ("views", key, name))


def _name(value: Any, at: Path) -> Found:
    if isinstance(value, str):
        yield value, at


def _handler(handler: Any, at: Path) -> Found:
    yield from _name(handler, at)
    kind = kind_of(handler)
    if kind is not None and kind in KINDS:
        for name, inside in functions(kind, handler[kind]):
            yield from _name(name, (*at, kind, *inside))


def _references(options: Any, reference: Path, at: Path) -> Found:
    """The functions that a scheme's options name."""
    if isinstance(options, list):
        for index, inner in enumerate(options):
            yield from _references(inner, reference, (*at, index))
    elif not reference:
        if isinstance(options, str):
            yield options, at
    elif isinstance(options, Mapping) and reference[0] in options:
        yield from _references(options[reference[0]], reference[1:], (*at, reference[0]))


def _method(method: Any, at: Path) -> Found:
    yield from _name(method, at)
    if isinstance(method, Mapping):
        for key in ("method", "generateKey"):
            yield from _name(method.get(key), (*at, key))
        stale_in = section(method, "cache").get("staleIn")
        if ":" in str(stale_in):
            yield from _name(stale_in, (*at, "cache", "staleIn"))


def _cookie(cookie: Any, at: Path) -> Found:
    """The functions of a cookie, whose automatic value may be one."""
    if not isinstance(cookie, Mapping):
        return
    yield from _name(cookie.get("contextualize"), (*at, "contextualize"))
    value = cookie.get("autoValue")
    if isinstance(value, Mapping):
        yield from _name(value.get("method"), (*at, "autoValue", "method"))


def functions_of(options: Mapping[str, Any], at: Path) -> Found:
    """The names among the options of a route or event, with the calls of methods."""
    if not options:
        return
    for group in ("payload", "response", "state", "validate"):
        yield from _action(options.get(group), (*at, group))
    if options.get("bind") is not None:
        yield options["bind"], (*at, "bind")
    yield from _rules(options, at)
    yield from _extensions(section(options, "ext"), (*at, "ext"))
    yield from _steps(options.get("pre"), (*at, "pre"))
    yield from _skips(options.get("limit"), (*at, "limit"))
    yield from _skips(options.get("csrf"), (*at, "csrf"))


def _rules(options: Mapping[str, Any], at: Path) -> Found:
    """Functions in the place of a schema, or of the keys that JSON has."""
    for group, keys in _RULES.items():
        for key in keys:
            yield from _name(section(options, group).get(key), (*at, group, key))
    errors = section(options, "response").get("errors")
    yield from _name(errors, (*at, "response", "errors"))
    if isinstance(errors, Mapping):
        yield from _name(errors.get("body"), (*at, "response", "errors", "body"))
    for status, rule in section(options, "response", "status").items():
        yield from _name(rule, (*at, "response", "status", status))


def _extensions(points: Mapping[str, Any], at: Path) -> Found:
    for point, listed in points.items():
        if not point.startswith("x-"):
            yield from _steps(listed, (*at, point))


def _steps(step: Any, at: Path) -> Found:
    """Extension functions and prerequisites: a name, a mapping with `method`, or a list of them."""
    if isinstance(step, str):
        if not is_call(step):
            yield step, at
    elif isinstance(step, list):
        for index, inner in enumerate(step):
            yield from _steps(inner, (*at, index))
    elif added_by(step) is not None:
        yield from _steps(step["add"], (*at, "add"))
    elif isinstance(step, Mapping):
        for key in ("method", "bind"):
            yield from _name(step.get(key), (*at, key))
        yield from _action(step, at)


def _skips(given: Any, at: Path) -> Found:
    """The functions that except requests from a protection, or from each of a list of them."""
    if isinstance(given, list):
        for index, inner in enumerate(given):
            yield from _skips(inner, (*at, index))
    elif added_by(given) is not None:
        yield from _skips(given["add"], (*at, "add"))
    elif isinstance(given, Mapping):
        yield from _name(given.get("skip"), (*at, "skip"))


def _action(group: Any, at: Path) -> Found:
    action = group.get("failAction") if isinstance(group, Mapping) else None
    if action not in _ACTIONS:
        yield from _name(action, (*at, "failAction"))

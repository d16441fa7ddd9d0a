"""Every `module:attribute` of a table, in the order of the file, with the place where it is first written."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hapiish.table.calls import is_call
from hapiish.table.draft import Draft
from hapiish.table.kinds import BUILT_IN as KINDS
from hapiish.table.kinds import functions, kind_of
from hapiish.table.marks import Path
from hapiish.table.problems import Mark
from hapiish.table.schemes import BUILT_IN

_ACTIONS: Final = ("error", "log", "ignore")
_RULES: Final = {
    "json": ("replacer",),
    "response": ("schema",),
    "validate": ("headers", "params", "query", "payload", "state", "all"),
}

Found = Iterator[tuple[str, Path]]


def names(draft: Draft) -> dict[str, Mark]:
    """The names of a draft without faults."""
    found: dict[str, Mark] = {}
    for name, at in _all(draft):
        mark = draft.mark(*at)
        found[name] = min(found.get(name, mark), mark)
    return dict(sorted(found.items(), key=lambda item: item[1]))


def _all(draft: Draft) -> Found:
    yield from _sections(draft)
    for layer in draft.written:
        yield from _options(layer.value, layer.at)
    for group in draft.groups[1:]:
        yield from _extensions(group.value.get("ext") or {}, (*group.at, "ext"))
    for route in draft.routes:
        yield from _handler(route.value, route.handler_at)
        if (kind := kind_of(route.value["handler"])) is not None and kind in KINDS:
            for name, at in functions(kind, route.value["handler"][kind]):
                yield name, (*route.handler_at, kind, *at)
    for namespace in draft.namespaces:
        for key in ("onConnect", "onDisconnect"):
            if namespace.value.get(key) is not None:
                yield namespace.value[key], (*namespace.at, key)
        for event in namespace.events:
            yield from _handler(event.value, (*event.at, "handler"))
            yield from _options(event.value.get("options") or {}, (*event.at, "options"))


def _sections(draft: Draft) -> Found:
    for section in (("models",), ("auth", "schemes")):
        for key, name in draft.section(*section).items():
            yield name, (*section, key)
    for key, kind in draft.section("kinds").items():
        yield (kind, ("kinds", key)) if isinstance(kind, str) else (kind["method"], ("kinds", key, "method"))
    for key, strategy in draft.section("auth", "strategies").items():
        for reference in BUILT_IN.get(strategy["scheme"], ()):
            yield from _references(strategy.get("options"), reference, ("auth", "strategies", key, "options"))
    generator = draft.section("session").get("customSessionIDGenerator")
    if generator is not None:
        yield generator, ("session", "customSessionIDGenerator")
    cookies = [(cookie, ("state", key)) for key, cookie in draft.section("state").items()]
    for cookie, at in [(draft.section("server", "state"), ("server", "state")), *cookies]:
        yield from _cookie(cookie, at)
    for key, method in draft.section("methods").items():
        yield from _method(method, ("methods", key))
    for index, cache in enumerate(draft.value.get("caches") or ()):
        if ":" in cache["provider"]:
            yield cache["provider"], ("caches", index, "provider")
    yield from _extensions(draft.section("ext"), ("ext",))
    parser = draft.section("server", "query").get("parser")
    if parser is not None:
        yield parser, ("server", "query", "parser")


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
    if isinstance(method, str):
        yield method, at
    elif isinstance(method, Mapping):
        yield method["method"], (*at, "method")
        if method.get("generateKey") is not None:
            yield method["generateKey"], (*at, "generateKey")
        stale_in = (method.get("cache") or {}).get("staleIn")
        if isinstance(stale_in, str) and ":" in stale_in:
            yield stale_in, (*at, "cache", "staleIn")


def _cookie(cookie: Any, at: Path) -> Found:
    """The functions of a cookie, whose automatic value may be one."""
    if not isinstance(cookie, Mapping):
        return
    if cookie.get("contextualize") is not None:
        yield cookie["contextualize"], (*at, "contextualize")
    value = cookie.get("autoValue")
    if isinstance(value, Mapping) and "method" in value:
        yield value["method"], (*at, "autoValue", "method")


def _handler(value: Mapping[str, Any], at: Path) -> Found:
    if isinstance(value["handler"], str) and not is_call(value["handler"]):
        yield value["handler"], at


def _options(options: Mapping[str, Any], at: Path) -> Found:
    for group in ("payload", "response", "state", "validate"):
        yield from _action(options.get(group), (*at, group))
    if options.get("bind") is not None:
        yield options["bind"], (*at, "bind")
    yield from _rules(options, at)
    yield from _extensions(options.get("ext") or {}, (*at, "ext"))
    yield from _steps(options.get("pre"), (*at, "pre"))
    yield from _skips(options.get("limit"), (*at, "limit"))
    yield from _skips(options.get("csrf"), (*at, "csrf"))


def _rules(options: Mapping[str, Any], at: Path) -> Found:
    """Functions in the place of a schema, or of the keys that JSON has."""
    for group, keys in _RULES.items():
        settings = options.get(group) or {}
        for key in keys:
            if isinstance(settings.get(key), str):
                yield settings[key], (*at, group, key)
    response = options.get("response")
    by_status = response.get("status") if isinstance(response, Mapping) else None
    for status, rule in (by_status or {}).items():
        if isinstance(rule, str):
            yield rule, (*at, "response", "status", status)


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
    elif isinstance(step, Mapping):
        yield from _steps(step["method"], (*at, "method"))
        if step.get("bind") is not None:
            yield step["bind"], (*at, "bind")
        yield from _action(step, at)


def _skips(given: Any, at: Path) -> Found:
    """The functions that except requests from a protection, or from each of a list of them."""
    if isinstance(given, list):
        for index, inner in enumerate(given):
            yield from _skips(inner, (*at, index))
    elif isinstance(given, Mapping) and given.get("skip") is not None:
        yield given["skip"], (*at, "skip")


def _action(group: Any, at: Path) -> Found:
    action = group.get("failAction") if isinstance(group, Mapping) else None
    if action is not None and action not in _ACTIONS:
        yield action, (*at, "failAction")

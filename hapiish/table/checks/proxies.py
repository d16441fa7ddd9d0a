"""Checks handlers of the kind `proxy`: their targets, and that request bodies are forwarded unparsed."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from hapiish.grammar.template import TemplateError, Value, parse
from hapiish.table.checks.options import exclusive
from hapiish.table.draft import Draft
from hapiish.table.draft.parts import RouteDraft
from hapiish.table.form.wording import did_you_mean
from hapiish.table.kinds import kind_of
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code

_TARGETS: Final = ("host", "uri", "mapUri")
_OWN_PLACEHOLDERS: Final = ("protocol", "host", "port")
_REQUEST_PLACEHOLDERS: Final = ("path", "query")
_AUTHORITY: Final = re.compile(r"([^/]*(//[^/?#]*)?)")


def targets(draft: Draft) -> Iterator[Problem]:
    """Proxy targets: missing, ambiguous or client-controlled."""
    for route, settings in _proxies(draft):
        at = (*route.handler_at, "proxy")
        present = [key for key in _TARGETS if settings.get(key) is not None]
        if not present and not any(draft.was_pruned(*at, key) for key in _TARGETS):
            hint = "set one of host, uri and mapUri"
            yield Problem(draft.key_mark(*at), Code.PROXIED, "the proxy has no target", hint)
        for second in present[1:]:
            yield exclusive(draft, (*at, present[0]), (*at, second), code=Code.PROXIED)
        if "host" not in present and present:
            for key in ("port", "protocol"):
                if settings.get(key) is not None:
                    message = f'"{key}" is already part of "{present[0]}"'
                    yield Problem(draft.key_mark(*at, key), Code.PROXIED, message)
        if isinstance(settings.get("uri"), str):
            yield from _placeholders(draft, route, settings["uri"])


def _placeholders(draft: Draft, route: RouteDraft, uri: str) -> Iterator[Problem]:
    mark = draft.mark(*route.handler_at, "proxy", "uri")
    try:
        parts = parse(uri).parts
    except TemplateError as error:
        yield Problem(mark, Code.PROXIED, str(error))
        return
    before = ""
    for part in parts:
        if isinstance(part, str):
            before += part
            if "{" in part or "}" in part:
                yield Problem(mark, Code.PROXIED, "a URI cannot contain braces", "write %7B and %7D")
        else:
            fault = _placeholder(part, route.params, in_authority=_AUTHORITY.fullmatch(before) is not None)
            before += "x"
            yield from (Problem(mark, Code.PROXIED, message, hint) for message, hint in fault)


def _placeholder(value: Value, params: tuple[str, ...] | None, *, in_authority: bool) -> Iterator[tuple[str, str]]:
    name = ".".join((value.source, *value.path))
    if in_authority:
        if name not in _OWN_PLACEHOLDERS:
            message = f'"{value}" would let clients choose the target server'
            yield message, "use a mapUri function to choose among servers"
    elif params is not None and name not in (*_OWN_PLACEHOLDERS, *_REQUEST_PLACEHOLDERS, *params):
        last = value.path[-1] if value.path else name
        hint = f"write {{{last}}}" if value.path and last in params else ""
        meant = "" if hint else did_you_mean(last, (*params, *_REQUEST_PLACEHOLDERS))
        yield f'the path has no parameter "{name}"{meant}', hint


def bodies(draft: Draft) -> Iterator[Problem]:
    """Proxy routes that parse bodies, which are forwarded unparsed (h2o2)."""
    for route, _ in _proxies(draft):
        for method, merged in route.options.items():
            payload = merged.value.get("payload") or {}
            if method != "GET" and (payload.get("parse", True) is not False or payload.get("output") == "file"):
                key = "output" if payload.get("parse") is False else "parse"
                mark = draft.mark(*merged.origin("payload", key))
                yield Problem(mark, Code.PROXIED, "a proxy forwards request bodies unparsed", "write parse: false")
                break


def _proxies(draft: Draft) -> Iterator[tuple[RouteDraft, Mapping[str, Any]]]:
    for route in draft.routes:
        handler: Any = route.handler
        if kind_of(handler) == "proxy" and isinstance(handler["proxy"], Mapping):
            yield route, handler["proxy"]

"""`hapiish match`: the route that answers a request, and why each other one does not."""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hapiish.boom import BadRequest
from hapiish.cli.explain import split
from hapiish.cli.opening import examined
from hapiish.cli.refusal import Refusal
from hapiish.cli.routing import address, router_of
from hapiish.describe.explain import place
from hapiish.describe.matching import ANY, Matcher, MatchRequest, Reason, nearest
from hapiish.http.routing.router import Router, normalise
from hapiish.options import Route, Table

_MOST: Final = 10
"""Other routes in the text, unless `--all` is set."""
_CLOSER: Final = ("precedence", "method", "host", "case", "slash", "internal")
"""Reasons of routes that a reader expects to match, the closest first."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hapiish match`."""
    parser.add_argument(
        "target",
        nargs="+",
        metavar="METHOD PATH [TABLE]",
        help="the method and the path, or the URL, of a request; then the file of the table (default: routes.yaml)",
    )
    parser.add_argument("--host", metavar="NAME", help="the Host header of the request")
    parser.add_argument("--origin", metavar="ORIGIN", help="the Origin header of a CORS preflight (method OPTIONS)")
    parser.add_argument("--request-method", metavar="METHOD", help="its Access-Control-Request-Method")
    parser.add_argument("--all", action="store_true", help="list every other route, not only the closest ones")
    parser.add_argument("--import", action="store_true", dest="imports", help="also run the table's Python plugins")
    parser.add_argument("--json", action="store_true", help="print JSON")


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchResult:
    """The answer to a request: the route with its parameters, or a status of the server without one."""

    asked: MatchRequest
    route: Route | None
    params: Mapping[str, str]
    status: int | None
    text: str
    allow: tuple[str, ...] = ()
    preflight: Route | None = None


def main(options: argparse.Namespace) -> int:
    """Prints the route and the reasons; returns 1 if no route answers the request."""
    words, file = split(options.target)
    if len(words) != 2:
        raise Refusal("write the method and the path of a request: hapiish match GET /messages/1")
    found = examined(file, imports=options.imports)
    if found is None:
        return 1
    table = found.table
    outcome = decide(
        table,
        words[0].upper(),
        words[1],
        host=options.host,
        origin=options.origin,
        requested=options.request_method.upper() if options.request_method else None,
    )
    matcher = Matcher(case_sensitive=table.server.router.is_case_sensitive)
    others = [
        (route, matcher.reason(outcome.asked, route, outcome.route))
        for route in table.routes
        if route is not outcome.route
    ]
    others.sort(key=lambda each: (*_closeness(each[1]), -matcher.likeness(outcome.asked, each[0])))
    close = nearest(outcome.asked, table.routes, matcher) if outcome.route is None else []
    if options.json:
        print(json.dumps(_as_json(outcome, others, close), indent=2, ensure_ascii=False))
    else:
        print(_as_text(outcome, others, close, every=options.all))
    return 0 if outcome.route is not None or outcome.preflight is not None or outcome.status == 204 else 1


def decide(
    table: Table,
    method: str,
    url: str,
    *,
    host: str | None = None,
    origin: str | None = None,
    requested: str | None = None,
) -> MatchResult:
    """Returns the answer to a request, by the router of the server and the rules of its dispatcher."""
    settings = table.server.router
    url, named = address(url, host)
    if method == "OPTIONS" and url == "*":
        return _unrouted(
            MatchRequest(method, url, named), 204, "the server's own answer, with Allow", router_of(table).methods()
        )
    try:
        path = normalise(url, settings.strip_trailing_slash)
        asked = MatchRequest(method, path, named)
        return _decide(table, router_of(table), asked, origin, requested)
    except BadRequest:
        return _unrouted(
            MatchRequest(method, url, named), 400, "the path is not valid: a percent code is not UTF-8, or no / leads"
        )


def _decide(
    table: Table, router: Router[Route], asked: MatchRequest, origin: str | None, requested: str | None
) -> MatchResult:
    socket = table.sockets.path.rstrip("/") if table.sockets is not None else None
    if socket is not None and (asked.path == socket or asked.path.startswith(f"{socket}/")):
        return _unrouted(asked, None, f"Socket.IO answers all requests below {socket}")
    match = router.find(asked.method, asked.path, asked.host)
    if asked.method == "OPTIONS" and (match is None or match[0].method == ANY):
        if origin is not None and requested is not None and _has_cors(table):
            target = router.find(requested, asked.path, asked.host)
            if target is not None:
                cors = target[0].options.cors
                text = (
                    "a CORS preflight, answered by the route's cors" if cors else "a preflight of a route without cors"
                )
                return MatchResult(asked=asked, route=None, params={}, status=None, text=text, preflight=target[0])
            return _refused(table, router, asked)
        if match is None:
            return _refused(table, router, asked, 204, "the server's own answer to OPTIONS")
    if match is None:
        return _refused(table, router, asked)
    text = "the GET route answers HEAD, without a body" if asked.method == "HEAD" and match[0].method == "GET" else ""
    return MatchResult(asked=asked, route=match[0], params=match[1] or {}, status=None, text=text)


def _has_cors(table: Table) -> bool:
    defaults = table.server.routes
    return any(options.cors is not None for options in (defaults, *(route.options for route in table.routes)))


def _refused(
    table: Table,
    router: Router[Route],
    asked: MatchRequest,
    status: int = 405,
    text: str = "the path exists with other methods",
) -> MatchResult:
    """Returns the result if no route matches: `status` if the path exists with other methods, else 404."""
    allow = router.allowed(asked.path, asked.host) if table.server.router.method_not_allowed else ()
    if allow:
        return _unrouted(asked, status, text, allow)
    return _unrouted(asked, 404, "no route has this path")


def _unrouted(asked: MatchRequest, status: int | None, text: str, allow: tuple[str, ...] = ()) -> MatchResult:
    return MatchResult(asked=asked, route=None, params={}, status=status, text=text, allow=allow)


def _as_json(outcome: MatchResult, others: Sequence[tuple[Route, Reason]], close: Sequence[Route]) -> dict[str, Any]:
    asked = outcome.asked
    return {
        "request": {"method": asked.method, "path": asked.path, "host": asked.host},
        "route": _facts(outcome.route) if outcome.route is not None else None,
        "params": dict(outcome.params),
        "status": outcome.status,
        "note": outcome.text or None,
        "allow": list(outcome.allow),
        "preflight": _facts(outcome.preflight) if outcome.preflight is not None else None,
        "others": [
            {**_facts(route), "reason": reason.kind, "text": reason.text, "segment": reason.segment}
            for route, reason in others
        ],
        "nearest": [_facts(route) for route in close],
    }


def _facts(route: Route) -> dict[str, Any]:
    return {
        "method": route.method,
        "path": route.path,
        "vhost": route.vhost,
        "id": route.id,
        "handler": str(route.handler),
        "at": place(route.mark),
    }


def _title(route: Route) -> str:
    host = f" ({route.vhost})" if route.vhost else ""
    return f"{route.method} {route.path}{host}"


def _line(route: Route) -> str:
    return "  ".join(filter(None, [_title(route), route.id, str(route.handler), str(route.mark)]))


def _as_text(
    outcome: MatchResult,
    others: Sequence[tuple[Route, Reason]],
    close: Sequence[Route],
    *,
    every: bool,
) -> str:
    asked = outcome.asked
    lines = [f"{asked.method} {asked.path}{f' of {asked.host}' if asked.host else ''}"]
    if outcome.route is not None:
        lines.append(f"  → {_line(outcome.route)}")
        lines += [f"    {name} = {json.dumps(value, ensure_ascii=False)}" for name, value in outcome.params.items()]
        lines += [f"    {outcome.text}"] if outcome.text else []
    else:
        status = f"{outcome.status}: " if outcome.status is not None else ""
        allow = f" (Allow: {', '.join(outcome.allow)})" if outcome.allow else ""
        lines.append(f"  → {status}{outcome.text}{allow}")
        lines += [f"    {_line(outcome.preflight)}"] if outcome.preflight is not None else []
    if close and outcome.status == 404:
        lines += ["", "Nearest routes", *(f"  {_line(route)}" for route in close)]
    listed = others if every else others[:_MOST]
    if listed:
        width = max(len(_title(route)) for route, _ in listed)
        lines += ["", "Why not the others"]
        lines += [f"  {_title(route).ljust(width)}  {reason.text}" for route, reason in listed]
    if len(others) > len(listed):
        lines.append(f"  and {len(others) - len(listed)} more; --all lists them")
    return "\n".join(lines)


def _closeness(reason: Reason) -> tuple[int, int]:
    order = _CLOSER.index(reason.kind) if reason.kind in _CLOSER else len(_CLOSER)
    return order, -(reason.segment or 0)

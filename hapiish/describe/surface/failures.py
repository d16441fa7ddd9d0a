"""The error statuses that a route or event can answer, with their reasons, as its options and the table's imply them.

The errors that the code of handlers, prerequisites and extension functions raises are not among them, except those that
`response.status` declares.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from hapiish.declare.types import Json
from hapiish.describe.surface.parts import FailureReason, FailureSurface, ResponseHeader
from hapiish.describe.surface.samples import failure_reasons
from hapiish.describe.surface.schemas import is_any
from hapiish.grammar.path import parse
from hapiish.options import Kind, Limit, Route, RouteAuth, RouteOptions, Table
from hapiish.options.kinds import KINDS

Found = tuple[int, FailureReason]

_SOURCES: Final = ("headers", "params", "query", "payload", "state")
RETRY_AFTER: Final = ResponseHeader(
    name="retry-after", description="Seconds to wait", schema={"type": "integer", "minimum": 1}, always=True
)
CHALLENGE: Final = ResponseHeader(
    name="www-authenticate", description="How to authenticate (RFC 9110 §11.6.1)", always=False
)


def route_failures(table: Table, route: Route) -> tuple[FailureSurface, ...]:
    """Returns the errors of a route, by status."""
    options = route.options
    has_body = route.method not in ("GET", "HEAD")
    found: list[Found] = [
        *_path_failures(route),
        *_cookie_failures(table, options),
        *_auth_failures(table, options.auth),
        *(_body_failures(options) if has_body else ()),
        *_access_failures(options.auth),
        *_limit_failures(options.limit),
        *_csrf_failures(route),
        *_validation_failures(options, _SOURCES if has_body else tuple(s for s in _SOURCES if s != "payload")),
        *_kind_failures(table, route),
        *_server_failures(table, options),
    ]
    return _collected(found, options)


def event_failures(
    table: Table, options: RouteOptions, auth: RouteAuth | None, *, binary: bool, arguments: bool
) -> tuple[FailureSurface, ...]:
    """Returns the errors of an event, by status; `auth` is that of its namespace."""
    found: list[Found] = [
        (400, FailureReason("unreadable", "The packet cannot be read", message=_UNREADABLE, code="unreadable")),
        *_access_failures(options.auth),
        *_limit_failures(options.limit),
        *_validation_failures(options, ("payload",)),
        *_server_failures(table, options),
    ]
    if auth is not None:
        text, message = "The credentials of the socket have expired", "Credentials expired"
        found.append((401, FailureReason("expired", text, message=message, code="token_expired")))
    if not arguments:
        text = "An event has one argument"
        found.append((400, FailureReason("arguments", text, message=text, code="too_many_arguments")))
    if not binary:
        text = "The event takes no attachments"
        found.append((415, FailureReason("attachments", text, message=text, code="attachments")))
    return _collected(found, options, over_http=False)


def connection_failures(
    table: Table, auth: RouteAuth | None, options: RouteOptions, *, validates: bool
) -> tuple[FailureSurface, ...]:
    """Returns the errors that refuse a socket's connection to a namespace; `options` has its rules as `validate`."""
    found: list[Found] = [
        *_auth_failures(table, auth),
        *_access_failures(auth),
        *(_validation_failures(options, ("headers", "params", "query", "payload")) if validates else ()),
        *_server_failures(table, options),
    ]
    return _collected(found, options, over_http=False)


_UNREADABLE: Final = "The payload is nested too deep or has a number out of range"


def _collected(found: Iterable[Found], options: RouteOptions, *, over_http: bool = True) -> tuple[FailureSurface, ...]:
    reasons: dict[int, dict[str, FailureReason]] = {}
    for status, reason in found:
        reasons.setdefault(status, {}).setdefault(reason.name, reason)
    shown = set()
    for status, reason in failure_reasons(options):
        if status not in reasons or reason.code not in (None, *(each.code for each in reasons[status].values())):
            reasons.setdefault(status, {}).setdefault(reason.name, reason)
            shown.add(status)
    declared = {status: rule for status, rule in options.response.status.items() if status >= 400}
    errors = options.response.errors
    return tuple(
        FailureSurface(
            status=status,
            reasons=_reasons(reasons.get(status, {}), declared.get(status)),
            schema=_declared_schema(declared.get(status), own_body=errors is not None),
            media_type=(errors.type if errors is not None else None) or "application/json",
            headers=tuple(_headers(status)) if over_http else (),
            is_own=status in declared or status in shown,
        )
        for status in sorted({*reasons, *declared})
    )


def _declared_schema(rule: Any, *, own_body: bool) -> Any:
    if isinstance(rule, dict) and not is_any(rule):
        return rule
    return True if own_body or isinstance(rule, str) else None


def _reasons(found: Mapping[str, FailureReason], rule: Any) -> tuple[FailureReason, ...]:
    """Returns the reasons of a status, with that of `response.status`, if its rule has a description."""
    text = rule.get("description") if isinstance(rule, dict) else None
    if text is None and found:
        return tuple(found.values())
    declared = FailureReason("declared", text or "As the handler says", is_exact=False)
    return (declared, *(each for each in found.values() if each.is_exact))


def _headers(status: int) -> Iterator[ResponseHeader]:
    if status == 401:
        yield CHALLENGE
    if status == 429:
        yield RETRY_AFTER


def _acts(fail_action: str) -> bool:
    """Returns whether a fail action can send the error: `error`, or a function, which decides."""
    return fail_action not in ("log", "ignore")


def _path_failures(route: Route) -> Iterator[Found]:
    if parse(route.path).params:
        yield 400, FailureReason("path", "A path parameter is not UTF-8 in percent codes")


def _cookie_failures(table: Table, options: RouteOptions) -> Iterator[Found]:
    if not options.state.parse or not _acts(options.state.fail_action):
        return
    names = [name for name, cookie in table.state.items() if not cookie.ignore_errors and _can_fail(cookie)]
    if names:
        more = {"data": {"cookies": names[:1]}}
        yield 400, FailureReason("cookies", "A cookie is invalid", message="Invalid cookie value", more=more)


def _can_fail(cookie: Any) -> bool:
    return cookie.encoding != "none" or cookie.sign is not None or cookie.strict_header


def _auth_failures(table: Table, auth: RouteAuth | None) -> Iterator[Found]:
    if auth is None:
        return
    schemes = [table.auth.strategies[name].scheme for name in auth.strategies]
    if auth.mode == "required":
        text = "No credentials"
        yield 401, FailureReason("missing", text, message="Missing authentication", code="unauthorized")
    if auth.mode != "try":
        for number, scheme in enumerate(dict.fromkeys(schemes), 1):
            name = "invalid" if number == 1 else f"invalid-{number}"
            message = _INVALID.get(scheme, "Invalid credentials")
            yield 401, FailureReason(name, "Invalid credentials", message=message, code="unauthorized")
        if "jwt" in schemes:
            text = "The token has expired"
            yield 401, FailureReason("expired", text, message="Token expired", code="token_expired")
    if "basic" in schemes:
        message = "Bad HTTP authentication header format"
        yield 400, FailureReason("authorization", "The header Authorization is malformed", message=message)
    if auth.payload == "required":
        message = "Missing payload authentication"
        yield 401, FailureReason("payload", "The body is not authenticated", message=message, code="unauthorized")
    if any(_has_remote_keys(table, name) for name in auth.strategies):
        message = "Failed to obtain keys"
        yield (
            503,
            FailureReason("keys", "The keys of tokens are unavailable", message=message, code="keys_unavailable"),
        )
    if "oauth2" in schemes:
        yield 502, FailureReason("provider", "The provider of logins cannot be reached")


_INVALID: Final = {
    "apiKey": "Invalid API key",
    "basic": "Bad username or password",
    "cookie": "Invalid cookie",
    "jwt": "Invalid token signature",
}


def _has_remote_keys(table: Table, name: str) -> bool:
    keys = table.auth.strategies[name].options.get("keys")
    several = keys if isinstance(keys, list) else [keys]
    return any(isinstance(key, Mapping) and ("uri" in key or "method" in key) for key in several)


def _access_failures(auth: RouteAuth | None) -> Iterator[Found]:
    if auth is None or not auth.access:
        return
    if any(rule.scope for rule in auth.access):
        text = "The credentials lack a scope"
        yield 403, FailureReason("scope", text, message="Insufficient scope", code="forbidden")
    for entity, message in _ENTITIES.items():
        if any(rule.entity == entity for rule in auth.access):
            text = f"The credentials are not those of {'a user' if entity == 'user' else 'an application'}"
            yield 403, FailureReason(entity, text, message=message, code="forbidden")


_ENTITIES: Final = {
    "user": "Application credentials cannot be used on a user endpoint",
    "app": "User credentials cannot be used on an application endpoint",
}


def _body_failures(options: RouteOptions) -> Iterator[Found]:
    rules = options.payload
    if not _acts(rules.fail_action):
        return
    size = f"Payload content length greater than maximum allowed: {int(rules.max_bytes)}"
    yield 413, FailureReason("size", f"The body is larger than {int(rules.max_bytes)} bytes", message=size)
    yield 400, FailureReason("content-type", "The header Content-Type is malformed", message=_BAD_TYPE)
    if rules.timeout is not False and (rules.output == "data" or rules.multipart is not None):
        yield 408, FailureReason("timeout", "The body did not arrive in time")
    if rules.parse is not False:
        yield 415, FailureReason("media-type", "The media type or the content coding of the body is not accepted")
    elif rules.allow is not None:
        yield 415, FailureReason("media-type", "The media type of the body is not accepted")
    if rules.parse is not False:
        text, message = "The compressed body is damaged", "Invalid compressed payload"
        yield 400, FailureReason("compression", text, message=message)
    if rules.parse is True and rules.output == "data":
        yield (
            400,
            FailureReason("format", "The body cannot be parsed", message="Invalid request payload JSON format"),
        )
    if rules.multipart is not None:
        text = "The multipart form is malformed"
        yield 400, FailureReason("multipart", text, message="Invalid multipart payload format")


_BAD_TYPE: Final = "Invalid content-type header"


def _limit_failures(limits: Iterable[Limit] | None) -> Iterator[Found]:
    for number, limit in enumerate(limits or (), 1):
        name = "limit" if number == 1 else f"limit-{number}"
        yield 429, FailureReason(name, _limit_text(limit), code="too_many_requests")
        if limit.count != "all":
            text = "Too many requests of the caller are in progress"
            yield 503, FailureReason("limit-busy", text, code="limit_busy")
        if limit.on_store_error == "refuse":
            message = "Limits are unavailable"
            yield 503, FailureReason("limits", message, message=message, code="limits_unavailable")


def _limit_text(limit: Limit) -> str:
    counted = {"all": "requests", "failures": "failures"}.get(str(limit.count), "responses with a counted status")
    burst = f", {limit.burst} at once" if limit.burst is not None else ""
    return f"More than {limit.max} {counted} in {_seconds(limit.duration)}{burst}, by {' and '.join(limit.by)}"


def _seconds(milliseconds: int) -> str:
    seconds = milliseconds / 1000
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            count = int(seconds // size)
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{seconds:g} second{'s' if seconds != 1 else ''}"


def _csrf_failures(route: Route) -> Iterator[Found]:
    csrf = route.options.csrf
    guarded = {"POST", "PUT", "PATCH", "DELETE"} if csrf is not None and csrf.restful else {"POST"}
    if csrf is not None and csrf.enforce and (route.method in guarded or route.method == "*"):
        yield 403, FailureReason("csrf", "The token against cross-site request forgery is missing", code="csrf")


def _validation_failures(options: RouteOptions, sources: Iterable[str]) -> Iterator[Found]:
    rules = options.validate
    if not _acts(rules.fail_action):
        return
    for source in (*sources, "all"):
        rule = getattr(rules, source)
        if rule is not None and rule is not True:
            yield rules.status, _invalid(source, options)


_INPUTS: Final = {
    "headers": "headers do",
    "params": "path parameters do",
    "query": "query does",
    "payload": "payload does",
    "state": "cookies do",
    "all": "inputs together do",
}
_PLURAL: Final = ("headers", "params", "state", "all")


def _kind_failures(table: Table, route: Route) -> Iterator[Found]:
    kind = route.handler
    if not isinstance(kind, Kind) or kind.name not in KINDS:
        return
    if kind.name in ("file", "directory"):
        yield 404, FailureReason("file", "The file does not exist")
        yield 403, FailureReason("permission", "The file may not be read")
    if kind.name in ("file", "directory") and route.options.response.ranges and route.method in ("GET", "*"):
        yield 416, FailureReason("range", "The requested range is outside of the file")
    if kind.name in ("file", "directory") and route.method in ("GET", "*"):
        yield 412, FailureReason("precondition", "The file is not in the state that If-Match names")
    if kind.name == "proxy":
        yield 502, FailureReason("upstream", "The upstream server cannot be reached")
        yield 400, FailureReason("dots", "The path has dot segments", message=_DOTS)
        if kind.options.timeout is not False:
            yield 504, FailureReason("upstream-timeout", "The upstream server did not respond in time")
    if kind.name == "model":
        yield from _model_failures(kind.options, route.options)


_DOTS: Final = "A path to a proxied server has no dot segments"


def _model_failures(model: Any, options: RouteOptions) -> Iterator[Found]:
    writes = model.action in ("create", "replace", "update")
    if model.action in ("get", "replace", "update", "delete"):
        yield 404, FailureReason("document", "The document does not exist")
        yield options.validate.status, _invalid("params", options)
    if model.owner is not None and model.owner.reads == "all" and model.action in ("replace", "update", "delete"):
        message = "The document has another owner"
        yield 403, FailureReason("owner", message, message=message, code="not_owner")
    if model.action in ("replace", "update", "delete"):
        message = "The document is not in the state that If-Match names"
        yield 412, FailureReason("changed", message, message=message, code="changed")
        message = "The document changes too fast; try again"
        yield 409, FailureReason("contention", "The document changes too fast", message=message, code="contention")
        if model.require_match:
            message = "Send If-Match with the ETag of the document that you have"
            yield (
                428,
                FailureReason("match", "The header If-Match is missing", message=message, code="match_required"),
            )
    if model.action == "delete":
        message = "Other documents refer to this one"
        yield 409, FailureReason("referenced", message, message=message, code="referenced")
    if writes:
        message = "The document is not unique"
        more: dict[str, Json] = {"data": {"fields": []}}
        yield 409, FailureReason("unique", message, message=message, code="not_unique", more=more)
        yield options.validate.status, _invalid("payload", options)
        message = "The document would be larger than MongoDB stores (16 MB)"
        yield 413, FailureReason("document-size", "The document is too large", message=message, code="too_large")
    if model.action == "get":
        yield 412, FailureReason("precondition", "The document is not in the state that If-Match names")
    yield options.validate.status, _invalid("query", options)


_FAULTS: Final[Mapping[str, Json]] = {
    "keys": ["name"],
    "errors": [{"path": "/name", "message": "is required", "keyword": "required"}],
}
"""Faults as an example."""


def _invalid(source: str, options: RouteOptions) -> FailureReason:
    more: dict[str, Json] = dict(options.validate.error_fields)
    if options.validate.detail == "full":
        more["validation"] = {"source": source, **_FAULTS}
    text = f"The {_INPUTS[source]} not match {'their' if source in _PLURAL else 'its'} rules"
    message = "Invalid request" if source == "all" else f"Invalid request {source} input"
    return FailureReason(source, text, message=message, more=more)


def _server_failures(table: Table, options: RouteOptions) -> Iterator[Found]:
    yield 500, FailureReason("internal", "The server has an error, which its log explains")
    if options.timeout.server:
        yield 503, FailureReason("timeout", f"No response within {_seconds(options.timeout.server)}")
    load = table.server.load
    if load.max_rss_bytes or load.max_event_loop_delay or load.max_event_loop_utilization:
        text = "The server is under heavy load"
        yield 503, FailureReason("load", text, message="Server under heavy load (eventLoopDelay)")
    if table.models:
        message = "The database is not available; try again"
        more = {"data": {"retryable": True}}
        yield (
            503,
            FailureReason("database", "The database is unavailable", message=message, code="unavailable", more=more),
        )
    if table.session is not None and options.session:
        message = "Sessions are unavailable"
        yield 503, FailureReason("session", message, message=message, code="session_unavailable")

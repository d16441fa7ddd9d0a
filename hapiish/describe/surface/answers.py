"""The responses that are no errors: those that the table declares, and those of the built-in kinds of handlers."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from hapiish.declare.types import Schema
from hapiish.describe.surface.bodies import phrase
from hapiish.describe.surface.parts import AnswerSurface, ResponseHeader
from hapiish.describe.surface.samples import media_sample, statuses
from hapiish.options import Kind, Limit, Route, RouteOptions, Table

_ETAG: Final = ResponseHeader(name="etag", description="The entity tag (RFC 9110 §8.8.3)")
_LOCATION: Final = ResponseHeader(
    name="location", description="The address of the new document", schema={"type": "string", "format": "uri-reference"}
)
_LINK: Final = ResponseHeader(name="link", description="The address of the next page, if there is one (RFC 8288)")
_ANY_TYPE: Final = "*/*"
_JSON: Final = "application/json"


def answers(table: Table, route: Route) -> tuple[AnswerSurface, ...]:
    """Returns the responses of a route below 400, by status."""
    declared = tuple(declared_answers(route.options))
    kind = route.handler.name if isinstance(route.handler, Kind) else ""
    if kind in _KINDS:
        found = {each.status: each for each in _KINDS[kind](route)}
        for each in declared:
            own = found.get(each.status)
            found[each.status] = each if own is None else replace(own, schema=each.schema, function=each.function)
        return tuple(sorted(found.values(), key=_order))
    if declared:
        return declared
    if shown := statuses(route.options):
        return tuple(_shown(route.options, status) for status in shown)
    return (AnswerSurface(status=None, description="The table declares no response", media_type=_ANY_TYPE),)


def _shown(options: RouteOptions, status: int) -> AnswerSurface:
    """Returns the answer that only an example declares."""
    media = None if status in (204, 304) else media_sample(options, status) or _ANY_TYPE
    return AnswerSurface(status=status, description=phrase(status), media_type=media)


def _order(answer: AnswerSurface) -> int:
    return answer.status or 0


def declared_answers(options: RouteOptions) -> Iterator[AnswerSurface]:
    """Yields the answers that `response` declares; a `schema` without statuses is that of status 200."""
    rules = options.response
    declared = {status: rule for status, rule in rules.status.items() if status < 400}
    if rules.schema is not None and not any(200 <= status < 300 for status in declared):
        empty = rules.schema is False
        declared = {(rules.empty_status_code if empty else 200): rules.schema, **declared}
    for status, rule in sorted(declared.items()):
        text = rule.get("description") if isinstance(rule, dict) else None
        is_empty = rule is False or status in (204, 304) or status < 200
        media = media_sample(options, status) or (_ANY_TYPE if rule is True else _JSON)
        yield AnswerSurface(
            status=status,
            description=text or phrase(status),
            schema=rule if isinstance(rule, dict) and not is_empty else None,
            function=rule if isinstance(rule, str) else None,
            media_type=None if is_empty else media,
        )


def _file(route: Route) -> Iterator[AnswerSurface]:
    data: Schema = {"type": "string", "format": "binary"}
    yield AnswerSurface(status=200, description="The file", schema=data, media_type=_ANY_TYPE, headers=(_ETAG,))
    if route.options.response.ranges and route.method in ("GET", "*"):
        header = ResponseHeader(name="content-range", description="The range (RFC 9110 §14.4)", always=True)
        yield AnswerSurface(
            status=206, description="A range of the file", schema=data, media_type=_ANY_TYPE, headers=(header,)
        )
    yield AnswerSurface(status=304, description="The file is not modified", media_type=None, headers=(_ETAG,))


def _directory(route: Route) -> Iterator[AnswerSurface]:
    yield from _file(route)
    kind: Any = route.handler
    if not isinstance(kind.options, Mapping) or kind.options.get("redirectToSlash") is not False:
        header = ResponseHeader(name="location", description="The address of the folder", always=True)
        yield AnswerSurface(status=302, description="The path of a folder", media_type=None, headers=(header,))


def _view(route: Route) -> Iterator[AnswerSurface]:
    kind: Any = route.handler
    media = kind.options.options.content_type
    yield AnswerSurface(status=200, description="The page", schema={"type": "string"}, media_type=media or "text/html")


def _proxy(route: Route) -> Iterator[AnswerSurface]:
    yield AnswerSurface(status=None, description="The response of the upstream server", media_type=_ANY_TYPE)


def _model(route: Route) -> Iterator[AnswerSurface]:
    kind: Any = route.handler
    model, document = kind.options, {"type": "object"}
    match model.action:
        case "list":
            yield AnswerSurface(
                status=200, description="A page of documents", schema=page(model, document), headers=(_LINK,)
            )
        case "create":
            headers = (_LOCATION, _ETAG)
            yield AnswerSurface(status=201, description="The new document", schema=document, headers=headers)
        case "delete":
            yield AnswerSurface(status=204, description="The document is deleted", media_type=None)
        case _:
            yield AnswerSurface(status=200, description="The document", schema=document, headers=(_ETAG,))
            if model.action == "get":
                text = "The document is not modified"
                yield AnswerSurface(status=304, description=text, media_type=None, headers=(_ETAG,))


def page(model: Any, document: Schema) -> Schema:
    """Returns the schema of a list of the kind `model`."""
    following = {"type": ["integer" if model.paging == "offset" else "string", "null"]}
    described = {**following, "description": f"The `{model.paging}` of the next page"}
    properties: dict[str, Schema] = {"items": {"type": "array", "items": document}, "next": described}
    if model.count:
        properties["total"] = {"type": "integer", "minimum": 0}
    return {"type": "object", "required": list(properties), "properties": properties}


_KINDS: Final[Mapping[str, Any]] = {
    "file": _file,
    "directory": _directory,
    "view": _view,
    "proxy": _proxy,
    "model": _model,
}


def constant_headers(options: RouteOptions, request_id: str) -> Iterator[ResponseHeader]:
    """Yields the headers of every response of a route: the request's id, limits, deprecation."""
    yield ResponseHeader(name=request_id, description="The id of the request, also in the log", always=True)
    yield from limit_headers(options.limit or ())
    deprecated = options.deprecated
    if deprecated is not None:
        yield ResponseHeader(name="deprecation", description="The time of the deprecation (RFC 9745)", always=True)
        if deprecated.sunset is not None:
            yield ResponseHeader(name="sunset", description="The time after which it may end (RFC 8594)", always=True)
        if deprecated.link is not None:
            yield ResponseHeader(name="link", description="The page about the deprecation", always=True)


def limit_headers(limits: tuple[Limit, ...]) -> Iterator[ResponseHeader]:
    """Yields the headers of rate limits."""
    if any(limit.headers for limit in limits):
        policy = "The limits: quota q in w seconds (draft-ietf-httpapi-ratelimit-headers-10)"
        yield ResponseHeader(name="ratelimit-policy", description=policy, always=True)
        yield ResponseHeader(name="ratelimit", description="Requests left r, and seconds t until the limit resets")

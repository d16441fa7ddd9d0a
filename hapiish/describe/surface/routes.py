"""The surfaces of routes: their inputs, answers and errors."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from hapiish.declare.types import Json, Schema
from hapiish.describe.surface import schemas as reading
from hapiish.describe.surface.answers import answers
from hapiish.describe.surface.closing import Closing, closed_answers, closes
from hapiish.describe.surface.failures import route_failures
from hapiish.describe.surface.parts import BodySurface, InputSurface, NamedValue, RouteSurface, Source
from hapiish.grammar.path import Mixed, Param, Wildcard, parse
from hapiish.options import Kind, Payload, Route, Table
from hapiish.options.kinds import KINDS

EVERY_METHOD: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
"""The methods that a description lists for a route with the method `*`."""

Taken = Mapping[tuple[str | None, str], set[str]]

_TEXT: Final = {"type": "string"}
_ALWAYS_OPEN: Final = ("headers", "params", "state")
_JSON: Final = ("application/json", "application/*+json")
_FORMS: Final = ("application/x-www-form-urlencoded",)
_TEXTS: Final = ("text/*", "application/octet-stream")


def route_surface(table: Table, route: Route, taken: Taken, closing: Closing) -> RouteSurface:
    """Returns the surface of a route; `taken` are the methods of all routes, see `taken_methods`.

    `closing` closes bodies with `allowUnknown: false`.
    """
    options = route.options
    is_built_in = isinstance(route.handler, Kind) and route.handler.name in KINDS
    return RouteSurface(
        id=route.id,
        failures=route_failures(table, route),
        answers=closed_answers(answers(table, route), options.response, closing),
        handler=str(route.handler),
        options=options,
        extensions=route.extensions,
        mark=route.mark,
        method=route.method,
        methods=_methods(table, route, taken),
        path=route.path,
        vhost=route.vhost,
        params=_params(route, table.schemas),
        query=_query(route, table.schemas),
        headers=_input("headers", route, table.schemas),
        state=_input("state", route, table.schemas),
        body=_body(route, table.schemas, closing) if route.method not in ("GET", "HEAD") else None,
        raises=not is_built_in or bool(options.pre or options.ext) or any(table.ext.values()),
        is_internal=options.is_internal,
    )


def taken_methods(table: Table) -> Taken:
    """Returns the methods of routes by host and path, without the names of parameters."""
    taken: dict[tuple[str | None, str], set[str]] = {}
    for route in table.routes:
        taken.setdefault(_place(table, route), set()).add(route.method)
    return taken


def _place(table: Table, route: Route) -> tuple[str | None, str]:
    return route.vhost, parse(route.path, case_sensitive=table.server.router.is_case_sensitive).fingerprint


def _methods(table: Table, route: Route, taken: Taken) -> tuple[str, ...]:
    """Returns the methods of a route; a `*` route leaves out those of other routes with the same path and host."""
    if route.method != "*":
        return (route.method,)
    others = taken[_place(table, route)]
    return tuple(method for method in EVERY_METHOD if method not in others)


def path_members(path: str) -> Iterator[NamedValue]:
    """Yields the parameters of a path, with the schema of a text."""
    for segment in parse(path).segments:
        for part in segment.parts if isinstance(segment, Mixed) else (segment,):
            if isinstance(part, Param):
                yield NamedValue(
                    name=part.name,
                    schema=_TEXT,
                    required=not part.optional,
                    is_optional=part.optional,
                    spans=part.count,
                )
            elif isinstance(part, Wildcard):
                yield NamedValue(name=part.name, schema=_TEXT, required=False, spans=0)


def params_input(given: Iterable[NamedValue], rule: Any, schemas: Mapping[str, Json]) -> InputSurface:
    """Returns the parameters `given` of a path, in its order, with the schemas that a rule gives them."""
    schema, function = _split(rule)
    known = {member.name: member.schema for member in reading.members(schema, schemas)}
    found = tuple(
        NamedValue(
            name=each.name,
            schema=known.get(each.name, each.schema),
            required=each.required,
            is_optional=each.is_optional,
            spans=each.spans,
        )
        for each in given
    )
    return InputSurface(source="params", schema=schema, function=function, members=found, is_open=False)


def input_surface(
    source: Source, rule: Any, schemas: Mapping[str, Json], *, allow_unknown: bool = True
) -> InputSurface:
    """Returns an input with the members that its schema names."""
    schema, function = _split(rule)
    found = tuple(reading.members(schema, schemas))
    closed = schema is False or reading.is_closed(schema, schemas)
    is_open = source in _ALWAYS_OPEN or (not closed and (allow_unknown or not found))
    return InputSurface(source=source, schema=schema, function=function, members=found, is_open=is_open)


def _split(rule: Any) -> tuple[Any, str | None]:
    """Returns the schema and the function of a rule; neither for one that accepts anything."""
    if isinstance(rule, str):
        return None, rule
    return (None, None) if rule is True else (rule, None)


def _params(route: Route, schemas: Mapping[str, Json]) -> InputSurface:
    return params_input(path_members(route.path), route.options.validate.params, schemas)


def _input(source: Source, route: Route, schemas: Mapping[str, Json]) -> InputSurface:
    rules = route.options.validate
    return input_surface(source, getattr(rules, source), schemas, allow_unknown=not closes(route.options.validate))


def _query(route: Route, schemas: Mapping[str, Json]) -> InputSurface:
    kind, rule = route.handler, route.options.validate.query
    if rule is None and isinstance(kind, Kind) and kind.name == "model":
        return input_surface("query", model_query(kind.options), schemas)
    return _input("query", route, schemas)


def model_query(model: Any) -> dict[str, Any]:
    """Returns the schema of the query of the kind `model`, as far as its options tell; types of fields are unknown."""
    properties: dict[str, Any] = {}
    if model.action == "list":
        for field, operators in model.filters.items():
            for operator in operators or ("eq",):
                properties[field if operator == "eq" else f"{field}[{operator}]"] = {}
        properties["limit"] = {"type": "integer", "minimum": 1, "maximum": model.max_limit, "default": model.limit}
        if model.paging == "offset":
            properties["offset"] = {"type": "integer", "minimum": 0, "maximum": model.max_offset, "default": 0}
        else:
            properties["cursor"] = {"type": "string", "minLength": 1}
        if model.sort.fields:
            properties["sort"] = {"type": "string", "description": f"Of {', '.join(model.sort.fields)}, `-` descends"}
    if model.projection and model.action in ("list", "get"):
        properties["fields"] = {"type": "string", "description": "The fields of the response, with commas"}
    return {"type": "object", "properties": properties, "additionalProperties": not _is_complete(model)}


def _is_complete(model: Any) -> bool:
    """Returns whether the options tell all query parameters: filters without operators depend on the field's type."""
    return all(operators for operators in model.filters.values()) and not model.where


def _body(route: Route, schemas: Mapping[str, Json], closing: Closing) -> BodySurface | None:
    rules, kind = route.options.payload, route.handler
    is_proxy = isinstance(kind, Kind) and kind.name == "proxy"
    schema, function = _split(route.options.validate.payload)
    if schema is None and function is None and isinstance(kind, Kind) and kind.name == "model":
        if kind.options.action == "delete":
            return None
        schema = {"type": "object"}
    if schema is None and function is None and isinstance(kind, Kind) and kind.name in ("file", "directory", "view"):
        return None
    return BodySurface(
        schema=closing.closed(schema) if closes(route.options.validate) else schema,
        function=function,
        media_types=_media_types(rules, schema, schemas),
        max_bytes=int(rules.max_bytes),
        output=rules.output,
        is_parsed=rules.parse is True and rules.output == "data",
        is_required=schema is not None and not reading.takes_null(schema, schemas),
        is_forbidden=schema is False,
        is_declared=is_proxy or schema is not None or function is not None or _has_rules(rules),
    )


def _has_rules(rules: Payload) -> bool:
    """Returns whether the options say that a body is expected."""
    return rules.allow is not None or rules.multipart is not None or rules.output != "data" or rules.parse is not True


def _media_types(rules: Payload, schema: Schema | None, schemas: Mapping[str, Json]) -> tuple[str, ...]:
    """Returns the media types that a route accepts. The first one is the type of a body without Content-Type.

    Types whose bodies a schema can only refuse are left out: forms are objects, and other bodies are texts.
    """
    first = rules.default_content_type.partition(";")[0].strip().lower()
    if rules.override is not None:
        return ("*/*",)
    if rules.allow is not None:
        found = rules.allow
    elif rules.parse is not True or rules.output != "data":
        return ("*/*",)
    else:
        types = reading.types(schema, schemas)
        found = (
            *_JSON,
            *(_FORMS if "object" in types else ()),
            *(("multipart/form-data",) if rules.multipart is not None and "object" in types else ()),
            *(_TEXTS if "string" in types else ()),
        )
    return (first, *(each for each in found if each != first)) if first in found else tuple(found)

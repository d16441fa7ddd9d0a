"""The surfaces of Socket.IO: namespaces, events from clients with their acknowledgements, events to clients."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from hapiish.declare.types import Json, Schema
from hapiish.describe.surface import schemas as reading
from hapiish.describe.surface.answers import declared_answers
from hapiish.describe.surface.bodies import ERROR
from hapiish.describe.surface.closing import Closing, closed_answers, closes
from hapiish.describe.surface.failures import connection_failures, event_failures
from hapiish.describe.surface.parts import AnswerSurface, EmitSurface, EventSurface, NamedValue, NamespaceSurface
from hapiish.describe.surface.routes import input_surface, params_input, path_members
from hapiish.options import Event, Namespace, Table, Validate
from hapiish.options.deprecated import Deprecated

_TRUE: Final = {"const": True}
EVENT_ERROR: Final[dict[str, Any]] = {
    **ERROR,
    "properties": {
        **ERROR["properties"],
        "retryAfter": {"type": "integer", "minimum": 0, "description": "Seconds to wait, as the header Retry-After"},
    },
}
"""The body of errors in acknowledgements."""


def namespace_surface(table: Table, namespace: Namespace, closing: Closing) -> NamespaceSurface:
    """Returns the surface of a namespace; `closing` closes the data of events with `allowUnknown: false`."""
    rules = namespace.validate
    options = replace(table.server.routes, validate=rules)
    handshake = rules.payload if isinstance(rules.payload, dict | bool) else None
    return NamespaceSurface(
        namespace=namespace.namespace,
        auth=namespace.auth,
        params=params_input(_parameters(namespace.namespace), rules.params, table.schemas),
        query=input_surface("query", rules.query, table.schemas),
        headers=input_surface("headers", rules.headers, table.schemas),
        handshake=None if handshake is True else handshake,
        failures=connection_failures(table, namespace.auth, options, validates=rules != Validate()),
        events=tuple(event_surface(table, namespace, event, closing) for event in namespace.events),
        emits=tuple(_emit(namespace, emit) for emit in namespace.emits),
        extensions=namespace.extensions,
        mark=namespace.mark,
    )


def _parameters(name: str) -> Iterable[NamedValue]:
    """Returns the parameters of a namespace. A name without any is no path: it may have every character."""
    return path_members(name) if "{" in name else ()


def _emit(namespace: Namespace, emit: Any) -> EmitSurface:
    return EmitSurface(
        namespace=namespace.namespace,
        event=emit.event,
        description=emit.description,
        payload=None if emit.payload is True else emit.payload,
        extensions=emit.extensions,
        mark=emit.mark,
    )


def event_surface(table: Table, namespace: Namespace, event: Event, closing: Closing) -> EventSurface:
    """Returns the surface of an event; without settings of its own it has those of its namespace."""
    options = event.options
    rule = options.validate.payload
    arguments = namespace.arguments if event.arguments is None else event.arguments
    binary = namespace.binary if event.binary is None else event.binary
    ack = event.ack or namespace.ack
    answers = closed_answers(tuple(declared_answers(options)), options.response, closing)
    schemas = {**table.schemas, **closing.made} if closing.made else table.schemas
    payload = rule if isinstance(rule, dict) or rule is False else None
    return EventSurface(
        id=event.id,
        failures=event_failures(table, options, namespace.auth, binary=binary, arguments=arguments),
        answers=answers,
        handler=str(event.handler),
        options=options,
        extensions=event.extensions,
        mark=event.mark,
        namespace=namespace.namespace,
        event=event.event,
        payload=closing.closed(payload) if closes(options.validate) else payload,
        function=rule if isinstance(rule, str) else None,
        arguments=arguments,
        binary=binary,
        ack=ack,
        ok=_ok(answers, schemas, raw=ack == "raw", deprecated=options.deprecated),
        error=error_acknowledgement(own=options.response.errors is not None, raw=ack == "raw"),
    )


def error_acknowledgement(*, own: bool, raw: bool) -> Schema:
    """Returns the schema of the acknowledgement of a failed event; `own`: `response.errors` makes the error."""
    error: Schema = True if own else EVENT_ERROR
    if raw:
        return error
    return {"type": "object", "required": ["ok", "error"], "properties": {"ok": {"const": False}, "error": error}}


def _ok(
    answers: tuple[AnswerSurface, ...], schemas: Mapping[str, Json], *, raw: bool, deprecated: Deprecated | None
) -> Schema:
    """Returns the schema of the acknowledgement of a successful event."""
    rules: list[Schema] = [_rule(each) for each in answers] or [True]
    if raw:
        return rules[0] if len(rules) == 1 else {"anyOf": rules}
    found = [envelope for rule in rules for envelope in envelopes(rule, schemas, deprecated=deprecated is not None)]
    return found[0] if len(found) == 1 else {"anyOf": found}


def _rule(answer: AnswerSurface) -> Schema:
    if answer.media_type is None:
        return {"type": "null"}
    return True if answer.schema is None else answer.schema


def envelopes(rule: Schema, schemas: Mapping[str, Json], *, deprecated: bool = False) -> Iterator[Schema]:
    """Yields the forms of the envelope for values of a schema: the keys of an object beside `ok`, else `data`."""
    kinds = reading.types(rule, schemas)
    more: dict[str, Any] = {"deprecated": {"type": "object"}} if deprecated else {}
    if "object" in kinds:
        yield _with_ok(rule, schemas, more)
    if "null" in kinds:
        yield {"type": "object", "required": ["ok"], "properties": {"ok": _TRUE, **more}}
    if kinds - {"object", "null"}:
        yield {"type": "object", "required": ["ok", "data"], "properties": {"ok": _TRUE, "data": rule, **more}}


def _with_ok(rule: Schema, schemas: Mapping[str, Json], more: Mapping[str, Any]) -> Schema:
    """Returns the schema of an object with the key `ok`; a closed object is copied, because `allOf` would refuse it."""
    own: dict[str, Any] = {"type": "object", "required": ["ok"], "properties": {"ok": _TRUE, **more}}
    if not isinstance(rule, dict) or reading.is_any(rule):
        return own
    if not reading.is_closed(rule, schemas):
        return {**own, "allOf": [rule]}
    flat = reading.followed(rule, schemas)
    if "allOf" in flat or not isinstance(flat.get("properties", {}), dict):
        return {**own, "anyOf": [True, rule]}
    properties = {"ok": _TRUE, **more, **flat.get("properties", {})}
    named = str(rule["$ref"]).removeprefix("#/schemas/") if "$ref" in rule else None
    title = {"title": named} if named is not None and "title" not in flat else {}
    required = ["ok", *flat.get("required", ())]
    return {**title, **flat, "type": "object", "required": required, "properties": properties}

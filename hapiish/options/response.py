"""`response` of routes and events: rules for responses and acknowledgements."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from hapiish.declare.option import On, Range, Text, option, settings
from hapiish.declare.types import FailAction, Function, MediaTypeText, Rule
from hapiish.options.validate import ValidationOptions


@settings(short="body", wanted='a function "module:attribute", or a mapping with "body"')
@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorBody:
    """A `def` `(body, request)` as module:attribute that returns the body to send for an error. `body` is `{statusCode,
    error, message}`, with `code`, `data` and `validation` if the error has them; returning None sends it unchanged.
    Status and headers stay the same. `request` is None if the request could not be parsed. As a default of the
    server it also applies to paths without a route, acknowledgements and refused sockets.
    """

    body: Function = option(description="The function.")
    type: MediaTypeText | None = option(
        None,
        "The media type over HTTP. The default is that of JSON, or of plain text for a text.",
        examples=["application/problem+json"],
    )


@settings(name="response")
@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseRules:
    """Rules for responses: validation, the body of errors, and statuses."""

    errors: ErrorBody | None = option(
        None,
        examples=["handlers.errors:body", {"body": "hapiish.problem:details", "type": "application/problem+json"}],
        on=On.EVERYWHERE,
    )
    disconnect_status_code: Annotated[int, Range(400, 599)] = option(
        499, "The logged status of a request whose client disconnected before the response.", on=On.ROUTES
    )
    empty_status_code: Literal[200, 204] = option(204, "The status of a 200 response without a body.", on=On.ROUTES)
    fail_action: FailAction = option(
        "error", "The action on a response that does not match its schema; `error` sends a 500.", on=On.EVERYWHERE
    )
    modify: bool = option(
        False,
        "Sends the result of the validation: with defaults, without stripped keys, or as its function "
        "returned it; errors included. Excludes `sample`.",
        on=On.EVERYWHERE,
    )
    options: ValidationOptions = option(ValidationOptions(), on=On.EVERYWHERE)
    ranges: bool = option(True, "Supports byte ranges on GET (RFC 9110 §14).", on=On.ROUTES)
    sample: Annotated[int, Range(0, 100)] = option(
        100, "The percentage of responses that are validated.", on=On.EVERYWHERE
    )
    schema: Rule | None = option(
        None,
        "The rule for responses below 400, a JSON Schema or a function `(value, options)`; true accepts "
        "anything, false only an empty response.",
        on=On.ROUTES | On.EVENTS,
    )
    status: Mapping[Annotated[int, Text("^[1-5][0-9][0-9]$", "a status of three digits")], Rule] = option(
        {},
        "Rules for responses by status, errors included; they take precedence over `schema`.",
        examples=[{"201": {"$ref": "#/schemas/Message"}}],
        on=On.ROUTES | On.EVENTS,
    )

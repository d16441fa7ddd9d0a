"""`response` of routes and events: what answers must be."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from hapiish.options.declare import On, Range, Text, option, settings
from hapiish.options.validate import ValidationOptions
from hapiish.options.values import FailAction, Function, MediaTypeText, Rule


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
    """What responses must be."""

    errors: ErrorBody | None = option(
        None,
        examples=["handlers.errors:body", {"body": "hapiish.problem:details", "type": "application/problem+json"}],
        on=On.EVERYWHERE,
    )
    disconnect_status_code: Annotated[int, Range(400, 599)] = option(
        499, "The status that is logged when the client left before it was answered.", on=On.ROUTES
    )
    empty_status_code: Literal[200, 204] = option(204, "The status of a 200 without a body.", on=On.ROUTES)
    fail_action: FailAction = option(
        "error", "What happens when the response does not fit its schema; `error` is a 500.", on=On.EVERYWHERE
    )
    modify: bool = option(
        False,
        "Sends what the validation made of the answer: with defaults, without stripped keys, or what its "
        "function returned; of errors too. Excludes `sample`.",
        on=On.EVERYWHERE,
    )
    options: ValidationOptions = option(ValidationOptions(), on=On.EVERYWHERE)
    ranges: bool = option(True, "Byte ranges on GET (RFC 9110 §14).", on=On.ROUTES)
    sample: Annotated[int, Range(0, 100)] = option(
        100, "How many of a hundred responses are validated.", on=On.EVERYWHERE
    )
    schema: Rule | None = option(
        None,
        "What responses below 400 must be, a JSON Schema or a function `(value, options)`; true: anything, "
        "false: empty.",
        on=On.ROUTES | On.EVENTS,
    )
    status: Mapping[Annotated[int, Text("^[1-5][0-9][0-9]$", "a status of three digits")], Rule] = option(
        {},
        "What responses of one status must be, errors included; wins over `schema`.",
        examples=[{"201": {"$ref": "#/schemas/Message"}}],
        on=On.ROUTES | On.EVENTS,
    )

"""`validate` of routes and events: what inputs must be, and how schemas are applied."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from hapiish.options.declare import As, On, option
from hapiish.options.values import FailAction, Json, Rule

_INPUT: Final = On.ROUTES
_EVERYWHERE: Final = On.EVERYWHERE | On.HANDSHAKE


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationOptions:
    """How the schemas are applied; functions get the options as they are."""

    allow_unknown: bool = option(
        True,
        "Whether unknown keys are accepted. `false` refuses keys that an object schema does not name, if it "
        "names any and has no `additionalProperties` of its own. It applies to query and payload; unknown "
        "headers and cookies are always accepted.",
    )
    strip_unknown: bool = option(
        False,
        "Whether other keys are removed: true removes the keys that `allowUnknown: false` would refuse, at any "
        "depth, before the schema judges.",
    )
    abort_early: bool = option(False, "Whether the first fault is reported alone; false reports all of them.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Validate:
    """What requests must be."""

    headers: Rule | None = option(None, "The request's headers, names in lower case.", on=_INPUT | On.HANDSHAKE)
    params: Rule | None = option(
        None,
        "The path's parameters.",
        on=_INPUT | On.HANDSHAKE,
        per={On.HANDSHAKE: {"description": "A schema for the parameters of the namespace's name."}},
    )
    query: Rule | None = option(None, "The query; false: there must be none.", on=_INPUT | On.HANDSHAKE)
    payload: Rule | None = option(
        None,
        "The body; false: there must be none.",
        on=_INPUT | On.EVENTS | On.HANDSHAKE,
        per={On.HANDSHAKE: {"description": "The `auth` object of the client's CONNECT packet; false: none."}},
    )
    state: Rule | None = option(None, "The cookies.", on=_INPUT)
    all: Rule | None = option(
        None,
        "Rules across inputs: one JSON Schema over `{params, query, payload, headers, state, auth}`, judged "
        "after the five. It only judges: what it finds at `/query/to` is told as a fault of the query.",
        examples=[
            {
                "if": {"properties": {"query": {"required": ["from"]}}},
                "then": {"properties": {"query": {"required": ["to"]}}},
            }
        ],
        on=_INPUT | On.EVENTS,
    )
    options: ValidationOptions = option(ValidationOptions(), on=_EVERYWHERE)
    fail_action: FailAction = option(
        "error",
        "What happens when an input is invalid; `error` answers with 400, or with `status`.",
        on=_EVERYWHERE,
        per={
            On.HANDSHAKE: {"description": "What happens when the parameters are invalid; `error` refuses the client."}
        },
    )
    status: Annotated[int, As(Literal[400, 403, 404, 406, 409, 410, 422])] = option(
        400,
        "The status of a validation error (hapi: always 400).",
        examples=[422],
        wanted="400, 403, 404, 406, 409, 410 or 422",
        on=_EVERYWHERE,
        per={On.HANDSHAKE: {"description": "The status of the error that refuses the connection (hapi: always 400)."}},
    )
    error_fields: Mapping[str, Json] = option(
        {},
        "Keys added to the body of the error.",
        on=_EVERYWHERE,
        per={On.HANDSHAKE: {"description": "Keys that are added to the error."}},
    )
    detail: Literal["full", "none"] = option(
        "full", "`full` says what is wrong and where, `none` only that the input is invalid.", on=_EVERYWHERE
    )

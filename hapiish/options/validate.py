"""`validate` of routes and events: input validation rules, and how schemas are applied."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from hapiish.declare.option import As, On, option
from hapiish.declare.types import FailAction, Json, Rule

_INPUT: Final = On.ROUTES
_EVERYWHERE: Final = On.EVERYWHERE | On.HANDSHAKE


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationOptions:
    """The application of schemas. Validation functions receive these options unchanged."""

    allow_unknown: bool = option(
        True,
        "Accepts unknown keys. `false` refuses keys that an object schema does not name, if it names any "
        "and has no `additionalProperties` of its own. It applies to query and payload; unknown headers "
        "and cookies are always accepted.",
    )
    strip_unknown: bool = option(
        False,
        "Removes unknown keys: true removes the keys that `allowUnknown: false` would refuse, at any "
        "depth, before validation.",
    )
    abort_early: bool = option(False, "Reports only the first fault.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Validate:
    """Input validation rules."""

    headers: Rule | None = option(None, "The rule for the headers, with names in lower case.", on=_INPUT | On.HANDSHAKE)
    params: Rule | None = option(
        None,
        "The rule for the parameters of the path.",
        on=_INPUT | On.HANDSHAKE,
        per={On.HANDSHAKE: {"description": "The rule for the parameters of the namespace's name."}},
    )
    query: Rule | None = option(
        None, "The rule for the query; false accepts only an empty one.", on=_INPUT | On.HANDSHAKE
    )
    payload: Rule | None = option(
        None,
        "The rule for the body; false accepts only an empty one.",
        on=_INPUT | On.EVENTS | On.HANDSHAKE,
        per={
            On.HANDSHAKE: {
                "description": "The rule for the `auth` object of the client's CONNECT packet; false accepts none."
            }
        },
    )
    state: Rule | None = option(None, "The rule for the cookies.", on=_INPUT)
    all: Rule | None = option(
        None,
        "A rule across inputs: one JSON Schema over `{params, query, payload, headers, state, auth}`, "
        "validated after the five inputs. It changes no input. A fault at `/query/to` is reported as a "
        "fault of the query.",
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
        "The action on an invalid input; `error` sends a 400, or `status`.",
        on=_EVERYWHERE,
        per={On.HANDSHAKE: {"description": "The action on an invalid handshake; `error` refuses the client."}},
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
        per={On.HANDSHAKE: {"description": "Keys added to the error."}},
    )
    detail: Literal["full", "none"] = option(
        "full",
        "`full` reports the path and reason of each fault, `none` only that the input is invalid.",
        on=_EVERYWHERE,
    )

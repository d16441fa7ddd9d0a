"""The options of a route, `options:` (hapi's route options), each with the places where it is permitted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal

from hapiish.declare.option import As, Form, Items, Merge, On, option, settings
from hapiish.declare.types import AnyText, Function, Json, TimeSpan
from hapiish.options.auth import RouteAuth
from hapiish.options.cache import Cache
from hapiish.options.compression import Encoders
from hapiish.options.cookies import StateRules
from hapiish.options.cors import Cors
from hapiish.options.csp import Csp
from hapiish.options.csrf import Csrf
from hapiish.options.deprecated import Deprecated
from hapiish.options.examples import Example
from hapiish.options.ext import Ext, Points
from hapiish.options.files import Files
from hapiish.options.json_format import JsonFormat
from hapiish.options.limit import Limits
from hapiish.options.payload import Payload
from hapiish.options.pre import PreSteps
from hapiish.options.response import ResponseRules
from hapiish.options.security import Security
from hapiish.options.validate import Validate

Texts = Annotated[tuple[str, ...], Items(one=True, add=True), Form(name="texts", nullable=True)]
Use = Annotated[
    tuple[Json, ...],
    Form(
        {
            "anyOf": [
                {"type": ["string", "null"], "minLength": 1},
                {
                    "type": "array",
                    "items": {
                        "anyOf": [
                            {"type": "string", "minLength": 1},
                            {
                                "type": "object",
                                "minProperties": 1,
                                "maxProperties": 1,
                                "additionalProperties": {"type": ["object", "null"]},
                            },
                        ],
                        "errorMessage": "the name of a preset, or its name with its parameters",
                    },
                },
            ]
        },
        name="use",
        wanted="the name of a preset, or a list of them",
        nullable=True,
    ),
]
_EVENT_AUTH: Final = {
    On.EVENT: {
        "description": "Access rules of the event; the strategy is its namespace's.",
        "also": (str,),
        "examples": (),
        "wanted": "access rules, or the strategy of the namespace",
    }
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRules:
    """The collection of a request's events."""

    collect: bool = option(False, "Keeps the events of a request in `request.logs`.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeout:
    """Time limits of the response."""

    server: TimeSpan | Literal[False] = option(
        False,
        "The maximum time from the receipt of a request to its response. After it, the response is a 503 "
        "and the handler is cancelled; false: no limit. A `def` handler in its thread cannot be "
        "cancelled: it keeps running, and its result is discarded.",
        examples=["5s"],
        wanted="a time longer than 0, or false",
    )


@settings(
    names={
        On.ROUTE: "routeOptions",
        On.DEFAULTS: "routeDefaults",
        On.EVENT: "eventOptions",
        On.NAMESPACE: "namespaceOptions",
    }
)
@dataclass(frozen=True, slots=True, kw_only=True)
class RouteOptions:
    """The options of one route or event.

    Here they are merged; None stands for a group of options that is switched off.
    """

    app: Mapping[str, Json] = option({}, "Data of the application, `request.route.settings.app`.", on=On.EVERYWHERE)
    auth: RouteAuth | None = option(
        None,
        "Authentication and access rules: false for anybody, the name of a strategy, or settings. "
        "Without it, the default strategy applies.",
        examples=[False, "session", {"scope": ["admin"]}],
        on=On.ROUTES | On.EVENT,
        per=_EVENT_AUTH,
        merge=Merge.AUTH,
    )
    bind: Function | None = option(
        None,
        "An object as module:attribute, available to handlers, prerequisites and extension functions as `h.context`.",
        examples=["handlers.context:context"],
        on=On.EVERYWHERE,
    )
    cache: Cache | None = option(Cache(), on=On.ROUTES)
    compression: Encoders | None = option(Encoders(), on=On.ROUTES, merge=Merge.SWITCH)
    concurrent: bool = option(
        False,
        "Runs the event beside other events of its socket, for events whose order does not matter, such as `typing`; "
        "at most 16 of a socket at once. By default, the events of a socket are handled one after another, in order.",
        on=On.EVENTS,
    )
    cors: Cors | None = option(None, shown=False, on=On.ROUTES, merge=Merge.SWITCH)
    csp: Csp | None = option(
        None,
        examples=[{"scriptSrc": ["self", "https://cdn.example.com"]}],
        shown=False,
        on=On.ROUTES,
        merge=Merge.WHOLE,
    )
    csrf: Csrf | None = option(None, shown=False, on=On.ROUTES, merge=Merge.SWITCH)
    deprecated: Deprecated | None = option(None, shown=False, on=On.EVERYWHERE)
    description: AnyText | None = option(None, "One line for the documentation.", on=On.ROUTE | On.EVENT)
    examples: tuple[Example, ...] = option(
        (),
        "Examples of requests and responses, for the documentation; `hapiish test` runs them.",
        examples=[[{"request": {"payload": {"text": "Hello"}}, "response": {"status": 201}}]],
        on=On.ROUTE | On.EVENT,
    )
    ext: Annotated[Mapping[str, tuple[Ext, ...]], As(Points)] = option(
        {},
        "Extension functions of the route. Those of the server, of its groups and of the route all run, in that order.",
        on=On.EVERYWHERE,
        per={On.EVENTS: {"description": "Extension functions of the event."}},
        merge=Merge.ADDED,
    )
    files: Files = option(Files(), on=On.ROUTES)
    is_internal: bool = option(
        False,
        "Makes the route reachable only by `inject` with `allow_internals`; it does not exist for clients.",
        on=On.ROUTE,
    )
    json: JsonFormat = option(JsonFormat(), on=On.ROUTES)
    limit: Limits | None = option(
        None,
        "The rate limit; further requests are answered with 429. A limit, a list of limits that all "
        'apply, a short form such as "5/second" or "100/15m", or false. It replaces the inherited '
        "limits; `{add: […]}` keeps them.",
        examples=["5/second", {"max": 5, "duration": "1s", "burst": 20, "by": "user"}],
        on=On.EVERYWHERE,
        shown=False,
    )
    log: LogRules = option(LogRules(), on=On.EVERYWHERE)
    notes: Texts = option(
        (),
        "Notes for the documentation, a text or a list. `{add: […]}` keeps the inherited ones.",
        on=On.ROUTE | On.EVENT,
    )
    payload: Payload = option(Payload(), on=On.ROUTES)
    plugins: Mapping[str, Json] = option({}, "Data for plugins, by name.", on=On.EVERYWHERE)
    pre: PreSteps = option(
        (),
        "Steps before the handler, in order; a nested list runs in parallel. They replace the inherited "
        "steps; `{add: […]}` runs its steps after the inherited ones.",
        on=On.ROUTE | On.EVENTS,
    )
    response: ResponseRules = option(
        ResponseRules(), on=On.EVERYWHERE, per={On.EVENTS: {"description": "Validation rules for acknowledgements."}}
    )
    security: Security | None = option(None, shown=False, on=On.ROUTES, merge=Merge.SWITCH)
    session: bool = option(
        True,
        "Gives requests the table's session, if it declares one. Without `state.parse` they have none.",
        on=On.ROUTES,
    )
    state: StateRules = option(StateRules(), on=On.ROUTES)
    tags: Texts = option(
        (),
        "Tags that group routes in the documentation. `{add: […]}` keeps the inherited ones.",
        on=On.ROUTE | On.EVENTS,
    )
    timeout: Timeout = option(Timeout(), on=On.EVERYWHERE)
    use: ClassVar[Use | None] = option(
        None,
        "Presets, whose options are overridden by those set here; a later preset takes precedence. "
        "`{name: {param: value}}` sets the parameters of a preset.",
        examples=[["admin", {"cached": {"seconds": 60}}]],
        on=On.EVERYWHERE,
        merge=Merge.NEVER,
    )
    validate: Validate = option(
        Validate(), on=On.EVERYWHERE, per={On.EVENTS: {"description": "Validation rules for the event's data."}}
    )

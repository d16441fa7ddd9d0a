"""A change between two tables, and the rules by which it is judged."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from hapiish.declare.types import NOWHERE, Json, Mark

Verdict = Literal["breaking", "unknown", "safe"]
Direction = Literal["sent", "received", "both"]
"""The direction of what changes: `sent` by clients, `received` by clients, or both."""

ORDER: Final[Mapping[Verdict, int]] = {"breaking": 0, "unknown": 1, "safe": 2}


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Returns the worst verdict; `safe` without verdicts."""
    return min(verdicts, key=ORDER.__getitem__, default="safe")


@dataclass(frozen=True, slots=True)
class ChangeSubject:
    """The part of a table that changes. `label` names it for people, such as `POST /users`; `id` is the route's id."""

    kind: Literal["route", "event", "emit", "namespace", "schema", "sockets", "server", "cookie"]
    label: str
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableChange:
    """One change. `old` and `new` are the places in the two tables, None where the subject does not exist.

    `rule` is the key of RULES; `part` says where in the subject, such as `payload` or `response 200`, `pointer` where
    in its schema. `example` holds a value that one of the tables accepts and the other refuses, or is empty.
    """

    subject: ChangeSubject
    verdict: Verdict
    rule: str
    direction: Direction
    text: str
    part: str = ""
    pointer: str = ""
    example: tuple[Json, ...] = ()
    old: Mark | None = NOWHERE
    new: Mark | None = NOWHERE


@dataclass(frozen=True, slots=True)
class ChangeRule:
    """A rule: what it reports, how it judges, and the rules of oasdiff that judge the same, if any."""

    what: str
    verdict: str
    oasdiff: tuple[str, ...] = ()


RULES: Final[Mapping[str, ChangeRule]] = {
    "route-added": ChangeRule("a new route", "safe", ("endpoint-added",)),
    "route-removed": ChangeRule(
        "a route is gone, or only for internal calls",
        "breaking; safe after the sunset of its deprecation",
        ("api-removed-without-deprecation", "api-removed-before-sunset", "api-path-removed-without-deprecation"),
    ),
    "route-moved": ChangeRule(
        "the route with this id has another method, path or host", "breaking; safe if the old address still answers"
    ),
    "param-renamed": ChangeRule("a parameter of the path has another name", "safe: clients write its value"),
    "params-divided": ChangeRule("parameters of the path cover other segments, as `{a*2}` for `{a}/{b}`", "unknown"),
    "param-required": ChangeRule(
        "an optional parameter of the path is required, or reversed", "breaking; reversed safe"
    ),
    "auth-added": ChangeRule("authentication is required where it was not", "breaking (oasdiff: safe)"),
    "auth-stricter": ChangeRule("invalid credentials are refused where the mode was `try`", "breaking"),
    "auth-relaxed": ChangeRule("authentication is no longer required, or invalid credentials are accepted", "safe"),
    "strategy-added": ChangeRule("a further strategy", "safe", ("api-security-added",)),
    "strategy-removed": ChangeRule("a strategy is no longer accepted", "breaking", ("api-security-removed",)),
    "strategy-changed": ChangeRule("callers send the credentials of a strategy in another way", "breaking"),
    "access-narrowed": ChangeRule(
        "scopes or entities are demanded that were not", "breaking", ("api-security-scope-added",)
    ),
    "access-widened": ChangeRule("fewer scopes or entities are demanded", "safe", ("api-security-scope-removed",)),
    "limit-added": ChangeRule("a new rate limit", "breaking"),
    "limit-removed": ChangeRule("a rate limit is gone", "safe"),
    "limit-lowered": ChangeRule("a rate limit admits fewer requests", "breaking"),
    "limit-raised": ChangeRule("a rate limit admits more requests", "safe"),
    "limit-changed": ChangeRule("a rate limit counts others or otherwise", "unknown"),
    "size-lowered": ChangeRule("bodies may be smaller only", "breaking"),
    "size-raised": ChangeRule("bodies may be larger", "safe"),
    "media-type-removed": ChangeRule(
        "a media type of requests is refused", "breaking", ("request-body-media-type-removed",)
    ),
    "media-type-added": ChangeRule("a further media type of requests", "safe", ("request-body-media-type-added",)),
    "body-required": ChangeRule("an empty body is refused", "breaking", ("request-body-became-required",)),
    "body-optional": ChangeRule("an empty body is accepted", "safe", ("request-body-became-optional",)),
    "schema-narrowed": ChangeRule(
        "a value is refused that was accepted, or no longer occurs",
        "breaking where clients send it, safe where they receive it",
        (
            *("request-property-max-length-decreased", "request-property-enum-value-removed"),
            *("request-property-pattern-added", "request-parameter-max-set", "response-property-max-length-decreased"),
        ),
    ),
    "schema-widened": ChangeRule(
        "a value is accepted that was refused, or occurs for the first time",
        "safe where clients send it, breaking where they receive it",
        (
            *("request-property-max-length-increased", "request-property-enum-value-added"),
            *("response-property-max-length-increased", "response-property-enum-value-added"),
        ),
    ),
    "schema-changed": ChangeRule("neither of the two schemas accepts all values of the other", "breaking"),
    "schema-undecided": ChangeRule("the two schemas cannot be compared, such as two patterns", "unknown"),
    "property-added": ChangeRule(
        "an optional property", "safe", ("new-optional-request-property", "response-optional-property-added")
    ),
    "required-property-added": ChangeRule(
        "a required property",
        "breaking where clients send it, safe where they receive it",
        ("new-required-request-property", "response-required-property-added"),
    ),
    "property-removed": ChangeRule(
        "a property is gone",
        "sent: breaking in a closed object, else unknown. Received: breaking if it was required, else unknown",
        ("request-property-removed", "response-required-property-removed", "response-optional-property-removed"),
    ),
    "undeclared-refused": ChangeRule(
        "an object that clients send refuses the properties that its schema does not name",
        "breaking",
        ("request-property-unevaluated-properties-added",),
    ),
    "property-required": ChangeRule(
        "a property becomes required",
        "breaking where clients send it, safe where they receive it",
        ("request-property-became-required", "response-property-became-required"),
    ),
    "property-optional": ChangeRule(
        "a property becomes optional",
        "safe where clients send it, breaking where they receive it",
        ("request-property-became-optional", "response-property-became-optional"),
    ),
    "default-changed": ChangeRule(
        "the default of a value", "safe: the same requests are accepted", ("request-property-default-value-changed",)
    ),
    "deprecation-of-property": ChangeRule(
        "a property is deprecated, or no longer", "safe", ("request-property-deprecated",)
    ),
    "function-changed": ChangeRule("a function validates instead of a schema, or another one", "unknown"),
    "validation-status": ChangeRule("another status for invalid requests", "unknown"),
    "status-added": ChangeRule("a further status", "safe", ("response-success-status-added",)),
    "status-removed": ChangeRule(
        "a status of success is gone", "breaking; of an error safe", ("response-success-status-removed",)
    ),
    "response-type-changed": ChangeRule("the media type of a response", "breaking", ("response-media-type-removed",)),
    "response-undeclared": ChangeRule("responses that the table no longer declares", "breaking"),
    "response-declared": ChangeRule("responses that the table did not declare", "safe"),
    "header-removed": ChangeRule(
        "a response header is gone",
        "breaking if every response had it, else unknown",
        ("required-response-header-removed", "optional-response-header-removed"),
    ),
    "header-added": ChangeRule("a new response header", "safe"),
    "deprecated": ChangeRule("the route or event is deprecated, or no longer", "safe", ("endpoint-deprecated",)),
    "sunset-earlier": ChangeRule("the sunset is earlier, or gone", "breaking", ("api-sunset-deleted",)),
    "cors-narrowed": ChangeRule("browsers of an origin are refused", "breaking"),
    "cors-widened": ChangeRule("browsers of more origins are accepted", "safe"),
    "csrf-added": ChangeRule("a token against cross-site request forgery is demanded", "breaking"),
    "csrf-removed": ChangeRule("no token against cross-site request forgery is demanded", "safe"),
    "origins-changed": ChangeRule("origins of Socket.IO that cannot be compared", "unknown"),
    "caching-changed": ChangeRule("the caching of responses", "unknown; safe for a shorter time"),
    "router-stricter": ChangeRule("the case of paths, or a trailing slash, begins to count", "breaking"),
    "router-looser": ChangeRule("the case of paths, or a trailing slash, no longer counts", "safe"),
    "cookie-added": ChangeRule("a cookie becomes declared", "safe"),
    "cookie-removed": ChangeRule("a cookie is no longer declared", "unknown"),
    "cookie-form": ChangeRule("the encoding or the signature of a cookie", "breaking"),
    "cookie-changed": ChangeRule("the attributes of a cookie", "unknown"),
    "event-added": ChangeRule("a new event from clients", "safe"),
    "event-removed": ChangeRule(
        "an event from clients is gone",
        "breaking; safe after the sunset of its deprecation, unknown if `*` handles it",
    ),
    "event-moved": ChangeRule("the event with this id has another name or namespace", "breaking"),
    "event-form": ChangeRule("another form of arguments or of the acknowledgement", "breaking"),
    "emit-added": ChangeRule("a new event to clients", "safe"),
    "emit-removed": ChangeRule("an event to clients is gone", "breaking"),
    "namespace-added": ChangeRule("a new namespace", "safe"),
    "namespace-removed": ChangeRule("a namespace is gone", "breaking"),
    "sockets-added": ChangeRule("Socket.IO is served", "safe"),
    "sockets-removed": ChangeRule("Socket.IO is no longer served", "breaking"),
    "sockets-path": ChangeRule("another path of Socket.IO", "breaking"),
    "transport-removed": ChangeRule("a transport is gone", "breaking"),
    "transport-added": ChangeRule("a further transport", "safe"),
    "named-schema-added": ChangeRule("a new entry of `schemas`", "safe"),
    "named-schema-removed": ChangeRule("an entry of `schemas` is gone", "safe: its uses are judged where they are"),
    "named-schema-changed": ChangeRule("an entry of `schemas`", "as its uses"),
}
"""The rules by name; `docs/diff.md` lists them."""

"""The classes of a surface. All values are as in the table: schemas keep `$ref: "#/schemas/Name"`, sizes are bytes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hapiish.declare.types import NOWHERE, Json, Mark, Schema
from hapiish.options import Cookie, Limit, RouteAuth, RouteOptions, Router, Sockets
from hapiish.options.deprecated import Deprecated

Source = Literal["params", "query", "headers", "state", "payload"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedValue:
    """A named value of params, query, headers or state. Its text is coerced to the type in `schema`.

    `spans` is the number of path segments of a parameter, 0 for any number; `is_optional` marks `{name?}`.
    """

    name: str
    schema: Schema
    required: bool = False
    is_optional: bool = False
    spans: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSurface:
    """An input of a route. `schema` is None without validation by a schema, `function` validates in its place.

    `members` are the values that the schema names (for params: that the path names). `is_open`: others are accepted.
    """

    source: Source
    schema: Schema | None = None
    function: str | None = None
    members: tuple[NamedValue, ...] = ()
    is_open: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class BodySurface:
    """The body of requests. `media_types` may contain `*`; the first one is the type of a body without Content-Type.

    `is_required`: an empty body is refused. `is_forbidden`: a body that is not empty is refused. `is_declared`: the
    table says something about the body. `output` is the form that the handler receives; `is_parsed` is False if it
    receives the bytes.
    """

    schema: Schema | None = None
    function: str | None = None
    media_types: tuple[str, ...] = ("application/json",)
    max_bytes: int
    output: Literal["data", "stream", "file"] = "data"
    is_parsed: bool = True
    is_required: bool = False
    is_forbidden: bool = False
    is_declared: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseHeader:
    """A response header. `always`: every response with the status has it."""

    name: str
    description: str
    schema: Schema = field(default_factory=lambda: {"type": "string"})
    always: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSurface:
    """A response that the table declares, or that a kind of handler sends.

    `status` is None for any success: the table declares neither statuses nor a schema. `media_type` is None without a
    body. `schema` is None if it is unknown, `function` validates in its place.
    """

    status: int | None
    description: str
    schema: Schema | None = None
    function: str | None = None
    media_type: str | None = "application/json"
    headers: tuple[ResponseHeader, ...] = ()


@dataclass(frozen=True, slots=True)
class FailureReason:
    """One reason of a failure, with the parts of its body: `{statusCode, error, message, code, …}`.

    `name` identifies it among the reasons of a status. `message` is None for the phrase of the status. `more` are
    examples of further keys of the body. `is_exact` is False if the message that is sent is unknown.
    """

    name: str
    text: str
    message: str | None = None
    code: str | None = None
    more: Mapping[str, Json] = field(default_factory=dict)
    is_exact: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureSurface:
    """An error status that the framework or the table's declarations can send, with its reasons.

    `schema` is None for the body of hapiish, the schema of `response.status` if that restricts the body, or True if
    `response.errors` makes a body that is unknown here; `media_type` is its type. `is_own`: a reason comes from
    `response.status` or an example, not from hapiish.
    """

    status: int
    reasons: tuple[FailureReason, ...]
    schema: Schema | None = None
    media_type: str = "application/json"
    headers: tuple[ResponseHeader, ...] = ()
    is_own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategySurface:
    """An authentication strategy. `kind` says how callers send their credentials.

    `name` is that of the header, query parameter or cookie at `place`; `word` the authentication scheme of an
    `Authorization` header. `facts` describe the scheme further: for `oauth2` provider, issuer, authorization, token and
    scopes. `extensions` are its keys x-….
    """

    strategy: str
    scheme: str
    kind: Literal["basic", "bearer", "apiKey", "oauth2", "custom"]
    place: Literal["header", "query", "cookie"] = "header"
    name: str = "authorization"
    word: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    extensions: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerSurface:
    """The parts that routes and events share. `extensions` are keys x-…."""

    id: str | None
    failures: tuple[FailureSurface, ...]
    answers: tuple[AnswerSurface, ...]
    handler: str
    options: RouteOptions
    extensions: Mapping[str, Json] = field(default_factory=dict)
    mark: Mark = NOWHERE

    @property
    def description(self) -> str | None:
        """The description in `options`."""
        return self.options.description

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes in `options`."""
        return self.options.notes

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags in `options`."""
        return self.options.tags

    @property
    def deprecated(self) -> Deprecated | None:
        """The deprecation in `options`."""
        return self.options.deprecated

    @property
    def security(self) -> RouteAuth | None:
        """The authentication in `options`; None if callers need none."""
        return self.options.auth

    @property
    def limits(self) -> tuple[Limit, ...]:
        """The rate limits in `options`."""
        return self.options.limit or ()

    def failure(self, status: int) -> FailureSurface | None:
        """Returns the failure with this status."""
        return next((each for each in self.failures if each.status == status), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSurface(HandlerSurface):
    """A route. `method` is `*` for any; `methods` are those that it answers, without HEAD and OPTIONS.

    `body` is None for a route that reads none. `raises`: the handler is a function, which may also raise other errors.
    """

    method: str
    methods: tuple[str, ...]
    path: str
    vhost: str | None
    params: InputSurface
    query: InputSurface
    headers: InputSurface
    state: InputSurface
    body: BodySurface | None
    raises: bool = True
    is_internal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSurface(HandlerSurface):
    """An event from clients. `security` has access rules on the namespace's strategies, None for none.

    `payload` is the schema of its argument, of the list of its arguments with `arguments`; `function` validates in its
    place. `ok` and `error` are the schemas of the acknowledgement; with `ack: raw` they have no envelope.
    """

    namespace: str
    event: str
    payload: Schema | None
    function: str | None
    arguments: bool
    binary: bool
    ack: Literal["envelope", "raw"]
    ok: Schema
    error: Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class EmitSurface:
    """An event to clients; `payload` is None if any data is permitted."""

    namespace: str
    event: str
    description: str | None
    payload: Schema | None
    extensions: Mapping[str, Json] = field(default_factory=dict)
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceSurface:
    """A namespace. `auth` is None for an open one; `params` are the parameters of its name.

    `query`, `headers` and `handshake`, the client's `auth` object, are the inputs of the connection.
    """

    namespace: str
    auth: RouteAuth | None
    params: InputSurface
    query: InputSurface
    headers: InputSurface
    handshake: Schema | None
    failures: tuple[FailureSurface, ...]
    events: tuple[EventSurface, ...]
    emits: tuple[EmitSurface, ...]
    extensions: Mapping[str, Json] = field(default_factory=dict)
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """A whole table, as its clients see it. `schemas` are the named schemas, `strategies` those of `auth`, by name.

    `sockets` are the options of Socket.IO, None without it.
    """

    info: Mapping[str, Json]
    schemas: Mapping[str, Json]
    strategies: Mapping[str, StrategySurface]
    routes: tuple[RouteSurface, ...]
    namespaces: tuple[NamespaceSurface, ...]
    sockets: Sockets | None = None
    router: Router = field(default_factory=Router)
    cookies: Mapping[str, Cookie] = field(default_factory=dict)
    extensions: Mapping[str, Json] = field(default_factory=dict)

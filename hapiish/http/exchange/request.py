"""`request` as lifecycle functions see it, for HTTP requests and Socket.IO events.

Attributes that few requests need are computed on first access.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from time import time
from typing import Any, Protocol

from starlette.requests import Request as StarletteRequest

from hapiish.bridge import anywhere
from hapiish.http.content.compression import negotiate
from hapiish.http.exchange import log
from hapiish.http.exchange.events import Event
from hapiish.http.exchange.response import Response
from hapiish.http.exchange.server import HttpServer
from hapiish.http.routing.router import hostname, normalise
from hapiish.http.syntax import query
from hapiish.options import RouteOptions
from hapiish.types import Message, Receive, Scope, Send, Value

TRAILERS = "hapiish.trailers"
"""The key of the scope that holds the trailers of a chunked body, as pairs of bytes; filled while the body is read."""


class CorsRules(Protocol):
    """The CORS settings of a route (`hapiish.http.guards.cors.Cors`)."""

    def allows(self, origin: str | None) -> bool: ...
    def preflight(
        self, origin: str, method: str, requested: str | None
    ) -> tuple[int, dict[str, str], dict[str, str] | None]: ...


class WithCors(Protocol):
    """The responder of a route, as a request reads it."""

    @property
    def cors(self) -> CorsRules | None: ...


class RequestRoute(Protocol):
    """`request.route`, the attributes of a compiled `Route` that its functions may read."""

    @property
    def id(self) -> str | None: ...
    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def vhost(self) -> str | None: ...
    @property
    def settings(self) -> RouteOptions: ...
    @property
    def context(self) -> Value: ...
    @property
    def files(self) -> str: ...
    @property
    def responder(self) -> WithCors: ...


class Auth:
    """`request.auth`: the authentication state; `expires` is in seconds since the epoch."""

    __slots__ = (
        *("artifacts", "credentials", "error", "expires", "is_authenticated", "is_authorized", "is_injected", "mode"),
        "strategy",
    )

    credentials: Value
    """The credentials that the strategy returned, or None: the claims of a token, the user of a `validate` function."""
    artifacts: Value
    """Further data of the strategy, such as the decoded token."""
    strategy: str | None
    """The name of the strategy that authenticated the request."""
    mode: str | None
    """The mode of the route: `required`, `optional` or `try`; None without authentication."""
    error: Exception | None
    """The error of a failed authentication, in the mode `try`."""
    expires: float
    """The end of the credentials, in seconds since the epoch; infinite for none."""
    is_authenticated: bool
    """True if the request has valid credentials."""
    is_authorized: bool
    """True if the credentials also have the scopes of the route."""
    is_injected: bool
    """True if a test passed the credentials to `inject`."""

    def __init__(self, credentials: Value = None, artifacts: Value = None, strategy: str | None = None) -> None:
        self.credentials = credentials
        self.artifacts = artifacts
        self.strategy = strategy
        self.mode = None
        self.error = None
        self.expires = inf
        self.is_authenticated = False
        self.is_authorized = False
        self.is_injected = False

    def copy(self) -> "Auth":
        """A copy for an event of a socket, which is authorized by itself."""
        auth = Auth(self.credentials, self.artifacts, self.strategy)
        auth.is_authenticated = self.is_authenticated
        auth.is_injected = self.is_injected
        auth.expires = self.expires
        return auth


class Info:
    """`request.info`: facts about the connection. `received` and `responded` are seconds since the epoch."""

    __slots__ = ("_request", "received", "responded")

    received: float
    """The time at which the request arrived."""
    responded: float | None
    """The time at which the response was sent; None before."""

    def __init__(self, request: "Request") -> None:
        self._request = request
        self.received = request.received
        self.responded = None

    @property
    def id(self) -> str:
        """The id of the request, as `request.id`."""
        return self._request.id

    @property
    def accept_encoding(self) -> str:
        """The preferred content coding of the client among those that the server offers; `identity` for none."""
        return negotiate(self._request.headers.get("accept-encoding", ""), self._request.server.encodings)

    @property
    def remote_address(self) -> str | None:
        """The address of the client; behind a trusted proxy the one that the proxy names."""
        client = self._request.scope.get("client")
        return client[0] if client else None

    @property
    def remote_port(self) -> int | None:
        """The port of the client; None if it is unknown."""
        client = self._request.scope.get("client")
        return client[1] if client else None

    @property
    def protocol(self) -> str:
        """`http` or `https`, as the client used it if a trusted proxy says so."""
        return str(self._request.scope.get("scheme", "http"))

    @property
    def host(self) -> str:
        """The Host header as sent, port included, which virtual hosts are matched against."""
        return host_of(self._request.scope) or ""

    @property
    def hostname(self) -> str:
        """The host without its port."""
        return hostname(self.host)

    @property
    def referrer(self) -> str:
        """The header `Referer`, or an empty text."""
        return self._request.headers.get("referer", "")


class _Lazy:
    """A cached attribute: computed from the request on first access, a plain attribute afterwards."""

    __slots__ = ("make", "name")

    def __init__(self, make: "Callable[[Request], Any]") -> None:
        self.make = make

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, request: "Request", owner: type) -> Any:
        value = self.make(request)
        setattr(request, self.name, value)
        return value


def _lazy(make: "Callable[[Request], Any]") -> Any:
    return _Lazy(make)


def _none(request: "Request") -> None:
    return None


def _dict(request: "Request") -> dict[str, Value]:
    return {}


def _headers(request: "Request") -> dict[str, str]:
    return joined(request.scope["headers"])


def host_of(scope: Scope) -> str | None:
    """The Host header; the first one where the server accepts several."""
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), None)


def joined(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by name; repeated ones are joined to one list (RFC 9110 §5.3)."""
    headers: dict[str, str] = {}
    repeated: dict[str, list[str]] = {}
    for key, value in pairs:
        name, text = key.decode("latin-1"), value.decode("latin-1")
        if name in headers:
            repeated.setdefault(name, [headers[name]]).append(text)
        else:
            headers[name] = text
    for name, texts in repeated.items():
        headers[name] = ("; " if name == "cookie" else ", ").join(texts)
    return headers


def _state(request: "Request") -> dict[str, Value]:
    header = request.headers.get("cookie")
    return dict(request.server.cookies.parse(header)[0]) if header else {}


def _id(request: "Request") -> str:
    identify = request.server.identify
    return log.next_id() if identify is None else identify(request)


async def _no_receive() -> Message:
    raise RuntimeError("an event has no body to receive")


class Raw(StarletteRequest):
    """Starlette's request; a `def` handler calls its async methods without await."""

    body = anywhere(StarletteRequest.body)
    close = anywhere(StarletteRequest.close)
    form: Any = anywhere(StarletteRequest.form)  # type: ignore[arg-type]
    is_disconnected = anywhere(StarletteRequest.is_disconnected)
    json = anywhere(StarletteRequest.json)
    send_early_hints = anywhere(StarletteRequest.send_early_hints)
    send_push_promise = anywhere(StarletteRequest.send_push_promise)


class ResponseSender:
    """ASGI's `send` for handlers that respond themselves; `status` is None at first, `complete` is set at the end."""

    __slots__ = ("_send", "complete", "size", "status")

    def __init__(self, request: "Request") -> None:
        if request.transmit is None:
            raise RuntimeError("an event has nothing to send to; return its acknowledgement")
        self._send = request.transmit
        self.status: int | None = None
        self.size = 0
        self.complete = False

    @anywhere
    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.body":
            self.size += len(message.get("body", b""))
            self.complete = not message.get("more_body", False)
        await self._send(message)


class Request:
    """A request or event. `method` is lower case, `"event"` for an event, whose data is the `payload`.

    `receive` is None for an event and after onRequest has set the payload.
    """

    scope: Scope
    receive: Receive | None
    app: dict[str, Value] = _lazy(_dict)
    """Data of the application for this request; empty at first."""
    auth: Auth = _lazy(lambda request: request.scope.get("hapiish.auth") or Auth())  # injected by a test
    """The result of the authentication."""
    headers: dict[str, str] = _lazy(_headers)
    """The headers by lower-case name; repeated ones are joined by commas."""
    id: str = _lazy(_id)
    """The id of the request, which the log and the header `x-request-id` show."""
    info: Info = _lazy(Info)
    """Facts about the connection."""
    listen: Receive | None = _lazy(_none)  # receives the disconnect while the body is being read
    method: str = _lazy(lambda request: request.scope["method"].lower())
    """The method in lower case; `"event"` for an event of a socket."""
    logs: list[Event] = _lazy(lambda request: [])
    """The events that were logged for this request, where the route sets `log.collect`."""
    mime: str | None = _lazy(_none)
    params: dict[str, Value] = _lazy(_dict)
    """The parameters of the path, or of the namespace of a socket, as validated."""
    path: str = _lazy(lambda request: request.scope["path"])
    """The path; of an event its name."""
    payload: Value = _lazy(_none)
    """The parsed and validated body; of an event the data that the client sent."""
    plugins: dict[str, Value] = _lazy(_dict)
    """Data of plugins for this request, by their names; empty at first."""
    pre: dict[str, Value] = _lazy(_dict)
    """The values of the steps of `pre`, by their `assign` names."""
    pre_responses: dict[str, Response] = _lazy(_dict)
    """The responses of the steps of `pre`, by their `assign` names."""
    query: dict[str, Value] = _lazy(lambda request: query.parse(request.scope["query_string"]))
    """The parameters of the query, as validated; a repeated name has a list."""
    raw: StarletteRequest = _lazy(lambda request: Raw(request.scope, request.receive or _no_receive))
    """Starlette's request, for what this class does not have."""
    response: Response | None = _lazy(_none)
    """The response, in `onPostHandler`, `onPreResponse` and later; None before."""
    send: ResponseSender = _lazy(ResponseSender)
    """ASGI's `send`, for a handler that responds itself and returns `h.abandon`."""
    session: Any = _lazy(_none)
    """The [session](#requestsession) of the browser, if the table declares `session`."""
    socket: Any = _lazy(_none)
    """The [socket](socket.md) of an event or of a handshake; None for an HTTP request."""
    state: dict[str, Value] = _lazy(_state)
    """The cookies by name, decoded as the table declares them."""
    uploads: Any = _lazy(_none)  # stored uploads, removed when the lifecycle ends
    is_active = True
    server: HttpServer
    """The [server](server.md), as the table of this request sees it."""
    route: RequestRoute
    """The route: `id`, `method`, `path`, and `settings`, its merged options."""
    orig: dict[str, Value]
    """The inputs before validation, by `params`, `query`, `payload`, `headers` and `state`."""
    pausing: Callable[[Receive], Receive] | None = None  # wraps the `receive` of the body, for concurrency limits

    def __init__(
        self,
        server: HttpServer,
        scope: Scope,
        receive: Receive | None,
        route: RequestRoute,
        send: Send | None = None,
    ) -> None:
        self.server = server
        self.scope = scope
        self.receive = receive
        self.transmit = send
        self.route = route
        self.received = time()
        self.orig = {}
        self.pending_cookies: list[tuple[str, Value, Value]] | None = None
        self.entity: dict[str, Value] | None = None

    def is_set(self, name: str) -> bool:
        """Returns whether a lazy attribute has been computed or set."""
        return name in self.__dict__

    @property
    def models(self) -> Any:
        """The table's `models:` by name: `request.models.Message`."""
        return self.server.models

    @property
    def trailers(self) -> dict[str, str]:
        """The trailers of a chunked body (RFC 9110 §6.5), by lower-case name; empty until the body is read.

        They are kept apart from the headers, because a client can send any name past a proxy.
        """
        return joined(self.scope.get(TRAILERS, ()))

    def header(self, name: bytes) -> str | None:
        """The header of that lower-case name, without decoding the others; repeated ones joined, as in `headers`."""
        values = [value for key, value in self.scope["headers"] if key == name]
        return (b"; " if name == b"cookie" else b", ").join(values).decode("latin-1") if values else None

    def active(self) -> bool:
        """Returns whether the client still waits: False after it left or was answered with a timeout."""
        return self.is_active

    def generate_response(self, source: Value = None) -> Response:
        """A response with that value, as `h.response`, for code without an `h`."""
        return Response(source)

    def set_method(self, method: str) -> None:
        """Changes the method before the route is looked up; for onRequest."""
        self.scope["method"] = method.upper()
        self.method = method.lower()

    def set_url(self, url: str) -> None:
        """Changes path and query before the route is looked up; for onRequest."""
        path, _, query_string = url.partition("?")
        dispatch = self.server.dispatch
        self.path = normalise(path, dispatch.strip_trailing_slash)
        parsed = query.parse(query_string)
        self.query = parsed if dispatch.query_parser is None else dispatch.query_parser(parsed)

    def set_cookie(self, name: str, value: Value, options: dict[str, Value]) -> None:
        """Sets a cookie on the response, whichever it will be."""
        if self.pending_cookies is None:
            self.pending_cookies = []
        self.pending_cookies.append((name, value, options))

    def log(self, tags: str | Sequence[str], data: Value = None) -> None:
        """Emits an event of the application to listeners of `request` and to the log, as `server.debug` selects.

        The log level is ERROR with the tag `error`, DEBUG with `debug`, else INFO. With `log.collect` it is kept in
        `logs`.
        """
        self._emit([tags] if isinstance(tags, str) else tags, data, "app", printed=True)

    def note(
        self, tags: Sequence[str], data: Value = None, *, channel: str = "internal", printed: bool = False
    ) -> None:
        """Emits an internal event; `printed` is whether the table asked for a log line."""
        self._emit(tags, data, channel, printed=printed)

    def _emit(self, tags: Sequence[str], data: Value, channel: str, *, printed: bool) -> None:
        event = Event(channel=channel, tags=tuple(tags), data=data, timestamp=time(), request=self.id)
        if self.route.settings.log.collect:
            self.logs.append(event)
        self.server.events.request(self, event, printed=printed)


_TAKEN = {*vars(Request), *("entity", "orig", "pending_cookies", "receive", "received", "route", "scope", "server")}


def decorated(decorations: Mapping[str, Callable[[Request], Any]]) -> type[Request]:
    """The request class of a table whose schemes or plugins decorate requests (hapi's server.decorate).

    Decorations are computed on first access. They need a subclass, because `__getattr__` would slow every attribute.
    """
    if not decorations:
        return Request
    return type("Request", (Request,), {name: _Lazy(make) for name, make in decorations.items()})


def is_free(name: str) -> bool:
    """Returns whether a decoration may have that name."""
    return name.isidentifier() and not name.startswith("_") and name not in _TAKEN

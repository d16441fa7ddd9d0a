"""What a lifecycle function sees of a request, whether it came by HTTP or as a Socket.IO event.

Attributes that not every request needs are made when they are first read.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from time import time
from typing import Any

from starlette.requests import Request as StarletteRequest

from hapiish.bridge import anywhere
from hapiish.http.content.compression import negotiate
from hapiish.http.exchange import log
from hapiish.http.exchange.events import Event
from hapiish.http.exchange.response import Response
from hapiish.http.routing.router import hostname, normalise
from hapiish.http.syntax import query
from hapiish.types import Message, Receive, Scope, Send

TRAILERS = "hapiish.trailers"
"""The key of a scope that has the fields after a chunked body, as pairs of bytes; the list fills while it is read."""


class Auth:
    """`request.auth`: what is known of the caller; `expires` is in seconds since the epoch."""

    __slots__ = (
        "artifacts",
        "credentials",
        "error",
        "expires",
        "is_authenticated",
        "is_authorized",
        "is_injected",
        "mode",
        "strategy",
    )

    def __init__(self, credentials: Any = None, artifacts: Any = None, strategy: str | None = None) -> None:
        self.credentials = credentials
        self.artifacts = artifacts
        self.strategy = strategy
        self.mode: str | None = None
        self.error: Exception | None = None
        self.expires = inf
        self.is_authenticated = False
        self.is_authorized = False
        self.is_injected = False

    def copy(self) -> "Auth":
        """The same caller for another request: a socket's events are judged one by one."""
        auth = Auth(self.credentials, self.artifacts, self.strategy)
        auth.is_authenticated = self.is_authenticated
        auth.is_injected = self.is_injected
        auth.expires = self.expires
        return auth


class Info:
    """`request.info`: facts of the connection. `received` and `responded` are seconds since the epoch."""

    __slots__ = ("_request", "received", "responded")

    def __init__(self, request: "Request") -> None:
        self._request = request
        self.received = request.received
        self.responded: float | None = None

    @property
    def id(self) -> str:
        return self._request.id

    @property
    def accept_encoding(self) -> str:
        """The content coding that the client likes best of those that the server offers; `identity` for none."""
        return negotiate(self._request.headers.get("accept-encoding", ""), self._request.server.encodings)

    @property
    def remote_address(self) -> str | None:
        client = self._request.scope.get("client")
        return client[0] if client else None

    @property
    def remote_port(self) -> int | None:
        client = self._request.scope.get("client")
        return client[1] if client else None

    @property
    def protocol(self) -> str:
        """`http` or `https`, as the client sees it when a trusted proxy says so."""
        return str(self._request.scope.get("scheme", "http"))

    @property
    def host(self) -> str:
        """The Host header as sent, port included: the one that virtual hosts are judged by."""
        return host_of(self._request.scope) or ""

    @property
    def hostname(self) -> str:
        return hostname(self.host)

    @property
    def referrer(self) -> str:
        return self._request.headers.get("referer", "")


class _Lazy:
    """An attribute that is made of the request when it is first read, and is an ordinary one from then on."""

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


def _dict(request: "Request") -> dict[str, Any]:
    return {}


def _headers(request: "Request") -> dict[str, str]:
    return joined(request.scope["headers"])


def host_of(scope: Scope) -> str | None:
    """The Host header, the first of them where a server lets several by."""
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), None)


def joined(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by name; those of several lines are one list (RFC 9110 §5.3)."""
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


def _state(request: "Request") -> dict[str, Any]:
    header = request.headers.get("cookie")
    return dict(request.server.cookies.parse(header)[0]) if header else {}


def _id(request: "Request") -> str:
    identify = request.server.identify
    return log.next_id() if identify is None else identify(request)


async def _no_receive() -> Any:
    raise RuntimeError("an event has no body to receive")


class Raw(StarletteRequest):
    """Starlette's own view of a request; in a `def` handler its body is read by a call, too."""

    body = anywhere(StarletteRequest.body)
    close = anywhere(StarletteRequest.close)
    form: Any = anywhere(StarletteRequest.form)  # type: ignore[arg-type]
    is_disconnected = anywhere(StarletteRequest.is_disconnected)
    json = anywhere(StarletteRequest.json)
    send_early_hints = anywhere(StarletteRequest.send_early_hints)
    send_push_promise = anywhere(StarletteRequest.send_push_promise)


class Sending:
    """ASGI's `send` in a handler's own hands; `status` is None until it has begun, `complete` is set at the end."""

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
        """Sends one ASGI message."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.body":
            self.size += len(message.get("body", b""))
            self.complete = not message.get("more_body", False)
        await self._send(message)


class Request:
    """One request or event; `method` is lower case, `"event"` for an event, whose data is the `payload`.

    `receive` is None for an event, and for a body that onRequest has dealt with.
    """

    scope: Scope
    receive: Receive | None
    app: dict[str, Any] = _lazy(_dict)
    auth: Auth = _lazy(lambda request: request.scope.get("hapiish.auth") or Auth())  # forged by a test's `inject`
    headers: dict[str, str] = _lazy(_headers)
    id: str = _lazy(_id)
    info: Info = _lazy(Info)
    listen: Receive | None = _lazy(_none)  # how to hear the client leave while its body is still being read
    method: str = _lazy(lambda request: request.scope["method"].lower())
    logs: list[Event] = _lazy(lambda request: [])  # what was told of the request, where `log.collect` is set
    mime: str | None = _lazy(_none)
    params: dict[str, Any] = _lazy(_dict)
    path: str = _lazy(lambda request: request.scope["path"])
    payload: Any = _lazy(_none)
    plugins: dict[str, Any] = _lazy(_dict)
    pre: dict[str, Any] = _lazy(_dict)
    pre_responses: dict[str, Response] = _lazy(_dict)
    query: dict[str, Any] = _lazy(lambda request: query.parse(request.scope["query_string"]))
    raw: StarletteRequest = _lazy(lambda request: Raw(request.scope, request.receive or _no_receive))
    response: Response | None = _lazy(_none)
    send: Sending = _lazy(Sending)  # for a handler that answers by itself and returns h.abandon
    session: Any = _lazy(_none)
    socket: Any = _lazy(_none)
    state: dict[str, Any] = _lazy(_state)
    uploads: Any = _lazy(_none)  # what is stored of the body, for the lifecycle to remove
    is_active = True
    pausing: Callable[[Receive], Receive] | None = None  # what limits make of the `receive` that brings the body

    def __init__(
        self, server: Any, scope: Scope, receive: Receive | None, route: Any, send: Send | None = None
    ) -> None:
        self.server = server
        self.scope = scope
        self.receive = receive
        self.transmit = send
        self.route = route
        self.received = time()
        self.orig: dict[str, Any] = {}
        self.pending_cookies: list[tuple[str, Any, Any]] | None = None
        self.entity: dict[str, Any] | None = None

    def is_set(self, name: str) -> bool:
        """Whether an attribute that is made when first read was made or set already."""
        return name in self.__dict__

    @property
    def models(self) -> Any:
        """The table's `models:` by name: `request.models.Message`."""
        return self.server.models

    @property
    def trailers(self) -> dict[str, str]:
        """The fields that came after a chunked body (RFC 9110 §6.5), known once it is read; names in lower case.

        Nothing else looks at them: a client can put any name there behind the back of a proxy.
        """
        return joined(self.scope.get(TRAILERS, ()))

    def header(self, name: bytes) -> str | None:
        """The header of that lower-case name, without decoding the others; several are one list, as in `headers`."""
        values = [value for key, value in self.scope["headers"] if key == name]
        return (b"; " if name == b"cookie" else b", ").join(values).decode("latin-1") if values else None

    def active(self) -> bool:
        """Whether somebody waits for the answer: not after the client has left or was told that it took too long."""
        return self.is_active

    def generate_response(self, source: Any = None) -> Response:
        """A response with that value, as `h.response`; for whoever has no `h`."""
        from hapiish.http.exchange.response import Response

        return Response(source)

    def set_method(self, method: str) -> None:
        """Changes the method before a route is looked up; for onRequest."""
        self.scope["method"] = method.upper()
        self.method = method.lower()

    def set_url(self, url: str) -> None:
        """Changes path and query before a route is looked up; for onRequest."""
        path, _, query_string = url.partition("?")
        dispatch = self.server.dispatch
        self.path = normalise(path, dispatch.strip)
        parsed = query.parse(query_string)
        self.query = parsed if dispatch.query_parser is None else dispatch.query_parser(parsed)

    def set_cookie(self, name: str, value: Any, options: dict[str, Any]) -> None:
        """Keeps a cookie for whatever response will be sent."""
        if self.pending_cookies is None:
            self.pending_cookies = []
        self.pending_cookies.append((name, value, options))

    def log(self, tags: str | Sequence[str], data: Any = None) -> None:
        """Tells an event of the application: to listeners of `request`, and to the log as `server.debug` has it.

        In the log an `error` tag has the level ERROR, `debug` DEBUG, others INFO. With `log.collect` it is in `logs`.
        """
        self._tell([tags] if isinstance(tags, str) else tags, data, "app", printed=True)

    def note(self, tags: Sequence[str], data: Any = None, *, channel: str = "internal", printed: bool = False) -> None:
        """Tells an event of the framework's own; `printed` where the table has asked for a line in the log."""
        self._tell(tags, data, channel, printed=printed)

    def _tell(self, tags: Sequence[str], data: Any, channel: str, *, printed: bool) -> None:
        event = Event(channel=channel, tags=tuple(tags), data=data, timestamp=time(), request=self.id)
        if self.route.settings.log.collect:
            self.logs.append(event)
        self.server.events.request(self, event, printed=printed)


_TAKEN = {*vars(Request), *("entity", "orig", "pending_cookies", "receive", "received", "route", "scope", "server")}


def decorated(decorations: Mapping[str, Callable[[Request], Any]]) -> type[Request]:
    """The requests of a table whose schemes or plugins add attributes to them (hapi's server.decorate).

    Each is made when it is first read. A class of its own, because a `__getattr__` would slow every attribute down.
    """
    if not decorations:
        return Request
    return type("Request", (Request,), {name: _Lazy(make) for name, make in decorations.items()})


def is_free(name: str) -> bool:
    """Whether requests may get an attribute of that name."""
    return name.isidentifier() and not name.startswith("_") and name not in _TAKEN

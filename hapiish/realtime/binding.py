"""Socket.IO namespaces and events bound onto the lifecycle of routes: what the transport calls, and what it acks.

A handler sees the same request as over HTTP: `method` is `"event"`, `payload` the event's data, `socket` the
connection. A returned object is the ack `{ok: true, …}`, a boom `{ok: false, error: {statusCode, error, message, …}}`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from math import inf
from time import time
from typing import Any, cast

from hapiish import boom
from hapiish.http.dispatch import Observer
from hapiish.http.exchange import log
from hapiish.http.exchange.error_body import error_response
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import Response
from hapiish.http.exchange.route import Route, Step, Steps
from hapiish.http.exchange.toolkit import CLOSE, LifecycleAborted, Toolkit
from hapiish.http.lifecycle import awaited, failed, finish, perform, post_response
from hapiish.http.validation.validator import Validator, faults_as_sent
from hapiish.realtime.socketio.attachments import replace_attachments, restore_attachments
from hapiish.realtime.socketio.events import AckArguments, Acknowledgement
from hapiish.types import AsyncHandler

Ack = dict[str, Any]
JudgeAnswer = Callable[[Request, Response], Awaitable[Response | None]]


class NamespaceConnection:
    """Judges the handshake of a namespace and says hello and goodbye.

    Credentials come as with any request; `auth.token` of the handshake stands in the headers that the strategies look
    at: `token_headers` are their names and what precedes the token there. The functions of `on_connect` are called in
    order, until one refuses; those of `on_disconnect` all.
    """

    __slots__ = (
        "access",
        "authenticate",
        "on_connect",
        "on_disconnect",
        "route",
        "server",
        "token_headers",
        "validations",
    )

    def __init__(
        self,
        server: Any,
        *,
        route: Route,
        authenticate: Any = None,
        access: Steps = (),
        validations: Steps = (),
        token_headers: Sequence[tuple[bytes, bytes]] = ((b"authorization", b"Bearer "),),
        on_connect: Sequence[AsyncHandler] = (),
        on_disconnect: Sequence[AsyncHandler] = (),
    ) -> None:
        self.server = server
        self.route = route
        self.authenticate = authenticate
        self.access = access
        self.validations = validations
        self.token_headers = dict(token_headers)
        self.on_connect = tuple(on_connect)
        self.on_disconnect = tuple(on_disconnect)

    async def connect(self, socket: Any, auth: Any) -> None:
        """Raises the boom that refuses the connection."""
        request = self._request(socket, "connect")
        try:
            await self._connect(request, socket, auth)
        except boom.Boom as error:
            self._told(request, error.status)
            raise
        self._told(request, 200)

    async def _connect(self, request: Request, socket: Any, auth: Any) -> None:
        try:
            await self._judge(request, socket, auth)
            await _walk(self.validations, request)
            socket.auth, socket.params = request.auth, request.params
            for function in self.on_connect:
                await awaited(await function(request, Toolkit(request)))
            self._expire(socket)
        except Exception as error:  # noqa: BLE001 - whatever it is refuses the connection
            refusal = _shaped(failed(request, error))
            raise refusal from None

    def shape(self, socket: Any, error: boom.Boom) -> None:
        """Gives a refusal that nobody here has made the form that errors have."""
        _shaped(error_response(self._request(socket, "connect"), error))

    async def judge(self, socket: Any) -> None:
        """Judges a connected client once more, by its handshake. Raises the boom that it has to leave for."""
        request = self._request(socket, "connect")
        try:
            await self._judge(request, socket, socket.handshake)
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody stays by it
            refusal = failed(request, error).error
            assert refusal is not None
            raise refusal from None
        if socket.left:  # meanwhile: nothing is to be ended any more
            return
        if socket.expiry is not None:
            socket.expiry.cancel()
        socket.auth = request.auth
        self._expire(socket)

    async def _judge(self, request: Request, socket: Any, auth: Any) -> None:
        request.payload = auth
        token = auth.get("token") if isinstance(auth, dict) else None
        if isinstance(token, str):
            request.scope = {**socket.scope, "headers": self._with_token(socket.scope["headers"], token)}
        if self.authenticate is not None:
            if await self.authenticate(request) is not None:
                # A login page or the like, which a handshake cannot show: it is no verdict, so nobody gets in.
                raise boom.Unauthorized("Authentication needs more than a handshake", code="unauthorized")
            for step, _ in self.access:
                step(request)

    def _with_token(self, headers: list[tuple[bytes, bytes]], token: str) -> list[tuple[bytes, bytes]]:
        given = token.encode("latin-1", "replace")
        others = [pair for pair in headers if pair[0] not in self.token_headers]
        return [*others, *((name, before + given) for name, before in self.token_headers.items())]

    def _expire(self, socket: Any) -> None:
        """Ends the connection when its credentials end; the client comes back with new ones."""
        if socket.auth.expires < inf:
            loop = asyncio.get_running_loop()
            socket.expiry = loop.call_later(max(0, socket.auth.expires - time()), _end, socket)

    async def disconnect(self, socket: Any, reason: str) -> None:
        """Tells the application; nobody is left to hear an error, so it is only logged."""
        if socket.expiry is not None:
            socket.expiry.cancel()
        request = self._request(socket, "disconnect")
        request.payload = {"reason": reason}
        request.auth = socket.auth.copy()
        for function in self.on_disconnect:
            try:
                await awaited(await function(request, Toolkit(request)))
            except Exception as error:  # noqa: BLE001 - nobody is left to hear it
                log.crashed(request.id, "onDisconnect", error)
        self._told(request, reason)

    def _told(self, request: Request, outcome: int | str) -> None:
        if self.server.logs_access:
            log.log_connection(request, outcome)

    def _request(self, socket: Any, method: str) -> Request:
        request: Request = self.server.requests(self.server, socket.scope, None, self.route)
        request.method = method
        request.path = self.route.path
        request.params = dict(socket.params)
        request.socket = socket
        return request


async def _walk(steps: Steps, request: Request) -> Response | None:
    for step, awaits in steps:
        taken = step(request)
        if taken is not None and awaits:
            taken = await taken
        if taken is not None:
            return cast(Response, taken)
    return None


def with_attachments(steps: Steps) -> Step:
    """One step for those that judge a payload by a schema, which sees attachments as objects."""

    async def judge(request: Request) -> Response | None:
        attachments: list[bytes] = []
        request.payload = replace_attachments(request.payload, attachments)
        try:
            return await _walk(steps, request)
        finally:
            request.payload = restore_attachments(request.payload, attachments)

    return judge


def _shaped(response: Response) -> boom.Boom:
    """The error of a response, which knows what is sent in its place."""
    error = response.error
    assert error is not None
    error.formatted_body = response.source if response.has_custom_body else None
    return error


def answering_with_attachments(judge: JudgeAnswer) -> JudgeAnswer:
    """The judge of an event's answers by a schema that sees attachments as objects."""

    async def judged(request: Request, response: Response) -> Response | None:
        attachments: list[bytes] = []
        answer = response.source
        try:
            response.source = shown = replace_attachments(answer, attachments)
        except boom.BadRequest as error:
            raise ValueError(f"the answer of event {request.route.path}: {error}") from None
        try:
            return await judge(request, response)
        finally:
            response.source = answer if response.source is shown else restore_attachments(response.source, attachments)

    return judged


_ending: set[asyncio.Task[None]] = set()
"""Tasks that nobody awaits, kept from being collected before they are done."""


def _end(socket: Any) -> None:
    task = asyncio.create_task(socket.disconnect("credentials expired"))
    _ending.add(task)
    task.add_done_callback(_ending.discard)


class EventRoute:
    """One declared event: its compiled route and the way from a socket's data to an ack, `raw` without envelope.

    Undeclared events are answered by one whose route has the server's defaults, as over HTTP.
    """

    __slots__ = ("acknowledgement", "root", "route", "server")

    def __init__(
        self, server: Any, route: Route, *, raw: bool = False, constant: Mapping[str, Any] | None = None
    ) -> None:
        self.server = server
        self.root = getattr(server, "root", server)
        self.route = route
        self.acknowledgement = raw_acknowledgement if raw else with_fields(constant) if constant else acknowledgement

    def acknowledge(self, socket: Any, data: Any) -> Awaitable[Any]:
        """Runs the event; every outcome is an ack. onPostResponse comes after it has left."""
        return self.acknowledge_any(socket, self.route.path, data)

    async def acknowledge_any(self, socket: Any, event: str, data: Any) -> Any:
        """Runs the event under the name that the client gave it."""
        route = self.route
        request = self._request(socket, event, data)
        if request.auth.expires <= request.received:
            response = error_response(request, boom.Unauthorized("Credentials expired", code="token_expired"))
            return self._answer(request, response)
        try:
            response = await perform(route, request)
        except LifecycleAborted as aborted:
            if aborted.signal is CLOSE:
                await socket.disconnect()
                response = Response()
            else:
                response = failed(request, boom.InternalServerError("h.abandon: an event is always acknowledged"))
        return self._answer(request, response)

    async def unknown(self, socket: Any, event: str, data: Any) -> Any:
        """Answers an event that the namespace does not have."""
        return await self.refused(socket, event, data, boom.NotFound("Unknown event", code="unknown_event"))

    async def refused(self, socket: Any, event: str, data: Any, error: boom.Boom) -> Any:
        """Answers an event that is refused before it is looked at."""
        route = self.route
        request = self._request(socket, event, data)
        response = error_response(request, error)
        if route.on_pre_response:
            response = await finish(route, request, response)
        return self._answer(request, response)

    def _request(self, socket: Any, event: str, data: Any) -> Request:
        request: Request = self.server.requests(self.server, socket.scope, None, self.route)
        request.method = "event"
        request.path = event
        request.payload = data
        request.socket = socket
        if socket.params:
            request.params = dict(socket.params)
        request.auth = socket.auth.copy()
        return request

    def _answer(self, request: Request, response: Response) -> Any:
        observers = self.root.event_observers
        if not observers and not self.route.on_post_response:
            return self.acknowledgement(response)
        return ObservedAck(request, response, observers, self.acknowledgement)


class ObservedAck(Acknowledgement):
    """The ack of a request, told to the log and to who listens once it has left; then comes onPostResponse."""

    __slots__ = ("acknowledgement", "observers", "request", "response")

    def __init__(
        self,
        request: Request,
        response: Response,
        observers: Sequence[Observer],
        acknowledgement: Callable[[Response], Any],
    ) -> None:
        self.ack = acknowledgement(response)
        self.acknowledgement = acknowledgement
        self.request = request
        self.response = response
        self.observers = observers

    def unsendable(self, error: Exception) -> Any:
        self.response = failed(self.request, error)
        return self.acknowledgement(self.response)

    def left(self, size: int) -> Awaitable[None] | None:
        request, response = self.request, self.response
        for observe in self.observers:
            observe(request, response, response.status_code, size)
        route: Route = request.route
        return post_response(route, request, response) if route.on_post_response else None


def acknowledgement(response: Response) -> Ack:
    """The ack of a finished response."""
    source = response.source
    if response.error is not None or response.status_code >= 400:
        return {"ok": False, "error": _error(response)}
    if isinstance(source, dict):
        return {"ok": True, **source}
    return {"ok": True} if source is None else {"ok": True, "data": source}


def with_fields(constant: Mapping[str, Any]) -> Callable[[Response], Ack]:
    """Returns an `acknowledgement` with constant fields; those of the handler override them."""
    return lambda response: {**constant, **acknowledgement(response)}


def raw_acknowledgement(response: Response) -> Any:
    """The ack of a finished response without envelope: a tuple is several arguments, None none, an error itself."""
    if response.error is not None or response.status_code >= 400:
        return _error(response)
    source = response.source
    return AckArguments(source if isinstance(source, tuple) else () if source is None else (source,))


def _error(response: Response) -> Any:
    source = response.source
    if response.has_custom_body and not isinstance(source, dict):
        return source
    error = dict(source) if isinstance(source, dict) else {"statusCode": response.status_code, "message": source}
    wait = response.headers.get("retry-after")
    if isinstance(wait, str) and wait.isdigit():
        error["retryAfter"] = int(wait)
    return error


class Emits:
    """What the server may send in a namespace; anything else is our own mistake and raises."""

    __slots__ = ("_attaching", "_validators")

    def __init__(self, validators: Mapping[str, Validator | None], attaching: frozenset[str] = frozenset()) -> None:
        self._validators = dict(validators)
        self._attaching = attaching  # whose schemas speak of attachments

    def check(self, event: str, data: Any) -> None:
        """Raises ValueError for an event or payload that `emits` does not declare."""
        try:
            validator = self._validators[event]
        except KeyError:
            known = ", ".join(sorted(self._validators)) or "none"
            raise ValueError(f'the table does not declare the emit "{event}" (declared: {known})') from None
        if validator is None:
            return
        shown = replace_attachments(data, []) if event in self._attaching else data
        if faults := faults_as_sent(validator, shown):
            raise ValueError(f'the payload of the emit "{event}" breaks its schema: {faults}')

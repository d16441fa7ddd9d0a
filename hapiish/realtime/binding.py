"""Binds Socket.IO namespaces and events to the lifecycle of requests: implements the hooks of a namespace.

A handler gets the same request as over HTTP: `method` is `"event"`, `payload` the event's data, `socket` the
connection. A returned object is acknowledged as `{ok: true, …}`, a boom as
`{ok: false, error: {statusCode, error, message, …}}`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from hapiish import boom
from hapiish.http.exchange import log
from hapiish.http.exchange.error_body import error_response
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import Response
from hapiish.http.exchange.route import Route, Step, Steps
from hapiish.http.exchange.server import HttpServer
from hapiish.http.exchange.toolkit import CLOSE, LifecycleAborted, Toolkit
from hapiish.http.lifecycle import awaited, failed, finish, perform
from hapiish.http.validation.validator import Validator, faults_as_sent
from hapiish.realtime.acknowledgement import ObservedAck, acknowledgement, raw_acknowledgement, with_fields
from hapiish.realtime.socketio.attachments import replace_attachments, restore_attachments
from hapiish.realtime.socketio.events import UndeclaredEmitError
from hapiish.realtime.socketio.expiry import schedule
from hapiish.types import AsyncHandler, Value

if TYPE_CHECKING:  # a table without sockets does not load python-socketio
    from hapiish.realtime.socketio.socket import Socket

CheckResponse = Callable[[Request, Response], Awaitable[Response | None]]
Accept = Callable[[Value], bool]


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class NamespaceConnection:
    """Authenticates and authorizes the handshake of a namespace; calls the functions of connect and disconnect.

    Credentials are those of any request. `auth.token` of the handshake is copied to the headers that the strategies
    read: `token_headers` are their names and the prefix of the token. The functions of `on_connect` are called in order
    until one raises, those of `on_disconnect` all. `user_of` returns the user that a connected socket makes present.
    """

    server: HttpServer
    route: Route
    authenticate: Callable[[Request], Awaitable[Response | None]] | None
    access: Steps
    validations: Steps
    token_headers: Mapping[bytes, bytes]
    on_connect: Sequence[AsyncHandler]
    on_disconnect: Sequence[AsyncHandler]
    user_of: Callable[[Request], str | None] | None = None

    async def connect(self, socket: "Socket", auth: Value) -> None:
        """Accepts a connection, or raises the boom that refuses it."""
        request = self._request(socket, "connect")
        try:
            await self._connect(request, socket, auth)
        except boom.Boom as error:
            self._log(request, error.status)
            raise
        self._log(request, 200)

    async def _connect(self, request: Request, socket: "Socket", auth: Value) -> None:
        try:
            await self._authorize(request, socket, auth)
            await _run(self.validations, request)
            socket.auth, socket.params = request.auth, request.params
            for function in self.on_connect:
                await awaited(await function(request, Toolkit(request)))
            schedule(socket, socket.auth.expires)
            self._arrive(request, socket)
        except Exception as error:  # noqa: BLE001 - any error refuses the connection
            refusal = _formatted(failed(request, error))
            raise refusal from None

    def _arrive(self, request: Request, socket: "Socket") -> None:
        """Makes the user of the socket present until the socket leaves."""
        if self.user_of is None:
            return
        # None after a reload that has added presence, which takes effect at the next start.
        presence = self.server.realtime.presence
        user = self.user_of(request)
        if presence is not None and user:
            socket.on_leave = presence.depart
            presence.arrive(socket.id, user)

    def shape(self, socket: "Socket", error: boom.Boom) -> None:
        """Formats a refusal of Socket.IO itself as the application formats errors."""
        _formatted(error_response(self._request(socket, "connect"), error))

    async def judge(self, socket: "Socket") -> None:
        """Authorizes and validates a connected client again, by its handshake. Raises the boom that disconnects it."""
        await self._replace(socket, socket.handshake, None)

    async def renew(self, socket: "Socket", auth: Value, accept: Accept | None) -> None:
        """Replaces the credentials of a connected client by those of another `auth`. Raises the boom that refuses it.

        `accept` returns False for credentials that are valid but not for this client.
        """
        try:
            await self._replace(socket, auth, accept)
        except boom.Boom as error:
            raise _formatted(error_response(self._request(socket, "connect"), error)) from None
        socket.handshake = auth

    async def _replace(self, socket: "Socket", auth: Value, accept: Accept | None) -> None:
        request = self._request(socket, "connect")
        try:
            request.params = dict(socket.asked)
            await self._authorize(request, socket, auth)
            if accept is not None and not accept(request.auth.credentials):
                raise boom.Forbidden("These credentials are not those of this client", code="forbidden")
            await _run(self.validations, request)
        except Exception as error:  # noqa: BLE001 - any error refuses the credentials
            refusal = failed(request, error).error
            assert refusal is not None
            raise refusal from None
        if not socket.left:  # it has left meanwhile, and a timer would remain
            socket.auth, socket.params = request.auth, request.params
            schedule(socket, socket.auth.expires)

    async def _authorize(self, request: Request, socket: "Socket", auth: Value) -> None:
        request.payload = auth
        token = auth.get("token") if isinstance(auth, dict) else None
        if isinstance(token, str):
            request.scope = {**socket.scope, "headers": self._with_token(socket.scope["headers"], token)}
        if self.authenticate is not None:
            if await self.authenticate(request) is not None:
                # A response such as a redirect to a login page proves no identity, and a handshake cannot show it.
                raise boom.Unauthorized("Authentication needs more than a handshake", code="unauthorized")
            for step, _ in self.access:
                step(request)

    def _with_token(self, headers: list[tuple[bytes, bytes]], token: str) -> list[tuple[bytes, bytes]]:
        value = token.encode("latin-1", "replace")
        others = [pair for pair in headers if pair[0] not in self.token_headers]
        return [*others, *((name, prefix + value) for name, prefix in self.token_headers.items())]

    async def disconnect(self, socket: "Socket", reason: str) -> None:
        """Calls the functions of `on_disconnect`; logs their errors, because the client is disconnected."""
        if socket.expiry is not None:
            socket.expiry.cancel()
        request = self._request(socket, "disconnect")
        request.payload = {"reason": reason}
        request.auth = socket.auth.copy()
        for function in self.on_disconnect:
            try:
                await awaited(await function(request, Toolkit(request)))
            except Exception as error:  # noqa: BLE001 - the client is disconnected
                log.crashed(request.id, "onDisconnect", error)
        self._log(request, reason)

    def _log(self, request: Request, outcome: int | str) -> None:
        if self.server.logs_access:
            log.log_connection(request, outcome)

    def _request(self, socket: "Socket", method: str) -> Request:
        request: Request = self.server.requests(self.server, socket.scope, None, self.route)
        request.method = method
        request.path = self.route.path
        request.params = dict(socket.params)
        request.socket = socket
        return request


async def _run(steps: Steps, request: Request) -> Response | None:
    for step, awaits in steps:
        taken = step(request)
        if taken is not None and awaits:
            taken = await taken
        if taken is not None:
            return cast(Response, taken)
    return None


def with_attachments(steps: Steps) -> Step:
    """Returns one step for steps that validate a payload by a schema, with objects in place of attachments."""

    async def validate(request: Request) -> Response | None:
        attachments: list[bytes] = []
        request.payload = replace_attachments(request.payload, attachments)
        try:
            return await _run(steps, request)
        finally:
            request.payload = restore_attachments(request.payload, attachments)

    return validate


def _formatted(response: Response) -> boom.Boom:
    """Returns the error of a response, with the body that is sent for it."""
    error = response.error
    assert error is not None
    error.formatted_body = response.source if response.has_custom_body else None
    return error


def response_check_with_attachments(validate: CheckResponse) -> CheckResponse:
    """Returns a check of an event's acknowledgement by a schema, with objects in place of attachments."""

    async def check(request: Request, response: Response) -> Response | None:
        attachments: list[bytes] = []
        answer = response.source
        try:
            response.source = replaced = replace_attachments(answer, attachments)
        except boom.BadRequest as error:
            raise ValueError(f"the answer of event {request.route.path}: {error}") from None
        try:
            return await validate(request, response)
        finally:
            response.source = (
                answer if response.source is replaced else restore_attachments(response.source, attachments)
            )

    return check


class EventRoute:
    """One declared event: runs its compiled route and acknowledges the response, with `raw` without envelope.

    An event route with the server's defaults answers undeclared events, as over HTTP.
    """

    __slots__ = ("acknowledgement", "root", "route", "server")

    def __init__(
        self, server: HttpServer, route: Route, *, raw: bool = False, constant: Mapping[str, Value] | None = None
    ) -> None:
        self.server = server
        self.root = getattr(server, "root", server)
        self.route = route
        self.acknowledgement = raw_acknowledgement if raw else with_fields(constant) if constant else acknowledgement

    def acknowledge(self, socket: "Socket", data: Value) -> Awaitable[Value]:
        """Runs the event; acknowledges every result and error. onPostResponse runs after the acknowledgement."""
        return self.acknowledge_any(socket, self.route.path, data)

    async def acknowledge_any(self, socket: "Socket", event: str, data: Value) -> Value:
        """Runs the event under the client's name of it."""
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

    async def unknown(self, socket: "Socket", event: str, data: Value) -> Value:
        """Refuses an undeclared event."""
        return await self.refused(socket, event, data, boom.NotFound("Unknown event", code="unknown_event"))

    async def refused(self, socket: "Socket", event: str, data: Value, error: boom.Boom) -> Value:
        """Refuses an event before its route runs."""
        route = self.route
        request = self._request(socket, event, data)
        response = error_response(request, error)
        if route.on_pre_response:
            response = await finish(route, request, response)
        return self._answer(request, response)

    def _request(self, socket: "Socket", event: str, data: Value) -> Request:
        request: Request = self.server.requests(self.server, socket.scope, None, self.route)
        request.method = "event"
        request.path = event
        request.payload = data
        request.socket = socket
        if socket.params:
            request.params = dict(socket.params)
        request.auth = socket.auth.copy()
        return request

    def _answer(self, request: Request, response: Response) -> Value:
        observers = self.root.event_observers
        if not observers and not self.route.on_post_response:
            return self.acknowledgement(response)
        return ObservedAck(self.route, request, response, observers, self.acknowledgement)


class Emits:
    """The declared emits of a namespace."""

    __slots__ = ("_attaching", "_validators")

    def __init__(self, validators: Mapping[str, Validator | None], attaching: frozenset[str] = frozenset()) -> None:
        self._validators = dict(validators)
        self._attaching = attaching  # emits whose schemas allow attachments

    def check(self, event: str, data: Value) -> None:
        """Raises ValueError for an undeclared emit, or a payload that violates its schema."""
        try:
            validator = self._validators[event]
        except KeyError:
            known = ", ".join(sorted(self._validators)) or "none"
            raise UndeclaredEmitError(f'the table does not declare the emit "{event}" (declared: {known})') from None
        if validator is None:
            return
        replaced = replace_attachments(data, []) if event in self._attaching else data
        if faults := faults_as_sent(validator, replaced):
            raise ValueError(f'the payload of the emit "{event}" breaks its schema: {faults}')

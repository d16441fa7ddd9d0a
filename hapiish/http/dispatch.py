"""The ASGI entry of a compiled table: finds the route, runs its lifecycle and sends the response.

Holds no state of a request; a reload builds a new one.
"""

from asyncio import CancelledError
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import quote

from hapiish import boom, codec
from hapiish.http.content.stream import Body, BrokenOff, Disconnected, close, hang_up, is_gone, transmit
from hapiish.http.exchange import log
from hapiish.http.exchange.error_body import error_response
from hapiish.http.exchange.request import Request, host_of, joined
from hapiish.http.exchange.response import Response, from_error
from hapiish.http.exchange.route import Route, Steps
from hapiish.http.exchange.server import HttpServer
from hapiish.http.exchange.toolkit import CLOSE, LifecycleAborted
from hapiish.http.lifecycle import failed, finish, perform, post_response
from hapiish.http.render import Rendered
from hapiish.http.routing.router import Match, Router, normalise
from hapiish.http.syntax.header import Pair
from hapiish.http.syntax.query import Parser
from hapiish.types import Receive, Scope, Send, Value

PATH_SAFE = "/%:@!$&'()*+,;=~"
"""Characters that stay unencoded in a path; percent codes are kept."""

Lookup = tuple[Route, dict[str, Value], Response | None]
Observer = Callable[[Request, Response, int, int], None]
"""Called as `(request, response, status, size)`; `size` is the length of the body in bytes."""

Streamed = tuple[int, list[Pair], Body]


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class Dispatcher:
    """`routes` are keyed by id; `not_found_route` answers requests that match none, with the server's defaults (hapi).

    `preflight_route` is the same without CORS headers: a preflight gets those of the route it asks about.
    """

    server: HttpServer
    router: Router[Route]
    routes: Mapping[str, Route]
    not_found_route: Route
    preflight_route: Route
    on_request: Steps
    query_parser: Parser | None
    strip_trailing_slash: bool
    vhosts: bool
    any_cors: bool
    method_not_allowed: bool
    access_log: bool
    counts_ids: bool
    requests: type[Request] = Request
    observers: tuple[Observer, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.observe(None)

    def observe(self, observer: Observer | None) -> None:
        """Calls `observer` after every response, besides the access log; None removes it."""
        logged: tuple[Observer, ...] = (log.log_request,) if self.access_log else ()
        self.observers = logged if observer is None else (*logged, observer)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = self.requests(self.server, scope, receive, self.not_found_route, send)
        if self.counts_ids:
            request.id = log.next_id()
        route, response = self.not_found_route, None
        try:
            try:
                request.path = self._path(scope)
                if self.on_request:
                    response = await self._run_on_request(request)
                if response is None:
                    route, request.params, response = self.find(scope, request.path)
                    request.route = route
            except Exception as error:  # noqa: BLE001 - every outcome is a response
                response = self._server_options(scope) or failed(request, error)
            if response is None:
                response = await perform(route, request)
            else:
                response = await _finish_unrouted(route, request, response)
            try:
                status, headers, body = route.responder.render(request, response)
            except Exception as error:  # noqa: BLE001 - every outcome is a response
                response, (status, headers, body) = await _render_after_error(route, request, response, error)
            if not isinstance(body, bytes):
                await self._stream(route, request, response, (status, headers, body), request.listen or receive)
                return
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        except (CancelledError, LifecycleAborted) as ended:
            await self._end_unanswered(route, request, ended)
            return
        for observe in self.observers:
            observe(request, response, status, len(body))
        if route.on_post_response:
            await post_response(route, request, response)

    async def _stream(
        self, route: Route, request: Request, response: Response, rendered: Streamed, receive: Receive
    ) -> None:
        """Sends a body piece by piece. Raises BrokenOff if the body fails, so that the server disconnects."""
        status, headers, body = rendered
        broken = None
        try:
            await transmit(status, headers, body, receive, request.send)
        except Disconnected:
            status = _note_disconnect(request, "response")
        except CancelledError as error:
            if not is_gone(error):
                raise
            status = _note_disconnect(request, "response")
        except Exception as error:  # noqa: BLE001 - the head is sent already
            name = f"{request.method} {request.route.path}"
            log.crashed(request.id, name, error)
            broken = BrokenOff(f"the response to {name} broke off (request {request.id})")
        await self._responded(route, request, response, status, request.send.size)
        if broken is not None:
            raise broken

    async def _end_unanswered(self, route: Route, request: Request, ended: BaseException) -> None:
        """Ends a request without a response: the client has left, or a function returned h.abandon or h.close.

        Re-raises any other cancellation. Raises BrokenOff where only that closes the connection.
        """
        if isinstance(ended, LifecycleAborted):
            sending, status = request.send, request.send.status
            if ended.signal is CLOSE and status is not None and not sending.complete:
                await sending({"type": "http.response.body", "body": b""})
            hang = ended.signal is CLOSE and status is None
            left = Response()
            left.status_code = status or 0  # the status that stands for no response
            await self._responded(route, request, left, status or 0, sending.size)
            if hang and not hang_up(request.receive):
                raise BrokenOff(f"{request.method} {request.route.path} closes the connection (request {request.id})")
        elif is_gone(ended):
            status = _note_disconnect(request, "request")
            await self._responded(route, request, Response().code(status), status, 0)
        else:
            raise ended

    async def _responded(self, route: Route, request: Request, response: Response, status: int, size: int) -> None:
        """Calls the observers and onPostResponse after a response that was streamed or aborted."""
        for observe in self.observers:
            observe(request, response, status, size)
        if route.on_post_response:
            await post_response(route, request, response)

    def answers(self, scope: Scope) -> bool:
        """Returns whether the table has a route for this path, with any method."""
        host = host_of(scope) if self.vhosts else None
        try:
            path = self._path(scope)
            return self.router.find(scope["method"], path, host) is not None or bool(self.router.allowed(path, host))
        except boom.BadRequest:
            return True

    def path_as_sent(self, request: Request) -> str:
        """The request's path for an upstream server: the client's percent codes are kept, dot segments are removed.

        A path that onRequest has set overrides the one that the client sent.
        """
        if request.path != self._path(request.scope):
            return quote(request.path, safe=PATH_SAFE)
        return self._path(request.scope, faithful=True)

    def _path(self, scope: Scope, *, faithful: bool = False) -> str:
        path = normalise(scope.get("raw_path") or scope["path"], self.strip_trailing_slash, faithful=faithful)
        if scope.get("root_path"):
            root = _mount_path(scope["root_path"])
            if path == root or path.startswith(f"{root}/"):
                path = path[len(root) :] or "/"
        return path

    async def _run_on_request(self, request: Request) -> Response | None:
        """Runs onRequest, which may respond or change the method, path or payload before the route is looked up."""
        for step, awaits in self.on_request:
            taken = (await step(request)) if awaits else step(request)
            if taken is not None:
                return taken  # type: ignore[no-any-return]
        if request.is_set("payload"):
            request.receive = None  # as in hapi, the payload that onRequest has set is final
        return None

    def find(self, scope: Scope, path: str) -> Lookup:
        """The route for a method and a normalised path with its parameters, or `not_found_route` with a response."""
        method = scope["method"]
        host = host_of(scope) if self.vhosts else None
        match = self.router.find(method, path, host)
        if method == "OPTIONS" and (match is None or match[0].method == "*"):
            return self._options(scope, path, host, match)
        if match is not None:
            return match[0], match[1] or {}, None
        return self._refuse(path, host)

    def _refuse(self, path: str, host: str | None) -> Lookup:
        """Responds 405 where the path exists with other methods, else 404."""
        allow = self.router.allowed(path, host) if self.method_not_allowed else ()
        return self.not_found_route, {}, from_error(boom.MethodNotAllowed(allow=allow) if allow else boom.NotFound())

    def _server_options(self, scope: Scope) -> Response | None:
        """The response to `OPTIONS *`, which asks about the server as a whole (RFC 9110 §9.3.7)."""
        if scope["method"] != "OPTIONS" or (scope.get("raw_path") or scope["path"]) not in (b"*", "*"):
            return None
        return Response().header("allow", ", ".join(self.router.methods())).code(204)

    def _options(self, scope: Scope, path: str, host: str | None, match: Match[Route] | None) -> Lookup:
        """Answers OPTIONS where no route declares it: as a preflight, by a `*` route, else with the allowed methods."""
        headers = joined(scope["headers"])
        requested, origin = headers.get("access-control-request-method"), headers.get("origin")
        if self.any_cors and requested is not None and origin is not None:
            target = self.router.find(requested, path, host)
            if target is not None:
                return self.preflight_route, {}, _preflight(target[0], origin, requested, headers)
            return self._refuse(path, host)
        if match is not None:
            return match[0], match[1] or {}, None
        if self.method_not_allowed and (allow := self.router.allowed(path, host)):
            return self.not_found_route, {}, Response().header("allow", ", ".join(allow)).code(204)
        return self.not_found_route, {}, from_error(boom.NotFound())


async def _finish_unrouted(route: Route, request: Request, response: Response) -> Response:
    """Finishes a response that no handler made: applies `response.errors`, onPreResponse and the finalizers."""
    if response.error is not None and route.errors is not None and not response.has_custom_body:
        response = error_response(request, response.error)
    return await finish(route, request, response) if route.on_pre_response or route.finalizers else response


async def _render_after_error(
    route: Route, request: Request, response: Response, error: Exception
) -> tuple[Response, Rendered]:
    """Renders again after `error`: with documents evaluated in the thread pool, else as a 500."""
    render = route.responder.render
    if isinstance(error, codec.UnevaluatedError):
        try:
            response.source = await request.server.pool.call(codec.to_json_types, response.source)
            return response, render(request, response)
        except Exception as another:  # noqa: BLE001 - every outcome is a response
            error = another
    await close(response.source)
    request.entity = None  # the values given to h.entity may be the cause
    response = failed(request, error)
    return response, render(request, response)


def _note_disconnect(request: Request, of: str) -> int:
    """Marks the request as disconnected and returns the status that logs show for it."""
    request.is_active = False
    request.note([of, "error", "close"])
    return request.route.settings.response.disconnect_status_code


@lru_cache(maxsize=64)
def _mount_path(root_path: str) -> str:
    """The path of the mount, encoded as requests have it; ASGI passes it decoded."""
    return normalise(quote(root_path).rstrip("/") or "/").rstrip("/")


def _preflight(route: Route, origin: str, method: str, headers: Mapping[str, str]) -> Response:
    cors = route.responder.cors
    if cors is None:
        return Response({"message": "CORS is disabled for this route"})
    status, cors_headers, body = cors.preflight(origin, method, headers.get("access-control-request-headers"))
    response = Response(body).code(status)
    response.headers.update(cors_headers)
    return response

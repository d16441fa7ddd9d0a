"""`handler: {proxy: {host: …}}`: proxies a route to another server, with bodies streamed both ways (h2o2's keys).

The table, or its `mapUri` function, determines the target. A client controls only the path below it.
"""

import re
from collections.abc import Mapping
from time import perf_counter
from typing import cast
from urllib.parse import quote, unquote

from hapiish import boom
from hapiish.codec import encode
from hapiish.grammar.path import Param, Wildcard, parse
from hapiish.http.body.reader import RequestAborted
from hapiish.http.content import stream
from hapiish.http.content.stream import DisconnectWatch
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import Response
from hapiish.http.exchange.server import HttpServer
from hapiish.http.exchange.toolkit import Toolkit
from hapiish.kinds.route import KindRoute
from hapiish.kinds.upstream import Upstream, UpstreamPool, end_to_end, request_for
from hapiish.options import ProxyHandler
from hapiish.types import AsyncHandler, Value

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=\"?([0-9]{1,10})")
_SEGMENT_SAFE = ":@!$&'()*+,;=~"
_UNMODIFIED = ("content-type", "content-encoding", "content-length")


def proxy_kind(server: HttpServer, route: KindRoute, options: ProxyHandler) -> "Proxy":
    """Returns the handler of a proxied route. Routes with equal settings share connections, which survive a reload."""
    pool = server.keep(UpstreamPool, options.reject_unauthorized, options.max_sockets or None, options.redirects or 0)
    return Proxy(server, pool, options, route.path)


class Proxy:
    """The handler of one proxied route. `options` has h2o2's keys in snake_case, with names resolved to functions."""

    def __init__(self, server: HttpServer, pool: UpstreamPool, options: ProxyHandler, path: str) -> None:
        self.server = server
        self.pool = pool
        self.options = options
        functions = (options.map_uri, options.on_request, options.on_response)
        self.map_uri, self.on_request, self.on_response = cast("tuple[AsyncHandler | None, ...]", functions)
        self.seconds = options.timeout / 1000 if options.timeout else None
        self.spans = _spans(path)

    async def __call__(self, request: Request, h: Toolkit) -> Value:
        """Answers one request with the upstream's response."""
        options, on_response = self.options, self.on_response
        uri, headers = await self._target(request)
        content = _content(request)
        outgoing = request_for(request.method, uri, {**self._headers(request, content), **headers}, content)
        if self.on_request is not None:
            await self.on_request(outgoing)
        begun = perf_counter()
        try:
            # Only the server of `hapiish run` cancels a request whose client disconnects.
            async with DisconnectWatch(request.listen or request.receive):
                response = await self.pool.send(outgoing, seconds=self.seconds)
        except stream.Disconnected as error:
            raise RequestAborted("Client connection aborted") from error
        except boom.Boom as error:
            self._log(request, begun, "error", {"uri": uri})
            if on_response is None:
                raise
            return await on_response(request, h, None, error, None)
        self._log(request, begun, "success", {"uri": uri, "statusCode": response.status_code})
        upstream = Upstream(response, raw=bool(options.pass_through), method=request.method)
        ttl = _max_age(upstream.headers) if options.ttl == "upstream" else None
        if on_response is None:
            return self._answer(h, upstream, ttl)
        try:
            value = await on_response(request, h, upstream, None, ttl)
        except BaseException:
            await upstream.aclose()
            raise
        if value is not upstream and not (isinstance(value, Response) and value.source is upstream):
            await upstream.aclose()
        return value

    def _answer(self, h: Toolkit, upstream: Upstream, ttl: int | None) -> Response:
        response = h.response(upstream).code(upstream.status_code)
        if ttl is not None:
            response.ttl(ttl)
        return response.pass_through(self.options.pass_through)

    def _headers(self, request: Request, content: Value) -> dict[str, str]:
        received, options = request.headers, self.options
        headers: dict[str, str] = {}
        if options.pass_through:
            headers = end_to_end(received)
            for name in (
                "host",
                "content-length",
                "cookie",
                *(() if options.accept_encoding else ("accept-encoding",)),
            ):
                headers.pop(name, None)
            if "cookie" in received:
                cookies = self.server.cookies.pass_through(received["cookie"], options.local_state_pass_through)
                headers |= {"cookie": cookies} if cookies else {}
        if content is not None:
            headers |= {name: received[name] for name in _UNMODIFIED if name in received}
        if isinstance(content, bytes):
            headers["content-length"] = str(len(content))  # a step may have replaced the payload
        if options.xforward and request.info.remote_address is not None:
            forwarded = headers.get("x-forwarded-for")
            address = request.info.remote_address
            headers["x-forwarded-for"] = f"{forwarded},{address}" if forwarded else address
            host = request.info.host
            headers.setdefault("x-forwarded-port", str(request.scope.get("server", (None, ""))[1] or ""))
            headers.setdefault("x-forwarded-proto", request.scope.get("scheme", "http"))
            headers.setdefault("x-forwarded-host", host)
        return headers

    async def _target(self, request: Request) -> tuple[str, Mapping[str, str]]:
        """Returns the target's URI and additional headers."""
        options = self.options
        if self.map_uri is not None:
            mapped = await self.map_uri(request)
            if isinstance(mapped, Mapping):
                headers = mapped.get("headers") or {}
                return str(mapped["uri"]), {name.lower(): value for name, value in headers.items()}
            return str(mapped), {}
        if options.uri is not None:
            return _PLACEHOLDER.sub(lambda match: self._placeholder(request, match[1]), options.uri), {}
        port = f":{options.port}" if options.port else ""
        return f"{options.protocol}://{options.host}{port}{self._path(request)}{_query(request)}", {}

    def _placeholder(self, request: Request, name: str) -> str:
        settings = self.server.settings
        match name:
            case "protocol":
                return str(request.scope.get("scheme", "http"))
            case "host":
                return str(settings.host)
            case "port":
                return str(settings.port)
            case "path":
                return self._path(request)
            case "query":
                return _query(request)
        return self._param(request, name)

    def _path(self, request: Request) -> str:
        return self.server.dispatch.path_as_sent(request)

    def _param(self, request: Request, name: str) -> str:
        """Returns a parameter as part of a path, with the client's percent-encoding if it covers whole segments.

        The encoding may be significant to the upstream: `%2F` is not a slash there.
        """
        value = str(request.params.get(name, ""))
        if any(step in (".", "..") for step in value.split("/")):
            raise boom.BadRequest("A path to a proxied server has no dot segments")
        if name in self.spans:
            start, end = self.spans[name]
            raw = "/".join(self._path(request).split("/")[start:end])
            if unquote(raw) == value:  # else a lifecycle step has changed the parameter
                return raw
        return "/".join(quote(step, safe=_SEGMENT_SAFE) for step in value.split("/"))

    def _log(self, request: Request, begun: float, outcome: str, data: dict[str, Value]) -> None:
        if self.options.downstream_response_time:
            request.log(["h2o2", outcome], {**data, "downstreamResponseTime": (perf_counter() - begun) * 1000})


def _content(request: Request) -> Value:
    """Returns the body to pass on: the client's as a stream, or bytes if a lifecycle step has replaced the payload.

    Wreck, which h2o2 uses, sends an object as JSON too. None without a body.
    """
    payload, headers = request.payload, request.headers
    if isinstance(payload, str):
        return payload.encode()
    if payload is None or isinstance(payload, bytes):
        return payload
    if hasattr(payload, "__aiter__"):
        return payload if "content-length" in headers or "transfer-encoding" in headers else None
    return encode(payload)


def _query(request: Request) -> str:
    query = request.scope["query_string"].decode("latin-1")
    return f"?{query}" if query else ""


def _spans(path: str) -> dict[str, tuple[int, int | None]]:
    """Returns start and end index of the path segments that each parameter covers; None is the end of the path.

    Parameters that cover only a part of a segment are left out.
    """
    spans: dict[str, tuple[int, int | None]] = {}
    index = 1
    for segment in parse(path).segments:
        match segment:
            case Param(name, count=count):
                spans[name] = index, index + count
                index += count
            case Wildcard(name):
                spans[name] = index, None
            case _:
                index += 1
    return spans


def _max_age(headers: Mapping[str, str]) -> int | None:
    match = _MAX_AGE.search(headers.get("cache-control", "").lower())
    return int(match[1]) * 1000 if match else None

"""`handler: {proxy: {host: …}}`: the route is answered by another server, bodies streamed both ways (h2o2's keys).

Where requests go is the table's word, or its `mapUri` function's; what a client sends is only ever a path below it.
"""

import re
from collections.abc import Mapping
from time import perf_counter
from typing import Any
from urllib.parse import quote, unquote

from hapiish import boom
from hapiish.grammar.path import Param, Wildcard, parse
from hapiish.http.body.reader import RequestAborted
from hapiish.http.content import stream
from hapiish.http.content.stream import Watch
from hapiish.http.exchange.response import Response
from hapiish.kinds.route import KindRoute
from hapiish.kinds.upstream import Pool, Upstream, end_to_end, request_for

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=\"?([0-9]{1,10})")
_SEGMENT_SAFE = ":@!$&'()*+,;=~"
_UNMODIFIED = ("content-type", "content-encoding", "content-length")


def proxy_kind(server: Any, route: KindRoute, options: Any) -> "Proxy":
    """The handler of a proxied route; connections are shared by routes with equal settings, and outlive a reload."""
    pool = server.keep(Pool, options.reject_unauthorized, options.max_sockets or None, options.redirects or 0)
    return Proxy(server, pool, options, route.path)


proxy_kind.references = ("map_uri", "on_request", "on_response")  # type: ignore[attr-defined]


class Proxy:
    """One proxied route; `options` has h2o2's keys in snake_case, functions in place of names."""

    def __init__(self, server: Any, pool: Pool, options: Any, path: str) -> None:
        self.server = server
        self.pool = pool
        self.options = options
        self.seconds = options.timeout / 1000 if options.timeout else None
        self.spans = _spans(path)

    async def __call__(self, request: Any, h: Any) -> Any:
        """Answers one request with what the upstream answers."""
        options = self.options
        uri, more = await self._target(request)
        outgoing = request_for(request.method, uri, {**self._headers(request), **more}, _content(request))
        if options.on_request is not None:
            await options.on_request(outgoing)
        begun = perf_counter()
        try:
            # Servers other than that of `hapiish run` cancel nothing when a client leaves.
            async with Watch(request.listen or request.receive):
                response = await self.pool.send(outgoing, seconds=self.seconds)
        except stream.Disconnected as error:
            raise RequestAborted("Client connection aborted") from error
        except boom.Boom as error:
            self._log(request, begun, "error", {"uri": uri})
            if options.on_response is None:
                raise
            return await options.on_response(request, h, None, error, None)
        self._log(request, begun, "success", {"uri": uri, "statusCode": response.status_code})
        upstream = Upstream(response, raw=bool(options.pass_through), method=request.method)
        ttl = _max_age(upstream.headers) if options.ttl == "upstream" else None
        if options.on_response is None:
            return self._answer(h, upstream, ttl)
        return await self._replaced(request, h, upstream, ttl)

    async def _replaced(self, request: Any, h: Any, upstream: Upstream, ttl: int | None) -> Any:
        """What the table's function makes of the answer, which is closed unless it is passed on."""
        try:
            value = await self.options.on_response(request, h, upstream, None, ttl)
        except BaseException:
            await upstream.aclose()
            raise
        if value is not upstream and not (isinstance(value, Response) and value.source is upstream):
            await upstream.aclose()
        return value

    def _answer(self, h: Any, upstream: Upstream, ttl: int | None) -> Response:
        response: Response = h.response(upstream).code(upstream.status_code)
        if ttl is not None:
            response.ttl(ttl)
        return response.pass_through(self.options.pass_through)

    def _headers(self, request: Any) -> dict[str, str]:
        """What the upstream is told about the request."""
        given, options = request.headers, self.options
        headers: dict[str, str] = {}
        if options.pass_through:
            headers = end_to_end(given)
            for name in (
                "host",
                "content-length",
                "cookie",
                *(() if options.accept_encoding else ("accept-encoding",)),
            ):
                headers.pop(name, None)
            if "cookie" in given:
                cookies = self.server.cookies.pass_through(given["cookie"], options.local_state_pass_through)
                headers |= {"cookie": cookies} if cookies else {}
        if _content(request) is not None:
            headers |= {name: given[name] for name in _UNMODIFIED if name in given}
        if options.xforward and request.info.remote_address is not None:
            before = headers.get("x-forwarded-for")
            address = request.info.remote_address
            headers["x-forwarded-for"] = f"{before},{address}" if before else address
            host = request.info.host
            headers.setdefault("x-forwarded-port", str(request.scope.get("server", (None, ""))[1] or ""))
            headers.setdefault("x-forwarded-proto", request.scope.get("scheme", "http"))
            headers.setdefault("x-forwarded-host", host)
        return headers

    async def _target(self, request: Any) -> tuple[str, Mapping[str, str]]:
        """The URI, and headers that belong to it."""
        options = self.options
        if options.map_uri is not None:
            found = await options.map_uri(request)
            if isinstance(found, Mapping):
                return str(found["uri"]), {name.lower(): value for name, value in (found.get("headers") or {}).items()}
            return str(found), {}
        if options.uri is not None:
            return _PLACEHOLDER.sub(lambda match: self._filled(request, match[1]), options.uri), {}
        port = f":{options.port}" if options.port else ""
        return f"{options.protocol}://{options.host}{port}{self._path(request)}{_query(request)}", {}

    def _filled(self, request: Any, name: str) -> str:
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

    def _path(self, request: Any) -> str:
        return self.server.dispatch.path_as_sent(request)  # type: ignore[no-any-return]

    def _param(self, request: Any, name: str) -> str:
        """A parameter as a part of a path, in the client's own words where it fills whole segments.

        Percent codes in it may mean something to the upstream: `%2F` is no slash there.
        """
        value = str(request.params.get(name, ""))
        if any(step in (".", "..") for step in value.split("/")):
            raise boom.BadRequest("A path to a proxied server has no dot segments")
        if name in self.spans:
            start, end = self.spans[name]
            cut = "/".join(self._path(request).split("/")[start:end])
            if unquote(cut) == value:  # else a step has changed the parameter, and its word counts
                return cut
        return "/".join(quote(step, safe=_SEGMENT_SAFE) for step in value.split("/"))

    def _log(self, request: Any, begun: float, outcome: str, data: dict[str, Any]) -> None:
        if self.options.downstream_response_time:
            request.log(["h2o2", outcome], {**data, "downstreamResponseTime": (perf_counter() - begun) * 1000})


def _content(request: Any) -> Any:
    """The body to pass on, None where the client sends none."""
    given = request.headers
    return request.payload if "content-length" in given or "transfer-encoding" in given else None


def _query(request: Any) -> str:
    query = request.scope["query_string"].decode("latin-1")
    return f"?{query}" if query else ""


def _spans(path: str) -> dict[str, tuple[int, int | None]]:
    """Which parts of a path, split at its slashes, each parameter fills that fills whole ones; None is the end."""
    spans: dict[str, tuple[int, int | None]] = {}
    at = 1
    for segment in parse(path).segments:
        match segment:
            case Param(name, count=count):
                spans[name] = at, at + count
                at += count
            case Wildcard(name):
                spans[name] = at, None
            case _:
                at += 1
    return spans


def _max_age(headers: Any) -> int | None:
    found = _MAX_AGE.search(headers.get("cache-control", "").lower())
    return int(found[1]) * 1000 if found else None

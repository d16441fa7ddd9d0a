"""The HTTP client of the proxy kind, over httpx: connection pools, requests and streamed responses.

The client adds nothing: no default headers, no stored cookies, no proxy from the environment.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from hapiish import boom
from hapiish.http.syntax.header import hop_by_hop, pair
from hapiish.outages import Service
from hapiish.types import Value

_NO_BODY = frozenset({204, 304})
_MAX_LOGGED = 100  # upstreams whose outages are logged: a `mapUri` function may return any number of them


def end_to_end(headers: Mapping[str, str]) -> dict[str, str]:
    """Returns the end-to-end headers, with lower-case names."""
    hops = hop_by_hop(headers.get("connection", ""))
    return {name: value for name, value in headers.items() if name not in hops}


class Upstream:
    """An upstream's response: a body object with `status_code` and `headers`.

    Return it, which streams and closes it, or `read` it. A content coding is decoded unless `raw`.
    """

    def __init__(self, response: httpx.Response, *, raw: bool, method: str) -> None:
        self._response = response
        self._raw = raw
        self.status_code = response.status_code
        self.headers = response.headers.copy()
        self.headers.encoding = "latin-1"  # keeps every byte, in any encoding
        if "content-encoding" in self.headers and not raw:
            del self.headers["content-encoding"]
            self.headers.pop("content-length", None)
        length = self.headers.get("content-length", "0" if method == "head" else "")
        self.length = int(length) if length.isdecimal() and self.status_code not in _NO_BODY else None
        if self.length is not None and self.status_code == 200:
            self.headers.pop("accept-ranges", None)  # the responder serves ranges of a body with a length

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._response.aiter_raw() if self._raw else self._response.aiter_bytes()

    def part(self, start: int, end: int) -> "BodyPart":
        """Returns the bytes from `start` to `end`, inclusive, for a range that the upstream ignored."""
        return BodyPart(self, start, end)

    async def read(self) -> bytes:
        """Returns the whole body."""
        return b"".join([chunk async for chunk in self])

    async def aclose(self) -> None:
        """Releases the connection, or closes it if the body was not read completely."""
        await self._response.aclose()


class BodyPart:
    """A byte range of an upstream's response."""

    def __init__(self, whole: Upstream, start: int, end: int) -> None:
        self._whole = whole
        self._start = start
        self.length = end - start + 1

    async def __aiter__(self) -> AsyncIterator[bytes]:
        skip, left = self._start, self.length
        async for chunk in self._whole:
            piece = chunk[skip : skip + left]
            skip = max(0, skip - len(chunk))
            left -= len(piece)
            if piece:
                yield piece
            if not left:
                return

    async def aclose(self) -> None:
        """Closes the upstream's response."""
        await self._whole.aclose()


class UpstreamPool:
    """A connection pool with one set of settings, opened by the first request and closed with the server."""

    def __init__(self, verify: bool, max_sockets: int | None, redirects: int) -> None:
        self._verify = verify
        self._max_sockets = max_sockets
        self._redirects = redirects
        self._client: httpx.AsyncClient | None = None
        self._services: dict[tuple[str, bytes], Service] = {}  # upstreams that had an outage

    async def send(self, request: httpx.Request, *, seconds: float | None) -> httpx.Response:
        """Returns the response when its head has arrived. Raises BadGateway or GatewayTimeout without a response."""
        client = self._open()
        request.extensions = {**request.extensions, "timeout": httpx.Timeout(seconds).as_dict()}
        try:
            async with asyncio.timeout(seconds):
                response = await client.send(request, stream=True, follow_redirects=self._redirects > 0)
        except (TimeoutError, httpx.TimeoutException) as error:
            self._lost(request.url, error)
            raise boom.GatewayTimeout("The upstream did not answer in time") from error
        except (httpx.RequestError, httpx.StreamError) as error:
            self._lost(request.url, error)
            raise boom.BadGateway("The upstream cannot be reached, or its response is invalid") from error
        if self._services and (service := self._services.get(_peer(request.url))) is not None:
            service.back()
        if not 200 <= response.status_code <= 599:
            await response.aclose()
            raise boom.BadGateway(f"The upstream answers with {response.status_code}, which is not an HTTP status")
        return response

    def _lost(self, url: httpx.URL, error: Exception) -> None:
        peer = _peer(url)
        if peer not in self._services and len(self._services) < _MAX_LOGGED:
            name = f"the upstream {peer[0]}://{peer[1].decode('ascii')}"
            self._services[peer] = Service(name, "requests to it are answered 502 or 504")
        if peer in self._services:
            self._services[peer].lost(error)

    def _open(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                verify=self._verify,
                limits=httpx.Limits(max_connections=self._max_sockets, max_keepalive_connections=20),
                max_redirects=self._redirects,
                # No cookie is stored: it belongs to one client.
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                trust_env=False,
            )
        return self._client

    async def close(self) -> None:
        """Closes the connections. The next request opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


def _peer(url: httpx.URL) -> tuple[str, bytes]:
    return url.scheme, url.netloc


def request_for(method: str, uri: str, headers: Mapping[str, str], content: Value) -> httpx.Request:
    """Returns the request to send. Raises InternalServerError for an invalid URI, which the table's code produced.

    A client's header is passed on byte by byte, as Latin-1 (RFC 9110 §5.5). Raises ValueError for an invalid header,
    which the table's code produced.
    """
    fields = [pair(name.lower(), value) for name, value in headers.items()]
    try:
        return httpx.Request(method.upper(), uri, headers=fields, content=content)
    except httpx.InvalidURL as error:
        raise boom.InternalServerError(f"{uri!r} is not a valid URI to proxy to: {error}") from error

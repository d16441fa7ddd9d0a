"""Connections to the servers behind a proxy, over httpx, and what they answer as bodies that are passed on.

Nothing is added to what the caller says: no default headers, no cookies kept, no proxy of the environment.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

from hapiish import boom
from hapiish.http.syntax.header import pair
from hapiish.service import Service

# RFC 9110 §7.6.1 and its predecessor: what speaks of one connection is not for the next one.
_HOP_BY_HOP = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te"),
        *("trailer", "transfer-encoding", "upgrade"),
    }
)
_NO_BODY = frozenset({204, 304})
_MOST_TOLD = 100  # upstreams whose loss is told: a function of the table may make any number of them


def end_to_end(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers with lower-case names, without those that are meant for this connection alone."""
    named = {name.strip().lower() for name in headers.get("connection", "").split(",")}
    return {name: value for name, value in headers.items() if name not in _HOP_BY_HOP and name not in named}


class Upstream:
    """An upstream's answer as it arrives: a body object with the `status_code` and `headers` to take over.

    It is to be returned, which streams and closes it, or to be `read`. Unless it is `raw`, an encoded body is decoded.
    """

    def __init__(self, response: httpx.Response, *, raw: bool, method: str) -> None:
        self._response = response
        self._raw = raw
        self.status_code = response.status_code
        self.headers = response.headers.copy()
        self.headers.encoding = "latin-1"  # every byte as it is, whatever the upstream meant by it
        if "content-encoding" in self.headers and not raw:
            del self.headers["content-encoding"]
            self.headers.pop("content-length", None)
        length = self.headers.get("content-length", "0" if method == "head" else "")
        self.length = int(length) if length.isdecimal() and self.status_code not in _NO_BODY else None
        if self.length is not None and self.status_code == 200:
            self.headers.pop("accept-ranges", None)  # the responder cuts ranges of what has a length, and says so

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._response.aiter_raw() if self._raw else self._response.aiter_bytes()

    def part(self, start: int, end: int) -> "Part":
        """The bytes from `start` up to and with `end`, for a client's range that the upstream did not look at."""
        return Part(self, start, end)

    async def read(self) -> bytes:
        """The whole body."""
        return b"".join([chunk async for chunk in self])

    async def aclose(self) -> None:
        """Gives the connection back, or ends it when the body was not read to its end."""
        await self._response.aclose()


class Part:
    """A part of an upstream's answer."""

    def __init__(self, whole: Upstream, start: int, end: int) -> None:
        self._whole = whole
        self._start = start
        self.length = end - start + 1

    async def __aiter__(self) -> AsyncIterator[bytes]:
        skip, left = self._start, self.length
        async for chunk in self._whole:
            wanted = chunk[skip : skip + left]
            skip = max(0, skip - len(chunk))
            left -= len(wanted)
            if wanted:
                yield wanted
            if not left:
                return

    async def aclose(self) -> None:
        """Closes the whole."""
        await self._whole.aclose()


class Pool:
    """Connections under one set of settings; opened by the first request, closed with the server."""

    def __init__(self, verify: bool, max_sockets: int | None, redirects: int) -> None:
        self._verify = verify
        self._max_sockets = max_sockets
        self._redirects = redirects
        self._client: httpx.AsyncClient | None = None
        self._services: dict[tuple[str, bytes], Service] = {}  # of the upstreams that were lost at some time

    async def send(self, request: httpx.Request, *, seconds: float | None) -> httpx.Response:
        """The answer as soon as its head is here; BadGateway or GatewayTimeout when there is none in time."""
        client = self._open()
        waits = httpx.Timeout(seconds)
        request.extensions = {**request.extensions, "timeout": waits.as_dict()}
        try:
            async with asyncio.timeout(seconds):
                response = await client.send(request, stream=True, follow_redirects=self._redirects > 0)
        except (TimeoutError, httpx.TimeoutException) as error:
            self._lost(request.url, error)
            raise boom.GatewayTimeout("The upstream did not answer in time") from error
        except (httpx.RequestError, httpx.StreamError) as error:
            self._lost(request.url, error)
            raise boom.BadGateway("The upstream cannot be reached, or answers wrongly") from error
        if self._services and (service := self._services.get(_peer(request.url))) is not None:
            service.back()
        if not 200 <= response.status_code <= 599:
            await response.aclose()
            raise boom.BadGateway(f"The upstream answers with {response.status_code}, which is not an HTTP status")
        return response

    def _lost(self, url: httpx.URL, error: Exception) -> None:
        peer = _peer(url)
        if peer not in self._services and len(self._services) < _MOST_TOLD:
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
                # Cookies belong to whoever asked: none is kept for the next one.
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                trust_env=False,
            )
        return self._client

    async def close(self) -> None:
        """Closes the connections; the next request opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


def _peer(url: httpx.URL) -> tuple[str, bytes]:
    return url.scheme, url.netloc


def request_for(method: str, uri: str, headers: Mapping[str, str], content: Any) -> httpx.Request:
    """The request as it will be sent; InternalServerError for a URI that is none, which the table's own code made.

    A client's header is passed on byte by byte, as Latin-1 (RFC 9110 §5.5). Raises ValueError for a header of the
    table's own code that cannot be sent.
    """
    fields = [pair(name.lower(), value) for name, value in headers.items()]
    try:
        return httpx.Request(method.upper(), uri, headers=fields, content=content)
    except httpx.InvalidURL as error:
        raise boom.InternalServerError(f"{uri!r} is no URI to proxy to: {error}") from error

"""The responses of the documentation page: the page, its assets, and the documents, as bytes made once for a table."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final, Protocol

from hapiish import boom, codec
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import Response
from hapiish.http.exchange.toolkit import Toolkit
from hapiish.kinds.route import KindRoute
from hapiish.options import Table
from hapiish.plugins.docs.hiding import of_host, pruned, visible
from hapiish.plugins.docs.options import PageOptions
from hapiish.plugins.docs.page import content_security_policy, page, shared_hosts
from hapiish.types import AsyncHandler

_TYPES: Final = {
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
    "txt": "text/plain",
}
_FOREVER: Final = "public, max-age=31536000, immutable"
_REVALIDATED: Final = "no-cache"
_PRIVATE: Final = "private, no-cache"
_SAFE: Final = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}


class WithTable(Protocol):
    """The server for which a table is compiled."""

    checked_table: Table


@dataclass(frozen=True, slots=True)
class Static:
    """A body with its media type and headers; `zipped` is its gzip form, None for a server without gzip."""

    body: bytes
    type: str
    tag: str
    headers: Mapping[str, str]
    zipped: bytes | None

    def response(self, request: Request) -> Response:
        """Returns the response, compressed for clients that prefer gzip among the codings of the server."""
        is_zipped = self.zipped is not None and request.info.accept_encoding == "gzip"
        response = Response(self.zipped if is_zipped else self.body).type(self.type).etag(self.tag)
        if self.zipped is not None:
            response.vary("accept-encoding")
        for name, value in self.headers.items():
            response.header(name, value)
        return response.compressed("gzip") if is_zipped else response


class Contents:
    """Makes the handlers of one page's routes; the part of a route is `page`, `assets`, `openapi` or `asyncapi`."""

    def __init__(self, options: PageOptions) -> None:
        self.options = options

    def handler(self, server: WithTable, route: KindRoute, part: str) -> AsyncHandler:
        """Returns the handler of a route, the factory of a kind. Describes the table if the part is a document."""
        zips = _zips(server.checked_table, route)
        if part == "assets":
            return _assets(zips)
        table = visible(server.checked_table, self.options.hide_tags)
        headers = {"cache-control": _PRIVATE if route.settings.auth is not None else _REVALIDATED, **_SAFE}
        if part == "page":
            return self._page(table, route, headers, zips)
        hosts = [None, *(shared_hosts(table) if part == "openapi" else ())]
        bodies = {host: codec.encode(document(part, table, host)) for host in hosts}
        return _documents({host: _static(body, "application/json", headers, zips) for host, body in bodies.items()})

    def _page(self, table: Table, route: KindRoute, headers: Mapping[str, str], zips: bool) -> AsyncHandler:
        headers = {**headers, "content-security-policy": content_security_policy(table, self.options)}
        plain, below = (
            _static(page(table, self.options, route.path, version(), is_folder=each), "text/html", headers, zips)
            for each in (False, True)
        )

        async def show(request: Request, h: Toolkit) -> Response:
            # Relative addresses depend on the slash, which the router may have ignored (`stripTrailingSlash`).
            is_folder = request.scope["path"].endswith("/")
            return (below if is_folder else plain).response(request)

        return show


def document(part: str, table: Table, host: str | None) -> dict[str, Any]:
    """Returns the OpenAPI or AsyncAPI document of a table without its hidden routes.

    If hosts share paths, `host` is the one whose routes the document has; None for those of all hosts.
    """
    if part == "openapi":
        from hapiish.describe import openapi

        return pruned(openapi.document(of_host(table, host) if shared_hosts(table) else table))
    from hapiish.describe import asyncapi

    return pruned(asyncapi.document(table))


@cache
def version() -> str:
    """Returns a hash of all assets. It is a part of their addresses, so that browsers may keep them forever."""
    return sha256(b"".join(name.encode() + body for name, body in sorted(_bodies().items()))).hexdigest()[:12]


@cache
def _bodies() -> Mapping[str, bytes]:
    folder = files("hapiish.plugins.docs") / "assets"
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.is_file()}


@cache
def _served(name: str, zips: bool) -> Static:
    return _static(_bodies()[name], _TYPES[name.rpartition(".")[2]], {"cache-control": _FOREVER, **_SAFE}, zips)


def _assets(zips: bool) -> AsyncHandler:
    async def send(request: Request, h: Toolkit) -> Response:
        if request.params["file"] not in _bodies():
            raise boom.NotFound
        response = _served(request.params["file"], zips).response(request)
        if request.params["version"] != version():  # another process serves another version of hapiish
            response.header("cache-control", _REVALIDATED)
        return response

    return send


def _documents(by_host: Mapping[str | None, Static]) -> AsyncHandler:
    async def send(request: Request, h: Toolkit) -> Response:
        found = by_host.get(request.query.get("vhost"))
        if found is None:
            raise boom.NotFound
        return found.response(request)

    return send


def _static(body: bytes, media_type: str, headers: Mapping[str, str], zips: bool) -> Static:
    zipped = gzip.compress(body, mtime=0) if zips else None
    return Static(body, media_type, sha256(body).hexdigest()[:20], headers, zipped)


def _zips(table: Table, route: KindRoute) -> bool:
    server = table.server.compression
    return server is not None and "gzip" in server.encodings and route.settings.compression is not None

"""`handler: {directory: …}`: serves files below one or several folders, by the path's last parameter (hapi's inert).

One look-up, with its index files and fallbacks, is one call in the thread pool.
"""

import os
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

from hapiish import boom
from hapiish.http.content.files import DEFAULT_LOOKUP, FileOptions, IsDirectory, Opened, locate, open_file
from hapiish.http.exchange.file_response import fill
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import Response
from hapiish.http.exchange.server import HttpServer
from hapiish.http.exchange.toolkit import Toolkit
from hapiish.kinds.file import folder_of
from hapiish.kinds.route import KindRoute
from hapiish.types import Json, Value

_PARAMETER: Final = re.compile(r"\{(\w+)[^}]*\}$")
_HIDDEN: Final = re.compile(r"(^|[\\/])\.([^.\\/]|\.[^\\/])")

Lookup = tuple[Opened, FileOptions] | list[str] | None
"""The result of a look-up: a file, the names in a folder, or None for a redirect to the path with a slash."""


class Directory:
    """The factory and handler of the kind. `options` are inert's; `path` is a text, a list of texts, or a function."""

    def __init__(self, server: HttpServer, route: KindRoute, options: dict[str, Json]) -> None:
        parameter = _PARAMETER.search(route.path)
        if parameter is None:
            raise ValueError("the path of its route must end with a parameter")
        self._parameter = parameter[1]
        self._server = server
        self._base = folder_of(route)
        options = {key: value for key, value in options.items() if value is not None}
        self._path = options["path"]
        index = options.get("index", True)
        self._index = ["index.html"] if index is True else _listed(index or [])
        self._lists = options.get("listing", False)
        self._shows_hidden = options.get("showHidden", False)
        self._redirects = options.get("redirectToSlash", True)
        self._extension = options.get("defaultExtension")
        self._lookup = options.get("lookupMap", DEFAULT_LOOKUP) if options.get("lookupCompressed") else {}
        self._etag_method = options.get("etagMethod", "hash")

    async def __call__(self, request: Request, h: Toolkit) -> Response:
        """Returns the file that the parameter names, a redirect or a listing. Raises Forbidden or NotFound."""
        folders = _listed(await self._path(request, h) if callable(self._path) else self._path)
        selection = request.params.get(self._parameter) or ""
        if selection.startswith("/") or (not self._shows_hidden and _HIDDEN.search(selection)):
            raise boom.NotFound
        strips = request.server.settings.router.strip_trailing_slash
        resource = request.path
        if not selection and not resource.endswith("/"):
            resource += "/"
        slashed = resource.endswith("/")
        accept = request.header(b"accept-encoding") or "" if self._lookup else ""
        result = await self._server.pool.call(self._find, folders, selection, slashed or strips, accept)
        if isinstance(result, tuple):
            response = Response()
            await fill(response, request, *result)
            return response
        resource = quote(request.scope.get("root_path", "")) + resource
        if result is None:
            return h.redirect(resource + "/")
        return Response(self._listing(resource if slashed else resource + "/", result, is_top=not selection))

    def _find(self, folders: Sequence[str], selection: str, slashed: bool, accept: str) -> Lookup:
        for folder in folders:
            options = FileOptions(
                folder=str(Path(self._base, folder)), lookup=self._lookup, etag_method=self._etag_method
            )
            try:
                return self._find_in(selection, options, slashed, accept)
            except boom.NotFound:
                continue
        raise boom.NotFound

    def _find_in(self, selection: str, options: FileOptions, slashed: bool, accept: str) -> Lookup:
        etags = self._server.etags
        try:
            return open_file(selection, options, etags, accept), options
        except boom.NotFound:
            if not self._extension or not selection:
                raise
            return open_file(f"{selection.rstrip('/')}.{self._extension}", options, etags, accept), options
        except IsDirectory:
            if self._redirects and not slashed:
                return None
        for name in self._index:
            try:
                return open_file(f"{selection}/{name}" if selection else name, options, etags, accept), options
            except boom.NotFound:
                continue
            except boom.Forbidden as error:
                raise boom.InternalServerError(f'the index file "{name}" cannot be read') from error
        if not self._lists:
            raise boom.Forbidden
        return sorted(os.listdir(locate(selection, options)))  # noqa: PTH208 - only names are needed

    def _listing(self, resource: str, names: list[str], *, is_top: bool) -> str:
        title = escape(unquote(resource))
        links = [] if is_top else [_link(resource[: resource.rindex("/", 0, -1) + 1], "Parent Directory")]
        for name in names:
            if self._shows_hidden or not _HIDDEN.search(name):
                # The link has the name's bytes, even if they are not UTF-8.
                text = os.fsencode(name).decode(errors="replace")
                links.append(_link(resource + quote(os.fsencode(name)), text))
        head = f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>'
        return f"{head}<body><h1>Directory: {title}</h1><ul>{''.join(links)}</ul></body></html>"


def _link(href: str, text: str) -> str:
    return f'<li><a href="{escape(href)}">{escape(text)}</a></li>'


def _listed(value: Value) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return list(value)
    raise TypeError(f"the function of a directory's path returns a text or a list of texts, not {type(value).__name__}")

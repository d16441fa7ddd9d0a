"""`handler: {directory: …}`: the files below one or several folders, by the last parameter of the path (hapi's inert).

One look-up, with its index files and fallbacks, is one turn in the pool.
"""

import os
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote

from hapiish import boom
from hapiish.http.content.files import DEFAULT_LOOKUP, FileOptions, IsDirectory, Opened, locate, open_file
from hapiish.http.exchange.file_response import fill
from hapiish.http.exchange.response import Response
from hapiish.kinds.file import folder_of
from hapiish.kinds.route import KindRoute

_PARAMETER: Final = re.compile(r"\{(\w+)[^}]*\}$")
_HIDDEN: Final = re.compile(r"(^|[\\/])\.([^.\\/]|\.[^\\/])")

Found = tuple[Opened, FileOptions] | list[str] | None
"""A file, the names in a folder, or None where the client should ask for the folder with a slash."""


class Directory:
    """The kind's factory and handler; `options` are inert's, with `path` a text, a list of them, or a function."""

    def __init__(self, server: Any, route: KindRoute, options: dict[str, Any]) -> None:
        parameter = _PARAMETER.search(route.path)
        if parameter is None:
            raise ValueError("the path of its route must end with a parameter")
        self._parameter = parameter[1]
        self._server = server
        self._base = folder_of(route)
        given = {key: value for key, value in options.items() if value is not None}
        self._path = given["path"]
        index = given.get("index", True)
        self._index = ["index.html"] if index is True else _listed(index or [])
        self._lists = given.get("listing", False)
        self._shows_hidden = given.get("showHidden", False)
        self._redirects = given.get("redirectToSlash", True)
        self._extension = given.get("defaultExtension")
        self._lookup = given.get("lookupMap", DEFAULT_LOOKUP) if given.get("lookupCompressed") else {}
        self._etag_method = given.get("etagMethod", "hash")

    async def __call__(self, request: Any, h: Any) -> Response:
        """The file that the parameter leads to, else a redirection, a listing, 403 or 404."""
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
        found = await self._server.pool.call(self._find, folders, selection, slashed or strips, accept)
        if isinstance(found, tuple):
            response = Response()
            await fill(response, request, *found)
            return response
        resource = quote(request.scope.get("root_path", "")) + resource
        if found is None:
            return h.redirect(resource + "/")  # type: ignore[no-any-return]
        return Response(self._listing(resource if slashed else resource + "/", found, is_top=not selection))

    def _find(self, folders: Sequence[str], selection: str, slashed: bool, accept: str) -> Found:
        for folder in folders:
            options = FileOptions(
                folder=str(Path(self._base, folder)), lookup=self._lookup, etag_method=self._etag_method
            )
            try:
                return self._look(selection, options, slashed, accept)
            except boom.NotFound:
                continue
        raise boom.NotFound

    def _look(self, selection: str, options: FileOptions, slashed: bool, accept: str) -> Found:
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
                raise boom.InternalServerError(f'the index file "{name}" is no file that can be read') from error
        if not self._lists:
            raise boom.Forbidden
        return sorted(os.listdir(locate(selection, options)))  # noqa: PTH208 - names are all that is wanted

    def _listing(self, resource: str, names: list[str], *, is_top: bool) -> str:
        shown = escape(unquote(resource))
        links = [] if is_top else [_link(resource[: resource.rindex("/", 0, -1) + 1], "Parent Directory")]
        for name in names:
            if self._shows_hidden or not _HIDDEN.search(name):
                # A name that is not UTF-8 is still a link to its bytes.
                text = os.fsencode(name).decode(errors="replace")
                links.append(_link(resource + quote(os.fsencode(name)), text))
        head = f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{shown}</title></head>'
        return f"{head}<body><h1>Directory: {shown}</h1><ul>{''.join(links)}</ul></body></html>"


def _link(href: str, text: str) -> str:
    return f'<li><a href="{escape(href)}">{escape(text)}</a></li>'


def _listed(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return list(value)
    raise TypeError(f"the function of a directory's path returns a text or a list of texts, not {type(value).__name__}")

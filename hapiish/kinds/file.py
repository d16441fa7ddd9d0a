"""`handler: {file: …}`: serves one file, or the file that a function chooses (hapi's inert)."""

from pathlib import Path
from typing import cast

from hapiish.declare.option import camel
from hapiish.http.content.files import FileKeywords, options_of
from hapiish.http.exchange.file_response import prepare
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import Response
from hapiish.http.exchange.server import HttpServer
from hapiish.http.exchange.toolkit import Toolkit
from hapiish.kinds.route import KindRoute
from hapiish.types import AsyncHandler, Json


def file_kind(server: HttpServer, route: KindRoute, options: Json) -> AsyncHandler:
    """Returns the handler. `options` are a path, or have `path`: a text or a function `(request, h)`."""
    options = options if isinstance(options, dict) else {"path": options}
    path = options["path"]
    settings = options_of(folder_of(route), **_keywords(options))

    async def answer(request: Request, h: Toolkit) -> Response:
        file = path if isinstance(path, str) else await path(request, h)
        response = Response()
        await prepare(file, settings, response, request)
        return response

    return answer


def folder_of(route: KindRoute) -> str:
    """Returns the folder of the route's `files.relativeTo`."""
    return str(Path(route.folder, route.settings.files.relative_to))


def _keywords(options: dict[str, Json]) -> FileKeywords:
    values = {name: options.get(camel(name)) for name in FileKeywords.__annotations__}
    return cast("FileKeywords", {name: value for name, value in values.items() if value is not None})

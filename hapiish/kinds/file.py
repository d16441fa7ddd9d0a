"""`handler: {file: …}`: one file, or the one that a function chooses, as the answer (hapi's inert)."""

from pathlib import Path
from typing import Any

from hapiish.http.content.files import FileKeywords, options_of
from hapiish.http.exchange.file_response import prepare
from hapiish.http.exchange.response import Response
from hapiish.kinds.route import KindRoute
from hapiish.types import AsyncHandler


def file_kind(server: Any, route: KindRoute, options: Any) -> AsyncHandler:
    """The handler of a path, or of options with `path`: text, or a function `(request, h)` that returns one."""
    given = options if isinstance(options, dict) else {"path": options}
    path = given["path"]
    settings = options_of(folder_of(route), **_keywords(given))

    async def answer(request: Any, h: Any) -> Response:
        chosen = path if isinstance(path, str) else await path(request, h)
        response = Response()
        await prepare(chosen, settings, response, request)
        return response

    return answer


def folder_of(route: KindRoute) -> str:
    """The folder of the route's `files.relativeTo`."""
    return str(Path(route.folder, route.settings.files.relative_to))


def _keywords(given: dict[str, Any]) -> FileKeywords:
    keywords: FileKeywords = {}
    names = {
        "confine": "confine",
        "filename": "filename",
        "mode": "mode",
        "lookupCompressed": "lookup_compressed",
        "lookupMap": "lookup_map",
        "etagMethod": "etag_method",
        "start": "start",
        "end": "end",
    }
    for key, name in names.items():
        if given.get(key) is not None:
            keywords[name] = given[key]  # type: ignore[literal-required]
    return keywords

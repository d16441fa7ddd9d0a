"""Attachments: stores files while they arrive, and sends them, or ranges of them, to the users who may read them.

An upload is never in memory as a whole: the client waits while a chunk is written. An upload that breaks off is
removed.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, Literal, NamedTuple

from hapiish import Request, Response, Toolkit, boom

from . import sweeper


class Incoming(NamedTuple):
    """The file of a request: its name, its declared type, its bytes, and the most bytes that can arrive."""

    name: str
    type: str
    pieces: AsyncIterable[bytes]
    most: int


async def create(request: Request, h: Toolkit) -> Response:
    """Stores a file, the raw body or the part `file` of a form; 201 with the attachment.

    413 `too_large` over `payload.maxBytes` or the quota, 415 `unsupported_type` for a type that the table does not
    allow or that the content does not have, 422 `invalid` for an empty file, 408 if nothing arrives for `app.idle`.
    """
    incoming = _incoming(request)
    upload = request.models.Attachment.upload(request.auth.credentials["id"], incoming.name, incoming.type)
    allowed = request.route.settings.payload.allow or ("*",)
    if upload.type.startswith("multipart/") or not any(fnmatchcase(upload.type, pattern) for pattern in allowed):
        raise boom.UnsupportedMediaType(f"Files of type {upload.type} are not accepted", code="unsupported_type")
    steps = _Steps(request.server.store.call)
    try:
        stored = await _store(upload, incoming, steps, request.route.settings.app)
    except upload.WrongType:
        await steps.undo(upload.undo)
        raise boom.UnsupportedMediaType(f"This is no file of type {upload.type}", code="unsupported_type") from None
    except BaseException:
        await steps.undo(upload.undo)
        raise
    return h.response(stored).code(201)


def show(request: Request, h: Toolkit) -> Response:
    """Sends a file, or the range that the client asks for; 404 if it does not exist or the caller may not read it.

    A browser shows the images of `app.inline` and saves everything else; nothing in a file runs as a page.
    """
    files = request.models.Attachment
    found = files.readable_by(request.params["attachmentId"], request.auth.credentials["id"], request.models)
    if found is None:
        raise boom.NotFound("There is no such attachment", code="not_found")
    is_shown = found["type"] in request.route.settings.app["inline"] and files.is_recognised(found["type"])
    mode: Literal["inline", "attachment"] = "inline" if is_shown else "attachment"
    return (
        h.ranged(partial(files.read, found["id"]), found["size"], mode=mode, filename=found["name"])
        .type(found["type"])
        .etag(found["id"])
        .header("cache-control", "private, max-age=31536000, immutable")
        .header("content-security-policy", "default-src 'none'; sandbox")
        .header("x-content-type-options", "nosniff")
    )


def _incoming(request: Request) -> Incoming:
    query, payload, headers = request.query, request.payload, request.headers
    most = int(request.route.settings.payload.max_bytes)
    if not isinstance(payload, dict):
        length = headers.get("content-length", "")
        is_known = length.isdecimal() and "content-encoding" not in headers
        declared = query.get("type") or headers.get("content-type") or "application/octet-stream"
        return Incoming(query.get("name", ""), declared, payload, min(most, int(length)) if is_known else most)
    part: Any = payload.get("file")
    if not hasattr(part, "filename"):
        raise boom.BadRequest('The form needs one file, in its field "file"', code="validation")
    declared = query.get("type") or part.content_type or "application/octet-stream"
    return Incoming(query.get("name") or part.filename or "", declared, part, part.size)


async def _store(upload: Any, incoming: Incoming, steps: "_Steps", settings: Mapping[str, Any]) -> dict[str, Any]:
    if not await steps.run(upload.begin, incoming.most, settings["quota"]):
        raise boom.EntityTooLarge("Your files need more than the space that a user has", code="too_large")
    async for piece in _patient(incoming.pieces, settings["idle"]):
        if upload.take(piece):
            await steps.run(upload.flush)
    if not upload.length:
        raise boom.BadData("The file is empty", code="invalid")
    stored: dict[str, Any] | None = await steps.run(upload.finish)
    if stored is None:
        raise boom.ServerUnavailable("The upload took too long; try again", code="unavailable")
    return stored


async def _patient(pieces: AsyncIterable[bytes], seconds: float) -> AsyncIterator[bytes]:
    """Yields the pieces; raises 408 if no piece arrives for `seconds`."""
    rest = aiter(pieces)
    while True:
        try:
            async with asyncio.timeout(seconds):
                piece = await anext(rest, None)
        except TimeoutError:
            raise boom.ClientTimeout(headers={"connection": "close"}) from None
        if piece is None:
            return
        yield piece


class _Steps:
    """The blocking steps of an upload, one after the other in threads.

    A step cannot be interrupted: after a cancellation, `undo` waits for the running step, then removes what was stored.
    """

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call
        self._running: asyncio.Future[Any] | None = None

    async def run(self, function: Callable[..., Any], *args: Any) -> Any:
        self._running = asyncio.ensure_future(self._call(function, *args))
        return await asyncio.shield(self._running)

    async def undo(self, function: Callable[[], None]) -> None:
        if self._running is not None:
            self._running = asyncio.ensure_future(self._end(self._running, function))
            await asyncio.shield(self._running)

    async def _end(self, running: asyncio.Future[Any], function: Callable[[], None]) -> None:
        await asyncio.wait([running])
        with suppress(Exception):  # the sweeper removes what is left
            await self._call(function)


def sweep(server: Any) -> dict[str, int]:
    """Removes uploads that broke off and files that nothing uses, after examining at most 300 files."""
    return {"attachments": server.models.Attachment.sweep(server.models, limit=300)}


sweeper.register("attachments", 300, sweep)

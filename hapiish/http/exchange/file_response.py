"""Serves an open file through a response: body, ETag, Last-Modified, media type and disposition (hapi's inert)."""

from email.utils import formatdate
from pathlib import PurePath
from urllib.parse import quote

from hapiish.http.content.files import FileBody, FileOptions, Opened, open_file
from hapiish.http.content.mime import BYTES
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import Response


async def fill(response: Response, request: Request, opened: Opened, options: FileOptions) -> None:
    """Serves an open file through `response`, keeping the headers that the handler has set."""
    server = request.server
    tag = opened.tag
    if tag is None and options.etag_method == "hash" and server.etags.max_size > 0:
        tag = await server.etags.of(opened.key, opened.descriptor.number)
    start = min(options.start, opened.size)
    stop = opened.size if options.end is None else min(options.end + 1, opened.size)
    if opened.content is None:
        response.source = FileBody(opened.descriptor, start, stop, server.pool.call)
    else:
        opened.descriptor.close()
        response.source = opened.content[start:stop]
    settings, headers = response.more or {}, response.headers
    if "type" not in settings and "content-type" not in headers:
        mime = server.mime.path(opened.path)
        response.type(BYTES if mime is None else mime.type)
    headers.setdefault("last-modified", formatdate(opened.modified, usegmt=True))
    if options.mode:
        name = options.filename or PurePath(opened.path).name
        headers.setdefault("content-disposition", disposition(options.mode, name))
    if tag is not None and "etag" not in settings and "etag" not in headers:
        response.etag(tag)
    if options.lookup:
        response.vary("accept-encoding")
    if opened.coding is not None:
        headers["content-encoding"] = opened.coding


def disposition(mode: str, filename: str) -> str:
    """Content-Disposition with `filename` percent-encoded (inert) and, where they differ, `filename*` (RFC 6266)."""
    encoded = quote(filename, safe="!~*'()")
    extended = f"; filename*=UTF-8''{quote(filename, safe='')}" if encoded != filename else ""
    return f"{mode}; filename={encoded}{extended}"


async def prepare(path: str, options: FileOptions, response: Response, request: Request) -> None:
    """Opens the file at `path` and serves it through `response`; raises as `open_file`."""
    accept = request.header(b"accept-encoding") or "" if options.lookup else ""
    opened = await request.server.pool.call(open_file, path, options, request.server.etags, accept)
    await fill(response, request, opened, options)

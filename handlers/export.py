"""The export of a user's data as lines of JSON, which are read while they are sent."""

import json
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import islice
from typing import Any, Final

from hapiish import Request, Response, Toolkit

from .profile import profile_of

AT_ONCE: Final = 200
"""Lines that are read together. The memory of an export does not grow with its length."""


def export(request: Request, h: Toolkit) -> Response:
    """Streams lines `{kind, …}`: profile, session, friend, blocked, device, conversation, message, attachment.

    The last line is `{kind: "end", lines}`, with the number of lines before it. Without it, the export is incomplete.
    """
    response = h.response(_encoded(request, _lines(request)))
    return response.type("application/x-ndjson").header("content-disposition", 'attachment; filename="export.jsonl"')


async def _encoded(request: Request, lines: Iterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    count = 0
    while batch := await request.server.store.call(_next, lines):
        count += len(batch)
        yield b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in batch)
    yield json.dumps({"kind": "end", "lines": count}).encode() + b"\n"


def _next(lines: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    return list(islice(lines, AT_ONCE))


def _lines(request: Request) -> Iterator[dict[str, Any]]:
    models, me = request.models, request.auth.credentials["id"]
    users, devices = models.User, models.Device
    yield from _of("profile", [profile_of(request.server, me) if hasattr(users, "profile") else users.account(me)])
    for kind, name in (("session", "sessions_of"), ("friend", "friends_of"), ("blocked", "blocked_by")):
        if hasattr(users, name):  # another project's class need not have it
            yield from _of(kind, getattr(users, name)(me))
    yield from _of("device", devices.list_of(me))
    cursor: str | None = None
    while True:
        page, cursor = models.Conversation.list_of(me, limit=AT_ONCE, cursor=cursor)
        yield from _of("conversation", page)
        if cursor is None:
            break
    yield from _of("message", devices.written_by(me, AT_ONCE))
    if hasattr(models, "Attachment"):
        yield from _of("attachment", devices.files_of(models.Attachment, me))


def _of(kind: str, rows: Iterable[Any]) -> Iterator[dict[str, Any]]:
    for row in rows:
        if row is not None:
            yield {"kind": kind, **row}

"""Request bodies as streams and files: backpressure, limits and cleanup."""

import asyncio
import gzip
import sys
from pathlib import Path
from typing import Any

import pytest

from hapiish import Application
from hapiish.http.content.compression import LIBRARIES
from hapiish.table.problems import TableError
from hapiish.testing import inject
from hapiish.types import Message
from tests.http.conftest import Make

pytestmark = pytest.mark.anyio

CODE = """
import os

async def whole(request, h):
    return {"read": (await request.payload.read()).decode(), "mime": request.mime}

async def first(request, h):
    parts = [await request.payload.read(2), await request.payload.read(3), await request.payload.read(0)]
    return [part.decode() for part in [*parts, await request.payload.read(), await request.payload.read(5)]]

async def echo(request, h):
    return request.payload

async def nothing(request, h):
    return "unread"

def stored(request, h):
    with open(request.payload["path"], "rb") as file:
        return {"content": file.read().decode(), **request.payload, "mime": request.mime}

def shown(request, h):
    return request.payload
"""


def table(handler: str, payload: str, more: str = "") -> str:
    return f"routes:\n- {{method: POST, path: /, handler: 'my:{handler}', options: {{payload: {payload}{more}}}}}\n"


class Client:
    """One request of which the test says when its body goes on; `taken` counts the pieces that were asked for."""

    def __init__(self, *pieces: bytes, ends: bool = True, **headers: str) -> None:
        last = len(pieces) - 1
        self.pieces: list[Message] = [
            {"type": "http.request", "body": piece, "more_body": not (ends and at == last)}
            for at, piece in enumerate(pieces)
        ]
        self.headers = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        self.taken = 0
        self.sent: list[Message] = []
        self.piece_sent = asyncio.Event()
        self.may_leave = asyncio.Event()

    async def receive(self) -> Message:
        if self.taken < len(self.pieces):
            self.taken += 1
            return self.pieces[self.taken - 1]
        await self.may_leave.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)
        self.piece_sent.set()

    async def post(self, app: Application) -> tuple[int, bytes]:
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/",
            "raw_path": b"/",
            "query_string": b"",
            "root_path": "",
            "http_version": "1.1",
            "scheme": "http",
            "headers": self.headers,
            "client": ("127.0.0.1", 1),
        }
        await app(scope, self.receive, self.send)
        return self.sent[0]["status"], b"".join(message.get("body", b"") for message in self.sent[1:])


async def test_a_stream_is_read_as_it_arrives_whatever_its_type(make: Make) -> None:
    app = make(table("whole", "{output: stream}"), CODE)
    assert await Client(b"abc", b"", b"def", content_type="image/png").post(app) == (
        200,
        b'{"read":"abcdef","mime":"image/png"}',
    )
    app = make(table("first", "{output: stream}"), CODE)
    assert (await Client(b"abc", b"d", b"efg").post(app))[1] == b'["ab","cde","","fg",""]'


async def test_no_piece_is_taken_before_somebody_asks_for_it(make: Make) -> None:
    app = make(table("nothing", "{output: stream}"), CODE)
    client = Client(b"a", b"b")
    assert (await client.post(app))[1] == b"unread"
    assert client.taken == 0


async def test_a_stream_can_be_sent_back_while_it_arrives(make: Make) -> None:
    app = make(table("echo", "{output: stream}"), CODE)
    client = Client(*(b"%d," % number for number in range(50)))
    assert await client.post(app) == (200, b"".join(b"%d," % number for number in range(50)))


async def test_who_leaves_in_the_middle_ends_the_stream(make: Make) -> None:
    app = make(table("whole", "{output: stream}"), CODE)
    client = Client(b"a", ends=False)
    client.may_leave.set()
    await client.post(app)
    assert client.sent[0]["status"] == 400


@pytest.mark.parametrize("output", ["stream", "file"])
async def test_the_limit_holds_while_a_body_arrives(make: Make, output: str) -> None:
    app = make(table("whole", f"{{output: {output}, maxBytes: 5}}"), CODE)
    client = Client(b"abc", b"def", b"never")
    assert (await client.post(app))[0] == 413
    assert client.taken == 2
    client = Client(b"never", content_length="6")
    assert (await client.post(app))[0] == 413
    assert client.taken == 0
    bomb = gzip.compress(b" " * 100_000)
    app = make(table("whole", f"{{output: {output}, maxBytes: 500}}"), CODE)
    assert (await Client(bomb, content_encoding="gzip").post(app))[0] == 413


@pytest.mark.parametrize(
    ("parse", "expected"), [("true", b"content"), ("gunzip", b"content"), ("false", gzip.compress(b"content", mtime=0))]
)
async def test_a_coded_stream_is_undone_unless_nothing_is_parsed(make: Make, parse: str, expected: bytes) -> None:
    app = make(table("echo", f"{{output: stream, parse: {parse}}}"), CODE)
    body = gzip.compress(b"content", mtime=0)
    client = Client(body[:9], body[9:], content_encoding="gzip")
    assert await client.post(app) == (200, expected)


async def test_a_broken_coding_of_a_stream_is_told_to_its_reader(make: Make) -> None:
    app = make(table("whole", "{output: stream}"), CODE)
    assert (await Client(gzip.compress(b"content")[:-2], content_encoding="gzip").post(app))[0] == 400


async def test_a_body_on_disk_is_gone_after_the_response(make: Make) -> None:
    app = make(table("stored", "{output: file}"), CODE)
    response = await inject(app, method="POST", payload=b"content", headers={"content-type": "image/png"})
    assert response.json["content"] == "content"
    assert response.json["bytes"] == 7
    assert response.json["mime"] == "image/png"
    assert not await asyncio.to_thread(Path(response.json["path"]).exists)


async def test_a_body_on_disk_may_be_judged_by_its_size(make: Make) -> None:
    schema = ", validate: {payload: {properties: {bytes: {maximum: 5}}}}"
    app = make(table("stored", "{output: file}", schema), CODE)
    response = await inject(app, method="POST", payload=b"content")
    assert response.json["validation"]["keys"] == ["bytes"]


@pytest.mark.parametrize("coding", ["br", "zstd"])
async def test_codings_of_a_library_are_undone_where_the_table_names_them(make: Make, coding: str) -> None:
    library: Any = __import__(LIBRARIES[coding], fromlist=["compress"])
    request: Any = {"method": "POST", "payload": library.compress(b'{"a":1}'), "headers": {"content-encoding": coding}}
    app = make(table("shown", f"{{compression: {{{coding}: true}}}}"), CODE)
    assert (await inject(app, **request)).json == {"a": 1}
    refusal = await inject(make(table("shown", "{}"), CODE), **request)
    assert (refusal.status_code, refusal.headers["accept-encoding"]) == (415, "gzip, deflate")


async def test_a_coding_without_its_library_is_refused_when_the_table_is_compiled(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "brotli", None)
    with pytest.raises(TableError, match=r"HA0405 payload\.compression\.br needs the package brotli"):
        make(table("shown", "{compression: {br: {}}}"), CODE)


async def test_a_failure_to_read_may_be_ignored_or_decided_by_a_function(make: Make) -> None:
    code = CODE + "\n\nasync def decide(request, h, err):\n    return h.response([err.status_code]).takeover()\n"
    app = make(table("shown", "{multipart: true, failAction: ignore}"), code)
    broken: Any = {"method": "POST", "payload": b"--X", "headers": {"content-type": "multipart/form-data; boundary=X"}}
    assert (await inject(app, **broken)).status_code == 204
    app = make(
        table("shown", "{multipart: true, failAction: 'my:decide'}"), code.replace("err.status_code", "err.status")
    )
    assert (await inject(app, **broken)).json == [400]

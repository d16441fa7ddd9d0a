"""The HTTP protocol class writes each response at once, byte for byte equal to uvicorn's own protocol."""

import asyncio
import json
import re
from typing import Any

import pytest
from websockets.asyncio.client import connect

from hapiish.http.serving.coalescing import WRITE_AT_ONCE, CoalescingTransport
from hapiish.http.serving.protocol import HttpProtocol
from tests.realtime.support import serving

pytestmark = pytest.mark.anyio

PATIENCE = 10  # seconds
LONG = b"x" * (3 * WRITE_AT_ONCE)


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": (await receive())["text"] if scope["path"] == "/echo" else "hi"})
        await send({"type": "websocket.close"})
        return
    path = scope["path"]
    if path == "/crash":
        raise ValueError("the application's own mistake")
    if path == "/wait":
        await asyncio.Event().wait()
    if path == "/split":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"location", b"/\r\nset-cookie: a=b")]})
    if path == "/name":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"a:b", b"c")]})
    if path == "/body":
        body = b""
        while (message := await receive()).get("more_body"):
            body += message["body"]
        body += message["body"]
    else:
        body = LONG if path == "/long" else b"hello"
    headers = [(b"content-type", b"text/plain")]
    if path == "/close":
        headers.append((b"connection", b"close"))
    if path != "/chunked":
        headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if path == "/chunked":
        for part in (b"one", b"two"):
            await send({"type": "http.response.body", "body": part, "more_body": True})
            await asyncio.sleep(0)
        body = b""
    await send({"type": "http.response.body", "body": body})


async def answered(port: int, *requests: bytes) -> bytes:
    """Everything that comes back until the server closes, dates left out; the client then has nothing more to say."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in requests:
        writer.write(request)
        await writer.drain()
        await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return re.sub(rb"date: [^\r]*\r\n", b"", answer)


def get(path: str, *, last: bool = True, method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\n{'Connection: close' if last else 'A: b'}\r\n\r\n".encode()


@pytest.mark.parametrize(
    "requests",
    [
        [get("/")],
        [get("/", method="HEAD")],
        [get("/long")],
        [get("/chunked")],
        [get("/close", last=False)],
        [get("/", last=False) + get("/long", last=False) + get("/chunked", last=False) + get("/")],
        [b"POST /body HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\n", b"ab", b"cd"],
        [
            b"POST /body HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
            b"ab",
        ],
        [b"GET / HTTP/1.0\r\n\r\n"],
    ],
)
async def test_the_answers_are_uvicorns_own(requests: list[bytes]) -> None:
    async with serving(app, http=HttpProtocol) as ours, serving(app, http="httptools") as theirs:
        assert await answered(ours, *requests) == await answered(theirs, *requests)


@pytest.mark.parametrize("path", ["/crash", "/split", "/name"])
async def test_an_application_that_fails_is_answered_as_other_errors_and_ends_the_connection(path: str) -> None:
    async with serving(app, http=HttpProtocol) as port:
        answer = await answered(port, get(path, last=False), get("/"))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert b"connection: close" in head
    assert b"set-cookie" not in answer
    assert json.loads(body) == {
        "statusCode": 500,
        "error": "Internal Server Error",
        "message": "An internal server error occurred",
    }


async def test_a_body_without_a_length_is_not_chunked_for_a_client_that_does_not_know_chunks() -> None:
    async with serving(app, http=HttpProtocol) as port:
        answer = await answered(port, b"GET /chunked HTTP/1.0\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head
    assert body == b"onetwo"


async def test_a_request_that_the_server_cancels_is_answered_with_503() -> None:
    before = asyncio.all_tasks()
    async with serving(app, http=HttpProtocol) as port:
        waiting = asyncio.ensure_future(answered(port, get("/wait", last=False)))
        while not (running := [task for task in asyncio.all_tasks() - before if "RequestCycle.run" in repr(task)]):
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        running[0].cancel("the server ends")
        head, _, body = (await waiting).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"retry-after: 1" in head
    assert json.loads(body)["message"] == "The server is shutting down"


async def test_other_tasks_run_between_tiny_chunks_of_a_body() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counted: list[int] = []

    async def counting(scope: Any, receive: Any, send: Any) -> None:
        before = turns
        await app(scope, receive, send)
        counted.append(turns - before)

    chunks = 30_000
    head = b"POST /body HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with serving(counting, http=HttpProtocol) as port:
        counter = asyncio.create_task(count())
        answer = await answered(port, head + b"1\r\na\r\n" * chunks + b"0\r\n\r\n")
        counter.cancel()
    assert answer.endswith(b"\r\n\r\n" + b"a" * chunks)
    assert counted[0] > chunks / 300


async def test_a_websocket_is_upgraded_to() -> None:
    async with serving(app, http=HttpProtocol) as port, connect(f"ws://127.0.0.1:{port}/echo") as wire:
        await wire.send("there and back")
        assert await wire.recv() == "there and back"


class Wire:
    """A transport that only remembers."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def is_closing(self) -> bool:
        return self.closed

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.closed = True


async def test_what_is_written_in_one_turn_leaves_in_one_write() -> None:
    wire = Wire()
    coalescing = CoalescingTransport(wire, asyncio.get_running_loop())
    coalescing.write(b"head")
    coalescing.write(b"body")
    assert wire.written == []
    await asyncio.sleep(0)
    assert wire.written == [b"headbody"]


async def test_much_is_not_held_back() -> None:
    wire = Wire()
    coalescing = CoalescingTransport(wire, asyncio.get_running_loop())
    coalescing.write(b"head")
    coalescing.write(LONG)
    assert wire.written == [b"head" + LONG]


async def test_closing_comes_after_what_was_written() -> None:
    wire = Wire()
    coalescing = CoalescingTransport(wire, asyncio.get_running_loop())
    coalescing.write(b"last words")
    coalescing.close()
    assert (wire.written, wire.closed) == ([b"last words"], True)
    await asyncio.sleep(0)
    assert wire.written == [b"last words"]

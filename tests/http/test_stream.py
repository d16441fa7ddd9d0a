"""Streaming responses: sources, headers, and the ends of a stream."""

import asyncio
import logging
from typing import Any

import pytest

from hapiish.http.content.stream import BrokenOff
from hapiish.testing import inject
from tests.http.conftest import Make

pytestmark = pytest.mark.anyio

TABLE = """
routes:
  - {method: "*", path: "/{kind}", handler: my:handler}
"""

CODE = """
import asyncio
seen = []

class Sized:
    length = 10
    def __init__(self, data=b"0123456789"):
        self.data = data
        self.length = len(data)
    async def __aiter__(self):
        yield self.data[:4]
        yield self.data[4:]
    def part(self, start, end):
        return Sized(self.data[start:end + 1])
    async def aclose(self):
        seen.append("closed")

async def pieces():
    try:
        yield b"one, "
        yield ""
        yield "zwei \\u00fc, "
        yield bytearray(b"three")
    finally:
        seen.append("ended")

def blocking():
    import threading
    yield threading.current_thread().name.partition("_")[0]
    yield b"!"

async def wrong():
    yield b"begun"
    yield 5

async def crash():
    yield b"begun"
    raise ValueError("secret")

async def endless():
    try:
        while True:
            yield b"x" * 1000
            await asyncio.sleep(0)
    finally:
        seen.append("ended")

async def waits():
    try:
        yield b"first"
        await asyncio.Event().wait()
    finally:
        seen.append("ended")

KINDS = {"pieces": pieces, "blocking": blocking, "wrong": wrong, "crash": crash, "sized": Sized,
         "endless": endless, "waits": waits, "empty": lambda: Sized(b"")}

async def handler(request, h):
    kind = request.params["kind"]
    if kind == "typed":
        return h.response(pieces()).type("text/plain").code(201).header("x-own", "1")
    if kind == "tagged":
        return h.response(Sized()).etag("v1")
    return KINDS[kind]()
"""


def seen(app: Any) -> list[str]:
    return app.server.match("GET", "/x").handler.__globals__["seen"]  # type: ignore[no-any-return]


async def test_an_async_generator_is_sent_as_it_comes_and_without_a_length(make: Make) -> None:
    app = make(TABLE, CODE)
    response = await inject(app, url="/pieces")
    assert (response.status_code, response.text) == (200, "one, zwei ü, three")
    assert response.headers["content-type"] == "application/octet-stream"
    assert not {"content-length", "accept-ranges"} & response.headers.keys()
    assert seen(app) == ["ended"]


async def test_a_plain_generator_runs_in_the_pool(make: Make) -> None:
    assert (await inject(make(TABLE, CODE), url="/blocking")).text == "hapiish!"


async def test_a_stream_takes_a_type_a_status_and_headers(make: Make) -> None:
    response = await inject(make(TABLE, CODE), url="/typed")
    assert response.status_code == 201
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers["x-own"] == "1"


async def test_a_body_that_knows_its_length_has_it_in_the_head_and_answers_ranges(make: Make) -> None:
    app = make(TABLE, CODE)
    whole = await inject(app, url="/sized")
    assert (whole.headers["content-length"], whole.headers["accept-ranges"], whole.text) == (
        "10",
        "bytes",
        "0123456789",
    )
    part = await inject(app, url="/sized", headers={"range": "bytes=2-5"})
    assert (part.status_code, part.headers["content-length"], part.text) == (206, "4", "2345")
    assert part.headers["content-range"] == "bytes 2-5/10"


async def test_an_empty_body_object_is_a_204(make: Make) -> None:
    response = await inject(make(TABLE, CODE), url="/empty")
    assert (response.status_code, response.payload) == (204, b"")


@pytest.mark.parametrize(
    ("method", "url", "headers", "status"),
    [("HEAD", "/sized", {}, 200), ("GET", "/tagged", {"if-none-match": '"v1"'}, 304)],
)
async def test_a_body_that_is_not_sent_is_closed(
    make: Make, method: str, url: str, headers: dict[str, str], status: int
) -> None:
    app = make(TABLE, CODE)
    response = await inject(app, method=method, url=url, headers=headers)
    assert (response.status_code, response.payload, seen(app)) == (status, b"", ["closed"])


@pytest.mark.parametrize("kind", ["wrong", "crash"])
async def test_a_stream_that_fails_breaks_the_connection_off_and_is_logged(
    make: Make, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(BrokenOff) as caught:
        await inject(make(TABLE, CODE), url=f"/{kind}")
    assert "secret" not in str(caught.value)
    assert [record.levelname for record in caplog.records if record.name == "hapiish"] == ["ERROR"]


@pytest.mark.parametrize("kind", ["endless", "waits"])
async def test_a_client_that_leaves_ends_the_stream(make: Make, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    app = make(TABLE + "server: {routes: {response: {disconnectStatusCode: 598}}}\n", CODE)
    sent, left = [], asyncio.Event()

    async def receive() -> dict[str, Any]:
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)
        if message.get("body"):
            left.set()
        await asyncio.sleep(0)

    await app.server.start()
    caplog.set_level(logging.INFO)
    await app.server.dispatch(scope(f"/{kind}"), receive, send)
    assert sent[0]["status"] == 200
    assert sent[-1]["more_body"] is True
    assert seen(app) == ["ended"]
    assert [record.__dict__["fields"]["status"] for record in caplog.records if record.name == "hapiish.access"] == [
        598
    ]


async def test_a_server_that_tells_of_the_client_by_an_error_ends_the_stream_too(make: Make) -> None:
    app = make(TABLE, CODE)

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        if message.get("body"):
            raise OSError("the client is gone")

    await app.server.start()
    await app.server.dispatch(scope("/endless"), receive, send)
    assert seen(app) == ["ended"]


async def test_a_slow_client_slows_the_stream_down(make: Make) -> None:
    app = make(TABLE, CODE)
    gate = asyncio.Semaphore(3)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        await gate.acquire()
        sent.append(message)

    await app.server.start()
    task = asyncio.create_task(app.server.dispatch(scope("/endless"), receive, send))
    for _ in range(50):
        await asyncio.sleep(0)
    assert len(sent) == 3
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen(app) == ["ended"]


async def test_a_stream_in_place_of_which_something_else_is_sent_is_closed(make: Make) -> None:
    table = TABLE + 'ext: {onPreResponse: "my:instead"}\n'
    code = CODE + "async def instead(request, h):\n    return {'instead': request.response.source.length}\n"
    app = make(table, code)
    assert (await inject(app, url="/sized")).json == {"instead": 10}
    assert seen(app) == ["closed"]


async def test_on_pre_response_may_wrap_a_stream(make: Make) -> None:
    code = (
        CODE
        + """
async def wrap(request, h):
    async def louder(source):
        async for chunk in source:
            yield bytes(chunk).upper() if not isinstance(chunk, str) else chunk.upper()
    return h.response(louder(request.response.source)).type("text/plain")
"""
    )
    response = await inject(make(TABLE + 'ext: {onPreResponse: "my:wrap"}\n', code), url="/pieces")
    assert response.text == "ONE, ZWEI Ü, THREE"


def scope(path: str) -> dict[str, Any]:
    return {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 1),
        "scheme": "http",
        "http_version": "1.1",
    }

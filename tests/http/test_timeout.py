"""`timeout.server`, disconnected clients, and functions that respond by themselves."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from hapiish import TableError
from hapiish.http.serving.protocol import HttpProtocol
from hapiish.testing import inject
from tests.http.conftest import Make
from tests.realtime.support import serving

pytestmark = pytest.mark.anyio

PATIENCE = 10  # seconds

TABLE = """
ext:
  onPreResponse: my:before
  onPostResponse: my:after
routes:
  - {method: GET, path: /slow, handler: "my:slow", options: {timeout: {server: 30}}}
  - {method: GET, path: /blocking, handler: "my:blocking", options: {timeout: {server: 30ms}}}
  - {method: GET, path: /quick, handler: "my:quick", options: {timeout: {server: 1m}}}
  - {method: GET, path: /own, handler: "my:own", options: {timeout: {server: 1m}}}
  - {method: GET, path: /step, handler: "my:quick", options: {timeout: {server: 30}, pre: ["my:slow"]}}
  - {method: GET, path: /waits, handler: "my:slow", options: {response: {disconnectStatusCode: 444}}}
  - {method: GET, path: /thread, handler: "my:thread"}
  - {method: GET, path: /stream, handler: "my:stream"}
  - {method: GET, path: /gathered, handler: "my:quick", options: {pre: [["my:quick", "my:slow"]]}}
  - {method: GET, path: /abandon, handler: "my:abandon"}
  - {method: GET, path: /close, handler: "my:close"}
  - {method: GET, path: /ends, handler: "my:ends"}
  - {method: GET, path: /early, handler: "my:quick", options: {ext: {onPreAuth: "my:close"}}}
  - {method: GET, path: /pre, handler: "my:quick", options: {pre: [["my:quick", "my:abandon"]]}}
  - {method: GET, path: /late, handler: "my:quick", options: {ext: {onPostHandler: "my:abandon"}}}
"""

CODE = """
import asyncio
import threading
seen = []
begun, release = threading.Event(), threading.Event()

async def slow(request, h):
    begun.set()
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        seen.append("cancelled")
        raise

async def stream(request, h):
    async def forever():
        try:
            yield b"first"
            await asyncio.Event().wait()
        finally:
            seen.append("ended")
    return forever()

def blocking(request, h):
    begun.set()
    release.wait(10)
    seen.append(("active", request.active()))
    return "late"

def thread(request, h):
    begun.set()
    release.wait(10)
    seen.append("done")
    return "answer"

async def quick(request, h):
    return "quick"

async def own(request, h):
    raise TimeoutError("the handler's own")

async def abandon(request, h):
    await request.send({"type": "http.response.start", "status": 203, "headers": [(b"content-length", b"3")]})
    await request.send({"type": "http.response.body", "body": b"raw"})
    return h.abandon

async def close(request, h):
    return h.close

async def ends(request, h):
    await request.send({"type": "http.response.start", "status": 203, "headers": []})
    await request.send({"type": "http.response.body", "body": b"raw", "more_body": True})
    return h.close

async def before(request, h):
    seen.append(("before", request.response.status_code))
    return h.continue_

async def after(request, h):
    seen.append(("after", request.response.status_code))
"""


def of(app: Any, name: str) -> Any:
    return app.server.match("GET", "/abandon").handler.__globals__[name]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("path", ["/slow", "/step"])
async def test_a_handler_that_takes_too_long_is_cancelled_and_answered_for(make: Make, path: str) -> None:
    app = make(TABLE, CODE)
    response = await inject(app, url=path)
    assert response.json == {"statusCode": 503, "error": "Service Unavailable", "message": "Service Unavailable"}
    assert of(app, "seen") == ["cancelled", ("before", 503), ("after", 503)]


async def test_a_handler_in_a_thread_is_answered_for_and_learns_that_nobody_waits(make: Make) -> None:
    app = make(TABLE, CODE)
    assert (await inject(app, url="/blocking")).status_code == 503
    of(app, "release").set()
    await until(lambda: ("active", False) in of(app, "seen"))


async def test_in_time_nothing_is_changed(make: Make) -> None:
    app = make(TABLE, CODE)
    assert (await inject(app, url="/quick")).text == "quick"
    assert (await inject(app, url="/own")).status_code == 500
    assert of(app, "seen") == [("before", 200), ("after", 200), ("before", 500), ("after", 500)]


@pytest.mark.parametrize("value", ["0", "-1", "0s", "true", "soon"])
def test_a_timeout_is_longer_than_nothing(make: Make, value: str) -> None:
    with pytest.raises(TableError) as caught:
        make(f"routes: [{{method: GET, path: /, handler: 'my:x', options: {{timeout: {{server: {value}}}}}}}]")
    assert [(problem.mark.line, problem.mark.column) for problem in caught.value.problems] == [(1, 78)]


@asynccontextmanager
async def connected(app: Any, path: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    await app.server.start()
    async with serving(app, http=HttpProtocol) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        try:
            yield reader, writer
        finally:
            writer.close()


async def test_a_client_that_leaves_cancels_the_handler(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    app = make(TABLE, CODE)
    async with connected(app, "/waits") as (_, writer):
        await asyncio.to_thread(of(app, "begun").wait, PATIENCE)
        writer.close()
        await until(lambda: ("after", 444) in of(app, "seen"))
        await until(lambda: any(record.name == "hapiish.access" for record in caplog.records))
    assert of(app, "seen") == ["cancelled", ("after", 444)]
    assert [record.levelname for record in caplog.records if record.levelno > logging.INFO] == []


async def test_a_client_that_leaves_cancels_what_runs_beside_each_other(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    app = make(TABLE, CODE)
    async with connected(app, "/gathered") as (_, writer):
        await asyncio.to_thread(of(app, "begun").wait, PATIENCE)
        writer.close()
        await until(lambda: ("after", 499) in of(app, "seen"))
    assert of(app, "seen") == ["cancelled", ("after", 499)]
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


async def test_a_client_that_leaves_ends_a_stream(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    app = make(TABLE, CODE)
    async with connected(app, "/stream") as (reader, writer):
        async with asyncio.timeout(PATIENCE):
            await reader.readuntil(b"first")
        writer.close()
        await until(lambda: "ended" in of(app, "seen"))
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


async def test_a_client_that_leaves_does_not_stop_what_a_thread_has_begun(make: Make) -> None:
    app = make(TABLE, CODE)
    async with connected(app, "/thread") as (_, writer):
        await asyncio.to_thread(of(app, "begun").wait, PATIENCE)
        writer.close()
        await writer.wait_closed()
        await asyncio.sleep(0.05)
        of(app, "release").set()
        await until(lambda: ("after", 200) in of(app, "seen"))
    assert of(app, "seen") == ["done", ("before", 200), ("after", 200)]


async def test_a_cancellation_from_elsewhere_is_not_taken_for_a_client(make: Make) -> None:
    app = make(TABLE, CODE)
    task = asyncio.create_task(inject(app, url="/waits"))
    await asyncio.to_thread(of(app, "begun").wait, PATIENCE)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_after_abandon_the_framework_sends_nothing(make: Make) -> None:
    app = make(TABLE, CODE)
    response = await inject(app, url="/abandon")
    assert (response.status_code, response.text) == (203, "raw")
    assert of(app, "seen") == [("after", 203)]
    assert (await inject(app, url="/pre")).text == "raw"
    assert (await inject(app, url="/late")).text == "raw"


async def test_close_ends_what_the_handler_began(make: Make) -> None:
    response = await inject(make(TABLE, CODE), url="/ends")
    assert (response.status_code, response.text) == (203, "raw")


@pytest.mark.parametrize("path", ["/close", "/early"])
async def test_close_without_an_answer_closes_the_connection(
    make: Make, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = make(TABLE, CODE)
    async with connected(app, path) as (reader, _), asyncio.timeout(PATIENCE):
        assert await reader.read() == b""
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []

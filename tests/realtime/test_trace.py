"""Observability of events: access log lines, server events, and log levels."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from hapiish import Application, create_app
from tests.realtime.support import member, raw, serving

pytestmark = pytest.mark.anyio

TABLE = """
auth: {schemes: {kit: "my:Kit"}, strategies: {one: {scheme: kit}, two: {scheme: kit, options: {lets: true}}}}
events: {response: ["my:responded"], request: ["my:noted"]}
server: {accessLog: ACCESS}
ext: {onPreResponse: ["my:last"]}
sockets:
  namespaces:
    - namespace: /
      auth: two
      events:
        - event: good
          id: socket.good
          handler: my:good
          options: {validate: {payload: {type: object, properties: {n: {type: integer}}}}}
        - {event: crash, handler: "my:crash"}
        - {event: unsendable, handler: "my:unsendable"}
        - {event: scoped, handler: "my:good", options: {auth: {scope: [admin]}}}
        - {event: limited, handler: "my:good", options: {limit: {max: 1, duration: 1h}}}
    - {namespace: /closed, auth: one, onDisconnect: "my:gone"}
routes: []
"""

CODE = """
from hapiish import boom

seen = []
class Kit:
    def __init__(self, server, options): self.lets = "lets" in (options or {})
    async def authenticate(self, request, h):
        if self.lets:
            return h.authenticated(credentials={"scope": ["user"]})
        raise boom.Unauthorized("no", scheme="Kit")
async def responded(request):
    seen.append((request.method, request.path, request.response.status_code, request.info.responded > 0))
async def noted(request, event, tags): seen.append((event.channel, *tags))
async def good(request, h): return {"n": 1}
async def crash(request, h): raise ValueError("secret")
async def unsendable(request, h): return {"x": object()}
async def last(request, h):
    request.app["last"] = True
    return h.continue_
async def gone(request, h): pass
"""


@pytest.fixture
def app(tmp_path: Path, caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest) -> Application:
    caplog.set_level(logging.INFO, "hapiish")
    access = getattr(request, "param", "true")
    (tmp_path / "routes.yaml").write_text(TABLE.replace("ACCESS", access))
    (tmp_path / "my.py").write_text(CODE)
    return create_app(tmp_path / "routes.yaml", env={})


def seen(app: Application) -> list[Any]:
    (listener,) = app.server.compiled.events.listeners["response"]
    return listener.function.__globals__["seen"]  # type: ignore[no-any-return]


def fields(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [record.fields for record in caplog.records if record.name == "hapiish.access"]  # type: ignore[attr-defined]


async def test_every_event_has_one_line_with_its_status(app: Application, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(app) as port, member(port) as client:
        (sid,) = app.server.realtime._hub.manager.rooms["/"][None]  # type: ignore[union-attr]
        caplog.clear()
        await client.ask("good", {"n": 1})
        await client.ask("good", {"n": "x"})
        await client.ask("nobody\nhere", {})
        await client.ask("scoped", {})
        await client.ask("limited", {})
        await client.ask("limited", {})
        await client.ask("crash", {})
        await client.ask("connect", {})
        await client.send('42["good",{"n":2}]')  # without an acknowledgement
        await client.ask("good", {"n": 3})
        told = fields(caplog)
    assert [(line["path"], line["status"]) for line in told] == [
        ("good", 200),
        ("good", 400),
        ("nobody\nhere", 404),
        ("scoped", 403),
        ("limited", 200),
        ("limited", 429),
        ("crash", 500),
        ("connect", 400),
        ("good", 200),
        ("good", 200),
    ]
    first = told[0]
    assert {key: first[key] for key in ("method", "namespace", "route", "socket", "remote_address")} == {
        "method": "EVENT",
        "namespace": "/",
        "route": "socket.good",
        "socket": sid,
        "remote_address": "127.0.0.1",
    }
    assert first["bytes"] > 0
    assert len({line["request_id"] for line in told}) == len(told)
    lines = [record.getMessage() for record in caplog.records if record.name == "hapiish.access"]
    assert lines[0].startswith("EVENT / good 200 ")
    assert "\n" not in "".join(lines)


async def test_a_crash_is_logged_once_with_its_traceback_and_its_line_says_500(
    app: Application, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(app) as port, member(port) as client:
        for event in ("crash", "unsendable"):
            caplog.clear()
            answer = await client.ask(event, {})
            assert answer["error"]["statusCode"] == 500
            (error,) = [record for record in caplog.records if record.levelno == logging.ERROR]
            assert error.exc_info is not None
            (line,) = fields(caplog)
            assert (line["path"], line["status"]) == (event, 500)
            assert line["request_id"] in error.getMessage()


async def test_listeners_hear_of_events_as_of_requests(app: Application) -> None:
    async with serving(app) as port, member(port) as client:
        await client.ask("good", {"n": 1})
        await client.ask("nobody", {})
        await client.ask("crash", {})
    told = seen(app)
    assert [each for each in told if each[0] == "event"] == [
        ("event", "good", 200, True),
        ("event", "nobody", 404, True),
        ("event", "crash", 500, True),
    ]
    assert ("error", "internal", "error") in told
    assert ("internal", "handler", "error") in told


@pytest.mark.parametrize("app", ["false"], indirect=True)
async def test_without_the_access_log_nothing_is_written_and_listeners_hear(
    app: Application, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(app) as port, member(port) as client:
        await client.ask("good", {"n": 1})
    assert fields(caplog) == []
    assert ("event", "good", 200, True) in seen(app)


async def test_coming_being_refused_and_leaving_have_a_line_each(
    app: Application, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(app) as port:
        async with member(port) as client:
            await client.send("40/closed,")
            await client.until("44/closed,")
            await client.send("40/nowhere,")
            await client.until("44/nowhere,")
        await asyncio.sleep(0)
    told = [(line["method"], line["namespace"], line.get("status", line.get("reason"))) for line in fields(caplog)]
    assert told == [("CONNECT", "/", 200), ("CONNECT", "/closed", 401), ("DISCONNECT", "/", "transport close")]
    assert "a connection to '/nowhere' is refused: Invalid namespace" in caplog.text
    assert {record.levelno for record in caplog.records if record.name.startswith("hapiish")} == {logging.INFO}


@pytest.mark.parametrize(
    ("sent", "detail"),
    [
        ("4x", "not a packet that clients send"),
        ('42["good",{"x":"' + "x" * 70000 + '"}]', "too big"),
        ('42["good",', "the event's payload is not JSON"),
    ],
    ids=["unknown", "big", "torn"],
)
async def test_what_breaks_the_protocol_is_one_line_that_says_what(
    app: Application, caplog: pytest.LogCaptureFixture, sent: str, detail: str
) -> None:
    async with serving(app) as port, raw(port) as client:
        await client.join()
        await client.send(sent)
        await client.closed()
    (told,) = [record for record in caplog.records if record.name == "hapiish.realtime"]
    assert told.levelno == logging.INFO
    assert f"127.0.0.1 is closed: parse error ({detail})" in told.getMessage()
    assert fields(caplog)[-1]["reason"] == "parse error"


async def test_a_frame_that_is_no_text_is_told(app: Application, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(app) as port, raw(port) as client:
        await client.join()
        await client.wire.send(b"\xff\xfe", text=True)
        await client.closed()
    told = [record for record in caplog.records if record.name == "hapiish.realtime"]
    assert {record.levelno for record in told} == {logging.INFO}
    assert "127.0.0.1 is closed: parse error (" in told[-1].getMessage()


async def test_an_event_for_a_namespace_that_is_not_open_is_told(
    app: Application, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(app) as port, member(port) as client:
        assert (await client.ask("good", {}, namespace="/closed"))["error"]["code"] == "not_connected"
    assert "an event for '/closed' from a client that is not connected to it" in caplog.text


async def test_a_client_that_does_not_read_is_a_warning(app: Application, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(app) as port, member(port):
        (transport,) = app.server.realtime._hub.eio.sockets.values()  # type: ignore[union-attr]
        transport.stop("slow")
        assert transport._ending is not None
        await transport._ending
    (warning,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "127.0.0.1 is closed: slow" in warning.getMessage()

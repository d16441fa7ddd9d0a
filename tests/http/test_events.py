"""`server.events`: events of requests, their listeners, and their log entries."""

import asyncio
import logging
from typing import Any

import pytest

from hapiish import TableError
from hapiish.http.exchange.events import Events
from hapiish.testing import inject
from tests.http.conftest import Make

pytestmark = pytest.mark.anyio

TABLE = """
auth:
  schemes: {kit: "my:Scheme"}
  strategies: {one: {scheme: kit}}
events:
  request: ["my:request"]
routes:
  - {method: GET, path: /, handler: "my:handler"}
  - {method: GET, path: /collected, handler: "my:handler", options: {log: {collect: true}}}
  - {method: GET, path: /thread, handler: "my:thread"}
  - {method: GET, path: /fails, handler: "my:fails"}
  - {method: GET, path: /conflict, handler: "my:conflict"}
  - {method: GET, path: /ext, handler: "my:handler", options: {ext: {onPreAuth: "my:conflict"}}}
  - {method: GET, path: /pre, handler: "my:handler", options: {pre: [{method: "my:conflict", failAction: log}]}}
  - {method: GET, path: /closed, handler: "my:handler", options: {auth: {strategy: one, scope: [admin]}}}
  - {method: GET, path: /slow, handler: "my:slow", options: {timeout: {server: 20}}}
  - method: GET
    path: /query
    handler: my:handler
    options: {validate: {query: false, failAction: log}}
"""

CODE = """
import asyncio
seen = []

class Scheme:
    def __init__(self, server, options): pass
    async def authenticate(self, request, h):
        if "user" not in request.query:
            raise boom.Unauthorized("no", scheme="Kit")
        return h.authenticated(credentials={"scope": ["user"]})

async def request(request, event, tags):
    seen.append((event.channel, " ".join(tags)))

async def handler(request, h):
    request.log(["note", "debug"], {"n": 1})
    return {"logs": [event.data for event in request.logs]}

def thread(request, h):
    request.log("from a thread")

async def fails(request, h):
    raise ValueError("secret")

async def conflict(request, h):
    raise boom.Conflict("taken")

async def slow(request, h):
    await asyncio.Event().wait()

def heard(*given):
    seen.append(given)

async def broken(*given):
    raise ValueError("a listener")
"""


def seen(app: Any) -> list[Any]:
    return app.server.match("GET", "/").handler.__globals__["seen"]  # type: ignore[no-any-return]


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/", [("app", "note debug")]),
        ("/thread", [("app", "from a thread")]),
        ("/fails", [("internal", "handler error"), ("error", "internal error")]),
        ("/conflict", [("internal", "handler error")]),
        ("/ext", [("internal", "ext error onPreAuth")]),
        ("/pre", [("internal", "pre error"), ("app", "note debug")]),
        ("/closed", [("internal", "auth unauthenticated error one")]),
        ("/closed?user=1", [("internal", "auth scope error")]),
        ("/slow", [("internal", "request server timeout error")]),
        ("/query?x=1", [("internal", "validation error query"), ("app", "note debug")]),
    ],
)
async def test_what_happens_to_a_request_is_told_with_hapis_tags(make: Make, url: str, expected: list[Any]) -> None:
    app = make(TABLE, CODE)
    await inject(app, url=url)
    await settle()
    assert seen(app) == expected


async def test_the_events_of_a_request_are_kept_where_the_route_collects_them(make: Make) -> None:
    app = make(TABLE, CODE)
    assert (await inject(app, url="/collected")).json == {"logs": [{"n": 1}]}
    assert (await inject(app, url="/")).json == {"logs": []}


async def test_a_response_is_told_when_it_has_left(make: Make) -> None:
    app = make(TABLE + "ext: {onPostResponse: 'my:after'}", CODE + "async def after(request, h): seen.append('after')")
    heard: list[Any] = []

    def listen(request: Any) -> None:
        heard.append((request.path, request.response.status_code, request.info.responded is not None, [*seen(app)]))

    app.server.events.on("response", listen)
    await inject(app, url="/conflict")
    assert heard == [("/conflict", 409, True, [])]
    app.server.events.remove_listener("response", listen)
    await inject(app, url="/")
    assert len(heard) == 1


async def test_without_listeners_a_response_is_told_to_nobody_but_the_log(make: Make) -> None:
    app = make(TABLE, CODE)
    told = [len(app.server.dispatch.observers)]
    app.server.events.once("response", lambda request: None)
    told.append(len(app.server.dispatch.observers))
    await inject(app, url="/")
    assert [*told, len(app.server.dispatch.observers)] == [1, 2, 1]
    assert make("server: {accessLog: false}\nroutes: []").server.dispatch.observers == ()


async def test_the_life_of_a_server_is_told(make: Make) -> None:
    table = (
        "events: {start: 'my:on', closing: ['my:on'], stop: {listeners: 'my:on'}, route: 'my:on'}\n"
        + TABLE.replace('events:\n  request: ["my:request"]\n', "")
    )
    app = make(table, CODE + "async def on(*given): seen.append(given and given[0].path)")
    await app.server.start()
    await settle()
    assert seen(app) == [*(route.path for route in app.server.table()), ()]
    seen(app).clear()
    assert await app.reload() == []
    await settle()
    assert len(seen(app)) == len(app.server.table())
    seen(app).clear()
    await app.server.stop()
    assert seen(app) == [(), ()]


async def test_an_application_has_events_of_its_own(make: Make) -> None:
    table = "events: {orders: {channels: [new, old], listeners: [{method: 'my:heard', channels: new, count: 1}]}}\n"
    app = make(table + "routes: [{method: GET, path: /, handler: 'my:handler'}]", CODE)
    await app.server.start()
    events = app.server.events
    events.emit("orders", 1, channel="old")
    assert await events.gauge("orders", 2, channel="new") == [None]
    events.emit("orders", 3, channel="new")
    await settle()
    assert seen(app) == [(2,)]
    app.server.event("more", channels=["a"])
    events.on("more", lambda data: seen(app).append(data))
    events.emit("more", "told")
    assert seen(app)[-1] == "told"
    with pytest.raises(ValueError, match="declared already"):
        app.server.event("orders")
    await app.server.stop()


async def test_a_listener_that_fails_hurts_nobody(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    app = make(TABLE.replace('["my:request"]', '["my:broken", "my:request"]'), CODE)
    assert (await inject(app, url="/")).status_code == 200
    await settle()
    assert seen(app) == [("app", "note debug")]
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_a_listener_chooses_by_channels_and_tags() -> None:
    events = Events()
    heard: list[str] = []
    loop = asyncio.new_event_loop()
    events.loop = loop
    events.register("x", ["a", "b"])
    events.on("x", lambda data: heard.append(f"one {data}"), tags=["t", "u"])
    events.on("x", lambda data: heard.append(f"all {data}"), tags=["t", "u"], every=True)
    events.on("x", lambda data: heard.append(f"b {data}"), channels=["b"])
    events.emit("x", 1, tags=["t"])
    events.emit("x", 2, tags=["u", "t"], channel="a")
    events.emit("x", 3, channel="b")
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    assert heard == ["one 1", "one 2", "all 2", "b 3"]


def test_unknown_names_and_channels_are_refused() -> None:
    events = Events()
    for call in (lambda: events.emit("respnse"), lambda: events.on("x", print), lambda: events.has_listeners("x")):
        with pytest.raises(ValueError, match="unknown event"):
            call()
    with pytest.raises(ValueError, match="no channel"):
        events.on("request", print, channels=["app", "apps"])
    with pytest.raises(ValueError, match="no channel"):
        events.emit("log", channel="apps")


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("events: {respnse: a:b}", "1:10", 'HA0374 unknown server event "respnse"; did you mean "response"?'),
        ("events: {response: {channels: [a]}}", "1:21", "HA0374"),
        ("events: {request: [{method: a:b, channels: apps}]}", "1:34", 'did you mean "app"?'),
        ("events: {x: {channels: [a], listeners: [{method: a:b, channels: b}]}}", "1:55", 'no channel "b"'),
        ("events: {log: 5}", "1:15", "HA0201"),
        ("server: {debug: true}", "1:17", "a mapping with request and log, or false"),
    ],
)
def test_listeners_to_nothing_are_refused(make: Make, text: str, place: str, said: str) -> None:
    with pytest.raises(TableError) as caught:
        make(text)
    (problem,) = caught.value.problems
    assert f"{problem.mark.line}:{problem.mark.column}" == place
    assert said in f"{problem.code} {problem.message}"


@pytest.mark.parametrize(
    ("debug", "url", "printed"),
    [
        ("{}", "/", ["[note debug] {'n': 1}"]),
        ("{}", "/conflict", []),
        ("{}", "/pre", ["[pre error] taken", "[note debug] {'n': 1}"]),
        ("false", "/pre", []),
        ("{request: false}", "/", []),
        ("{request: '*'}", "/conflict", ["[handler error] taken"]),
        ("{request: [note]}", "/pre", ["[note debug] {'n': 1}"]),
        ("{request: [handler, other]}", "/conflict", ["[handler error] taken"]),
    ],
)
async def test_the_log_has_what_the_table_wants(
    make: Make, caplog: pytest.LogCaptureFixture, debug: str, url: str, printed: list[str]
) -> None:
    caplog.set_level(logging.DEBUG, "hapiish")
    app = make(TABLE + f"server: {{accessLog: false, debug: {debug}}}", CODE)
    await inject(app, url=url)
    assert [record.getMessage() for record in caplog.records if record.name == "hapiish"] == printed


async def test_what_a_client_did_wrong_is_a_warning_without_a_traceback(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    await inject(make(TABLE, CODE), url="/pre")
    (record,) = [record for record in caplog.records if record.levelno > logging.INFO]
    assert (record.levelname, record.exc_info) == ("WARNING", None)
    assert record.getMessage().startswith("[pre error] taken")


async def test_a_500_is_logged_whatever_the_table_wants(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    app = make(TABLE + "server: {debug: false}", CODE)
    await inject(app, url="/fails")
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "secret"


async def test_an_event_of_the_server_is_told_and_logged(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "hapiish")
    app = make(TABLE + "server: {debug: {log: [told]}}", CODE)
    heard: list[Any] = []
    app.server.events.on("log", lambda event, tags: heard.append((event.channel, event.tags, event.data, event.error)))
    error = ValueError("x")
    app.server.log("told", "one")
    app.server.log(["quiet"], error)
    assert heard == [("app", ("told",), "one", None), ("app", ("quiet",), error, error)]
    assert [record.getMessage() for record in caplog.records] == ["[told] one"]


async def test_the_caches_of_methods_are_told_when_the_server_starts_and_after_a_reload(make: Make) -> None:
    app = make(
        """
        events: {cachePolicy: ["my:told"]}
        caches: [{name: small, provider: memory}]
        methods:
          a.b: {method: "my:value", cache: {cache: small, expiresIn: 1m, generateTimeout: false}}
          c: {method: "my:value", cache: {segment: mine, expiresIn: 1m, generateTimeout: false}}
          d: "my:value"
        routes: [{method: GET, path: /, handler: "my:handler"}]
        """,
        """
        seen = []
        async def told(policy, cache, segment): seen.append([policy.segment, cache, segment])
        async def value(x): return x
        async def handler(request, h): return seen
        """,
    )
    told = [["#a.b", "small", "#a.b"], ["mine", None, "mine"]]
    assert (await inject(app, url="/")).json == told
    assert await app.reload() == []
    assert (await inject(app, url="/")).json == told

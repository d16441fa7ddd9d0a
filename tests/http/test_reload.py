"""A request that begins before a reload completes with its table; the next request uses the new table."""

import asyncio
import gzip
import json
import logging
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from hapiish import Application, create_app
from hapiish.http.cookies.iron import unseal
from hapiish.table.problems import Problem
from hapiish.testing import Injected, inject

pytestmark = pytest.mark.anyio

ENCODINGS = {"accept-encoding": "gzip, deflate"}
PASSWORD = "a password of at least 32 characters!"

TABLE = """
models: {Thing: "my:Thing"}
methods:
  version: my:version
  cached: {method: "my:version", cache: {expiresIn: 1m, generateTimeout: false, cache: kept-MARK}}
caches:
  - {name: kept-MARK, provider: memory}
  - {name: sessions, provider: memory, options: {maxByteSize: BYTES}}
views: {path: templates-MARK}
state: {cookie-MARK: {encoding: base64json, isSecure: false}}
session:
  name: session-MARK
  maxCookieSize: 0
  cache: {cache: sessions}
  cookieOptions: {password: PASSWORD, isSecure: false}
auth:
  schemes: {any: "my:Scheme"}
  strategies: {it: {scheme: any, options: {name: MARK}}}
  default: it
events:
  response: my:responded
  request: my:requested
  log: my:logged
  custom-MARK: {listeners: ["my:heard"]}
plugins: [{plugin: "my:plugin"}]
ext:
  onRequest: my:on_request
  onPreAuth: my:on_pre_auth
  onCredentials: my:on_credentials
  onPostAuth: my:on_post_auth
  onPreHandler: my:on_pre_handler
  onPostHandler: my:on_post_handler
  onPreResponse: my:on_pre_response
  onPostResponse: my:on_post_response
server:
  host: MARK.test
  accessLog: true
  requestId: {generate: "my:identify"}
  compression: {encodings: [ENCODING], minBytes: 1}
  mime: {override: {application/json: {compressible: true, extensions: [MARK]}}}
  query: {parser: "my:parse"}
  routes: {response: {errors: {body: "my:error_body"}}}
routes:
  - method: POST
    path: /
    id: main
    handler: my:handler
    options:
      bind: my:MARKER
      pre: [{method: "my:pre", assign: pre}, {method: "my:threaded", assign: threaded}]
      validate: {payload: "my:valid_payload", query: "my:valid_query"}
      response: {schema: "my:valid_response", modify: true}
      timeout: {server: 10s}
  - {method: GET, path: /stream, handler: "my:stream"}
  - {method: GET, path: /view, handler: "my:view"}
  - {method: GET, path: /fails, handler: "my:fails"}
  - {method: GET, path: /def, handler: "my:in_thread"}
  - {method: GET, path: /entity, handler: "my:entity"}
  - {method: GET, path: /version, handler: "my:plain", options: {auth: false}}
  - {method: GET, path: /only-MARK, id: only-MARK, handler: "my:plain", options: {auth: false}}
"""

CODE = '''
MARKER = "MARK"

class Thing:
    version = "MARK"

class Scheme:
    """Reloads while it authenticates, too."""

    api = "MARK"
    decorations = {"marker": lambda request: "MARK"}

    def __init__(self, server, options):
        self.server, self.name = server, options["name"]

    async def authenticate(self, request, h):
        await step(request, "authenticate")
        note(request, "scheme", {self.name, self.server.models.Thing.version})
        return h.authenticated(credentials={"name": self.name})

    async def response(self, request, h):
        await step(request, "finalizer")
        return h.continue_

def identify(request): return "MARK-id"
def parse(query): return {**query, "parsed": "MARK"}
def error_body(error, request): return {"says": "MARK", "statusCode": error["statusCode"]}
def register(server, options): server.expose("marker", "MARK")
VERSIONS = {"old": "1.0.0", "new": "2.0.0"}
plugin = type("P", (), {"name": "p", "version": VERSIONS["MARK"], "register": staticmethod(register)})

async def version(*, server, models):
    return "".join({"MARK", server.models.Thing.version, models.Thing.version})

def facts(request, h):
    """All that a request reaches of its table; each value has the mark of that table."""
    server = request.server
    encoding = {"gzip": "old", "deflate": "new"}
    plain = {
        "code": "MARK",
        "models": request.models.Thing.version,
        "server.models": server.models.Thing.version,
        "settings": server.settings.host,
        "info": server.info.host,
        "cookies": [name for name in server.cookies.declared if name.startswith("cookie")],
        "session": server.session.settings.name,
        "encodings": [encoding[each] for each in server.encodings],
        "accept": encoding[request.info.accept_encoding],
        "mime": "old" if server.mime.path("a.old") else "new",
        "auth": server.auth.api["it"],
        "decoration": request.marker,
        "plugins": server.plugins["p"].marker,
        "registrations": {"1.0.0": "old", "2.0.0": "new"}[server.registrations["p"].version],
        "caches": [name for name in server.caches.stores if name.startswith("kept")],
        "lookup": server.lookup("only-MARK").path,
        "match": server.match("GET", "/only-MARK").path,
        "table": [route.path for route in server.table() if "only" in route.path],
        "id": request.id,
        "views": "MARK" if server.views is not None else None,
        "dispatch": server.dispatch.router is server.compiled.dispatch.router and "MARK",
    }
    if request.route.id == "main":
        plain["context"] = h.context
    return plain

async def more_facts(request):
    server = request.server
    return {
        "method": await server.methods.version(),
        "cached": await server.methods.cached(),
        "inject": (await server.inject(url="/version")).json["version"],
        "not found": (await server.inject(url="/nowhere")).json["says"],
    }

def note(request, name, value):
    request.server.app["seen"].append((name, value))

async def step(request, name):
    """Reloads at the step that the test names; notes what is reached before and after it."""
    h = request.server.app["toolkit"](request)
    if request.server.app["at"] == name:
        request.server.app["at"] = None
        await request.server.app["reload"]()
    note(request, name, facts(request, h))
    note(request, name, await more_facts(request))
    request.log(["step"], name)
    request.server.log(["step"], name)
    request.server.events.emit("custom-MARK", name)

def point(name):
    async def function(request, h):
        if request.path in ("/version", "/nowhere"):  # injected by `more_facts`
            return h.continue_
        if name == "onRequest":
            note(request, "early", {"MARK"})
            if request.server.app["at"] == name:
                request.server.app["at"] = None
                await request.server.app["reload"]()
                assert request.server.models.Thing.version == "MARK"
        else:
            await step(request, name)
        return h.continue_
    return function

on_request, on_pre_auth, on_credentials = point("onRequest"), point("onPreAuth"), point("onCredentials")
on_post_auth, on_pre_handler, on_post_handler = point("onPostAuth"), point("onPreHandler"), point("onPostHandler")
on_pre_response, on_post_response = point("onPreResponse"), point("onPostResponse")

async def valid_payload(value, options):
    return value
async def valid_query(value, options):
    return value
async def valid_response(value, options):
    return {**value, "validated": "MARK"}

async def pre(request, h):
    await step(request, "pre")
    return "MARK"

def threaded(request, h):
    """A `def`, which runs in a thread."""
    app = request.server.app
    if app["at"] == "threaded":
        app["at"] = None
        app["reload_from_thread"]()
    note(request, "threaded", facts(request, app["toolkit"](request)))
    note(request, "threaded", {"MARK", request.server.methods.version()})
    return "MARK"

async def handler(request, h):
    request.session.set("marker", "MARK")
    await step(request, "handler")
    h.state("cookie-MARK", {"mark": "MARK"})
    return {"pre": request.pre["pre"], "threaded": request.pre["threaded"], "query": request.query["parsed"]}

async def stream(request, h):
    async def pieces():
        yield b"MARK "
        await step(request, "stream")
        yield request.models.Thing.version.encode()
    return h.response(pieces()).type("text/plain")

async def view(request, h):
    await step(request, "view")
    return h.view("page")

async def fails(request, h):
    await step(request, "fails")
    raise boom.Conflict("no")

def in_thread(request, h):
    app = request.server.app
    if app["at"] == "def":
        app["at"] = None
        app["reload_from_thread"]()
    return facts(request, h)

async def entity(request, h):
    await step(request, "entity")
    return h.entity(etag="one") or {"fresh": "no"}

async def plain(request, h): return {"version": "MARK"}

async def responded(request): note(request, "response", {"MARK", request.server.models.Thing.version})
async def requested(request, event, tags): note(request, "request", {"MARK"})
async def logged(event, tags, *, server): server.app["seen"].append(("log", {"MARK"}))
async def heard(name, *, server): server.app["seen"].append(("custom", {"MARK"}))
'''

Project = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Project:
    def write(mark: str) -> Path:
        table = TABLE.replace("PASSWORD", PASSWORD).replace("ENCODING", {"old": "gzip", "new": "deflate"}[mark])
        table = table.replace("BYTES", {"old": "1MB", "new": "2MB"}[mark])
        (tmp_path / "routes.yaml").write_text(
            table.replace("MARKER", "\0").replace("MARK", mark).replace("\0", "MARKER")
        )
        code = "from hapiish import boom\n" + CODE.replace("MARKER", "\0").replace("MARK", mark).replace("\0", "MARKER")
        (tmp_path / "my.py").write_text(code)
        (tmp_path / f"templates-{mark}").mkdir(exist_ok=True)
        (tmp_path / f"templates-{mark}" / "page.html").write_text(f"<p>{mark}</p>")
        return tmp_path / "routes.yaml"

    return write


def application(write: Project) -> Application:
    """The old table, whose requests may serve the new one by `request.server.app["reload"]`."""
    from hapiish.http.exchange.toolkit import Toolkit

    app = create_app(write("old"), env={})

    async def reload() -> None:
        write("new")
        assert await app.reload() == []

    def reload_from_thread() -> None:
        write("new")
        assert app.reload() == []  # type: ignore[comparison-overlap]

    app.server.app.update(at=None, seen=[], toolkit=Toolkit, reload=reload, reload_from_thread=reload_from_thread)
    return app


def marks(value: Any) -> set[str]:
    """The marks in facts: every value has to have one."""
    if isinstance(value, dict):
        return set().union(*map(marks, value.values()))
    if isinstance(value, list | tuple | set):
        return set().union(*map(marks, value))
    found = {mark for mark in ("old", "new") if mark in str(value)}
    assert found, value
    return found


def text(response: Injected) -> str:
    """The body, decompressed."""
    match response.headers.get("content-encoding"):
        case "gzip":
            return gzip.decompress(response.payload).decode()
        case "deflate":
            return zlib.decompress(response.payload).decode()
    return response.text


def parsed(response: Injected) -> Any:
    return json.loads(text(response))


async def listeners() -> None:
    """Lets asynchronous listeners run."""
    for _ in range(5):
        await asyncio.sleep(0)


async def post(app: Application) -> Injected:
    response = await inject(app, method="POST", url="/?q=1", payload={"a": 1}, headers=ENCODINGS)
    await listeners()
    return response


def judge(app: Application, response: Injected, mark: str) -> None:
    """All of a response, and all that its functions saw, is of one table."""
    encoding = {"old": "gzip", "new": "deflate"}[mark]
    assert response.status_code == 200, response.text
    assert response.headers["content-encoding"] == encoding
    assert parsed(response) == {"pre": mark, "threaded": mark, "query": mark, "validated": mark}
    cookies = response.headers["set-cookie"]
    assert sorted(cookie.split("=")[0] for cookie in cookies) == [f"cookie-{mark}", f"session-{mark}"]
    seen = app.server.app["seen"]
    points = {name for name, _ in seen}
    assert points >= {"scheme", "authenticate", "onPostResponse", "handler", "response", "request", "log", "custom"}
    assert {(name, tuple(marks(value))) for name, value in seen} == {(name, (mark,)) for name in points}


POINTS = [
    *("onRequest", "onPreAuth", "authenticate", "onCredentials", "onPostAuth", "onPreHandler", "pre", "threaded"),
    *("handler", "onPostHandler", "onPreResponse", "finalizer", "onPostResponse"),
]


@pytest.mark.parametrize("point", [None, *POINTS])
async def test_a_request_belongs_to_one_table_whenever_the_reload_comes(write: Project, point: str | None) -> None:
    app = application(write)
    await app.server.start()
    app.server.app["at"] = point
    judge(app, await post(app), "old")
    if point is None:
        await app.server.app["reload"]()
    assert app.server.app["at"] is None
    app.server.app["seen"].clear()
    judge(app, await post(app), "new")
    await app.server.stop()


@pytest.mark.parametrize(
    ("url", "body"),
    [
        ("/stream", "{0} {0}"),
        ("/view", "<p>{0}</p>"),
        ("/fails", '{{"says":"{0}","statusCode":409}}'),
        ("/entity", None),
    ],
)
async def test_what_follows_a_handler_is_of_its_table(write: Project, url: str, body: str | None) -> None:
    app = application(write)
    await app.server.start()
    app.server.app["at"] = url[1:]
    headers = {"if-none-match": '"one-gzip"'} if body is None else {}
    for mark in ("old", "new"):
        app.server.app["seen"].clear()
        response = await inject(app, url=url, headers={**ENCODINGS, **headers})
        await listeners()
        if body is None:
            assert response.status_code == (304 if mark == "old" else 200)
        else:
            assert text(response) == body.format(mark)
        assert marks([value for _, value in app.server.app["seen"]]) == {mark}
    await app.server.stop()


async def test_a_def_handler_that_reloads_keeps_its_table(write: Project) -> None:
    app = application(write)
    await app.server.start()
    app.server.app["at"] = "def"
    assert marks(parsed(await inject(app, url="/def", headers=ENCODINGS))) == {"old"}
    assert marks(parsed(await inject(app, url="/def", headers=ENCODINGS))) == {"new"}
    await app.server.stop()


async def test_requests_before_and_after_a_reload_run_side_by_side(write: Project) -> None:
    """Twenty requests of each table, interleaved by reloads to and fro at every step of each."""
    app = application(write)
    await app.server.start()
    marker = {"now": "old"}

    async def reload() -> None:
        marker["now"] = "new" if marker["now"] == "old" else "old"
        write(marker["now"])
        assert await app.reload() == []

    app.server.app["reload"] = reload
    for point in ("onPreAuth", "handler", "onPreResponse"):
        app.server.app["at"] = point
        before = marker["now"]
        several = await asyncio.gather(*(post(app) for _ in range(5)))
        assert {parsed(response)["pre"] for response in several} <= {"old", "new"}
        assert parsed(several[0]) == dict.fromkeys(("pre", "threaded", "query", "validated"), before)
        for response in several:
            assert len(set(parsed(response).values())) == 1
    await app.server.stop()


async def test_a_session_of_the_old_table_is_written_after_the_reload(write: Project) -> None:
    app = application(write)
    await app.server.start()
    app.server.app["at"] = "handler"
    response = await post(app)
    (cookie,) = [each for each in response.headers["set-cookie"] if each.startswith("session-old=")]
    assert unseal(cookie.split("=", 1)[1].split(";")[0], PASSWORD)
    await app.server.stop()


async def test_the_server_itself_is_the_current_one_for_the_application(write: Project) -> None:
    app = application(write)
    await app.server.start()
    server, events = app.server, app.server.events
    heard: list[Any] = []
    server.events.on("response", lambda request: heard.append(request.server.models.Thing.version))
    await inject(app, url="/version")
    await server.app["reload"]()
    assert server.models.Thing.version == "new"
    assert await server.methods.version() == "new"
    assert server.settings.host == "new.test"
    assert server.lookup("only-new") is not None
    assert server.lookup("only-old") is None
    events.emit("custom-new", "x")
    with pytest.raises(ValueError, match="custom-old"):
        events.emit("custom-old", "x")
    await inject(app, url="/version")
    assert heard == ["old", "new"]
    await server.stop()


async def test_a_listener_added_after_a_reload_hears_of_the_requests_of_the_old_table(write: Project) -> None:
    app = application(write)
    await app.server.start()
    heard: list[Any] = []
    reload = app.server.app["reload"]

    async def reload_and_listen() -> None:
        await reload()
        app.server.events.on("response", lambda request: heard.append(request.server.models.Thing.version))

    app.server.app.update(reload=reload_and_listen, at="handler")
    await post(app)
    assert "old" in heard
    await app.server.stop()


async def test_functions_of_start_and_stop_get_the_server_that_outlives_its_tables(tmp_path: Path) -> None:
    used = tmp_path / "used"
    used.mkdir()
    (used / "routes.yaml").write_text(
        "models: {Thing: 'their:Thing'}\next: {onPreStart: 'their:start', onPostStop: 'their:stop'}\nroutes: []\n"
    )
    (used / "their.py").write_text(
        "class Thing: pass\n"
        "async def start(server): server.app['started'] = server\n"
        "async def stop(server): server.app['stopped'] = server.models.Thing.__name__\n"
    )
    (tmp_path / "routes.yaml").write_text(
        "server: {host: old.test}\nplugins: [{table: used/routes.yaml}]\nroutes: []\n"
    )
    app = create_app(tmp_path / "routes.yaml", env={})
    await app.server.start()
    (tmp_path / "routes.yaml").write_text(
        "server: {host: new.test}\nplugins: [{table: used/routes.yaml}]\nroutes: []\n"
    )
    assert await app.reload() == []
    seen = app.server.app["started"]
    assert (seen.settings.host, seen.models.Thing.__name__) == ("new.test", "Thing")
    await app.server.stop()
    assert app.server.app["stopped"] == "Thing"


# Reloads that fail

BROKEN = {
    "text": ("routes: [", ""),
    "check": ("routes: [{method: GET, path: nothing, handler: 'my:plain'}]", ""),
    "import": (TABLE, "raise RuntimeError('broken')"),
    "name": (TABLE.replace("my:view", "my:nowhere"), CODE),
    "cache": (TABLE.replace("provider: memory}", "provider: my:broken_store}", 1), CODE),
    "scheme": (TABLE, CODE.replace("self.server, self.name =", "1 / 0 #")),
    "method": (TABLE.replace("cache: kept-MARK}}", "cache: nowhere}}"), CODE),
    "plugin": (TABLE, CODE.replace("def register(server, options):", "def register(server, options): 1 / 0;")),
    "views": (TABLE.replace("templates-MARK", "nowhere"), CODE),
    "session": (TABLE.replace("cache: {cache: sessions}", "cache: {cache: nowhere}"), CODE),
    "start": (TABLE.replace("provider: memory}", "provider: my:Unstartable}", 1), CODE),
}

STORES = """
def broken_store(server, options): raise ValueError("no store")

class Unstartable:
    is_ready = False
    def __init__(self, server, options): pass
    async def start(self): raise RuntimeError("does not start")
"""


@pytest.mark.parametrize("stage", BROKEN)
async def test_a_reload_that_fails_changes_nothing(write: Project, stage: str) -> None:
    app = application(write)
    await app.server.start()
    folder = write("old").parent
    server = app.server
    before = {name: value for name, value in vars(server).items() if not name.startswith("_")}
    facts = server.current, server.caches, dict(server.kept), server.events.table, server.realtime
    modules = {name: module for name, module in sys.modules.items() if getattr(module, "__file__", "") is not None}

    async def fail() -> list[Problem]:
        table, code = BROKEN[stage]
        table = table.replace("PASSWORD", PASSWORD).replace("ENCODING", "deflate").replace("BYTES", "1MB")
        (folder / "routes.yaml").write_text(table.replace("my:MARKER", "my:X").replace("MARK", "old"))
        (folder / "my.py").write_text(f"from hapiish import boom\nX = 1\n{code}{STORES}".replace("MARK", "new"))
        if stage == "start":
            with pytest.raises(RuntimeError, match="does not start"):
                await app.reload()
            return []
        return await app.reload()

    async def failing() -> None:
        assert bool(await fail()) is (stage != "start")

    server.app.update(reload=failing, at="handler")
    judge(app, await post(app), "old")
    assert facts == (server.current, server.caches, server.kept, server.events.table, server.realtime)
    assert {name: value for name, value in vars(server).items() if not name.startswith("_")} == before
    ours = {name for name, module in sys.modules.items() if str(folder) in str(getattr(module, "__file__", ""))}
    assert all(sys.modules[name] is modules[name] for name in ours)
    server.app["seen"].clear()
    judge(app, await post(app), "old")
    write("new")
    assert await app.reload() == []
    server.app["seen"].clear()
    judge(app, await post(app), "new")
    await server.stop()


async def test_modules_of_a_table_that_only_a_failed_reload_used_are_read_anew(tmp_path: Path) -> None:
    used = tmp_path / "used"
    used.mkdir()
    (used / "routes.yaml").write_text("routes: [{method: GET, path: /x, handler: 'fresh:x'}]\n")
    (used / "fresh.py").write_text("async def x(request, h): return 'first'\n")
    file = tmp_path / "routes.yaml"
    file.write_text("routes: []\n")
    app = create_app(file, env={})
    using = "plugins: [{table: used/routes.yaml}]\nroutes: [{method: GET, path: /, handler: 'MODULE:x'}]\n"
    file.write_text(using.replace("MODULE", "nowhere"))
    assert await app.reload() != []
    (used / "fresh.py").write_text("async def x(request, h): return 'second'\n")
    (tmp_path / "mine.py").write_text("async def x(request, h): return 'mine'\n")
    file.write_text(using.replace("MODULE", "mine"))
    assert await app.reload() == []
    assert (await inject(app, url="/x")).text == "second"


async def test_reloads_at_once_come_one_after_the_other(write: Project) -> None:
    app = application(write)
    await app.server.start()
    write("new")
    assert await asyncio.gather(*(app.reload() for _ in range(3))) == [[], [], []]
    judge(app, await post(app), "new")
    await app.server.stop()


async def test_a_reload_whose_caller_is_cancelled_goes_on(write: Project) -> None:
    app = application(write)
    await app.server.start()
    write("new")
    task = asyncio.create_task(app.reload())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await app.reload() == []
    judge(app, await post(app), "new")
    await app.server.stop()


async def test_a_reload_from_another_event_loop_is_done_in_the_server_s(write: Project) -> None:
    app = application(write)
    await app.server.start()
    threads: list[Any] = []
    loop = asyncio.get_running_loop()
    app.server.events.on("cachePolicy", lambda *given: threads.append(asyncio.get_running_loop()))
    write("new")

    async def elsewhere() -> list[Problem]:
        return await app.reload()

    assert await asyncio.to_thread(lambda: asyncio.run(elsewhere())) == []
    assert set(threads) == {loop}
    judge(app, await post(app), "new")
    await app.server.stop()


async def test_the_store_of_a_cache_that_is_gone_ends_when_its_requests_have_had_their_time(tmp_path: Path) -> None:
    table = """
    server: {shutdownTimeout: 10ms}
    caches: [{name: own, provider: "my:Kept", options: {n: 1}}]
    routes: [{method: GET, path: /, handler: "my:show"}]
    """
    (tmp_path / "routes.yaml").write_text(dedent(table))
    (tmp_path / "my.py").write_text(
        dedent("""
        class Kept:
            def __init__(self, server, options): self.is_ready, self.server = False, server
            async def start(self): self.is_ready = True
            async def stop(self):
                self.is_ready = False
                self.server.app["stopped"].set()
        async def show(request, h): return None
        """)
    )
    app = create_app(tmp_path / "routes.yaml", env={})
    app.server.app["stopped"] = asyncio.Event()
    await app.server.start()
    old = app.server.caches.stores["own"]
    (tmp_path / "routes.yaml").write_text(dedent(table).replace("n: 1", "n: 2"))
    assert await app.reload() == []
    ready = [old.is_ready]
    await asyncio.wait_for(app.server.app["stopped"].wait(), 5)
    assert [*ready, old.is_ready] == [True, False]
    assert app.server.caches.stores["own"].is_ready
    await app.server.stop()


async def test_the_access_log_follows_the_table(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "hapiish.access")
    table = "server: {accessLog: LOG}\nroutes: [{method: GET, path: /LOG, handler: 'my:show'}]\n"
    file = tmp_path / "routes.yaml"
    file.write_text(table.replace("LOG", "true"))
    (tmp_path / "my.py").write_text("async def show(request, h):\n    await request.server.app['reload']()\n")
    app = create_app(file, env={})

    async def reload() -> None:
        file.write_text(table.replace("LOG", "false"))
        assert await app.reload() == []

    app.server.app["reload"] = reload
    await inject(app, url="/true")
    await inject(app, url="/false")
    assert [record.getMessage().split()[1] for record in caplog.records if record.name == "hapiish.access"] == ["/true"]

"""A reload that changes access to a namespace authenticates its open sockets again."""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest

from hapiish import Application, create_app
from tests import javascript
from tests.realtime.support import member, raw, serving

pytestmark = pytest.mark.anyio

SECRET, OTHER = "a secret of the tests that is long enough", "another secret of the tests, long enough, too"

TABLE = """
auth: {strategies: {one: {scheme: jwt, options: {keys: "KEY", verify: {aud: false, iss: false, sub: false}}}}}
sockets:
  namespaces:
    - namespace: /
      auth: AUTH
      onConnect: my:joins
      onDisconnect: my:goes
      events: [{event: who, handler: "my:who"}]
    EXTRA
routes: [{method: GET, path: /, handler: "my:goes"}]
"""

CODE = """
import asyncio
gate = asyncio.Event()
gate.set()
gone = []
async def joins(request, h): await gate.wait()
async def goes(request, h): gone.append(request.payload["reason"])
async def valid(artifacts, request, h):
    if "gate" in request.server.app:
        request.server.app["asked"].set()
        await request.server.app["gate"].wait()
    return {"isValid": True}
async def who(request, h): return {"user": (request.auth.credentials or {}).get("sub")}
"""

EXTRA = '- {namespace: /extra, auth: false, onDisconnect: "my:goes"}'
Write = Callable[..., Application]


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., Path]:
    def write(auth: str, *, key: str = SECRET, extra: str = EXTRA) -> Path:
        text = TABLE.replace("AUTH", auth).replace("KEY", key).replace("EXTRA", extra)
        (tmp_path / "routes.yaml").write_text(text)
        (tmp_path / "my.py").write_text(CODE)
        return tmp_path / "routes.yaml"

    return write


def token(**claims: Any) -> dict[str, Any]:
    return {"token": jwt.encode(claims, SECRET, "HS256")}


def told(app: Application) -> dict[str, Any]:
    route = app.server.match("GET", "/")
    assert route is not None
    return route.handler.__globals__


async def test_only_who_may_still_come_in_stays(files: Callable[..., Path], caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(files("one"), env={})
    async with (
        serving(app) as port,
        member(port, auth=token(sub="a", scope=["admin"])) as admin,
        member(port, auth=token(sub="u")) as user,
        member(port, "/extra") as other,
    ):
        files("{strategy: one, scope: [admin]}")
        assert await app.reload() == []
        assert await user.until("41") == ""
        assert await admin.ask("who", None) == {"ok": True, "user": "a"}
        await other.send('42/extra,3["x"]')
        assert "unknown_event" in await other.until("43/extra,3")
        gone = told(app)["gone"]
    assert "access changed" in gone
    (warning,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "of 2 open sockets 1 are disconnected, 1 are authorized again" in warning.getMessage()


async def test_who_came_in_without_credentials_leaves_when_they_are_asked_for(files: Callable[..., Path]) -> None:
    app = create_app(files("{strategy: one, mode: try}"), env={})
    async with serving(app) as port, member(port) as nobody, member(port, auth=token(sub="u")) as user:
        files("one")
        await app.reload()
        assert await nobody.until("41") == ""
        assert (await user.ask("who", None))["user"] == "u"


async def test_a_key_that_is_exchanged_ends_the_sockets_of_its_tokens(files: Callable[..., Path]) -> None:
    app = create_app(files("one"), env={})
    async with serving(app) as port, member(port, auth=token(sub="u")) as user:
        files("one", key=OTHER)
        await app.reload()
        assert await user.until("41") == ""


async def test_the_sockets_of_a_namespace_that_is_gone_leave_and_its_function_hears_of_it(
    files: Callable[..., Path],
) -> None:
    app = create_app(files("one"), env={})
    async with serving(app) as port, member(port, "/extra") as client:
        gone = told(app)["gone"]
        files("one", extra="")
        await app.reload()
        assert await client.until("41/extra,") == ""
    assert gone == ["namespace gone"]


async def test_a_reload_that_changes_nothing_of_access_judges_nobody(
    files: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(files("one"), env={})
    async with serving(app) as port, member(port, auth=token(sub="u")) as user:
        path = files("one")
        path.write_text("# a line more\n" + path.read_text())
        await app.reload()
        assert (await user.ask("who", None))["ok"]
    assert "authorized again" not in caplog.text


async def test_who_is_connecting_during_a_reload_is_judged_by_the_new_rules(files: Callable[..., Path]) -> None:
    app = create_app(files("one"), env={})
    async with serving(app) as port, raw(port) as client:
        gate = told(app)["gate"]
        gate.clear()
        await client.send(f'40{{"token":"{token(sub="u")["token"]}"}}')
        async with member(port, "/extra"):  # the other is waiting in its onConnect by now
            files("{strategy: one, scope: [admin]}")
            await app.reload()
            gate.set()
            assert (await client.until("40")).startswith("{")
            assert await client.until("41") == ""


async def test_who_leaves_while_being_judged_anew_leaves_nothing_behind(files: Callable[..., Path]) -> None:
    path = files("one")
    text = path.read_text().replace("sub: false}}", 'sub: false}, validate: "my:valid"}')
    path.write_text(text)
    app = create_app(path, env={})
    async with serving(app) as port, member(port, auth=token(sub="u", exp=time.time() + 3600)) as user:
        hub = app.server.realtime._hub  # type: ignore[union-attr]
        (socket,) = hub.sockets()
        path.write_text(text.replace("auth: one", "auth: {strategy: one, mode: try}"))
        here = app.server.app
        here |= {"asked": asyncio.Event(), "gate": asyncio.Event()}
        reloading = asyncio.create_task(app.reload())
        await here["asked"].wait()
        await user.send("41")
        while not socket.left:
            await asyncio.sleep(0.01)
        here["gate"].set()
        assert await reloading == []
    assert socket.expiry is not None
    assert socket.expiry.cancelled()


# Events under way

EVENTS = """
models: {Thing: "my:Thing"}
methods: {version: "my:version"}
events: {response: "my:responded"}
server: {host: MARK.test, requestId: {generate: "my:identify"}}
ext: {onPreHandler: "my:before", onPreResponse: "my:shaping", onPostResponse: "my:after"}
sockets:
  namespaces:
    - namespace: /
      ack: ACK
      onConnect: my:joins
      onDisconnect: my:goes
      emits: [{event: told-MARK, payload: {const: MARK}}, {event: all, payload: {const: MARK}}]
      events:
        - {event: look, handler: "my:look"}
        - {event: fail, handler: "my:fail"}
        - {event: invalid, handler: "my:look", options: {response: {schema: false}}}
        - {event: only-MARK, handler: "my:look"}
routes: [{method: GET, path: /, handler: "my:look"}]
"""

EVENT_CODE = """
from hapiish import boom

class Thing: version = "MARK"

def identify(request): return "MARK-id"
async def version(*, server): return server.settings.host
async def joins(request, h): await step(request, "connect")
async def goes(request, h): request.server.app["seen"].append(("disconnect", facts(request)))
async def responded(request): request.server.app["seen"].append(("response", "MARK"))

def facts(request):
    server = request.server
    return [request.models.Thing.version, server.settings.host, server.match("GET", "/").handler.__module__ and "MARK",
            request.id, server.lookup.__self__.compiled.table.server.host]

async def step(request, name):
    app = request.server.app
    if app["at"] == name:
        app["at"] = None
        await app["reload"]()
    app["seen"].append((name, [*facts(request), await request.server.methods.version()]))
    if request.socket is not None:
        await request.socket.emit("told-MARK", "MARK")
        await request.server.emit("all", "MARK")

def point(name):
    async def function(request, h):
        await step(request, name)
        return h.continue_
    return function

before, shaping, after = point("onPreHandler"), point("onPreResponse"), point("onPostResponse")

async def look(request, h):
    await step(request, "handler")
    return {"mark": "MARK"}

async def fail(request, h):
    await step(request, "handler")
    raise boom.Conflict("MARK")
"""


@pytest.fixture
def tables(tmp_path: Path) -> Callable[[str], Path]:
    def write(mark: str) -> Path:
        text = EVENTS.replace("ACK", {"old": "envelope", "new": "raw"}[mark]).replace("MARK", mark)
        (tmp_path / "routes.yaml").write_text(text)
        (tmp_path / "my.py").write_text(EVENT_CODE.replace("MARK", mark))
        return tmp_path / "routes.yaml"

    return write


def reloading(tables: Callable[[str], Path], at: str | None) -> Application:
    app = create_app(tables("old"), env={})

    async def reload() -> None:
        tables("new")
        assert await app.reload() == []

    app.server.app.update(at=at, seen=[], reload=reload)
    return app


def marks(app: Application) -> set[str]:
    """The marks of all that functions have seen since they were last asked for."""
    seen = app.server.app["seen"]
    found = {
        str(value).split(".")[0].split("-")[0]
        for _, facts in seen
        for value in ([facts] if isinstance(facts, str) else facts)
    }
    seen.clear()
    return found


@pytest.mark.parametrize("at", ["onPreHandler", "handler", "onPreResponse", "onPostResponse"])
async def test_an_event_ends_by_the_table_that_it_began_with(tables: Callable[[str], Path], at: str) -> None:
    app = reloading(tables, None)
    async with serving(app) as port, member(port) as client:
        app.server.app["at"] = at
        assert marks(app) == {"old"}
        assert await client.ask("look", None) == {"ok": True, "mark": "old"}
        assert await client.ask("look", None, ack=8) == {"mark": "new"}
        seen = app.server.app["seen"]
        first = [facts for name, facts in seen[: len(seen) // 2]]
        assert "new" not in str(first)
        assert "old" not in str(seen[len(seen) // 2 :])


async def test_what_an_event_emits_is_judged_by_its_own_table(tables: Callable[[str], Path]) -> None:
    app = reloading(tables, "handler")
    async with serving(app) as port, member(port) as client:
        await client.send('427["look",null]')
        told = [await client.receive() for _ in range(2 * 4 + 1)]
        assert not any("new" in str(packet) for packet in told)
        assert sum('"told-old"' in str(packet) for packet in told) == 5  # its connection told, too


async def test_a_failing_event_is_acknowledged_as_its_own_table_has_it(tables: Callable[[str], Path]) -> None:
    app = reloading(tables, "handler")
    async with serving(app) as port, member(port) as client:
        answer = await client.ask("fail", None)
        assert (answer["ok"], answer["error"]["message"]) == (False, "old")
        assert (await client.ask("fail", None, ack=8))["message"] == "new"


async def test_events_of_the_old_table_are_unknown_to_the_next_event(tables: Callable[[str], Path]) -> None:
    app = reloading(tables, "handler")
    async with serving(app) as port, member(port) as client:
        assert (await client.ask("look", None))["mark"] == "old"
        assert (await client.ask("only-old", None, ack=8))["code"] == "unknown_event"
        assert (await client.ask("only-new", None, ack=9))["mark"] == "new"


async def test_a_client_that_connects_during_a_reload_has_met_the_old_table_until_its_first_event(
    tables: Callable[[str], Path],
) -> None:
    app = reloading(tables, "connect")
    async with serving(app) as port, member(port) as client:
        assert marks(app) == {"old"}
        assert await client.ask("look", None) == {"mark": "new"}
        assert marks(app) == {"new"}


async def test_an_emit_from_outside_meets_the_current_table(tables: Callable[[str], Path]) -> None:
    app = reloading(tables, None)
    async with serving(app) as port, member(port) as client:
        (socket,) = app.server.realtime._hub.sockets()  # type: ignore[union-attr]
        await app.server.app["reload"]()
        await socket.emit("told-new", "new")
        await app.server.emit("all", "new")
        with pytest.raises(ValueError, match="told-old"):
            await socket.emit("told-old", "old")
        assert await client.news("told-new") == "new"
        assert await client.news("all") == "new"


# Rules of a handshake


SCHEME = """
from hapiish import boom
class Scheme:
    def __init__(self, server, options): self.names = options["names"]
    async def authenticate(self, request, h):
        name = request.headers["authorization"].removeprefix("Bearer ")
        if name not in self.names: raise boom.Unauthorized("Unknown")
        return h.authenticated(credentials={"scope": [name], "user": {"id": name}} if name != "app" else {})
def scheme(server, options): return Scheme(server, options)
def strict(server, options): return Scheme(server, {"names": ["b"]})
async def who(request, h): return {"params": request.params}
"""
RULES = """
auth:
  schemes: {named: "rules:scheme"}
  strategies: {one: {scheme: named, options: {names: [a, b, app]}}, two: {scheme: named, options: {names: [b]}}}
schemas: {Auth: {type: object}}
sockets:
  namespaces:
    - namespace: /room-{id}
      auth: one
      validate: {payload: {$ref: "#/schemas/Auth"}}
      events: [{event: who, handler: "rules:who"}, {event: more, handler: "rules:who"}]
"""


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        ("auth: one", "auth: {strategy: one, scope: [b]}", 403),
        ("auth: one", "auth: {strategy: one, access: [{scope: [b]}, {scope: [c]}]}", 403),
        ("auth: one", "auth: {strategy: one, entity: app}", 403),
        ("auth: one", "auth: two", 401),
        ("names: [a, b, app]", "names: [b, app]", 401),
        ('named: "rules:scheme"', 'named: "rules:strict"', 401),
        ("      validate: {payload", "      validate: {params: {properties: {id: {const: '2'}}}, payload", 400),
        ("Auth: {type: object}", "Auth: {properties: {token: {const: b}}}", 400),
    ],
)
async def test_each_rule_of_a_handshake_that_is_tightened_ends_the_sockets_that_break_it_and_tells_them(
    tmp_path: Path, old: str, new: str, status: int
) -> None:
    path = tmp_path / "routes.yaml"
    path.write_text(RULES)
    (tmp_path / "rules.py").write_text(SCHEME)
    app = create_app(path, env={})
    stays = ("/room-2", "app" if "entity" in new else "b")
    async with (
        serving(app) as port,
        member(port, "/room-1", auth={"token": "a"}) as one,
        member(port, stays[0], auth={"token": stays[1]}) as other,
    ):
        assert old in RULES
        path.write_text(RULES.replace(old, new))
        assert await app.reload() == []
        _, kicked = json.loads(await one.until("42/room-1,"))
        assert (kicked["reason"], kicked["error"]["statusCode"]) == ("access changed", status)
        assert await one.until("41") == "/room-1,"
        assert await other.ask("who", None, namespace=stays[0]) == {"ok": True, "params": {"id": "2"}}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("auth: one", "auth: {strategy: one, scope: [a, app]}"),
        ("names: [a, b, app]", "names: [a]"),
        ("/room-{id}", "/room-{name}"),
        ("{event: more,", "{event: less, options: {auth: {scope: [nobody]}},"),
    ],
)
async def test_who_still_has_access_keeps_the_connection_the_rooms_and_every_event(
    tmp_path: Path, old: str, new: str
) -> None:
    path = tmp_path / "routes.yaml"
    path.write_text(RULES)
    (tmp_path / "rules.py").write_text(SCHEME)
    app = create_app(path, env={})
    async with serving(app) as port, member(port, "/room-1", auth={"token": "a"}) as client:
        (socket,) = app.server.realtime._hub.sockets()  # type: ignore[union-attr]
        await socket.join("kept")
        path.write_text(RULES.replace(old, new))
        assert await app.reload() == []
        key = "name" if "{name}" in new else "id"
        assert await client.ask("who", None, namespace="/room-1") == {"ok": True, "params": {key: "1"}}
        assert "kept" in socket.rooms


async def test_a_javascript_client_that_loses_its_access_learns_why(files: Callable[..., Path]) -> None:
    app = create_app(files("one"), env={})
    async with serving(app) as port:
        script = await javascript.start("kicked.mjs", f"http://127.0.0.1:{port}", token(sub="u")["token"])
        assert script.stdout is not None
        assert await script.stdout.readline() == b"connected\n"
        files("{strategy: one, scope: [admin]}")
        assert await app.reload() == []
        said = json.loads(await script.stdout.readline())
        assert await script.wait() == 0
    assert said["reason"] == "io server disconnect"
    assert (said["kicked"]["reason"], said["kicked"]["error"]["statusCode"]) == ("access changed", 403)

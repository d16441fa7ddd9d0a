"""Events of a table on a real server: the request, steps, handlers and errors of a route."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import jwt
import pytest

from hapiish import Application, create_app
from tests.realtime.support import member, raw, serving

pytestmark = pytest.mark.anyio

SECRET = "a secret of the tests that is long enough"

TABLE = """
auth:
  schemes: {page: "my:Page"}
  strategies:
    session: {scheme: jwt, options: {keys: "${SECRET}"}}
    page: {scheme: page}
sockets:
  namespaces:
    - namespace: /
      onConnect: my:connect
      onDisconnect: my:disconnect
      events:
EVENTS
      emits:
        - {event: news, payload: {type: object, required: [n], properties: {n: {type: integer}, at: {type: string}}}}
    - namespace: /closed
      auth: session
      onConnect: my:connect
      events:
        - {event: who, handler: "my:who"}
        - {event: admin, handler: "my:who", options: {auth: {scope: [admin]}}}
    - {namespace: /page, auth: page, onConnect: "my:connect"}
    - {namespace: /refusing, auth: session, onConnect: "my:refuses"}
routes:
  - {method: GET, path: /, handler: "my:who"}
"""

CODE = """
import asyncio
from hapiish import boom

seen = []

class Page:
    def __init__(self, server, options):
        pass

    async def authenticate(self, request, h):
        return h.redirect("/login").takeover()

async def refuses(request, h):
    seen.append(request.socket)
    raise boom.Forbidden("not you")

async def connect(request, h):
    seen.append(("connect", request.method, request.payload))
    await request.socket.join("all")

async def disconnect(request, h):
    seen.append(("disconnect", request.payload["reason"]))

async def who(request, h):
    return {"method": request.method, "payload": request.payload, "user": (request.auth.credentials or {}).get("sub")}

def checks(value, options):
    if "n" not in value:
        raise boom.Conflict("no n")
    assert options.context.params == {}
    return {**value, "n": value["n"] + 1}

def blocking(request, h):
    return request.payload

async def fails(request, h):
    raise boom.Conflict("taken", code="taken", headers={"retry-after": "3"})

async def crashes(request, h):
    raise ValueError("a secret")

async def one(request, h):
    return 1

async def adds(request, h):
    return {"sum": request.pre["one"] + request.payload["n"]}

async def tells(request, h):
    await request.server.emit("news", request.payload, to="all", skip=request.socket)

async def slow(request, h):
    await asyncio.Event().wait()

async def abandons(request, h):
    return h.abandon

async def closes(request, h):
    return h.close

async def streams(request, h):
    async def numbers():
        yield b"1"
    return numbers()

async def after(request, h):
    await request.server.emit("news", {"n": request.payload["n"]}, to="all")
"""

Make = Callable[..., Application]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def write(*events: str) -> Application:
        entries = indent("\n".join(f"- {dedent(event)}" for event in events), "        ")
        (tmp_path / "routes.yaml").write_text(TABLE.replace("EVENTS", entries))
        (tmp_path / "my.py").write_text(CODE)
        return create_app(tmp_path / "routes.yaml", env={"SECRET": SECRET})

    return write


def seen(app: Application) -> list[Any]:
    route = app.server.match("GET", "/")
    assert route is not None
    return route.handler.__globals__["seen"]  # type: ignore[no-any-return]


def token(**claims: Any) -> dict[str, Any]:
    return {"token": jwt.encode({"sub": "ann", **claims}, SECRET, "HS256")}


async def test_an_event_reaches_a_handler_as_a_request(make: Make) -> None:
    app = make('{event: ask, handler: "my:who"}', '{event: echo, handler: "my:blocking"}')
    async with serving(app) as port, member(port, auth={"a": 1}) as client:
        assert await client.ask("ask", {"x": 1}) == {
            "ok": True,
            "method": "event",
            "payload": {"x": 1},
            "user": None,
        }
        assert await client.ask("echo", [1, 2]) == {"ok": True, "data": [1, 2]}
        assert await client.ask("echo") == {"ok": True}
    assert seen(app) == [("connect", "connect", {"a": 1}), ("disconnect", "transport close")]


async def test_an_event_is_validated_like_a_payload(make: Make) -> None:
    schema = "{type: object, required: [n], properties: {n: {type: integer}, m: {default: 7}}}"
    app = make(f'{{event: ask, handler: "my:who", options: {{validate: {{payload: {schema}}}}}}}')
    async with serving(app) as port, member(port) as client:
        assert (await client.ask("ask", {"n": 1}))["payload"] == {"n": 1, "m": 7}
        refused = await client.ask("ask", {"n": "1"})
    assert refused["ok"] is False
    assert refused["error"]["statusCode"] == 400
    assert refused["error"]["validation"]["errors"] == [{"path": "/n", "message": "must be integer", "keyword": "type"}]


async def test_options_functions_and_modify_hold_for_events_as_for_routes(make: Make) -> None:
    schema = "{type: object, properties: {n: {type: integer}}}"
    app = make(
        f"""{{event: echo, handler: "my:blocking", options: {{
              validate: {{payload: {schema}, options: {{allowUnknown: false}}}}}}}}""",
        f"""{{event: public, handler: "my:who", options: {{
              validate: {{payload: "my:checks"}},
              response: {{modify: true, options: {{stripUnknown: true}},
                         schema: {{properties: {{payload: {schema}}}}}}}}}}}""",
    )
    async with serving(app) as port, member(port) as client:
        assert await client.ask("echo", {"n": 1}) == {"ok": True, "n": 1}
        assert (await client.ask("echo", {"n": 1, "m": 1}))["error"]["validation"]["keys"] == ["m"]
        assert await client.ask("public", {"n": 1, "m": 1}) == {"ok": True, "payload": {"n": 2}}
        assert (await client.ask("public", {}))["error"]["statusCode"] == 409


async def test_errors_are_acknowledged_as_booms(make: Make) -> None:
    app = make('{event: fails, handler: "my:fails"}', '{event: crashes, handler: "my:crashes"}')
    async with serving(app) as port, member(port) as client:
        assert await client.ask("fails", {}) == {
            "ok": False,
            "error": {"statusCode": 409, "error": "Conflict", "message": "taken", "code": "taken", "retryAfter": 3},
        }
        crash = await client.ask("crashes", {})
        unknown = await client.ask("nobody", {})
    assert crash["error"]["statusCode"] == 500
    assert "secret" not in str(crash)
    assert unknown["error"]["code"] == "unknown_event"


async def test_an_event_that_takes_too_long_is_acknowledged_as_unavailable(make: Make) -> None:
    app = make('{event: slow, handler: "my:slow", options: {timeout: {server: 30}}}', '{event: ask, handler: "my:who"}')
    async with serving(app) as port, member(port) as client:
        assert (await client.ask("slow", {}))["error"]["statusCode"] == 503
        assert (await client.ask("ask", {}))["ok"] is True


@pytest.mark.parametrize("handler", ["abandons", "streams"])
async def test_an_event_is_acknowledged_even_when_its_handler_has_nothing_to_acknowledge_with(
    make: Make, handler: str
) -> None:
    app = make(f'{{event: ask, handler: "my:{handler}"}}')
    async with serving(app) as port, member(port) as client:
        assert (await client.ask("ask", {}))["error"]["statusCode"] == 500


async def test_a_handler_may_close_its_socket(make: Make) -> None:
    app = make('{event: bye, handler: "my:closes"}')
    async with serving(app) as port, member(port) as client:
        assert await client.ask("bye", {}) == {"ok": True}
    assert seen(app)[-1] == ("disconnect", "server disconnect")


async def test_prerequisites_run_before_the_handler(make: Make) -> None:
    app = make('{event: add, handler: "my:adds", options: {pre: [{method: "my:one", assign: one}]}}')
    async with serving(app) as port, member(port) as client:
        assert await client.ask("add", {"n": 2}) == {"ok": True, "sum": 3}


async def test_what_follows_an_event_comes_after_its_acknowledgement(make: Make) -> None:
    app = make('{event: ask, handler: "my:who", options: {ext: {onPostResponse: {method: "my:after"}}}}')
    async with serving(app) as port, member(port) as client:
        await client.send('427["ask",{"n":5}]')
        assert str(await client.receive()).startswith("437")
        assert await client.receive() == '42["news",{"n":5}]'


async def test_an_emit_reaches_the_others_and_only_as_declared(make: Make) -> None:
    app = make('{event: tell, handler: "my:tells"}')
    async with serving(app) as port, member(port) as one, member(port) as two:
        assert await one.ask("tell", {"n": 1}) == {"ok": True}
        assert await two.news("news") == {"n": 1}
        assert (await one.ask("tell", {"n": "x"}))["error"]["statusCode"] == 500
        with pytest.raises(ValueError, match='does not declare the emit "gossip"'):
            await app.server.emit("gossip", {})
        with pytest.raises(ValueError, match="breaks its schema"):
            await app.server.emit("news", {})


async def test_a_namespace_with_a_strategy_judges_the_token_of_the_handshake(make: Make) -> None:
    app = make('{event: ask, handler: "my:who"}')
    async with serving(app) as port:
        async with member(port, "/closed", token(scope=["admin"])) as client:
            assert (await client.ask("who", {}, namespace="/closed"))["user"] == "ann"
            assert (await client.ask("admin", {}, namespace="/closed"))["ok"] is True
        async with member(port, "/closed", token()) as client:
            assert (await client.ask("admin", {}, namespace="/closed"))["error"]["statusCode"] == 403


@pytest.mark.parametrize(
    ("auth", "code"),
    [("", "unauthorized"), ('{"token":"x.y.z"}', "unauthorized"), ("EXPIRED", "token_expired")],
)
async def test_a_handshake_without_good_credentials_is_refused_with_a_code(make: Make, auth: str, code: str) -> None:
    app = make('{event: ask, handler: "my:who"}')
    given = auth.replace("EXPIRED", f'{{"token":"{token(exp=1)["token"]}"}}')
    async with serving(app) as port, raw(port) as client:
        await client.send(f"40/closed,{given}")
        refusal = await client.until("44/closed,")
    assert f'"code":"{code}"' in refusal
    assert '"statusCode":401' in refusal
    assert seen(app) == []


async def test_a_scheme_that_answers_with_a_page_lets_no_socket_in(make: Make) -> None:
    app = make('{event: ask, handler: "my:who"}')
    async with serving(app) as port, raw(port) as client:
        await client.send("40/page,")
        assert '"statusCode":401' in await client.until("44/page,")
    assert seen(app) == []


async def test_a_refused_socket_leaves_nothing_that_waits_for_its_token_to_end(make: Make) -> None:
    app = make('{event: ask, handler: "my:who"}')
    async with serving(app) as port, raw(port) as client:
        await client.send(f"40/refusing,{json.dumps(token(exp=int(time.time()) + 1000))}")
        assert '"statusCode":403' in await client.until("44/refusing,")
    (socket,) = seen(app)
    assert socket.expiry is None


async def test_a_socket_is_closed_when_its_credentials_end(make: Make) -> None:
    app = make('{event: ask, handler: "my:who"}')
    async with serving(app) as port, raw(port) as client:
        await client.join("/closed", token(exp=int(time.time()) + 2))
        assert await client.until("41/closed,") == ""


async def test_a_reload_changes_events_under_connected_sockets(make: Make) -> None:
    app = make('{event: ask, handler: "my:who"}')
    async with serving(app) as port, member(port) as client:
        assert (await client.ask("ask", {}))["ok"] is True
        make('{event: other, handler: "my:who"}')
        assert await app.reload() == []
        assert (await client.ask("ask", {}))["error"]["code"] == "unknown_event"
        assert (await client.ask("other", {}))["ok"] is True

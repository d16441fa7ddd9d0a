"""Credentials of connected sockets: announced before they expire, and replaced by new ones."""

import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from hapiish import Application, create_app
from hapiish.realtime.socketio import expiry
from tests.realtime.support import raw, serving

pytestmark = pytest.mark.anyio

SECRET = "a secret of the tests that is long enough"

TABLE = """
auth: {strategies: {session: {scheme: jwt, options: {keys: "${SECRET}"}}}}
sockets:
  namespaces:
    - namespace: /
      auth: session
      events:
        - {event: who, handler: "my:who"}
        - {event: renew, handler: "my:renew"}
      emits:
        - event: "auth:expiring"
          payload: {type: object, required: [expiresAt], properties: {expiresAt: {type: string}}}
        - {event: kicked, payload: {type: object, required: [reason], properties: {reason: {const: expired}}}}
    - {namespace: /silent, auth: session, events: [{event: who, handler: "my:who"}]}
    - {namespace: /open, events: [{event: renew, handler: "my:renew"}]}
routes: []
"""

CODE = """
async def who(request, h):
    return {"sub": request.auth.credentials["sub"]}

async def renew(request, h):
    mine = request.auth.credentials or {}
    until = await request.socket.authenticate(request.payload, accept=lambda other: other["sub"] == mine.get("sub"))
    return {"until": until and until.timestamp()}
"""


@pytest.fixture
def app(tmp_path: Path) -> Application:
    (tmp_path / "routes.yaml").write_text(TABLE)
    (tmp_path / "my.py").write_text(CODE)
    return create_app(tmp_path / "routes.yaml", env={"SECRET": SECRET})


def the_socket(app: Application) -> Any:
    realtime: Any = app.server.realtime
    (socket,) = realtime._hub.sockets()
    return socket


def token(seconds: float | None = None, sub: str = "ann") -> dict[str, str]:
    claims: dict[str, Any] = {"sub": sub}
    if seconds is not None:
        claims["exp"] = int(time.time() + seconds)
    return {"token": jwt.encode(claims, SECRET)}


async def test_a_client_is_told_that_its_credentials_end_and_why_it_is_disconnected(app: Application) -> None:
    given = token(2)
    async with serving(app) as port, raw(port) as client:
        await client.join("/", given)
        event, payload = json.loads(await client.until("42"))
        exp = jwt.decode(given["token"], SECRET, algorithms=["HS256"])["exp"]
        ends = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(exp))
        assert event == "auth:expiring"
        assert payload["expiresAt"].startswith(ends)
        assert json.loads(await client.until("42")) == ["kicked", {"reason": "expired"}]
        assert await client.until("41") == ""


async def test_a_namespace_that_declares_no_announcement_sends_none(app: Application) -> None:
    async with serving(app) as port, raw(port) as client:
        await client.join("/silent", token(2))
        assert str(await client.receive()) == "41/silent,"


async def test_new_credentials_replace_those_that_end(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry, "NOTICE", 1000.0)
    async with serving(app) as port, raw(port) as client:
        await client.join("/", token(1))
        assert json.loads(await client.until("42"))[0] == "auth:expiring"
        later = token(3000)
        exp = jwt.decode(later["token"], SECRET, algorithms=["HS256"])["exp"]
        assert await client.ask("renew", later) == {"ok": True, "until": exp}
        socket = the_socket(app)
        assert socket.expiry.when() > 1500, "the former timer is cancelled"
        assert (await client.ask("who", {}))["sub"] == "ann"
        assert await client.ask("renew", token()) == {"ok": True, "until": None}
        assert socket.expiry is None


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        (token(-5), 401, "token_expired"),
        ({"token": "x.y.z"}, 401, "unauthorized"),
        ({}, 401, "unauthorized"),
        (token(sub="bob"), 403, "forbidden"),
    ],
)
async def test_credentials_that_are_refused_change_nothing(
    app: Application, given: dict[str, str], status: int, code: str
) -> None:
    async with serving(app) as port, raw(port) as client:
        await client.join("/", token(3000))
        error = (await client.ask("renew", given))["error"]
        assert (error["statusCode"], error["code"]) == (status, code)
        assert (await client.ask("who", {}))["sub"] == "ann"
        assert the_socket(app).expiry is not None

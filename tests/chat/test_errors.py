"""Errors of handlers and of the framework have a code, and say whether a retry may succeed."""

import asyncio
from typing import Any

import pytest
import socketio

from handlers import errors
from hapiish import Application, boom
from hapiish.testing import inject
from models.user import User
from tests.chat.callers import Join, connected, serving

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("method", "url", "payload", "expected"),
    [
        ("POST", "/register", {}, (400, "validation")),
        ("POST", "/login", "{", (400, "validation")),
        ("POST", "/login", {"email": "x" * 70_000}, (413, "too_large")),
        ("GET", "/friends", None, (401, "unauthorized")),
        ("GET", "/nowhere", None, (404, "not_found")),
        ("PATCH", "/login", None, (405, "method_not_allowed")),
    ],
)
async def test_an_error_of_the_framework_has_a_code(
    app: Application, method: str, url: str, payload: Any, expected: tuple[int, str]
) -> None:
    answer = await inject(app, method=method, url=url, payload=payload)
    assert {"statusCode", "error", "message", "code", "retryable"} <= set(answer.json)
    assert (answer.status_code, answer.json["code"]) == expected
    assert answer.json["retryable"] is False


@pytest.mark.in_process
async def test_a_failure_of_the_server_is_retryable_and_reveals_nothing(
    app: Application, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await join("ann")

    def broken(user_id: str) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(User, "friends_of", broken)
    answer = await ann.call("GET", "/friends")
    assert (answer.status_code, answer.json["code"], answer.json["retryable"]) == (500, "internal", True)
    assert "secret" not in answer.text


async def test_an_event_that_fails_has_the_same_keys(app: Application, join: Join) -> None:
    ann = await join("ann")
    async with serving(app) as url, connected(url, ann.token) as phone:
        for event, data, code in (
            ("message", {}, "validation"),
            ("message", {"conversationId": "0" * 24, "text": "hi"}, "not_found"),
            ("nothing", {}, "unknown_event"),
        ):
            error = (await phone.send(event, data))["error"]
            assert (error["code"], error["retryable"]) == (code, False)


async def test_a_refused_handshake_has_the_same_keys(app: Application) -> None:
    async with serving(app) as url:
        client = socketio.AsyncClient(reconnection=False)
        refused: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        client.on("connect_error", refused.set_result)
        with pytest.raises(socketio.exceptions.ConnectionError):
            await client.connect(url, auth={"token": "x"}, transports=["websocket"])
        data = (await refused)["data"]
        assert (data["code"], data["retryable"]) == ("unauthorized", False)


@pytest.mark.parametrize("kind", [*boom.Boom.__subclasses__()], ids=lambda kind: kind.__name__)
def test_every_status_has_a_code(kind: type[boom.Boom]) -> None:
    body = errors.body(kind().payload(), None)
    assert body["code"]
    assert body["retryable"] == (kind.status in (408, 429, 500, 502, 503, 504))


def test_a_code_that_a_handler_gives_stays() -> None:
    given = boom.Conflict(code="self", data={"id": "1"}).payload()
    assert errors.body(given, None) == {**boom.Conflict(code="self", data={"id": "1"}).payload(), "retryable": False}

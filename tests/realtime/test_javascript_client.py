"""The real JavaScript client, version 4, with the scripts of tests/js."""

import asyncio
import json
import socket as sockets
from typing import Any

import pytest
import uvicorn

from hapiish import boom
from hapiish.options import Sockets
from hapiish.realtime import NamespaceHooks, RealtimeServer, Socket
from tests import javascript
from tests.realtime.support import PATIENCE, Journal, echo, realtime, serving

pytestmark = pytest.mark.anyio


async def judge(socket: Socket, auth: Any) -> None:
    if auth != {"token": "good"}:
        raise boom.Unauthorized("Token expired", code="token_expired")


async def fail(socket: Socket, data: Any) -> Any:
    raise boom.Conflict("Twice", code="conflict")


async def bye(socket: Socket, data: Any) -> Any:
    await socket.disconnect("bye")
    return {"ok": True}


async def who(socket: Socket, data: Any) -> Any:
    return socket.namespace


def server_of() -> RealtimeServer:
    places = iter(range(1000))

    async def slow(socket: Socket, number: Any) -> Any:
        await asyncio.sleep(0.01 if number % 10 == 0 else 0)
        return {"ok": True, "place": next(places)}

    async def tell(socket: Socket, data: Any) -> Any:
        await server.emit("told", {"by": socket.namespace}, data["to"])
        return {"ok": True}

    events = {"echo": echo, "fail": fail, "slow": slow, "tell": tell, "bye": bye}
    namespaces = {"/": NamespaceHooks(connect=judge, events=events), "/chat": NamespaceHooks(events={"who": who})}
    server = RealtimeServer(Sockets(transports=("polling", "websocket")), namespaces=namespaces)
    return server


@pytest.fixture(scope="module")
def findings() -> dict[str, Any]:
    async def run() -> dict[str, Any]:
        async with serving(server_of()) as port:
            found: dict[str, Any] = json.loads(await javascript.run("realtime.mjs", f"http://127.0.0.1:{port}"))
            return found

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("finding", "value"),
    [
        ("connected", True),
        ("echo", {"ok": True, "data": {"text": "žluť", "when": "1970-01-01T00:00:00.000Z"}}),
        ("nothing", {"ok": True, "data": None}),
        ("order", list(range(50))),
        ("tell", {"ok": True}),
        ("told", [{"by": "/"}]),
        ("secondTry", True),
        ("nowhere", "Invalid namespace"),
        ("chat", "/chat"),
        ("upgraded", {"ok": True, "data": 1}),
        ("bye", {"ok": True}),
        ("byeReason", "io server disconnect"),
    ],
)
async def test_the_client_sees_what_its_documentation_says(finding: str, value: Any, findings: dict[str, Any]) -> None:
    assert findings[finding] == value


@pytest.mark.parametrize(("finding", "status"), [("failing", 409), ("unknown", 404), ("binary", 415)])
async def test_errors_reach_the_client_as_data(finding: str, status: int, findings: dict[str, Any]) -> None:
    assert (findings[finding]["ok"], findings[finding]["error"]["statusCode"]) == (False, status)


async def test_a_refusal_reaches_the_client_as_an_error(findings: dict[str, Any]) -> None:
    error = {"statusCode": 401, "error": "Unauthorized", "message": "Token expired", "code": "token_expired"}
    assert findings["refusal"] == {"message": "Token expired", "data": error, "active": False}


async def test_a_client_comes_back_by_itself_after_a_restart() -> None:
    listening = sockets.create_server(("127.0.0.1", 0))
    process = await javascript.start("restart.mjs", f"http://127.0.0.1:{listening.getsockname()[1]}")
    try:
        for last in (False, True):
            journal = Journal()
            server = realtime(journal.hooks())
            config = uvicorn.Config(server, lifespan="off", log_level="warning")
            running = uvicorn.Server(config)
            serving_task = asyncio.create_task(running.serve([listening.dup()]))
            async with asyncio.timeout(PATIENCE):
                while not journal.sockets:
                    await asyncio.sleep(0.01)
            if last:
                await journal.reasons()
            await server.shutdown()
            running.should_exit = True
            await serving_task
        output, errors = await asyncio.wait_for(process.communicate(), PATIENCE)
    finally:
        listening.close()
    assert output.decode().splitlines() == [
        "connect",
        "transport close",
        "connect",
        '{"ok":true,"data":1}',
        "io client disconnect",
    ], errors.decode()

"""Unchanged features of python-socketio, with its own client: attachments, callbacks, its API."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import socketio

from hapiish import boom
from hapiish.realtime import NamespaceHooks, Socket
from tests.realtime.support import PATIENCE, Journal, echo, realtime, serving

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def connected(port: int, **options: Any) -> AsyncIterator[socketio.AsyncClient]:
    client = socketio.AsyncClient(reconnection=False)
    await client.connect(f"http://127.0.0.1:{port}", transports=["websocket"], **options)
    try:
        yield client
    finally:
        await client.disconnect()


async def test_events_are_asked_and_answered() -> None:
    server = realtime()
    async with serving(server) as port, connected(port, auth={"token": "t"}) as client:
        news: asyncio.Queue[Any] = asyncio.Queue()
        client.on("news", news.put_nowait)
        assert await client.call("echo", {"a": 1}) == {"ok": True, "data": {"a": 1}}
        await server.emit("news", {"n": 1}, client.get_sid())
        assert await asyncio.wait_for(news.get(), PATIENCE) == {"n": 1}


async def test_a_refusal_reaches_the_caller() -> None:
    async def refuse(socket: Socket, auth: Any) -> None:
        raise boom.Unauthorized("Token expired", code="token_expired")

    async with serving(realtime(NamespaceHooks(connect=refuse))) as port:
        client = socketio.AsyncClient(reconnection=False)
        refusals: asyncio.Queue[Any] = asyncio.Queue()
        client.on("connect_error", refusals.put_nowait)
        with pytest.raises(socketio.exceptions.ConnectionError):
            await client.connect(f"http://127.0.0.1:{port}", transports=["websocket"])
        refusal = await asyncio.wait_for(refusals.get(), PATIENCE)
        assert (refusal["message"], refusal["data"]["code"]) == ("Token expired", "token_expired")


async def test_declared_events_take_attachments_and_others_refuse_them() -> None:
    async def measure(socket: Socket, data: Any) -> Any:
        return {"ok": True, "sizes": [len(part) for part in data["parts"]]}

    hooks = NamespaceHooks(events={"measure": measure, "echo": echo}, binary=frozenset({"measure"}))
    async with serving(realtime(hooks)) as port, connected(port) as client:
        answer = await client.call("measure", {"parts": [b"abc", b"\x00" * 1000]})
        assert answer == {"ok": True, "sizes": [3, 1000]}
        refusal = await client.call("echo", {"file": b"abc"})
        assert (refusal["ok"], refusal["error"]["statusCode"]) == (False, 415)
        assert await client.call("echo", 1) == {"ok": True, "data": 1}


async def test_bytes_are_sent_as_attachments() -> None:
    journal = Journal()
    server = realtime(journal.hooks())
    async with serving(server) as port, connected(port) as client:
        files: asyncio.Queue[Any] = asyncio.Queue()
        client.on("file", files.put_nowait)
        await server.emit("file", {"name": "a", "content": b"\x00\x01"})
        await journal.sockets[0].emit("file", b"\x02")
        assert await asyncio.wait_for(files.get(), PATIENCE) == {"name": "a", "content": b"\x00\x01"}
        assert await asyncio.wait_for(files.get(), PATIENCE) == b"\x02"


async def test_a_client_acknowledges_an_emit_of_the_library(caplog: pytest.LogCaptureFixture) -> None:
    server = realtime()
    async with serving(server) as port, connected(port) as client:
        client.on("question", lambda data: ("answer", data))
        answers: asyncio.Queue[Any] = asyncio.Queue()

        def fail(*_: Any) -> None:
            answers.put_nowait("failing")
            raise LookupError("in a callback")

        await server._hub.emit("question", 1, to=client.get_sid(), callback=lambda *given: answers.put_nowait(given))
        assert await asyncio.wait_for(answers.get(), PATIENCE) == ("answer", 1)
        await server._hub.emit("question", b"2", to=client.get_sid(), callback=lambda *given: answers.put_nowait(given))
        assert await asyncio.wait_for(answers.get(), PATIENCE) == ("answer", b"2")
        await server._hub.emit("question", 3, to=client.get_sid(), callback=fail)
        assert await asyncio.wait_for(answers.get(), PATIENCE) == "failing"
        assert (await client.call("echo", 1))["ok"] is True
    assert "in a callback" in caplog.text


async def test_the_library_knows_our_sockets() -> None:
    journal = Journal()
    server = realtime(journal.hooks())
    hub = server._hub
    async with serving(server) as port, connected(port) as client:
        sid = client.get_sid()
        await hub.enter_room(sid, "lobby")
        assert journal.sockets[0].rooms == {"lobby"}
        assert sorted(hub.rooms(sid)) == sorted(["lobby", sid])
        assert hub.transport(sid) == "websocket"
        assert hub.get_environ(sid)["asgi.scope"] is journal.sockets[0].scope
        await hub.disconnect(sid)
        assert await journal.reasons() == ["server disconnect"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*deprecated")
@pytest.mark.parametrize("ws", ["websockets-sansio", "websockets", "wsproto"])
async def test_every_websocket_implementation_of_uvicorn_will_do(ws: str) -> None:
    journal = Journal()
    server = realtime(journal.hooks(), ping_interval=100, ping_timeout=1000)
    async with serving(server, ws) as port:
        async with connected(port) as client:
            assert [await client.call("echo", number) for number in range(20)] == [
                {"ok": True, "data": number} for number in range(20)
            ]
            assert await client.call("echo", "ž" * 10000) == {"ok": True, "data": "ž" * 10000}
        async with connected(port) as client:
            await journal.sockets[-1].disconnect("enough")
            await asyncio.wait_for(client.wait(), PATIENCE)
        async with connected(port) as client:
            await server.shutdown()
            await asyncio.wait_for(client.wait(), PATIENCE)
        assert (await journal.reasons(3))[1:] == ["enough", "server shutting down"]

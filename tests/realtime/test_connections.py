import asyncio
import json
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import connect

from hapiish import boom
from hapiish.realtime import NamespaceHooks, Socket
from tests.realtime.support import Gate, Journal, echo, gone, member, raw, realtime, serving

pytestmark = pytest.mark.anyio


async def test_a_handshake_carries_auth_address_and_headers() -> None:
    journal = Journal()
    async with (
        serving(realtime(journal.hooks())) as port,
        raw(port, additional_headers={"x-device": "phone"}) as client,
    ):
        sid = await client.join(auth={"token": "t"})
        (socket,) = journal.sockets
        assert (socket.id, socket.namespace, socket.auth) == (sid, "/", {"token": "t"})
        assert socket.scope["client"][0] == "127.0.0.1"
        assert (b"x-device", b"phone") in socket.scope["headers"]


async def _refuse(socket: Socket, auth: Any) -> None:
    await socket.join("vip")
    await socket.emit("ready", 1)
    raise boom.Unauthorized("Token expired", code="token_expired")


async def _put_off(socket: Socket, auth: Any) -> None:
    raise boom.TooManyRequests("Wait", headers={"Retry-After": "3"})


WAIT = {"statusCode": 429, "error": "Too Many Requests", "message": "Wait", "retryAfter": 3}
INTERNAL = {"statusCode": 500, "error": "Internal Server Error", "message": "An internal server error occurred"}


async def _crash(socket: Socket, auth: Any) -> None:
    raise LookupError("a secret")


async def _await_what_was_cancelled(socket: Socket, auth: Any) -> None:
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


@pytest.mark.parametrize(
    ("hook", "error"),
    [
        (
            _refuse,
            {"statusCode": 401, "error": "Unauthorized", "message": "Token expired", "code": "token_expired"},
        ),
        (_put_off, WAIT),
        (_crash, INTERNAL),
        (_await_what_was_cancelled, INTERNAL),
    ],
)
async def test_a_refusal_says_why_and_leaves_nothing_behind(hook: Any, error: dict[str, Any]) -> None:
    journal = Journal()
    server = realtime(NamespaceHooks(connect=hook, disconnect=journal.disconnect, events={"echo": echo}))
    async with serving(server) as port, raw(port) as client:
        await client.send('40{"token":"old"}')
        packet = str(await client.receive())
        assert packet.startswith("44")
        assert json.loads(packet[2:]) == {"message": error["message"], "data": error}
        await server.emit("news", 1, "vip")
        await server.emit("news", 1)
        assert (await client.ask("echo", 1))["error"]["code"] == "not_connected"
        assert server._hub.manager.rooms == {}
        assert server._hub.manager.joined == {}
    assert journal.left == []


async def test_a_refused_client_may_try_again() -> None:
    async def gatekeeper(socket: Socket, auth: Any) -> None:
        if auth != {"token": "new"}:
            raise boom.Unauthorized("Token expired")

    async with (
        serving(realtime(NamespaceHooks(connect=gatekeeper, events={"echo": echo}))) as port,
        raw(port) as client,
    ):
        await client.send('40{"token":"old"}')
        await client.until("44")
        await client.join(auth={"token": "new"})
        assert (await client.ask("echo", 1))["ok"] is True


@pytest.mark.parametrize(
    ("packet", "answer", "code"),
    [
        ("40", "44", "already_connected"),
        ('40/chat,["a"]', "44/chat,", "invalid_auth"),
        ('40/chat,"a"', "44/chat,", "invalid_auth"),
        ("40/chat,true", "44/chat,", "invalid_auth"),
    ],
)
async def test_a_connection_that_cannot_be_is_refused(packet: str, answer: str, code: str) -> None:
    journal = Journal()
    namespaces = {"/": journal.hooks(), "/chat": NamespaceHooks()}
    async with serving(realtime(namespaces=namespaces)) as port, member(port) as client:
        await client.send(packet)
        assert json.loads(await client.until(answer))["data"]["code"] == code
        assert (await client.ask("echo", 1))["ok"] is True
        assert len(journal.sockets) == 1


@pytest.mark.parametrize("packet", ["40/nowhere", "40/nowhere,", '40/nowhere,{"token":"t"}', "40/nowhere?a=b,"])
async def test_an_unknown_namespace_is_refused_as_by_node(packet: str) -> None:
    async with serving(realtime()) as port, member(port) as client:
        await client.send(packet)
        assert await client.until("44") == '/nowhere,{"message":"Invalid namespace"}'
        assert (await client.ask("echo", 1))["ok"] is True


async def test_what_is_sent_while_a_client_connects_comes_after_the_connection() -> None:
    async def hello(socket: Socket, auth: Any) -> None:
        await socket.join("lobby")
        await socket.join("elsewhere")
        await socket.leave("elsewhere")
        assert socket.rooms == {"lobby"}
        await socket.emit("ready", {"id": socket.id})
        await server.emit("news", "too early", "lobby")

    server = realtime(NamespaceHooks(connect=hello))
    async with serving(server) as port, raw(port) as client:
        await client.send("40")
        first, second = str(await client.receive()), str(await client.receive())
        sid = json.loads(first.removeprefix("40"))["sid"]
        assert json.loads(second.removeprefix("42")) == ["ready", {"id": sid}]
        await server.emit("news", "in time", "lobby")
        assert await client.news("news") == "in time"


async def test_clients_that_leave_while_they_connect_leave_no_ghosts() -> None:
    gate = Gate()
    journal = Journal()

    async def slow(socket: Socket, auth: Any) -> None:
        await journal.connect(socket, auth)
        await socket.join("lobby")
        await gate(socket, auth)

    server = realtime(NamespaceHooks(connect=slow, disconnect=journal.disconnect))
    async with serving(server) as port:
        for _ in range(20):
            async with raw(port) as client:
                await client.send("40")
        gate.open.set()
        assert await journal.reasons(20) == ["transport close"] * 20
        assert sorted(id for id, _ in journal.left) == sorted(socket.id for socket in journal.sockets)
        await gone(server)


@pytest.mark.parametrize(
    ("packet", "reason"), [("41", "client disconnect"), ("1", "client disconnect"), (None, "transport close")]
)
async def test_a_client_that_goes_is_told_to_the_hook_once(packet: str | None, reason: str) -> None:
    journal = Journal()
    server = realtime(journal.hooks())
    async with serving(server) as port:
        async with member(port) as client:
            (socket,) = journal.sockets
            await socket.join("lobby")
            if packet is not None:
                await client.send(packet)
                await journal.reasons()
        assert await journal.reasons() == [reason]
        assert socket.rooms == {"lobby"}
        assert server._hub.manager.rooms == {}
        await socket.join("too late")
        await socket.emit("too late", 1)
        await socket.leave("lobby")
        await socket.disconnect()
        assert socket.rooms == {"lobby"}
        assert server._hub.manager.joined == {}
    assert len(journal.left) == 1


async def test_a_namespace_can_be_left_and_joined_again() -> None:
    journal = Journal()
    async with (
        serving(realtime(namespaces={"/": journal.hooks(), "/chat": journal.hooks()})) as port,
        raw(port) as client,
    ):
        await client.join()
        first = await client.join("/chat")
        await client.send("41/chat,")
        second = await client.join("/chat")
        assert first != second
        assert journal.left == [(first, "client disconnect")]
        assert (await client.ask("echo", 1))["ok"] is True


async def test_a_handler_that_disconnects_its_client_still_answers_it() -> None:
    journal = Journal()

    async def bye(socket: Socket, data: Any) -> Any:
        await socket.disconnect("bye")
        await socket.emit("last", 1)
        return {"ok": True}

    async with serving(realtime(journal.hooks(bye=bye))) as port, member(port) as client:
        await client.send('421["bye"]')
        assert [await client.receive() for _ in range(3)] == ['42["last",1]', '431[{"ok":true}]', "41"]
        assert await journal.reasons() == ["bye"]


async def test_a_hook_may_disconnect_who_has_just_connected() -> None:
    journal = Journal()

    async def come_and_go(socket: Socket, auth: Any) -> None:
        await socket.disconnect("not today")

    hooks = NamespaceHooks(connect=come_and_go, disconnect=journal.disconnect)
    async with serving(realtime(hooks)) as port, raw(port) as client:
        await client.send("40")
        assert str(await client.receive()).startswith("40{")
        assert await client.receive() == "41"
        assert await journal.reasons() == ["not today"]


async def test_a_client_is_disconnected_at_once_even_while_its_handler_runs() -> None:
    gate = Gate()
    journal = Journal()
    async with serving(realtime(journal.hooks(slow=gate))) as port, member(port) as client:
        await client.send('421["slow"]')
        await gate.entered.wait()
        await journal.sockets[0].disconnect("revoked")
        assert await client.receive() == "41"
        assert await journal.reasons() == ["revoked"]
        gate.open.set()


async def test_a_failing_disconnect_hook_is_logged_and_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(socket: Socket, reason: str) -> None:
        raise LookupError("no such presence")

    server = realtime(NamespaceHooks(disconnect=fail, events={"echo": echo}))
    async with serving(server) as port, member(port) as client:
        await client.send("41")
        await client.join()
        assert (await client.ask("echo", 1))["ok"] is True
    assert "no such presence" in caplog.text


async def test_a_connection_without_namespaces_is_not_kept() -> None:
    server = realtime(ping_interval=200, ping_timeout=200)
    async with serving(server) as port, raw(port) as idle:
        assert await idle.closed() == (1000, "server disconnect")


async def _status(url: str, **options: Any) -> int:
    try:
        async with connect(url, **options):
            return 101
    except websockets.InvalidStatus as error:
        return error.response.status_code


@pytest.mark.parametrize(
    ("origins", "origin", "headers", "status"),
    [
        (None, None, {}, 101),
        (None, "http://HOST", {}, 101),
        (None, "https://HOST", {}, 403),
        (None, "https://HOST", {"x-forwarded-proto": "https"}, 403),
        (None, "https://chat.example", {"x-forwarded-proto": "https", "x-forwarded-host": "chat.example"}, 403),
        (None, "http://evil.example", {}, 403),
        (None, "null", {}, 403),
        ("*", "http://evil.example", {}, 101),
        (["https://chat.example"], "https://chat.example", {}, 101),
        (["https://chat.example"], "http://HOST", {}, 403),
        ([], None, {}, 101),
        ([], "http://HOST", {}, 403),
    ],
)
async def test_pages_of_other_origins_are_refused(
    origins: Any, origin: str | None, headers: dict[str, str], status: int
) -> None:
    async with serving(realtime(origins=origins)) as port:
        url = f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket"
        given = origin.replace("HOST", f"127.0.0.1:{port}") if origin else None
        assert await _status(url, origin=given, additional_headers=headers) == status


@pytest.mark.parametrize(
    "query", ["EIO=3&transport=websocket", "transport=websocket", "EIO=4", "EIO=4&transport=x", ""]
)
async def test_other_protocols_are_refused(query: str) -> None:
    async with serving(realtime()) as port:
        assert await _status(f"ws://127.0.0.1:{port}/socket.io/?{query}") == 403
        async with member(port) as client:
            assert (await client.ask("echo", 1))["ok"] is True


@pytest.mark.parametrize(
    ("path", "handled"),
    [("/socket.io", True), ("/socket.io/", True), ("/socket.io/x", True), ("/socket.iox", False), ("/", False)],
)
def test_the_server_knows_its_path(path: str, handled: bool) -> None:
    assert realtime().handles(path) is handled
    assert realtime(path="chat/live/").path == "/chat/live"


async def test_a_cancelled_server_task_still_says_goodbye() -> None:
    journal = Journal()
    server = realtime(journal.hooks())
    arrived: asyncio.Future[asyncio.Task[Any]] = asyncio.get_running_loop().create_future()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        task = asyncio.current_task()
        assert task is not None
        arrived.set_result(task)
        await server(scope, receive, send)

    async with serving(app) as port, member(port) as client:
        (await arrived).cancel()
        assert await journal.reasons() == ["transport close"]
        assert (await client.closed())[0] == 1000

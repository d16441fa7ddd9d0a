"""Engine.IO 4: the cases of its public test suite (socket.io, docs/engine.io-protocol), and more."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import aiohttp
import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect

from hapiish.http.serving.protocol import HttpProtocol
from hapiish.options import Duration, Size, Sockets
from hapiish.realtime import Socket
from hapiish.realtime.engineio.engine import Engine
from hapiish.realtime.engineio.reading import MOST_WAITING
from hapiish.realtime.engineio.transport import Transport
from hapiish.types import Message, Receive, Scope, Send
from tests.realtime.support import PATIENCE, Gate, Journal, echo, gone, realtime, serving
from tests.realtime.test_polling import Polling, polling

pytestmark = pytest.mark.anyio

QUICK: dict[str, Any] = {"ping_interval": 300, "ping_timeout": 200}


class Server:
    """An Engine.IO server that sends back what it gets, at `/socket.io/`."""

    def __init__(self, ping_interval: int = 25000, ping_timeout: int = 20000) -> None:
        self.left: list[str] = []
        self.engine = Engine(
            opened=self.opened,
            settings=Sockets(
                send_buffer_count=100,
                origins=("https://chat.example",),
                connect_timeout=Duration(60000),
                transports=("polling", "websocket"),
                ping_interval=Duration(ping_interval),
                ping_timeout=Duration(ping_timeout),
                max_bytes=Size(1000000),
            ),
            async_mode="asgi",
        )

    def opened(self, transport: Transport) -> None:
        transport.on_packet = partial(self.echo, transport)
        transport.on_close = self.leave
        transport.farewell = lambda reason: []

    async def echo(self, transport: Transport, data: str | bytes) -> None:
        said: Message = {"bytes": data} if isinstance(data, bytes) else {"text": f"4{data}"}
        transport.deliver({"type": "websocket.send", **said})

    async def leave(self, reason: str) -> None:
        self.left.append(reason)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport = await self.engine.handle_request(scope, receive, send)
        if transport is not None:
            await transport.serve(receive)


class Client:
    """HTTP and WebSocket, with every character ours."""

    def __init__(self, port: int, http: aiohttp.ClientSession) -> None:
        self.base = f"127.0.0.1:{port}/socket.io/"
        self.http = http

    async def ask(
        self, query: str, method: str = "GET", data: str | bytes | None = None, **headers: str
    ) -> tuple[int, str, Any]:
        async with self.http.request(method, f"http://{self.base}?{query}", data=data, headers=headers) as answer:
            return answer.status, await answer.text(), answer.headers

    async def opening(self) -> dict[str, Any]:
        status, text, _ = await self.ask("EIO=4&transport=polling")
        assert (status, text[0]) == (200, "0")
        opened: dict[str, Any] = json.loads(text[1:])
        return opened

    async def session(self) -> Polling:
        sid = (await self.opening())["sid"]
        return Polling(self.http, f"http://{self.base}?EIO=4&transport=polling&sid={sid}")

    @asynccontextmanager
    async def wire(self, query: str = "EIO=4&transport=websocket") -> AsyncIterator[ClientConnection]:
        async with connect(f"ws://{self.base}?{query}", compression=None) as wire:
            yield wire

    def upgrading(self, session: Polling) -> Any:
        return self.wire(session.url.partition("?")[2].replace("=polling", "=websocket"))


@asynccontextmanager
async def client_of(server: Any, http: Any = "auto") -> AsyncIterator[Client]:
    timeout = aiohttp.ClientTimeout(PATIENCE)
    async with serving(server, http=http) as port, aiohttp.ClientSession(timeout=timeout) as session:
        yield Client(port, session)


async def received(wire: ClientConnection) -> Any:
    return await asyncio.wait_for(wire.recv(), PATIENCE)


async def closes(wire: ClientConnection) -> int | None:
    with contextlib.suppress(websockets.ConnectionClosed):
        while True:
            await received(wire)
    return wire.close_code


# Handshake


async def test_polling_opens_a_session() -> None:
    async with client_of(Server(**QUICK)) as client:
        opened = await client.opening()
        assert isinstance(opened.pop("sid"), str)
        assert opened == {"upgrades": ["websocket"], "pingInterval": 300, "pingTimeout": 200, "maxPayload": 1000000}


async def test_a_websocket_opens_a_session() -> None:
    async with client_of(Server(**QUICK)) as client, client.wire() as wire:
        opening = await received(wire)
        opened = json.loads(opening[1:])
        assert (opening[0], isinstance(opened.pop("sid"), str)) == ("0", True)
        assert opened == {"upgrades": [], "pingInterval": 300, "pingTimeout": 200, "maxPayload": 1000000}


@pytest.mark.parametrize(
    ("query", "method", "code", "message"),
    [
        ("transport=polling", "GET", 5, "Unsupported protocol version"),
        ("EIO=abc&transport=polling", "GET", 5, "Unsupported protocol version"),
        ("EIO=3&transport=polling", "GET", 5, "Unsupported protocol version"),
        ("EIO=4", "GET", 0, "Transport unknown"),
        ("EIO=4&transport=abc", "GET", 0, "Transport unknown"),
        ("", "POST", 0, "Transport unknown"),
        ("EIO=4&transport=polling&sid=nobody", "GET", 1, "Session ID unknown"),
        ("EIO=4&transport=polling&sid=nobody", "POST", 1, "Session ID unknown"),
        ("EIO=4&transport=polling", "POST", 2, "Bad handshake method"),
        ("EIO=4&transport=polling", "PUT", 2, "Bad handshake method"),
        ("EIO=4&transport=websocket", "GET", 3, "Bad request"),
    ],
)
async def test_a_wrong_handshake_is_answered_as_by_node(query: str, method: str, code: int, message: str) -> None:
    async with client_of(Server()) as client:
        status, text, headers = await client.ask(query, method)
        assert (status, json.loads(text)) == (400, {"code": code, "message": message})
        assert headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "query",
    ["transport=websocket", "EIO=abc&transport=websocket", "EIO=4", "EIO=4&transport=abc", "EIO=4&transport=polling"],
)
async def test_a_wrong_handshake_of_a_websocket_is_refused(query: str) -> None:
    async with client_of(Server()) as client:
        with pytest.raises(websockets.InvalidStatus):
            async with client.wire(query):
                pass


# Messages


@pytest.mark.parametrize("body", ["4hello", "4test1\x1e4test2\x1e4test3", "4hello\x1ebAQIDBA=="])
async def test_polling_sends_and_receives(body: str) -> None:
    async with client_of(Server()) as client:
        session = await client.session()
        assert await session.post(body) == (200, "ok")
        assert await session.get() == (200, body.split("\x1e"))


async def test_a_websocket_sends_and_receives() -> None:
    async with client_of(Server()) as client, client.wire() as wire:
        await received(wire)
        await wire.send("4hello")
        assert await received(wire) == "4hello"
        await wire.send(b"\1\2\3\4")
        assert await received(wire) == b"\1\2\3\4"


@pytest.mark.parametrize("body", ["abc", "b=", "b*", "4a\x1e", "\x1e", "9", "2"])
async def test_an_invalid_packet_ends_a_polling_session(body: str) -> None:
    server = Server()
    async with client_of(server) as client:
        session = await client.session()
        assert (await session.post(body))[0] == 400
        assert (await session.get())[0] == 400
        assert server.left == ["parse error"]


async def test_an_invalid_packet_closes_a_websocket() -> None:
    async with client_of(Server()) as client, client.wire() as wire:
        await wire.send("abc")
        assert await closes(wire) == 1002


async def test_a_second_poll_ends_the_session() -> None:
    server = Server()
    async with client_of(server) as client:
        session = await client.session()
        first = asyncio.create_task(session.get())
        await _polled(server)
        assert (await session.get())[0] == 400
        assert await first == (200, ["1"])
        assert (await session.get())[0] == 400
        assert server.left == ["transport error"]


async def _polled(server: Server) -> None:
    async with asyncio.timeout(PATIENCE):
        while not any(one.polling and one.polling.polled for one in server.engine.sockets.values()):
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("http", ["h11", "httptools", HttpProtocol])
async def test_a_poll_that_its_client_leaves_ends_the_session_at_once(
    http: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server = Server()
    async with client_of(server, http) as client:
        session = await client.session()
        poll = asyncio.create_task(session.get())
        await _polled(server)
        poll.cancel()
        async with asyncio.timeout(PATIENCE):
            while server.engine.sockets:
                await asyncio.sleep(0.005)
        assert (await session.get())[0] == 400
    assert server.left == ["transport close"]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


# Heartbeat


async def test_polling_is_pinged() -> None:
    async with client_of(Server(ping_interval=100)) as client:
        session = await client.session()
        for _ in range(3):
            assert await session.get() == (200, ["2"])
            assert await session.post("3") == (200, "ok")


async def test_a_polling_session_without_pong_is_unknown_when_its_time_is_over() -> None:
    async with client_of(Server(**QUICK)) as client:
        session = await client.session()
        await asyncio.sleep(0.5)
        assert (await session.get())[0] == 400


async def test_a_websocket_is_pinged_and_closed_without_pong() -> None:
    async with client_of(Server(ping_interval=100, ping_timeout=200)) as client, client.wire() as wire:
        await received(wire)
        for _ in range(3):
            assert await received(wire) == "2"
            await wire.send("3")
        await closes(wire)


# Close


async def test_polling_says_goodbye_and_its_poll_ends() -> None:
    server = Server()
    async with client_of(server) as client:
        session = await client.session()
        poll = asyncio.create_task(session.get())
        await _polled(server)
        assert (await session.post("1"))[0] == 200
        assert await poll == (200, ["6"])
        assert (await session.get())[0] == 400
        assert server.left == ["client disconnect"]


async def test_a_websocket_says_goodbye() -> None:
    async with client_of(Server()) as client, client.wire() as wire:
        await wire.send("1")
        assert await closes(wire) == 1000


async def test_what_was_sent_before_the_server_closed_waits_a_moment_for_the_next_poll() -> None:
    server = Server()
    async with client_of(server) as client:
        session = await client.session()
        await session.post("4last words")
        (transport,) = server.engine.sockets.values()
        transport.stop("server disconnect")
        assert await session.get() == (200, ["4last words", "1"])
        assert (await session.get())[0] == 400


# Upgrade


async def test_polling_becomes_a_websocket_and_its_polls_end_with_a_noop() -> None:
    async with client_of(Server()) as client:
        session = await client.session()
        async with client.upgrading(session) as wire:
            await wire.send("2probe")
            assert await received(wire) == "3probe"
            assert await session.get() == (200, ["6"])
            await wire.send("5")
            await wire.send("4hello")
            assert await received(wire) == "4hello"


async def test_a_poll_that_waits_when_the_upgrade_begins_ends_with_a_noop() -> None:
    server = Server()
    async with client_of(server) as client:
        session = await client.session()
        poll = asyncio.create_task(session.get())
        await _polled(server)
        async with client.upgrading(session) as wire:
            await wire.send("2probe")
            assert await poll == (200, ["6"])


@pytest.mark.parametrize("other", ["poll", "post", "websocket"])
async def test_after_the_upgrade_nothing_else_is_taken_for_the_session(other: str) -> None:
    async with client_of(Server()) as client:
        session = await client.session()
        async with client.upgrading(session) as wire:
            await wire.send("2probe")
            await received(wire)
            await wire.send("5")
            await wire.send("4there")
            assert await received(wire) == "4there"
            if other == "websocket":
                async with client.upgrading(session) as second:
                    await closes(second)
            else:
                assert (await (session.get() if other == "poll" else session.post("4x")))[0] == 400
            await wire.send("4hello")
            assert await received(wire) == "4hello"


async def test_what_waits_for_a_poll_moves_to_the_websocket() -> None:
    async with client_of(Server()) as client:
        session = await client.session()
        await session.post("4one\x1e4two")
        async with client.upgrading(session) as wire:
            await wire.send("2probe")
            await received(wire)
            await wire.send("5")
            assert [await received(wire), await received(wire)] == ["4one", "4two"]


# What clients of a page are told


async def test_polling_is_never_kept_by_a_cache_and_tells_an_origin_apart() -> None:
    async with client_of(Server()) as client:
        _, _, headers = await client.ask("EIO=4&transport=polling", origin="https://chat.example")
        assert headers["cache-control"] == "no-store"
        assert headers["access-control-allow-origin"] == "https://chat.example"
        assert headers["vary"].lower() == "origin"
        status, _, headers = await client.ask(
            "EIO=4&transport=polling",
            "OPTIONS",
            None,
            **{"origin": "https://chat.example", "access-control-request-headers": "x-a"},
        )
        assert (status, headers["access-control-allow-headers"]) == (204, "x-a")


async def test_an_error_can_be_read_by_a_page_that_may_connect() -> None:
    async with client_of(Server()) as client:
        _, text, headers = await client.ask("EIO=4&transport=polling&sid=x", origin="https://chat.example")
        assert json.loads(text)["code"] == 1
        assert headers["access-control-allow-origin"] == "https://chat.example"


async def test_a_transport_that_is_not_served_is_answered_with_the_one_that_is() -> None:
    server = realtime(origins=["https://chat.example"])
    async with client_of(server) as client:
        status, text, headers = await client.ask("EIO=4&transport=polling", origin="https://chat.example")
        assert (status, json.loads(text)["code"]) == (400, 0)
        assert json.loads(text)["message"] == "Transport unknown: only websocket is served"
        assert headers["access-control-allow-origin"] == "https://chat.example"


# Clients that leave


@pytest.mark.parametrize("http", ["h11", HttpProtocol])
async def test_an_event_that_was_posted_runs_to_its_end_though_its_client_leaves(
    http: Any, caplog: pytest.LogCaptureFixture
) -> None:
    gate, done, journal = Gate(), asyncio.Event(), Journal()

    async def slow(socket: Socket, data: Any) -> Any:
        await gate(socket, data)
        await asyncio.sleep(0)
        done.set()
        return {"ok": True}

    server = realtime(journal.hooks(slow=slow), transports=["polling", "websocket"])
    async with serving(server, http=http) as port:
        async with polling(port) as client:
            poll = asyncio.create_task(client.get())
            post = asyncio.create_task(client.post('421["slow"]'))
            await gate.entered.wait()
            poll.cancel()
            post.cancel()
            assert await journal.reasons() == ["transport close"]
        assert not done.is_set()
        gate.open.set()
        await asyncio.wait_for(done.wait(), PATIENCE)
        await gone(server)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_client_that_leaves_in_the_middle_of_a_body_is_gone() -> None:
    journal = Journal()
    server = realtime(journal.hooks(), transports=["polling"])
    async with serving(server, http=HttpProtocol) as port, polling(port) as client:
        path = client.url.partition(str(port))[2]
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n42[".encode())
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.close()
        assert await journal.reasons() == ["transport close"]


async def test_two_posts_at_once_end_the_session() -> None:
    gate, journal = Gate(), Journal()
    server = realtime(journal.hooks(slow=gate), transports=["polling"])
    async with serving(server) as port, polling(port) as client:
        # So many packets wait in line that the first request is not answered yet.
        first = asyncio.create_task(client.post("\x1e".join(['421["slow"]'] * 2 * MOST_WAITING)))
        await gate.entered.wait()
        assert (await client.post('422["echo"]'))[0] == 400
        assert await journal.reasons() == ["transport error"]
        gate.open.set()
        assert (await first)[0] == 200


async def test_the_disconnect_hook_runs_to_its_end_though_the_request_is_cancelled() -> None:
    told = asyncio.Event()
    journal = Journal()

    async def disconnect(socket: Socket, reason: str) -> None:
        await asyncio.sleep(0.05)
        told.set()

    hooks = journal.hooks()
    server = realtime(hooks.__class__(disconnect=disconnect, events={"echo": echo}), transports=["polling"])
    async with serving(server, http=HttpProtocol) as port, polling(port) as client:
        poll = asyncio.create_task(client.get())
        await asyncio.sleep(0.05)
        poll.cancel()
        await asyncio.wait_for(told.wait(), PATIENCE)


async def test_text_that_is_no_utf_8_is_one_line_in_the_log_and_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with client_of(Server()) as client:
        async with client.wire() as wire:
            await received(wire)
            await wire.send(b"4\xff", text=True)
            assert await closes(wire) == 1007
        session = await client.session()
        assert (await session.post(body=b"4\xff"))[0] == 400
    assert [record for record in caplog.records if record.levelno >= logging.WARNING or record.exc_info] == []
    assert "not UTF-8" in caplog.text

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import socketio

from hapiish.realtime import NamespaceHooks, RealtimeServer
from tests.realtime.support import Journal, echo, gone, realtime, serving

pytestmark = pytest.mark.anyio


class Polling:
    """Long polling by hand."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.http = http
        self.url = url

    async def post(self, *packets: str, body: bytes | None = None) -> tuple[int, str]:
        data = "\x1e".join(packets).encode() if body is None else body
        async with self.http.post(self.url, data=data) as answer:
            return answer.status, await answer.text()

    async def get(self) -> tuple[int, list[str]]:
        async with self.http.get(self.url) as answer:
            return answer.status, (await answer.text()).split("\x1e")


@asynccontextmanager
async def polling(port: int) -> AsyncIterator[Polling]:
    url = f"http://127.0.0.1:{port}/socket.io/?EIO=4&transport=polling"
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(10)) as http:
        opening = Polling(http, url)
        _, (packet,) = await opening.get()
        client = Polling(http, f"{url}&sid={json.loads(packet[1:])['sid']}")
        assert await client.post("40") == (200, "ok")
        _, (packet,) = await client.get()
        assert packet.startswith('40{"sid":')
        yield client


def server_of(hooks: NamespaceHooks | None = None, **options: Any) -> RealtimeServer:
    return realtime(hooks, **{"transports": ["polling", "websocket"], **options})


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [("gzip, deflate", "gzip"), ("gzip;q=0", None), ("identity, gzip;q=0.5", None), ("x-gzip-not", None), ("", None)],
)
async def test_a_long_answer_is_compressed_for_who_takes_it(accepted: str, coding: str | None) -> None:
    server = server_of()
    async with serving(server) as port, polling(port) as client:
        await server.emit("news", "x" * 5000)
        async with client.http.get(client.url, headers={"accept-encoding": accepted}) as answer:
            assert answer.headers.get("content-encoding") == coding
            assert await answer.text() == f'42["news","{"x" * 5000}"]'


async def test_a_polling_client_sends_and_receives() -> None:
    server = server_of()
    async with serving(server) as port, polling(port) as client:
        assert await client.post('421["echo",{"a":"é"}]', '422["nowhere"]', '42["echo"]') == (200, "ok")
        await server.emit("news", [1, 2])
        status, packets = await client.get()
        assert status == 200
        assert packets[0] == '431[{"ok":true,"data":{"a":"é"}}]'
        assert packets[1].startswith('432[{"ok":false')
        assert packets[2:] == ['42["news",[1,2]]']


async def test_a_batch_of_many_packets_is_handled_in_full_and_in_order() -> None:
    async with serving(server_of()) as port, polling(port) as client:
        assert await client.post(*(f'42{number}["echo",{number}]' for number in range(100))) == (200, "ok")
        _, packets = await client.get()
        assert packets == [f'43{number}[{{"ok":true,"data":{number}}}]' for number in range(100)]


BAD = [b"", b"x", b"\xff\xfe", b"42[", b"4[[[", b'4{"a":1}', b"2probe", b"0{}", b"bAAAA", b"42[]", b"4" + b"[" * 50000]


@pytest.mark.parametrize("body", BAD, ids=lambda body: repr(body[:20]))
async def test_a_malformed_payload_ends_the_session(body: bytes) -> None:
    journal = Journal()
    server = server_of(journal.hooks())
    async with serving(server) as port, polling(port) as client:
        status, _ = await client.post(body=body)
        if body:
            assert status == 400
            assert await journal.reasons() == ["parse error"]
            assert (await client.get())[0] == 400
            await gone(server)
        else:
            assert status == 200
            assert journal.left == []


async def test_a_payload_over_the_limit_ends_the_session() -> None:
    journal = Journal()
    async with serving(server_of(journal.hooks(), max_bytes=1000)) as port, polling(port) as client:

        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(3):
                yield b"4" * 400

        async with client.http.post(client.url, data=chunks()) as answer:
            assert answer.status == 400
        assert len(await journal.reasons()) == 1
        assert (await client.post("3"))[0] == 400


async def test_a_polling_client_that_does_not_come_back_is_closed_as_slow() -> None:
    journal = Journal()
    server = server_of(journal.hooks(), send_buffer_count=20)
    async with serving(server) as port, polling(port):
        for number in range(21):
            await server.emit("news", number)
        assert await journal.reasons() == ["slow"]
        await gone(server)


async def test_a_polling_client_can_say_goodbye() -> None:
    journal = Journal()
    server = server_of(journal.hooks())
    async with serving(server) as port, polling(port) as client:
        assert await client.post("41", "1") == (200, "ok")
        assert await journal.reasons() == ["client disconnect"]
        await gone(server)


@pytest.mark.parametrize("transports", [["websocket"], ["polling"]])
async def test_a_transport_that_is_not_allowed_is_refused(transports: list[str]) -> None:
    async with serving(realtime(transports=transports)) as port:
        client = socketio.AsyncClient(reconnection=False)
        other = ["polling"] if transports == ["websocket"] else ["websocket"]
        with pytest.raises(socketio.exceptions.ConnectionError):
            await client.connect(f"http://127.0.0.1:{port}", transports=other)
        await client.connect(f"http://127.0.0.1:{port}", transports=transports)
        assert await client.call("echo", 1) == {"ok": True, "data": 1}
        await client.disconnect()


async def test_polling_becomes_a_websocket_and_loses_nothing() -> None:
    journal = Journal()
    server = server_of(journal.hooks())
    async with serving(server) as port:
        client = socketio.AsyncClient(reconnection=False)
        news: list[Any] = []
        client.on("news", news.append)
        await client.connect(f"http://127.0.0.1:{port}")
        for number in range(20):
            await server.emit("news", number)
        assert client.transport() == "websocket"
        assert await client.call("echo", 1) == {"ok": True, "data": 1}
        assert news == list(range(20))
        (transport,) = server._hub.eio.sockets.values()
        assert transport.upgraded
        await client.disconnect()
        assert len(await journal.reasons()) == 1
        await gone(server)


@pytest.mark.parametrize("packets", [["2prob"], ["5"], ["2probe", "6"], ["2probe", '42["echo"]'], []])
async def test_a_failed_upgrade_leaves_the_client_to_polling(packets: list[str]) -> None:
    server = server_of()
    async with serving(server) as port, polling(port) as client:
        async with client.http.ws_connect(client.url.replace("transport=polling", "transport=websocket")) as wire:
            for packet in packets:
                await wire.send_str(packet)
            if packets:
                async for message in wire:
                    assert message.data == "3probe"
        (transport,) = server._hub.eio.sockets.values()
        assert not transport.upgraded
        await client.post('421["echo",1]')
        _, answers = await client.get()
        assert answers[-1] == '431[{"ok":true,"data":1}]'


async def test_a_page_of_another_origin_gets_the_headers_that_its_browser_asks_for() -> None:
    server = server_of(NamespaceHooks(events={"echo": echo}), origins=["https://chat.example"])
    async with serving(server) as port, aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{port}/socket.io/?EIO=4&transport=polling"
        async with http.get(url, headers={"origin": "https://chat.example"}) as answer:
            assert answer.status == 200
            assert answer.headers["access-control-allow-origin"] == "https://chat.example"
        async with http.get(url, headers={"origin": "https://evil.example"}) as answer:
            assert answer.status == 400
            assert "access-control-allow-origin" not in answer.headers

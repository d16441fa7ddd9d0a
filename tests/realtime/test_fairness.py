"""A client that floods the server does not hold up the others: other tasks run after at most 32 of its packets.

Nothing is timed. The flood marks its packets at equal distances, and a task that runs once in every turn of the event
loop notes how many marks were handled since its last run.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from hapiish.http.serving.protocol import HttpProtocol
from hapiish.http.serving.websocket import WebSocketProtocol
from hapiish.realtime import NamespaceHooks, Socket
from tests.realtime.support import PATIENCE, echo, realtime, serving
from tests.realtime.test_polling import polling
from tests.realtime.test_protocol import BINARY, CLOSE, CONT, PING, PONG, TEXT, frame

pytestmark = pytest.mark.anyio

APART = 64  # frames of the flood between two marks
MARKS = 60
HANDSHAKE = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
JOIN = frame(TEXT, b"40")


class Marks:
    """The handler of the marks. `most` is the largest number of them in one turn of the event loop."""

    def __init__(self) -> None:
        self.seen = 0
        self.most = 0
        self.complete = asyncio.Event()

    async def __call__(self, socket: Socket, data: Any) -> Any:
        self.seen += 1
        if self.seen == MARKS:
            self.complete.set()
        return None

    async def watch(self) -> None:
        before = self.seen
        while True:
            await asyncio.sleep(0)
            self.most = max(self.most, self.seen - before)
            before = self.seen

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        watching = asyncio.create_task(self.watch())
        try:
            yield
            async with asyncio.timeout(PATIENCE):
                await self.complete.wait()
        finally:
            watching.cancel()


async def drain(reader: asyncio.StreamReader) -> None:
    while await reader.read(1 << 20):
        pass


FLOODS: dict[str, list[bytes]] = {
    "events": [frame(TEXT, b'42["echo",1]')],
    "events with an acknowledgement": [frame(TEXT, b'421["echo",1]')],
    "unknown events": [frame(TEXT, b'42["unheard",1]')],
    "events of a namespace that is not open": [frame(TEXT, b'42/b,["echo",1]')],
    "unreadable events": [frame(TEXT, b'42["echo",1e999]')],
    "forged acknowledgements": [frame(TEXT, b"431[]")],
    "forged acknowledgements with attachments": [
        frame(TEXT, b'461-1[{"_placeholder":true,"num":0}]'),
        frame(BINARY, b""),
    ],
    "events with attachments": [frame(TEXT, b'451-["echo",{"_placeholder":true,"num":0}]'), frame(BINARY, b"x")],
    "pongs of Engine.IO": [frame(TEXT, b"3")],
    "packets that say nothing": [frame(TEXT, b"6")],
    "refused connections": [frame(TEXT, b"40/nowhere,")],
    "second connections": [frame(TEXT, b"40")],
    "connections and disconnections": [frame(TEXT, b"40/b,"), frame(TEXT, b"41/b,")],
    "disconnections of namespaces that are not open": [frame(TEXT, b"41/nowhere,")],
    "fragments": [frame(TEXT, b"43", fin=False), frame(CONT, b"1", fin=False), frame(CONT, b"[]")],
    "empty fragments": [frame(TEXT, b"431", fin=False), *[frame(CONT, b"", fin=False)] * 9, frame(CONT, b"[]")],
    "pings of WebSocket": [frame(PING, b"")],
    "pongs of WebSocket": [frame(PONG, b"x")],
    "pings among fragments": [frame(TEXT, b"43", fin=False), frame(PING, b""), frame(CONT, b"1[]")],
}


def flood(kinds: list[bytes]) -> bytes:
    between = b"".join(kinds[number % len(kinds)] for number in range(APART - APART % len(kinds)))
    return (between + frame(TEXT, b'42["mark",0]')) * MARKS


PACKETS = {name: kinds for name, kinds in FLOODS.items() if not {"fragments", "WebSocket"} & {*name.split()}}


@pytest.mark.parametrize(
    ("kinds", "ws"),
    [
        *(pytest.param(kinds, WebSocketProtocol, id=f"{name}, hapiish run") for name, kinds in FLOODS.items()),
        *(pytest.param(kinds, "websockets-sansio", id=f"{name}, uvicorn") for name, kinds in PACKETS.items()),
    ],
)
async def test_a_flood_of_one_socket_lets_other_tasks_run_between_its_packets(kinds: list[bytes], ws: Any) -> None:
    marks = Marks()
    hooks = {"/": NamespaceHooks(events={"echo": echo, "mark": marks}), "/b": NamespaceHooks(events={"echo": echo})}
    async with serving(realtime(namespaces=hooks), ws=ws) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HANDSHAKE)
        await reader.readuntil(b"\r\n\r\n")
        draining = asyncio.create_task(drain(reader))
        async with marks.watched():
            writer.write(JOIN + flood(kinds))
        assert (marks.seen, marks.most) == (MARKS, 1)
        draining.cancel()
        writer.close()


@pytest.mark.parametrize("kinds", [FLOODS["events"], FLOODS["pings of WebSocket"], FLOODS["empty fragments"]])
async def test_a_flood_behind_the_handshake_waits_its_turns_too(kinds: list[bytes]) -> None:
    marks = Marks()
    async with serving(realtime(NamespaceHooks(events={"echo": echo, "mark": marks})), http=HttpProtocol) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        draining = asyncio.create_task(drain(reader))
        async with marks.watched():
            writer.write(HANDSHAKE + JOIN + flood(kinds))
        assert (marks.seen, marks.most) == (MARKS, 1)
        draining.cancel()
        writer.close()


async def test_frames_of_a_client_to_which_the_server_has_said_goodbye_wait_their_turns() -> None:
    server = realtime()
    async with serving(server) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HANDSHAKE + JOIN)
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.05)
        await server.shutdown()
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        counting = asyncio.create_task(count())
        writer.write(frame(TEXT, b"3") * APART * MARKS + frame(CLOSE, b"\x03\xe8"))
        async with asyncio.timeout(PATIENCE):
            await drain(reader)
        counting.cancel()
        assert turns >= APART * MARKS // 32
        writer.close()


async def test_the_packets_of_one_post_let_other_tasks_run() -> None:
    marks = Marks()
    hooks = NamespaceHooks(events={"echo": echo, "mark": marks})
    async with serving(realtime(hooks, transports=["polling"])) as port, polling(port) as client:
        body = "\x1e".join(["40", *(["431[]"] * APART + ['42["mark",0]']) * MARKS])
        async with marks.watched():
            await client.post(body)
        assert (marks.seen, marks.most) == (MARKS, 1)


async def test_a_flood_is_handled_completely_and_in_order() -> None:
    seen: list[int] = []

    async def note(socket: Socket, data: Any) -> Any:
        seen.append(data)

    async with serving(realtime(NamespaceHooks(events={"note": note, "echo": echo}))) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HANDSHAKE)
        await reader.readuntil(b"\r\n\r\n")
        events = (frame(TEXT, b"42" + json.dumps(["note", number]).encode()) for number in range(20_000))
        writer.write(JOIN + b"".join(events) + frame(TEXT, b'427["echo",1]'))
        async with asyncio.timeout(PATIENCE):
            await reader.readuntil(b"437[")
        assert seen == list(range(20_000))
        writer.close()

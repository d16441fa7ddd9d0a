"""The WebSocket protocol class sends the same bytes as uvicorn's, for any input in any fragments."""

import asyncio
from typing import Any

import pytest
import uvicorn
from hypothesis import example, given, settings
from hypothesis import strategies as st
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode
from websockets.utils import apply_mask

from hapiish.http.serving.websocket import MOST_PONGS, READ_AHEAD, WebSocketProtocol, text_frame
from hapiish.types import Receive, Scope, Send
from tests.realtime.support import PATIENCE

pytestmark = pytest.mark.anyio

LIMIT = 70000
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)
DEFLATE = b"sec-websocket-extensions: permessage-deflate\r\n"


class Wire(asyncio.Transport):
    """A transport that keeps what is written; `paused` says whether the protocol wants to read."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closing = False
        self.paused = False

    def write(self, data: Any) -> None:
        if not self.closing and data:
            self.written.append(bytes(data))

    def close(self) -> None:
        self.closing = True

    def is_closing(self) -> bool:
        return self.closing

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Sends back what comes, text twice."""
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        try:
            if message.get("text") is not None:
                await send({"type": "websocket.send", "text": message["text"]})
                await send({"type": "websocket.send", "text": message["text"]})
            else:
                await send({"type": "websocket.send", "bytes": message["bytes"]})
        except ClientDisconnected:
            return


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def open_wire(kind: type[Any], app: Any = echo, headers: bytes = b"") -> tuple[Any, Wire]:
    config = uvicorn.Config(app, ws=kind, ws_max_size=LIMIT, ws_ping_interval=None, log_level="critical")
    config.load()
    wire = Wire()
    protocol = kind(config=config, server_state=ServerState(), app_state={})
    protocol.connection_made(wire)
    protocol.data_received(HANDSHAKE + headers + b"\r\n")
    await settle()
    assert wire.written[0].startswith(b"HTTP/1.1 101")
    wire.written.clear()
    return protocol, wire


async def answer(kind: type[Any], pieces: list[bytes], headers: bytes = b"") -> tuple[bytes, bool]:
    """What is written in answer to the pieces, and whether the connection is closed at the end."""
    protocol, wire = await open_wire(kind, headers=headers)
    for piece in pieces:
        if not wire.closing:
            protocol.data_received(piece)
            await settle()
    closed = wire.closing
    wire.closing = True
    protocol.connection_lost(None)
    await settle()
    return b"".join(wire.written), closed


def frame(opcode: Opcode, data: bytes, *, fin: bool = True, mask: bool = True, rsv1: bool = False) -> bytes:
    """A frame with anything in it, allowed or not."""
    first, masked, size = fin << 7 | rsv1 << 6 | opcode, mask << 7, len(data)
    if size < 126:
        head = bytes((first, masked | size))
    elif size < 65536:
        head = bytes((first, masked | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, masked | 127)) + size.to_bytes(8, "big")
    return head + (b"mask" + apply_mask(data, b"mask") if mask else data)


TEXT, BINARY, CONT = Opcode.TEXT, Opcode.BINARY, Opcode.CONT
PING, PONG, CLOSE = Opcode.PING, Opcode.PONG, Opcode.CLOSE

SEQUENCES: dict[str, list[bytes]] = {
    "small": [frame(TEXT, b"a"), frame(TEXT, b""), frame(TEXT, "ž𝄞".encode())],
    "sizes": [frame(TEXT, b"x" * size) for size in (125, 126, 127, 65535, 65536, LIMIT)],
    "too big": [frame(TEXT, b"a"), frame(TEXT, b"x" * (LIMIT + 1)), frame(TEXT, b"b")],
    "binary": [frame(BINARY, b"\x00\xff"), frame(TEXT, b"a"), frame(BINARY, b"")],
    "ping": [frame(TEXT, b"a"), frame(PING, b"p"), frame(TEXT, b"b"), frame(PONG, b"q")],
    "fragments": [frame(TEXT, b"a", fin=False), frame(PING, b""), frame(CONT, b"b", fin=False), frame(CONT, b"c")],
    "binary fragments": [frame(BINARY, b"a", fin=False), frame(CONT, b"c"), frame(TEXT, b"d")],
    "text within fragments": [frame(TEXT, b"a", fin=False), frame(TEXT, b"b")],
    "fragments too big": [frame(TEXT, b"x" * 40000, fin=False), frame(CONT, b"x" * 40000)],
    "half a character": [frame(TEXT, "ž".encode()[:1], fin=False), frame(CONT, "ž".encode()[1:])],
    "stray continuation": [frame(TEXT, b"a"), frame(CONT, b"b")],
    "not utf-8": [frame(TEXT, b"a"), frame(TEXT, b"\xff"), frame(TEXT, b"b")],
    "not masked": [frame(TEXT, b"a"), frame(TEXT, b"b", mask=False), frame(TEXT, b"c")],
    "not masked and empty": [frame(TEXT, b"", mask=False), frame(TEXT, b"c")],
    "reserved bit": [frame(TEXT, b"a"), frame(TEXT, b"b", rsv1=True)],
    "ping before half a frame": [frame(PING, b""), frame(TEXT, b""), b"\x00"],
    "long ping": [b"\x89\xfe\x00\x7e\0\0\0\0" + b"x" * 126],
    "unknown opcode": [frame(TEXT, b"a"), b"\x83\x81\0\0\0\0x"],
    "negative size": [b"\x81\xff\x80\0\0\0\0\0\0\x01\0\0\0\0x"],
    "size larger than needed": [b"\x81\xfe\x00\x01\0\0\0\0x", b"\x81\xff\0\0\0\0\0\0\0\x02\0\0\0\0yz"],
    "close": [frame(TEXT, b"a"), frame(CLOSE, b"\x03\xe8bye"), frame(TEXT, b"b")],
    "bad close": [frame(CLOSE, b"\x00")],
}


@pytest.mark.parametrize("sequence", SEQUENCES.values(), ids=SEQUENCES)
@pytest.mark.parametrize("size", [1, 2, 5, 7, 4096, 1 << 20])
async def test_both_answer_the_same(sequence: list[bytes], size: int) -> None:
    stream = b"".join(sequence)
    if len(stream) > 1000 * size:
        size = len(stream) // 1000
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert await answer(WebSocketProtocol, pieces) == await answer(WebSocketsSansIOProtocol, pieces)


def told(answered: tuple[bytes, bool]) -> tuple[bytes, bool]:
    """The same whatever error ended it: of two in one piece, uvicorn tells the last and we the first."""
    written, closed = answered
    for code in (1002, 1007):
        start = written.rfind(code.to_bytes(2, "big"))
        if start >= 2 and written[start - 2] == 0x88 and start + written[start - 1] == len(written):
            return written[: start - 2] + b"an error", closed
    return answered


# Valid UTF-8 only: behind a text that is not, uvicorn goes on with what came in the same piece, or fails; we stop.
data = st.text(st.characters(exclude_categories=["Cs"]), max_size=200).map(str.encode)
frames = st.builds(
    frame,
    st.sampled_from([TEXT, TEXT, TEXT, BINARY, CONT, PING, PONG, CLOSE]),
    data,
    fin=st.booleans() | st.just(True),
    mask=st.sampled_from([True] * 9 + [False]),
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(frames | st.binary(max_size=5), max_size=8), st.lists(st.integers(1, 400), min_size=1), st.booleans())
@example([b"".join(SEQUENCES["small"])], [1], False)
async def test_both_answer_the_same_to_anything(sequence: list[bytes], sizes: list[int], deflate: bool) -> None:
    stream, start = b"".join(sequence), 0
    pieces: list[bytes] = []
    while start < len(stream):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(stream[start : start + size])
        start += size
    headers = DEFLATE if deflate else b""
    ours = await answer(WebSocketProtocol, pieces, headers)
    assert told(ours) == told(await answer(WebSocketsSansIOProtocol, pieces, headers))


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 100000])
def test_a_frame_is_what_the_library_would_write(size: int) -> None:
    assert text_frame("x" * size) == Frame(TEXT, b"x" * size).serialize(mask=False)
    assert text_frame("ž" * size) == Frame(TEXT, "ž".encode() * size).serialize(mask=False)


async def test_what_is_sent_in_one_turn_of_the_loop_leaves_in_one_write() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
        for number in range(5):
            await send({"type": "websocket.send", "text": str(number)})
        await send({"type": "websocket.send", "bytes": b"b"})
        await send({"type": "websocket.send", "text": "x" * 70000})
        await send({"type": "websocket.send", "text": "last"})

    protocol, wire = await open_wire(WebSocketProtocol, app)
    protocol.data_received(frame(TEXT, b"go"))
    await settle()
    assert wire.written == [
        b"".join(text_frame(str(number)) for number in range(5)),
        frame(BINARY, b"b", mask=False),
        text_frame("x" * 70000),
        text_frame("last"),
    ]
    assert wire.closing


async def test_a_client_that_is_not_read_has_to_wait() -> None:
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await gate.wait()
        for _ in range(READ_AHEAD + 1):
            await receive()

    protocol, wire = await open_wire(WebSocketProtocol, app)
    for count in range(1, READ_AHEAD + 2):
        protocol.data_received(frame(TEXT, b"x"))
        assert wire.paused is (count > READ_AHEAD)
    gate.set()
    await settle()
    assert not wire.paused


async def test_a_sender_waits_while_the_wire_pushes_back_and_hears_of_its_end() -> None:
    sent: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
        try:
            for text in ("a", "b"):
                await send({"type": "websocket.send", "text": text})
                sent.append(text)
        except OSError:
            sent.append("gone")

    protocol, wire = await open_wire(WebSocketProtocol, app)
    protocol.pause_writing()
    protocol.data_received(frame(TEXT, b"go"))
    await settle()
    assert sent == []
    protocol.resume_writing()
    await asyncio.wait_for(settle(), PATIENCE)
    assert sent == ["a", "b"]
    assert wire.written[0] == text_frame("a") + text_frame("b")

    sent.clear()
    protocol, wire = await open_wire(WebSocketProtocol, app)
    protocol.pause_writing()
    protocol.data_received(frame(TEXT, b"go"))
    await settle()
    protocol.connection_lost(None)
    await settle()
    assert sent == ["gone"]


async def test_of_pings_that_come_at_once_the_last_are_answered_with_one_write() -> None:
    protocol, wire = await open_wire(WebSocketProtocol)
    for count in (3, 60_000):
        protocol.data_received(b"".join(frame(PING, b"%d" % number) for number in range(count)) + frame(PONG, b"x"))
        async with asyncio.timeout(PATIENCE):
            while not wire.written:
                await settle()
        last = range(max(0, count - MOST_PONGS), count)
        assert wire.written == [b"".join(frame(PONG, b"%d" % number, mask=False) for number in last)]
        wire.written.clear()


async def test_pings_of_a_client_that_does_not_read_are_answered_when_it_does() -> None:
    protocol, wire = await open_wire(WebSocketProtocol)
    protocol.pause_writing()
    for number in range(1000):
        protocol.data_received(frame(PING, b"%d" % number))
    assert wire.written == []
    protocol.resume_writing()
    expected = b"".join(frame(PONG, b"%d" % number, mask=False) for number in range(1000 - MOST_PONGS, 1000))
    assert wire.written == [expected]


@pytest.mark.parametrize("piece", [b"", b"x"])
async def test_a_message_of_endlessly_many_fragments_is_too_big(piece: bytes) -> None:
    protocol, wire = await open_wire(WebSocketProtocol)
    protocol.data_received(frame(TEXT, piece, fin=False) + frame(CONT, piece, fin=False) * 1500)
    async with asyncio.timeout(PATIENCE):
        while not wire.closing:
            await settle()
    assert wire.closing
    assert wire.written[0] == frame(CLOSE, (1009).to_bytes(2, "big"), mask=False)


async def test_a_message_of_many_fragments_is_put_together() -> None:
    protocol, wire = await open_wire(WebSocketProtocol)
    parts = frame(TEXT, b"x", fin=False) + frame(CONT, b"x", fin=False) * 900 + frame(CONT, b"x")
    for _ in range(3):
        protocol.data_received(parts)
        for _ in range(len(parts) // len(frame(TEXT, b"x"))):
            await asyncio.sleep(0)
    assert b"".join(wire.written) == text_frame("x" * 902) * 6

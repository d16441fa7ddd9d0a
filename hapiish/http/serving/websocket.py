"""uvicorn's WebSocket protocol with a fast path for the traffic of Socket.IO: unfragmented text frames.

Uncompressed text is read and written here, and the frames of one turn of the event loop are written together.
Handshake, control frames, fragments, extensions, errors and the close are handled by uvicorn and the websockets
library. The module does not depend on Socket.IO.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.datastructures import Headers
from websockets.frames import Opcode
from websockets.http11 import Request
from websockets.protocol import Protocol, State

from hapiish.http.serving.coalescing import WRITE_AT_ONCE
from hapiish.types import Receive, Scope, Send

try:
    from websockets.speedups import apply_mask
except ImportError:  # the websockets library may lack its compiled part
    from websockets.utils import apply_mask

logger = logging.getLogger("hapiish.realtime")

CONNECTING, OPEN, CLOSED = State.CONNECTING, State.OPEN, State.CLOSED

READ_AHEAD = 32
"""Number of messages queued for the application before backpressure applies."""

FRAMES_PER_TURN = 32
"""Frames of one connection that are read before the event loop runs other tasks: one read can hold 40,000 pings."""

MOST_PONGS = 16
"""Maximum number of pings answered per read; answering the last ones suffices (RFC 6455 §5.5.3)."""

MOST_FRAGMENTS = 1000
LEAST_OF_A_FRAGMENT = 256
"""Bytes of a message per fragment beyond the first 1,000: reading a fragment costs more than so many bytes."""

# First bytes of frames (RFC 6455 §5.2): FIN and opcode.
TEXT = 0x81
PING = 0x89
PONG = 0x8A
BEGINS_FRAGMENTS = (0x01, 0x02)
ENDS_FRAGMENTS = 0x80
OPCODES = frozenset(Opcode)

_HEADS = [bytes((TEXT, size)) for size in range(126)]


def text_frame(text: str) -> bytes:
    """Encodes a text frame of a server."""
    payload = text.encode()
    size = len(payload)
    if size < 126:
        return _HEADS[size] + payload
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


def is_refused(first: int, second: int) -> bool:
    """Returns whether the library refuses a frame with these first bytes: not masked, or of an unknown kind."""
    return second < 128 or (first != TEXT and first & 15 not in OPCODES)


def measure(data: bytes, start: int) -> tuple[int, int]:
    """The length of the head and of the payload of a client's frame; the payload is 0 while the head is incomplete."""
    have = len(data) - start
    if have < 2:
        return 2, 0
    size = data[start + 1] & 127
    if size < 126:
        return 6, size
    wide = 2 if size == 126 else 8
    if have < 2 + wide:
        return 2 + wide, 0
    return 6 + wide, int.from_bytes(data[start + 2 : start + 2 + wide], "big")


class Inbox:
    """The subset of asyncio.Queue that one reader needs; asyncio's looks up the event loop in every call."""

    __slots__ = ("_loop", "_waiter", "items")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.items: deque[Any] = deque()
        self._loop = loop
        self._waiter: asyncio.Future[None] | None = None

    def put_nowait(self, item: Any) -> None:
        self.items.append(item)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def get(self) -> Any:
        """Waits for the oldest item and returns it; a cancelled call loses nothing."""
        while not self.items:
            self._waiter = self._loop.create_future()
            await self._waiter
        return self.items.popleft()

    def qsize(self) -> int:
        return len(self.items)

    def empty(self) -> bool:
        return not self.items


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """The class for uvicorn's option `ws`."""

    released: Callable[[Any], None] | None = None  # called at the end of the connection
    _latest = ("", text_frame(""))  # the last text and its frame, shared by the recipients of one message

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.queue: Any = Inbox(self.loop)
        self._rest = bytearray()  # the beginning of an incomplete frame
        self._needed = 0  # bytes needed before the frame is parsed again
        self._input = b""  # waits for its turn, from `_at` on; reading is paused meanwhile
        self._at = 0
        self._turn: asyncio.Handle | None = None  # reads the input
        self._in_fragments = False
        self._fragments_left = 0  # in bytes
        self._pongs: deque[bytes] = deque(maxlen=MOST_PONGS)
        self._frames: list[bytes] = []
        self._held = 0
        self._served, self.app = self.app, self._serve

    def connection_lost(self, exc: Exception | None) -> None:
        """Releases the place among the server's connections."""
        super().connection_lost(exc)
        self._input = b""
        if self.released is not None:
            self.released(self)

    def open(self, target: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        """Continues a handshake whose head is read and validated; the library takes over after it."""
        self.conn.parser = Protocol.parse(self.conn)
        next(self.conn.parser)
        pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
        self.handle_connect(Request(target.decode("ascii"), Headers(pairs)))

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> Any:
        try:
            return await self._served(scope, receive, send)
        except asyncio.CancelledError:  # the server ends; uvicorn would log an error of the application
            return None
        finally:
            self._flush()

    # Out

    async def send(self, message: Any) -> None:
        """Buffers text until the turn of the event loop ends."""
        if self.send_now(message):
            return
        if not self.writable.is_set():
            await self.writable.wait()
        text = message.get("text")
        if text is None or self.conn.state is not OPEN or self.conn.extensions:
            self._flush()
            await super().send(message)
            if self._input:  # it has waited for the end of the handshake, or for an application that reads no more
                self._schedule()
            return
        if self.disconnected:
            raise ClientDisconnected
        self.send_now(message)

    def send_now(self, message: Any) -> bool:
        """Buffers text like `send`, without a coroutine; returns False, having done nothing, if `send` has to do it."""
        text = message.get("text")
        conn = self.conn
        if text is None or self.disconnected or conn.state is not OPEN or conn.extensions or not self.writable.is_set():
            return False
        known, frame = WebSocketProtocol._latest
        if known is not text:
            frame = text_frame(text)
            WebSocketProtocol._latest = text, frame
        frames = self._frames
        if not frames:
            self.loop.call_soon(self._flush)
        frames.append(frame)
        self._held += len(frame)
        if self._held > WRITE_AT_ONCE:
            self._flush()
        return True

    def _flush(self) -> None:
        if self._frames:
            if self.conn.state is OPEN and not self.disconnected:
                self.transport.write(b"".join(self._frames))
            self._frames.clear()
            self._held = 0

    def shutdown(self) -> None:
        """Closes after the buffered output."""
        self._flush()
        super().shutdown()

    # In

    async def receive(self) -> Any:
        """Returns the next message; the connection is read again once none is queued."""
        queue = self.queue
        message = queue.items.popleft() if queue.items else await queue.get()
        if self.read_paused and not queue.items:
            self.read_paused = False
            if self._input:
                self._schedule()
            else:
                self.transport.resume_reading()
        return message

    def data_received(self, data: bytes) -> None:
        """Extracts complete text frames; the websockets library receives all other frames, one by one.

        Reads a bounded number of frames; the rest waits for the next turn of the event loop, for the application to
        take the queued messages, or for the end of the handshake.
        """
        if self._input:
            self._input = self._input[self._at :] + data
            self._at = 0
            return
        if self._rest:
            self._rest += data
            if len(self._rest) < self._needed and self.conn.state is not CLOSED:
                return
            data = bytes(self._rest)
            self._rest.clear()
        if self.conn.state is CONNECTING and self.handshake_initiated and not self.handshake_complete:
            self._wait(data, 0)
        else:
            self._read(data, 0)

    def _wait(self, data: bytes, start: int) -> None:
        self._input, self._at = data, start
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def _schedule(self) -> None:
        if self._turn is None:
            self._turn = self.loop.call_soon(self._continue)

    def _continue(self) -> None:
        """Reads input that has waited."""
        self._turn = None
        if self._input:
            data, self._input = self._input, b""
            self._read(data, self._at)
            if not self._input and not self.read_paused and not self.transport.is_closing():
                self.transport.resume_reading()

    def _read(self, data: bytes, start: int) -> None:
        end = len(data)
        left = FRAMES_PER_TURN
        fast = self.conn.state is OPEN and not self.conn.extensions
        while start < end and self.conn.state is not CLOSED:
            head, size = measure(data, start)
            stop = start + head + size
            if size > self.config.ws_max_size or (end - start > 1 and is_refused(data[start], data[start + 1])):
                break
            if stop > end:
                self._needed = head + size
                self._rest += data[start:]
                self._answer_pings()
                return
            if not left or (len(self.queue.items) > READ_AHEAD and not self.close_sent):
                self._wait(data, start)
                if not left:
                    self._schedule()
                else:
                    self._answer_pings()
                return
            left -= 1
            if not fast:
                self._pass_on(data[start:stop])
            elif data[start] == PING and size < 126:
                self._pongs.append(apply_mask(data[stop - size : stop], data[stop - size - 4 : stop - size]))
            elif data[start] == PONG and size < 126 and self.pending_ping_payload is None:
                pass  # an unsolicited pong
            elif data[start] != TEXT or self._in_fragments or not self._take(data, stop - size, stop):
                self._pass_on(data[start:stop])
                fast = self.conn.state is OPEN
            start = stop
        if start < end:
            self._pass_on(data[start:])
        self._answer_pings()

    def _answer_pings(self) -> None:
        """Answers pings, later if the client does not read, so that the buffer stays bounded."""
        if self._pongs and self.writable.is_set():
            if self.conn.state is OPEN:
                self.transport.write(b"".join(bytes((PONG, len(data))) + data for data in self._pongs))
            self._pongs.clear()

    def resume_writing(self) -> None:
        """Answers the pings that were deferred."""
        super().resume_writing()
        self._answer_pings()

    def _take(self, data: bytes, payload: int, stop: int) -> bool:
        try:
            text = apply_mask(data[payload:stop], data[payload - 4 : payload]).decode()
        except UnicodeDecodeError:
            return False
        self.queue.put_nowait({"type": "websocket.receive", "text": text})
        if len(self.queue.items) > READ_AHEAD and not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()
        return True

    def send_receive_event_to_app(self) -> None:
        """Closes a connection whose text is not UTF-8, which uvicorn logs as a server error with a traceback."""
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                logger.info("a client of %r sent text that is not UTF-8", self.scope["path"])
                self.frames = []
                self.conn.send_close(1007)
                self.handle_parser_exception()
                return
        super().send_receive_event_to_app()

    def _pass_on(self, data: bytes) -> None:
        self._answer_pings()
        if data[0] in BEGINS_FRAGMENTS:
            self._in_fragments = True
            self._fragments_left = MOST_FRAGMENTS * LEAST_OF_A_FRAGMENT
        elif data[0] == ENDS_FRAGMENTS:
            self._in_fragments = False
        self._fragments_left += len(data) - LEAST_OF_A_FRAGMENT
        super().data_received(data)
        if self._in_fragments and self._fragments_left < 0 and self.conn.state is OPEN:
            self.frames = []
            self.conn.send_close(1009)
            self.handle_parser_exception()

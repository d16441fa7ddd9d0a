"""One client's connection: Engine.IO over a WebSocket, or long polling until it is upgraded.

    client ─ ASGI receive ─► serve ─► Hub.take ─► handlers        handlers ─► deliver ─► Outbox ─► ASGI send ─ client

`serve` awaits ASGI's `receive` itself and runs the events of a client one after the other in that loop, no task each.
While a handler is slow, nobody would read the client's heartbeats: `tick`, which the engine calls every second or more
often, then starts a reader that answers for the heartbeat and keeps a few messages for the loop. What is not read is
never held against the client: its deadline rests while the loop works and no reader runs.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import engineio.async_socket
import engineio.payload
from engineio.exceptions import ContentTooLongError
from engineio.packet import CLOSE, MESSAGE, Packet

from hapiish.realtime import packets
from hapiish.realtime.outbox import Outbox, size
from hapiish.realtime.packets import MalformedError
from hapiish.types import Message, Receive, Scope, Send

if TYPE_CHECKING:
    from hapiish.realtime.engine import Engine
    from hapiish.realtime.socket import Socket

logger = logging.getLogger("hapiish.realtime")

READ_AHEAD = 16
"""Messages that the reader keeps for a loop that is busy; the rest waits in the kernel, and so does the client."""

GRACE = 5.0
"""Seconds that the last messages may take to leave."""

PING: Message = {"type": "websocket.send", "text": "2"}
CONTROL = {"1": "close", "3": "pong", "5": "upgrade", "6": "noop"}
CLOSE_CODES = {"parse error": 1002, "slow": 1008, "server shutting down": 1012}


handled: ContextVar["Transport | None"] = ContextVar("handled", default=None)
"""The client whose events the present task handles, and whatever its handlers begin, threads included."""


class Payload(engineio.payload.Payload):
    """The packets of one POST; bounded by its bytes and not by their number, of which 16 would be lost silently."""

    max_decode_packets = 65536


class Transport(engineio.async_socket.AsyncSocket):
    """A client. `sockets` are its open namespaces, `scope` is the ASGI scope of its handshake."""

    server: "Engine"
    connected: bool
    last_ping: float | None
    ping_due: float

    def __init__(self, server: "Engine", sid: str, scope: Scope) -> None:
        super().__init__(server, sid)
        self.scope = scope
        self.sockets: dict[str, Socket] = {}
        self.leaving: list[tuple[Socket, str]] = []
        self.deliver: Callable[[Message], None] = self._enqueue
        self.handling: asyncio.Task[Any] | None = None  # the task that runs the client's events
        self.working = False  # an event is being handled
        self.open = True  # the next message will be looked at
        self.reason = server.reason.TRANSPORT_CLOSE  # why the connection ended
        self.idle_since = time.monotonic()
        self._handled = 0
        self._handled_at_tick = 0
        self._queued = 0
        self._outbox: Outbox | None = None
        self._receive: Receive | None = None
        self._read: deque[Message] = deque()
        self._reader: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self.schedule_ping()

    # In

    async def serve(self, receive: Receive) -> None:
        """Handles what the client sends, in order, until either side ends the connection."""
        self._receive = receive
        self.handling = handling = asyncio.current_task()
        handled.set(self)
        assert handling is not None
        take = self.server.take
        surely_small = self.server.max_http_buffer_size // 4  # characters of UTF-8 have at most four bytes
        try:
            while self.open:
                message = await (receive() if self._reader is None else self._next())
                text = message.get("text")
                if text and text[0] == "4" and len(text) <= surely_small:
                    self.working = True
                    self._handled += 1
                    await take(self, text[1:])
                    self.working = False
                elif not await self._take_other(message):
                    break
        except MalformedError as error:
            self.stop("parse error", error.code)
        except asyncio.CancelledError:
            if self._ending is None:
                raise
            handling.uncancel()  # it was `_end`, to wake this loop
        finally:
            self._receive = None
            if self._reader is not None:
                self._reader.cancel()
            await self.close(reason=self.reason)

    async def _take_other(self, message: Message) -> bool:
        """What is not a small message: False at the end of the connection."""
        if message["type"] != "websocket.receive":
            return False
        if size(message) > self.server.max_http_buffer_size:
            raise MalformedError("too big", 1009)
        data = message.get("bytes")
        if data is None:
            data = message["text"]
            if data[:1] != "4":
                self._control(data[:1])
                return True
            data = data[1:]
        await self._work(data)
        return True

    async def _work(self, data: str | bytes) -> None:
        self.working = True
        self._handled += 1
        await self.server.take(self, data)
        self.working = False

    def _control(self, kind: str) -> None:
        name = CONTROL.get(kind)
        if name is None:
            raise MalformedError("not a packet that clients send")
        if name == "pong":
            self.schedule_ping()
        elif name == "close":
            self.stop(self.server.reason.CLIENT_DISCONNECT)

    async def _next(self) -> Message:
        """The next message while there is, or just was, a reader."""
        assert self._reader is not None
        assert self._receive is not None
        if not self._read:
            await asyncio.wait((self._reader,))  # it stops at the next message, now that nothing is handled
            self._reader = None
        return self._read.popleft() if self._read else await self._receive()

    async def _read_ahead(self, receive: Receive) -> None:
        while self.working and len(self._read) < READ_AHEAD:
            message = await receive()
            if message.get("text") == "3":
                self.schedule_ping()
                continue
            self._read.append(message)
            if message["type"] != "websocket.receive":
                self.stop(self.server.reason.TRANSPORT_CLOSE)
                return

    # Heartbeat

    def schedule_ping(self) -> None:
        """The client is alive: the next ping is due an interval from now."""
        self.last_ping = None
        self.ping_due = time.monotonic() + self.server.ping_interval

    def tick(self, now: float) -> None:
        """Sends a ping that is due, ends what did not answer one, and starts a reader beside a slow handler."""
        if self._ending is not None:
            return
        if self.working:
            if self._reader is None and self._receive is not None and self._handled == self._handled_at_tick:
                self._reader = asyncio.create_task(self._read_ahead(self._receive))
            self._handled_at_tick = self._handled
        heard = not self.working or (self._reader is not None and not self._reader.done())
        if self.last_ping is None:
            if now >= self.ping_due:
                self.last_ping = now
                self.deliver(PING)
        elif not heard:
            self.last_ping = now
        elif now - self.last_ping > self.server.ping_timeout:
            self.stop(self.server.reason.PING_TIMEOUT)
        if not self.sockets and not self.working and now - self.idle_since > self.server.connect_timeout:
            self.stop(self.server.reason.SERVER_DISCONNECT)

    # Out

    async def send(self, pkt: Packet) -> None:
        """A packet that the library made."""
        encoded = pkt.encode()
        self.deliver({"type": "websocket.send", "text" if isinstance(encoded, str) else "bytes": encoded})

    def _enqueue(self, message: Message) -> None:
        """Keeps a message for the client's next poll, or for the WebSocket that is about to take over."""
        self.queue.put_nowait(message)
        self._queued += size(message)
        if self.queue.qsize() > self.server.send_buffer_count or self._queued > self.server.send_buffer_bytes:
            self.stop("slow")

    async def poll(self) -> list[Packet]:
        """What waits for a polling client, as soon as something does: a ping at the latest, or the end."""
        waiting: list[Message] = [await self.queue.get()]
        while not self.queue.empty():
            waiting.append(self.queue.get_nowait())
        self._queued = 0
        return [
            Packet(encoded_packet=message["text"]) if "text" in message else Packet(MESSAGE, message["bytes"])
            for message in waiting
        ]

    # Polling and the way from it to a WebSocket

    async def handle_post_request(self, environ: dict[str, Any]) -> None:
        """The packets of a POST, in order."""
        limit = self.server.max_http_buffer_size
        body = await environ["wsgi.input"].read(limit + 1)
        if len(body) > limit:
            raise ContentTooLongError
        self.handling = asyncio.current_task()
        handled.set(self)
        try:
            for packet in Payload(encoded_payload=body.decode()).packets:
                if self.open:
                    await self.receive(packet)
        except (ValueError, LookupError, RecursionError, MalformedError) as error:
            self.stop("parse error")
            raise MalformedError("not a payload") from error
        finally:
            self.handling = None
            self.working = False

    async def receive(self, pkt: Packet) -> None:
        """One packet of a POST."""
        if pkt.packet_type != MESSAGE:
            self._control(str(pkt.packet_type))
        elif isinstance(pkt.data, str | bytes):
            await self._work(pkt.data)
        else:
            raise MalformedError("not a packet")

    async def _upgrade_websocket(self, environ: dict[str, Any]) -> Any:
        """Accepts the WebSocket and hands it back to whoever called `handle_request`, to be served."""
        send: Send = environ["asgi.send"]
        await send({"type": "websocket.accept"})
        if self.connected and not await self._probe(environ["asgi.receive"], send):
            await send({"type": "websocket.close"})
            return ""
        self.connected = self.upgraded = True
        self._outbox = Outbox(send, self.server.send_buffer_count, self.server.send_buffer_bytes, self.stop)
        if self.open:
            self.deliver = self._outbox.put
        while not self.queue.empty():
            self.deliver(self.queue.get_nowait())
        return self

    async def _probe(self, receive: Receive, send: Send) -> bool:
        """The client tries the WebSocket before it leaves polling (Engine.IO 4, "Upgrade")."""
        self.upgrading = True
        try:
            async with asyncio.timeout(self.server.ping_timeout):
                if (await receive()).get("text") != "2probe":
                    return False
                await send({"type": "websocket.send", "text": "3probe"})
                self._enqueue({"type": "websocket.send", "text": "6"})  # ends the poll that is under way
                return (await receive()).get("text") == "5"
        except TimeoutError:
            return False
        finally:
            self.upgrading = False

    # End

    def stop(self, reason: str, code: int | None = None) -> None:
        """Ends the connection, the first time it is called: the hooks are told `reason`, the client `code` as well."""
        if self._ending is None:
            self.open = False
            self.reason = reason
            self.deliver = _nowhere
            self._ending = asyncio.create_task(self._end(code or CLOSE_CODES.get(reason, 1000)))

    async def finish(self, reason: str, grace: float) -> None:
        """Ends the connection after the event that is being handled, which gets `grace` seconds."""
        if self.working and self.handling is not None:
            self.open = False
            self.reason = reason
            await asyncio.wait((self.handling,), timeout=grace)
        await self.close(reason=reason)

    async def close(self, wait: bool = True, abort: bool = False, reason: str | None = None) -> None:
        """The library's way to end a connection."""
        self.stop(reason or self.server.reason.SERVER_DISCONNECT)
        if wait:
            assert self._ending is not None
            await asyncio.shield(self._ending)

    async def _end(self, code: int) -> None:
        self.closing = True
        await asyncio.gather(self._hang_up(code), self.server.left(self, self.reason))
        self.closed = True
        self.server.sockets.pop(self.sid, None)
        if self._receive is not None and self.handling is not None and not self.working:
            self.handling.cancel()

    async def _hang_up(self, code: int) -> None:
        slow = self.reason == "slow"
        last = [packets.event(name, "kicked", {"reason": "slow"}) for name in self.sockets if slow]
        if self._outbox is not None:
            last.append({"type": "websocket.close", "code": code, "reason": self.reason})
            await self._outbox.close(last, GRACE, drop=slow)
        else:
            self.queue.put_nowait({"type": "websocket.send", "text": str(CLOSE)})


def _nowhere(message: Message) -> None:
    """Where messages go for a client that is gone."""

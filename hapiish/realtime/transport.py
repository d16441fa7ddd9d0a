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

from engineio.packet import Packet

from hapiish.realtime import packets
from hapiish.realtime.gathering import Gathering
from hapiish.realtime.outbox import Outbox, size
from hapiish.realtime.packets import MalformedError, Packed
from hapiish.realtime.polling import CLOSE, NOOP, Polling, packets_of
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
BROKEN = frozenset({1002, 1003, 1007, 1009})
"""Codes that a WebSocket is closed with for what its client sent (RFC 6455 §7.4.1)."""

CLOSE_CODES = {"parse error": 1002, "slow": 1008, "server shutting down": 1012}


handled: ContextVar["Transport | None"] = ContextVar("handled", default=None)
"""The client whose events the present task handles, and whatever its handlers begin, threads included."""

BY_THE_CLIENT = frozenset(
    {"transport close", "transport error", "client disconnect", "ping timeout", "parse error", "slow"}
)
"""Ends after which nobody comes for what is left."""

A_TURN = 32
"""Packets of one POST that are handled before others get their turn."""


class Transport:
    """A client. `sockets` are its open namespaces, `scope` is the ASGI scope of its handshake."""

    def __init__(self, server: "Engine", sid: str, scope: Scope) -> None:
        self.server = server
        self.sid = sid
        self.scope = scope
        self.sockets: dict[str, Socket] = {}
        self.leaving: list[tuple[Socket, str]] = []
        self.gathering: Gathering | None = None  # the event whose attachments are on their way
        self.polling: Polling | None = None  # until it has a WebSocket
        self.deliver: Callable[[Message], None] = _nowhere
        self.handling: asyncio.Task[Any] | None = None  # the task that runs the client's events
        self.working = False  # an event is being handled
        self.open = True  # the next message will be looked at
        self.closed = False
        self.upgrading = False
        self.lingers = False  # at its end it waits for one last poll
        self.reason = server.reason.TRANSPORT_CLOSE  # why the connection ended
        self.detail = ""  # and what the log should know of that
        self.idle_since = time.monotonic()
        self.last_ping: float | None = None
        self.ping_due = 0.0
        self._handled = 0
        self._handled_at_tick = 0
        self._outbox: Outbox | None = None
        self._receive: Receive | None = None
        self._read: deque[Message] = deque()
        self._reader: asyncio.Task[None] | None = None
        self._posting: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self.schedule_ping()

    @property
    def upgraded(self) -> bool:
        """Whether it has a WebSocket, by an upgrade or from the start."""
        return self._outbox is not None

    @property
    def ended(self) -> bool:
        """Whether requests for it are too late."""
        return self._ending is not None and not self.lingers

    # In

    async def serve(self, receive: Receive) -> None:
        """Handles what the client sends, in order, until either side ends the connection."""
        if self._posting is not None:  # what was posted before the upgrade comes first
            await asyncio.wait((self._posting,))
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
            self._break_off(error)
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
            if message.get("code") in BROKEN:  # the server below us has closed it
                self.detail = message.get("reason") or "malformed WebSocket frames"
                self.reason = "parse error"
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
                self.last_ping = max(self.ping_due, now - self.server.pause)
                self.deliver(PING)
        elif not heard:
            self.last_ping = now
        elif now - self.last_ping > self.server.ping_timeout:
            self.stop(self.server.reason.PING_TIMEOUT)
        if not self.sockets and not self.working and now - self.idle_since > self.server.connect_timeout:
            self.stop(self.server.reason.SERVER_DISCONNECT)

    # Out

    def put(self, packet: Packed) -> None:
        """Delivers a packet and, right behind it, its attachments."""
        for message in packet if isinstance(packet, list) else (packet,):
            self.deliver(message)

    async def send(self, pkt: Packet) -> None:
        """A packet that the library made."""
        encoded = pkt.encode()
        self.deliver({"type": "websocket.send", "text" if isinstance(encoded, str) else "bytes": encoded})

    # Polling and the way from it to a WebSocket

    def poll_from_now(self) -> None:
        """The client has no WebSocket yet."""
        count, most = self.server.send_buffer_count, self.server.send_buffer_bytes
        self.polling = Polling(count, most, self.stop)
        self.deliver = self.polling.put

    def post(self, body: bytes) -> "asyncio.Task[None]":
        """Handles the packets of a POST, in order, in a task of its own: they are handled though the client leaves.

        Raises MalformedError, as its task does; the connection has then ended.
        """
        try:
            given = packets_of(body)
        except MalformedError as error:
            self._break_off(error)
            raise
        self._posting = self.handling = task = asyncio.create_task(self._take_posted(given))
        task.add_done_callback(_heard)
        return task

    @property
    def posting(self) -> bool:
        """Whether the packets of a POST are being handled."""
        return self._posting is not None

    async def _take_posted(self, given: list[str | bytes]) -> None:
        handled.set(self)
        try:
            for number, posted in enumerate(given, 1):
                if not self.open:
                    return
                if isinstance(posted, bytes):
                    await self._work(posted)
                elif posted[:1] == "4":
                    await self._work(posted[1:])
                else:
                    self._control(posted[:1])
                if number % A_TURN == 0:
                    await asyncio.sleep(0)
        except MalformedError as error:
            self._break_off(error)
            raise
        finally:
            self.working = False
            self.handling = self._posting = None

    def connect(self, send: Send) -> None:
        """From now on messages go out by an accepted WebSocket, those that still wait for a poll first."""
        self._outbox = Outbox(send, self.server.send_buffer_count, self.server.send_buffer_bytes, self.stop)
        waiting: list[Message] = []
        if self.polling is not None:
            waiting = self.polling.take()
            self.polling.release()
            self.polling = None
        if self.open:
            self.deliver = self._outbox.put
        for message in waiting:
            self.deliver(message)

    async def upgrade(self, receive: Receive, send: Send) -> bool:
        """The client tries the accepted WebSocket before it leaves polling (Engine.IO 4, "Upgrade")."""
        self.upgrading = True
        try:
            async with asyncio.timeout(self.server.ping_timeout):
                if (await receive()).get("text") != "2probe":
                    return False
                await send({"type": "websocket.send", "text": "3probe"})
                if self.polling is not None:
                    self.polling.release()
                if (await receive()).get("text") != "5" or not self.open:
                    return False
                self.connect(send)
                return True
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
            self.lingers = self.polling is not None and self.polling.waits and reason not in BY_THE_CLIENT
            self._ending = asyncio.create_task(self._end(code or CLOSE_CODES.get(reason, 1000)))

    def _break_off(self, error: MalformedError) -> None:
        self.detail = str(error)
        self.stop("parse error", error.code)

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
        try:
            await asyncio.gather(self._hang_up(code), self.server.left(self, self.reason))
        finally:
            self.closed = True
            self.server.sockets.pop(self.sid, None)
        if self._receive is not None and self.handling is not None and not self.working:
            self.handling.cancel()

    async def _hang_up(self, code: int) -> None:
        slow = self.reason == "slow"
        last = [packets.kicked(name) for name in self.sockets if slow]
        if self._outbox is not None:
            last.append({"type": "websocket.close", "code": code, "reason": self.reason})
            await self._outbox.close(last, GRACE, drop=slow)
        elif self.polling is not None:
            by_client = self.reason == self.server.reason.CLIENT_DISCONNECT
            await self.polling.close(NOOP if by_client else CLOSE, linger=self.lingers)
            self.lingers = False


def _heard(task: "asyncio.Task[None]") -> None:
    """Logs what nobody may be left to hear: the client of a POST may have gone."""
    if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, MalformedError):
        logger.error("the packets of a POST could not be handled", exc_info=error)


def _nowhere(message: Message) -> None:
    """Where messages go for a client that is gone."""

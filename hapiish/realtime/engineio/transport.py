"""Transport: one client's Engine.IO session, over long polling until it is upgraded to a WebSocket.

    client ─ ASGI receive ─► serve ─► on_packet          deliver ─► Outbox ─► ASGI send ─ client

`serve` awaits ASGI's `receive` itself and handles the packets of a client in order, without a task for each. While a
packet is being handled, nothing reads the client's heartbeats. `tick`, which the engine calls at least once a second,
then starts a reader that answers heartbeats and buffers a few messages. The heartbeat's deadline is suspended while a
packet is being handled and no reader runs, so a client is never closed because its messages were not read.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import engineio
from engineio.packet import Packet

from hapiish.options import Sockets
from hapiish.realtime.engineio.errors import MalformedError
from hapiish.realtime.engineio.outbox import Outbox, size
from hapiish.realtime.engineio.polling import CLOSE, NOOP, Polling, packets_of
from hapiish.types import Message, Receive, Scope, Send

logger = logging.getLogger("hapiish.realtime")

READ_AHEAD = 16
"""Messages that the reader buffers while a packet is handled; further ones wait in the kernel (backpressure)."""

CLOSE_TIMEOUT = 5.0
"""Seconds in which the last messages have to be sent."""

PING: Message = {"type": "websocket.send", "text": "2"}
CONTROL = {"1": "close", "3": "pong", "5": "upgrade", "6": "noop"}
CLIENT_ERROR_CODES = frozenset({1002, 1003, 1007, 1009})
"""Codes that close a WebSocket after an invalid message of the client (RFC 6455 §7.4.1)."""

CLOSE_CODES = {"parse error": 1002, "slow": 1008, "server shutting down": 1012}

CLIENT_REASONS = frozenset(
    {"transport close", "transport error", "client disconnect", "ping timeout", "parse error", "slow"}
)
"""Reasons after which the client does not poll for pending messages."""

PACKETS_PER_TURN = 32
"""Packets of one client that are handled before the event loop runs other tasks, however many have arrived."""

TURN = range(PACKETS_PER_TURN)

REASON = engineio.AsyncServer.reason

current_transport: ContextVar["Transport | None"] = ContextVar("current_transport", default=None)
"""The transport whose packets the current task handles; threads and tasks started by a handler inherit it."""


class Timing:
    """The durations of `sockets` in seconds; `tick` is the interval between two calls of `Transport.tick`."""

    def __init__(self, settings: Sockets) -> None:
        self.ping_interval = settings.ping_interval / 1000
        self.ping_timeout = settings.ping_timeout / 1000
        given = settings.connect_timeout
        self.connect_timeout = self.ping_interval + self.ping_timeout if given is None else given / 1000
        self.tick = min(1.0, self.ping_interval / 4, self.ping_timeout / 4, self.connect_timeout / 4)


class Transport:
    """One session. `scope` is the ASGI scope of its handshake; `sessions`, by session id, loses it at its end.

    The layer above sets `on_packet(data)`, which is awaited for every packet and raises MalformedError,
    `on_close(reason)`, which is awaited once, and `farewell(reason)`, which returns the last messages. It sets
    `in_use`: a transport that is not in use since `idle_since` is closed after the connect timeout.
    """

    on_packet: Callable[[str | bytes], Awaitable[None]]
    on_close: Callable[[str], Awaitable[None]]
    farewell: Callable[[str], list[Message]]

    def __init__(
        self, settings: Sockets, timing: Timing, sid: str, scope: Scope, sessions: "dict[str, Transport]"
    ) -> None:
        self.settings = settings
        self.timing = timing
        self.sid = sid
        self.scope = scope
        self.polling: Polling | None = None  # until it has a WebSocket
        self.deliver: Callable[[Message], None] = _discard
        self.task: asyncio.Task[Any] | None = None  # handles the client's packets
        self.busy = False  # a packet is being handled
        self.open = True  # the next packet will be handled
        self.closed = False
        self.upgrading = False
        self.lingers = False  # the end waits for one last poll
        self.reason = REASON.TRANSPORT_CLOSE  # of the end
        self.detail = ""  # of the reason, for the log
        self.in_use = False
        self.idle_since = time.monotonic()
        self.last_ping: float | None = None
        self.ping_due = 0.0
        self._sessions = sessions
        self._handled = 0
        self._handled_at_tick = 0
        self._outbox: Outbox | None = None
        self._receive: Receive | None = None
        self._read: list[Message] = []  # at most READ_AHEAD
        self._reader: asyncio.Task[None] | None = None
        self._posting: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self.schedule_ping()

    @property
    def upgraded(self) -> bool:
        """True for a session with a WebSocket, upgraded or from the start."""
        return self._outbox is not None

    @property
    def ended(self) -> bool:
        """True once requests of the session are refused."""
        return self._ending is not None and not self.lingers

    # In

    async def serve(self, receive: Receive) -> None:
        """Handles the packets of the client, in order, until either side closes the connection."""
        if self._posting is not None:  # packets posted before the upgrade come first
            await asyncio.wait((self._posting,))
        self._receive = receive
        self.task = task = asyncio.current_task()
        current_transport.set(self)
        assert task is not None
        on_packet = self.on_packet
        surely_small = self.settings.max_bytes // 4  # a character has at most four bytes in UTF-8
        try:
            while True:
                for _ in TURN:
                    if not self.open:
                        return
                    message = await (receive() if self._reader is None else self._next())
                    text = message.get("text")
                    if text and text[0] == "4" and len(text) <= surely_small:
                        self.busy = True
                        self._handled += 1
                        await on_packet(text[1:])
                        self.busy = False
                    elif not await self._handle_message(message):
                        return
                await asyncio.sleep(0)
        except MalformedError as error:
            self._abort(error)
        except asyncio.CancelledError:
            if self._ending is None:
                raise
            task.uncancel()  # `_end` has cancelled the wait for a message
        finally:
            self._receive = None
            if self._reader is not None:
                self._reader.cancel()
            await self.close(reason=self.reason)

    async def _handle_message(self, message: Message) -> bool:
        """Handles any ASGI message; returns False at the end of the connection."""
        if message["type"] != "websocket.receive":
            if message.get("code") in CLIENT_ERROR_CODES:  # closed by the WebSocket server below
                self.detail = message.get("reason") or "malformed WebSocket frames"
                self.reason = "parse error"
            return False
        if size(message) > self.settings.max_bytes:
            raise MalformedError("too big", 1009)
        data = message.get("bytes")
        if data is None:
            data = message["text"]
            if data[:1] != "4":
                self._control(data[:1])
                return True
            data = data[1:]
        await self._handle(data)
        return True

    async def _handle(self, data: str | bytes) -> None:
        self.busy = True
        self._handled += 1
        await self.on_packet(data)
        self.busy = False

    def _control(self, kind: str) -> None:
        name = CONTROL.get(kind)
        if name is None:
            raise MalformedError("not a packet that clients send")
        if name == "pong":
            self.schedule_ping()
        elif name == "close":
            self.stop(REASON.CLIENT_DISCONNECT)

    async def _next(self) -> Message:
        """Returns the next message when a reader runs or has just stopped."""
        assert self._reader is not None
        assert self._receive is not None
        if not self._read:
            await asyncio.wait((self._reader,))  # it stops after the next message, as no packet is being handled
            self._reader = None
        return self._read.pop(0) if self._read else await self._receive()

    async def _read_ahead(self, receive: Receive) -> None:
        while self.busy and len(self._read) < READ_AHEAD:
            message = await receive()
            if message.get("text") == "3":
                self.schedule_ping()
                continue
            self._read.append(message)
            if message["type"] != "websocket.receive":
                self.stop(REASON.TRANSPORT_CLOSE)
                return

    # Heartbeat

    def schedule_ping(self) -> None:
        """Schedules the next ping: the client is alive."""
        self.last_ping = None
        self.ping_due = time.monotonic() + self.timing.ping_interval

    def tick(self, now: float) -> None:
        """Sends a due ping, closes an unanswered or unused session, starts a reader beside a slow handler."""
        if self._ending is not None:
            return
        if self.busy:
            if self._reader is None and self._receive is not None and self._handled == self._handled_at_tick:
                self._reader = asyncio.create_task(self._read_ahead(self._receive))
            self._handled_at_tick = self._handled
        is_read = not self.busy or (self._reader is not None and not self._reader.done())
        if self.last_ping is None:
            if now >= self.ping_due:
                self.last_ping = max(self.ping_due, now - self.timing.tick)
                self.deliver(PING)
        elif not is_read:
            self.last_ping = now
        elif now - self.last_ping > self.timing.ping_timeout:
            self.stop(REASON.PING_TIMEOUT)
        if not self.in_use and not self.busy and now - self.idle_since > self.timing.connect_timeout:
            self.stop(REASON.SERVER_DISCONNECT)

    # Out

    def put(self, packet: Message | list[Message]) -> None:
        """Delivers a packet, followed by its attachments."""
        for message in packet if isinstance(packet, list) else (packet,):
            self.deliver(message)

    async def send(self, pkt: Packet) -> None:
        """Delivers a packet of the engineio library."""
        encoded = pkt.encode()
        self.deliver({"type": "websocket.send", "text" if isinstance(encoded, str) else "bytes": encoded})

    # Polling and upgrade

    def start_polling(self) -> None:
        """Buffers messages for polls: the client has no WebSocket yet."""
        self.polling = Polling(self.settings.send_buffer_count, self.settings.send_buffer_bytes, self.stop)
        self.deliver = self.polling.put

    def post(self, body: bytes) -> "asyncio.Task[None]":
        """Handles the packets of a POST in order, in a task that keeps running if the client disconnects.

        Raises MalformedError, as the task does; the connection has then ended.
        """
        try:
            posted = packets_of(body)
        except MalformedError as error:
            self._abort(error)
            raise
        self._posting = self.task = task = asyncio.create_task(self._handle_posted(posted))
        task.add_done_callback(_log_failure)
        return task

    @property
    def posting(self) -> bool:
        """True while the packets of a POST are being handled."""
        return self._posting is not None

    async def _handle_posted(self, packets: list[str | bytes]) -> None:
        current_transport.set(self)
        try:
            for number, packet in enumerate(packets, 1):
                if not self.open:
                    return
                if isinstance(packet, bytes):
                    await self._handle(packet)
                elif packet[:1] == "4":
                    await self._handle(packet[1:])
                else:
                    self._control(packet[:1])
                if number % PACKETS_PER_TURN == 0:
                    await asyncio.sleep(0)
        except MalformedError as error:
            self._abort(error)
            raise
        finally:
            self.busy = False
            self.task = self._posting = None

    def connect(self, send: Send) -> None:
        """Sends by an accepted WebSocket from now on, first the messages that wait for a poll."""
        settings = self.settings
        self._outbox = Outbox(send, settings.send_buffer_count, settings.send_buffer_bytes, self.stop)
        pending: list[Message] = []
        if self.polling is not None:
            pending = self.polling.take()
            self.polling.release()
            self.polling = None
        if self.open:
            self.deliver = self._outbox.put
        for message in pending:
            self.deliver(message)

    async def upgrade(self, receive: Receive, send: Send) -> bool:
        """Upgrades to a WebSocket that the client has probed (Engine.IO 4, "Upgrade"); returns False on failure."""
        self.upgrading = True
        try:
            async with asyncio.timeout(self.timing.ping_timeout):
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
        """Ends the connection, once: `on_close` gets `reason`, the client gets `code` as well."""
        if self._ending is None:
            self.open = False
            self.reason = reason
            self.deliver = _discard
            self.lingers = self.polling is not None and self.polling.waits and reason not in CLIENT_REASONS
            self._ending = asyncio.create_task(self._end(code or CLOSE_CODES.get(reason, 1000)))

    def _abort(self, error: MalformedError) -> None:
        self.detail = str(error)
        self.stop("parse error", error.code)

    async def finish(self, reason: str, grace: float) -> None:
        """Ends the connection after the current packet, which is given `grace` seconds."""
        if self.busy and self.task is not None:
            self.open = False
            self.reason = reason
            await asyncio.wait((self.task,), timeout=grace)
        await self.close(reason=reason)

    async def close(self, wait: bool = True, abort: bool = False, reason: str | None = None) -> None:
        """Ends the connection; the signature is that of engineio's sockets."""
        self.stop(reason or REASON.SERVER_DISCONNECT)
        if wait:
            assert self._ending is not None
            await asyncio.shield(self._ending)

    async def _end(self, code: int) -> None:
        try:
            await asyncio.gather(self._send_close(code), self.on_close(self.reason))
        finally:
            self.closed = True
            self._sessions.pop(self.sid, None)
        if self._receive is not None and self.task is not None and not self.busy:
            self.task.cancel()

    async def _send_close(self, code: int) -> None:
        if self._outbox is not None:
            last = self.farewell(self.reason)
            last.append({"type": "websocket.close", "code": code, "reason": self.reason})
            await self._outbox.close(last, CLOSE_TIMEOUT, drop=self.reason == "slow")
        elif self.polling is not None:
            by_client = self.reason == REASON.CLIENT_DISCONNECT
            await self.polling.close(NOOP if by_client else CLOSE, linger=self.lingers)
            self.lingers = False


def _log_failure(task: "asyncio.Task[None]") -> None:
    """Logs the error of a POST's packets, because its client may be disconnected."""
    if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, MalformedError):
        logger.error("handling the packets of a POST failed", exc_info=error)


def _discard(message: Message) -> None:
    """Discards messages to a disconnected client."""

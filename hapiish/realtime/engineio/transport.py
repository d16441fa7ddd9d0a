"""Transport: one client's Engine.IO session, over long polling until it is upgraded to a WebSocket.

    client ─ ASGI receive ─► Reading ─► on_packet          deliver ─► Outbox ─► ASGI send ─ client

Packets are handled as `reading` tells. The client's heartbeats are read while packets are being handled. While too much
waits, nothing is read and the heartbeat's deadline is suspended, so a client is never closed because its messages were
not read.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import engineio
from engineio.packet import Packet

from hapiish.options import Sockets
from hapiish.realtime.engineio.errors import MalformedError
from hapiish.realtime.engineio.outbox import Outbox, size
from hapiish.realtime.engineio.polling import CLOSE, NOOP, Polling, messages_of
from hapiish.realtime.engineio.reading import Reading, Run, Source, Work, current_run
from hapiish.types import Message, Receive, Scope, Send

logger = logging.getLogger("hapiish.realtime")

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

REASON = engineio.AsyncServer.reason


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

    The layer above sets `on_packet(data)`, which returns the work of `run` for a packet, None if there is none, and
    raises MalformedError, `begin(run, packet)`, which returns the work for a packet that has waited in a line,
    `on_close(reason)`, which is awaited once, and `farewell(reason)`, which returns the last messages. It sets
    `in_use`: a transport that is not in use since `idle_since` is closed after the connect timeout.
    """

    run: Run
    on_packet: Callable[[str | bytes], Work | None]
    begin: Callable[[Run, Any], Work]
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
        self.small = settings.max_bytes // 4  # a character has at most four bytes in UTF-8
        self.reading = Reading(self)
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
        self._outbox: Outbox | None = None
        self._source: Source | None = None  # the WebSocket's
        self._posting: asyncio.Future[None] | None = None
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
        """Handles the packets of the client until either side closes the connection."""
        if self._posting is not None:  # packets posted before the upgrade come first
            await asyncio.wait((self._posting,))
        run = Run(self)
        self._source = source = Source(receive, run)
        source.reader = task = asyncio.current_task()
        assert task is not None
        current_run.set(run)
        try:
            if not await self.reading.read(source, run):
                await source.over
            await self.reading.settle(self.reading.runs)
        except MalformedError as error:
            self.abort(error)
        except asyncio.CancelledError:
            if self._ending is None:
                self._cancel(source)
                raise
            task.uncancel()  # `_end` has cancelled the wait for a message
        finally:
            self._source = None
            await self.close(reason=self.reason)

    def _cancel(self, source: Source) -> None:
        """Cancels the tasks of a source whose server has cancelled the first one."""
        if source.reader is not None and source.reader is not asyncio.current_task():
            source.reader.cancel()

    def take(self, message: Message) -> Work | bool:
        """Returns the work for any ASGI message, or whether the connection goes on."""
        if message["type"] != "websocket.receive":
            if message["type"] != "posted":
                if message.get("code") in CLIENT_ERROR_CODES:  # closed by the WebSocket server below
                    self.detail = message.get("reason") or "malformed WebSocket frames"
                    self.reason = "parse error"
                self.stop(self.reason)
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
        return self.on_packet(data) or True

    def _control(self, kind: str) -> None:
        name = CONTROL.get(kind)
        if name is None:
            raise MalformedError("not a packet that clients send")
        if name == "pong":
            self.schedule_ping()
        elif name == "close":
            self.stop(REASON.CLIENT_DISCONNECT)

    # Heartbeat

    def schedule_ping(self) -> None:
        """Schedules the next ping: the client is alive."""
        self.last_ping = None
        self.ping_due = time.monotonic() + self.timing.ping_interval

    def tick(self, now: float) -> None:
        """Sends a due ping, closes an unanswered or unused session."""
        if self._ending is not None:
            return
        if self.last_ping is None:
            if now >= self.ping_due:
                self.last_ping = max(self.ping_due, now - self.timing.tick)
                self.deliver(PING)
        elif self.reading.stalled:
            self.last_ping = now
        elif now - self.last_ping > self.timing.ping_timeout:
            self.stop(REASON.PING_TIMEOUT)
        if not self.in_use and not self.reading.runs and now - self.idle_since > self.timing.connect_timeout:
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

    def post(self, body: bytes) -> "asyncio.Future[None]":
        """Handles the packets of a POST in order, in a task that keeps running if the client disconnects.

        The result is done once all packets are handled or wait in their lines. Raises MalformedError, as the result
        does; the connection has then ended.
        """
        try:
            receive = messages_of(body)
        except MalformedError as error:
            self.abort(error)
            raise
        run = Run(self)
        source = Source(receive, run)
        self._posting = source.over
        source.over.add_done_callback(self._posted)
        source.reader = asyncio.create_task(self.reading.read_on(source, run))
        return source.over

    def _posted(self, over: "asyncio.Future[None]") -> None:
        self._posting = None
        if not over.cancelled() and (error := over.exception()) is not None and not isinstance(error, MalformedError):
            # Its client may be disconnected.
            logger.error("handling the packets of a POST failed", exc_info=error)

    @property
    def posting(self) -> bool:
        """True while the packets of a POST are being handled."""
        return self._posting is not None

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
            self.reading.release()

    def abort(self, error: MalformedError) -> None:
        """Ends the connection of a client that violates the protocol."""
        self.detail = str(error)
        self.stop("parse error", error.code)

    async def finish(self, reason: str, grace: float) -> None:
        """Ends the connection after the packets that are being handled, which are given `grace` seconds."""
        if self.reading.runs:
            self.open = False
            self.reason = reason
            await self.reading.settle(self.reading.runs, grace)
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
        source = self._source
        if source is not None and source.reader is not None and not source.run.busy and not source.over.done():
            source.reader.cancel()
            source.end()  # a task that has not begun does not do so

    async def _send_close(self, code: int) -> None:
        if self._outbox is not None:
            last = self.farewell(self.reason)
            last.append({"type": "websocket.close", "code": code, "reason": self.reason})
            await self._outbox.close(last, CLOSE_TIMEOUT, drop=self.reason == "slow")
        elif self.polling is not None:
            by_client = self.reason == REASON.CLIENT_DISCONNECT
            await self.polling.close(NOOP if by_client else CLOSE, linger=self.lingers)
            self.lingers = False


def _discard(message: Message) -> None:
    """Discards messages to a disconnected client."""

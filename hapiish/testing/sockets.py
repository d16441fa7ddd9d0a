"""SocketClient: a Socket.IO client without a network, connected to an application in process.

It speaks Socket.IO 5 with the application's own engine over an ASGI WebSocket whose two ends are in memory.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from hapiish import codec
from hapiish.http.inject import forged
from hapiish.realtime.socketio import packets
from hapiish.realtime.socketio.gathering import Gathering
from hapiish.types import Message, Scope, Value

__tracebackhide__ = True  # pytest shows the line of the test

PATIENCE = 10.0
"""Seconds that a client waits by default for what should come."""


class HandshakeRefused(Exception):
    """The server has refused a connection to a namespace; `data` is the error that clients get."""

    def __init__(self, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.data = data

    @property
    def status_code(self) -> int | None:
        """The status of the error, such as 401; None for a refusal without one."""
        status = self.data.get("statusCode") if isinstance(self.data, dict) else None
        return status if isinstance(status, int) else None


class SocketClient:
    """One connection to one namespace. `id` is the socket's id; `pending` are the events that `receive` has not taken.

    `answers` are the acknowledgements of the server's calls by event: a value, or a function of the data.
    """

    def __init__(self, app: Any, namespace: str = "/") -> None:
        self.app = app
        self.namespace = namespace
        self.id: str | None = None
        self.reason: str | None = None
        self.pending: list[tuple[str, Value]] = []
        self.answers: dict[str, Value | Callable[[Value], Value]] = {}
        self._acknowledged: dict[int, asyncio.Future[Value]] = {}
        self._incoming: asyncio.Queue[Message] = asyncio.Queue()
        self._gathering: Gathering | None = None
        self._opened: asyncio.Future[None] | None = None
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._number = 0
        self._auth: Value = None

    async def connect(
        self,
        *,
        token: str | None = None,
        auth: Mapping[str, Value] | None = None,
        credentials: Value = None,
        artifacts: Value = None,
        strategy: str | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        remote_address: str = "127.0.0.1",
        timeout: float = PATIENCE,
    ) -> "SocketClient":
        """Connects with the handshake's `auth` (`token` is its `token`), or with forged `credentials`.

        Raises HandshakeRefused, and TimeoutError after `timeout` seconds.
        """
        if self.app.socket_path is None:
            raise HandshakeRefused("the table declares no sockets")
        self._auth = {**(auth or {}), **({} if token is None else {"token": token})} or None
        scope = _scope(self.app.socket_path, headers or {}, query or {}, remote_address)
        if credentials is not None:
            scope["hapiish.auth"] = forged(credentials, artifacts, strategy)
        self._opened = asyncio.get_running_loop().create_future()
        self._incoming.put_nowait({"type": "websocket.connect"})
        self._task = asyncio.create_task(self._serve(scope))
        try:
            async with asyncio.timeout(timeout):
                await asyncio.shield(self._opened)
        except TimeoutError:
            raise TimeoutError(f"no answer to the handshake of {self.namespace} within {timeout:g} s") from None
        except BaseException:
            await self.disconnect()
            raise
        return self

    async def emit(self, event: str, *data: Value, timeout: float = PATIENCE) -> Value:
        """Sends an event and returns its acknowledgement: one argument as it is, none as None, several as a tuple.

        Everything that the server sent to this socket before the acknowledgement is then in `pending`.
        """
        self._expect_connected()
        self._number = number = self._number + 1
        future = self._acknowledged[number] = asyncio.get_running_loop().create_future()
        self._send(packets.with_ack_id(packets.event(self.namespace, event, *data), self.namespace, number))
        try:
            async with asyncio.timeout(timeout):
                return await future
        except TimeoutError:
            raise TimeoutError(f'no acknowledgement of "{event}" within {timeout:g} s') from None
        finally:
            self._acknowledged.pop(number, None)

    async def send(self, event: str, *data: Value) -> None:
        """Sends an event without asking for an acknowledgement."""
        self._expect_connected()
        self._send(packets.event(self.namespace, event, *data))

    async def receive(self, event: str | None = None, *, timeout: float = PATIENCE) -> Value:
        """Takes the first pending event of that name (of any name without one) and returns its data; waits for it.

        Without a name, returns the name and the data. Raises TimeoutError, which lists what has come instead.
        """
        try:
            async with asyncio.timeout(timeout):
                while True:
                    for index, (name, data) in enumerate(self.pending):
                        if event in (None, name):
                            del self.pending[index]
                            return data if event is not None else (name, data)
                    if self.reason is not None:
                        raise ConnectionError(f'the socket is disconnected ("{self.reason}"), {self._instead(event)}')
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise TimeoutError(f"{self._instead(event)} within {timeout:g} s") from None

    async def disconnected(self, *, timeout: float = PATIENCE) -> str:
        """Waits until the server has disconnected the socket; returns the reason."""
        try:
            async with asyncio.timeout(timeout):
                while self.reason is None:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise TimeoutError(f"the socket is still connected after {timeout:g} s") from None
        return self.reason

    async def disconnect(self) -> None:
        """Disconnects, and returns when the functions of `onDisconnect` have run; does nothing if disconnected."""
        if self._task is None:
            return
        if self.reason is None and self.id is not None:
            self._send(packets.disconnected(self.namespace))
        self._end("client disconnect")
        self._incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait([self._task], timeout=PATIENCE)

    def _instead(self, event: str | None) -> str:
        names = ", ".join(f'"{name}"' for name, _ in self.pending)
        wanted = "nothing was" if event is None else f'"{event}" was not'
        return f"{wanted} received ({f'pending: {names}' if names else 'nothing is pending'})"

    def _expect_connected(self) -> None:
        if self.reason is not None or self.id is None:
            raise ConnectionError(f'the socket is disconnected ("{self.reason}")')

    # The two ends of the WebSocket

    async def _serve(self, scope: Scope) -> None:
        try:
            await self.app(scope, self._incoming.get, self._take)
        finally:
            self._end("transport close")

    def _send(self, packet: packets.Packed) -> None:
        for message in packet if isinstance(packet, list) else [packet]:
            self._incoming.put_nowait({**message, "type": "websocket.receive"})

    async def _take(self, message: Message) -> None:
        kind = message["type"]
        if kind == "websocket.close":
            self._end(message.get("reason") or "the server refuses the WebSocket")
        elif kind == "websocket.send":
            if (text := message.get("text")) is None:
                self._attach(message["bytes"])
            elif text[0] == "0":
                body = codec.encode(self._auth).decode() if self._auth is not None else ""
                self._send(packets.frame("0", self.namespace, body))
            elif text[0] == "2":
                self._incoming.put_nowait({"type": "websocket.receive", "text": "3"})
            elif text[0] == "4":
                self._read(text[1:])

    def _read(self, packet: str) -> None:
        kind = packet[0]
        if kind in "56":
            self._gathering = Gathering(packet, codec.MOST_DIGITS)
        elif kind in "23":
            _, ack_id, arguments = packets.read_arguments(packet)
            self._arrived(kind == "2", ack_id, arguments)
        elif kind == "1":
            self._end("server disconnect")
        else:
            data = codec.decode(packet[packet.index("{") :])
            assert self._opened is not None
            if kind == "0":
                self.id = data["sid"]
                if not self._opened.done():
                    self._opened.set_result(None)
            elif not self._opened.done():
                self._opened.set_exception(HandshakeRefused(data["message"], data.get("data")))

    def _attach(self, attachment: bytes) -> None:
        gathering = self._gathering
        if gathering is not None and gathering.add(attachment, 1 << 40):
            self._gathering = None
            gathering.assemble()
            self._arrived(gathering.is_event, gathering.ack_id, gathering.arguments)

    def _arrived(self, is_event: bool, ack_id: str, arguments: list[Value]) -> None:
        if not is_event:
            future = self._acknowledged.get(int(ack_id))
            if future is not None and not future.done():
                future.set_result(_value(arguments))
            return
        name, *rest = arguments
        data = _value(rest)
        if ack_id and name in self.answers:
            answer = self.answers[name]
            self._send(packets.ack(self.namespace, ack_id, answer(data) if callable(answer) else answer))
        self.pending.append((name, data))
        self._news.set()

    def _end(self, reason: str) -> None:
        """Notes the end of the connection, once."""
        if self.reason is not None:
            return
        self.reason = reason
        self._news.set()
        if self._opened is not None and not self._opened.done():
            self._opened.set_exception(HandshakeRefused(reason))
        for future in self._acknowledged.values():
            if not future.done():
                future.set_exception(ConnectionError(f'disconnected before the acknowledgement ("{reason}")'))


def _value(arguments: list[Value]) -> Value:
    if len(arguments) > 1:
        return tuple(arguments)
    return arguments[0] if arguments else None


def _scope(path: str, headers: Mapping[str, str], query: Mapping[str, str], remote_address: str) -> Scope:
    given = {"host": "localhost", **{name.lower(): value for name, value in headers.items()}}
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": f"{path}/",
        "raw_path": f"{path}/".encode(),
        "query_string": urlencode({**query, "EIO": "4", "transport": "websocket"}).encode(),
        "root_path": "",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in given.items()],
        "client": (remote_address, 0),
        "server": ("localhost", 80),
        "subprotocols": [],
    }

"""A real server on the loopback, and raw clients that can violate the protocol."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
import websockets
from websockets.asyncio.client import ClientConnection, connect

from hapiish.http.serving.connections import Limits
from hapiish.http.serving.websocket import WebSocketProtocol
from hapiish.options import Sockets
from hapiish.realtime import NamespaceHooks, RealtimeServer, Socket

PATIENCE = 10  # seconds until something that should have come is missed
OnEvent = Callable[[Socket, Any], Awaitable[Any]]


async def echo(socket: Socket, data: Any) -> Any:
    return {"ok": True, "data": data}


def realtime(hooks: NamespaceHooks | None = None, **options: Any) -> RealtimeServer:
    """A server whose default namespace has `hooks`, and an `echo` if there are none."""
    namespaces = options.pop("namespaces", {"/": hooks or NamespaceHooks(events={"echo": echo})})
    return RealtimeServer(Sockets(**options), namespaces=namespaces)


@asynccontextmanager
async def serving(
    app: Any, ws: Any = WebSocketProtocol, http: Any = "auto", limits: Limits | None = None, **more: Any
) -> AsyncIterator[int]:
    """The port of a uvicorn in this very loop, with the WebSocket that `hapiish run` gives it."""
    options: dict[str, Any] = {"lifespan": "off", "log_level": "warning", "ws_ping_interval": None, **more}
    config = uvicorn.Config(app, port=0, ws=ws, http=http, proxy_headers=False, **options)
    if limits is not None:
        config.limits = limits  # type: ignore[attr-defined]
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        await server.shutdown()


class Raw:
    """A WebSocket on which every character is ours; answers pings of Engine.IO unless told otherwise."""

    def __init__(self, wire: ClientConnection, *, alive: bool = True) -> None:
        self.wire = wire
        self.alive = alive
        self.pings = 0

    async def send(self, *packets: str | bytes) -> None:
        for packet in packets:
            await self.wire.send(packet)

    async def receive(self) -> str | bytes:
        """The next packet that is not a ping."""
        async with asyncio.timeout(PATIENCE):
            while True:
                packet = await self.wire.recv()
                if packet != "2":
                    return packet
                self.pings += 1
                if self.alive:
                    await self.wire.send("3")

    async def until(self, start: str) -> str:
        """The rest of the next packet that begins with `start`; others are passed over."""
        while True:
            packet = await self.receive()
            if isinstance(packet, str) and packet.startswith(start):
                return packet[len(start) :]

    async def join(self, namespace: str = "/", auth: Any = None) -> str:
        """Connects to a namespace; the id of the socket."""
        head = "" if namespace == "/" else namespace + ","
        await self.send(f"40{head}{json.dumps(auth) if auth is not None else ''}")
        sid: str = json.loads(await self.until(f"40{head}"))["sid"]
        return sid

    async def ask(self, *arguments: Any, ack: int = 7, namespace: str = "/") -> Any:
        """The acknowledgement of an event."""
        head = "" if namespace == "/" else namespace + ","
        await self.send(f"42{head}{ack}{json.dumps(arguments)}")
        (answer,) = json.loads(await self.until(f"43{head}{ack}"))
        return answer

    async def news(self, event: str) -> Any:
        """The payload of the next `event` from the server."""
        while True:
            name, *rest = json.loads(await self.until("42"))
            if name == event:
                return rest[0] if rest else None

    async def nothing(self) -> None:
        """Nothing but the answer to a question is under way: packets of one socket come in order."""
        await self.send("42999" + json.dumps(["nothing"]))
        assert str(await self.receive()).startswith("43999")

    async def closed(self) -> tuple[int | None, str]:
        """Code and reason, once the server has closed the WebSocket."""
        try:
            while True:
                await self.receive()
        except websockets.ConnectionClosed:
            return self.wire.close_code, self.wire.close_reason or ""


@asynccontextmanager
async def raw(port: int, *, alive: bool = True, query: str = "", **options: Any) -> AsyncIterator[Raw]:
    """A WebSocket on which Engine.IO has said hello."""
    url = f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket{query}"
    async with connect(url, compression=None, **options) as wire:
        client = Raw(wire, alive=alive)
        assert str(await client.receive()).startswith('0{"sid":')
        yield client


@asynccontextmanager
async def member(port: int, namespace: str = "/", auth: Any = None) -> AsyncIterator[Raw]:
    """A client that is connected to a namespace."""
    async with raw(port) as client:
        await client.join(namespace, auth)
        yield client


class Journal:
    """Hooks that write down who comes and goes."""

    def __init__(self) -> None:
        self.sockets: list[Socket] = []
        self.left: list[tuple[str, str]] = []
        self._news = asyncio.Event()

    async def connect(self, socket: Socket, auth: Any) -> None:
        self.sockets.append(socket)

    async def disconnect(self, socket: Socket, reason: str) -> None:
        self.left.append((socket.id, reason))
        self._news.set()

    async def reasons(self, count: int = 1) -> list[str]:
        """Why sockets left, once `count` of them have."""
        async with asyncio.timeout(PATIENCE):
            while len(self.left) < count:
                self._news.clear()
                await self._news.wait()
        return [reason for _, reason in self.left]

    def hooks(self, **events: OnEvent) -> NamespaceHooks:
        return NamespaceHooks(connect=self.connect, disconnect=self.disconnect, events={"echo": echo, **events})


async def gone(server: RealtimeServer) -> None:
    """Waits until the server has forgotten every connection, and looks whether anything is left of them."""
    hub = server._hub
    async with asyncio.timeout(PATIENCE):
        while hub.eio.sockets:
            await asyncio.sleep(0.01)
    assert (hub.environ, hub.manager.rooms, hub.manager.joined, hub.manager.callbacks) == ({}, {}, {}, {})
    assert hub._binary_packet == {}


class Gate:
    """A handler that waits until it is let go."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.open = asyncio.Event()

    async def __call__(self, socket: Socket, data: Any) -> Any:
        self.entered.set()
        await self.open.wait()
        return {"ok": True}

"""Servers that share a queue, as separate processes do: each has rooms, connections and an id of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from hapiish.options import Queue
from hapiish.realtime import NamespaceHooks, RealtimeServer, Socket
from hapiish.realtime.cluster.cluster import Cluster
from tests.realtime.support import PATIENCE, Raw, member, realtime, serving
from tests.redis_server import RedisServer


class Process:
    """One server, and the port on which it serves clients."""

    def __init__(self, server: RealtimeServer, port: int, sockets: list[Socket]) -> None:
        assert isinstance(server.cluster, Cluster)
        self.server = server
        self.cluster: Cluster = server.cluster
        self.port = port
        self.sockets = sockets

    def client(self, namespace: str = "/") -> AbstractAsyncContextManager[Raw]:
        """A connected client."""
        return member(self.port, namespace)

    @property
    def read(self) -> int:
        """The messages that it has read from channels."""
        return self.cluster.bus.read

    @property
    def unwanted(self) -> int:
        """The emits that it has read without a recipient."""
        return self.cluster.rooms.unwanted


@asynccontextmanager
async def processes(
    url: str, count: int = 2, *, hooks: Callable[[], NamespaceHooks] | None = None, **queue: Any
) -> AsyncIterator[list[Process]]:
    """Servers on one queue. Clients join rooms with the event `join`, and leave them with `leave`."""
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(count):
            sockets: list[Socket] = []
            given = hooks() if hooks is not None else rooms_hooks(sockets)
            server = realtime(
                namespaces={"/": given, "/other": given, "/at-{id}": given}, queue=Queue(url=url, **queue)
            )
            await server.start()
            stack.push_async_callback(server.close)
            made.append(Process(server, await stack.enter_async_context(serving(server)), sockets))
        yield made


def rooms_hooks(sockets: list[Socket]) -> NamespaceHooks:
    async def connect(socket: Socket, auth: Any) -> None:
        sockets.append(socket)
        for room in (auth or {}).get("rooms", ()):
            await socket.join(room)

    async def join(socket: Socket, room: Any) -> Any:
        await socket.join(room)

    async def leave(socket: Socket, room: Any) -> Any:
        await socket.leave(room)

    async def nothing(socket: Socket, data: Any) -> Any:
        return None

    return NamespaceHooks(connect=connect, events={"join": join, "leave": leave, "nothing": nothing})


async def join(client: Raw, *rooms: str) -> None:
    for room in rooms:
        await client.ask("join", room)


async def until(condition: Callable[[], Any], limit: float = PATIENCE) -> None:
    """Waits until something holds, and fails if it does not within `limit` seconds."""
    async with asyncio.timeout(limit):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server

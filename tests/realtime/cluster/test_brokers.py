"""Rooms on a broker that every process reads, as RabbitMQ and Kafka are used. The broker here is in memory."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hapiish.options import Queue
from hapiish.realtime import RealtimeServer, Socket
from hapiish.realtime.cluster.brokers import BrokerCluster, BrokerRooms
from hapiish.table import check
from tests.realtime.cluster.processes import join, rooms_hooks, until
from tests.realtime.support import member, realtime, serving

pytestmark = pytest.mark.anyio


class MemoryBroker:
    """A connection to a broker in memory: what one sends, all receive as JSON, its sender too."""

    def __init__(self, readers: "list[asyncio.Queue[str]]") -> None:
        self._readers = readers
        self._mine: asyncio.Queue[str] = asyncio.Queue()
        readers.append(self._mine)

    async def send(self, message: dict[str, Any]) -> None:
        for reader in self._readers:
            reader.put_nowait(json.dumps(message))

    async def receive(self) -> AsyncIterator[Any]:
        while True:
            yield await self._mine.get()

    async def close(self) -> None:
        self._readers.remove(self._mine)


@asynccontextmanager
async def brokered(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[tuple[RealtimeServer, int, list[Socket]]]]:
    """Two servers on a broker, their ports and their sockets."""
    readers: list[asyncio.Queue[str]] = []

    def cluster(self: BrokerCluster, queue: Queue) -> None:
        self.rooms = BrokerRooms(MemoryBroker(readers))

    monkeypatch.setattr(BrokerCluster, "__init__", cluster)
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(2):
            sockets: list[Socket] = []
            server = realtime(namespaces={"/": rooms_hooks(sockets)}, queue=Queue(url="amqp://localhost"))
            await server.start()
            stack.push_async_callback(server.close)
            made.append((server, await stack.enter_async_context(serving(server)), sockets))
        yield made


async def test_emits_reach_the_clients_of_every_process_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    async with brokered(monkeypatch) as ((one, port, first), (_, other, second)), member(port) as a, member(other) as b:
        await join(a, "room")
        await join(b, "room")
        for number in range(20):
            await one.emit("news", number, "room")
        for client in (a, b):
            assert [await client.news("news") for _ in range(20)] == [*range(20)]
        await one.emit("file", b"\x00", ["room", "more"], skip=first[0])
        assert str(await b.receive()).startswith("451-")
        assert await b.receive() == b"\x00"
        await one.emit("news", 1, "room", except_="muted")  # which other processes cannot honour
        assert await a.news("news") == 1
        await b.nothing()
        await one._hub.enter_room(second[0].id, "new")
        await until(lambda: "new" in second[0].rooms)
        await one._hub.disconnect(second[0].id)
        await b.until("41")


async def test_operations_reach_this_process_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async with brokered(monkeypatch) as ((one, port, _), (_, other, _)), member(port) as a, member(other) as b:
        await join(a, "room")
        await join(b, "room")
        counted = await one.count("room")
        assert (counted, counted.partial) == (1, True)


@pytest.mark.parametrize(
    ("queue", "problem"),
    [
        ("http://localhost", 'must be empty, a URL such as "redis://localhost:6379/0"'),
        ("redis://", 'must be empty, a URL such as "redis://localhost:6379/0"'),
        ("{url: 'redis://localhost', partition: 'a b'}", "a name of letters, digits"),
    ],
)
def test_check_refuses_the_url_of_no_queue(tmp_path: Path, queue: str, problem: str) -> None:
    file = tmp_path / "routes.yaml"
    file.write_text(f"hapiish: 1\nsockets:\n  queue: {queue}\n  namespaces: [{{namespace: /}}]\n")
    table, problems = check(file)
    assert table is None
    assert problem in problems[0].message

"""The queue on a Redis Cluster of three servers, with sharded channels."""

import asyncio
import logging
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import socketio
from redis.crc import key_slot

import hapiish
from tests.realtime.cluster.processes import join, processes, until
from tests.redis_server import RedisServer, free_port

pytestmark = pytest.mark.anyio
SLOTS = 16384


@pytest.fixture(scope="module")
def servers() -> Iterator[list[RedisServer]]:
    """Three masters that share the slots."""
    with ExitStack() as stack:
        made = []
        for _ in range(3):
            bus = str(free_port())
            settings = {"cluster_enabled": "yes", "cluster_node_timeout": "2000", "cluster_port": bus}
            made.append(stack.enter_context(RedisServer(**settings)))
            made[-1].command("CLUSTER", "MEET", "127.0.0.1", str(made[0].port), made[0].settings["cluster_port"])
        for number, server in enumerate(made):
            slots = range(-(-number * SLOTS // 3), -(-(number + 1) * SLOTS // 3))
            server.command("CLUSTER", "ADDSLOTS", *map(str, slots))
        for server in made:
            while not is_complete(server):
                time.sleep(0.05)
        yield made


def is_complete(server: RedisServer) -> bool:
    """True once a server knows all three, and that they have all slots."""
    return b"cluster_state:ok" in server.command("CLUSTER", "INFO") and len(server.command("CLUSTER", "SLOTS")) >= 3


def room_on(server: int) -> str:
    """A room whose channel is on one of the three servers."""
    while True:
        room = secrets.token_hex(4)
        if key_slot(f"hapiish:hapiish:/#{room}".encode()) * 3 // SLOTS == server:
            return room


async def test_rooms_on_all_servers_of_a_cluster_reach_their_members(servers: list[RedisServer]) -> None:
    async with processes(servers[0].url, 3) as (one, two, three), two.client() as b, three.client() as c:
        rooms = [room_on(number) for number in range(3)]
        await join(b, *rooms)
        await join(c, rooms[2])
        assert len(one.cluster.bus._shards) == 3
        for number in range(50):
            await one.server.emit("news", number, rooms[number % 3])
            assert await b.news("news") == number
        for number in range(20):
            await one.server.emit("all", number, rooms)
        assert [await b.news("all") for _ in range(20)] == [*range(20)]
        await b.nothing()
        assert await one.server.count(rooms) == 2
        async with hapiish.emitter(servers[1].url) as emitter:
            await emitter.emit("last", 1, rooms[0])
            assert await b.news("last") == 1
            assert await emitter.count(rooms[2]) == 2
        assert one.read == 0
        assert [each.unwanted for each in (one, two, three)] == [0, 0, 0]


async def test_emitters_of_python_socketio_reach_the_clients_on_a_cluster(servers: list[RedisServer]) -> None:
    emitter = socketio.AsyncRedisManager(servers[1].url, write_only=True)
    async with processes(servers[0].url) as (one, two), one.client() as a, two.client() as b:
        await emitter.emit("news", 1)
        for client in (a, b):
            assert await client.news("news") == 1
            await client.nothing()
        await emitter.redis.aclose()


async def test_a_server_of_a_cluster_that_is_down_is_one_warning(
    servers: list[RedisServer], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hapiish.realtime")
    lost, kept = room_on(2), room_on(0)
    async with processes(servers[0].url) as (one, two), two.client() as b:
        await join(b, lost, kept)
        servers[2].stop()
        await until(lambda: one.server.is_degraded and two.server.is_degraded)
        beats = [shard._beats for shard in two.cluster.bus._shards.values()]
        await until(lambda: sum(shard._beats for shard in two.cluster.bus._shards.values()) >= sum(beats) + 4, 30)
        assert one.server.is_degraded
        servers[2].start()
        async with asyncio.timeout(60):
            waiting = asyncio.create_task(b.news("news"))
            while not waiting.done():
                await one.server.emit("news", 1, lost)
                await asyncio.sleep(0.05)
        await until(lambda: not one.server.is_degraded and not two.server.is_degraded, 30)
    told = sorted(each.levelname for each in caplog.records if "queue" in each.getMessage())
    assert told == ["INFO", "INFO", "WARNING", "WARNING"]


async def test_a_slot_that_moves_takes_its_subscriptions_along(servers: list[RedisServer]) -> None:
    room = room_on(0)
    slot = str(key_slot(f"hapiish:hapiish:/#{room}".encode()))
    async with processes(servers[0].url) as (one, two), two.client() as b:
        await join(b, room)
        target = servers[1].command("CLUSTER", "MYID")
        for server in (servers[1], servers[0], servers[2]):
            server.command("CLUSTER", "SETSLOT", slot, "NODE", target)
        servers[1].command("CLUSTER", "BUMPEPOCH")  # else gossip may give the slot back
        async with asyncio.timeout(60):
            waiting = asyncio.create_task(b.news("news"))
            while not waiting.done():
                await one.server.emit("news", 1, room)
                await asyncio.sleep(0.05)
        await until(lambda: servers[1].command("PUBSUB", "SHARDNUMSUB", f"hapiish:hapiish:/#{room}")[1] == 1)


async def test_a_server_of_a_cluster_that_restarts_gets_its_subscriptions_back(servers: list[RedisServer]) -> None:
    room = room_on(2)
    async with processes(servers[0].url) as (one, two), two.client() as b:
        await join(b, room)
        servers[2].command("CLIENT", "KILL", "TYPE", "pubsub")
        async with asyncio.timeout(60):
            waiting = asyncio.create_task(b.news("news"))
            while not waiting.done():
                await one.server.emit("news", 1, room)
                await asyncio.sleep(0.05)

import asyncio
import subprocess
import sys

import pytest

from tests.realtime.cluster.processes import join, processes, until
from tests.redis_server import RedisServer

pytestmark = pytest.mark.anyio


def channels(redis: RedisServer) -> set[str]:
    """The rooms that anybody subscribes to."""
    found = redis.command("PUBSUB", "CHANNELS", "hapiish:hapiish:*#*")
    return {each.decode().partition("#")[2] for each in found}


async def test_a_process_subscribes_to_a_room_while_it_hosts_a_member(redis: RedisServer) -> None:
    async with processes(redis.url, 1) as (one,):
        async with one.client() as a:
            await join(a, "x", "y")
            assert channels(redis) == {"x", "y"}
            async with one.client() as b:
                await join(b, "x")
                await a.ask("leave", "x")
                assert channels(redis) == {"x", "y"}
            await until(lambda: channels(redis) == {"y"})
        await until(lambda: not channels(redis))
        assert redis.command("PUBSUB", "CHANNELS", "hapiish:hapiish:/*") == []


async def test_emits_of_others_arrive_once_join_has_returned(redis: RedisServer) -> None:
    async with processes(redis.url) as (one, two), two.client() as b:
        for number in range(50):
            await join(b, f"room {number}")
            await one.server.emit("news", number, f"room {number}")
            assert await b.news("news") == number


async def test_emits_of_others_arrive_once_a_client_is_connected(redis: RedisServer) -> None:
    async with processes(redis.url) as (one, two):
        for number in range(20):
            async with two.client() as b:
                await one.server.emit("news", number)
                assert await b.news("news") == number


async def test_a_room_that_is_left_and_joined_again_at_once_is_subscribed(redis: RedisServer) -> None:
    async with processes(redis.url) as (one, two), two.client() as b:
        socket = two.sockets[0]
        for number in range(50):
            await asyncio.gather(socket.join("room"), socket.leave("room"), socket.join("room"))
            await one.server.emit("news", number, "room")
            assert await b.news("news") == number
            await socket.leave("room")
        await until(lambda: not channels(redis))


async def test_a_refused_client_leaves_no_subscription(redis: RedisServer) -> None:
    async with processes(redis.url, 1) as (one,):
        async with one.client() as a:
            await a.send("40/nowhere,")
            await a.until("44/nowhere,")
            await a.send("40")  # connected already
            await a.until("44")
        await until(lambda: not redis.command("PUBSUB", "CHANNELS", "hapiish:hapiish:/*"))


async def test_a_process_that_stops_leaves_nothing_in_redis(redis: RedisServer) -> None:
    async with processes(redis.url, 1) as (one,), one.client() as a:
        await join(a, "x")
    await until(lambda: not redis.command("PUBSUB", "CHANNELS", "hapiish:*"))
    assert redis.command("DBSIZE") == 0


def test_without_a_queue_nothing_of_it_is_imported() -> None:
    script = (
        "import sys\n"
        "from hapiish.options import Sockets\n"
        "from hapiish.realtime import RealtimeServer\n"
        "RealtimeServer(Sockets(), namespaces={})\n"
        "names = [f'hapiish.realtime.cluster.{name}' for name in ('bus', 'rooms', 'brokers')]\n"
        "print([name for name in names if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

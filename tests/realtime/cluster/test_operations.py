import asyncio
from collections.abc import Iterator

import pytest

from tests.realtime.cluster.processes import join, processes, until
from tests.redis_server import RedisServer

pytestmark = pytest.mark.anyio


@pytest.fixture
def queue() -> Iterator[RedisServer]:
    """A server of the test's own, to kill."""
    with RedisServer() as server:
        yield server


async def test_operations_reach_the_sockets_of_every_process(redis: RedisServer) -> None:
    async with processes(redis.url, 3) as (one, two, three), one.client() as a, two.client() as b, three.client() as c:
        await join(a, "room")
        await join(b, "room", "more")
        assert await one.server.count("room") == 2
        assert await three.server.count(["room", "more"]) == 2
        assert await one.server.count() == 3
        assert {each["id"] for each in await three.server.sockets("room")} == {one.sockets[0].id, two.sockets[0].id}
        assert await one.server.join("more", room="new") == 1
        await three.server.emit("news", 1, "new")
        assert await b.news("news") == 1
        assert await one.server.leave(two.sockets[0].id, room="new") == 1
        assert await two.server.disconnect("room") == 2
        await a.until("41")
        await b.until("41")
        await c.nothing()
        assert three.unwanted == 0


async def test_a_local_emit_and_the_list_of_rooms_concern_the_own_process_alone(redis: RedisServer) -> None:
    async with processes(redis.url) as (one, two), one.client() as a, two.client() as b:
        await join(a, "room", "more")
        await join(b, "room", "other")
        assert sorted(one.server.rooms("/")) == ["more", "room"]
        assert sorted(two.server.rooms("/")) == ["other", "room"]
        await one.server.emit("news", 1, "room", local=True)
        assert await a.news("news") == 1
        await one.server.emit("news", 2, "room")
        assert await b.news("news") == 2


async def test_a_call_returns_the_answers_of_clients_of_every_process(redis: RedisServer) -> None:
    async with processes(redis.url) as (one, two), one.client() as a, two.client() as b:
        calling = asyncio.create_task(one.server.call("question", {"n": 1}))
        for client in (a, b):
            assert await client.until("42") == '1["question",{"n":1}]'
            await client.send('431["yes"]')
        assert [each["data"] for each in await calling] == ["yes", "yes"]


async def test_the_own_room_of_a_socket_is_closed_to_sockets_of_other_processes(redis: RedisServer) -> None:
    async with processes(redis.url, 3) as (one, two, three), one.client() as a, two.client() as b:
        own = one.sockets[0].id
        await join(b, "room")
        with pytest.raises(ValueError, match="own room of another socket"):
            await two.sockets[0].join(own)
        with pytest.raises(ValueError, match="own room of another socket"):
            await three.server.join("room", room=own)
        await three.server.emit("news", 1, own)
        assert await a.news("news") == 1
        await b.nothing()


async def test_a_process_performs_an_operation_once_on_many_rooms(redis: RedisServer) -> None:
    async with processes(redis.url) as (one, two), two.client() as b:
        rooms = [f"room {number}" for number in range(40)]
        await join(b, *rooms)
        for chosen in (rooms[:10], rooms):
            calling = asyncio.create_task(one.server.call("question", 1, chosen))
            number = (await b.until("42")).partition("[")[0]
            await b.send(f"43{number}[1]")
            assert len(await calling) == 1
            await b.nothing()


async def test_an_operation_does_not_wait_for_a_process_that_hosts_no_member(redis: RedisServer) -> None:
    async with processes(redis.url, 3) as (one, two, three), two.client() as b:
        await join(b, "room")
        counted = await one.server.count("room", timeout=10_000)
        assert (counted, counted.partial, three.read) == (1, False, 0)


async def test_an_operation_is_partial_while_the_queue_is_away(queue: RedisServer) -> None:
    async with processes(queue.url) as (one, two), one.client() as a, two.client() as b:
        await join(a, "room")
        await join(b, "room")
        queue.freeze()
        counted = await one.server.count("room", timeout=200)
        assert (counted, counted.partial) == (1, True)
        queue.thaw()
        queue.stop()
        await until(lambda: one.server.is_degraded)
        counted = await one.server.count("room", timeout=60_000)
        assert (counted, counted.partial) == (1, True)


async def test_an_error_in_another_process_makes_the_result_partial(redis: RedisServer) -> None:
    async with processes(redis.url) as (one, two), two.client() as b:
        await join(b, "room")
        two.sockets[0].public["x"] = object()
        with pytest.raises(ValueError, match="object"):
            await one.server.sockets("room")

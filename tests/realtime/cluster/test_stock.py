"""hapiish beside servers and emitters of python-socketio on the same Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import socketio

from tests.realtime.cluster.processes import Process, join, processes, until
from tests.realtime.support import member, serving
from tests.redis_server import RedisServer

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def stock_server(url: str) -> AsyncIterator[tuple[socketio.AsyncServer, int]]:
    """A server of python-socketio as it comes, and its port."""
    server = socketio.AsyncServer(async_mode="asgi", client_manager=socketio.AsyncRedisManager(url))

    async def join_room(sid: str, room: str) -> bool:
        await server.enter_room(sid, room)
        return True

    server.on("join", join_room)

    async def nothing(sid: str, *data: Any) -> bool:
        return True

    server.on("nothing", nothing)
    async with serving(socketio.ASGIApp(server)) as port:
        async with member(port):
            yield server, port  # its listener starts with the first client
        server.manager.thread.cancel()
        await asyncio.wait([server.manager.thread])
        await server.manager.redis.aclose()
        await server.manager.pubsub.aclose()


@asynccontextmanager
async def stock_emitter(url: str) -> AsyncIterator[Any]:
    """An emitter of python-socketio as it comes."""
    emitter = socketio.AsyncRedisManager(url, write_only=True)
    yield emitter
    await emitter.redis.aclose()


async def known(*ours: Process) -> None:
    """Our processes have noticed the server of python-socketio."""
    await until(lambda: all(each.cluster.bus.stock_servers == 1 for each in ours))


async def test_emitters_of_python_socketio_reach_our_clients(redis: RedisServer) -> None:
    async with (
        stock_emitter(redis.url) as emitter,
        processes(redis.url) as (one, two),
        one.client() as a,
        two.client() as b,
        two.client() as c,
    ):
        await join(a, "room")
        await join(b, "room", "more")
        await emitter.emit("news", {"n": 1}, room="room", namespace="/")
        assert (await a.news("news"), await b.news("news")) == ({"n": 1}, {"n": 1})
        await c.nothing()
        await emitter.emit("news", 2, room=["room", "more"], namespace="/", skip_sid=one.sockets[0].id)
        assert await b.news("news") == 2
        await emitter.emit("news", b"\x00\xff", room="more", namespace="/")
        assert str(await b.receive()).startswith("451-")
        assert await b.receive() == b"\x00\xff"
        await emitter.emit("news", 3)
        for client in (a, b, c):
            assert await client.news("news") == 3
            await client.nothing()
        synchronous = socketio.RedisManager(redis.url, write_only=True)
        await asyncio.to_thread(synchronous.emit, "news", 4, "/", "more")
        assert await b.news("news") == 4
        synchronous.redis.close()


async def test_emitters_of_python_socketio_change_rooms_and_disconnect(redis: RedisServer) -> None:
    async with stock_emitter(redis.url) as emitter, processes(redis.url) as (one, two), two.client() as b:
        sid = two.sockets[0].id
        await emitter.enter_room(sid, "/", "room")
        await until(lambda: two.sockets[0].rooms == {"room"})
        await one.server.emit("news", 1, "room")
        assert await b.news("news") == 1
        await emitter.leave_room(sid, "/", "room")
        await until(lambda: not two.sockets[0].rooms)
        await emitter.enter_room(sid, "/", "room")
        await emitter.close_room("room", "/")
        await until(lambda: not two.sockets[0].rooms)
        await emitter.can_disconnect(sid, "/")  # which publishes; `disconnect` needs a server
        await b.until("41")
        assert two.sockets[0].left


async def test_servers_of_python_socketio_and_hapiish_reach_the_clients_of_each_other(redis: RedisServer) -> None:
    async with (
        stock_server(redis.url) as (stock, port),
        processes(redis.url) as (one, two),
        member(port) as theirs,
        two.client() as b,
    ):
        await known(one, two)
        await theirs.ask("join", "room")
        await join(b, "room")
        await one.server.emit("news", {"n": 1}, "room")
        assert (await theirs.news("news"), await b.news("news")) == ({"n": 1}, {"n": 1})
        await one.server.emit("news", (2, 3), ["room", "more"], skip="nobody")
        await theirs.until('42["news",2,3]')
        await b.until('42["news",2,3]')
        await one.server.emit("news", b"\x00", "room")
        for client in (theirs, b):
            assert str(await client.receive()).startswith("451-")
            assert await client.receive() == b"\x00"
        await stock.emit("news", 4, room="room")
        assert (await theirs.news("news"), await b.news("news")) == (4, 4)
        await stock.emit("news", 5)
        assert (await theirs.news("news"), await b.news("news")) == (5, 5)
        for client in (theirs, b):
            await client.nothing()
        answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        await stock.emit("question", 6, to=two.sockets[0].id, callback=answered.set_result)
        assert await b.until("42") == '1["question",6]'
        await b.send('431["answer"]')
        assert await asyncio.wait_for(answered, 10) == "answer"
        await stock.disconnect(two.sockets[0].id)
        await b.until("41")


async def test_our_emits_leave_our_channels_only_for_servers_of_python_socketio(redis: RedisServer) -> None:
    async with processes(redis.url) as (one, two), two.client() as b:
        await join(b, "room")
        before = _published(redis)
        for number in range(10):
            await one.server.emit("news", number, "room")
        for number in range(10):
            assert await b.news("news") == number
        assert _published(redis) - before <= 20  # ten, and heartbeats
        assert one.cluster.bus.stock_servers == 0


async def test_python_socketio_s_own_api_works_across_processes(redis: RedisServer) -> None:
    async with processes(redis.url) as (one, two), two.client() as b:
        hub, sid = one.server._hub, two.sockets[0].id
        await hub.enter_room(sid, "room")
        await until(lambda: two.sockets[0].rooms == {"room"})
        await hub.emit("news", 1, to="room")
        assert await b.news("news") == 1
        answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        await hub.emit("question", 2, to=sid, callback=answered.set_result)
        assert await b.until("42") == '1["question",2]'
        await b.send('431["answer"]')
        assert await asyncio.wait_for(answered, 10) == "answer"
        await hub.leave_room(sid, "room")
        await until(lambda: not two.sockets[0].rooms)
        await hub.disconnect(sid)
        await b.until("41")


def _published(redis: RedisServer) -> int:
    stats = redis.command("INFO", "commandstats")
    return int(stats["cmdstat_publish"]["calls"])

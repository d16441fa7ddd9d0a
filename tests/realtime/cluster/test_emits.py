from typing import Any

import pytest

from hapiish.realtime import NamespaceHooks, Socket
from tests.realtime.cluster.processes import join, processes
from tests.redis_server import RedisServer

pytestmark = pytest.mark.anyio


async def test_an_emit_reaches_the_members_of_a_room_in_every_process(redis: RedisServer) -> None:
    async with processes(redis.url, 3) as (one, two, three), one.client() as a, two.client() as b, three.client() as c:
        for client in (a, b, c):
            await join(client, "room")
        await one.server.emit("news", {"n": 1}, "room")
        for client in (a, b, c):
            assert await client.news("news") == {"n": 1}
            await client.nothing()


async def test_a_process_reads_no_emit_without_a_recipient(redis: RedisServer) -> None:
    async with processes(redis.url, 3) as (one, two, three), one.client() as a, two.client() as b, three.client() as c:
        await join(a, "room", "mine")
        await join(b, "room")
        await join(c, "left")
        await c.ask("leave", "left")
        for number in range(20):
            await one.server.emit("news", number, "room")
            await one.server.emit("mine", number, ["mine", "elsewhere"])
            await one.server.emit("nobody", number, ["nowhere", "left"])
            await one.server.emit("alone", number, one.sockets[0].id, namespace="/")
        for number in range(20):
            assert await b.news("news") == number
            assert await a.news("alone") == number
        await b.nothing()
        await c.nothing()
        assert (two.read, three.read) == (20, 0)
        assert [each.unwanted for each in (one, two, three)] == [0, 0, 0]


async def test_the_emits_of_a_process_reach_a_room_in_order(redis: RedisServer) -> None:
    async with processes(redis.url) as (one, two), two.client() as b:
        await join(b, "room")
        for start in range(0, 2000, 100):
            for number in range(start, start + 100):
                await one.server.emit("news", number, ["elsewhere", "room"] if number % 3 else "room")
            assert [await b.news("news") for _ in range(100)] == [*range(start, start + 100)]


async def test_a_member_of_several_rooms_gets_an_emit_to_them_once(redis: RedisServer) -> None:
    async with processes(redis.url) as (one, two), one.client() as a, two.client() as b, two.client() as c:
        await join(a, "x", "y")
        await join(b, "x", "y", "z")
        await join(c, "z")
        for number in range(3):
            await one.server.emit("news", number, ["x", "y", "z", "x"])
        for client in (a, b, c):
            assert [await client.news("news") for _ in range(3)] == [0, 1, 2]
            await client.nothing()


async def test_an_emit_to_everybody_reaches_every_process(redis: RedisServer) -> None:
    async with processes(redis.url) as (one, two), one.client() as a, two.client() as b, two.client("/other") as other:
        await one.server.emit("news", 1)
        assert (await a.news("news"), await b.news("news")) == (1, 1)
        await one.server.emit("news", 2, namespace="/other")
        await other.until('42/other,["news",2]')
        await b.nothing()


async def test_an_emit_skips_sockets_and_rooms_in_other_processes(redis: RedisServer) -> None:
    async with processes(redis.url) as (one, two), two.client() as a, two.client() as b, two.client() as c:
        for client in (a, b, c):
            await join(client, "room")
        await join(b, "muted")
        first, _, _ = (socket.id for socket in two.sockets)
        await one.server.emit("news", 1, "room", skip=first, except_="muted")
        await one.server.emit("news", 2, ["room", "more"], skip=[first, "nobody"], except_=["muted", "other"])
        assert [await c.news("news"), await c.news("news")] == [1, 2]
        for client in (a, b, c):
            await client.nothing()


async def test_an_event_skips_its_own_socket(redis: RedisServer) -> None:
    async def tell(socket: Socket, data: Any) -> None:
        await servers[0].server.emit("news", data, "room", skip=socket)

    def hooks() -> NamespaceHooks:
        async def connect(socket: Socket, auth: Any) -> None:
            await socket.join("room")

        async def nothing(socket: Socket, data: Any) -> None:
            """Acknowledges."""

        return NamespaceHooks(connect=connect, events={"tell": tell, "nothing": nothing})

    async with processes(redis.url, hooks=hooks) as servers:
        one, two = servers
        async with one.client() as a, one.client() as b, two.client() as c:
            await a.ask("tell", 1)
            assert (await b.news("news"), await c.news("news")) == (1, 1)
            await a.nothing()


async def test_the_id_of_a_socket_is_a_room_in_every_process(redis: RedisServer) -> None:
    async with processes(redis.url) as (one, two), two.client() as a, two.client() as b:
        first, second = (socket.id for socket in two.sockets)
        await one.server.emit("news", 1, first)
        assert await a.news("news") == 1
        await b.nothing()
        await one.server.emit("news", 2, [first, second])
        assert (await a.news("news"), await b.news("news")) == (2, 2)
        await one.server.emit("news", 3, first, namespace="/other")
        await a.nothing()


async def test_a_socket_costs_no_subscription(redis: RedisServer) -> None:
    async with processes(redis.url) as (one, _), one.client():
        before = redis.command("PUBSUB", "CHANNELS", "hapiish:*")
        async with one.client(), one.client():
            assert redis.command("PUBSUB", "CHANNELS", "hapiish:*") == before


async def test_a_room_whose_name_looks_like_the_id_of_a_socket_works(redis: RedisServer) -> None:
    async with processes(redis.url, 3) as (one, two, three), two.client() as a, three.client() as b:
        room = "messages.01234567890123456789"
        await join(a, room)
        await one.server.emit("news", 1, [room, "more"])
        await one.server.emit("news", 2, room)
        assert (await a.news("news"), await a.news("news")) == (1, 2)
        await b.nothing()
        await a.ask("leave", room)
        await one.server.emit("news", 3, room)
        await a.nothing()


@pytest.mark.parametrize("room", ["", "#", "a#b", "/", "é 😀", "x" * 5000, "a\nb\r\n*1\r\n", "\ud800", "*", "[a]"])
async def test_a_room_may_have_any_name(redis: RedisServer, room: str) -> None:
    async with processes(redis.url) as (one, two), two.client() as a, two.client() as b:
        await two.sockets[0].join(room)
        await one.server.emit("news", 1, room)
        await one.server.emit("news", 2, [room, "more"])
        assert (await a.news("news"), await a.news("news")) == (1, 2)
        await b.nothing()


async def test_the_rooms_of_namespaces_never_mix(redis: RedisServer) -> None:
    async with processes(redis.url) as (one, two), two.client("/at-1#x") as a, two.client("/at-1") as b:
        await two.sockets[1].join("x")
        await one.server.emit("news", 1, namespace="/at-1#x")
        await a.until('42/at-1#x,["news",1]')
        await one.server.emit("news", 2, "x", namespace="/at-1")
        await b.until('42/at-1,["news",2]')
        await one.server.emit("news", 3, namespace="/at-1#x")
        await a.until('42/at-1#x,["news",3]')
        assert two.unwanted == 0


async def test_attachments_reach_other_processes(redis: RedisServer) -> None:
    async with processes(redis.url) as (one, two), two.client() as b:
        await join(b, "room")
        await one.server.emit("file", {"a": b"\x00\xff\n", "b": [b"", b"{}"]}, "room")
        head = await b.receive()
        assert str(head).startswith("453-")
        assert [await b.receive() for _ in range(3)] == [b"\x00\xff\n", b"", b"{}"]
        await b.nothing()


async def test_arguments_and_text_arrive_unchanged(redis: RedisServer) -> None:
    async with processes(redis.url) as (one, two), two.client() as b:
        await join(b, "room")
        await one.server.emit("news", "a\nb 😀 \u2028", "room")
        assert await b.news("news") == "a\nb 😀 \u2028"
        await one.server.emit("news", None, "room")
        assert await b.until('42["news"]') == ""
        await one.server.emit("news", (1, 2), "room")
        await b.until('42["news",1,2]')


async def test_an_emit_that_is_too_large_for_the_queue_is_refused(redis: RedisServer) -> None:
    async with processes(redis.url, max_bytes=1000) as (one, two), one.client() as a, two.client() as b:
        await join(a, "room")
        await join(b, "room")
        with pytest.raises(ValueError, match="1000 bytes"):
            await one.server.emit("news", "x" * 1000, "room")
        await one.sockets[0].emit("news", "x" * 1000)  # which does not leave the process
        assert await a.news("news") == "x" * 1000
        await b.nothing()


async def test_services_share_a_redis_by_partition(redis: RedisServer) -> None:
    async with (
        processes(redis.url, 1, partition="one") as (one,),
        processes(redis.url, 1, partition="two") as (two,),
        one.client() as a,
        two.client() as b,
    ):
        await one.server.emit("news", 1)
        assert await a.news("news") == 1
        await b.nothing()
        assert two.read == 0

import asyncio
import logging
import secrets
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hapiish.realtime.cluster.resp import Parser, ProtocolFault, ReplyError, command
from hapiish.realtime.cluster.shard import INTERVAL, LATE
from tests.realtime.cluster.processes import Process, join, processes, until
from tests.realtime.support import Raw
from tests.redis_server import RedisServer

pytestmark = pytest.mark.anyio


@pytest.fixture
def queue() -> Iterator[RedisServer]:
    """A server of the test's own, to kill."""
    with RedisServer() as server:
        yield server


async def passes(one: Process, client: Raw, room: str = "room") -> None:
    """An emit of a process reaches a client of another, at the latest once all has been renewed."""
    token = secrets.token_hex(4)
    async with asyncio.timeout(30):
        waiting = asyncio.create_task(client.until(f'42["back","{token}"]'))
        while not waiting.done():
            await one.server.emit("back", token, room)
            await asyncio.sleep(0.05)


async def test_without_redis_a_process_delivers_to_its_own_clients_and_heals(
    queue: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hapiish.realtime")
    async with processes(queue.url) as (one, two), one.client() as a, two.client() as b, two.client() as c:
        await join(a, "room", "left")
        await join(b, "room")
        queue.stop()
        await until(lambda: one.server.is_degraded and two.server.is_degraded)
        for number in range(100):
            await one.server.emit("news", number, "room")
        assert [await a.news("news") for _ in range(100)] == [*range(100)]
        await b.nothing()
        await join(c, "new")
        await a.ask("leave", "left")
        async with one.client() as d:
            await d.nothing()
        queue.start()
        await passes(one, b)
        await passes(one, c, "new")
        await passes(two, a)
        assert not one.server.is_degraded
        await until(lambda: not one.cluster.bus.is_away and not two.cluster.bus.is_away)
        rooms = {each.decode().partition("#")[2] for each in queue.command("PUBSUB", "CHANNELS", "hapiish:hapiish:*#*")}
        assert rooms == {"room", "new"}
    told = [(each.levelname, each.getMessage()) for each in caplog.records if "queue" in each.getMessage()]
    assert [level for level, _ in told] == ["WARNING", "WARNING", "INFO", "INFO"], told


async def test_a_process_starts_without_redis_and_heals(queue: RedisServer) -> None:
    queue.stop()
    async with processes(queue.url) as (one, two), one.client() as a, two.client() as b:
        await join(a, "room")
        await join(b, "room")
        assert one.server.is_degraded
        await one.server.emit("news", 1, "room")
        assert await a.news("news") == 1
        queue.start()
        await passes(one, b)
        await passes(two, a)


async def test_a_frozen_redis_is_noticed_and_nothing_waits_for_it(queue: RedisServer) -> None:
    async with processes(queue.url) as (one, two), one.client() as a, two.client() as b:
        await join(a, "room")
        await join(b, "room")
        queue.freeze()
        await one.server.emit("news", 1, "room")
        assert await a.news("news") == 1
        await join(a, "more", "rooms")  # a bounded time
        await until(lambda: one.server.is_degraded and two.server.is_degraded, INTERVAL + LATE + 3)
        await join(a, *map(str, range(100)))  # no time at all
        queue.thaw()
        await passes(one, b)
        await passes(two, a, "rooms")


async def test_a_killed_subscription_is_renewed(queue: RedisServer) -> None:
    async with processes(queue.url) as (one, two), two.client() as b:
        await join(b, "room")
        queue.command("CLIENT", "KILL", "TYPE", "pubsub")
        await passes(one, b)
        queue.command("CLIENT", "KILL", "TYPE", "normal")
        await passes(one, b)


async def test_a_subscription_that_is_lost_without_a_word_is_noticed(queue: RedisServer) -> None:
    async with processes(queue.url, 1) as (one,), one.client() as a:
        await join(a, "room")
        (shard,) = one.cluster.bus._shards.values()
        link = shard._messages
        assert link is not None
        link.send(command(b"UNSUBSCRIBE"))  # behind the bus's back; the connection is alive
        await until(lambda: queue.command("PUBSUB", "NUMSUB", "hapiish:hapiish:/#room")[1] == 0)
        await until(lambda: queue.command("PUBSUB", "NUMSUB", "hapiish:hapiish:/#room")[1] == 1, INTERVAL + LATE + 3)


async def test_a_process_that_lags_too_far_behind_starts_anew(queue: RedisServer) -> None:
    queue.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 100kb 0 0")
    async with processes(queue.url, max_bytes=10_000_000) as (one, two), two.client() as b:
        await join(b, "room")
        for _ in range(30):
            await one.server.emit("big", "x" * 1_000_000, "room")
        await passes(one, b)


GARBAGE = [b"", b"E", b"E\n", b"\xff" * 100, b"Q01234567\nx", b"R01234567[1]\n[", b"E0123456", b"{}", b"[1]"]


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_garbage_on_a_channel_is_ignored(redis: RedisServer, garbage: bytes) -> None:
    async with processes(redis.url) as (one, two), two.client() as b:
        await join(b, "room")
        bus = two.cluster.bus
        for channel in ("hapiish:hapiish:/#room", "hapiish:hapiish:/", bus.inbox, "socketio"):
            for message in (garbage, b"E01234567" + garbage, b"E01234567" + garbage + b'\n42["x"]', garbage * 1000):
                redis.command("PUBLISH", channel, message)
        await one.server.emit("news", 1, "room")
        assert (await b.until('42["news",1]')) == ""
        assert redis.command("PUBSUB", "NUMSUB", "hapiish:hapiish:/#room")[1] == 1


async def test_a_flood_of_garbage_is_one_warning(redis: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    async with processes(redis.url) as (one, two), two.client() as b:
        await join(b, "room")
        for _ in range(100):
            redis.command("PUBLISH", "hapiish:hapiish:/#room", b"garbage")
        await one.server.emit("news", 1, "room")
        assert await b.news("news") == 1
    assert len([each for each in caplog.records if "ignored" in each.getMessage()]) == 1


@given(some.binary(max_size=200), some.integers(1, 7))
def test_the_parser_refuses_what_is_no_resp(data: bytes, size: int) -> None:
    parser = Parser()
    try:
        for start in range(0, len(data), size):
            parser.feed(data[start : start + size])
    except ProtocolFault:
        pass


_replies = some.recursive(some.none() | some.integers() | some.binary(), some.lists, max_leaves=8)


@given(some.lists(_replies, max_size=5), some.integers(1, 30))
def test_the_parser_returns_replies_however_they_are_cut(replies: list[object], size: int) -> None:
    data = b"".join(map(written, replies)) + b"-ERR no\r\n+OK\r\n"
    parser, found = Parser(), []
    for start in range(0, len(data), size):
        found += parser.feed(data[start : start + size])
    *values, error, status = found
    assert (values, str(error), status) == (replies, "ERR no", b"OK")
    assert isinstance(error, ReplyError)


def written(reply: object) -> bytes:
    match reply:
        case None:
            return b"$-1\r\n"
        case int():
            return b":%d\r\n" % reply
        case bytes():
            return b"$%d\r\n%b\r\n" % (len(reply), reply)
        case list():
            return b"*%d\r\n" % len(reply) + b"".join(map(written, reply))
    raise AssertionError(reply)

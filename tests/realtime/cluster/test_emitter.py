import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import hapiish
from hapiish import boom
from tests.realtime.cluster.processes import join, processes, until
from tests.redis_server import RedisServer

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parent.parent.parent.parent


@pytest.fixture
def queue() -> Iterator[RedisServer]:
    """A server of the test's own, to kill."""
    with RedisServer() as server:
        yield server


async def test_an_emitter_reaches_the_clients_of_every_process_in_order(redis: RedisServer) -> None:
    async with processes(redis.url, 3) as (one, two, three), one.client() as a, two.client() as b, three.client() as c:
        await join(a, "room")
        await join(b, "room", "more")
        async with hapiish.emitter(redis.url) as emitter:
            for number in range(50):
                await emitter.emit("news", number, to=["room", "more"] if number % 2 else "room")
            for client in (a, b):
                assert [await client.news("news") for _ in range(50)] == [*range(50)]
            await emitter.emit("news", b"\x00", to="more", skip=one.sockets[0].id)
            assert str(await b.receive()).startswith("451-")
            assert await b.receive() == b"\x00"
            await emitter.emit("news", 2, to="room", except_="more")
            assert await a.news("news") == 2
            await emitter.emit("news", 3, to=three.sockets[0].id)
            assert await c.news("news") == 3
            await emitter.emit("news", 4)
            for client in (a, b, c):
                assert await client.news("news") == 4
                await client.nothing()


async def test_an_emitter_operates_on_the_sockets_of_every_process(redis: RedisServer) -> None:
    async with processes(redis.url) as (one, two), one.client() as a, two.client() as b:
        await join(a, "room")
        emitter = hapiish.emitter(redis.url)
        assert await emitter.count() == 2
        assert await emitter.join("room", room="new") == 1
        assert [each["id"] for each in await emitter.sockets("new")] == [one.sockets[0].id]
        calling = asyncio.create_task(emitter.call("question", 1, two.sockets[0].id))
        assert await b.until("42") == '1["question",1]'
        await b.send('431["yes"]')
        assert (await calling)[0]["data"] == "yes"
        assert await emitter.disconnect("new") == 1
        await a.until("41")
        await emitter.close()


async def test_plain_functions_and_threads_use_an_emitter(redis: RedisServer) -> None:
    async with processes(redis.url) as (_, two), two.client() as b:

        def job() -> Any:
            with hapiish.emitter(redis.url) as emitter:
                run: Any = emitter  # which returns results here, not coroutines
                run.emit("news", 1)
                return emitter.count()

        assert await asyncio.to_thread(job) == 1
        assert await b.news("news") == 1


async def test_a_script_without_an_event_loop_uses_an_emitter(redis: RedisServer) -> None:
    script = (
        "import hapiish, sys\n"
        "emitter = hapiish.emitter(sys.argv[1])\n"
        "emitter.emit('news', {'n': 1}, to='room')\n"
        "print(emitter.count('room'))\n"
        "emitter.close()\n"
    )
    async with processes(redis.url) as (_, two), two.client() as b:
        await join(b, "room")
        words = [sys.executable, "-W", "error", "-c", script, redis.url]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = await asyncio.to_thread(subprocess.run, words, capture_output=True, text=True, env=environment)
        assert (done.stdout, done.stderr, done.returncode) == ("1\n", "", 0)
        assert await b.news("news") == {"n": 1}


TABLE = """
hapiish: 1
sockets:
  queue: {url: "${REDIS_URL}", partition: tables}
  namespaces:
    - {namespace: /, emits: [{event: news, payload: {type: integer}}]}
"""


async def test_an_emitter_with_a_table_sends_what_the_table_declares(redis: RedisServer, tmp_path: Path) -> None:
    file = tmp_path / "routes.yaml"
    file.write_text(TABLE)
    async with processes(redis.url, partition="tables") as (_, two), two.client() as b:
        async with hapiish.emitter(table=file, env={"REDIS_URL": redis.url}) as emitter:
            with pytest.raises(ValueError, match='does not declare the emit "other"'):
                await emitter.emit("other", 1)
            with pytest.raises(ValueError, match="breaks its schema"):
                await emitter.emit("news", "x")
            with pytest.raises(ValueError, match='no namespace "/no"'):
                await emitter.emit("news", 1, namespace="/no")
            with pytest.raises(ValueError, match='no namespace "/no"'):
                await emitter.count(namespace="/no")
            await emitter.emit("news", 1)
        assert await b.news("news") == 1
        await b.nothing()


async def test_an_emitter_says_that_the_queue_is_away(queue: RedisServer) -> None:
    queue.stop()
    async with hapiish.emitter(queue.url) as emitter:
        with pytest.raises(boom.ServerUnavailable):
            await emitter.emit("news", 1)
        with pytest.raises(boom.ServerUnavailable):
            await emitter.count()
        queue.start()
        await until(lambda: not emitter._bus.is_away)
        await emitter.emit("news", 1)


@pytest.mark.parametrize("url", ["", "http://localhost", "localhost:6379"])
def test_an_emitter_needs_the_url_of_a_queue(url: str) -> None:
    with pytest.raises(ValueError, match="queue"):
        hapiish.emitter(url)

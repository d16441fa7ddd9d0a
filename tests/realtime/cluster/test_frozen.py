"""Operations over two processes of `hapiish run`, of which one is frozen, continued and killed."""

import asyncio
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.serving import Run
from tests.realtime.support import Raw, raw
from tests.redis_server import RedisServer

pytestmark = pytest.mark.anyio

TABLE = """
hapiish: 1
routes:
  - {method: GET, path: "/count", handler: "my:count"}
  - {method: GET, path: "/call", handler: "my:call"}
  - {method: POST, path: "/all", handler: "my:everything"}
sockets:
  queue: "${REDIS_URL:}"
  namespaces: [{namespace: /, onConnect: "my:connect", emits: [{event: news}, {event: question}]}]
"""
CODE = """
async def connect(request, h):
    request.socket.public["name"] = request.payload["name"]
    await request.socket.join("room")
    await request.socket.join(request.payload["name"])

async def count(request, h):
    count = await request.server.count("room", timeout=300)
    sockets = await request.server.sockets("room", timeout=300)
    names = sorted(each["data"]["name"] for each in sockets)
    return {"count": count, "names": names, "partial": [count.partial, sockets.partial]}

async def call(request, h):
    answers = await request.server.call("question", 1, "room", timeout=300)
    return {"answers": [each["data"] for each in answers], "missing": len(answers.missing), "partial": answers.partial}

def everything(request, h):
    server = request.server
    joined = server.join("room", room="new")
    server.emit("news", "all but ann", to="new", except_="ann")
    left = server.leave("bob", room="new")
    server.emit("news", "all of new", to="new")
    return {"joined": joined, "left": left, "gone": server.disconnect("bob", reason="moved")}
"""


@pytest.fixture
def runs(tmp_path: Path, redis: RedisServer) -> Iterator[list[Run]]:
    runs = []
    try:
        for number in range(2):
            folder = tmp_path / str(number)
            folder.mkdir()
            (folder / "routes.yaml").write_text(TABLE)
            (folder / "my.py").write_text(CODE)
            runs.append(Run(folder / "routes.yaml", REDIS_URL=redis.url, PYTHONPATH=str(Path.cwd())))
        yield runs
    finally:
        for run in runs:
            run.process.send_signal(signal.SIGCONT)
            run.process.kill()
            run.wait()


def client(run: Run) -> Any:
    return raw(int(run.address.rpartition(":")[2]))


async def answer(client: Raw, data: Any) -> None:
    number = (await client.until("42")).partition("[")[0]
    await client.send(f"43{number}{json.dumps([data])}")


async def test_operations_of_one_process_change_the_sockets_of_another(runs: list[Run]) -> None:
    one, two = runs
    async with client(one) as ann, client(two) as bob, client(two) as cid:
        for each, name in ((ann, "ann"), (bob, "bob"), (cid, "cid")):
            await each.join(auth={"name": name})
        assert await asyncio.to_thread(one.call, "POST", "/all") == (200, {"joined": 3, "left": 1, "gone": 1})
        assert await bob.news("news") == "all but ann"
        assert await bob.receive() == "41"
        assert [await cid.news("news"), await cid.news("news")] == ["all but ann", "all of new"]
        assert await ann.news("news") == "all of new"


async def test_a_frozen_or_killed_process_costs_the_timeout_and_makes_the_result_partial(runs: list[Run]) -> None:
    one, two = runs

    async def ask(path: str) -> Any:
        return (await asyncio.to_thread(one.get, path))[1]

    async with client(one) as ann, client(two) as bob:
        await ann.join(auth={"name": "ann"})
        await bob.join(auth={"name": "bob"})
        assert await ask("/count") == {"count": 2, "names": ["ann", "bob"], "partial": [False, False]}
        asked = asyncio.create_task(ask("/call"))
        await asyncio.gather(answer(ann, "a"), answer(bob, "b"))
        answers = await asked
        assert (sorted(answers["answers"]), answers["missing"], answers["partial"]) == (["a", "b"], 0, False)

        two.process.send_signal(signal.SIGSTOP)
        assert await ask("/count") == {"count": 1, "names": ["ann"], "partial": [True, True]}
        asked = asyncio.create_task(ask("/call"))
        await answer(ann, "a")
        assert await asked == {"answers": ["a"], "missing": 0, "partial": True}

        two.process.send_signal(signal.SIGCONT)
        async with asyncio.timeout(30):
            while (await ask("/count"))["count"] != 2:
                await asyncio.sleep(0.1)

        two.process.kill()
        async with asyncio.timeout(30):
            while await ask("/count") != {"count": 1, "names": ["ann"], "partial": [False, False]}:
                await asyncio.sleep(0.1)

"""`hapiish run --workers`: clients of one port are in different processes."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import socketio

import hapiish
from tests import javascript
from tests.cli.serving import Run
from tests.realtime.cluster.processes import until
from tests.redis_server import RedisServer

pytestmark = pytest.mark.anyio

TABLE = """
hapiish: 1
server: {shutdownTimeout: 1s}
routes:
  - {method: GET, path: /ready, handler: "hapiish.health:ready"}
sockets:
  queue: ${REDIS_URL:}
  namespaces:
    - namespace: /
      onConnect: handlers:arrive
      events:
        - {event: where, handler: "handlers:where"}
        - {event: tell, handler: "handlers:tell"}
        - {event: later, handler: "handlers:where", options: {ext: {onPostResponse: {method: "handlers:after"}}}}
      emits: [{event: news}, {event: after}]
"""

HANDLERS = """
import os

async def arrive(request, h):
    await request.socket.join("room")

async def where(request, h):
    return {"pid": os.getpid()}

def tell(request, h):
    request.server.emit("news", request.payload, to="room", skip=request.socket)
    return {"count": request.server.count("room")}

async def after(request, h):
    await request.server.emit("after", {"pid": os.getpid()}, to="room")
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "handlers.py").write_text(HANDLERS)
    file = tmp_path / "routes.yaml"
    file.write_text(TABLE)
    return file


async def test_workers_with_a_queue_are_one_service(redis: RedisServer, table: Path) -> None:
    with Run(table, "--workers", "2", REDIS_URL=redis.url) as server:
        status, body = server.get("/ready")
        assert (status, body["status"], body["checks"]["queue"]) == (200, "ready", True)
        async with AsyncExitStack() as stack:
            clients: dict[int, socketio.AsyncSimpleClient] = {}
            while len(clients) < 2:
                client = socketio.AsyncSimpleClient()
                await client.connect(server.address, transports=["websocket"])
                stack.push_async_callback(client.disconnect)
                pid = (await client.call("where"))["pid"]
                if pid in clients:
                    await client.disconnect()
                else:
                    clients[pid] = client
            (_, a), (other, b) = clients.items()
            told = await a.call("tell", {"n": 1})
            assert told["count"] == 2
            assert await b.receive(timeout=30) == ["news", {"n": 1}]
            await b.call("later")
            assert await a.receive(timeout=30) == ["after", {"pid": other}]
            async with hapiish.emitter(table=table, env={"REDIS_URL": redis.url}) as emitter:
                assert await emitter.count("room") == 2
                await emitter.emit("news", {"n": 2}, to="room")
                assert await a.receive(timeout=30) == ["news", {"n": 2}]
        assert server.stop() == 0


async def test_a_worker_that_lost_its_queue_is_degraded_and_ready(table: Path) -> None:
    with RedisServer() as queue, Run(table, "--workers", "2", REDIS_URL=queue.url) as server:
        queue.stop()
        await until(lambda: server.get("/ready")[1]["status"] == "degraded", 30)
        assert server.get("/ready")[0] == 200
        queue.start()
        await until(lambda: all(server.get("/ready")[1]["status"] == "ready" for _ in range(10)), 30)


async def test_javascript_clients_of_several_workers_reach_each_other(redis: RedisServer, table: Path) -> None:
    with Run(table, "--workers", "2", REDIS_URL=redis.url) as server:
        assert "reached" in await javascript.run("cluster.mjs", server.address)

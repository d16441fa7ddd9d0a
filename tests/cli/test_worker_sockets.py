"""Sockets of several workers, during a reload and at the end of the server."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.cli.serving import Run
from tests.realtime.support import member
from tests.redis_server import RedisServer

CODE = """
import asyncio, os
from hapiish import boom

class Scheme:
    async def authenticate(self, request, h):
        name = request.headers["authorization"].removeprefix("Bearer ")
        return h.authenticated(credentials={"scope": [name]})

def scheme(server, options): return Scheme()
async def who(request, h): return {"pid": os.getpid()}
async def slow(request, h):
    await asyncio.sleep(1)
    return {"pid": os.getpid()}
"""
TABLE = """
server: {shutdownTimeout: 20s}
auth: {schemes: {named: "code:scheme"}, strategies: {one: {scheme: named}}}
sockets:
  queue: "${QUEUE}"
  namespaces:
    - namespace: /
      auth: one
      events: [{event: who, handler: "code:who"}, {event: slow, handler: "code:slow"}]
      emits: [{event: "server:draining"}]
"""
SOCKETS = 12


@pytest.fixture
def queue() -> Iterator[str]:
    with RedisServer() as server:
        yield server.url


def write(folder: Path, table: str = TABLE) -> Path:
    (folder / "code.py").write_text(CODE)
    path = folder / "routes.yaml"
    path.write_text(table)
    return path


async def connected(stack: AsyncExitStack, server: Run, name: str) -> list[Any]:
    port = int(server.address.rpartition(":")[2])
    auth = {"token": name}
    return [await stack.enter_async_context(member(port, auth=auth)) for _ in range(SOCKETS)]


def test_a_reload_judges_the_sockets_of_every_worker(tmp_path: Path, queue: str) -> None:
    async def talk(server: Run) -> None:
        async with AsyncExitStack() as stack:
            admins: list[Any] = []
            users: list[Any] = []
            pids: set[int] = set()
            async with asyncio.timeout(60):
                while len(pids) < 2:  # a worker that has just begun may accept later than the other
                    admins += await connected(stack, server, "admin")
                    users += await connected(stack, server, "user")
                    pids = {(await client.ask("who", None))["pid"] for client in (*admins, *users)}
            write(tmp_path, TABLE.replace("auth: one\n", "auth: {strategy: one, scope: [admin]}\n"))
            command = [sys.executable, "-m", "hapiish", "reload", str(tmp_path / "routes.yaml")]
            done = await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True, text=True)
            assert "~ namespace /" in done.stdout
            for client in users:
                assert (await client.news("kicked"))["reason"] == "access changed"
                assert await client.until("41") == ""
            for client in admins:
                assert (await client.ask("who", None))["pid"] in pids

    with Run(write(tmp_path), "--workers", "2", QUEUE=queue) as server:
        asyncio.run(talk(server))
        assert server.stop() == 0


def test_the_sockets_of_every_worker_are_told_of_the_end_and_their_events_are_answered(
    tmp_path: Path, queue: str
) -> None:
    async def talk(server: Run) -> None:
        async with AsyncExitStack() as stack:
            clients = await connected(stack, server, "a")
            assert len({(await client.ask("who", None))["pid"] for client in clients}) == 2
            for client in clients:
                await client.send('428["slow",null]')
            await asyncio.sleep(0.3)
            server.process.send_signal(signal.SIGTERM)
            for client in clients:
                assert 0 <= (await client.news("server:draining"))["reconnectAfterMs"] <= 5000
                (answer,) = json.loads(await client.until("438"))
                assert answer["ok"]
                assert await client.closed() == (1012, "server shutting down")

    with Run(write(tmp_path), "--workers", "2", QUEUE=queue) as server:
        asyncio.run(talk(server))
        assert server.wait() == 0
        assert "Traceback" not in server.errors, server.errors

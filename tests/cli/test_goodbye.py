"""Shutdown of `hapiish run` while Socket.IO clients are connected."""

import asyncio
import json
import os
import signal
import socket
import threading
from pathlib import Path

import pytest
from pymongo import MongoClient

from hapiish.store import local
from tests.cli.serving import Run
from tests.realtime.support import member
from tests.store.waiting import freeze

HANDLERS = """
import asyncio

async def slow(request, h):
    await request.socket.emit("begun")
    await asyncio.sleep(0.5)
    return {"done": True}
"""
TABLE = """
hapiish: 1
server: {shutdownTimeout: 10s}
sockets:
  namespaces:
    - namespace: /
      events: [{event: slow, handler: "events:slow"}]
      emits: [{event: begun}]
"""


def test_an_event_is_still_acknowledged_and_every_client_told(tmp_path: Path) -> None:
    (tmp_path / "events.py").write_text(HANDLERS)
    (tmp_path / "routes.yaml").write_text(TABLE)

    async def talk(server: Run) -> None:
        port = int(server.address.rpartition(":")[2])
        async with member(port) as busy, member(port) as idle:
            await busy.send('421["slow"]')
            await busy.news("begun")
            server.process.send_signal(signal.SIGTERM)
            assert json.loads(await busy.until("431")) == [{"ok": True, "done": True}]
            assert await busy.closed() == await idle.closed() == (1012, "server shutting down")

    with Run(tmp_path / "routes.yaml") as server:
        asyncio.run(talk(server))
        assert server.wait() == 0
        assert "Traceback" not in server.errors, server.errors


MODEL = """
from mongoengine import Document, StringField

class Note(Document):
    text = StringField()

def count(request, h):
    return {"count": Note.objects.count()}
"""
STORED = """
hapiish: 1
server: {shutdownTimeout: 1s}
database: {timeout: 400ms}
models: {Note: "notes:Note"}
routes: [{method: GET, path: /notes, handler: "notes:count"}]
"""


@pytest.mark.parametrize("asked", [True, False])
def test_it_does_not_wait_for_a_local_mongodb_that_is_frozen(tmp_path: Path, asked: bool) -> None:
    (tmp_path / "notes.py").write_text(MODEL)
    (tmp_path / "routes.yaml").write_text(STORED)
    with Run(tmp_path / "routes.yaml") as server:
        with local.start(tmp_path / ".hapiish") as beside, MongoClient[dict[str, int]](beside.uri) as client:
            mongod = int(client.admin.command("serverStatus")["pid"])
        assert server.get("/notes")[0] == 200
        freeze(mongod)
        try:
            if asked:
                assert server.get("/notes")[0] == 503
            assert server.stop() == 0
            os.kill(mongod, 0)  # it is still there: a keeper that kills it would have taken 20 s
        finally:
            os.kill(mongod, signal.SIGCONT)
        assert "Traceback" not in server.errors, server.errors
    with local.start(tmp_path / ".hapiish"):
        pass  # which waits for the end of the one that was frozen


ENDING = """
import asyncio, os, time

async def slow(request, h):
    request.server.app["began"] = True
    await asyncio.sleep(float(request.query.get("s", "60")))
    return {"done": True}

def threaded(request, h):
    request.server.app["began"] = True
    time.sleep(3)
    return {"done": True}

async def stream(request, h):
    async def pieces():
        while True:
            request.server.app["began"] = True
            yield b"x" * 100
            await asyncio.sleep(0.05)
    return h.response(pieces())

async def stubborn(request, h):
    request.server.app["began"] = True
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass

async def began(request, h):
    return {"began": request.server.app.pop("began", False), "pid": os.getpid()}
"""
ENDING_TABLE = """
hapiish: 1
server: {shutdownTimeout: TIMEOUT, drainDelay: DELAY}
routes:
  - {method: GET, path: /slow, handler: "ending:slow", options: {validate: {query: true}}}
  - {method: GET, path: /threaded, handler: "ending:threaded"}
  - {method: GET, path: /stream, handler: "ending:stream"}
  - {method: GET, path: /stubborn, handler: "ending:stubborn"}
  - {method: GET, path: /began, handler: "ending:began"}
  - {method: GET, path: /ready, handler: "hapiish.health:ready"}
SOCKETS
"""
SOCKETS = """
sockets:
  namespaces:
    - namespace: /
      events: [{event: slow, handler: "events:slow"}]
      emits:
        - event: begun
        - event: server:draining
          payload:
            type: object
            required: [reconnectAfterMs]
            properties: {reconnectAfterMs: {type: integer, minimum: 0, maximum: 5000}}
    - {namespace: /quiet}
"""
WORKERS = pytest.mark.parametrize("workers", [1, 2])


def ending(folder: Path, *, timeout: str = "1s", delay: str = "0", sockets: str = "") -> Path:
    (folder / "ending.py").write_text(ENDING)
    (folder / "events.py").write_text(HANDLERS.replace("0.5", "60"))
    table = folder / "routes.yaml"
    table.write_text(ENDING_TABLE.replace("TIMEOUT", timeout).replace("DELAY", delay).replace("SOCKETS", sockets))
    return table


def served(table: Path, workers: int) -> Run:
    return Run(table, *(("--workers", str(workers)) if workers > 1 else ()))


class Asking:
    """A request in a thread; waits until its handler runs."""

    def __init__(self, server: Run, path: str) -> None:
        self.port = int(server.address.rpartition(":")[2])
        self.received = b""
        self.thread = threading.Thread(target=self._ask, args=(path,))
        self.thread.start()
        while not server.get("/began")[1]["began"]:
            continue

    def _ask(self, path: str) -> None:
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
            while piece := connection.recv(65536):
                self.received += piece

    @property
    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body, once the connection has ended."""
        self.thread.join(60)
        head, _, body = self.received.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        return int(first.split()[1]), dict(line.split(": ", 1) for line in lines), body


@WORKERS
@pytest.mark.parametrize("path", ["/slow", "/threaded", "/stubborn"])
def test_a_request_that_does_not_end_in_time_gets_a_503_that_says_when_to_retry(
    tmp_path: Path, path: str, workers: int
) -> None:
    with served(ending(tmp_path), workers) as server:
        asking = Asking(server, path)
        assert server.stop() == 0
        status, headers, body = asking.answer
        assert (status, headers["retry-after"], headers["connection"]) == (503, "1", "close")
        assert json.loads(body) | {"message": ""} == {
            "statusCode": 503,
            "error": "Service Unavailable",
            "message": "",
        }
        assert "Traceback" not in server.errors, server.errors


@WORKERS
def test_a_request_in_progress_is_finished_and_no_other_is_accepted(tmp_path: Path, workers: int) -> None:
    with served(ending(tmp_path, timeout="30s"), workers) as server:
        asking = Asking(server, "/slow?s=1")
        assert server.stop() == 0
        status, _, body = asking.answer
        assert (status, json.loads(body)) == (200, {"done": True})
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", asking.port))


@WORKERS
def test_a_stream_in_progress_is_cut_without_its_end(tmp_path: Path, workers: int) -> None:
    with served(ending(tmp_path), workers) as server:
        asking = Asking(server, "/stream")
        assert server.stop() == 0
        status, headers, body = asking.answer
        assert (status, headers["transfer-encoding"]) == (200, "chunked")
        assert not body.endswith(b"0\r\n\r\n")
        assert "Traceback" not in server.errors, server.errors


@WORKERS
def test_readiness_fails_first_and_requests_are_served_until_the_delay_is_over(tmp_path: Path, workers: int) -> None:
    with served(ending(tmp_path, delay="3s"), workers) as server:
        assert server.get("/ready")[0] == 200
        server.process.send_signal(signal.SIGTERM)
        seen = set()
        while True:
            try:
                seen.add((server.get("/ready")[0], server.get("/began")[0]))
            except OSError:
                break
        assert (503, 200) in seen
        assert {status for _, status in seen} == {200}
        assert server.wait() == 0


@WORKERS
def test_a_second_signal_ends_at_once(tmp_path: Path, workers: int) -> None:
    with served(ending(tmp_path, timeout="10m", delay="10m"), workers) as server:
        asking = Asking(server, "/slow")
        server.process.send_signal(signal.SIGTERM)
        while server.get("/ready")[0] == 200:
            continue
        server.process.send_signal(signal.SIGINT)
        assert server.wait() == 1
        asking.thread.join(60)


def test_a_second_signal_ends_a_process_whose_event_loop_does_not_run(tmp_path: Path) -> None:
    table = ending(tmp_path, timeout="10m")
    (tmp_path / "ending.py").write_text(ENDING.replace("    await asyncio.sleep(float", "    time.sleep(float"))
    with served(table, 1) as server, socket.create_connection(("127.0.0.1", int(server.address[-5:]))) as client:
        client.sendall(b"GET /slow?s=100 HTTP/1.1\r\nhost: x\r\n\r\n")
        server.process.send_signal(signal.SIGTERM)
        server.process.send_signal(signal.SIGINT)
        assert server.wait() == 1


def test_sockets_are_told_when_to_come_back_and_the_time_is_counted_once(tmp_path: Path) -> None:
    async def talk(server: Run) -> None:
        port = int(server.address.rpartition(":")[2])
        async with member(port) as busy, member(port) as idle, member(port, "/quiet") as quiet:
            await busy.send('421["slow"]')
            await busy.news("begun")
            began = asyncio.get_running_loop().time()
            server.process.send_signal(signal.SIGTERM)
            for client in (busy, idle):
                assert 0 <= (await client.news("server:draining"))["reconnectAfterMs"] <= 5000
            assert await idle.closed() == await quiet.closed() == (1012, "server shutting down")
            assert await busy.closed() == (1012, "server shutting down")
            closed = asyncio.get_running_loop().time() - began
            assert await asyncio.to_thread(server.wait) == 0
            assert asyncio.get_running_loop().time() - began < 1.6 * closed  # twice as long if counted twice

    with served(ending(tmp_path, timeout="5s", sockets=SOCKETS), 1) as server:
        asking = Asking(server, "/slow")
        asyncio.run(talk(server))
        assert asking.answer[0] == 503

        assert "Traceback" not in server.errors, server.errors

"""Shutdown of `hapiish run` while Socket.IO clients are connected."""

import asyncio
import json
import os
import signal
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
        assert "Traceback" not in server.errors


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
        assert "Traceback" not in server.errors
    with local.start(tmp_path / ".hapiish"):
        pass  # which waits for the end of the one that was frozen

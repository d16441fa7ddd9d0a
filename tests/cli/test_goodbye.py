"""How `hapiish run` ends while clients are connected to its sockets."""

import asyncio
import json
import signal
from pathlib import Path

from tests.cli.serving import Run
from tests.realtime.support import member

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

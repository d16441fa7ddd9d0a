"""The real JavaScript client with several arguments, attachments, parameters and the wildcard event."""

import json
from pathlib import Path

import pytest

from hapiish import create_app
from tests import javascript
from tests.realtime.support import realtime, serving

pytestmark = pytest.mark.anyio

TABLE = """
sockets:
  transports: [polling, websocket]
  namespaces:
    - namespace: /raw
      ack: raw
      arguments: true
      binary: true
      events: [{event: both, handler: "my:both"}, {event: bounce, handler: "my:bounce"}]
      emits: [{event: back}]
    - namespace: /room-{id}
      validate: {params: {type: object, properties: {id: {type: integer}}}}
      events: [{event: "*", handler: "my:other"}]
"""
CODE = """
async def both(request, h):
    return tuple(request.payload)

async def bounce(request, h):
    await request.socket.emit("back", tuple(request.payload))

async def other(request, h):
    return {"event": request.path, "params": request.params}
"""


async def test_the_client_sees_what_its_documentation_says(tmp_path: Path) -> None:
    (tmp_path / "routes.yaml").write_text(TABLE)
    (tmp_path / "my.py").write_text(CODE)
    async with serving(create_app(tmp_path / "routes.yaml")) as port, serving(realtime()) as without:
        addresses = [f"http://127.0.0.1:{each}" for each in (port, without)]
        found = json.loads(await javascript.run("protocol.mjs", *addresses))
    assert found == {
        "several": [1, {"a": [2]}],
        "binary": ["abc", [1, 2]],
        "bounced": ["x", "yz"],
        "emoji": "party \ufffd",
        "room": {"ok": True, "event": "anything", "params": {"id": 5}},
        "refused": 400,
        "polling": ["xhr poll error", 400, {"code": 0, "message": "Transport unknown: only websocket is served"}],
        "upgraded": 1,
    }

"""Presence in one process: who is online, and what the application hears of it."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import jwt
import pytest

from hapiish import Application, create_app
from hapiish.realtime.presence import presence as module
from hapiish.testing import inject
from tests.realtime.support import PATIENCE, member, raw, serving

pytestmark = pytest.mark.anyio

SECRET = "s" * 32
TABLE = """
hapiish: 1
auth:
  strategies: {token: {scheme: jwt, options: {keys: "${SECRET}", verify: {aud: false, iss: false, sub: false}}}}
  default: token
routes:
  - {method: GET, path: "/online", handler: "my:online", options: {auth: false}}
sockets:
  presence: {by: credentials.sub, lease: 1s, grace: GRACE, onChange: "my:changed"}
  namespaces:
    - {namespace: /, onConnect: "my:connect"}
    - {namespace: /open, auth: false}
    - namespace: /more
"""
CODE = """
from hapiish import boom

changes = []
fails = False

def changed(server, change):
    changes.append((change.id, change.online))
    assert server.presence is not None
    assert change.at > 1_700_000_000_000
    if fails:
        raise ValueError("no luck")

async def connect(request, h):
    if request.payload.get("refuse"):
        raise boom.Forbidden("not you")

async def online(request, h):
    return sorted(await request.server.presence.online(request.query["ids"].split(",")))
"""


def token(user: Any, **more: Any) -> dict[str, Any]:
    return {"token": jwt.encode({"sub": user}, SECRET, "HS256"), **more}


def make(folder: Path, grace: str = "50ms", table: str = TABLE) -> Application:
    (folder / "routes.yaml").write_text(table.replace("GRACE", grace))
    (folder / "my.py").write_text(CODE)
    return create_app(folder / "routes.yaml", env={"SECRET": SECRET})


def kit(app: Application) -> Any:
    route = app.server.match("GET", "/online")
    assert route is not None
    return route.handler.__globals__


async def heard(app: Application, *changes: tuple[str, bool]) -> None:
    """Waits until the application has heard of exactly these changes, in any order."""
    async with asyncio.timeout(PATIENCE):
        while len(kit(app)["changes"]) < len(changes):
            await asyncio.sleep(0.01)
    assert sorted(kit(app)["changes"]) == sorted(changes)


async def online(app: Application, ids: str) -> Any:
    return (await inject(app, url=f"/online?ids={ids}")).json


async def test_a_user_is_online_while_it_has_a_socket_and_then_for_the_grace_time(tmp_path: Path) -> None:
    app = make(tmp_path)
    async with serving(app) as port:
        async with member(port, auth=token("ann")), member(port, auth=token("bob")):
            assert await online(app, "ann,bob,cid") == ["ann", "bob"]
            await heard(app, ("ann", True), ("bob", True))
        await heard(app, ("ann", True), ("bob", True), ("ann", False), ("bob", False))
        assert await online(app, "ann,bob") == []
    await app.server.stop()


async def test_several_sockets_and_namespaces_of_a_user_count_as_one(tmp_path: Path) -> None:
    app = make(tmp_path)
    async with serving(app) as port:
        async with raw(port) as client, member(port, auth=token("ann")):
            await client.join(auth=token("ann"))
            await client.join("/more", token("ann"))
            await client.send("41")
            await client.send("41/more,")
            await asyncio.sleep(0.15)  # longer than the grace time
            assert await online(app, "ann") == ["ann"]
            assert kit(app)["changes"] == [("ann", True)]
        await heard(app, ("ann", True), ("ann", False))
    await app.server.stop()


async def test_a_user_who_reconnects_within_the_grace_time_was_never_offline(tmp_path: Path) -> None:
    app = make(tmp_path, grace="1m")
    async with serving(app) as port:
        for _ in range(5):
            async with member(port, auth=token("ann")):
                pass
            assert await online(app, "ann") == ["ann"]
        async with member(port, auth=token("ann")):
            await heard(app, ("ann", True))
    await app.server.stop()


async def test_a_socket_without_the_id_and_a_refused_one_do_not_count(tmp_path: Path) -> None:
    app = make(tmp_path)
    async with serving(app) as port, raw(port) as client:
        await client.join("/open")
        await client.send("40" + json.dumps(token("ann", refuse=True)))
        assert "not you" in await client.until("44")
        async with member(port, auth=token("x" * 257)):
            pass
        assert await online(app, "ann,None," + "x" * 257) == []
        assert kit(app)["changes"] == []
    await app.server.stop()


async def test_an_error_of_the_application_is_logged_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = make(tmp_path)
    kit(app)["fails"] = True
    async with serving(app) as port:
        async with member(port, auth=token("ann")):
            pass
        await heard(app, ("ann", True), ("ann", False))
    await app.server.stop()
    records = [each for each in caplog.records if each.name == "hapiish.realtime" and each.levelno == logging.ERROR]
    assert [record.getMessage() for record in records] == ["onChange of sockets.presence failed"] * 2


async def test_the_number_of_ids_is_bounded(tmp_path: Path) -> None:
    app = make(tmp_path)
    await app.server.start()
    assert await app.server.presence.online(map(str, range(module.MOST_IDS))) == set()
    with pytest.raises(ValueError, match="at most 10000 ids"):
        await app.server.presence.online(map(str, range(module.MOST_IDS + 1)))
    await app.server.stop()


async def test_a_table_without_presence_has_none(tmp_path: Path) -> None:
    app = make(tmp_path, table="\n".join(line for line in TABLE.splitlines() if "presence:" not in line))
    with pytest.raises(RuntimeError, match=r"declares no sockets\.presence"):
        await app.server.presence.online(["ann"])
    async with serving(app) as port, member(port, auth=token("ann")):
        pass
    await app.server.stop()


async def test_a_socket_that_leaves_with_its_namespace_at_a_reload_does_not_stay_present(tmp_path: Path) -> None:
    app = make(tmp_path)
    async with serving(app) as port, raw(port) as client:
        await client.join("/more", token("ann"))
        await heard(app, ("ann", True))
        (tmp_path / "routes.yaml").write_text(
            TABLE.replace("GRACE", "50ms").replace("    - namespace: /more\n", "").replace("my:changed", "my:renamed")
        )
        (tmp_path / "my.py").write_text(CODE + "\nasync def renamed(server, change):\n    changes.append(change.id)\n")
        before = kit(app)["changes"]
        assert await app.reload() == []
        async with asyncio.timeout(PATIENCE):
            while not kit(app)["changes"]:
                await asyncio.sleep(0.01)
        assert (before, kit(app)["changes"]) == ([("ann", True)], ["ann"])  # the new table's function hears of it
    await app.server.stop()

"""The chat, installed as a wheel, used twice in a project with its own users and authentication."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId

from hapiish import Application, create_app
from hapiish.testing import inject
from tests.chat.callers import connected, serving

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
SUPPORT = ROOT / "tests" / "projects" / "support" / "routes.yaml"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which nothing but the chat's wheel is installed."""
    dist, site = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("site")
    subprocess.run([sys.executable, ROOT / "scripts" / "package-chat", "--to", dist], check=True)
    (wheel,) = dist.glob("hapiish_chat-*.whl")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(site)]
    subprocess.run([*install, str(wheel)], check=True, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    return site


@pytest.fixture
async def app(site: Path, mongo_uri: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Application]:
    monkeypatch.syspath_prepend(site)
    app = create_app(SUPPORT, env={"MONGODB_URI": mongo_uri})
    async with app.router.lifespan_context(app):
        yield app


async def call(app: Application, badge: str, method: str, url: str, payload: Any = None) -> Any:
    answer = await inject(app, method=method, url=url, payload=payload, headers={"authorization": f"Bearer {badge}"})
    return answer.json if answer.status_code in (200, 201) else answer.status_code


async def test_the_installed_chat_serves_the_users_of_another_project(app: Application) -> None:
    one = (await call(app, "", "POST", "/badges/B1"))["id"]
    two = (await call(app, "", "POST", "/badges/B2"))["id"]
    assert await call(app, "B1", "GET", "/me") == {"id": one, "badge": "B1"}
    assert await call(app, "B9", "GET", "/support/chat/conversations") == 401
    assert await call(app, "", "POST", "/support/chat/register", {}) == 404

    conversation = (await call(app, "B1", "POST", "/support/chat/conversations", {"friendId": two}))["id"]
    messages = f"/support/chat/messages/{conversation}"
    sent = await call(app, "B1", "POST", messages, {"text": "hello"})
    assert (sent["seq"], sent["text"], sent["userId"]) == (1, "hello", one)
    page = await call(app, "B2", "GET", messages)
    assert [message["text"] for message in page["messages"]] == ["hello"]
    assert await call(app, "B1", "POST", messages, {"text": ""}) == 400


async def test_its_sockets_are_in_a_namespace_of_each_use(app: Application) -> None:
    three = (await call(app, "", "POST", "/badges/B3"))["id"]
    four = (await call(app, "", "POST", "/badges/B4"))["id"]
    conversation = (await call(app, "B3", "PUT", f"/support/chat/conversations/direct/{four}"))["id"]
    async with (
        serving(app) as url,
        connected(url, "B3", "/support/chat") as sender,
        connected(url, "B4", "/support/chat") as receiver,
        connected(url, "B4", "/staff/chat") as elsewhere,
    ):
        assert (await receiver.send("init", {"senderId": four}))["userId"] == four
        ack = await sender.send("message", {"conversationId": conversation, "text": "live"})
        assert (ack["ok"], ack["message"]["seq"]) == (True, 1)
        (live,) = await receiver.received(1)
        assert (live["text"], live["senderId"], live["receiverId"]) == ("live", three, four)
        await call(app, "B3", "POST", f"/support/chat/messages/{conversation}", {"text": "by HTTP"})
        assert [message["text"] for message in await receiver.received(2)] == ["live", "by HTTP"]
        assert await elsewhere.caught_up() == []
        await call(app, "B3", "POST", f"/staff/chat/messages/{conversation}", {"text": "among staff"})
        assert [message["text"] for message in await elsewhere.received(1)] == ["among staff"]
        assert len(await receiver.caught_up()) == 2


async def test_presence_is_told_in_each_use(app: Application) -> None:
    five, six = [(await call(app, "", "POST", f"/badges/B{number}"))["id"] for number in (5, 6)]
    uses = ("/support/chat", "/staff/chat")
    for use in uses:
        await call(app, "B5", "PUT", f"{use}/conversations/direct/{six}")
    async with serving(app) as url, connected(url, "B5", uses[0]) as one, connected(url, "B5", uses[1]) as other:
        for device in (one, other):
            ack = await device.send("presence:watch", {"userIds": [six]})
            assert ack["states"] == {six: {"online": False}}
        async with connected(url, "B6", uses[0]):
            for device in (one, other):
                assert await device.heard("presence", 1) == [{"userId": six, "online": True}]
        assert await call(app, "B6", "GET", f"{uses[1]}/presence?ids={five}") == {five: {"online": True}}


async def test_one_use_has_a_web_client_with_the_theme_of_the_project(app: Application) -> None:
    assert "#0f766e" in (await inject(app, url="/support/chat/theme.css")).text
    assert (await inject(app, url="/support/chat/client/index.js")).status_code == 200
    assert await call(app, "", "GET", "/support/chat/settings.json") == {
        "name": "Support",
        "signIn": "/badges",
        "accounts": False,
        "namespace": "/support/chat",
        "root": "../../",
    }
    assert await call(app, "", "GET", "/staff/chat/") == 404


async def test_each_use_has_background_jobs_of_its_own_which_end_with_the_server(app: Application) -> None:
    found = {
        name: getattr(check, "passed", check)
        for name, check in (await app.server.readiness()).items()
        if "sweeper" in name
    }
    assert found == {"support.sweeper": True, "staff.sweeper": True}
    running = [app.server.app[name] for name in found]
    assert all(sweeper.jobs for sweeper in running)
    await app.server.stop()
    assert not any(name in app.server.app for name in found)
    await app.server.start()


async def test_settings_of_a_use_do_not_depend_on_the_routes_that_it_has(app: Application) -> None:
    await call(app, "", "POST", "/badges/B7")
    eight = (await call(app, "", "POST", "/badges/B8"))["id"]
    conversation = (await call(app, "B7", "PUT", f"/staff/chat/conversations/direct/{eight}"))["id"]
    messages = f"/staff/chat/messages/{conversation}"
    sent = await call(app, "B7", "POST", messages, {"text": "old"})
    stored = app.server.app["staff.sweeper"].server.models.Message._get_collection()

    def age() -> None:
        row = stored.find_one_and_delete({"_id": ObjectId(sent["_id"])})
        begun = ObjectId.from_datetime(datetime.now(UTC) - timedelta(days=31))
        stored.insert_one({**row, "_id": ObjectId(begun.binary[:4] + row["_id"].binary[4:])})

    await asyncio.to_thread(age)
    kept = {}
    for use in ("support", "staff"):
        sweeper = app.server.app[f"{use}.sweeper"]
        (retention,) = [job for job in sweeper.jobs if job.name == "retention"]
        await asyncio.to_thread(retention.function, sweeper.server)
        kept[use] = [each["text"] for each in (await call(app, "B8", "GET", messages))["messages"]]
    assert kept == {"support": ["old"], "staff": []}
    assert await call(app, "B7", "GET", "/staff/chat/reports") == 405


async def test_both_uses_have_ids_and_names_of_their_own(app: Application) -> None:
    table = app.server.compiled.table
    ids = {route.id for route in table.routes}
    assert {"me", "support.messages.create", "staff.messages.create", "badges.issue"} <= ids
    assert "support.accounts.register" not in ids
    assert table.sockets is not None
    assert [space.namespace for space in table.sockets.namespaces] == ["/support/chat", "/staff/chat"]
    support = next(route for route in table.routes if route.id == "support.messages.create")
    assert support.options.tags == ("support",)
    assert sys.modules["hapiish_chat.handlers.messages"].__name__ != sys.modules["handlers"].__name__


def test_check_and_routes_know_the_installed_table(site: Path) -> None:
    env = {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{os.environ.get('PYTHONPATH', ROOT)}", "MONGODB_URI": "x"}

    def hapiish(*arguments: str) -> str:
        command = [sys.executable, "-m", "hapiish", *arguments]
        return subprocess.run(command, cwd=SUPPORT.parent, env=env, check=True, capture_output=True, text=True).stdout

    assert re.fullmatch(r"routes.yaml: valid, \d+ routes, \d+ events\n", hapiish("check", "--import"))
    listed = [line for line in hapiish("routes").splitlines() if "support.messages.create" in line]
    assert len(listed) == 1
    assert "/support/chat/messages/{conversationId}" in listed[0]
    assert f"{site}/hapiish_chat/routes.yaml:" in listed[0]

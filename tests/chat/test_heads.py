"""`heads`: a connected client learns of a stored message whose live event was lost."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId

from hapiish import Application
from models.activity import Activity
from models.change import Change, entry
from models.conversation import Conversation
from models.message import Message
from models.wire import iso, now
from tests.chat.callers import PATIENCE, Caller, Device, Join, Open, connected, serving
from tests.chat.test_sweeper import crash, empty  # noqa: F401 - a fixture
from tests.commands import recorded

pytestmark = [pytest.mark.anyio, pytest.mark.in_process]


@pytest.fixture
async def app(open_app: Open, empty: None) -> AsyncIterator[Application]:  # noqa: F811
    async with open_app(CHAT_SWEEPER_PACE="0.005") as app:
        yield app


@pytest.fixture
async def ann(join: Join) -> Caller:
    return await join("ann")


@pytest.fixture
async def bob(join: Join) -> Caller:
    return await join("bob")


class Ear:
    """The `heads` that a device was told."""

    def __init__(self, device: Device) -> None:
        self.heads: dict[str, dict[str, int]] = {}
        self._news = asyncio.Event()
        device.client.on("heads", self._take, namespace=device.namespace)

    def _take(self, data: dict[str, Any]) -> None:
        self.heads.update(data["heads"])
        self._news.set()

    async def hears(self, conversation: str, seq: int) -> None:
        """Returns when the device knows of this number."""
        async with asyncio.timeout(PATIENCE):
            while self.heads.get(conversation, {}).get("seq", 0) < seq:
                self._news.clear()
                await self._news.wait()


@pytest.mark.parametrize("point", ["head", "emit"])
async def test_a_connected_client_learns_of_a_message_of_a_process_that_was_killed_at_any_point(
    mongo_uri: str, app: Application, ann: Caller, bob: Caller, point: str
) -> None:
    place = await ann.open(bob)
    async with serving(app) as url, connected(url, bob.token) as phone:
        ear = Ear(phone)
        await crash(mongo_uri, ann, place, "the last words", point)
        await ear.hears(place, 1)
        assert phone.inbox == []
        assert await bob.read(place) == ["the last words"]


async def test_only_members_are_told_and_only_what_is_recent(
    app: Application, ann: Caller, bob: Caller, join: Join
) -> None:
    cat = await join("cat")
    place, old = await ann.open(bob), await ann.open(cat)
    await ann.say(place, "hi")
    await ann.say(old, "long ago")
    past = now() - timedelta(minutes=4)
    await asyncio.to_thread(lambda: Conversation.objects(id=old).update_one(set__updated_at=past))
    found = await asyncio.to_thread(Activity.heads, app.server.models, [ann.id, bob.id, cat.id], 180)
    expected = {place: {"seq": 1, "changeSeq": 0}}
    assert found == {ann.id: expected, bob.id: expected}


async def test_a_change_of_an_old_conversation_and_a_late_message_are_recent(
    app: Application, ann: Caller, bob: Caller, join: Join
) -> None:
    past = now() - timedelta(hours=1)

    def prepare(changed: str, late: str) -> None:
        Conversation.objects().update(set__updated_at=past)
        Change.record(entry("message", changed, seq=1))
        message, _ = Message.append(late, ann.id, "stored when the database came back")
        Conversation.push({**message, "createdAt": iso(past)})

    changed, late = await ann.open(bob), await ann.open(await join("cat"))
    await asyncio.to_thread(prepare, changed, late)
    found = await asyncio.to_thread(Activity.heads, app.server.models, [ann.id], 180)
    assert found == {ann.id: {changed: {"seq": 0, "changeSeq": 1}, late: {"seq": 1, "changeSeq": 0}}}


async def test_a_tick_is_one_command_for_a_thousand_users(app: Application, ann: Caller, bob: Caller) -> None:
    await ann.say(await ann.open(bob), "hi")
    users = [str(ObjectId()) for _ in range(1500)]
    with recorded() as commands:
        found = await asyncio.to_thread(Activity.heads, app.server.models, [*users, bob.id], 180)
    assert list(found) == [bob.id]
    assert commands.count("aggregate") == 2

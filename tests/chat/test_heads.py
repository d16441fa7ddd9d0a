"""`heads`: a connected client learns of a stored message whose live event was lost."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from bson import ObjectId

from hapiish import Application
from models.activity import Activity
from models.change import Change, entry
from models.conversation import Conversation
from models.message import Message
from models.wire import iso, now
from tests.chat.callers import Caller, Join, Open, devices
from tests.chat.test_sweeper import crash
from tests.commands import recorded

pytestmark = [pytest.mark.anyio, pytest.mark.in_process]


@pytest.fixture
async def app(open_app: Open, emptied: None) -> AsyncIterator[Application]:
    async with open_app(CHAT_SWEEPER_PACE="0.005") as app:
        yield app


@pytest.mark.parametrize("point", ["head", "emit"])
async def test_a_connected_client_learns_of_a_message_of_a_process_that_was_killed_at_any_point(
    mongo_uri: str, app: Application, ann: Caller, bob: Caller, point: str
) -> None:
    place = await ann.open(bob)
    async with devices(app, bob) as (phone,):
        await crash(mongo_uri, ann, place, "the last words", point)
        await phone.until(lambda: any(told["heads"].get(place, {}).get("seq") == 1 for told in phone.events("heads")))
        assert phone.inbox == []
        assert await bob.read(place) == ["the last words"]


async def test_only_members_get_heads_and_only_of_recent_changes(
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


async def test_a_run_is_one_command_for_a_thousand_users(app: Application, ann: Caller, bob: Caller) -> None:
    await ann.say(await ann.open(bob), "hi")
    users = [str(ObjectId()) for _ in range(1500)]
    with recorded() as commands:
        found = await asyncio.to_thread(Activity.heads, app.server.models, [*users, bob.id], 180)
    assert list(found) == [bob.id]
    assert commands.count("aggregate") == 2

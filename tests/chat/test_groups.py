"""Groups: how they are made, who reads and writes in them, and what their members are told."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from bson import ObjectId

from hapiish import Application
from models import groups as module
from models.conversation import Conversation
from models.membership import Membership
from tests.chat.callers import Caller, Join, connected, serving

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ann(join: Join) -> Caller:
    return await join("ann")


@pytest.fixture
async def bob(join: Join) -> Caller:
    return await join("bob")


@pytest.fixture
async def cat(join: Join) -> Caller:
    return await join("cat")


async def head(caller: Caller, group: str) -> dict[str, Any]:
    """The entry of the caller's list."""
    (found,) = [each for each in (await caller.call("GET", "/conversations")).json if each["id"] == group]
    return dict(found)


async def test_a_group_is_made_with_its_members(ann: Caller, bob: Caller, cat: Caller) -> None:
    made = await ann.call(
        "POST", "/conversations/group", {"title": "Team", "memberIds": [bob.id, cat.id, bob.id, ann.id], "msgId": "1"}
    )
    assert made.status_code == 201
    group = made.json
    assert group == {
        "id": group["id"],
        "friendId": None,
        "type": "group",
        "title": "Team",
        "memberCount": 3,
        "role": "owner",
        "history": "joined",
        "firstSeq": 1,
        "lastSeq": 0,
        "lastMessage": None,
        "changeSeq": 0,
        "readSeq": 0,
        "deliveredSeq": 0,
        "unread": 0,
        "updatedAt": group["updatedAt"],
    }
    assert await head(ann, group["id"]) == group
    assert await head(bob, group["id"]) == {**group, "role": "member"}


async def test_concurrent_calls_with_one_key_make_one_group(ann: Caller, bob: Caller) -> None:
    given = {"title": "Team", "memberIds": [bob.id], "msgId": "1"}
    answers = await asyncio.gather(*(ann.call("POST", "/conversations/group", given) for _ in range(8)))
    assert len({answer.json["id"] for answer in answers}) == 1
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert (await bob.call("POST", "/conversations/group", {**given, "memberIds": [ann.id]})).status_code == 201


async def test_a_group_needs_members_who_exist_and_have_not_blocked_the_caller(ann: Caller, bob: Caller) -> None:
    given = {"title": "Team", "memberIds": [bob.id], "msgId": "1"}
    unknown = await ann.call("POST", "/conversations/group", {**given, "memberIds": [bob.id, "0" * 24]})
    assert (unknown.status_code, unknown.json["code"], unknown.json["data"]) == (404, "not_found", {"userId": "0" * 24})
    await bob.call("PUT", f"/blocks/{ann.id}")
    barred = await ann.call("POST", "/conversations/group", given)
    assert (barred.status_code, barred.json["code"]) == (403, "blocked")
    assert (await ann.call("GET", "/conversations")).json == []


async def test_messages_of_a_group_reach_all_members_and_nobody_else(
    app: Application, ann: Caller, bob: Caller, cat: Caller, join: Join
) -> None:
    eve = await join("eve")
    group = await ann.gather("Team", bob, cat)
    async with serving(app) as url, AsyncExitStack() as stack:
        callers = (ann, ann, bob, cat, eve)
        devices = [await stack.enter_async_context(connected(url, caller.token)) for caller in callers]
        phone, tablet, bobs, cats, eves = devices
        ack = await phone.send("message", {"conversationId": group, "text": "hi", "msgId": "1"})
        assert ack["ok"], ack
        for device in (tablet, bobs, cats):
            (live,) = await device.received(1)
            assert (live["text"], live["senderId"], live["seq"]) == ("hi", ann.id, 1)
            assert "receiverId" not in live
        assert await eves.caught_up() == []
        assert await phone.caught_up() == []
    assert await cat.read(group) == ["hi"]
    assert (await eve.say(group, "hi")).status_code == 404
    assert (await ann.say(group, "hi", receiverId=bob.id)).json["code"] == "forbidden"


async def test_a_block_does_not_stop_messages_in_a_group(ann: Caller, bob: Caller) -> None:
    group = await ann.gather("Team", bob)
    await bob.call("PUT", f"/blocks/{ann.id}")
    assert (await ann.say(group, "hi")).status_code == 201
    assert await bob.read(group) == ["hi"]


async def test_a_large_group_works_as_a_small_one(
    app: Application, monkeypatch: pytest.MonkeyPatch, ann: Caller, bob: Caller, cat: Caller
) -> None:
    monkeypatch.setattr(module, "LISTED", 2)
    group = await ann.gather("Team", bob, cat)
    direct = await ann.open(bob)
    stored = await asyncio.to_thread(Conversation.objects.get, id=group)
    assert (stored.is_large, stored.members, stored.member_count) == (True, [], 3)
    async with serving(app) as url, connected(url, cat.token) as cats:
        assert (await ann.say(group, "hi")).status_code == 201
        assert [live["text"] for live in await cats.received(1)] == ["hi"]
    assert await bob.read(group) == ["hi"]
    assert [each["id"] for each in (await bob.call("GET", "/conversations")).json] == [group, direct]
    pages = [await bob.call("GET", "/conversations?limit=1")]
    pages.append(await bob.call("GET", f"/conversations?limit=1&cursor={pages[0].headers['x-next-cursor']}"))
    assert [each["id"] for page in pages for each in page.json] == [group, direct]
    assert ((await head(ann, group))["unread"], (await head(bob, group))["unread"]) == (0, 1)


@pytest.mark.parametrize("listed", [2, 256])
async def test_a_former_member_finds_nothing(
    monkeypatch: pytest.MonkeyPatch, ann: Caller, bob: Caller, cat: Caller, listed: int
) -> None:
    monkeypatch.setattr(module, "LISTED", listed)
    group = await ann.gather("Team", bob, cat)

    def leave() -> None:
        Membership.objects(conversation_id=group, user_id=cat.id).update_one(set__left_at="2020-01-01")
        Conversation.objects(id=group).update_one(pull__members=ObjectId(cat.id), inc__members_rev=1)

    await asyncio.to_thread(leave)
    assert (await cat.say(group, "hi")).status_code == 404
    assert (await cat.call("GET", f"/messages/{group}")).status_code == 404
    assert (await cat.call("GET", "/conversations")).json == []


async def test_a_member_reads_from_the_number_of_the_membership_on(ann: Caller, bob: Caller) -> None:
    group = await ann.gather("Team", bob)
    for text in ("one", "two", "three"):
        await ann.say(group, text)
    await asyncio.to_thread(
        lambda: Membership.objects(conversation_id=group, user_id=bob.id).update_one(set__joined_seq=2)
    )
    for query in ("", "?after=0", "?before=4", "?after=2"):
        page = (await bob.call("GET", f"/messages/{group}{query}")).json
        assert ([each["text"] for each in page["messages"]], page["hasMore"]) == (["three"], False)
    assert (await bob.call("GET", f"/messages/{group}?before=3")).json["messages"] == []
    assert (await head(bob, group))["firstSeq"] == 3
    await asyncio.to_thread(
        lambda: Membership.objects(conversation_id=group, user_id=bob.id).update_one(set__joined_seq=3)
    )
    assert (await head(bob, group))["lastMessage"] is None


async def test_a_conversation_of_an_older_version_counts_as_read_until_it_is_listed(ann: Caller, bob: Caller) -> None:
    place = await ann.open(bob)
    await ann.say(place, "old")
    await asyncio.to_thread(Membership.objects.delete)
    assert (await head(bob, place))["unread"] == 0
    await ann.say(place, "new")
    assert (await head(bob, place))["unread"] == 1
    assert (await head(ann, place))["unread"] == 0

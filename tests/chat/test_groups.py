"""Groups: how they are made, their members' rights, and the events that the members get."""

import asyncio
from contextlib import AsyncExitStack
from copy import copy
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId

from handlers import changes
from handlers import groups as handlers
from handlers.atomic import atomically
from hapiish import Application
from models import groups as module
from models.conversation import Conversation
from models.membership import Membership
from tests.chat.callers import Caller, Join, Open, connected, devices, serving

pytestmark = pytest.mark.anyio


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
    assert await ann.head(group["id"]) == group
    assert await bob.head(group["id"]) == {**group, "role": "member"}


async def test_concurrent_calls_with_one_key_make_one_group(ann: Caller, bob: Caller) -> None:
    given = {"title": "Team", "memberIds": [bob.id], "msgId": "1"}
    answers = await asyncio.gather(*(ann.call("POST", "/conversations/group", given) for _ in range(8)))
    assert len({answer.json["id"] for answer in answers}) == 1
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert (await bob.call("POST", "/conversations/group", {**given, "memberIds": [ann.id]})).status_code == 201


async def test_a_group_that_was_made_before_a_block_is_answered_again(ann: Caller, bob: Caller) -> None:
    given = {"title": "Team", "memberIds": [bob.id], "msgId": "1"}
    made = await ann.call("POST", "/conversations/group", given)
    await bob.call("PUT", f"/blocks/{ann.id}")
    again = await ann.call("POST", "/conversations/group", given)
    assert (again.status_code, again.json) == (200, made.json)


async def test_a_group_needs_members_who_exist_and_have_not_blocked_the_caller(ann: Caller, bob: Caller) -> None:
    given = {"title": "Team", "memberIds": [bob.id], "msgId": "1"}
    unknown = await ann.call("POST", "/conversations/group", {**given, "memberIds": [bob.id, "0" * 24]})
    assert (unknown.status_code, unknown.json["code"], unknown.json["data"]) == (404, "not_found", {"userId": "0" * 24})
    await bob.call("PUT", f"/blocks/{ann.id}")
    barred = await ann.call("POST", "/conversations/group", given)
    assert (barred.status_code, barred.json["code"]) == (403, "blocked")
    assert (await ann.call("GET", "/conversations")).json == []


async def test_messages_of_a_group_reach_all_members_and_no_other_users(
    app: Application, ann: Caller, bob: Caller, cat: Caller, join: Join
) -> None:
    eve = await join("eve")
    group = await ann.gather("Team", bob, cat)
    async with devices(app, ann, ann, bob, cat, eve) as (phone, tablet, bobs, cats, eves):
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
    assert ((await ann.head(group))["unread"], (await bob.head(group))["unread"]) == (0, 1)


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
    assert (await bob.head(group))["firstSeq"] == 3
    await asyncio.to_thread(
        lambda: Membership.objects(conversation_id=group, user_id=bob.id).update_one(set__joined_seq=3)
    )
    assert (await bob.head(group))["lastMessage"] is None


def make_older(place: str) -> None:
    """Removes the data of a direct conversation that older versions, without memberships and groups, did not store."""
    Membership.objects(conversation_id=place).delete()
    Conversation.objects(id=place).update_one(unset__type=1)


async def test_a_conversation_of_an_older_version_counts_as_read_until_it_is_listed(ann: Caller, bob: Caller) -> None:
    place = await ann.open(bob)
    await ann.say(place, "old")
    await asyncio.to_thread(make_older, place)
    assert (await bob.head(place))["unread"] == 0
    await ann.say(place, "new")
    assert (await bob.head(place))["unread"] == 1
    assert (await ann.head(place))["unread"] == 0


async def test_messages_are_unread_after_a_crash_during_the_opening_of_their_conversation(
    ann: Caller, bob: Caller
) -> None:
    place = await ann.open(bob)
    await asyncio.to_thread(Membership.objects(conversation_id=place).delete)
    await ann.say(place, "new")
    assert ((await bob.head(place))["unread"], (await ann.head(place))["unread"]) == (1, 0)
    assert await ann.open(bob) == place
    read = await bob.call("PUT", f"/conversations/{place}/read", {"seq": 1})
    assert read.json == {"readSeq": 1, "unread": 0}


async def members(caller: Caller, group: str, query: str = "") -> dict[str, str]:
    """The roles of the members, by name."""
    answer = await caller.call("GET", f"/conversations/{group}/members{query}")
    assert answer.status_code == 200
    return {member["fullName"]: member["role"] for member in answer.json}


async def put(caller: Caller, group: str, user: Caller, role: str | None = None) -> Any:
    payload = {"role": role} if role else None
    return await caller.call("PUT", f"/conversations/{group}/members/{user.id}", payload)


async def remove(caller: Caller, group: str, user: Caller) -> Any:
    return await caller.call("DELETE", f"/conversations/{group}/members/{user.id}")


@pytest.mark.parametrize("history", ["joined", "all"])
async def test_a_new_member_reads_what_the_history_of_the_group_allows(
    app: Application, ann: Caller, bob: Caller, cat: Caller, history: str
) -> None:
    group = await ann.gather("Team", bob, history=history)
    await ann.say(group, "before")
    async with devices(app, bob, cat) as (bobs, cats):
        added = await put(ann, group, cat)
        assert (added.status_code, added.json["userId"], added.json["role"]) == (201, cat.id, "member")
        assert (await put(ann, group, cat)).status_code == 200
        (told,) = await bobs.heard("members:changed", 1)
        assert (told["joined"], told["left"], told["memberCount"], told["changeSeq"]) == ([added.json], [], 3, 1)
        (new,) = await cats.heard("conversation:new", 1)
        assert new["conversation"] == await cat.head(group)
        for device in (bobs, cats):
            (live,) = await device.received(1)
            assert (live["type"], live["seq"]) == ("system", 2)
            assert live["system"] == {"kind": "joined", "userIds": [cat.id]}
    await ann.say(group, "after")
    texts = ["before", "", "after"] if history == "all" else ["", "after"]
    assert await cat.read(group) == texts
    seen = await cat.head(group)
    assert (seen["firstSeq"], seen["unread"]) == (1 if history == "all" else 2, 1)


async def test_a_removed_member_loses_everything_at_once_and_may_come_back(
    app: Application, ann: Caller, bob: Caller, cat: Caller
) -> None:
    group = await ann.gather("Team", bob, cat)
    await ann.say(group, "one")
    async with devices(app, bob, cat) as (bobs, cats):
        assert (await remove(ann, group, cat)).status_code == 204
        assert (await remove(ann, group, cat)).status_code == 204
        assert await cats.heard("conversation:removed", 1) == [{"conversationId": group}]
        (told,) = await bobs.heard("members:changed", 1)
        assert (told["left"], told["memberCount"]) == ([cat.id], 2)
        await ann.say(group, "two")
        assert [live["text"] for live in await bobs.received(2)] == ["", "two"]
        assert await cats.caught_up() == []
        assert len(cats.events("members:changed")) == 0
    for url in (f"/conversations/{group}", f"/conversations/{group}/members", f"/messages/{group}"):
        assert (await cat.call("GET", url)).status_code == 404
    assert (await cat.call("PUT", f"/conversations/{group}/read", {"seq": 1})).status_code == 404
    assert (await cat.call("GET", "/conversations")).json == []
    assert (await put(ann, group, cat)).status_code == 201
    assert await cat.read(group) == [""]
    assert (await cat.head(group))["unread"] == 0


async def test_the_role_of_a_member_determines_the_allowed_changes(
    ann: Caller, bob: Caller, cat: Caller, join: Join
) -> None:
    dan = await join("dan")
    group = await ann.gather("Team", bob, cat)
    for refused in (await put(bob, group, dan), await remove(bob, group, cat), await put(bob, group, bob, "admin")):
        assert (refused.status_code, refused.json["code"]) == (403, "not_admin")
    assert (await put(ann, group, bob, "admin")).json["role"] == "admin"
    assert (await put(bob, group, dan)).status_code == 201
    for refused in (
        await put(bob, group, cat, "admin"),
        await remove(bob, group, ann),
        await bob.call("DELETE", f"/conversations/{group}"),
    ):
        assert (refused.status_code, refused.json["code"]) == (403, "not_admin")
    assert (await bob.call("PATCH", f"/conversations/{group}", {"title": "Crew"})).json["title"] == "Crew"
    assert (await remove(bob, group, dan)).status_code == 204
    assert await members(cat, group) == {"Ann": "owner", "Bob": "admin", "Cat": "member"}
    alone = await put(ann, group, ann, "member")
    assert (alone.status_code, alone.json["code"]) == (409, "conflict")
    assert (await put(ann, group, cat, "owner")).status_code == 200
    assert (await put(ann, group, ann, "member")).status_code == 200
    assert await members(ann, group) == {"Ann": "member", "Bob": "admin", "Cat": "owner"}


async def test_a_user_who_has_blocked_the_caller_is_not_added(ann: Caller, bob: Caller, cat: Caller) -> None:
    group = await ann.gather("Team", bob)
    await cat.call("PUT", f"/blocks/{ann.id}")
    refused = await put(ann, group, cat)
    assert (refused.status_code, refused.json["code"]) == (403, "blocked")
    await bob.call("PUT", f"/blocks/{ann.id}")
    assert (await put(ann, group, bob, "admin")).status_code == 200
    unknown = await ann.call("PUT", f"/conversations/{group}/members/{'0' * 24}")
    assert (unknown.status_code, unknown.json["code"]) == (404, "not_found")


@pytest.mark.parametrize("listed", [1, 256])
async def test_a_group_has_an_owner_until_its_last_member_leaves(
    monkeypatch: pytest.MonkeyPatch, ann: Caller, bob: Caller, cat: Caller, listed: int
) -> None:
    monkeypatch.setattr(module, "LISTED", listed)
    group = await ann.gather("Team", bob, cat)
    await put(ann, group, cat, "admin")
    assert (await remove(ann, group, ann)).status_code == 204
    assert await members(bob, group) == {"Bob": "member", "Cat": "owner"}
    assert (await remove(cat, group, cat)).status_code == 204
    assert await members(bob, group) == {"Bob": "owner"}
    page = (await bob.call("GET", f"/messages/{group}")).json["messages"]
    assert [each["system"] for each in page] == [
        {"kind": "left", "userIds": [ann.id]},
        {"kind": "left", "userIds": [cat.id]},
    ]
    assert (await remove(bob, group, bob)).status_code == 204
    assert (await bob.call("GET", f"/conversations/{group}")).status_code == 404
    assert (await asyncio.to_thread(Conversation.objects.get, id=group)).deleted_at is not None


async def test_a_group_is_renamed_for_all(app: Application, ann: Caller, bob: Caller) -> None:
    group = await ann.gather("Team", bob)
    async with serving(app) as url, connected(url, bob.token) as bobs:
        renamed = await ann.call("PATCH", f"/conversations/{group}", {"title": "Crew", "history": "all"})
        assert (renamed.json["title"], renamed.json["history"], renamed.json["changeSeq"]) == ("Crew", "all", 1)
        (live,) = await bobs.received(1)
        assert live["system"] == {"kind": "renamed", "title": "Crew"}
        (told,) = await bobs.heard("conversation:updated", 1)
        assert (told["conversation"]["title"], told["conversation"]["role"]) == ("Crew", "member")
        shown = (await bob.head(group))["lastMessage"]
        assert (shown["type"], shown["system"], shown["text"]) == ("system", {"kind": "renamed", "title": "Crew"}, "")
        synced = await bob.call("POST", "/sync", {"conversations": {group: {"seq": 0, "changeSeq": 0}}})
        assert [head["lastMessage"] for head in synced.json["heads"]] == [shown]
        again = await ann.call("PATCH", f"/conversations/{group}", {"title": "Crew"})
        assert (again.json["lastSeq"], again.json["changeSeq"]) == (1, 1)


async def test_members_of_a_larger_group_get_only_the_keys_that_all_share(
    app: Application, monkeypatch: pytest.MonkeyPatch, ann: Caller, bob: Caller
) -> None:
    monkeypatch.setattr(app.server.models.Conversation, "heads_for_all", None)
    monkeypatch.setattr(handlers, "SEEN_APART", 1)
    group = await ann.gather("Team", bob)
    async with serving(app) as url, connected(url, bob.token) as bobs:
        await ann.call("PATCH", f"/conversations/{group}", {"title": "Crew"})
        (told,) = await bobs.heard("conversation:updated", 1)
    assert told["conversation"]["title"] == "Crew"
    assert not {"role", "unread", "readSeq"} & set(told["conversation"])


async def test_an_event_has_only_the_pins_that_the_member_can_read(
    app: Application, monkeypatch: pytest.MonkeyPatch, ann: Caller, bob: Caller, cat: Caller
) -> None:
    monkeypatch.setattr(handlers, "SEEN_APART", 1)
    group = await ann.gather("Team", bob)
    await ann.say(group, "early")
    await put(ann, group, cat)
    await ann.say(group, "late")
    async with devices(app, bob, cat) as phones:
        for seq in (1, 3):
            await ann.call("PUT", f"/conversations/{group}/pins/{seq}")
        await ann.call("PUT", f"/messages/{group}/1/reactions/+1")
        for phone, caller, count, readable in zip(phones, (bob, cat), (2, 3), ([1, 3], [3]), strict=True):
            told = await phone.heard("conversation:updated", count)
            assert told[-1]["conversation"]["pins"] == (await caller.head(group))["pins"] == readable


async def test_a_closed_group_is_gone_for_all(app: Application, ann: Caller, bob: Caller) -> None:
    group = await ann.gather("Team", bob)
    await ann.say(group, "hi")
    async with serving(app) as url, connected(url, bob.token) as bobs:
        assert (await ann.call("DELETE", f"/conversations/{group}")).status_code == 204
        assert await bobs.heard("conversation:removed", 1) == [{"conversationId": group}]
    for caller in (ann, bob):
        assert (await caller.call("GET", f"/messages/{group}")).status_code == 404
        assert (await caller.say(group, "hi")).status_code == 404
        assert (await caller.call("GET", "/conversations")).json == []
    assert (await ann.call("DELETE", f"/conversations/{group}")).status_code == 404


async def test_a_direct_conversation_is_no_group(ann: Caller, bob: Caller, cat: Caller) -> None:
    place = await ann.open(bob)
    for refused in (
        await ann.call("PATCH", f"/conversations/{place}", {"title": "Us"}),
        await ann.call("DELETE", f"/conversations/{place}"),
        await put(ann, place, cat),
        await remove(ann, place, ann),
    ):
        assert (refused.status_code, refused.json["code"]) == (403, "forbidden")
    assert await members(bob, place) == {"Ann": "member", "Bob": "member"}


async def test_members_are_listed_page_by_page(ann: Caller, bob: Caller, cat: Caller) -> None:
    group = await ann.gather("Team", bob, cat)
    first = await ann.call("GET", f"/conversations/{group}/members?limit=2")
    rest = await ann.call("GET", f"/conversations/{group}/members?limit=2&cursor={first.headers['x-next-cursor']}")
    assert {each["userId"] for each in first.json + rest.json} == {ann.id, bob.id, cat.id}
    assert (len(first.json), len(rest.json), "x-next-cursor" in rest.headers) == (2, 1, False)


async def test_concurrent_additions_neither_exceed_the_limit_nor_lose_a_member(
    open_app: Open, monkeypatch: pytest.MonkeyPatch, ann: Caller, join: Join
) -> None:
    monkeypatch.setattr(module, "LISTED", 3)
    others = [await join(f"user{n}") for n in range(7)]
    async with open_app(CHAT_GROUP_MEMBERS="6") as small:
        caller = copy(ann)
        caller.app = small
        group = await caller.gather("Team")
        answers = await asyncio.gather(*(put(caller, group, other) for other in others))
        assert sorted(answer.status_code for answer in answers) == [201] * 5 + [409] * 2
        present = await asyncio.to_thread(Conversation.members_of, group)
        added = {answer.json["userId"] for answer in answers if answer.status_code == 201}
        assert set(present) == {ann.id, *added}
        seen = await caller.head(group)
        assert (seen["memberCount"], seen["lastSeq"], seen["changeSeq"]) == (6, 5, 5)
        stored = await asyncio.to_thread(Conversation.objects.get, id=group)
        assert (stored.is_large, stored.members) == (True, [])
        assert await asyncio.to_thread(Membership.objects(conversation_id=group, is_large=True).count) == 6


async def test_a_member_who_joins_while_messages_are_sent_reads_each_from_then_on(
    ann: Caller, bob: Caller, cat: Caller
) -> None:
    group = await ann.gather("Team", bob)
    sent = [ann.say(group, str(n)) for n in range(10)]
    *answers, added = await asyncio.gather(*sent[:5], *sent[5:], put(ann, group, cat))
    assert {answer.status_code for answer in [*answers, added]} == {201}
    page = (await bob.call("GET", f"/messages/{group}")).json["messages"]
    (joined,) = [each["seq"] for each in page if "system" in each]
    assert [each["seq"] for each in page] == list(range(1, 12))
    assert await cat.read(group) == [each["text"] for each in page[joined - 1 :]]


async def test_a_user_leaves_all_groups_at_the_end_of_the_account(
    app: Application, monkeypatch: pytest.MonkeyPatch, ann: Caller, bob: Caller, cat: Caller
) -> None:
    small = await ann.gather("Small", bob)
    monkeypatch.setattr(module, "LISTED", 1)
    large = await bob.gather("Large", ann, cat)
    await asyncio.to_thread(handlers.leave_all, app.server, bob.id)
    assert (await bob.call("GET", "/conversations")).json == []
    assert await members(ann, small) == {"Ann": "owner"}
    assert sorted((await members(ann, large)).values()) == ["member", "owner"]


async def test_the_members_of_a_new_conversation_get_an_event(app: Application, ann: Caller, bob: Caller) -> None:
    async with devices(app, ann, bob) as (anns, bobs):
        place, group = await ann.open(bob), await ann.gather("Team", bob)
        await ann.open(bob)
        for caller, device in ((ann, anns), (bob, bobs)):
            told = [each["conversation"] for each in await device.heard("conversation:new", 2)]
            assert told == [await caller.head(place), await caller.head(group)]
            await device.caught_up()
            assert len(device.events("conversation:new")) == 2


async def test_a_member_who_is_removed_while_a_message_is_sent_does_not_get_it(
    app: Application, monkeypatch: pytest.MonkeyPatch, ann: Caller, bob: Caller, cat: Caller
) -> None:
    group = await ann.gather("Team", bob, cat)
    messages = app.server.models.Message
    append = messages.append

    def slow(*args: Any, **options: Any) -> Any:
        remove = app.server.models.Conversation.remove_member
        atomically(app.server, lambda: remove(group, ann.id, cat.id, messages=messages))
        monkeypatch.setattr(messages, "append", append)
        return append(*args, **options)

    monkeypatch.setattr(messages, "append", slow)
    async with devices(app, bob, cat) as (bobs, cats):
        await ann.say(group, "for bob only")
        assert [live["text"] for live in await bobs.received(1)] == ["for bob only"]
        assert await cats.caught_up() == []


async def test_a_membership_without_its_row_reads_nothing_of_a_group(ann: Caller, bob: Caller) -> None:
    group = await ann.gather("Team", bob)
    await asyncio.to_thread(Membership.objects(user_id=bob.id).delete)
    assert (await bob.call("GET", f"/messages/{group}")).status_code == 404
    assert (await bob.call("GET", "/conversations")).json == []


async def test_the_data_of_a_closed_group_is_removed_after_its_members_got_the_event(
    app: Application, monkeypatch: pytest.MonkeyPatch, ann: Caller, bob: Caller
) -> None:
    group, other = await ann.gather("Team", bob), await ann.gather("Other", bob)
    for place in (group, other):
        await ann.say(place, "hi")
    await ann.call("DELETE", f"/conversations/{group}")
    conversations, messages = app.server.models.Conversation, app.server.models.Message

    def sweep() -> int:
        return int(conversations.remove_closed(messages))

    assert await asyncio.to_thread(sweep) == 0
    row = await asyncio.to_thread(Membership.objects.get, conversation_id=group, user_id=bob.id)
    assert [each["kind"] for each in row.pending] == ["conversation"]
    monkeypatch.setattr(module, "CLOSED_FOR", timedelta())
    assert await asyncio.to_thread(sweep) == 1
    for document in (Conversation.objects(id=group), Membership.objects(conversation_id=group)):
        assert await asyncio.to_thread(document.count) == 0
    assert await asyncio.to_thread(messages.objects(conversation_id=group).count) == 0
    assert await bob.read(other) == ["hi"]


async def test_a_title_is_visible_and_of_one_line(ann: Caller, bob: Caller) -> None:
    group = await ann.gather("Team", bob)
    for title in ("", " ", "\u200b", "a\u202eb", "a\nb", "x" * 101, "\u0958" * 60):
        given = {"title": title, "memberIds": [bob.id], "msgId": "1"}
        for refused in (
            await ann.call("POST", "/conversations/group", given),
            await ann.call("PATCH", f"/conversations/{group}", {"title": title}),
        ):
            assert refused.status_code in (400, 422), title
    assert (await bob.head(group))["title"] == "Team"


async def test_a_title_is_stored_in_one_form(ann: Caller, bob: Caller) -> None:
    group = await ann.gather("  Cafe\u0301   👨\u200d👩\u200d👧 ", bob)
    assert (await bob.head(group))["title"] == "Café 👨\u200d👩\u200d👧"


@pytest.mark.in_process
async def test_a_change_that_a_crash_has_left_is_sent_with_the_present_state(
    app: Application, ann: Caller, bob: Caller, cat: Caller
) -> None:
    group = await ann.gather("Team", bob, cat)
    conversations, messages = app.server.models.Conversation, app.server.models.Message

    def crash() -> None:
        for change in (
            lambda: conversations.remove_member(group, ann.id, cat.id, messages=messages),
            lambda: conversations.put_member(group, ann.id, cat.id, None, limit=9, messages=messages),
            lambda: conversations.remove_member(group, ann.id, bob.id, messages=messages),
        ):
            atomically(app.server, change)
        for document in (Conversation, Membership):
            for stored in document.objects(pending__exists=True):
                for entry in stored.pending:
                    entry["at"] = entry["at"].replace(year=2020)
                stored.save()

    await asyncio.to_thread(crash)
    async with serving(app) as url, AsyncExitStack() as stack:
        devices = [await stack.enter_async_context(connected(url, each.token)) for each in (ann, bob, cat)]
        assert (await asyncio.to_thread(changes.repair, app.server))["changes"] >= 3
        anns, bobs, cats = devices
        told = await anns.heard("members:changed", 3)
        assert [(each["left"], len(each["joined"]), each["memberCount"]) for each in told] == [
            ([cat.id], 0, 2),
            ([], 1, 2),
            ([bob.id], 0, 2),
        ]
        assert await bobs.heard("conversation:removed", 1) == [{"conversationId": group}]
        await cats.heard("conversation:new", 1)
        assert cats.events("conversation:removed") == []
    assert await asyncio.to_thread(Conversation.objects(pending__0__exists=True).count) == 0

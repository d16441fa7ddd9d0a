"""The state of one member: read and delivered pointers, the mark as unread, the mute and the draft."""

import asyncio
from typing import Any

import pytest

from hapiish import Application
from models import groups as module
from models.change import UserChange
from models.membership import Membership
from models.user import User
from tests.chat.callers import Caller, connected, devices, serving
from tests.chat.test_groups import make_older

pytestmark = pytest.mark.anyio


@pytest.fixture
async def place(ann: Caller, place: str) -> str:
    """A direct conversation with three messages of ann."""
    for text in ("one", "two", "three"):
        await ann.say(place, text)
    return place


async def show(caller: Caller, conversation: str) -> dict[str, Any]:
    return dict((await caller.call("GET", f"/conversations/{conversation}")).json)


async def put(caller: Caller, conversation: str, what: str, **given: Any) -> Any:
    return await caller.call("PUT", f"/conversations/{conversation}/{what}", given)


async def test_a_read_is_sent_to_the_other_member_and_to_the_own_devices(
    app: Application, ann: Caller, bob: Caller, place: str
) -> None:
    async with devices(app, ann, bob, bob) as (anns, phone, tablet):
        ack = await phone.send("conversation:read", {"conversationId": place, "seq": 2})
        assert ack == {"ok": True, "readSeq": 2, "unread": 1}
        told = {"readSeq": 2, "deliveredSeq": 2}
        for device in (anns, phone, tablet):
            (receipt,) = await device.heard("receipt", 1)
            assert receipt == {"conversationId": place, "userId": bob.id, "changeSeq": 1, **told}
        (state,) = await tablet.heard("conversation:state", 1)
        assert state == {"conversationId": place, "readSeq": 2, "unread": 1}
        await phone.send("conversation:read", {"conversationId": place, "seq": 1})
        await phone.send("conversation:read", {"conversationId": place, "seq": 2})
        for device in (anns, phone, tablet):
            await device.caught_up()
        assert (len(anns.events("receipt")), len(tablet.events("conversation:state"))) == (1, 1)
        assert phone.events("conversation:state") == []
        assert [name for device in (anns, phone, tablet) for name in device.names() if "updated" in name] == []
    seen = await show(ann, place)
    assert (seen["changeSeq"], seen["receipts"]) == (1, {bob.id: told})


async def test_a_delivered_message_is_not_read(ann: Caller, bob: Caller, place: str) -> None:
    assert (await put(bob, place, "delivered", seq=3)).json == {"readSeq": 0, "unread": 3}
    assert (await show(ann, place))["receipts"] == {bob.id: {"readSeq": 0, "deliveredSeq": 3}}
    assert (await show(bob, place))["deliveredSeq"] == 3


async def test_a_number_beyond_the_last_message_is_refused(bob: Caller, place: str) -> None:
    for what in ("read", "delivered", "unread"):
        refused = await put(bob, place, what, seq=4)
        assert (refused.status_code, refused.json["code"]) == (422, "invalid")
        assert (await put(bob, place, what, seq=3)).status_code == 200


async def test_the_sender_of_a_message_has_read_all_messages_before_it(ann: Caller, bob: Caller, place: str) -> None:
    assert ((await show(bob, place))["unread"], (await show(ann, place))["unread"]) == (3, 0)
    await bob.say(place, "four")
    seen = await show(bob, place)
    assert (seen["unread"], seen["readSeq"]) == (0, 4)
    await ann.say(place, "five")
    assert (await put(bob, place, "read", seq=2)).json == {"readSeq": 4, "unread": 1}


@pytest.mark.parametrize("listed", [1, 256])
async def test_messages_are_unread_from_a_mark_until_they_are_read(
    monkeypatch: pytest.MonkeyPatch, ann: Caller, bob: Caller, listed: int
) -> None:
    monkeypatch.setattr(module, "LISTED", listed)
    group = await ann.gather("Team", bob)
    for text in ("one", "two", "three"):
        await ann.say(group, text)
    await put(bob, group, "read", seq=3)
    assert (await put(bob, group, "unread", seq=2)).json == {"readSeq": 3, "unread": 2, "unreadFrom": 2}
    await ann.say(group, "four")
    assert (await show(bob, group))["unread"] == 3
    assert (await put(bob, group, "read", seq=3)).json == {"readSeq": 3, "unread": 1}
    await put(bob, group, "unread", seq=1)
    await bob.say(group, "five")
    seen = await show(bob, group)
    assert (seen["unread"], "unreadFrom" in seen) == (0, False)
    assert (await put(ann, group, "unread", seq=5)).json["unread"] == 1


async def test_another_state_does_not_bring_back_a_mark_that_an_own_message_has_ended(bob: Caller, place: str) -> None:
    await put(bob, place, "unread", seq=1)
    await bob.say(place, "four")
    muted = await put(bob, place, "mute", until="2100-01-01T00:00:00Z")
    assert muted.json == {"readSeq": 4, "unread": 0, "mutedUntil": "2100-01-01T00:00:00.000Z"}
    assert (await put(bob, place, "unread", seq=2)).json["unread"] == 3


async def test_a_large_group_has_no_receipts(
    app: Application, monkeypatch: pytest.MonkeyPatch, ann: Caller, bob: Caller
) -> None:
    monkeypatch.setattr(module, "LISTED", 1)
    group = await ann.gather("Team", bob)
    await ann.say(group, "hi")
    async with serving(app) as url, connected(url, ann.token) as anns:
        assert (await put(bob, group, "read", seq=1)).json == {"readSeq": 1, "unread": 0}
        await put(bob, group, "delivered", seq=1)
        await anns.caught_up()
        assert anns.events("receipt") == []
    assert "receipts" not in await show(ann, group)


async def test_a_user_can_keep_reads_private(app: Application, ann: Caller, bob: Caller, place: str) -> None:
    await asyncio.to_thread(lambda: User.objects(id=bob.id).update_one(set__settings={"readReceipts": False}))
    async with serving(app) as url, connected(url, ann.token) as anns:
        assert (await put(bob, place, "read", seq=2)).json == {"readSeq": 2, "unread": 1}
        await put(bob, place, "delivered", seq=3)
        await put(bob, place, "read", seq=2)
        await anns.caught_up()
        receipts = [(receipt["readSeq"], receipt["deliveredSeq"]) for receipt in anns.events("receipt")]
        assert receipts == [(0, 2), (0, 3)]
    assert (await show(ann, place))["receipts"] == {bob.id: {"readSeq": 0, "deliveredSeq": 3}}
    assert (await show(bob, place))["readSeq"] == 2


async def test_a_mute_lasts_until_its_time(app: Application, bob: Caller, place: str) -> None:
    until = "2999-01-01T00:00:00.000Z"
    async with serving(app) as url, connected(url, bob.token) as phone:
        assert (await put(bob, place, "mute", until="2999-01-01T02:00:00+02:00")).json["mutedUntil"] == until
        (state,) = await phone.heard("conversation:state", 1)
        assert state["mutedUntil"] == until
        assert (await show(bob, place))["mutedUntil"] == until
        ack = await phone.send("conversation:mute", {"conversationId": place, "until": None})
        assert "mutedUntil" not in ack
    assert "mutedUntil" not in (await put(bob, place, "mute", until="2001-01-01T00:00:00Z")).json
    await put(bob, place, "mute", until=until)
    assert (await bob.call("DELETE", f"/conversations/{place}/mute")).status_code == 204
    assert "mutedUntil" not in await show(bob, place)


async def test_a_draft_is_on_all_devices_of_its_author_only(
    app: Application, ann: Caller, bob: Caller, place: str
) -> None:
    async with devices(app, bob, bob, ann) as (phone, tablet, anns):
        ack = await phone.send("draft", {"conversationId": place, "text": "Hel", "replyTo": 1})
        (state,) = await tablet.heard("conversation:state", 1)
        assert state["draft"] == ack["draft"] == (await show(bob, place))["draft"]
        assert (ack["draft"]["text"], ack["draft"]["replyTo"]) == ("Hel", 1)
        assert "draft" not in await phone.send("draft", {"conversationId": place, "text": ""})
        await anns.caught_up()
        assert anns.events("conversation:state") == []
    await put(bob, place, "draft", text="Hello")
    assert (await bob.call("DELETE", f"/conversations/{place}/draft")).status_code == 204
    assert "draft" not in await show(bob, place)
    assert "draft" not in await show(ann, place)


async def test_the_state_of_a_conversation_of_an_older_version_is_kept(ann: Caller, bob: Caller, place: str) -> None:
    await asyncio.to_thread(make_older, place)
    assert (await put(bob, place, "unread", seq=2)).json == {"readSeq": 3, "unread": 2, "unreadFrom": 2}
    assert (await show(ann, place))["receipts"] == {bob.id: {"readSeq": 0, "deliveredSeq": 3}}


async def test_other_devices_learn_of_a_state_that_has_changed_while_they_were_away(bob: Caller, place: str) -> None:
    await put(bob, place, "read", seq=1)
    await put(bob, place, "draft", text="Hel")
    await put(bob, place, "read", seq=1)
    head = await asyncio.to_thread(UserChange.last, bob.id)
    changes = await asyncio.to_thread(UserChange.since, bob.id, 0, head=head, limit=9)
    assert changes is not None
    told = [each["conversationId"] for each in changes if each["kind"] == "conversation"]
    assert told == [place, place]
    assert (await asyncio.to_thread(Membership.objects.get, user_id=bob.id)).pending == []


async def test_a_time_that_cannot_be_stored_mutes_nothing(bob: Caller, place: str) -> None:
    for until in ("9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00", "2030-12-31T23:59:60Z"):
        assert (await put(bob, place, "mute", until=until)).status_code in (400, 422), until
    assert "mutedUntil" not in (await put(bob, place, "mute", until="2001-01-01t00:00:00z")).json

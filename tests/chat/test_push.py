"""Devices and push notifications. Absent members get one push of messages that they have not read and want."""

import asyncio
from typing import Any

import pytest
from bson import ObjectId

from hapiish import Application, boom
from models.device import Device
from models.membership import Membership
from models.message import Message
from models.outbox import Outbox
from models.user import User
from models.wire import now
from tests.chat import mailbox
from tests.chat.callers import Caller, Join, connected, serving
from tests.chat.desk import HOUR, Desk

pytestmark = [pytest.mark.anyio, pytest.mark.in_process, pytest.mark.usefixtures("empty_mailbox")]


@pytest.fixture
def environment() -> dict[str, str]:
    return {"CHAT_PUSH_SENDER": "tests.chat.mailbox:take"}


async def register(caller: Caller, device: str = "phone", token: str | None = None) -> None:
    payload = {"token": token or f"{device} of {caller.id}", "platform": "ios"}
    assert (await caller.call("PUT", f"/devices/{device}", payload)).status_code == 204


async def devices(caller: Caller) -> list[str]:
    return [each["id"] for each in (await caller.call("GET", "/devices")).json]


def texts() -> list[str]:
    return [push.payload["text"] for push in mailbox.sent]


# --- devices


async def test_a_device_is_registered_renewed_listed_without_its_token_and_removed(ann: Caller) -> None:
    await register(ann)
    await register(ann, token="another")
    (device,) = (await ann.call("GET", "/devices")).json
    assert device == {"id": "phone", "platform": "ios", "updatedAt": device["updatedAt"]}
    assert (await asyncio.to_thread(Device.objects.first)).token == "another"
    for _ in range(2):
        assert (await ann.call("DELETE", "/devices/phone")).status_code == 204
    assert await devices(ann) == []


async def test_a_token_belongs_to_the_user_and_device_that_registered_it_last(ann: Caller, bob: Caller) -> None:
    await register(ann, "phone", "token")
    await register(ann, "tablet", "token")
    assert await devices(ann) == ["tablet"]
    await register(bob, "phone", "token")
    assert (await devices(ann), await devices(bob)) == ([], ["phone"])


async def test_the_oldest_of_too_many_devices_are_removed(ann: Caller) -> None:
    for n in range(22):
        await register(ann, f"d{n}")
    assert await devices(ann) == [f"d{n}" for n in reversed(range(2, 22))]


async def test_one_user_has_the_token_after_concurrent_requests(ann: Caller, bob: Caller) -> None:
    await asyncio.gather(*(register(caller, f"d{n}", "token") for n in range(4) for caller in (ann, bob)))
    assert len(await devices(ann)) + len(await devices(bob)) == 1


@pytest.mark.parametrize(
    ("device", "payload"),
    [
        ("phone", {"token": "", "platform": "ios"}),
        ("phone", {"token": "x" * 4097, "platform": "ios"}),
        ("phone", {"token": "a\nb", "platform": "ios"}),
        ("phone", {"token": "x", "platform": "toaster"}),
        ("phone", {"token": "x"}),
        ("a%20b", {"token": "x", "platform": "ios"}),
        ("x" * 129, {"token": "x", "platform": "ios"}),
    ],
)
async def test_an_invalid_device_is_refused(ann: Caller, device: str, payload: Any) -> None:
    assert (await ann.call("PUT", f"/devices/{device}", payload)).status_code == 400


# --- push


async def test_a_member_who_is_away_gets_a_push_once_and_the_sender_none(desk: Desk, ann: Caller, bob: Caller) -> None:
    place = await ann.open(bob)
    await register(ann)
    await register(bob)
    sent = (await ann.say(place, "x" * 300)).json
    assert await desk.notice() == 1
    assert await desk.notice() == 0
    await desk.send()
    (push,) = mailbox.sent
    assert (push.token, push.platform, push.kind) == (f"phone of {bob.id}", "ios", "push")
    assert push.payload == {
        "conversationId": place,
        "seq": 1,
        "messageId": sent["_id"],
        "userId": ann.id,
        "fullName": "Ann",
        "text": "x" * 200,
        "attachments": 0,
        "isMention": False,
    }
    assert await asyncio.to_thread(Outbox.objects(state="waiting").count) == 0


async def test_a_member_who_is_online_gets_no_push(app: Application, desk: Desk, ann: Caller, bob: Caller) -> None:
    place = await ann.open(bob)
    await register(bob)
    await ann.say(place, "before bob came online")
    assert await desk.notice() == 1
    async with serving(app) as url, connected(url, bob.token):
        await desk.send()
        await ann.say(place, "live")
        assert await desk.notice() == 0
    assert texts() == []


async def test_messages_of_a_conversation_become_one_push_of_the_newest(desk: Desk, ann: Caller, bob: Caller) -> None:
    place = await ann.open(bob)
    await register(bob)
    for n in range(5):
        await ann.say(place, f"{n}")
        if n % 2:
            await desk.notice()
    await desk.notice()
    await desk.send()
    assert texts() == ["4"]


async def test_each_device_of_a_member_gets_the_push_and_one_that_is_gone_is_removed(
    desk: Desk, ann: Caller, bob: Caller
) -> None:
    place = await ann.open(bob)
    await register(bob, "phone")
    await register(bob, "tablet")
    mailbox.fails[f"{bob.id}/tablet"] = boom.Gone("no such device")
    await ann.say(place, "hi")
    await desk.notice()
    assert await desk.send() == 2
    assert [push.target for push in mailbox.sent] == [f"{bob.id}/phone"]
    assert await devices(bob) == ["phone"]
    assert await asyncio.to_thread(Outbox.objects(state="sent").count) == 2


async def test_a_token_that_was_renewed_while_the_push_was_sent_is_kept(desk: Desk, ann: Caller, bob: Caller) -> None:
    await register(bob, token="new")
    await asyncio.to_thread(lambda: Device.remove(bob.id, "phone", token="old"))
    assert await devices(bob) == ["phone"]


async def test_a_message_that_was_read_or_delivered_meanwhile_is_not_pushed(
    desk: Desk, ann: Caller, bob: Caller
) -> None:
    place = await ann.open(bob)
    await register(bob)
    for n, name in enumerate(("set__read_seq", "set__delivered_seq"), 1):
        await ann.say(place, "hi")
        assert await desk.notice() == 1
        await asyncio.to_thread(mine(place, bob).update_one, **{name: n})
        await desk.send()
        assert await desk.notice() == 0
    assert texts() == []


def mine(place: str, caller: Caller) -> Any:
    return Membership.objects(conversation_id=place, user_id=caller.id)


async def test_a_muted_conversation_has_pushes_of_mentions_only(desk: Desk, ann: Caller, bob: Caller) -> None:
    place = await ann.open(bob)
    await register(bob)
    await asyncio.to_thread(lambda: mine(place, bob).update_one(set__muted_until=now() + HOUR))
    await ann.say(place, "quiet")
    assert await desk.notice() == 0
    sent = (await ann.say(place, "bob!")).json
    mention = {"$set": {"mentions": [ObjectId(bob.id)]}}
    await asyncio.to_thread(lambda: Message._get_collection().update_one({"_id": ObjectId(sent["_id"])}, mention))
    await desk.notice()
    await desk.send()
    assert texts() == ["bob!"]
    await asyncio.to_thread(lambda: mine(place, bob).update_one(set__muted_until=now() - HOUR))
    await ann.say(place, "loud")
    await desk.notice()
    await desk.send()
    assert texts() == ["bob!", "loud"]


async def test_a_user_gets_no_push_of_a_blocked_user(desk: Desk, join: Join, ann: Caller, bob: Caller) -> None:
    cat = await join("cat")
    place = await ann.gather("Team", bob, cat)
    for caller in (bob, cat):
        await register(caller)
    await bob.call("PUT", f"/blocks/{ann.id}")
    await ann.say(place, "hi")
    await desk.notice()
    await desk.send()
    assert [push.target for push in mailbox.sent] == [f"{cat.id}/phone"]
    assert mailbox.sent[0].payload["title"] == "Team"


async def test_deleted_hidden_and_old_messages_are_not_pushed(desk: Desk, ann: Caller, bob: Caller) -> None:
    place = await ann.open(bob)
    await register(bob)

    async def change(key: str, change: Any) -> None:
        await asyncio.to_thread(lambda: Message._get_collection().update_one({"_id": ObjectId(key)}, change))

    deleted = (await ann.say(place, "deleted")).json["_id"]
    await desk.notice()
    await change(deleted, {"$set": {"deletedAt": now(), "text": ""}})
    hidden = (await ann.say(place, "hidden")).json["_id"]
    await change(hidden, {"$set": {"hiddenFor": [ObjectId(bob.id)]}})
    old = (await ann.say(place, "old")).json["_id"]
    await change(old, {"$set": {"createdAt": now() - 2 * HOUR}})
    assert await desk.notice() == 0
    await desk.send()
    assert texts() == []


async def test_a_push_of_a_streaming_message_waits_for_its_end(desk: Desk, ann: Caller, bob: Caller) -> None:
    place = await ann.open(bob)
    await register(bob)
    key = ObjectId((await ann.say(place, "draft")).json["_id"])
    await asyncio.to_thread(lambda: Message._get_collection().update_one({"_id": key}, {"$set": {"streaming": True}}))
    await desk.notice()
    await desk.send()
    assert texts() == []
    finished = {"$set": {"text": "done"}, "$unset": {"streaming": ""}}
    await asyncio.to_thread(lambda: Message._get_collection().update_one({"_id": key}, finished))
    await desk.make_due()
    await desk.send()
    assert texts() == ["done"]


async def test_a_device_gets_nothing_after_its_session_has_ended(desk: Desk, ann: Caller, bob: Caller) -> None:
    place = await ann.open(bob)
    await register(bob)
    await ann.say(place, "hi")
    await desk.notice()
    assert (await bob.call("POST", "/logout")).status_code == 204
    await desk.send()
    assert texts() == []
    assert await asyncio.to_thread(Device.objects.count) == 0


async def test_former_members_and_erased_accounts_get_no_push(desk: Desk, join: Join, ann: Caller, bob: Caller) -> None:
    place = await ann.open(bob)
    await register(bob)
    await ann.say(place, "hi")
    await desk.notice()
    await asyncio.to_thread(User.objects(id=bob.id).delete)
    await desk.send()
    assert texts() == []


# --- crashes


async def test_a_pass_that_was_killed_after_its_work_was_stored_is_repeated_without_a_second_push(
    desk: Desk, ann: Caller, bob: Caller
) -> None:
    place = await ann.open(bob)
    await register(bob)
    await ann.say(place, "hi")
    assert await desk.notice() == 1
    await desk.send()
    assert await desk.notice() == 0  # from the position before
    assert await desk.send() == 0
    assert texts() == ["hi"]


async def test_the_second_pass_finds_only_messages_that_became_visible_late(
    desk: Desk, ann: Caller, bob: Caller
) -> None:
    place = await ann.open(bob)
    await ann.say(place, "bob was online then")
    await register(ann)
    await desk.notice()
    await register(bob)
    late = (await ann.say(place, "late")).json["_id"]
    assert await desk.notice(again=True) == 1
    await desk.send()
    assert [push.payload["messageId"] for push in mailbox.sent] == [late]


async def test_the_loops_of_a_server_send_a_push_by_themselves(
    app: Application, monkeypatch: pytest.MonkeyPatch, ann: Caller, bob: Caller
) -> None:
    place = await ann.open(bob)
    await register(bob)
    await asyncio.sleep(0)
    await ann.say(place, "hi")
    (push,) = await mailbox.received(f"{bob.id}/phone")
    assert push.payload["text"] == "hi"


async def test_one_process_has_the_claim_and_it_ends_by_itself(app: Application) -> None:
    from models.tail import Tail

    def race() -> list[bool]:
        first = Tail.take("other", HOUR)
        second = Tail.take("other", HOUR)
        assert first is not None
        Tail.leave("other", first, HOUR * 0)
        third = Tail.take("other", HOUR * 0)
        fourth = Tail.take("other", HOUR)
        return [each is not None for each in (first, second, third, fourth)] + [Tail.store("other", third)]  # type: ignore[arg-type]

    assert await asyncio.to_thread(race) == [True, False, True, True, False]

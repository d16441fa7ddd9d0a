"""Commands that the chat sends to MongoDB, and what it must notice although it sends few."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId

from hapiish import Application
from hapiish.testing import inject
from models import conversation as module
from models.conversation import Conversation
from models.membership import OF_USER, Membership, row_of
from models.message import Message
from models.user import User
from models.wire import now
from tests.chat.callers import Caller, Join, connected, serving
from tests.commands import recorded

pytestmark = [pytest.mark.anyio, pytest.mark.in_process]

REMOVER = Path(__file__).with_name("remover.py")


@pytest.fixture
async def place(ann: Caller, place: str) -> str:
    """A conversation with one message, which this process has therefore seen."""
    await ann.say(place, "first")
    return place


async def test_a_message_takes_three_commands_over_http(ann: Caller, place: str) -> None:
    with recorded() as commands:
        assert (await ann.say(place, "hi", msgId="c1")).status_code == 201
    assert commands == ["aggregate", "insert", "update"]


async def test_a_message_takes_three_commands_as_an_event(app: Application, ann: Caller, place: str) -> None:
    async with serving(app) as url, connected(url, ann.token) as phone:
        with recorded() as commands:
            assert (await phone.send("message", {"conversationId": place, "text": "hi", "msgId": "c1"}))["ok"]
    assert commands == ["aggregate", "insert", "update"]


async def test_the_first_message_of_a_process_in_a_conversation_takes_one_more(ann: Caller, place: str) -> None:
    module._members.clear()
    with recorded() as commands:
        assert (await ann.say(place, "hi")).status_code == 201
    assert commands == ["aggregate", "find", "insert", "update"]


async def test_a_message_to_a_group_takes_as_many_commands(ann: Caller, bob: Caller) -> None:
    group = await ann.gather("Team", bob)
    await ann.say(group, "first")
    with recorded() as commands:
        assert (await bob.say(group, "hi")).status_code == 201
    assert commands == ["aggregate", "insert", "update"]


@pytest.mark.parametrize("limit", [1, 150, 200])
async def test_a_page_takes_two_commands_however_long_it_is(ann: Caller, place: str, limit: int) -> None:
    await asyncio.to_thread(
        Message._get_collection().insert_many,
        [
            {"conversationId": ObjectId(place), "seq": n, "userId": ObjectId(ann.id), "text": "x", "createdAt": time}
            for time in [(await asyncio.to_thread(Message.objects.first)).created_at]
            for n in range(2, 250)
        ],
    )
    with recorded() as commands:
        assert len(await ann.read(place, f"?limit={limit}")) == limit
    assert commands == ["aggregate", "find"]


async def test_lists_of_two_hundred_take_no_second_reply(app: Application, ann: Caller) -> None:
    def fill() -> None:
        keys = [ObjectId() for _ in range(200)]
        User._get_collection().insert_many(
            [{"_id": key, "fullName": "X", "email": f"{key}@example.org", "password": "x"} for key in keys]
        )
        for key in keys:
            Conversation.open(ann.id, str(key))
        User.objects(id=ann.id).update_one(set__friends=keys, set__blocked=keys)

    await asyncio.to_thread(fill)
    for url, expected in (
        ("/conversations?limit=200", ["find", "find", "find"]),
        ("/friends", ["find", "find", "find"]),
        ("/blocks", ["find", "find", "find"]),
    ):
        with recorded() as commands:
            assert len((await ann.call("GET", url)).json) == 200
        assert commands == expected, url


async def test_the_rows_of_a_few_conversations_are_read_by_their_ids_with_any_other_rows(ann: Caller) -> None:
    user, keys = ObjectId(ann.id), [ObjectId() for _ in range(22)]
    users = [user, *(ObjectId() for _ in range(5))]
    some = {"userId": user, "conversationId": {"$in": keys[:20]}}

    def plan(where: dict[str, Any]) -> str:
        return str(Membership._get_collection().find(where).explain()["queryPlanner"]["winningPlan"])

    def fill() -> tuple[str, str]:
        Membership.ensure([row_of(key, each, joined_at=now()) for key in keys for each in users])
        return plan(some), plan({"userId": user, **OF_USER})

    few, all_rows = await asyncio.to_thread(fill)
    assert "'conversationId_1_userId_1'" in few
    assert "'userId_1__id_-1'" in all_rows


async def test_a_process_remembers_the_members_of_a_bounded_number_of_conversations(
    monkeypatch: pytest.MonkeyPatch, ann: Caller, join: Join
) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 2)
    module._members.clear()
    places = [await ann.open(await join(name)) for name in ("cat", "dan", "eve")]
    for place in places:
        await ann.say(place, "hi")
    await ann.say(places[1], "the one that was used last stays longest")
    assert list(module._members) == [places[2], places[1]]
    for place in places:
        assert (await ann.say(place, "hi")).status_code == 201


async def test_a_conversation_that_was_removed_is_noticed_by_the_next_message(ann: Caller, place: str) -> None:
    await asyncio.to_thread(Conversation.objects(id=place).delete)
    for method, payload in (("POST", {"text": "hi"}), ("GET", None)):
        answer = await ann.call(method, f"/messages/{place}", payload)
        assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert await asyncio.to_thread(Message.objects(conversation_id=place).count) == 1


async def test_a_stranger_finds_no_conversation_that_the_process_remembers(join: Join, place: str) -> None:
    eve = await join("eve")
    for method, payload in (("POST", {"text": "hi"}), ("GET", None)):
        assert (await eve.call(method, f"/messages/{place}", payload)).status_code == 404


async def test_members_that_were_changed_by_hand_are_the_stored_ones(ann: Caller, bob: Caller, join: Join) -> None:
    place = await ann.open(bob)
    await ann.say(place, "to bob")
    eve = await join("eve")
    await eve.call("PUT", f"/blocks/{ann.id}")
    members = [ObjectId(ann.id), ObjectId(eve.id)]
    await asyncio.to_thread(lambda: Conversation.objects(id=place).update_one(set__members=members))
    assert (await bob.say(place, "hi")).status_code == 404
    assert (await ann.say(place, "hi")).json["code"] == "blocked"
    assert (await ann.say(place, "hi", receiverId=bob.id)).json["code"] == "forbidden"


async def test_an_account_that_is_gone_is_refused_before_its_message_is_judged(ann: Caller, place: str) -> None:
    await asyncio.to_thread(User.objects(id=ann.id).delete)
    for conversation in (place, "0" * 24, "nonsense"):
        assert (await ann.say(conversation, "")).status_code == 401


async def test_a_friend_whose_account_is_gone_can_still_be_written_to(ann: Caller, bob: Caller, place: str) -> None:
    await asyncio.to_thread(User.objects(id=bob.id).delete)
    assert (await ann.say(place, "hi")).status_code == 201


async def test_numbers_that_another_process_used_and_removed_are_not_used_again(
    mongo_uri: str, ann: Caller, place: str
) -> None:
    await ann.say(place, "second")
    command = [sys.executable, str(REMOVER), mongo_uri, place]
    assert await asyncio.to_thread(subprocess.call, command, cwd=REMOVER.parents[2]) == 0
    assert (await ann.say(place, "third")).json["seq"] == 5
    assert await ann.read(place) == ["first", "second", "third"]


async def test_numbers_continue_after_every_message_has_expired(ann: Caller, bob: Caller, place: str) -> None:
    await ann.say(place, "second")
    await asyncio.to_thread(Message.objects(conversation_id=place).delete)
    assert (await bob.say(place, "third")).json["seq"] == 3


async def test_messages_that_the_head_does_not_know_are_counted(ann: Caller, place: str) -> None:
    await asyncio.to_thread(lambda: [Message.append(place, ann.id, str(n)) for n in range(3)])
    assert (await ann.say(place, "hi")).json["seq"] == 5


async def test_a_block_that_comes_while_a_body_arrives_slowly_bars_the_message(
    app: Application, ann: Caller, bob: Caller, place: str
) -> None:
    body = b'{"text": "hi"}'
    chunks = [body[:5], body[5:]]

    async def receive() -> dict[str, Any]:
        if len(chunks) == 1:
            await bob.call("PUT", f"/blocks/{ann.id}")
            await asyncio.sleep(0.6)
        return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

    headers = {"authorization": f"Bearer {ann.token}", "content-type": "application/json"}

    async def slow(scope: Any, _: Any, send: Any) -> None:
        await app(scope, receive, send)

    answer = await inject(slow, method="POST", url=f"/messages/{place}", headers=headers, payload=body)
    assert (answer.status_code, answer.json["code"]) == (403, "blocked")


async def test_an_edit_takes_eleven_commands(ann: Caller, place: str) -> None:
    with recorded() as commands:
        assert (await ann.call("PATCH", f"/messages/{place}/1", {"text": "1st", "rev": 0})).json["rev"] == 1
    announced = ["find", "find", "find"]
    recording = ["aggregate", "insert", "update"]
    assert commands == ["aggregate", "find", "findAndModify", "update", *recording, *announced, "update"]


async def test_a_read_mark_takes_nine_commands(ann: Caller, bob: Caller, place: str) -> None:
    await bob.call("PUT", f"/conversations/{place}/read", {"seq": 1})
    await ann.say(place, "hi")
    with recorded() as commands:
        assert (await bob.call("PUT", f"/conversations/{place}/read", {"seq": 2})).json["unread"] == 0
    recording = ["insert", "update"]
    assert commands == ["aggregate", "find", "findAndModify", "aggregate", *recording, *recording, "update"]

"""Sending and reading messages over HTTP."""

import asyncio
from typing import Any

import pytest
from bson import ObjectId

from hapiish import Application
from models.message import Message
from tests.chat.callers import Caller, Join, Open

pytestmark = pytest.mark.anyio


async def test_a_message_is_answered_as_it_is_read_later(join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    conversation = await ann.open(bob)
    sent = await ann.say(conversation, "hi", msgId="c1")
    assert sent.status_code == 201
    assert sent.json | {"_id": "", "createdAt": ""} == {
        "_id": "",
        "conversationId": conversation,
        "seq": 1,
        "text": "hi",
        "createdAt": "",
        "userId": ann.id,
        "msgId": "c1",
    }
    for reader in (ann, bob):
        page = await reader.call("GET", f"/messages/{conversation}")
        assert page.json == {"id": conversation, "messages": [sent.json], "hasMore": False, "lastSeq": 1}


async def test_the_seeds_own_fields_are_accepted_and_checked(join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    conversation = await ann.open(bob)
    seed = {"senderId": ann.id, "receiverId": bob.id, "createdAt": "2017-12-06T09:30:00.123Z", "msgId": "c1"}
    sent = await ann.say(conversation, "hi", **seed)
    assert sent.status_code == 201
    assert not sent.json["createdAt"].startswith("2017")


async def test_forged_identities_change_nothing(join: Join) -> None:
    ann, bob, eve = await join("ann"), await join("bob"), await join("eve")
    conversation = await ann.open(bob)
    attempts: list[tuple[Caller, dict[str, Any], int]] = [
        (bob, {"senderId": ann.id}, 403),
        (eve, {"senderId": ann.id}, 403),
        (ann, {"receiverId": eve.id}, 403),
        (ann, {"receiverId": ann.id}, 403),
        (eve, {}, 404),
        (eve, {"receiverId": bob.id}, 404),
        (ann, {"userId": bob.id}, 400),
        (ann, {"seq": 7}, 400),
        (ann, {"_id": "0" * 24}, 400),
        (ann, {"senderId": {"$ne": ""}}, 400),
    ]
    for who, forged, status in attempts:
        answer = await who.say(conversation, "hi", **forged)
        assert answer.status_code == status, forged
    assert await ann.read(conversation) == []
    assert (await ann.call("GET", "/conversations")).json[0]["lastSeq"] == 0


BAD_MESSAGES: list[Any] = [
    {},
    {"text": ""},
    {"text": 1},
    {"text": None},
    {"text": "x" * 8001},
    {"text": "hi", "msgId": ""},
    {"text": "hi", "msgId": "x" * 129},
    {"text": "hi", "msgId": 1},
    {"text": "hi", "createdAt": "yesterday"},
    {"text": "hi", "conversationId": "0" * 24},
    [],
    "hi",
]


@pytest.mark.parametrize("payload", BAD_MESSAGES)
async def test_a_bad_message_stores_nothing(app: Application, join: Join, payload: Any) -> None:
    ann, bob = await join("ann"), await join("bob")
    conversation = await ann.open(bob)
    assert (await ann.call("POST", f"/messages/{conversation}", payload)).status_code in (400, 415)
    assert await asyncio.to_thread(Message.objects(seq__gte=1).count) == 0


async def test_a_body_that_is_too_large_stores_nothing(app: Application, join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    conversation = await ann.open(bob)
    assert (await ann.say(conversation, "x" * 70_000)).status_code == 413
    assert await ann.read(conversation) == []


@pytest.mark.parametrize("text", ["x" * 8000, "🎉" * 8000, "\x00", "a\nb\t", '{"$set": 1}', "<script>"])
async def test_any_text_within_bounds_comes_back_as_it_was(join: Join, text: str) -> None:
    ann, bob = await join("ann"), await join("bob")
    conversation = await ann.open(bob)
    assert (await ann.say(conversation, text)).status_code == 201
    assert await bob.read(conversation) == [text]


async def test_a_repeated_client_id_answers_the_original_marked_as_a_duplicate(join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    conversation = await ann.open(bob)
    first = await ann.say(conversation, "hi", msgId="c1")
    again = await ann.say(conversation, "changed", msgId="c1")
    assert (again.status_code, again.json) == (200, {**first.json, "duplicate": True})
    assert await bob.read(conversation) == ["hi"]
    assert (await bob.say(conversation, "hello", msgId="c1")).json["seq"] == 2


async def test_a_message_that_was_stored_before_a_block_is_answered_again(join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    conversation = await ann.open(bob)
    first = await ann.say(conversation, "hi", msgId="c1")
    await bob.call("PUT", f"/blocks/{ann.id}")
    assert (await ann.say(conversation, "hi", msgId="c1")).json == {**first.json, "duplicate": True}
    assert (await ann.say(conversation, "hi", msgId="c2")).json["code"] == "blocked"


async def test_a_client_id_repeated_by_many_at_once_stores_once(join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    conversation = await ann.open(bob)
    answers = await asyncio.gather(*(ann.say(conversation, "hi", msgId="c1") for _ in range(32)))
    assert sorted(answer.status_code for answer in answers) == [200] * 31 + [201]
    assert len({answer.json["_id"] for answer in answers}) == 1
    assert await bob.read(conversation) == ["hi"]


async def test_parallel_senders_give_a_sequence_without_holes(join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    conversation = await ann.open(bob)
    answers = await asyncio.gather(*((ann, bob)[n % 2].say(conversation, str(n), msgId=str(n)) for n in range(64)))
    assert sorted(answer.json["seq"] for answer in answers) == list(range(1, 65))
    page = (await ann.call("GET", f"/messages/{conversation}?after=0")).json
    assert [message["seq"] for message in page["messages"]] == list(range(1, 65))
    assert page["lastSeq"] == (await ann.call("GET", "/conversations")).json[0]["lastSeq"] == 64


@pytest.mark.parametrize(
    ("query", "texts", "more"),
    [
        ("", "1234567", False),
        ("?limit=2", "67", True),
        ("?before=6&limit=2", "45", True),
        ("?before=3&limit=2", "12", False),
        ("?after=2&limit=2", "34", True),
        ("?after=5", "67", False),
        ("?after=7", "", False),
        ("?before=1", "", False),
    ],
)
async def test_history_is_read_page_by_page_in_both_directions(join: Join, query: str, texts: str, more: bool) -> None:
    ann, bob = await join("ann"), await join("bob")
    conversation = await ann.open(bob)
    for n in range(1, 8):
        await ann.say(conversation, str(n))
    page = (await bob.call("GET", f"/messages/{conversation}{query}")).json
    assert ("".join(message["text"] for message in page["messages"]), page["hasMore"]) == (texts, more)
    assert page["lastSeq"] == 7


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "before=-1", "after=x", "before=3&after=1", "before=1.5", "page=2", "after="]
)
async def test_a_bad_query_is_refused(join: Join, query: str) -> None:
    ann, bob = await join("ann"), await join("bob")
    answer = await ann.call("GET", f"/messages/{await ann.open(bob)}?{query}")
    assert (answer.status_code, answer.json["validation"]["source"]) == (400, "query")


async def test_before_and_after_at_once_are_refused_by_name(join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    answer = await ann.call("GET", f"/messages/{await ann.open(bob)}?before=3&after=1")
    assert [error["path"] for error in answer.json["validation"]["errors"]] == ["/after"]


async def test_unknown_and_foreign_conversations_answer_alike(join: Join) -> None:
    ann, bob, eve = await join("ann"), await join("bob"), await join("eve")
    foreign, unknown = await ann.open(bob), str(ObjectId())
    for method, payload in (("GET", None), ("POST", {"text": "hi"})):
        answers = [await eve.call(method, f"/messages/{place}", payload) for place in (foreign, unknown)]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].json == answers[1].json
        assert (await eve.call(method, "/messages/nonsense", payload)).status_code == 400


async def test_everything_is_there_after_a_restart(open_app: Open, app: Application, join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    await ann.call("POST", "/friends", {"email": bob.email})
    conversation = await ann.open(bob)
    sent = (await ann.say(conversation, "hi", msgId="c1")).json
    await app.server.stop()
    async with open_app() as reopened:
        ann.app = bob.app = reopened
        assert bob.id in (await ann.call("GET", "/friends")).json
        assert (await bob.call("GET", "/conversations")).json[0]["id"] == conversation
        assert (await bob.call("GET", f"/messages/{conversation}")).json["messages"] == [sent]
        assert (await ann.say(conversation, "hi", msgId="c1")).json == {**sent, "duplicate": True}
        assert (await bob.say(conversation, "hello")).json["seq"] == 2

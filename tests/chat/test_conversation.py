"""Conversations and their heads, on the real database."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import ObjectId

from models.conversation import RECENT, Conversation
from models.message import Message

pytestmark = pytest.mark.usefixtures("documents")


def someone() -> str:
    return str(ObjectId())


def say(conversation: dict[str, Any], user: str, text: str) -> dict[str, Any]:
    message, _ = Message.append(conversation["id"], user, text)
    return message


def test_a_conversation_is_one_from_both_sides() -> None:
    ann, bob = someone(), someone()
    mine, created = Conversation.open(ann, bob)
    theirs, created_again = Conversation.open(bob, ann)
    assert (created, created_again) == (True, False)
    assert mine["id"] == theirs["id"]
    assert (mine["friendId"], theirs["friendId"]) == (bob, ann)
    assert (mine["lastSeq"], mine["lastMessage"]) == (0, None)


def test_a_hundred_parallel_creates_of_one_conversation_give_one() -> None:
    ann, bob = someone(), someone()
    pairs = [(ann, bob), (bob, ann)] * 50
    with ThreadPoolExecutor(32) as threads:
        opened = list(threads.map(lambda pair: Conversation.open(*pair), pairs))
    assert len({conversation["id"] for conversation, _ in opened}) == 1
    assert sum(created for _, created in opened) == 1
    assert Conversation.objects(members=ann).count() == 1


def test_a_stranger_and_an_unknown_conversation_look_the_same() -> None:
    conversation, _ = Conversation.open(ann := someone(), someone())
    assert Conversation.of_member(conversation["id"], ann) == conversation
    assert Conversation.of_member(conversation["id"], someone()) is None
    assert Conversation.of_member(someone(), ann) is None


def test_a_message_moves_the_head() -> None:
    conversation, _ = Conversation.open(ann := someone(), someone())
    message = say(conversation, ann, "x" * 300)
    assert Conversation.push(message)
    head = Conversation.of_member(conversation["id"], ann)
    assert head is not None
    assert head["lastSeq"] == 1
    assert head["updatedAt"] == message["createdAt"]
    assert head["lastMessage"] == {
        "_id": message["_id"],
        "seq": 1,
        "text": "x" * 200,
        "createdAt": message["createdAt"],
        "userId": ann,
    }


def test_a_head_that_was_touched_later_than_its_message_keeps_both_times() -> None:
    conversation, _ = Conversation.open(ann := someone(), someone())
    message = say(conversation, ann, "hi")
    Conversation.push(message)
    later = datetime(2030, 1, 2, 3, 4, 5, 6000, UTC)
    Conversation.objects(id=conversation["id"]).update_one(set__updated_at=later)
    head = Conversation.of_member(conversation["id"], ann)
    assert head is not None
    assert (head["updatedAt"], head["lastMessage"]["createdAt"]) == ("2030-01-02T03:04:05.006Z", message["createdAt"])
    assert Conversation.list_of(ann) == ([head], None)


def test_messages_are_really_pushed_to_the_array_of_the_conversation_which_keeps_the_newest() -> None:
    conversation, _ = Conversation.open(ann := someone(), someone())
    sent = [say(conversation, ann, str(n)) for n in range(RECENT + 3)]
    for message in sent:
        Conversation.push(message)
    stored = Conversation.objects.get(id=conversation["id"])
    assert [str(reference) for reference in stored.messages] == [message["_id"] for message in sent[3:]]


def test_a_head_moves_only_forward_and_keeps_each_reference_once_in_its_place() -> None:
    conversation, _ = Conversation.open(ann := someone(), someone())
    first, second, third = (say(conversation, ann, text) for text in ("one", "two", "three"))
    assert [Conversation.push(message) for message in (first, third, second, third, first)] == [
        True,
        True,
        False,
        False,
        False,
    ]
    stored = Conversation.objects.get(id=conversation["id"])
    assert (stored.last_seq, stored.last_message.text) == (3, "three")
    assert [entry.seq for entry in stored.recent] == [1, 2, 3]


def test_pins_that_change_meanwhile_are_not_called_too_many() -> None:
    conversation, _ = Conversation.open(someone(), someone())
    with ThreadPoolExecutor(8) as threads:
        outcomes = threads.map(lambda n: Conversation.pin(conversation["id"], 1, on=bool(n % 2))[0], range(400))
        assert "full" not in {*outcomes}


def test_conversations_are_listed_by_activity_page_by_page() -> None:
    ann = someone()
    opened = [Conversation.open(ann, someone())[0] for _ in range(5)]
    Conversation.open(someone(), someone())
    for conversation in opened:
        Conversation.push(say(conversation, ann, "hi"))
    expected = [conversation["id"] for conversation in reversed(opened)]

    listed, cursor = [], None
    for _ in range(3):
        page, cursor = Conversation.list_of(ann, limit=2, cursor=cursor)
        listed.append([conversation["id"] for conversation in page])
    assert listed == [expected[:2], expected[2:4], expected[4:]]
    assert cursor is None


def test_conversations_of_the_same_instant_are_each_listed_once() -> None:
    ann = someone()
    opened = {Conversation.open(ann, someone())[0]["id"] for _ in range(5)}
    Conversation.objects(members=ann).update(set__updated_at=Conversation.objects.first().updated_at)
    first, cursor = Conversation.list_of(ann, limit=3)
    rest, end = Conversation.list_of(ann, limit=3, cursor=cursor)
    assert {conversation["id"] for conversation in first + rest} == opened
    assert (len(first), len(rest), end) == (3, 2, None)


def test_a_full_last_page_has_no_cursor() -> None:
    ann = someone()
    for _ in range(2):
        Conversation.open(ann, someone())
    page, cursor = Conversation.list_of(ann, limit=2)
    assert (len(page), cursor) == (2, None)

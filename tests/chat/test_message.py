"""Order, deduplication and durability of messages, on the real database."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from mongoengine import NotUniqueError

from models.conversation import Conversation
from models.message import Message

pytestmark = pytest.mark.usefixtures("documents")

SENDER = Path(__file__).with_name("sender.py")


def some_id() -> str:
    return str(ObjectId())


def test_a_stored_message_reads_back_as_it_was_answered() -> None:
    place, ann = some_id(), some_id()
    message, duplicate = Message.append(place, ann, "hi", client_id="c1")
    assert not duplicate
    assert message | {"_id": "", "createdAt": ""} == {
        "_id": "",
        "conversationId": place,
        "seq": 1,
        "text": "hi",
        "createdAt": "",
        "userId": ann,
        "msgId": "c1",
    }
    assert Message.page(place) == ([message], False)


def test_a_message_without_a_client_id_is_known_by_its_own_and_never_a_duplicate() -> None:
    place, ann = some_id(), some_id()
    (first, _), (second, duplicate) = Message.append(place, ann, "hi"), Message.append(place, ann, "hi")
    assert first["msgId"] == first["_id"]
    assert (second["seq"], duplicate) == (2, False)


def test_thirty_two_parallel_senders_give_a_sequence_without_holes() -> None:
    place, senders = some_id(), [some_id() for _ in range(32)]
    with ThreadPoolExecutor(32) as threads:
        sent = list(threads.map(lambda n: Message.append(place, senders[n % 32], str(n), client_id=str(n)), range(320)))
    assert sorted(message["seq"] for message, _ in sent) == list(range(1, 321))
    assert not any(duplicate for _, duplicate in sent)
    assert [message["seq"] for message in Message.page(place, after=0, limit=320)[0]] == list(range(1, 321))


def test_senders_in_several_processes_give_a_sequence_without_holes_in_less_than_two_attempts_each(
    mongo_uri: str,
) -> None:
    place = some_id()
    command = [sys.executable, str(SENDER), mongo_uri, place]
    processes = [subprocess.Popen(command, cwd=SENDER.parents[2], stdout=subprocess.PIPE) for _ in range(3)]
    inserts = [int(process.communicate(timeout=60)[0]) for process in processes]
    assert [message["seq"] for message in Message.page(place, after=0, limit=400)[0]] == list(range(1, 301))
    assert sum(inserts) < 2 * 300


def test_a_repeated_client_id_stores_once_and_answers_the_original() -> None:
    place, ann = some_id(), some_id()
    original, _ = Message.append(place, ann, "first", client_id="c1")
    Message.append(place, ann, "second", client_id="c2")
    assert Message.append(place, ann, "changed", client_id="c1") == (original, True)
    assert Message.append(place, ann, "third", client_id="c3")[0]["seq"] == 3


def test_a_client_id_repeated_by_many_at_once_stores_once() -> None:
    place, ann = some_id(), some_id()
    with ThreadPoolExecutor(32) as threads:
        sent = list(threads.map(lambda n: Message.append(place, ann, str(n), client_id="c1"), range(64)))
    assert len({message["_id"] for message, _ in sent}) == 1
    assert sum(not duplicate for _, duplicate in sent) == 1
    assert len({message["text"] for message, _ in sent}) == 1
    assert Message.last_seq(place) == 1


def test_a_client_id_belongs_to_one_sender_in_one_conversation() -> None:
    place, ann = some_id(), some_id()
    Message.append(place, ann, "hi", client_id="c1")
    assert Message.append(place, some_id(), "hi", client_id="c1")[0]["seq"] == 2
    assert Message.append(some_id(), ann, "hi", client_id="c1")[0]["seq"] == 1


def test_a_reader_never_sees_a_later_message_before_an_earlier_one() -> None:
    place, done = some_id(), threading.Event()
    seen: list[int] = []

    def read() -> None:
        while not (done.is_set() and len(seen) == Message.last_seq(place)):
            page, _ = Message.page(place, after=seen[-1] if seen else 0, limit=50)
            seen.extend(message["seq"] for message in page)

    def write(sender: str) -> None:
        for n in range(20):
            Message.append(place, sender, str(n), client_id=str(n))

    with ThreadPoolExecutor(9) as threads:
        reader = threads.submit(read)
        for writer in [threads.submit(write, some_id()) for _ in range(8)]:
            writer.result()
        done.set()
        reader.result()
    assert seen == list(range(1, 161))


def test_a_number_is_not_used_again_after_the_newest_messages_were_removed() -> None:
    place, ann = some_id(), some_id()
    for n in range(3):
        Message.append(place, ann, str(n))
    Message.objects(conversation_id=place, seq__gt=1).delete()
    assert Message.append(place, ann, "next", after=3)[0]["seq"] == 4


def test_a_head_that_lags_behind_does_not_disturb_the_sequence_and_is_caught_up() -> None:
    conversation, _ = Conversation.open(ann := some_id(), some_id())
    lost, _ = Message.append(conversation["id"], ann, "stored, then the process died", client_id="c1")
    repeated, duplicate = Message.append(conversation["id"], ann, "stored, then the process died", client_id="c1")
    assert (repeated, duplicate) == (lost, True)
    assert Conversation.push(repeated), "the repetition brings the head up"
    assert Message.append(conversation["id"], ann, "next", after=0)[0]["seq"] == 2


def test_a_conflict_that_does_not_end_is_an_error_and_not_a_message() -> None:
    place, ann = some_id(), some_id()
    collection = Message._get_collection()
    collection.create_index("text", unique=True)
    try:
        Message.append(place, ann, "only once")
        with pytest.raises(NotUniqueError):
            Message.append(place, ann, "only once")
    finally:
        collection.drop_index("text_1")
    assert Message.last_seq(place) == 1


@pytest.mark.parametrize(
    ("asked", "expected", "more"),
    [
        ({}, range(1, 8), False),
        ({"limit": 3}, range(5, 8), True),
        ({"limit": 7}, range(1, 8), False),
        ({"before": 5, "limit": 3}, range(2, 5), True),
        ({"before": 4, "limit": 3}, range(1, 4), False),
        ({"before": 1}, (), False),
        ({"after": 0, "limit": 3}, range(1, 4), True),
        ({"after": 4, "limit": 3}, range(5, 8), False),
        ({"after": 7}, (), False),
        ({"after": 100}, (), False),
        ({"before": 100, "limit": 2}, range(6, 8), True),
    ],
)
def test_pages_are_oldest_first_and_say_whether_there_is_more(
    asked: dict[str, Any], expected: range | tuple[()], more: bool
) -> None:
    place, ann = some_id(), some_id()
    for n in range(7):
        Message.append(place, ann, str(n))
    page, has_more = Message.page(place, **asked)
    assert ([message["seq"] for message in page], has_more) == (list(expected), more)


def test_another_conversation_has_its_own_numbers() -> None:
    ann = some_id()
    here, there = some_id(), some_id()
    Message.append(here, ann, "one")
    assert Message.append(there, ann, "one")[0]["seq"] == 1
    assert Message.page(there)[0][0]["conversationId"] == there

"""The sequences of changes: without gaps, stored once, repaired after a crash between any two writes."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId

from hapiish.store.rows import find, get, update
from models import change as module
from models.change import Change, UserChange, entry, publish, repair, tell_user, user_entry
from models.conversation import Conversation
from models.message import Message
from models.wire import now
from tests.commands import recorded

pytestmark = pytest.mark.usefixtures("documents")

PUBLISHER = Path(__file__).with_name("publisher.py")


@pytest.fixture
def place() -> str:
    return str(Conversation.open(str(ObjectId()), str(ObjectId()))[0]["id"])


@pytest.fixture
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRACE", timedelta(seconds=-1))


def change_it(place: str, *entries: dict[str, Any]) -> None:
    update(Conversation, {"_id": ObjectId(place)}, {"$push": {"pending": {"$each": list(entries)}}})


def changed(place: str, kind: str = "conversation", **more: Any) -> dict[str, Any]:
    given = entry(kind, place, **more)
    change_it(place, given)
    return publish(Conversation, place, [given])[0]


def numbers(place: str) -> list[int]:
    rows = find(Change, {"conversationId": ObjectId(place)}, sort=("changeSeq",))
    return [row["changeSeq"] for row in rows]


def head(place: str) -> dict[str, Any]:
    found = get(Conversation, {"_id": ObjectId(place)}, fields=("changeSeq", "pending"))
    assert found is not None
    return found


def test_changes_are_numbered_from_one_advance_the_head_and_leave_nothing_pending(place: str) -> None:
    assert [changed(place)["changeSeq"] for _ in range(3)] == [1, 2, 3]
    assert (head(place)["changeSeq"], head(place)["pending"]) == (3, [])
    since = Change.since(place, 1, head=3, limit=10)
    assert since is not None
    assert [(row["changeSeq"], row["kind"], row["conversationId"]) for row in since] == [
        (2, "conversation", place),
        (3, "conversation", place),
    ]


def test_changes_of_one_owner_read_the_highest_number_once(place: str) -> None:
    entries = [entry("conversation", place) for _ in range(3)]
    change_it(place, *entries)
    with recorded() as commands:
        assert [each["changeSeq"] for each in publish(Conversation, place, entries)] == [1, 2, 3]
    assert commands == ["aggregate", *["insert", "update"] * 3, "update"]


def test_a_change_is_published_once_however_often_it_is_tried(place: str) -> None:
    given, emitted = entry("conversation", place), list[Any]()
    for _ in range(3):
        change_it(place, given)
        assert publish(Conversation, place, [given], emitted.append)[0]["changeSeq"] == 1
    assert numbers(place) == [1]
    assert [each["changeSeq"] for each in emitted] == [1, 1, 1]


def test_an_error_of_the_live_event_does_not_undo_the_change(place: str, caplog: pytest.LogCaptureFixture) -> None:
    given = entry("conversation", place)
    change_it(place, given)

    def fail(_: Any) -> None:
        raise ZeroDivisionError

    assert publish(Conversation, place, [given], fail)[0]["changeSeq"] == 1
    assert head(place)["pending"] == []
    assert "live event" in caplog.text


def test_parallel_changes_have_numbers_without_gaps_and_a_reader_never_sees_a_later_one_first(place: str) -> None:
    done, seen = threading.Event(), list[int]()

    def read() -> None:
        while not (done.is_set() and len(seen) == Change.last(place)):
            last = seen[-1] if seen else 0
            rows = Change.since(place, last, head=last, limit=200)
            assert rows is not None
            seen.extend(row["changeSeq"] for row in rows)

    with ThreadPoolExecutor(9) as threads:
        reader = threads.submit(read)
        for writer in [threads.submit(lambda: [changed(place) for _ in range(10)]) for _ in range(8)]:
            writer.result()
        done.set()
        reader.result()
    assert seen == list(range(1, 81))
    assert head(place)["changeSeq"] == 80


@pytest.mark.usefixtures("no_grace")
@pytest.mark.parametrize("commands", [1, 2, 3, 4, 5])
def test_a_process_that_is_killed_between_two_writes_leaves_a_change_that_is_published_once(
    mongo_uri: str, place: str, commands: int
) -> None:
    """The commands are: update of the state, number of the head, change, update of the head, removal of the entry."""
    changed(place)
    command = [sys.executable, str(PUBLISHER), mongo_uri, place, str(commands)]
    assert subprocess.call(command, cwd=PUBLISHER.parents[2]) == -9
    assert get(Conversation, {"_id": ObjectId(place)})["lastSeq"] == 7  # type: ignore[index]
    emitted = list[Any]()
    assert repair(100, emitted.append) == (1 if commands < 5 else 0)
    assert [each["changeSeq"] for each in emitted] == ([2] if commands < 5 else [])
    assert repair(100) == 0
    assert numbers(place) == [1, 2]
    assert head(place) == {"_id": ObjectId(place), "changeSeq": 2, "pending": []}
    assert changed(place)["changeSeq"] == 3


def test_processes_that_change_and_repair_the_same_conversation_give_no_gap(mongo_uri: str, place: str) -> None:
    command = [sys.executable, str(PUBLISHER), mongo_uri, place, "99"]
    processes = [subprocess.Popen(command, cwd=PUBLISHER.parents[2]) for _ in range(3)]
    for _ in range(20):
        changed(place)
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert numbers(place) == list(range(1, 24))


def test_repair_leaves_a_fresh_entry_to_its_request(place: str) -> None:
    change_it(place, entry("conversation", place))
    assert repair(100) == 0
    assert len(head(place)["pending"]) == 1


@pytest.mark.usefixtures("no_grace")
def test_repair_publishes_the_entries_of_all_classes_and_uses_an_index(place: str) -> None:
    ann = ObjectId()
    message, _ = Message.append(place, str(ann), "hi")
    for _ in range(3):
        change_it(place, entry("members", place), user_entry("conversation", ann, place))
    Message.objects(id=message["_id"]).update_one(push__pending=entry("message", place, seq=1, what="edited"))
    assert repair(100) == 7
    assert numbers(place) == [1, 2, 3, 4]
    assert [row["n"] for row in UserChange.since(str(ann), 0, head=3, limit=10) or ()] == [1, 2, 3]
    for source in (Conversation, Message):
        plan = source._get_collection().find({"pending.at": {"$lt": now()}}).explain()
        assert "IXSCAN" in str(plan["queryPlanner"]["winningPlan"])


def test_numbers_continue_after_changes_have_expired_and_the_reader_is_told(place: str) -> None:
    for _ in range(4):
        changed(place)
    Change.objects(change_seq__lt=3).update(set__at=now() - timedelta(days=31))
    assert Change.expire(30, 1) == 1
    assert Change.expire(30, 100) == 1
    assert Change.since(place, 0, head=4, limit=10) is None
    assert Change.since(place, 1, head=4, limit=10) is None
    assert [row["changeSeq"] for row in Change.since(place, 2, head=4, limit=10) or ()] == [3, 4]
    assert Change.since(place, 2, head=4, limit=1) is None
    assert Change.since(place, 4, head=4, limit=10) == []
    Change.objects.delete()
    assert Change.since(place, 2, head=4, limit=10) is None
    assert Change.since(place, 9, head=4, limit=10) is None, "a number that never was"
    assert changed(place)["changeSeq"] == 5


def test_a_users_changes_have_a_sequence_of_their_own_that_survives_their_expiry(place: str) -> None:
    ann, bob = str(ObjectId()), str(ObjectId())
    assert [tell_user(ann, "profile"), tell_user(ann, "conversation", place), tell_user(bob, "friends")] == [1, 2, 1]
    found = UserChange.since(ann, 0, head=2, limit=10)
    assert found is not None
    assert [(row["kind"], row.get("conversationId")) for row in found] == [("profile", None), ("conversation", place)]
    UserChange.objects.delete()
    assert (UserChange.last(ann), tell_user(ann, "blocks")) == (2, 3)


def test_many_changes_of_a_user_at_once_have_numbers_without_gaps() -> None:
    ann = str(ObjectId())
    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(lambda _: tell_user(ann, "profile"), range(40))) == list(range(1, 41))

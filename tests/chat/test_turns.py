"""Messages of one process that come at the same time are stored together, each with a result of its own."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from bson import ObjectId
from mongoengine import NotUniqueError
from pymongo.errors import AutoReconnect

from hapiish.store.connection import DatabaseConnection, Target, acquire, release
from hapiish.store.rows import NotUnique, Row, insert_many
from hapiish.store.transactions import transaction
from models import message as module
from models import turns
from models.message import Message
from models.turns import Turns
from models.wire import now
from tests.commands import recorded

pytestmark = pytest.mark.usefixtures("documents")


def some_id() -> str:
    return str(ObjectId())


class Gate:
    """Holds the first insert until it is opened, so that later messages wait for their turn."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, before: Callable[[], object] = lambda: None) -> None:
        self.reached, self.opened, self.before = threading.Event(), threading.Event(), before
        self.batches: list[int] = []
        self.turns = Turns(self.insert, Message.last_seq, module._original)
        monkeypatch.setattr(module, "_turns", self.turns)

    def insert(self, rows: Sequence[Row]) -> NotUnique | None:
        self.batches.append(len(rows))
        if len(self.batches) == 1:
            self.reached.set()
            assert self.opened.wait(20)
        else:
            self.before()
        return insert_many(Message, rows)

    def together(self, place: str, sends: Sequence[dict[str, Any]]) -> list["Future[tuple[dict[str, Any], bool]]"]:
        """The results of a first message and of `sends`, which wait for it, in this order."""
        with ThreadPoolExecutor(len(sends) + 1) as threads:
            results = [threads.submit(Message.append, place, some_id(), "first")]
            assert self.reached.wait(20)
            for count, send in enumerate(sends, 1):
                user_id, text = send.pop("user", some_id()), send.pop("text", "hi")
                results.append(threads.submit(Message.append, place, user_id, text, **send))
                while len(self.turns._turns[place].waiting) < count:
                    pass
            self.opened.set()
        assert not self.turns._turns
        return results


def stored(place: str) -> list[int]:
    return [message["seq"] for message in Message.page(place, after=0, limit=500)[0]]


def test_messages_that_wait_are_stored_by_one_command_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    place, gate = some_id(), Gate(monkeypatch)
    with recorded() as commands:
        results = gate.together(place, [{"text": str(n), "client_id": str(n)} for n in range(10)])
    assert commands == ["insert", "insert"]
    assert [result.result()[0]["seq"] for result in results] == list(range(1, 12))
    assert [message["text"] for message in Message.page(place)[0]] == ["first", *map(str, range(10))]


def test_no_command_stores_more_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "BATCH", 4)
    place, gate = some_id(), Gate(monkeypatch)
    gate.together(place, [{} for _ in range(10)])
    assert gate.batches == [1, 4, 4, 2]
    assert stored(place) == list(range(1, 12))


def test_a_repeated_client_id_among_them_gets_the_original_and_leaves_no_hole(monkeypatch: pytest.MonkeyPatch) -> None:
    place, ann, gate = some_id(), some_id(), Gate(monkeypatch)
    sends: list[dict[str, Any]] = [
        {"user": ann, "client_id": "a", "text": "one"},
        {"user": ann, "client_id": "a", "text": "again"},
        {"user": ann, "client_id": "b", "text": "two"},
        {"user": ann, "client_id": "a", "text": "and again"},
        {"client_id": "a", "text": "another user's"},
    ]
    _, *results = [result.result() for result in gate.together(place, sends)]
    assert [(message["text"], duplicate) for message, duplicate in results] == [
        ("one", False),
        ("one", True),
        ("two", False),
        ("one", True),
        ("another user's", False),
    ]
    assert stored(place) == [1, 2, 3, 4]


def test_numbers_that_another_process_takes_meanwhile_are_stepped_over(monkeypatch: pytest.MonkeyPatch) -> None:
    place, takes = some_id(), iter([2, 1, 1])

    def other_process() -> None:
        row = {"conversationId": ObjectId(place), "userId": ObjectId(), "text": "x", "createdAt": now()}
        last = Message.last_seq(place)
        insert_many(Message, [{**row, "seq": last + n} for n in range(1, 1 + next(takes, 0))] or [row | {"seq": last}])

    gate = Gate(monkeypatch, other_process)
    results = gate.together(place, [{"text": str(n)} for n in range(5)])
    assert gate.batches == [1, 5, 5, 5, 5]
    assert [result.result()[0]["seq"] for result in results] == [1, 6, 7, 8, 9, 10]
    assert stored(place) == list(range(1, 11))


def test_a_message_that_cannot_be_stored_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    place, gate = some_id(), Gate(monkeypatch)
    collection = Message._get_collection()
    collection.create_index("text", unique=True)
    try:
        results = gate.together(place, [{"text": "one"}, {"text": "first"}, {"text": "two"}])
    finally:
        collection.drop_index("text_1")
    assert [type(result.exception()) for result in results] == [type(None), type(None), NotUniqueError, type(None)]
    assert stored(place) == [1, 2, 3]


def test_an_error_of_the_command_is_that_of_each_message_and_the_next_ones_are_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail() -> None:
        raise AutoReconnect("the server is gone")

    place, gate = some_id(), Gate(monkeypatch, fail)
    first, *others = gate.together(place, [{} for _ in range(3)])
    assert first.exception() is None
    assert [type(result.exception()) for result in others] == [AutoReconnect] * 3
    gate.before = lambda: None
    assert Message.append(place, some_id(), "after it")[0]["seq"] == 2


def test_a_message_of_a_transaction_is_stored_by_it_alone(mongo_uri: str) -> None:
    place = some_id()
    connection: DatabaseConnection = acquire(Target(mongo_uri), [Message])

    def roll_back() -> None:
        with transaction(connection, 10):
            assert Message.append(place, some_id(), "rolled back")[0]["seq"] == 2
            raise ZeroDivisionError

    try:
        Message.append(place, some_id(), "kept")
        with pytest.raises(ZeroDivisionError):
            roll_back()
        assert Message.append(place, some_id(), "next")[0]["seq"] == 2
    finally:
        release(connection)
    assert stored(place) == [1, 2]

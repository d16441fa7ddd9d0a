"""Classification of database exceptions: outage or client error, and the response for each."""

from collections.abc import Iterator
from typing import Any

import mongoengine
import pytest
from bson import ObjectId
from pymongo import errors as driver

from hapiish import boom
from hapiish.store.connection import Target, acquire, release
from hapiish.store.errors import translate

AWAY = [
    driver.ServerSelectionTimeoutError("no servers"),
    driver.AutoReconnect("connection closed"),
    driver.NetworkTimeout("timed out"),
    driver.NotPrimaryError("not primary"),
    driver.ConnectionFailure("refused"),
    driver.WaitQueueTimeoutError("pool is full"),
    driver.ExecutionTimeout("operation exceeded time limit", 50),
    driver.WTimeoutError("waiting for replication timed out", 64),
    driver.WriteConcernError("in doubt", 91),
    driver.BulkWriteError({"writeErrors": [], "writeConcernErrors": [{"code": 64}]}),
]
OTHER = [
    driver.OperationFailure("bad query", 2),
    driver.BulkWriteError({"writeErrors": [{"code": 11000}], "writeConcernErrors": [{"code": 64}]}),
    driver.InvalidName("name"),
    mongoengine.MultipleObjectsReturned("two"),
    mongoengine.InvalidQueryError("no such field"),
    mongoengine.OperationError("bad"),
    ValueError("x"),
    OverflowError("elsewhere"),
    TimeoutError(),
    KeyboardInterrupt(),
]


def name(error: BaseException) -> str:
    return type(error).__name__


@pytest.mark.parametrize("error", AWAY, ids=name)
def test_a_database_that_is_away_or_in_doubt_is_a_retryable_503(error: Exception) -> None:
    translated = translate(error)
    assert isinstance(translated, boom.ServerUnavailable)
    body = translated.payload()
    assert (body["statusCode"], body["code"], body["data"]) == (503, "unavailable", {"retryable": True})
    assert translated.headers == {"retry-after": "1"}
    assert translated.__cause__ is error
    assert str(error) not in body["message"]


@pytest.mark.parametrize("error", OTHER, ids=lambda error: f"{name(error)}-{error}")
def test_every_other_exception_is_left_to_the_handler(error: BaseException) -> None:
    assert translate(error) is None


def save() -> None:
    """Fails as `Document.save` does, which names no cause."""
    try:
        raise driver.WTimeoutError("late", 64)
    except driver.OperationFailure as error:
        raise mongoengine.OperationError(f"Could not save document ({error})")  # noqa: B904


def test_the_cause_is_found_behind_the_error_of_mongoengine() -> None:
    with pytest.raises(mongoengine.OperationError) as caught:
        save()
    assert isinstance(translate(caught.value), boom.ServerUnavailable)


def test_an_operation_that_the_driver_calls_retryable_is_a_503() -> None:
    error = driver.OperationFailure("write conflict", 112, {"errorLabels": ["TransientTransactionError"]})
    assert isinstance(translate(error), boom.ServerUnavailable)


class Person(mongoengine.Document):
    name = mongoengine.StringField(max_length=3, required=True, unique=True)
    notes = mongoengine.ListField(mongoengine.IntField())
    free = mongoengine.DictField()


def refused(work: Any) -> boom.Boom:
    with pytest.raises(Exception) as caught:
        work()
    translated = translate(caught.value)
    assert translated is not None
    assert translated.__cause__ is caught.value
    return translated


def deep(levels: int) -> Any:
    return {"a": deep(levels - 1)} if levels else 1


@pytest.fixture
def people(mongo_uri: str) -> Iterator[None]:
    connection = acquire(Target(mongo_uri), [Person])
    Person.drop_collection()
    Person._get_collection().create_index("name", unique=True)
    yield
    release(connection)


def test_what_a_document_or_mongodb_refuses_is_the_client_s(people: None) -> None:
    assert refused(lambda: Person.objects.get(name="nobody")).status == 404
    assert refused(lambda: Person.objects.get(id="no-id")).status == 400
    assert refused(lambda: ObjectId("no-id")).status == 400
    assert refused(lambda: Person(name="ann", unknown=1)).status == 400
    assert refused(lambda: Person(name="ann", free=deep(200)).save()).status == 400
    assert refused(lambda: Person.objects.create(name="a", free={"n": 2**70})).status == 400
    assert refused(lambda: Person(name="big", free={"t": "x" * (17 << 20)}).save()).status == 413
    Person(name="ann").save()
    taken = refused(lambda: Person(name="ann").save())
    assert (taken.status, taken.payload()["code"], taken.data) == (409, "not_unique", {"fields": ["name"]})
    by_driver = refused(lambda: Person._get_collection().insert_one({"name": "ann"}))
    assert (by_driver.status, by_driver.data) == (409, {"fields": ["name"]})


def test_a_refused_field_is_named_and_its_value_is_not() -> None:
    found = refused(lambda: Person(name="secret", notes=[1, "two"]).validate()).payload()
    assert found["code"] == "invalid_document"
    assert {each["path"] for each in found["validation"]["errors"]} == {"/name", "/notes/1"}
    assert sorted(found["validation"]["keys"]) == ["name", "notes.1"]
    assert "secret" not in str(found)


def test_a_stored_document_that_its_class_does_not_know_is_no_fault_of_the_client(people: None) -> None:
    Person._get_collection().insert_one({"name": "old", "gone": 1})
    with pytest.raises(mongoengine.FieldDoesNotExist) as caught:
        Person.objects.get(name="old")
    assert translate(caught.value) is None

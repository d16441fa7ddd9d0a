"""Which exceptions mean that the database is away, and what a client is told."""

import mongoengine
import pytest
from pymongo import errors as driver

from hapiish import boom
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
    driver.DuplicateKeyError("E11000", 11000),
    driver.OperationFailure("bad query", 2),
    driver.BulkWriteError({"writeErrors": [{"code": 11000}], "writeConcernErrors": [{"code": 64}]}),
    driver.InvalidName("name"),
    mongoengine.ValidationError("text"),
    mongoengine.DoesNotExist("gone"),
    mongoengine.NotUniqueError("taken"),
    mongoengine.OperationError("bad"),
    ValueError("x"),
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

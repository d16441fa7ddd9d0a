"""Exceptions of the driver to boom errors: a database that is away is a 503 that may be tried again, not a bug.

Everything else (a duplicate key, a missing document, a bad query) means something to its handler and is left alone.
"""

from dns.exception import DNSException
from mongoengine.errors import OperationError
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    ExecutionTimeout,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteConcernError,
)

from hapiish import boom

RETRY_AFTER = "1"  # seconds


def translate(error: BaseException) -> boom.Boom | None:
    """`ServerUnavailable` (503, code `unavailable`, Retry-After) when `error` says that MongoDB could not answer.

    That includes a write whose outcome is unknown: the client is told to try again, so writes need an idempotency key
    where doing them twice would matter. A 400 for an integer of over 64 bits, which JSON has and BSON has not. None
    when `error` is about something else.
    """
    if isinstance(error, OverflowError) and "8-byte ints" in str(error):
        return boom.BadRequest("An integer is past the 64 bits that the database keeps", code="integer_range")
    cause = _driver_error(error)
    if cause is None or not _is_unavailable(cause):
        return None
    doubt = not isinstance(cause, ServerSelectionTimeoutError)
    unavailable = boom.ServerUnavailable(
        "The database did not confirm in time; try again" if doubt else "The database is not available; try again",
        code="unavailable",
        data={"retryable": True},
        headers={"retry-after": RETRY_AFTER},
    )
    unavailable.__cause__ = error
    return unavailable


def _driver_error(error: BaseException) -> PyMongoError | None:
    """The driver's own exception: MongoEngine wraps some of them without naming the cause."""
    if isinstance(error, OperationError):
        error = error.__cause__ or error.__context__ or error
    return error if isinstance(error, PyMongoError) else None


def _is_unavailable(error: PyMongoError) -> bool:
    if isinstance(error, BulkWriteError):
        return bool(error.details and error.details.get("writeConcernErrors")) and not error.details.get("writeErrors")
    if isinstance(error, ConnectionFailure | ExecutionTimeout | WriteConcernError) or error.timeout:
        return True
    if isinstance(error, ConfigurationError):
        return isinstance(error.__cause__, DNSException)  # the record behind mongodb+srv:// cannot be looked up
    return error.has_error_label("RetryableWriteError") or error.has_error_label("TransientTransactionError")

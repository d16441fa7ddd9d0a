"""Exceptions of the driver and of MongoEngine to boom errors: what a client may try again, and what it asked wrongly.

A database that is away is a 503. What a document or MongoDB refuses because of the data alone is the client's: 404,
409, 400 or 413. Everything else (a bad query, a wrong option) is a fault of the application, and left alone.
"""

from collections.abc import Iterator, Mapping
from traceback import walk_tb
from typing import Any, Final

from bson.errors import InvalidDocument, InvalidId
from dns.exception import DNSException
from mongoengine.base import NON_FIELD_ERRORS
from mongoengine.errors import DoesNotExist, FieldDoesNotExist, NotUniqueError, OperationError, ValidationError
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    DocumentTooLarge,
    DuplicateKeyError,
    ExecutionTimeout,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteConcernError,
)

from hapiish import boom

RETRY_AFTER = "1"  # seconds
REFUSED_BY_MODEL = "is refused by the model"

TOO_LARGE: Final = (10334, 17419, 17420)
REFUSED: Final[Mapping[int | None, str]] = {
    15: "it is nested too deeply",
    53: "its id is of no kind that ids have",
    66: "its id cannot change",
    121: "the collection has a rule against it",
    171: "two of its lists are in one index",
    17280: "a value is too long for its index",
}
"""Codes of MongoDB for data that it does not store."""


def translate(error: BaseException) -> boom.Boom | None:
    """The boom that says what `error` means to a client; None where it is a fault of the application.

    - MongoDB could not answer: 503 (code `unavailable`, Retry-After). That includes a write whose outcome is unknown:
      the client is told to try again, so writes need an idempotency key where doing them twice would matter.
    - `DoesNotExist`: 404. `NotUniqueError` and a duplicate key: 409 with the fields of the index.
    - `ValidationError`, `FieldDoesNotExist`, an id that is none, data that MongoDB does not store: 400 with the place.
    - A document over 16 MB: 413.
    """
    known = _away(error) or _refused(error)
    if known is not None:
        known.__cause__ = error
    return known


def unavailable(*, in_doubt: bool) -> boom.Boom:
    """The 503; `in_doubt` where a write may have been done all the same."""
    return boom.ServerUnavailable(
        "The database did not confirm in time; try again" if in_doubt else "The database is not available; try again",
        code="unavailable",
        data={"retryable": True},
        headers={"retry-after": RETRY_AFTER},
    )


def too_large() -> boom.Boom:
    """The 413 for a document that no collection takes."""
    return boom.EntityTooLarge("The document would be larger than MongoDB stores (16 MB)", code="too_large")


def not_unique(error: BaseException) -> boom.Boom:
    """The 409 for a duplicate key, with the fields of the index that says no, by their names in the database."""
    details = getattr(error.__context__, "details", None) or getattr(error, "details", None) or {}
    fields = list(details.get("keyPattern", ()))
    return boom.Conflict("The document is not unique", code="not_unique", data={"fields": fields})


def cause_of(error: BaseException) -> BaseException:
    """The driver's own exception: MongoEngine wraps some of them without naming the cause."""
    return error.__cause__ or error.__context__ or error if isinstance(error, OperationError) else error


def leaves(error: ValidationError) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What a document refuses, by the path to it, in the words of its `clean`; MongoEngine's may hold the value."""
    return _leaves(error.errors or {}, ())


def _leaves(
    errors: Any, path: tuple[str | int, ...], *, is_own: bool = False
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    inner = errors.errors if isinstance(errors, ValidationError) else errors
    if isinstance(inner, Mapping) and inner:
        for name, each in inner.items():
            is_whole = name == NON_FIELD_ERRORS
            yield from _leaves(each, path if is_whole else (*path, name), is_own=is_own or is_whole)
    elif is_own:
        field = getattr(errors, "field_name", None)
        yield (path if field is None else (*path, field)), str(errors)
    elif path:
        yield path, REFUSED_BY_MODEL


def _away(error: BaseException) -> boom.Boom | None:
    cause = cause_of(error)
    if not isinstance(cause, PyMongoError) or not _is_unavailable(cause):
        return None
    return unavailable(in_doubt=not isinstance(cause, ServerSelectionTimeoutError))


def _refused(error: BaseException) -> boom.Boom | None:
    cause = cause_of(error)
    code = getattr(cause, "code", None)
    if isinstance(error, DoesNotExist):
        return boom.NotFound(code="not_found")
    if isinstance(error, NotUniqueError) or isinstance(cause, DuplicateKeyError):
        return not_unique(error)
    if isinstance(cause, DocumentTooLarge) or code in TOO_LARGE:
        return too_large()
    if isinstance(error, ValidationError):
        return _invalid([(_pointer(path), words) for path, words in leaves(error)])
    if isinstance(error, OverflowError) and "8-byte ints" in str(error):  # which BSON says by an exception of Python's
        return boom.BadRequest("An integer is past the 64 bits that the database keeps", code="integer_range")
    if isinstance(error, InvalidId | InvalidDocument) or code in REFUSED or _is_unknown(error):
        return _invalid([])
    return None


def _invalid(faults: list[tuple[str, str]]) -> boom.Boom:
    """The 400, with places inside the document; never the values, and not the words of the driver, which hold them."""
    errors = [{"path": place, "message": words, "keyword": "model"} for place, words in faults]
    keys = [_key(place) for place, _ in faults if place]
    found = {"validation": {"source": "document", "keys": keys, "errors": errors}}
    return boom.BadRequest("The document is invalid", code="invalid_document", extra=found if errors else None)


def _pointer(path: tuple[str | int, ...]) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def _key(pointer: str) -> str:
    return pointer[1:].replace("/", ".").replace("~1", "/").replace("~0", "~")


def _is_unknown(error: BaseException) -> bool:
    """Whether a new document was given a field that its class does not have; a stored one is no client's fault."""
    if not isinstance(error, FieldDoesNotExist):
        return False
    frames = walk_tb(error.__traceback__)
    return not any(frame.f_code.co_name == "_from_son" for frame, _ in frames)


def _is_unavailable(error: PyMongoError) -> bool:
    if isinstance(error, BulkWriteError):
        return bool(error.details and error.details.get("writeConcernErrors")) and not error.details.get("writeErrors")
    if isinstance(error, ConnectionFailure | ExecutionTimeout | WriteConcernError) or error.timeout:
        return True
    if isinstance(error, ConfigurationError):
        return isinstance(error.__cause__, DNSException)  # the record behind mongodb+srv:// cannot be looked up
    return error.has_error_label("RetryableWriteError") or error.has_error_label("TransientTransactionError")

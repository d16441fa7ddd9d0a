"""Translates exceptions of PyMongo and MongoEngine to boom errors.

An unavailable database is a 503. Data that a document or MongoDB rejects is a client error: 404, 409, 400 or 413.
Everything else (a bad query, a wrong option) is a bug of the application and not translated.
"""

from collections.abc import Iterator, Mapping, Sequence
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
from hapiish.grammar.schema import escape, unescape

RETRY_AFTER = "1"  # seconds
REFUSED_BY_MODEL = "is refused by the model"

TOO_LARGE: Final = (10334, 17419, 17420)
REFUSED: Final[Mapping[int | None, str]] = {
    15: "it is nested too deeply",
    53: "its id has a type that ids cannot have",
    66: "its id cannot change",
    121: "it violates the validation rules of the collection",
    171: "an index covers two of its lists",
    17280: "a value is too long for its index",
}
"""MongoDB's error codes for data that it rejects."""


def translate(error: BaseException) -> boom.Boom | None:
    """Returns the boom error for `error`; None for a bug of the application.

    - MongoDB could not answer: 503 (code `unavailable`, Retry-After). That includes a write whose outcome is unknown.
      The client is asked to retry, so non-idempotent writes need an idempotency key.
    - `DoesNotExist`: 404. `NotUniqueError` and a duplicate key: 409 with the fields of the index.
    - `ValidationError`, `FieldDoesNotExist`, an invalid id, data that MongoDB rejects: 400 with the path.
    - A document over 16 MB: 413.
    """
    cause = cause_of(error)
    if isinstance(cause, PyMongoError) and _is_unavailable(cause):
        known: boom.Boom | None = unavailable(in_doubt=not isinstance(cause, ServerSelectionTimeoutError))
    else:
        known = _client_error(error, cause)
    if known is not None:
        known.__cause__ = error
    return known


def unavailable(*, in_doubt: bool) -> boom.Boom:
    """Returns the 503; `in_doubt` if a write may have succeeded."""
    return boom.ServerUnavailable(
        "The database did not confirm in time; try again" if in_doubt else "The database is not available; try again",
        code="unavailable",
        data={"retryable": True},
        headers={"retry-after": RETRY_AFTER},
    )


def too_large() -> boom.Boom:
    """Returns the 413 for a document over MongoDB's size limit."""
    return boom.EntityTooLarge("The document would be larger than MongoDB stores (16 MB)", code="too_large")


def not_unique(error: BaseException) -> boom.Boom:
    """Returns the 409 for a duplicate key, with the fields of the violated index by their names in the database."""
    details = getattr(error.__context__, "details", None) or getattr(error, "details", None) or {}
    fields = list(details.get("keyPattern", ()))
    return boom.Conflict("The document is not unique", code="not_unique", data={"fields": fields})


def cause_of(error: BaseException) -> BaseException:
    """Returns the driver's exception. MongoEngine wraps some of them without setting `__cause__`."""
    return error.__cause__ or error.__context__ or error if isinstance(error, OperationError) else error


def json_pointer(path: Sequence[str | int]) -> str:
    """Returns the JSON Pointer of a path (RFC 6901)."""
    return "".join(f"/{escape(step)}" for step in path)


def leaves(
    errors: Any, path: tuple[str | int, ...] = (), *, is_from_clean: bool = False
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yields path and message of each validation error.

    Only messages from the document's `clean` are passed on: MongoEngine's own messages may contain the value.
    """
    inner = errors.errors if isinstance(errors, ValidationError) else errors
    if isinstance(inner, Mapping) and inner:
        for name, nested in inner.items():
            is_whole = name == NON_FIELD_ERRORS
            yield from leaves(nested, path if is_whole else (*path, name), is_from_clean=is_from_clean or is_whole)
    elif is_from_clean:
        field = getattr(errors, "field_name", None)
        yield (path if field is None else (*path, field)), str(errors)
    elif path:
        yield path, REFUSED_BY_MODEL


def _client_error(error: BaseException, cause: BaseException) -> boom.Boom | None:
    code = getattr(cause, "code", None)
    if isinstance(error, DoesNotExist):
        return boom.NotFound(code="not_found")
    if isinstance(error, NotUniqueError) or isinstance(cause, DuplicateKeyError):
        return not_unique(error)
    if isinstance(cause, DocumentTooLarge) or code in TOO_LARGE:
        return too_large()
    if isinstance(error, ValidationError):
        return _invalid([(json_pointer(path), message) for path, message in leaves(error)])
    if isinstance(error, OverflowError) and "8-byte ints" in str(error):  # raised by BSON
        return boom.BadRequest("An integer does not fit into 64 bits", code="integer_range")
    if isinstance(error, InvalidId | InvalidDocument) or code in REFUSED or _is_unknown_field(error):
        return _invalid([])
    return None


def _invalid(faults: list[tuple[str, str]]) -> boom.Boom:
    """Returns the 400 with JSON Pointers into the document. The driver's messages are left out: they contain values."""
    errors = [{"path": pointer, "message": message, "keyword": "model"} for pointer, message in faults]
    keys = [_key(pointer) for pointer, _ in faults if pointer]
    extra = {"validation": {"source": "document", "keys": keys, "errors": errors}}
    return boom.BadRequest("The document is invalid", code="invalid_document", extra=extra if errors else None)


def _key(pointer: str) -> str:
    return unescape(pointer[1:].replace("/", "."))


def _is_unknown_field(error: BaseException) -> bool:
    """Returns True if a new document has an undeclared field. In a stored document that is no client error."""
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
        return isinstance(error.__cause__, DNSException)  # the SRV record of mongodb+srv:// cannot be resolved
    return error.has_error_label("RetryableWriteError") or error.has_error_label("TransientTransactionError")

"""Converts JSON values to Python and MongoDB values, one function per type. Independent of fields and requests.

Each function is strict: it raises Unfit for a value of another type.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, Inexact, InvalidOperation
from enum import Enum
from math import inf, isfinite
from uuid import UUID

from bson import DBRef, Decimal128, ObjectId

from hapiish.types import Value

Convert = Callable[[Value], Value]

INT64 = 2**63
LEVELS = 180  # levels of nesting that MongoDB stores, including the document
MILLISECOND = 1000  # microseconds


class Unfit(ValueError):
    """A value that does not fit. `path` is its place; the message never contains the value."""

    def __init__(self, message: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = path


def inside(step: str | int, convert: Convert, value: Value) -> Value:
    """Returns `convert(value)` for the value at `step`, None for null. Adds the step to the path of a fault."""
    if value is None:
        return None
    try:
        return convert(value)
    except Unfit as fault:
        raise Unfit(fault.message, (step, *fault.path)) from None


def shallow(value: Value) -> Value:
    """Returns `value` if its nesting is not deeper than MongoDB stores, else raises Unfit. Runs in linear time."""
    level = [value]
    for _ in range(LEVELS):
        level = [
            inner
            for outer in level
            if isinstance(outer, Mapping | list)
            for inner in (outer.values() if isinstance(outer, Mapping) else outer)
        ]
        if not level:
            return value
    raise Unfit(f"has more levels of nesting than MongoDB stores: {LEVELS}, the document's own included")


def text(value: Value) -> str:
    if not isinstance(value, str):
        raise Unfit("must be string")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Unfit("must be valid Unicode text, without an unpaired surrogate") from None
    return value


def whole(value: Value) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unfit("must be integer")
    if not -INT64 <= value < INT64:
        raise Unfit("must be an integer of 64 bits")
    return value


def number(value: Value) -> float:
    try:
        result = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else inf
    except OverflowError:
        result = inf
    if not isfinite(result):
        raise Unfit("must be number")
    return result


def decimal(value: Value) -> Decimal:
    try:
        number = Decimal(str(value)) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
    except (InvalidOperation, ValueError):  # ValueError: an integer of thousands of digits
        number = None
    if number is None or not number.is_finite() or abs(number.adjusted()) > 34:
        raise Unfit("must be a decimal number")
    return number


def decimal128(value: Value) -> Decimal128:
    try:
        return Decimal128(decimal(value))
    except Inexact:
        raise Unfit("has too many digits") from None


def boolean(value: Value) -> bool:
    if not isinstance(value, bool):
        raise Unfit("must be boolean")
    return value


def date_time(value: Value) -> datetime:
    try:
        moment = datetime.fromisoformat(text(value).upper())
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unfit("must be a valid date-time") from None
    return moment.replace(microsecond=moment.microsecond // MILLISECOND * MILLISECOND)


def date_time_text(moment: datetime) -> str:
    naive = moment if moment.tzinfo is None else moment.astimezone(UTC)
    return naive.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def day(value: Value) -> date:
    try:
        return date.fromisoformat(text(value))
    except ValueError:
        raise Unfit("must be a valid date") from None


def id(value: Value) -> ObjectId:
    if isinstance(value, ObjectId):
        return value
    if not isinstance(value, str) or not ObjectId.is_valid(value):
        raise Unfit("must be an id")
    return ObjectId(value)


def uuid(value: Value) -> UUID:
    try:
        return value if isinstance(value, UUID) else UUID(text(value))
    except ValueError:
        raise Unfit("must be a valid uuid") from None


def plain(value: Value) -> Value:
    """Converts a MongoDB value to JSON types: ids, decimals and UUIDs to text, dates to UTC with milliseconds."""
    kind = value.__class__
    if kind is str or kind is int or kind is bool or value is None or kind is float:
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items() if key != "_cls"}
    if isinstance(value, list | tuple | set):
        return [plain(inner) for inner in value]
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, datetime):
        return date_time_text(value)
    if isinstance(value, DBRef):
        return plain(value.id)
    if isinstance(value, ObjectId | Decimal128 | Decimal | UUID):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    return value if isinstance(value, int | str | float) else None


def json(value: Value) -> Value:
    """Returns any JSON value that BSON can represent, without names that MongoDB or MongoEngine interpret."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Mapping):
        return {name_of(key): inside(key, json, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [inside(index, json, inner) for index, inner in enumerate(value)]
    if isinstance(value, int) and not -INT64 <= value < INT64:
        raise Unfit("must be an integer of 64 bits")
    return number(value) if isinstance(value, float) else value


def name_of(key: Value) -> str:
    """Returns a name in stored JSON. Raises Unfit for an operator, a path and MongoEngine's class name `_cls`."""
    if not isinstance(key, str) or not key or key[0] == "$" or "." in key or "\0" in key or key == "_cls":
        raise Unfit("has a name that MongoDB does not allow")
    return text(key)

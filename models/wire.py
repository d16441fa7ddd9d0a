"""Conversions for clients: ids as text, times as ISO 8601 in UTC with milliseconds."""

from datetime import UTC, datetime

from bson import ObjectId


def now() -> datetime:
    """Returns the current time, truncated to MongoDB's milliseconds, so that stored and returned values are equal."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def iso(moment: datetime) -> str:
    """Formats a time in UTC, with or without its time zone, as `2017-12-06T09:30:00.123Z`."""
    return moment.isoformat("T", "milliseconds")[:23] + "Z"


def object_id(text: str) -> ObjectId | None:
    """Parses an id; None if the text is not a valid id."""
    return ObjectId(text) if ObjectId.is_valid(text) else None

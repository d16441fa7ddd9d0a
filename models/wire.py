"""Values as clients see them: ids as text, times as ISO 8601 in UTC with milliseconds."""

from datetime import UTC, datetime

from bson import ObjectId


def now() -> datetime:
    """The present moment, cut to the milliseconds that MongoDB keeps, so that what is told is what is read back."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def iso(moment: datetime) -> str:
    """`2017-12-06T09:30:00.123Z`; a time without a zone is UTC, as PyMongo reads it."""
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def object_id(text: str) -> ObjectId | None:
    """The id that a text stands for, None if it stands for none."""
    return ObjectId(text) if ObjectId.is_valid(text) else None

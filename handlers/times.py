"""Times from and for clients."""

from datetime import UTC, datetime

from hapiish import boom


def iso(moment: datetime) -> str:
    """Formats a time in UTC as `2017-12-06T09:30:00.123Z`, as the models do."""
    return moment.isoformat("T", "milliseconds")[:23] + "Z"


def parsed(text: str) -> datetime:
    """Returns a time of the schema `Time` in UTC.

    422 `invalid` for a leap second, and for a time that is beyond the calendar in UTC.
    """
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise boom.BadData("This time cannot be stored", code="invalid") from None

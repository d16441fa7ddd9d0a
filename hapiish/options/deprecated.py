"""`deprecated` of routes and events: RFC 9745 and RFC 8594."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from hapiish.declare.option import Text, option, settings

_DAY: Final = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME: Final = r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
Instant = Annotated[
    str, Text(f"^{_DAY}({_TIME})?$", 'a date such as "2026-01-31", or a time such as "2026-01-31T12:00:00Z"')
]
Link = Annotated[str, Text("^(https?://|/)[!#-;=?-~]*$", 'a URL such as "https://example.com/migration", or a path')]


def instant(text: str) -> datetime:
    """Returns an `Instant` in UTC, a date at its midnight; raises ValueError for a day that UTC does not have."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        return time.replace(tzinfo=UTC)
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError("its year in UTC is not one of 1 to 9999") from None


def _fault(merged: Mapping[str, Any]) -> tuple[str, str] | None:
    times: dict[str, datetime] = {}
    for key in ("since", "sunset"):
        try:
            if merged.get(key) is not None:
                times[key] = instant(merged[key])
        except ValueError as error:
            return key, f"{merged[key]!r} is not a date: {error}"
    if "since" in times and "sunset" in times and times["sunset"] < times["since"]:
        return "sunset", '"sunset" must not be before "since" (RFC 9745)'
    return None


@settings(
    short="since",
    also=(False, Instant),
    wanted='a date such as "2026-01-31", settings, or false',
    headers="hapiish.http.content.deprecation:headers",
    acknowledgement="hapiish.http.content.deprecation:acknowledgement",
    fault=_fault,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class Deprecated:
    """Announces that clients should stop using the route or event, which keeps working. Responses carry the headers
    `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and `Link`, acknowledgements the field `deprecated`, except raw ones.
    """

    since: Instant = option(description="The date or time of the deprecation; it may lie in the future.")
    sunset: Instant | None = option(
        None, "The date or time after which it may stop working.", examples=["2027-01-31T12:00:00Z"]
    )
    link: Link | None = option(
        None, "A page for developers of clients about the deprecation.", examples=["https://example.com/migration"]
    )

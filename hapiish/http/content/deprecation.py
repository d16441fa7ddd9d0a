"""Announces the deprecation of a route or event: `Deprecation` (RFC 9745), `Sunset` (RFC 8594), and their links."""

from email.utils import format_datetime

from hapiish.options.deprecated import Deprecated, instant
from hapiish.types import Json


def headers(settings: Deprecated) -> list[tuple[str, str]]:
    """Returns the response headers, constant for all responses of the route."""
    pairs = [("deprecation", f"@{int(instant(settings.since).timestamp())}")]
    if settings.sunset is not None:
        pairs.append(("sunset", format_datetime(instant(settings.sunset), usegmt=True)))
    if settings.link is not None:
        pairs.append(("link", f'<{settings.link}>; rel="deprecation"'))
    return pairs


def acknowledgement(settings: Deprecated) -> dict[str, Json]:
    """Returns the field of an event's acknowledgements, with the values as the table has them."""
    fields = {"since": settings.since, "sunset": settings.sunset, "link": settings.link}
    return {"deprecated": {name: value for name, value in fields.items() if value is not None}}

"""`cache` of a route: the header Cache-Control."""

from dataclasses import dataclass
from typing import Annotated, Literal

from hapiish.options.declare import Items, Range, option, settings
from hapiish.options.values import Duration, TimeOfDay


@settings(also=(False,), wanted="false or settings")
@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """The Cache-Control header of GET routes; false sends none."""

    expires_in: Duration | None = option(
        None, "How long a response may be kept; excludes `expiresAt`.", examples=["60s"]
    )
    expires_at: TimeOfDay | None = option(
        None, "Until when a response may be kept, as local time of each day; excludes `expiresIn`.", examples=["03:30"]
    )
    privacy: Literal["default", "public", "private"] = option("default", "Who may keep it; `default` says nothing.")
    statuses: Annotated[tuple[Annotated[int, Range(200, 599)], ...], Items(min=1)] = option(
        (200, 204), "Statuses that may be kept."
    )
    otherwise: str = option("no-cache", "The header's value in all other cases.")

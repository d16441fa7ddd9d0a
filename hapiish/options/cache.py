"""`cache` of a route: the header Cache-Control."""

from dataclasses import dataclass
from typing import Annotated, Literal

from hapiish.declare.option import Items, Range, option, settings
from hapiish.declare.types import Duration, TimeOfDay


@settings(also=(False,), wanted="false or settings")
@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """The Cache-Control header of GET routes; false sends none."""

    expires_in: Duration | None = option(
        None, "The time that a response may be cached; excludes `expiresAt`.", examples=["60s"]
    )
    expires_at: TimeOfDay | None = option(
        None, "The local time of day until which a response may be cached; excludes `expiresIn`.", examples=["03:30"]
    )
    privacy: Literal["default", "public", "private"] = option(
        "default", "The directive `public` or `private`; `default` sends neither."
    )
    statuses: Annotated[tuple[Annotated[int, Range(200, 599)], ...], Items(min=1)] = option(
        (200, 204), "Statuses of responses that may be cached."
    )
    otherwise: str = option("no-cache", "The value of the header for all other responses.")

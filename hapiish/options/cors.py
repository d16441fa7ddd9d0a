"""`cors` of a route: cross-origin requests."""

from dataclasses import dataclass
from typing import Annotated, Literal

from hapiish.declare.option import Items, Text, option, settings
from hapiish.declare.types import AnyText, Seconds

Origin = Annotated[
    str,
    Text(
        r"^(\*|null|[A-Za-z*][A-Za-z0-9+.*-]*://[^/#\\@\s,]+)$",
        'an origin such as "https://app.example.com": scheme, host and optional port, without a path',
    ),
]


@settings(also=(True, False), wanted="true, false or settings")
@dataclass(frozen=True, slots=True, kw_only=True)
class Cors:
    """Cross-origin requests: true for the defaults below, settings, or false."""

    origin: Annotated[tuple[Origin, ...], Items(min=1, add=True)] | Literal["ignore"] = option(
        ("*",),
        "Origins that may read responses: scheme, host and port, without a path. `*` within an origin matches "
        "any text within the host; `*` alone matches any origin. `ignore` sends `*` without checking the "
        "origin.",
        examples=[["https://app.example.com"]],
        wanted='a list of origins, or "ignore"',
    )
    max_age: Seconds = option(Seconds(86400), "The time that browsers may cache a preflight response, in seconds.")
    headers: tuple[AnyText, ...] = option(
        ("Accept", "Authorization", "Content-Type", "If-None-Match"), "Allowed request headers."
    )
    additional_headers: Annotated[tuple[AnyText, ...], Items(add=True)] = option(
        (), "Allowed request headers in addition to `headers`."
    )
    exposed_headers: tuple[AnyText, ...] = option(
        ("WWW-Authenticate", "Server-Authorization"), "Response headers that scripts may read."
    )
    additional_exposed_headers: Annotated[tuple[AnyText, ...], Items(add=True)] = option(
        (), "Response headers that scripts may read in addition to `exposedHeaders`."
    )
    credentials: bool = option(
        False, "Allows requests with credentials (cookies, authorization). It requires a list of specific origins."
    )
    preflight_status_code: Literal[200, 204] = option(200, "The status of preflight responses.")

"""Expiry times of cached values, and consistency rules of cache policies; shared by checks and caches.

All durations are milliseconds. The rules are catbox's (lib/policy.js).
"""

import time
from collections.abc import Iterator, Mapping
from typing import Any


def until(expires_at: str, now: float) -> int:
    """Returns the milliseconds from `now` (seconds since the epoch) until the next local time `expires_at` ("03:30").

    `mktime` handles the ends of months and daylight saving time.
    """
    hour, _, minute = expires_at.partition(":")
    today = time.localtime(now)
    for day in (today.tm_mday, today.tm_mday + 1):
        then = time.mktime((today.tm_year, today.tm_mon, day, int(hour), int(minute), 0, 0, 0, -1))
        if then > now:
            break
    return int((then - now) * 1000)


def contradictions(policy: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yields the contradictions in the settings of a cache policy: the key as in the file, and the reason.

    Durations are milliseconds; None means not set; `staleIn` may also be a callable or text.
    """
    given = {key for key, value in policy.items() if value is not None}

    def number(key: str) -> int | None:
        value = policy.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    if {"expiresIn", "expiresAt"} <= given:
        yield "expiresAt", '"expiresAt" and "expiresIn" exclude each other'
    for key, needed in _NEEDS:
        if key in given and needed not in given:
            yield key, f'"{key}" needs "{needed}"'
    expires, stale, timeout = number("expiresIn"), number("staleIn"), number("staleTimeout")
    pending = number("pendingGenerateTimeout")
    if expires is not None and stale is not None and stale >= expires:
        yield "staleIn", '"staleIn" must be less than "expiresIn"'
    elif expires is not None and timeout is not None and timeout >= expires - (stale or 0):
        yield "staleTimeout", '"staleTimeout" must be less than "expiresIn" less "staleIn"'
    if "expiresAt" in given and stale is not None and stale >= _DAY:
        yield "staleIn", '"staleIn" must be less than a day beside "expiresAt"'
    if timeout is not None and pending is not None and timeout >= pending:
        yield "pendingGenerateTimeout", '"pendingGenerateTimeout" must be greater than "staleTimeout"'


_DAY = 86_400_000
_NEEDS = (
    ("staleIn", "staleTimeout"),
    ("staleTimeout", "staleIn"),
    ("staleIn", "generateFunc"),
    ("dropOnError", "generateFunc"),
    ("generateOnReadError", "generateFunc"),
    ("generateIgnoreWriteError", "generateFunc"),
    ("pendingGenerateTimeout", "generateFunc"),
    ("generateTimeout", "generateFunc"),
    ("generateFunc", "generateTimeout"),
)

"""Preconditions and byte ranges of RFC 9110 (§13, §14), as functions of header texts.

The caller decides when to evaluate: before sending, where GET and HEAD may become a 304, or before a handler changes
anything, where any method may fail with 412.

No library evaluates these for ASGI: Starlette's FileResponse ignores If-Match.
"""

import re
import time
from collections.abc import Mapping, Sequence
from email.utils import mktime_tz, parsedate_tz

from hapiish import boom

Outcome = tuple[int, str | None]
"""304 or 412, and the entity tag to respond with; None leaves the tag unchanged."""

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_TEXT = re.compile(r"[\x21\x23-\x7e\x80-\xff]+")
_RANGE = re.compile(r"(?P<first>\d{1,18})-(?P<last>\d{1,18})?|-(?P<suffix>\d{1,18})", re.ASCII)

_MAX_RANGES = 100
_MAX_DATE_LENGTH = 64


def format_etag(tag: str, *, weak: bool = False) -> str:
    """Formats an entity tag for a header; raises ValueError for an invalid tag."""
    if tag == "*" or not _TEXT.fullmatch(tag):
        raise ValueError(f"an ETag consists of visible characters without quotes and spaces, not {tag!r}")
    return f'W/"{tag}"' if weak else f'"{tag}"'


def entity_tags(header: str) -> list[tuple[bool, str]]:
    """Parses `If-Match` or `If-None-Match`: pairs of whether a tag is weak and its text without quotes."""
    return [(bool(weak), tag) for weak, tag in _TAG.findall(header)]


def evaluate(
    method: str, headers: Mapping[str, str], etag: str | None, last_modified: str | None, codings: Sequence[str] = ()
) -> Outcome | None:
    """Evaluates the preconditions in `headers` (lower-case names) in the order of §13.2.2; None if none fails.

    `etag` and `last_modified` are the current validators as header texts. A strong tag also matches with the suffix of
    one of the `codings`, which compressed bodies have.
    """
    if "if-match" in headers:
        if not any(_any_strong(headers["if-match"], tag) for tag in (etag, *_variants(etag, codings))):
            return 412, None
    elif "if-unmodified-since" in headers and _changed(last_modified, headers["if-unmodified-since"]) is True:
        return 412, None
    safe = method.upper() in ("GET", "HEAD")
    if "if-none-match" in headers:
        matched, tag = _any_weak(headers["if-none-match"], etag, _variants(etag, codings))
        if matched:
            return (304, tag) if safe else (412, None)
    elif safe and "if-modified-since" in headers and _changed(last_modified, headers["if-modified-since"]) is False:
        return 304, None
    return None


def byte_range(
    header: str, if_range: str | None, etag: str | None, length: int, last_modified: str | None = None
) -> tuple[int, int] | None:
    """First and last byte of the requested range; None to send the whole body of `length` bytes.

    Unknown units, malformed headers and more than 100 ranges are ignored; several ranges are merged if they touch, else
    ignored. A date as `if_range` must equal `last_modified` and be more than a second old. Raises RangeNotSatisfiable
    if no requested byte exists.
    """
    unit, _, text = header.partition("=")
    if unit.strip().lower() != "bytes" or not length:
        return None
    if if_range is not None and not _any_strong(if_range, etag):
        since = _seconds(if_range)
        if since is None or since != _seconds(last_modified) or time.time() < since + 1:
            return None
    requested = _ranges(text)
    if not requested:
        return None
    ranges = sorted(
        resolved for resolved in (_resolved(first, last, length) for first, last in requested) if resolved is not None
    )
    if not ranges:
        raise boom.RangeNotSatisfiable(headers={"content-range": f"bytes */{length}"})
    start, end = ranges[0]
    for first, last in ranges[1:]:
        if first > end + 1:
            return None
        end = max(end, last)
    return start, end


def _any_strong(header: str, etag: str | None) -> bool:
    """Compares strongly (§8.8.3.2): weak tags never match. `*` matches any state."""
    if header.strip() == "*":
        return True
    return etag is not None and any(not weak and f'"{tag}"' == etag for weak, tag in _TAG.findall(header))


def _variants(etag: str | None, codings: Sequence[str]) -> list[str]:
    """The tags of the compressed bodies of the same state."""
    return [] if etag is None or etag.startswith("W/") else [f'{etag[:-1]}-{coding}"' for coding in codings]


def _any_weak(header: str, etag: str | None, variants: Sequence[str]) -> tuple[bool, str | None]:
    """Compares weakly; also returns the form of the tag that the client has, if it differs (hapi)."""
    if header.strip() == "*":
        return True, None
    if etag is None:
        return False, None
    client_tags = {f'{weak}"{tag}"' for weak, tag in _TAG.findall(header)}
    strong = etag.removeprefix("W/")
    if etag in client_tags:
        return True, None
    for other in (f"W/{strong}", *variants):
        if other in client_tags:
            return True, other
    return strong in client_tags, None


def _changed(last_modified: str | None, since: str) -> bool | None:
    """Returns whether the state is newer than `since`; None if either date is missing or invalid."""
    modified, limit = _seconds(last_modified), _seconds(since)
    return None if modified is None or limit is None else modified > limit


def _seconds(date: str | None) -> int | None:
    parsed = parsedate_tz(date) if date and len(date) <= _MAX_DATE_LENGTH else None
    if parsed is None:
        return None
    try:
        return mktime_tz(parsed)
    except (ValueError, OverflowError):
        return None


def _ranges(text: str) -> list[tuple[int | None, int | None]]:
    """Pairs of first and last byte, first None for a suffix; empty if one is malformed or there are too many."""
    ranges: list[tuple[int | None, int | None]] = []
    if text.count(",") >= _MAX_RANGES:
        return []
    for part in text.split(","):
        if not part.strip():
            continue
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            return []
        first, last, suffix = (None if digits is None else int(digits) for digits in match.groups())
        if first is not None and last is not None and last < first:
            return []
        ranges.append((None, suffix) if first is None else (first, last))
    return ranges


def _resolved(first: int | None, last: int | None, length: int) -> tuple[int, int] | None:
    if first is None:
        return (max(length - last, 0), length - 1) if last else None
    if first >= length:
        return None
    return first, length - 1 if last is None else min(last, length - 1)

"""Durations, sizes and rates as they may be written (`10s`, `1MB`, `5/second`) to numbers of milliseconds and bytes."""

import re
from typing import Any, Final

from hapiish.options.values import Duration, Seconds, Size

_WRITTEN: Final = re.compile(r"([0-9]+)([A-Za-z]*)")
_MILLISECONDS: Final = {"": 1, "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_SPANS: Final = {"second": "1s", "minute": "1m", "hour": "1h", "day": "1d"}
_BYTES: Final = {"": 1, "B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}


def duration(value: int | str) -> Duration:
    """Milliseconds; a number is milliseconds already."""
    return Duration(_number(value, _MILLISECONDS))


def seconds(value: int | str) -> Seconds:
    """Seconds; a number, and text without a unit, is seconds already."""
    if isinstance(value, int) or value.isdecimal():
        return Seconds(int(value))
    return Seconds(_number(value, _MILLISECONDS) // 1000)


def size(value: int | str) -> Size:
    """Bytes; 1 KB is 1024 of them, as hapi's own defaults are."""
    return Size(_number(value, _BYTES))


def rate(value: str) -> dict[str, Any]:
    """`5/second` or `100/15m` as the keys of a limit."""
    most, _, span = value.partition("/")
    return {"max": int(most), "duration": _SPANS.get(span, span)}


def shown(value: Any, unit: Any) -> Any:
    """A number of milliseconds or bytes as it is best written: `10s`, `1MB`; other values stay as they are."""
    units = {Duration: _MILLISECONDS, Size: _BYTES}.get(unit, {})
    if isinstance(value, bool) or not isinstance(value, int) or not value:
        return value
    name = next((name for name in reversed(units) if name and value % units[name] == 0), "")
    return f"{value // units[name]}{name}" if name not in ("", "ms", "B") else value


def _number(value: int | str, units: dict[str, int]) -> int:
    if isinstance(value, int):
        return value
    match = _WRITTEN.fullmatch(value)
    if match is None or match[2] not in units:
        raise ValueError(f"not a number with a unit: {value!r}")
    return int(match[1]) * units[match[2]]

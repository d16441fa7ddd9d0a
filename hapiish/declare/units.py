"""Converts durations, sizes and rates in the file's notation (`10s`, `1MB`, `5/second`) to milliseconds and bytes."""

import re
from typing import Any, Final

from hapiish.declare.types import Duration, Seconds, Size

_NOTATION: Final = re.compile(r"([0-9]+)([A-Za-z]*)")
_MILLISECONDS: Final = {"": 1, "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_SPANS: Final = {"second": "1s", "minute": "1m", "hour": "1h", "day": "1d"}
_BYTES: Final = {"": 1, "B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}


def duration(value: int | str) -> Duration:
    """Returns milliseconds; a number is milliseconds already."""
    return Duration(_number(value, _MILLISECONDS))


def seconds(value: int | str) -> Seconds:
    """Returns seconds; a number, or a text without a unit, is seconds already."""
    if isinstance(value, int) or value.isdecimal():
        return Seconds(int(value))
    return Seconds(_number(value, _MILLISECONDS) // 1000)


def size(value: int | str) -> Size:
    """Returns bytes; 1 KB is 1024 bytes, as in hapi's defaults."""
    return Size(_number(value, _BYTES))


def rate(value: str) -> dict[str, Any]:
    """Returns the keys of a limit for `5/second` or `100/15m`."""
    most, _, span = value.partition("/")
    return {"max": int(most), "duration": _SPANS.get(span, span)}


def shown(value: Any, unit: Any) -> Any:
    """Returns milliseconds or bytes with the largest unit that divides them: `10s`, `1MB`; other values unchanged."""
    units = {Duration: _MILLISECONDS, Size: _BYTES}.get(unit, {})
    if isinstance(value, bool) or not isinstance(value, int) or not value:
        return value
    name = next((name for name in reversed(units) if name and value % units[name] == 0), "")
    return f"{value // units[name]}{name}" if name not in ("", "ms", "B") else value


def _number(value: int | str, units: dict[str, int]) -> int:
    if isinstance(value, int):
        return value
    match = _NOTATION.fullmatch(value)
    if match is None or match[2] not in units:
        raise ValueError(f"not a number with a unit: {value!r}")
    return int(match[1]) * units[match[2]]

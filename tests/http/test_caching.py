import time
from typing import Any

import pytest

from hapiish.http.content.cache_control import CacheControl
from hapiish.options import Cache


def control(get: bool = True, now: float = 0.0, **changes: Any) -> CacheControl:
    return CacheControl(Cache(**changes), get, clock=lambda: now)


@pytest.mark.parametrize(
    ("changes", "status", "ttl", "private", "value"),
    [
        ({}, 200, None, False, "no-cache"),
        ({"otherwise": "no-store"}, 200, None, True, "no-store"),
        ({}, 200, 30000, False, "max-age=30, must-revalidate"),
        ({}, 404, 30000, True, "max-age=30, must-revalidate, private"),
        ({}, 200, 0, False, "no-cache"),
        ({"expires_in": 60000}, 200, None, False, "max-age=60, must-revalidate"),
        ({"expires_in": 60999}, 204, None, False, "max-age=60, must-revalidate"),
        ({"expires_in": 60000}, 304, None, False, "max-age=60, must-revalidate"),
        ({"expires_in": 60000}, 404, None, False, "no-cache"),
        ({"expires_in": 60000}, 200, None, True, "max-age=60, must-revalidate, private"),
        ({"expires_in": 60000}, 200, 5000, False, "max-age=5, must-revalidate"),
        ({"expires_in": 60000}, 200, 0, False, "max-age=0, must-revalidate"),
        ({"expires_in": 60000, "privacy": "public"}, 200, None, False, "max-age=60, must-revalidate, public"),
        ({"expires_in": 60000, "privacy": "public"}, 200, None, True, "max-age=60, must-revalidate, private"),
        ({"expires_in": 60000, "privacy": "private"}, 200, None, False, "max-age=60, must-revalidate, private"),
        ({"expires_in": 60000, "statuses": (202,)}, 202, None, False, "max-age=60, must-revalidate"),
        ({"expires_in": 60000, "statuses": (202,)}, 304, None, False, "no-cache"),
    ],
)
def test_the_first_rule_that_applies_gives_the_value(
    changes: dict[str, Any], status: int, ttl: int | None, private: bool, value: str
) -> None:
    assert control(**changes).value(status, ttl, private) == value


def test_only_get_routes_are_cached() -> None:
    assert control(get=False, expires_in=60000).value(200, None, False) == "no-cache"
    assert control(get=False, expires_in=60000).value(200, 1000, False) == "max-age=1, must-revalidate"


def test_the_value_is_constant_exactly_where_no_response_can_change_it() -> None:
    assert control(otherwise="no-store").constant == "no-store"
    assert control(get=False, expires_in=60000).constant == "no-cache"
    assert control(expires_in=60000).constant is None
    assert control(expires_at="3:00").constant is None


@pytest.mark.parametrize(
    ("hour", "minute", "second", "expires_at", "seconds"),
    [(10, 0, 0, "10:30", 1800), (10, 0, 0, "9:59", 86340), (10, 0, 0, "10:00", 86400), (23, 59, 30, "0:00", 30)],
)
def test_a_time_of_day_counts_down_to_its_next_coming(
    hour: int, minute: int, second: int, expires_at: str, seconds: int
) -> None:
    now = time.mktime((2026, 1, 31, hour, minute, second, 0, 0, -1))
    assert control(now=now, expires_at=expires_at).value(200, None, False) == f"max-age={seconds}, must-revalidate"


def test_a_day_with_a_change_of_clocks_has_its_own_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    try:
        now = time.mktime((2026, 3, 28, 12, 0, 0, 0, 0, -1))
        assert control(now=now, expires_at="11:00").value(200, None, False) == "max-age=79200, must-revalidate"
    finally:
        monkeypatch.undo()
        time.tzset()

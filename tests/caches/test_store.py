"""A cache returns values unchanged, or refuses to store them."""

from datetime import date
from typing import Any

import pytest

from hapiish.caches.store import pack, unpack

LONG = 99999999999999999999999


@pytest.mark.parametrize("value", [LONG, -LONG, {"a": [LONG, "x", None, 1.5]}, [10**2000], "9" * 30, {"f": 0.1}])
def test_a_value_is_the_same_afterwards(value: Any) -> None:
    assert unpack(pack(value)) == value


@pytest.mark.parametrize("value", [[LONG, date(2020, 1, 1)], {1: LONG}, [LONG, b"x"], [LONG, {1}], date(2020, 1, 1)])
def test_what_would_come_back_as_something_else_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        pack(value)

"""Document fields: the values that clients may set and filter by, without errors in MongoDB."""

from typing import Any

import mongoengine as me
import pytest
from bson import Decimal128

from hapiish.kinds.model.fields import members_of
from hapiish.kinds.model.types import Type
from hapiish.kinds.model.values import Unfit


class Ledger(me.Document):
    price = me.DecimalField(precision=2)
    text = me.DecimalField(precision=4, force_string=True)
    exact = me.Decimal128Field()


def typed(name: str) -> Type:
    found = members_of(Ledger)[name].type
    assert found is not None
    assert found.store is not None
    return found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("price", 1e30),
        ("price", "1" * 34),
        ("text", "1" * 25),
        ("exact", "1" * 20 + "." + "1" * 20),
        ("exact", "NaN"),
        ("price", True),
    ],
)
def test_a_number_with_more_digits_than_its_field_has_is_refused(name: str, value: Any) -> None:
    found = typed(name)
    assert found.store is not None
    for convert in (found.parse, found.store):
        with pytest.raises(Unfit):
            convert(value)


@pytest.mark.parametrize(
    ("name", "value", "stored"),
    [
        ("price", "12.345", 12.35),
        ("price", 1e20, 1e20),
        ("text", 1, "1.0000"),
        ("exact", "0." + "1" * 34, Decimal128("0." + "1" * 34)),
    ],
)
def test_a_number_that_fits_is_stored_as_its_field_does(name: str, value: Any, stored: Any) -> None:
    found = typed(name)
    assert found.store is not None
    assert found.store(value) == stored
    Ledger(**{name: found.parse(value)}).validate()

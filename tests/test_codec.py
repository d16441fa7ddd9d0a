import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from bson import SON, Decimal128, Int64, ObjectId
from hypothesis import given
from hypothesis import strategies as st

from hapiish.codec import decode, encode, whole

ID = ObjectId("5a1b2c3d4e5f60718293a4b5")
NAIVE = datetime.fromisoformat("2020-01-02T00:00:00")


class Colour(Enum):
    RED = "red"


class Document:
    """What a MongoEngine document looks like from outside."""

    def __init__(self, **fields: Any) -> None:
        self.fields = fields

    def to_mongo(self) -> SON[str, Any]:
        return SON(self.fields)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (NAIVE, '"2020-01-02T00:00:00.000Z"'),
        (datetime(2020, 1, 2, 3, 4, 5, 678901, tzinfo=UTC), '"2020-01-02T03:04:05.678Z"'),
        (datetime(2020, 1, 1, 1, tzinfo=timezone(timedelta(hours=2))), '"2019-12-31T23:00:00.000Z"'),
        (date(2020, 1, 2), '"2020-01-02"'),
        (time(3, 4, 5), '"03:04:05"'),
        (ID, '"5a1b2c3d4e5f60718293a4b5"'),
        (Decimal("1.10"), '"1.10"'),
        (Decimal128("2.50"), '"2.50"'),
        (Int64(3), "3"),
        (frozenset({1}), "[1]"),
        ((1, 2), "[1,2]"),
        (Colour.RED, '"red"'),
        (uuid.UUID(int=0), '"00000000-0000-0000-0000-000000000000"'),
        (float("nan"), "null"),
        (2**64, "18446744073709551616"),
        (timedelta(hours=26), '"P1DT2H"'),
        ([2**64, "\ud83c", Document(x={1})], '[18446744073709551616,"\ufffd",{"x":[1]}]'),
        ("žluť", '"žluť"'),
        (Document(_id=ID, tags={"a"}), '{"_id":"5a1b2c3d4e5f60718293a4b5","tags":["a"]}'),
        ([Document(at=NAIVE)], '[{"at":"2020-01-02T00:00:00.000Z"}]'),
        ({2: "a", None: "b", True: "c", ID: "d"}, '{"2":"a","null":"b","true":"c","5a1b2c3d4e5f60718293a4b5":"d"}'),
        ({"a": [{NAIVE: Document(x=1)}]}, '{"a":[{"2020-01-02T00:00:00.000Z":{"x":1}}]}'),
    ],
)
def test_a_value_has_one_text(value: Any, text: str) -> None:
    assert encode(value) == text.encode()


@pytest.mark.parametrize("value", [b"bytes", bytearray(b"x"), object(), {(1, 2): 3}, {b"k": 1}])
def test_what_json_cannot_say_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        encode({"value": value} if not isinstance(value, Mapping) else value)


@pytest.mark.parametrize("text", ["", "NaN", "1e999", "[" * 2000 + "]" * 2000, "{'a':1}", b"\xff"])
def test_what_is_not_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError):
        decode(text)


HALVES = [
    ("\\ud83c", "\ufffd"), ("\\ude00 \\uD83C", "\ufffd \ufffd"), ("\\ud83c\\ud83c\\udf89", "\ufffd🎉"),
    ("\\ud83c\\udf89\\udf89", "🎉\ufffd"), ("\\\\ud83c\\ud83c", "\\ud83c\ufffd"), ("\\ud83c\\n", "\ufffd\n"),
    ("\\ud83c\\\\udf89", "\ufffd\\udf89"), ("\\ud83cž", "\ufffdž"), ("\\ud83c\\u0041", "\ufffdA"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), HALVES)
def test_half_a_surrogate_pair_is_read_as_the_replacement_character(text: str, value: str) -> None:
    assert decode(f'{{"{text}":["{text}"]}}') == {value: [value]}
    assert decode(f'["{text}"]'.encode()) == [value]


@dataclass
class Note:
    text: str


class Half(Enum):
    HIGH = "\ud83c"


@pytest.mark.parametrize(
    "value",
    [
        *("\ud83c", ["a", ("\ud83c",)], {"\ud83c": {"k": "\ud83c"}}, {1: "\ud83c"}, {"\ud83c"}),
        *(Document(x="\ud83c"), [Note("\ud83c")], Half.HIGH),
    ],
)
def test_half_a_surrogate_pair_is_sent_as_the_replacement_character(value: Any) -> None:
    assert "\ufffd" in encode(value).decode()


@given(st.text(st.characters() | st.characters(categories=["Cs"])))
def test_text_that_utf_8_can_say_stays_as_it_is_and_other_text_keeps_its_sound_characters(text: str) -> None:
    made = whole(text)
    made.encode()
    if text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text):
        assert made == text
    assert decode(json.dumps(text)) == made == decode(encode(text))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)  # fmt: skip


@given(json_values)
def test_json_survives_a_round_trip(value: Any) -> None:
    assert decode(encode(value)) == value

"""Unquoted scalars: the core schema of YAML 1.2, without ambiguous forms."""

import pytest

from hapiish.table.problems.codes import Code
from hapiish.table.text import scalars

VALUES = [
    ("", None),
    ("~", None),
    ("null", None),
    ("NULL", None),
    ("nUll", "nUll"),
    ("true", True),
    ("True", True),
    ("TRUE", True),
    ("tRue", "tRue"),
    ("false", False),
    ("NO", "NO"),
    ("yes", "yes"),
    ("off", "off"),
    ("on", "on"),
    ("0", 0),
    ("-0", 0),
    ("+12", 12),
    ("-7", -7),
    ("0o755", 493),
    ("0x1F", 31),
    ("0b11", "0b11"),
    ("0o9", "0o9"),
    ("22:22", "22:22"),
    ("12:30:45", "12:30:45"),
    ("1_000", "1_000"),
    ("1e3", 1000.0),
    ("1.10", 1.1),
    (".5", 0.5),
    ("5.", 5.0),
    ("-1.5E-2", -0.015),
    ("1.0.0", "1.0.0"),
    ("2026-11-22", "2026-11-22"),
    ("2026-11-22T10:00:00Z", "2026-11-22T10:00:00Z"),
    ("+", "+"),
    ("-", "-"),
    (".", "."),
    ("1e", "1e"),
    ("10s", "10s"),
    ("/users/{id}", "/users/{id}"),
]


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_unquoted_text_is_read_by_the_1_2_core_rules(text: str, value: object) -> None:
    read = scalars.read(text)
    assert (type(read), read) == (type(value), value)


@pytest.mark.parametrize("text", ["0755", "-012", "00", "01.5", "0800"])
def test_leading_zeros_are_refused(text: str) -> None:
    with pytest.raises(scalars.ScalarError) as caught:
        scalars.read(text)
    assert caught.value.code == Code.LEADING_ZERO


def test_an_octal_form_is_suggested_only_where_it_is_one() -> None:
    with pytest.raises(scalars.ScalarError) as octal:
        scalars.read("0755")
    with pytest.raises(scalars.ScalarError) as decimal:
        scalars.read("0800")
    assert "0o" in octal.value.hint
    assert "0o" not in decimal.value.hint


@pytest.mark.parametrize("text", [".inf", "-.INF", "+.Inf", ".nan", ".NaN", "1e999", "9" * 400])
def test_numbers_that_json_cannot_carry_are_refused(text: str) -> None:
    with pytest.raises(scalars.ScalarError) as caught:
        scalars.read(text)
    assert caught.value.code == Code.NOT_JSON

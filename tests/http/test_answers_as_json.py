"""Serialization of handler results, and the errors for values that cannot be sent."""

import asyncio
import logging
from typing import Any

import pytest

from hapiish import Application
from hapiish.testing import Injected, inject
from tests.http.conftest import Make

ROUTE = "routes: [{method: GET, path: /, handler: 'my:show', options: %s}]\n"


def get(app: Application, **given: Any) -> Injected:
    return asyncio.run(inject(app, url="/", **given))


def returning(value: str) -> str:
    return (
        f"from datetime import *\nfrom enum import *\nfrom uuid import *\ndef show(request, h):\n    return {value}\n"
    )


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("{'d': timedelta(days=1, hours=2)}", '{"d":"P1DT2H"}'),
        ("{'d': timedelta(milliseconds=500)}", '{"d":"PT0.5S"}'),
        ("{'d': -timedelta(minutes=90)}", '{"d":"-PT1H30M"}'),
        ("{'d': timedelta(0)}", '{"d":"PT0S"}'),
        ("{'d': timedelta(days=-1)}", '{"d":"-P1D"}'),
        ("{'d': timedelta(microseconds=1)}", '{"d":"PT0.000001S"}'),
        ("[2**64, UUID(int=1)]", '[18446744073709551616,"00000000-0000-0000-0000-000000000001"]'),
        ("[2**64, timedelta(days=2), {3: date(2020, 1, 2)}]", '[18446744073709551616,"P2D",{"3":"2020-01-02"}]'),
        ("[2**64, float('nan'), 'é']", '[18446744073709551616,null,"é"]'),
    ],
)
def test_a_value_has_one_text(make: Make, value: str, sent: str) -> None:
    assert get(make(ROUTE % "{}", returning(value))).text == sent


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("{'items': [{'data': b'x'}]}", "cannot send bytes at /items/0/data"),
        ("[1, {'a/b': object()}]", "cannot send object at /1/a~1b"),
        ("{'a': {(1, 2): 3}}", "cannot send tuple as a key at /a"),
        ("{'n': 2**70, 'rest': {'t': b''}}", "cannot send bytes at /rest/t"),
        ("__import__('functools').reduce(lambda inner, _: [inner], range(300), 1)", "more than 254 levels"),
    ],
)
def test_what_cannot_be_sent_is_a_500_whose_log_names_the_place(
    make: Make, caplog: pytest.LogCaptureFixture, value: str, said: str
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = get(make(ROUTE % "{}", returning(value)))
    assert answer.status_code == 500
    assert said in caplog.text
    assert "cannot send" not in answer.text


def test_a_schema_of_the_answer_judges_what_is_sent(make: Make) -> None:
    rule = "{response: {schema: {properties: {d: {type: string, format: duration}, n: {type: integer}}}}}"
    assert get(make(ROUTE % rule, returning("{'d': timedelta(days=1), 'n': 2**70}"))).json == {"d": "P1D", "n": 2**70}
    assert get(make(ROUTE % rule, returning("{'d': timedelta(days=1), 'n': 1.5}"))).status_code == 500


@pytest.mark.parametrize("options", ["{json: {space: 2}}", "{json: {escape: true}}", "{json: {replacer: [n, d]}}"])
def test_a_format_keeps_integers_exact(make: Make, options: str) -> None:
    value = "{'n': 99999999999999999999999, 'd': timedelta(days=1)}"
    assert get(make(ROUTE % options, returning(value))).json == {"n": 99999999999999999999999, "d": "P1D"}

"""Presets: named options, and option templates with parameters."""

from typing import Any

import pytest

from hapiish.options import RouteOptions
from hapiish.table import check_text

HEAD = """
params: {level: {type: integer, default: 2}, note: {type: string, default: "${WHO:somebody}"}}
presets:
  kept:
    params: {seconds: {type: integer, default: 60}, who: {type: string, default: private}}
    cache: {expiresIn: "${params.seconds}", privacy: "${params.who}"}
    notes: ["kept ${params.seconds} by ${params.note}"]
  long: {use: [{kept: {seconds: 3600}}], tags: [long]}
  limited:
    params: {max: {}}
    use: [{kept: {seconds: "${params.max}"}}]
    payload: {maxBytes: "${params.max}"}
"""


def options(written: str) -> RouteOptions:
    text = f"{HEAD}\nroutes: [{{method: POST, path: /, handler: a:b, options: {written}}}]"
    built, problems = check_text(text, "f", {})
    assert problems == []
    assert built is not None
    return built.routes[0].options


FILLED: list[tuple[str, Any]] = [
    ("{use: kept}", (60, "private", ("kept 60 by somebody",), (), 1048576)),
    ("{use: [{kept: {seconds: 5, who: public}}]}", (5, "public", ("kept 5 by somebody",), (), 1048576)),
    ("{use: [{kept: }]}", (60, "private", ("kept 60 by somebody",), (), 1048576)),
    ("{use: [long]}", (3600, "private", ("kept 3600 by somebody",), ("long",), 1048576)),
    ("{use: [{limited: {max: 9}}]}", (9, "private", ("kept 9 by somebody",), (), 9)),
    ("{use: [{kept: {seconds: '${params.level}'}}, long]}", (3600, "private", ("kept 3600 by somebody",), ("long",),
                                                           1048576)),
    ("{use: [long, {kept: {seconds: '${params.level}'}}]}", (2, "private", ("kept 2 by somebody",), ("long",),
                                                           1048576)),
    ("{use: [long], cache: {expiresIn: 1}}", (1, "private", ("kept 3600 by somebody",), ("long",), 1048576)),
]  # fmt: skip


@pytest.mark.parametrize(("written", "expected"), FILLED)
def test_a_preset_is_filled_in_where_it_is_used(written: str, expected: Any) -> None:
    found = options(written)
    assert found.cache is not None
    assert (
        found.cache.expires_in,
        found.cache.privacy,
        found.notes,
        found.tags,
        found.payload.max_bytes,
    ) == expected


def test_a_wrong_value_inside_a_filled_preset_is_reported_at_its_place() -> None:
    text = f"{HEAD}\nroutes: [{{method: POST, path: /, handler: a:b, options: {{use: [{{kept: {{who: them}}}}]}}}}]"
    _, (problem,) = check_text(text, "f", {})
    assert (str(problem.mark), problem.code) == ("f:6:54", "HA0202")
    assert 'the value of "${params.who}"' in problem.message


def test_values_of_parameters_keep_their_kind_and_are_text_within_text() -> None:
    text = """
params:
  port: {type: integer, default: 81}
  loud: {type: boolean, default: false}
  options: {type: object, default: {realm: "x", deep: [1, {a: 2}]}}
server: {port: "${params.port}", accessLog: "${params.loud}", app: {all: "${params.options}", text: "p${params.port}"}}
"""
    built, problems = check_text(text, "f", {})
    assert problems == []
    assert built is not None
    assert (built.server.port, built.server.access_log) == (81, False)
    assert built.server.app == {"all": {"realm": "x", "deep": [1, {"a": 2}]}, "text": "p81"}


WRONG: list[tuple[str, str, str]] = [
    ("params: {a: {default: {}}}\ninfo: {title: 'x${params.a}'}", "f:2:15", "HA0356"),
    ("info: {title: '${params.a}'}", "f:1:15", "HA0355"),
    ("params: {a: {type: string}}\ninfo: {title: '${params.a}'}", "f:1:10", "HA0354"),
    ("params: {a: {type: strin, default: x}}", "f:1:20", "HA0357"),
    ("params: {a: {type: string, default: 5}}", "f:1:37", "HA0356"),
    ("params: {a b: {default: 1}}", "f:1:10", "HA0208"),
]


@pytest.mark.parametrize(("text", "place", "code"), WRONG)
def test_wrong_parameters_of_a_table_are_named_at_their_place(text: str, place: str, code: str) -> None:
    _, (problem,) = check_text(text, "f", {})
    assert (str(problem.mark), problem.code) == (place, code)

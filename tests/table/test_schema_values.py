"""`default` and `examples` in a schema are validated by it at load."""

import json
from typing import Any

import pytest

from hapiish import table as tables

WRONG = {"type": "integer", "default": "many"}
SHUT = {"default": "many"}


def problems(whole: Any) -> list[tuple[str, bool, int]]:
    text = json.dumps(whole, indent=1)
    _, found = tables.check_text(text, "routes.yaml", {})
    lines = text.splitlines()
    assert all('"many"' in lines[problem.mark.line - 1] for problem in found)
    return [(str(problem.code), problem.warning, problem.mark.line) for problem in found]


def route(options: Any, method: str = "POST") -> dict[str, Any]:
    return {"routes": [{"method": method, "path": "/{p?}", "handler": "a:b", "options": options}]}


@pytest.mark.parametrize(
    "whole",
    [
        *(
            route({"validate": {source: {"properties": {"p": WRONG}}}})
            for source in ("query", "params", "headers", "state")
        ),
        route({"validate": {"payload": {"properties": {"p": WRONG}}}}),
        route({"validate": {"payload": {"items": WRONG}}}),
        route({"validate": {"payload": {"prefixItems": [WRONG]}}}),
        route({"validate": {"payload": {"anyOf": [{"properties": {"p": WRONG}}, {}]}}}),
        route({"validate": {"payload": {"if": {}, "then": {"properties": {"p": WRONG}}}}}),
        route({"validate": {"payload": {"dependentSchemas": {"a": {"properties": {"p": WRONG}}}}}}),
        route({"validate": {"payload": {"patternProperties": {"^a": WRONG}, "additionalProperties": WRONG}}}),
        route({"validate": {"payload": {"$defs": {"a": WRONG}}}}),
        route({"validate": {"payload": WRONG}}),
        route({"validate": {"all": {"properties": {"p": WRONG}}}}),
        route({"response": {"schema": {"properties": {"p": WRONG}}}}),
        route({"response": {"status": {"201": {"properties": {"p": WRONG}}}}}),
        {"schemas": {"A": WRONG}},
        {"schemas": {"A": {"properties": {"p": WRONG}}}},
        {"schemas": {"A": {"properties": {"p": SHUT}, "allOf": [{"properties": {"p": {"type": "integer"}}}]}}},
        {"schemas": {"A": {"properties": {"p": SHUT}, "patternProperties": {"^p": {"maxLength": 3}}}}},
        {
            "schemas": {
                "A": {"properties": {"p": SHUT}, "$ref": "#/schemas/N"},
                "N": {"properties": {"p": {"enum": ["few"]}}},
            }
        },
        {"schemas": {"A": {"$ref": "#/schemas/N", "default": "many"}, "N": {"type": "integer"}}},
        {
            "schemas": {
                "A": {"$ref": "https://e.com/n", "default": "many"},
                "N": {"$id": "https://e.com/n", "type": "integer"},
            }
        },
        {
            "schemas": {
                "A": {"properties": {"p": {"$ref": "#/$defs/n", "default": "many"}}, "$defs": {"n": {"enum": [1]}}}
            }
        },
        {"sockets": {"namespaces": [{"emits": [{"event": "e", "payload": {"properties": {"p": WRONG}}}]}]}},
        {
            "sockets": {
                "namespaces": [
                    {
                        "events": [
                            {"event": "e", "handler": "a:b", "options": {"validate": {"payload": {"items": WRONG}}}}
                        ]
                    }
                ]
            }
        },
        {"presets": {"x": {"validate": {"query": {"properties": {"p": WRONG}}}}}},
        {"server": {"routes": {"validate": {"query": {"properties": {"p": WRONG}}}}}},
        {"groups": [{"options": {"validate": {"query": {"properties": {"p": WRONG}}}}, "routes": []}]},
    ],
)
def test_a_default_that_its_own_schema_refuses_is_a_problem_wherever_it_stands(whole: Any) -> None:
    found = problems(whole)
    assert {code for code, *_ in found} == {"HA0338"}
    assert not any(warning for _, warning, _ in found)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "default": 5},
        {"type": "integer", "default": 5.0},
        {"type": ["integer", "null"], "default": None},
        {"type": "string", "format": "email", "default": "a@example.com"},
        {"type": "string", "pattern": "^\\p{L}+$", "default": "é"},
        {"type": "object", "default": {}, "required": ["a"], "properties": {"a": {"type": "integer", "default": 1}}},
        {"type": "array", "default": [{}], "items": {"required": ["a"], "properties": {"a": {"default": 1}}}},
        {"default": {}, "allOf": [{"required": ["a"], "properties": {"a": {"default": 1}}}]},
        {"default": {}, "anyOf": [{"required": ["a"], "properties": {"a": {"default": 1}}}, False]},
    ],
)
def test_a_default_that_fits_with_the_defaults_inside_of_it_is_none(schema: Any) -> None:
    assert problems(route({"validate": {"payload": {"properties": {"p": schema}}}})) == []
    assert problems({"schemas": {"A": schema}}) == []


def test_a_default_of_a_recursive_schema_is_filled_in_at_every_level_and_within_bounds() -> None:
    tree = {
        "default": {"children": [{}, {"children": [{}]}]},
        "required": ["n"],
        "properties": {"n": {"default": 1}, "children": {"items": {"$ref": "#"}}},
    }
    assert problems({"schemas": {"A": tree}}) == []
    endless = {
        "properties": {
            "p": {"default": {"c": [{}, {}]}, "properties": {"c": {"items": {"$ref": "#"}}}, "minProperties": 2}
        }
    }
    assert problems({"schemas": {"A": endless}}) == []  # too much to be judged here; its first use refuses it


def test_the_reason_is_said() -> None:
    _, found = tables.check_text(json.dumps({"schemas": {"A": {"maximum": 3, "default": 4}}}), "routes.yaml", {})
    assert found[0].message == "the default does not match its own schema: 4 is greater than the maximum of 3"


def test_an_example_that_its_own_schema_refuses_is_a_warning() -> None:
    whole = {"schemas": {"A": {"type": "integer", "examples": [1, "many"]}}}
    assert [(code, warning) for code, warning, _ in problems(whole)] == [("HA0338", True)]


def test_values_in_a_schema_that_is_faulty_itself_are_not_judged() -> None:
    whole = {"schemas": {"A": {"$ref": "#/schemas/B", "default": "many"}, "C": {"type": "whole", "default": 1}}}
    _, found = tables.check_text(json.dumps(whole), "routes.yaml", {})
    assert sorted(problem.code for problem in found) == ["HA0331", "HA0332"]


def test_a_default_that_only_some_values_or_other_schemas_shut_out_is_one() -> None:
    base = {"properties": {"p": {"type": "string", "default": "many"}}}
    whole = {
        "schemas": {
            "Base": {**base, "anyOf": [{"properties": {"p": {"const": "few"}}}, {}], "allOf": [{"required": ["p"]}]},
            "Few": {"allOf": [{"$ref": "#/schemas/Base"}, {"properties": {"p": {"enum": ["few"]}}}]},
            "Shut": {**base, "allOf": [{"additionalProperties": False}, {"properties": {"q": {}}, "required": ["q"]}]},
            "If": {**base, "allOf": [{"if": {"required": ["q"]}, "then": {"properties": {"p": {"const": "few"}}}}]},
        }
    }
    assert problems(whole) == []

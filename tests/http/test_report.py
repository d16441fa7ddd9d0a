"""Reports of a failed validation: location, reason and keyword, never the value."""

from typing import Any

import pytest

from hapiish.http.validation.report import MOST_FAULTS
from hapiish.http.validation.validator import compile_schema

CAT = {"required": ["kind", "lives"], "properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}}}
DOG = {
    "required": ["kind", "tail"],
    "properties": {"kind": {"const": "dog"}, "tail": {"minLength": 3}, "age": {"type": "integer"}},
}

SHAPES: list[dict[str, Any]] = [
    {"required": ["kind", "r"], "properties": {"kind": {"const": "circle"}, "r": {"type": "number"}}},
    {"required": ["kind", "w"], "properties": {"kind": {"enum": ["box", "cube"]}, "w": {"type": "number"}}},
]
SHUT: list[dict[str, Any]] = [{**each, "additionalProperties": False} for each in SHAPES]
WORD = [{"type": "integer", "minimum": 1}, {"const": "all"}]
KINDS = 'must be "circle", "box" or "cube"'
NAMED: dict[str, Any] = {
    "Circle": SHUT[0],
    "Box": SHUT[1],
    "Shape": {"oneOf": [{"$ref": "#/schemas/Circle"}, {"$ref": "#/schemas/Box"}]},
}

# Of alternatives: what all of them allow, or the faults of the one that is meant.
UNIONS: list[tuple[dict[str, Any], Any, list[tuple[str, str, str]]]] = [
    ({"oneOf": SHUT}, {"kind": "line"}, [("/kind", KINDS, "enum")]),
    ({"oneOf": SHUT}, {"kind": "line", "r": "x", "more": 1}, [("/kind", KINDS, "enum")]),
    ({"anyOf": SHAPES}, {"kind": 5}, [("/kind", KINDS, "enum")]),
    ({"oneOf": SHUT}, {"kind": "box", "w": "x"}, [("/w", "must be number", "type")]),
    ({"oneOf": SHUT}, {"kind": "box", "w": 1, "r": 1}, [("/r", "is not allowed", "additionalProperties")]),
    ({"oneOf": SHUT}, {"kind": "box", "a": 1, "b": 2, "c": 3, "w": "x"},
     [("/a", "is not allowed", "additionalProperties"), ("/b", "is not allowed", "additionalProperties"),
      ("/c", "is not allowed", "additionalProperties"), ("/w", "must be number", "type")]),
    ({"anyOf": SHAPES}, {"kind": "circle", "w": 1}, [("/r", "is required", "required")]),
    ({"oneOf": SHUT}, {"r": 1}, [("/kind", "is required", "required")]),
    ({"oneOf": SHUT}, {"w": 1}, [("/kind", "is required", "required")]),
    ({"oneOf": [{**each, "type": "object"} for each in SHUT]}, 5, [("", "must be object", "oneOf")]),
    ({"oneOf": [*SHUT, {"type": "null"}]}, {"kind": "line"}, [("/kind", KINDS, "enum")]),
    ({"oneOf": [{"oneOf": SHUT}, {"type": "null"}]}, {"kind": "line"}, [("/kind", KINDS, "enum")]),
    ({"oneOf": [{"oneOf": SHUT}, {"properties": {"kind": {"const": "dot"}}, "required": ["kind"]}]}, {"kind": "line"},
     [("/kind", 'must be "circle", "box", "cube" or "dot"', "enum")]),
    ({"$ref": "#/schemas/Shape"}, {"kind": "line"}, [("/kind", KINDS, "enum")]),
    ({"items": {"$ref": "#/schemas/Shape"}}, [{"kind": "circle", "r": 1}, {"kind": "line"}],
     [("/1/kind", KINDS, "enum")]),
    ({"properties": {"in": {"$ref": "#/schemas/Shape"}}}, {"in": {"kind": "box"}},
     [("/in/w", "is required", "required")]),
    ({"oneOf": SHAPES, "unevaluatedProperties": False}, {"kind": "box", "w": "x", "more": 1},
     [("/more", "is not allowed", "unevaluatedProperties"), ("/w", "must be number", "type")]),
    # Another property with an enum tells nothing apart, and is no reason to take the wrong branch.
    ({"oneOf": [{**SHAPES[0], "maxProperties": 1},
                {"properties": {**SHAPES[1]["properties"], "color": {"enum": ["red"]}, "size": {"enum": [1]}}}]},
     {"kind": "box", "w": 1, "color": "blue", "size": 2},
     [("/color", 'must be "red"', "enum"), ("/size", "must be 1", "enum")]),
    ({"oneOf": [{"required": ["a"], "properties": {"color": {"enum": ["red"]}}},
                {"required": ["b"], "properties": {"color": {"enum": ["red"]}}}]},
     {"color": "blue", "b": 1}, [("/color", 'must be "red"', "enum")]),
    ({"oneOf": [{"properties": {"in": {"properties": {"by": {"const": name}}, "required": [name]}}} for name in "ab"]},
     {"in": {"by": "b"}}, [("/in/b", "is required", "required")]),
    ({"oneOf": [{"properties": {"in": {"properties": {"by": {"const": name}}, "required": [name]}}} for name in "ab"]},
     {"in": {"by": "c"}}, [("/in/by", 'must be "a" or "b"', "enum")]),
    ({"anyOf": WORD}, 0, [("", "must be at least 1", "minimum")]),
    ({"anyOf": WORD}, "none", [("", 'must be integer or "all"', "anyOf")]),
    ({"anyOf": WORD}, 1.5, [("", 'must be integer or "all"', "anyOf")]),
    ({"anyOf": WORD}, [], [("", 'must be integer or "all"', "anyOf")]),
    ({"oneOf": [{"const": "a"}, {"enum": ["b", None]}]}, "c", [("", 'must be "a", "b" or null', "oneOf")]),
    ({"anyOf": [{"anyOf": WORD}, {"type": "null"}]}, "none", [("", 'must be integer, "all" or null', "anyOf")]),
    ({"anyOf": [{"type": "string", "format": "uuid"}, {"type": "null"}]}, "x",
     [("", "must be a valid uuid", "format")]),
    ({"anyOf": [{"type": "string", "maxLength": 1}, {"type": "array", "items": {"type": "string"}}]}, ["a", 1],
     [("/1", "must be string", "type")]),
    ({"anyOf": [{"type": "array", "items": {"type": "null"}}, {"type": "array", "items": {"type": "string"}}]},
     ["a", 1], [("/1", "must be string", "type")]),
    ({"anyOf": [{"const": 1}, {"const": "one"}]}, True, [("", 'must be 1 or "one"', "anyOf")]),
    ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, 1,
     [("", "fits more than one of the alternatives", "oneOf")]),
    ({"anyOf": [False, False]}, 1, [("", "fits none of the alternatives", "anyOf")]),
]  # fmt: skip

CASES: list[tuple[dict[str, Any], Any, list[tuple[str, str, str]]]] = [
    ({"type": "integer"}, "x", [("", "must be integer", "type")]),
    ({"type": ["integer", "null", "boolean"]}, "x", [("", "must be integer, null or boolean", "type")]),
    ({"required": ["b", "a"]}, {}, [("/a", "is required", "required"), ("/b", "is required", "required")]),
    ({"additionalProperties": False}, {"a/b": 1}, [("/a~1b", "is not allowed", "additionalProperties")]),
    ({"patternProperties": {"^x": False}}, {"xy": 1, "y": 2}, [("/xy", "is not allowed", "additionalProperties")]),
    (
        {"patternProperties": {"^x": {"type": "null"}}, "additionalProperties": {"type": "string"}},
        {"xy": 1, "y": 2},
        [("/xy", "must be null", "type"), ("/y", "must be string", "type")],
    ),
    ({"properties": {"a": False}}, {"a": 1}, [("/a", "is not allowed", "additionalProperties")]),
    (
        {"allOf": [{"properties": {"a": True}}], "unevaluatedProperties": False},
        {"a": 1, "b": 1},
        [("/b", "is not allowed", "unevaluatedProperties")],
    ),
    (
        {"properties": {"x": {"allOf": [{"properties": {"a": True}}], "unevaluatedProperties": False}}},
        {"x": {"b": 1}},
        [("/x/b", "is not allowed", "unevaluatedProperties")],
    ),
    ({"items": False}, [1], [("", "has too many items", "items")]),
    (
        {"prefixItems": [{"type": "null"}], "items": {"type": "null"}},
        [None, 1, 2],
        [("/1", "must be null", "type"), ("/2", "must be null", "type")],
    ),
    ({"prefixItems": [True], "unevaluatedItems": False}, [1, 2], [("", "has too many items", "unevaluatedItems")]),
    ({"propertyNames": {"pattern": "^a"}}, {"b": 1}, [("/b", "is not an allowed name", "propertyNames")]),
    ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, [("/b", "is required", "dependentRequired")]),
    ({"if": {"required": ["a"]}, "then": {"required": ["b"]}}, {"a": 1}, [("/b", "is required", "required")]),
    ({"enum": ["a", 1, None]}, 2, [("", 'must be "a", 1 or null', "enum")]),
    ({"const": {"a": 1}}, 2, [("", 'must be {"a": 1}', "const")]),
    ({"minimum": 1}, 0, [("", "must be at least 1", "minimum")]),
    ({"maximum": 1.5}, 2, [("", "must be at most 1.5", "maximum")]),
    ({"exclusiveMinimum": 0}, 0, [("", "must be greater than 0", "exclusiveMinimum")]),
    ({"exclusiveMaximum": 0}, 0, [("", "must be less than 0", "exclusiveMaximum")]),
    ({"multipleOf": 5}, 7, [("", "must be a multiple of 5", "multipleOf")]),
    ({"minLength": 1}, "", [("", "must have at least 1 character", "minLength")]),
    ({"maxLength": 2}, "abc", [("", "must have at most 2 characters", "maxLength")]),
    ({"minItems": 2}, [], [("", "must have at least 2 items", "minItems")]),
    ({"maxItems": 1}, [1, 2], [("", "must have at most 1 item", "maxItems")]),
    ({"minProperties": 1}, {}, [("", "must have at least 1 property", "minProperties")]),
    ({"maxProperties": 0}, {"a": 1}, [("", "must have at most 0 properties", "maxProperties")]),
    ({"uniqueItems": True}, [1, 1.0], [("", "must not have equal items", "uniqueItems")]),
    ({"contains": {"type": "null"}}, [1], [("", "has no item of the kind it must contain", "contains")]),
    (
        {"contains": {"type": "null"}, "minContains": 2},
        [None],
        [("", "must contain at least 2 such items", "minContains")],
    ),
    (
        {"contains": {"type": "null"}, "maxContains": 1},
        [None] * 2,
        [("", "must contain at most 1 such item", "maxContains")],
    ),
    ({"pattern": "^a$"}, "a\n", [("", "must match the pattern ^a$", "pattern")]),
    ({"format": "email"}, "nobody", [("", "must be a valid email", "format")]),
    ({"not": {"required": ["a"]}}, {"a": 1}, [("", "is not allowed", "not")]),
    (
        {"anyOf": [{"type": "string"}, {"type": ["null", "integer"]}]},
        [],
        [("", "must be string, null or integer", "anyOf")],
    ),
    ({"anyOf": [CAT, DOG]}, {"kind": "dog", "tail": "x"}, [("/tail", "must have at least 3 characters", "minLength")]),
    ({"oneOf": [CAT, DOG]}, {"kind": "cat"}, [("/lives", "is required", "required")]),
    ({"oneOf": [DOG, CAT]}, {"lives": "9"}, [("/kind", "is required", "required")]),
    ({"anyOf": [{"type": "null"}, CAT]}, {"kind": "cat", "lives": "9"}, [("/lives", "must be integer", "type")]),
    ({"oneOf": [{"minimum": 1}, {"maximum": 5}]}, 3, [("", "fits more than one of the alternatives", "oneOf")]),
    (
        {"properties": {"a": {"items": {"properties": {"b": {"type": "null"}}}}}},
        {"a": [{}, {"b": 1}]},
        [("/a/1/b", "must be null", "type")],
    ),
]


@pytest.mark.parametrize(("schema", "value", "faults"), UNIONS)
def test_a_value_that_matches_no_alternative_gets_the_faults_of_the_nearest_or_all_allowed_values(
    schema: dict[str, Any], value: Any, faults: list[tuple[str, str, str]]
) -> None:
    found = compile_schema(schema, NAMED).errors(value)
    assert [(fault["path"], fault["message"], fault["keyword"]) for fault in found] == faults


@pytest.mark.parametrize(("schema", "value", "faults"), CASES, ids=[str(case[0])[:60] for case in CASES])
def test_a_fault_has_path_message_and_keyword(
    schema: dict[str, Any], value: Any, faults: list[tuple[str, str, str]]
) -> None:
    found = compile_schema(schema, {}).errors(value)
    assert [(fault["path"], fault["message"], fault["keyword"]) for fault in found] == faults


def test_faults_are_sorted_by_path_with_indexes_as_numbers() -> None:
    found = compile_schema({"items": {"type": "null"}}, {}).errors([1] * 12)
    assert [fault["path"] for fault in found] == [f"/{index}" for index in range(12)]


def test_a_fault_by_two_keywords_is_reported_once() -> None:
    twice = {"allOf": [{"required": ["a"]}, {"required": ["a"]}]}
    assert compile_schema(twice, {}).errors({}) == [{"path": "/a", "message": "is required", "keyword": "required"}]


def test_the_number_of_faults_is_limited() -> None:
    assert len(compile_schema({"items": {"type": "null"}}, {}).errors([1] * 10_000)) == MOST_FAULTS


def test_a_value_nested_beyond_the_recursion_limit_is_a_fault() -> None:
    value: Any = 1
    for _ in range(1000):
        value = [value]
    schema = {"type": "array", "items": {"$ref": "#"}}
    assert compile_schema(schema, {}).errors(value) == [
        {"path": "", "message": "is nested too deeply", "keyword": "depth"}
    ]


def test_no_message_contains_the_value() -> None:
    secret = "hunter2-hunter2"
    schema = {
        "properties": {
            "a": {"type": "integer", "minLength": 100, "pattern": "^x", "format": "email", "enum": [1], "const": 2},
            "b": {"anyOf": [{"type": "null"}, {"maxLength": 1}], "not": {"type": "string"}},
        }
    }
    found = compile_schema(schema, {}).errors({"a": secret, "b": secret})
    assert len(found) >= 7
    assert secret not in str(found)

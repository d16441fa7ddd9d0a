"""Unknown keys are stripped or refused, compared with a slow reference implementation."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hapiish.http.validation.strip_unknown import compile_judge, compile_known
from hapiish.http.validation.validator import compile_schema

TREE = {"Tree": {"type": "object", "properties": {"n": {}, "kids": {"items": {"$ref": "#/schemas/Tree"}}}}}


def stripped(schema: Any, value: Any, schemas: Any = None) -> Any:
    known = compile_known(schema, schemas or {})
    return known.strip(value) if known is not None else value


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ({}, {"a": 1}, {"a": 1}),
        (True, {"a": 1}, {"a": 1}),
        ({"type": "object"}, {"a": 1}, {"a": 1}),
        ({"required": ["a"]}, {"a": 1, "b": 1}, {"a": 1, "b": 1}),
        ({"properties": {"a": {}}}, {"a": 1, "b": 1}, {"a": 1}),
        ({"properties": {"a": {}}}, [{"b": 1}], [{"b": 1}]),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"a": 1, "b": 1}, {"a": 1}),
        ({"properties": {"a": {}}, "additionalProperties": True}, {"a": 1, "b": 1}, {"a": 1, "b": 1}),
        ({"properties": {"a": {}}, "unevaluatedProperties": {}}, {"a": 1, "b": 1}, {"a": 1, "b": 1}),
        ({"patternProperties": {"^x-": {}}}, {"x-a": 1, "b": 1}, {"x-a": 1}),
        ({"properties": {"a": {"properties": {"b": {}}}}}, {"a": {"b": 1, "c": 1}}, {"a": {"b": 1}}),
        ({"additionalProperties": {"properties": {"b": {}}}}, {"a": {"b": 1, "c": 1}}, {"a": {"b": 1}}),
        ({"patternProperties": {"^a": {"properties": {"b": {}}}}}, {"ab": {"c": 1}}, {"ab": {}}),
        ({"items": {"properties": {"a": {}}}}, [{"a": 1, "b": 1}, 5], [{"a": 1}, 5]),
        (
            {"prefixItems": [{"properties": {"a": {}}}], "items": {"properties": {"b": {}}}},
            [{"a": 1, "b": 1}, {"a": 1, "b": 1}],
            [{"a": 1}, {"b": 1}],
        ),
        ({"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]}, {"a": 1, "b": 1, "c": 1}, {"a": 1, "b": 1}),
        ({"anyOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]}, {"a": 1, "b": 1, "c": 1}, {"a": 1, "b": 1}),
        ({"oneOf": [{"properties": {"a": {}}}, {"type": "string"}]}, {"a": 1, "c": 1}, {"a": 1}),
        ({"anyOf": [{"properties": {"a": {}}}, {"additionalProperties": True}]}, {"c": 1}, {"c": 1}),
        ({"anyOf": [{"patternProperties": {"^x": {}}}, {"properties": {"a": {}}}]}, {"x": 1, "c": 1}, {"x": 1}),
        ({"properties": {"a": {"properties": {"b": {}}}}, "patternProperties": {"^a": {"properties": {"c": {}}}}},
         {"a": {"b": 1, "c": 1, "d": 1}, "ab": {"b": 1, "c": 1}}, {"a": {"b": 1, "c": 1}, "ab": {"c": 1}}),
        ({"patternProperties": {"^a": {"properties": {"c": {}}}, "b$": {"properties": {"d": {}}}}},
         {"ab": {"c": 1, "d": 1, "e": 1}, "a": {"d": 1}}, {"ab": {"c": 1, "d": 1}, "a": {}}),
        ({"properties": {"a": {}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, {"a": 1, "b": 1}, {"a": 1}),
        ({"if": {"required": ["a"]}, "then": {"properties": {"a": {}}}}, {"a": 1, "b": 1}, {"a": 1}),
        ({"$ref": "#/schemas/Tree"}, {"n": 1, "x": 1, "kids": [{"y": 1, "kids": [{"n": 1, "z": 1}]}]},
         {"n": 1, "kids": [{"kids": [{"n": 1}]}]}),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"properties": {"b": {}}}}}, {"b": 1, "c": 1}, {"b": 1}),
    ],
)  # fmt: skip
def test_a_key_is_known_if_the_schema_names_it(schema: Any, value: Any, expected: Any) -> None:
    assert stripped(schema, value, TREE) == expected
    judge = compile_judge(schema, TREE, allow_unknown=False)
    assert judge.is_valid(expected) == compile_schema(schema, TREE).is_valid(expected)
    if expected != value:
        assert not judge.is_valid(value)
        assert any(fault["message"] == "is not allowed" for fault in judge.errors(value))


def test_the_input_is_not_modified_and_values_without_unknown_keys_are_not_copied() -> None:
    schema = {"properties": {"a": {"properties": {"b": {}}}, "l": {"items": {"properties": {"c": {}}}}}}
    value = {"a": {"b": 1, "x": 1}, "l": [{"c": 1}], "y": 1}
    made = stripped(schema, value)
    assert value == {"a": {"b": 1, "x": 1}, "l": [{"c": 1}], "y": 1}
    assert made == {"a": {"b": 1}, "l": [{"c": 1}]}
    assert made["l"] is value["l"]
    assert stripped(schema, made) is made


def test_an_unknown_key_that_the_schema_refuses_too_is_reported_once() -> None:
    judge = compile_judge({"properties": {"a": {}}, "additionalProperties": False}, {}, allow_unknown=False)
    assert judge.errors({"b": 1}) == [{"path": "/b", "message": "is not allowed", "keyword": "additionalProperties"}]


# Against a slow reference

NAMES = st.sampled_from(["a", "b", "ab", "c"])


def schemas_of(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(NAMES, inner, max_size=2),
            "patternProperties": st.dictionaries(st.sampled_from(["^a", "b$"]), inner, max_size=1),
            "additionalProperties": st.booleans() | inner,
            "items": inner,
            "allOf": st.lists(inner, min_size=1, max_size=2),
        },
    )


SCHEMAS: st.SearchStrategy[Any] = st.recursive(st.just({}), schemas_of, max_leaves=6)
VALUES = st.recursive(
    st.integers(0, 1),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES | st.just("d"), inner, max_size=4),
    max_leaves=10,
)


def conjuncts(schema: Any) -> list[dict[str, Any]]:
    if not isinstance(schema, dict):
        return []
    return [schema, *(one for each in schema.get("allOf", []) for one in conjuncts(each))]


def matches(pattern: str, name: str) -> bool:
    return name.startswith("a") if pattern == "^a" else name.endswith("b")


def inside(schemas: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """All that speaks of the property `name` of a value to which all of `schemas` apply."""
    named = [one["properties"][name] for one in schemas if name in one.get("properties", {})]
    matching = [
        each for one in schemas for pattern, each in one.get("patternProperties", {}).items() if matches(pattern, name)
    ]
    return [inner for each in (*named, *matching) for inner in conjuncts(each)]


def reference(schemas: list[dict[str, Any]], value: Any) -> Any:
    """`value` without the keys of which no schema at their place speaks, where one speaks of any and none of others."""
    if isinstance(value, list):
        items = [inner for one in schemas if "items" in one for inner in conjuncts(one["items"])]
        return [reference(items, each) for each in value]
    if not isinstance(value, dict):
        return value
    speaks = any(one.get("properties") or one.get("patternProperties") for one in schemas)
    is_open = any(one.get("additionalProperties", False) is not False for one in schemas)
    others = [inner for one in schemas for inner in conjuncts(one.get("additionalProperties"))]
    made = {}
    for name, each in value.items():
        patterns = [pattern for one in schemas for pattern in one.get("patternProperties", {})]
        if any(matches(pattern, name) for pattern in patterns) or any(
            name in one.get("properties", {}) for one in schemas
        ):
            made[name] = reference(inside(schemas, name), each)
        elif is_open or not speaks:
            made[name] = reference(others, each)
    return made


@given(SCHEMAS, VALUES)
def test_stripping_and_refusing_agree_with_a_slow_reference(schema: Any, value: Any) -> None:
    expected = reference(conjuncts(schema), value)
    assert stripped(schema, value) == expected
    assert compile_judge(schema, {}, allow_unknown=False).is_valid(value) == (
        compile_schema(schema, {}).is_valid(value) and expected == value
    )

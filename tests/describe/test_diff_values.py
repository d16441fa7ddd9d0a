"""Comparison of schemas: labelled pairs, and random pairs whose verdicts are held against validated values."""

from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hapiish.describe.diff.change import ORDER, Direction
from hapiish.describe.diff.inclusion import included
from hapiish.describe.diff.values import SchemaComparison, Side

PAIRS = yaml.safe_load(Path(__file__).with_name("diff_pairs.yaml").read_text(encoding="utf-8"))
LEVELS = {"ERR": "breaking", "WARN": "unknown", "INFO": "safe"}


def verdict(old: Any, new: Any, direction: Direction, schemas: tuple[Any, Any] = ({}, {})) -> str:
    edits = SchemaComparison(Side(old, schemas[0]), Side(new, schemas[1]), direction).edits()
    return min((edit.verdict for edit in edits), key=ORDER.__getitem__, default="safe")


@pytest.mark.parametrize("pair", PAIRS, ids=[pair["name"] for pair in PAIRS])
@pytest.mark.parametrize("direction", ["sent", "received"])
def test_a_pair_of_schemas_has_its_verdict(pair: dict[str, Any], direction: Direction) -> None:
    assert verdict(pair["old"], pair["new"], direction) == pair[direction]


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if "oasdiff" in pair], ids=lambda pair: pair["name"])
def test_a_label_is_that_of_oasdiff_where_both_judge(pair: dict[str, Any]) -> None:
    for direction, rule in pair["oasdiff"].items():
        assert LEVELS[rule.split()[1]] == pair[direction]


def test_there_are_many_pairs_with_names_of_their_own() -> None:
    assert len({pair["name"] for pair in PAIRS}) == len(PAIRS) >= 80


@pytest.mark.parametrize("pair", PAIRS, ids=[pair["name"] for pair in PAIRS])
def test_a_property_of_an_object_is_judged_as_the_schema_alone(pair: dict[str, Any]) -> None:
    old, new = ({"type": "object", "properties": {"p": pair[side]}, "required": ["p"]} for side in ("old", "new"))
    for direction in ("sent", "received"):
        assert verdict(old, new, direction) == pair[direction]


@pytest.mark.parametrize("pair", PAIRS, ids=[pair["name"] for pair in PAIRS])
def test_a_named_schema_is_judged_as_the_schema_in_its_place(pair: dict[str, Any]) -> None:
    reference = {"$ref": "#/schemas/N"}
    for direction in ("sent", "received"):
        found = verdict(reference, reference, direction, ({"N": pair["old"]}, {"N": pair["new"]}))
        assert found == pair[direction]


@pytest.mark.parametrize(
    ("kind", "sent", "received"), [("number", "safe", "breaking"), ("string", "breaking", "breaking")]
)
def test_recursive_schemas_are_compared(kind: str, sent: str, received: str) -> None:
    def tree(value: str) -> dict[str, Any]:
        return {"N": {"type": "object", "properties": {"v": {"type": value}, "next": {"$ref": "#/schemas/N"}}}}

    reference = {"$ref": "#/schemas/N"}
    assert verdict(reference, reference, "sent", (tree("integer"), tree(kind))) == sent
    assert verdict(reference, reference, "received", (tree("integer"), tree(kind))) == received
    assert verdict(reference, reference, "sent", (tree(kind), tree(kind))) == "safe"


def test_long_rings_of_schemas_that_differ_are_judged_or_unknown() -> None:
    def ring(kind: str) -> dict[str, Any]:
        last = {"v": {"type": kind}}
        return {
            f"N{n}": {"type": "object", "properties": {"next": {"$ref": f"#/schemas/N{(n + 1) % 600}"}, **last}}
            for n in range(600)
        }

    reference = {"$ref": "#/schemas/N0"}
    assert verdict(reference, reference, "sent", (ring("integer"), ring("string"))) in ("breaking", "unknown")


def test_an_edit_says_where_and_what_and_gives_a_value() -> None:
    def schema(most: int) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {"a": {"type": "array", "items": {"type": "string", "maxLength": most}}},
        }

    [edit] = SchemaComparison(Side(schema(9), {}), Side(schema(5), {}), "sent").edits()
    assert (edit.rule, edit.pointer, edit.text) == ("schema-narrowed", "/a/*", "maxLength 9 becomes 5")
    assert 5 < len(edit.example[0]) <= 9


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"type": "integer"}, {"type": "string"}, "safe"),
        ({"type": "string"}, {"type": "integer"}, "breaking"),
        ({"type": "boolean"}, {"type": "string"}, "safe"),
        ({"type": "integer"}, {"type": "string", "pattern": "^[0-9]+$"}, "unknown"),
        ({"type": "integer", "maximum": 9}, {"type": "integer", "maximum": 8}, "breaking"),
    ],
)
def test_values_that_arrive_as_text_are_compared_as_text(old: Any, new: Any, expected: str) -> None:
    before, after = (Side({"type": "object", "properties": {"q": each}}, {}) for each in (old, new))
    edits = SchemaComparison(before, after, "sent", is_text=True).edits()
    assert [edit.verdict for edit in edits] == [expected]


def test_unknown_keys_that_are_refused_or_removed_count() -> None:
    old = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}
    new = {"type": "object", "properties": {"a": {"type": "string"}}}
    strict = SchemaComparison(Side(old, {}), Side(new, {}, allows_unknown=False), "sent").edits()
    assert {edit.verdict for edit in strict} == {"breaking"}
    closed = {**new, "additionalProperties": False}
    stripped = SchemaComparison(Side(old, {}), Side(closed, {}, strips_unknown=True), "sent").edits()
    assert {edit.verdict for edit in stripped} <= {"safe", "unknown"}


# Random pairs. A verdict is held against random values: included schemas refuse none that the other accepts.

numbers = st.fixed_dictionaries(
    {"type": st.sampled_from(["integer", "number"])},
    optional={"minimum": st.integers(-3, 3), "maximum": st.integers(-3, 3), "multipleOf": st.integers(1, 3)},
)
texts = st.fixed_dictionaries(
    {"type": st.just("string")},
    optional={"minLength": st.integers(0, 3), "maxLength": st.integers(0, 3), "enum": st.just(["", "a", "aa"])},
)
simple = st.one_of(
    st.booleans(), numbers, texts, st.sampled_from([{"type": "null"}, {"type": "boolean"}, {"const": 1}, {}])
)


def compound(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    objects = st.fixed_dictionaries(
        {"type": st.just("object")},
        optional={
            "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
            "required": st.lists(st.sampled_from("abc"), unique=True, max_size=2),
            "additionalProperties": inner,
            "maxProperties": st.integers(0, 3),
        },
    )
    arrays = st.fixed_dictionaries(
        {"type": st.just("array")},
        optional={
            "items": inner,
            "minItems": st.integers(0, 2),
            "maxItems": st.integers(0, 3),
            "uniqueItems": st.booleans(),
        },
    )
    several = st.lists(inner, min_size=1, max_size=3)
    branches = st.sampled_from(["anyOf", "oneOf", "allOf"]).flatmap(lambda key: several.map(lambda found: {key: found}))
    return st.one_of(objects, arrays, branches, inner.map(lambda found: {"not": found}))


schemas = st.recursive(simple, compound, max_leaves=6)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-4, 4), st.sampled_from([0.5, "", "a", "aa", "aaa"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abcd"), inner, max_size=3)),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None)
@given(schemas, schemas, st.lists(values, min_size=20, max_size=40))
def test_an_answer_of_inclusion_holds_for_all_values(narrow: Any, wide: Any, found: list[Any]) -> None:
    answer = included(narrow, wide)
    accepts = [jsonschema_rs.Draft202012Validator(schema) for schema in (narrow, wide)]
    if answer.answer == "yes":
        assert [value for value in found if accepts[0].is_valid(value) and not accepts[1].is_valid(value)] == []
    for value in answer.witness:
        assert answer.answer == "no"
        assert accepts[0].is_valid(value)
        assert not accepts[1].is_valid(value)


@settings(max_examples=200, deadline=None)
@given(schemas, schemas, st.lists(values, min_size=20, max_size=40))
def test_a_change_that_is_safe_to_send_refuses_no_value_of_known_properties(
    old: Any, new: Any, found: list[Any]
) -> None:
    """The pair is one property of an object. Values have only the properties a to c, which most schemas name."""
    if verdict(old, new, "sent") == "safe":
        closed: dict[str, Any] = {"propertyNames": {"enum": []}}
        accepts = [jsonschema_rs.Draft202012Validator(each) for each in ({"allOf": [old, closed]}, new)]
        flat = [value for value in found if not isinstance(value, list)]
        assert [value for value in flat if accepts[0].is_valid(value) and not accepts[1].is_valid(value)] == []

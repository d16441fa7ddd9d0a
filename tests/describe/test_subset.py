"""The comparison of JSON Schemas is sound: "yes" has no counterexample, "no" has a witness."""

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hapiish.describe.diff.documents import Document
from hapiish.describe.diff.samples import candidates
from hapiish.describe.diff.subset import Inclusion, contains

NAMES = ("a", "b", "x1")
SMALL = st.integers(0, 4)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 6), st.sampled_from(["", "a", "ab", "abc", "1", 0.5, 2.5])
)


def texts() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"type": st.just("string")},
        optional={
            "minLength": SMALL,
            "maxLength": SMALL,
            "pattern": st.sampled_from(["^a", "^ab?$", "b", "[0-9]"]),
            "format": st.sampled_from(["uuid", "date", "email"]),
        },
    )


def numbers() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"type": st.sampled_from(["integer", "number"])},
        optional={
            "minimum": st.integers(-2, 4),
            "maximum": st.integers(-2, 4),
            "exclusiveMinimum": st.integers(-2, 4),
            "multipleOf": st.sampled_from([1, 2, 3, 0.5]),
        },
    )


def larger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    members = st.dictionaries(st.sampled_from(NAMES), inner, max_size=2)
    names = st.lists(st.sampled_from(NAMES), unique=True, max_size=2)
    objects = st.fixed_dictionaries(
        {"type": st.just("object")},
        optional={
            "properties": members,
            "required": names,
            "additionalProperties": st.one_of(st.booleans(), inner),
            "patternProperties": st.dictionaries(st.sampled_from(["^x", "1$"]), inner, max_size=1),
            "minProperties": st.integers(0, 2),
            "maxProperties": st.integers(0, 3),
            "dependentRequired": st.dictionaries(st.sampled_from(NAMES), names, max_size=1),
            "propertyNames": st.sampled_from([{"maxLength": 1}, {"pattern": "^x"}]),
        },
    )
    arrays = st.fixed_dictionaries(
        {"type": st.just("array")},
        optional={
            "items": inner,
            "prefixItems": st.lists(inner, min_size=1, max_size=2),
            "minItems": st.integers(0, 2),
            "maxItems": st.integers(0, 3),
            "uniqueItems": st.booleans(),
            "contains": inner,
        },
    )
    several = st.lists(inner, min_size=1, max_size=2)
    mixed = st.one_of(
        st.builds(lambda found: {"anyOf": found}, several),
        st.builds(lambda found: {"oneOf": found}, several),
        st.builds(lambda found: {"allOf": found}, several),
        st.builds(lambda found: {"not": found}, inner),
        st.builds(lambda a, b, c: {"if": a, "then": b, "else": c}, inner, inner, inner),
        st.builds(lambda found: {"allOf": found, "unevaluatedProperties": False}, several),
    )
    return st.one_of(objects, arrays, mixed)


SCHEMAS = st.recursive(
    st.one_of(
        st.booleans(),
        texts(),
        numbers(),
        st.builds(
            lambda kinds: {"type": kinds},
            st.sampled_from(["null", "boolean", ["string", "null"], ["integer", "string"]]),
        ),
        st.builds(lambda found: {"enum": found}, st.lists(SCALARS, min_size=1, max_size=3)),
        st.builds(lambda found: {"const": found}, SCALARS),
    ),
    larger,
    max_leaves=4,
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from([*NAMES, "zz"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def accepts(schema: Any, value: Any) -> bool:
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True).is_valid(value)


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(SCHEMAS, SCHEMAS, st.lists(VALUES, max_size=8))
def test_a_verdict_is_never_wrong(narrow: Any, wide: Any, values: list[Any]) -> None:
    documents = Document(narrow), Document(wide)
    found = contains(documents[1], documents[0])
    if found.answer == "no":
        [witness] = found.witness
        assert accepts(narrow, witness)
        assert not accepts(wide, witness)
    if found.answer == "yes":
        for value in [*values, *candidates(*documents)]:
            assert not accepts(narrow, value) or accepts(wide, value), value


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(SCHEMAS, SCHEMAS)
def test_a_part_of_a_schema_and_one_with_alternatives_contain_each_other(one: Any, other: Any) -> None:
    both, either = {"allOf": [one, other]}, {"anyOf": [one, other]}
    assert contains(Document(one), Document(both)).answer != "no"
    assert contains(Document(either), Document(one)).answer != "no"


def tree(**limits: Any) -> dict[str, Any]:
    children = {"type": "array", "items": {"$ref": "#/$defs/Tree"}}
    properties = {"name": {"type": "string", **limits}, "children": children}
    return {"type": "object", "required": ["name"], "properties": properties}


@pytest.mark.parametrize(
    ("wide", "narrow", "answer"),
    [
        (tree(), tree(maxLength=3), "yes"),
        (tree(maxLength=3), tree(), "no"),
        (tree(maxLength=4), tree(maxLength=3), "yes"),
    ],
)
def test_recursive_schemas_are_compared(wide: Any, narrow: Any, answer: str) -> None:
    documents = [Document({"$ref": "#/$defs/Tree", "$defs": {"Tree": each}}) for each in (wide, narrow)]
    assert contains(documents[0], documents[1]).answer == answer


def test_a_schema_that_only_refers_to_itself_proves_nothing() -> None:
    loop = Document({"$ref": "#/$defs/Loop", "$defs": {"Loop": {"$ref": "#/$defs/Loop"}}})
    assert contains(Document({"type": "string"}), loop).answer != "yes"


def test_a_format_and_a_pattern_that_are_not_understood_are_unknown_or_shown() -> None:
    assert contains(Document({"pattern": "^a"}), Document({"pattern": "^ab"})).answer == "unknown"
    assert contains(Document({"pattern": "^ab"}), Document({"pattern": "^a"})).answer == "no"


def test_a_witness_has_the_refused_part() -> None:
    old = Document({"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string"}}}})
    new = Document(
        {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string", "maxLength": 2}}}}
    )
    assert contains(new, old) == Inclusion("no", ({"a": ["aaa"]},))

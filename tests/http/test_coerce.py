"""Coercion of text by a schema, and defaults: rules, nesting, and no mutation of the input."""

import copy
from typing import Any

import pytest

from hapiish.http.validation.coerce import compile_coercer, compile_defaults
from hapiish.http.validation.schema import SchemaError

INTEGER, NUMBER, BOOLEAN, TEXT = ({"type": name} for name in ("integer", "number", "boolean", "string"))
LIST = {"type": "array", "items": INTEGER}
NAMED = {
    "Id": {"type": "integer"},
    "Page": {"properties": {"limit": {"type": "integer", "default": 50}}},
    "Tree": {"properties": {"n": {"type": "integer", "default": 0}, "kids": {"items": {"$ref": "#/schemas/Tree"}}}},
}


def coerced(schema: Any, given: Any) -> Any:
    """Returns the coerced value of a property with `schema`."""
    convert = compile_coercer({"properties": {"x": schema}}, NAMED)
    return convert({"x": given})["x"] if convert is not None else given


@pytest.mark.parametrize(
    ("schema", "given", "expected"),
    [
        (INTEGER, "5", 5),
        (INTEGER, "-5", -5),
        (INTEGER, "+5", 5),
        (INTEGER, "007", 7),
        (INTEGER, "5.0", 5),
        (INTEGER, "1e3", 1000),
        (INTEGER, "9223372036854775807", 9223372036854775807),
        (INTEGER, "5.5", "5.5"),
        (INTEGER, "x", "x"),
        (INTEGER, "", ""),
        (INTEGER, " 5", " 5"),
        (INTEGER, "5\n", "5\n"),
        (INTEGER, "٣", "٣"),
        (INTEGER, "0x10", "0x10"),
        (INTEGER, "1_000", "1_000"),
        (INTEGER, "9" * 5000, "9" * 5000),
        (INTEGER, "1e300", 10**300),
        (INTEGER, ["1", "2"], ["1", "2"]),
        (NUMBER, "5", 5),
        (NUMBER, "1.5", 1.5),
        (NUMBER, ".5", 0.5),
        (NUMBER, "5.", 5.0),
        (NUMBER, "-1e-3", -0.001),
        (NUMBER, "1e999", "1e999"),
        (NUMBER, "NaN", "NaN"),
        (NUMBER, "Infinity", "Infinity"),
        (BOOLEAN, "true", True),
        (BOOLEAN, "FALSE", False),
        (BOOLEAN, "1", "1"),
        (BOOLEAN, "yes", "yes"),
        (TEXT, "5", "5"),
        ({}, "5", "5"),
        (True, "5", "5"),
        (False, "5", "5"),
        ({"type": "null"}, "null", None),
        ({"type": ["integer", "null"]}, "", None),
        ({"type": ["integer", "null"]}, "7", 7),
        ({"type": ["boolean", "integer"]}, "true", True),
        ({"type": ["boolean", "integer"]}, "1", 1),
        ({"type": ["string", "integer"]}, "7", "7"),
        ({"type": ["string", "null"]}, "", ""),
        ({"enum": [1, 2]}, "2", 2),
        ({"enum": [1.5, 2]}, "2", 2),
        ({"enum": ["1", 2]}, "2", 2),
        ({"enum": ["1", 2]}, "1", "1"),
        ({"enum": ["1", 1]}, "1", "1"),
        ({"const": True}, "true", True),
        ({"const": None}, "null", None),
        (LIST, "5", [5]),
        (LIST, ["5", "6"], [5, 6]),
        (LIST, ["5", "x"], [5, "x"]),
        ({"type": "array"}, "5", ["5"]),
        ({"type": ["array", "string"], "items": INTEGER}, "5", "5"),
        ({"type": ["array", "string"], "items": INTEGER}, ["5"], [5]),
        ({"anyOf": [INTEGER, LIST]}, "5", 5),
        ({"anyOf": [INTEGER, LIST]}, ["5", "6"], [5, 6]),
        ({"type": "array", "prefixItems": [INTEGER, BOOLEAN]}, ["5", "true", "7"], [5, True, "7"]),
        ({"type": "array", "items": {"$ref": "#/schemas/Id"}}, "5", [5]),
        ({"$ref": "#/schemas/Id"}, "5", 5),
        ({"allOf": [{"minimum": 1}, NUMBER, INTEGER]}, "5", 5),
        ({"allOf": [NUMBER, {"type": ["integer", "string"]}]}, "5.5", "5.5"),
        ({"anyOf": [INTEGER, {"type": "null"}]}, "null", None),
        ({"oneOf": [INTEGER, BOOLEAN]}, "true", True),
        ({"anyOf": [INTEGER, TEXT]}, "5", 5),
        ({"anyOf": [TEXT, INTEGER]}, "5", "5"),
        ({"$ref": "#/schemas/Id", "default": 1}, "5", 5),
        ({"not": TEXT}, "5", "5"),
    ],
)
def test_text_is_coerced_to_the_type_of_the_schema(schema: Any, given: Any, expected: Any) -> None:
    result = coerced(schema, given)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"x": INTEGER}},
        {"$ref": "#/schemas/X"},
        {"allOf": [{"$ref": "#/schemas/X"}, {"required": ["y"]}]},
        {"anyOf": [{"properties": {"x": INTEGER}}, {"properties": {"y": TEXT}}]},
        {"oneOf": [{"properties": {"x": INTEGER}}, {"type": "null"}]},
        {"if": {"required": ["y"]}, "then": {"properties": {"x": INTEGER}}},
        {"dependentSchemas": {"y": {"properties": {"x": INTEGER}}}},
        {"patternProperties": {"^x$": INTEGER}},
        {"additionalProperties": INTEGER},
        {"properties": {"y": TEXT}, "patternProperties": {"^z": TEXT}, "additionalProperties": INTEGER},
    ],
)
def test_a_property_is_coerced_wherever_the_schema_declares_it(schema: Any) -> None:
    convert = compile_coercer(schema, {"X": {"properties": {"x": INTEGER}}})
    assert convert is not None
    assert convert({"x": "5", "y": "6"}) == {"x": 5, "y": "6"} or "additionalProperties" in schema
    assert convert({"x": "5"}) == {"x": "5" if "if" in schema or "dependentSchemas" in schema else 5}


def test_the_first_matching_alternative_decides_the_type_of_a_property() -> None:
    schema: Any = {"anyOf": [{"properties": {"x": INTEGER}}, {"properties": {"x": TEXT}}]}
    convert = compile_coercer(schema, {})
    assert convert is not None
    assert [convert({"x": text}) for text in ("5", "a")] == [{"x": 5}, {"x": "a"}]


def test_a_pattern_takes_precedence_over_additional_properties() -> None:
    convert = compile_coercer({"patternProperties": {"^t_": TEXT}, "additionalProperties": INTEGER}, {})
    assert convert is not None
    assert convert({"t_a": "1", "b": "2"}) == {"t_a": "1", "b": 2}


def test_a_missing_property_gets_its_default_and_a_present_one_keeps_its_value() -> None:
    convert = compile_coercer({"$ref": "#/schemas/Page"}, NAMED)
    assert convert is not None
    assert convert({}) == {"limit": 50}
    assert convert({"limit": "7"}) == {"limit": 7}


def test_the_input_is_not_modified_and_an_unchanged_value_is_the_same_object() -> None:
    convert = compile_coercer({"properties": {"a": INTEGER, "b": LIST, "c": {"default": []}}}, {})
    assert convert is not None
    given: dict[str, Any] = {"a": "1", "b": ["2"]}
    before = copy.deepcopy(given)
    convert(given)["c"].append("mine")
    assert given == before
    assert convert(given)["c"] == []
    settled = {"a": 1, "c": []}
    assert convert(settled) is settled


def test_a_schema_without_conversions_compiles_to_none() -> None:
    assert compile_coercer({"type": "object", "required": ["a"], "properties": {"a": TEXT}}, {}) is None
    assert compile_coercer(False, {}) is None
    assert compile_defaults({"type": "object", "properties": {"a": TEXT}}, {}) is None
    assert compile_defaults(True, {}) is None


@pytest.mark.parametrize(
    ("schema", "given", "expected"),
    [
        ({"properties": {"a": {"default": 1}}}, {}, {"a": 1}),
        ({"properties": {"a": {"default": None}}}, {}, {"a": None}),
        ({"properties": {"a": {"default": 1}}}, {"a": None}, {"a": None}),
        ({"properties": {"a": {"type": "integer", "default": 1}}}, {"a": "5"}, {"a": "5"}),
        ({"properties": {"a": {"default": 1}}}, None, None),
        ({"properties": {"a": {"default": 1}}}, [{}], [{}]),
        ({"properties": {"o": {"properties": {"a": {"default": 1}}}}}, {}, {}),
        ({"properties": {"o": {"properties": {"a": {"default": 1}}}}}, {"o": {}}, {"o": {"a": 1}}),
        ({"properties": {"o": {"default": {}, "properties": {"a": {"default": 1}}}}}, {}, {"o": {"a": 1}}),
        ({"items": {"properties": {"a": {"default": 1}}}}, [{}, {"a": 2}, 3], [{"a": 1}, {"a": 2}, 3]),
        ({"prefixItems": [{}, {"properties": {"a": {"default": 1}}}]}, [{}, {}, {}], [{}, {"a": 1}, {}]),
        ({"additionalProperties": {"properties": {"a": {"default": 1}}}}, {"k": {}}, {"k": {"a": 1}}),
        ({"patternProperties": {"^k": {"properties": {"a": {"default": 1}}}}}, {"k": {}}, {"k": {"a": 1}}),
        ({"$ref": "#/schemas/Page"}, {}, {"limit": 50}),
        ({"allOf": [{"$ref": "#/schemas/Page"}, {"properties": {"a": {"default": 1}}}]}, {}, {"limit": 50, "a": 1}),
        ({"properties": {"page": {"allOf": [{"default": 3}]}}}, {}, {"page": 3}),
        ({"anyOf": [{"type": "null"}, {"type": "object", "properties": {"a": {"default": 1}}}]}, {}, {"a": 1}),
        ({"anyOf": [{"properties": {"a": {"default": 1}}}, {"properties": {"a": {"default": 2}}}]}, {}, {"a": 1}),
        (
            {"$ref": "#/schemas/Tree"},
            {"kids": [{"kids": [{"n": 1}, {}]}]},
            {"n": 0, "kids": [{"n": 0, "kids": [{"n": 1}, {"n": 0}]}]},
        ),
    ],
)  # fmt: skip
def test_a_body_gets_the_defaults_of_its_schema(schema: Any, given: Any, expected: Any) -> None:
    fill = compile_defaults(schema, NAMED)
    before = copy.deepcopy(given)
    assert (fill(given) if fill is not None else given) == expected
    assert given == before


def test_a_value_without_missing_defaults_is_the_same_object() -> None:
    fill = compile_defaults({"$ref": "#/schemas/Tree"}, NAMED)
    assert fill is not None
    full = {"n": 1, "kids": [{"n": 2}]}
    assert fill(full) is full


def test_a_mutable_default_is_copied_for_each_value() -> None:
    fill = compile_defaults({"properties": {"a": {"default": {"list": []}}}}, {})
    assert fill is not None
    fill({})["a"]["list"].append("mine")
    assert fill({}) == {"a": {"list": []}}


def test_a_default_that_contains_itself_is_refused_at_load() -> None:
    endless: dict[str, Any] = {"E": {"properties": {"e": {"$ref": "#/schemas/E", "default": {}}}}}
    with pytest.raises(SchemaError, match='default of "e"'):
        compile_defaults({"$ref": "#/schemas/E"}, endless)


@pytest.mark.parametrize(
    "tangle",
    [
        {"$ref": "#/schemas/T"},
        {"allOf": [{"$ref": "#/schemas/T"}, {"properties": {"c": {"$ref": "#/schemas/T"}}}]},
        {"anyOf": [{"$ref": "#/schemas/T"}, {"properties": {"c": {"items": {"$ref": "#/schemas/T"}}}}]},
        {"allOf": [{"properties": {"c": {"$ref": "#/schemas/T"}}}, {"properties": {"c": {"$ref": "#/schemas/T"}}}]},
        {
            "properties": {
                "c": {"anyOf": [{"$ref": "#/schemas/T"}, {"allOf": [{"$ref": "#/schemas/T"}, {"default": 1}]}]}
            }
        },
    ],
)
def test_recursive_schemas_of_any_form_compile(tangle: Any) -> None:
    schemas = {"T": tangle}
    for make in (compile_coercer, compile_defaults):
        convert = make({"$ref": "#/schemas/T"}, schemas)
        assert convert is None or convert({}) == {}

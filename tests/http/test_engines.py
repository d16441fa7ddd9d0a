"""jsonschema-rs and the report of jsonschema agree on the validity of every value."""

import copy
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hapiish.http.validation.coerce import compile_coercer, compile_defaults
from hapiish.http.validation.report import Reporter
from hapiish.http.validation.schema import SchemaError
from hapiish.http.validation.strip_unknown import compile_judge
from hapiish.http.validation.validator import compile_schema

NAMES = st.sampled_from(["a", "b", "c", "xa"])
NUMBERS = st.integers(-3, 3) | st.sampled_from([0.1, 0.3, 0.5, 1.0, 1.5, 1e16, 2**63])
TEXTS = st.sampled_from(["", "a", "a\n", "aa", "٣", "é", "2024-02-30", "2024-02-29", "x@y.z", "::1", "😀", "1", "a/b"])
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6
)

FORMATS = (
    *("date", "date-time", "duration", "email", "hostname", "idn-email", "idn-hostname", "ipv4", "ipv6", "iri"),
    *("iri-reference", "json-pointer", "regex", "relative-json-pointer", "time", "uri", "uri-reference"),
    *("uri-template", "uuid", "unknown-to-both"),
)
PATTERNS = st.sampled_from(["^a$", r"^\d$", r"^\w$", "a", "^$", "[^a]", r"^\S+$", "^(a|b)+$", "^.$"])
TYPES = st.sampled_from(["array", "boolean", "integer", "null", "number", "object", "string"])


def keywords(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=3)
    named = st.dictionaries(NAMES, inner, max_size=3)
    small = st.integers(0, 3)
    return st.fixed_dictionaries(
        {},
        optional={
            "additionalProperties": inner,
            "allOf": several,
            "anyOf": several,
            "const": VALUES,
            "contains": inner,
            "dependentRequired": st.dictionaries(NAMES, st.lists(NAMES, unique=True, max_size=2), max_size=2),
            "dependentSchemas": named,
            "enum": st.lists(VALUES, min_size=1, max_size=3),
            "exclusiveMaximum": NUMBERS,
            "exclusiveMinimum": NUMBERS,
            "format": st.sampled_from(FORMATS),
            "if": inner,
            "then": inner,
            "else": inner,
            "items": inner,
            "maxItems": small,
            "maxLength": small,
            "maxProperties": small,
            "maximum": NUMBERS,
            "minItems": small,
            "minLength": small,
            "minProperties": small,
            "minimum": NUMBERS,
            "multipleOf": st.sampled_from([1, 2, 0.1, 0.5]),
            "not": inner,
            "oneOf": several,
            "pattern": PATTERNS,
            "patternProperties": st.dictionaries(PATTERNS, inner, max_size=2),
            "prefixItems": several,
            "properties": named,
            "propertyNames": inner,
            "required": st.lists(NAMES, unique=True, max_size=2),
            "type": TYPES | st.lists(TYPES, unique=True, min_size=1, max_size=3),
            "uniqueItems": st.booleans(),
            "$ref": st.sampled_from(["#/schemas/Tree", "#/schemas/Text"]),
        },
    )


SCHEMAS: st.SearchStrategy[Any] = st.recursive(st.booleans() | keywords(st.booleans()), keywords, max_leaves=6)
NAMED = {
    "Tree": {"type": "object", "properties": {"a": {"$ref": "#/schemas/Tree"}, "b": {"type": "integer"}}},
    "Text": {"type": ["string", "null"], "maxLength": 2},
}


def faults(schema: Any, value: Any, named: dict[str, Any] = NAMED) -> Any:
    document = {"allOf": [schema], "schemas": named}
    engine = jsonschema_rs.Draft202012Validator(document, validate_formats=True, offline=True)
    return engine.is_valid(value), Reporter(document).faults(value)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(SCHEMAS, VALUES)
def test_both_engines_give_the_same_verdict(schema: Any, value: Any) -> None:
    valid, found = faults(schema, value)
    assert valid == (not found)


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=15, deadline=None)
@given(text=TEXTS | st.text(max_size=12) | st.emails() | st.uuids().map(str) | st.ip_addresses().map(str))
def test_both_engines_agree_on_every_format(name: str, text: str) -> None:
    valid, found = faults({"format": name}, text)
    assert valid == (not found)


def test_the_report_follows_jsonschema_rs_where_the_engines_differ() -> None:
    for schema, value, verdict in [
        ({"pattern": "^a$"}, "a\n", False),
        ({"pattern": r"^\d$"}, "٣", False),
        ({"patternProperties": {r"^\d$": False}}, {"٣": 1}, True),
        ({"additionalProperties": False, "patternProperties": {"^a$": True}}, {"a\n": 1}, False),
        ({"multipleOf": 0.1}, 0.3, True),
        ({"format": "date-time"}, "2024-01-01", False),
    ]:
        assert faults(schema, value)[0] is verdict
        assert bool(faults(schema, value)[1]) is not verdict


def test_the_report_of_unevaluated_properties_matches_patterns_as_the_verdict_does() -> None:
    schema = {"patternProperties": {r"^\d$": {"type": "null"}}, "unevaluatedProperties": False}
    found = compile_schema(schema, {}).errors({"٣": None})
    assert found == [{"path": "/٣", "message": "is not allowed", "keyword": "unevaluatedProperties"}]


CHAT: dict[str, Any] = yaml.safe_load((Path(__file__).parents[2] / "routes.yaml").read_text("utf-8"))["schemas"]
LIKELY = st.sampled_from(
    ["0123456789abcdef01234567", "2026-01-02T03:04:05.678Z", "ann@example.org", "Ann", "12345678", "x" * 201, " "]
)


def near(schema: Any) -> st.SearchStrategy[Any]:
    """Values that fit the schema or nearly do: the right keys and items, often with the right leaves."""
    if "$ref" in schema:
        return near(CHAT[schema["$ref"].removeprefix("#/schemas/")])
    if "properties" in schema:
        members = {name: near(each) | VALUES for name, each in schema["properties"].items()}
        whole = st.fixed_dictionaries(members)
        return whole | st.fixed_dictionaries({}, optional={**members, "surplus": VALUES})
    if "items" in schema:
        return st.lists(near(schema["items"]), max_size=2)
    return LIKELY | SCALARS


@pytest.mark.parametrize("name", CHAT)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_both_engines_agree_on_the_schemas_of_the_chat(name: str, data: st.DataObject) -> None:
    value = data.draw(near(CHAT[name]))
    valid, found = faults({"$ref": f"#/schemas/{name}"}, value, CHAT)
    assert valid == (not found)


def with_default(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    defaults: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
        [{}, {"default": 1}, {"default": "1"}, {"default": {}}]
    )
    return st.tuples(keywords(inner), defaults).map(lambda pair: {**pair[0], **pair[1]})


DEFAULTED: st.SearchStrategy[Any] = st.recursive(
    st.booleans() | with_default(st.booleans()), with_default, max_leaves=10
)
UNIONS = st.tuples(st.sampled_from(["anyOf", "oneOf"]), st.lists(DEFAULTED, min_size=2, max_size=3)).map(
    lambda pair: {pair[0]: pair[1]}
)
INPUTS = st.recursive(
    st.sampled_from(["1", "true", "", "a", "2.5"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(UNIONS | DEFAULTED, VALUES, INPUTS, st.booleans())
def test_coercion_defaults_and_stripping_by_any_schema_never_modify_the_input(
    schema: Any, value: Any, texts: Any, strip: bool
) -> None:
    try:
        read, fill = (make(schema, NAMED, strip=strip) for make in (compile_coercer, compile_defaults))
    except SchemaError:  # a default that contains itself without end
        return
    for change, given_value in ((read, texts), (fill, value)):
        before = copy.deepcopy(given_value)
        if change is not None:
            change(given_value)
        assert given_value == before
    judge = compile_judge(schema, NAMED, allow_unknown=False)
    assert judge.is_valid(value) == (not judge.errors(value))

"""Alternatives (anyOf, oneOf, if, dependentSchemas): only matching branches coerce, supply defaults and know keys."""

import copy
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hapiish.http.validation import branches as choices
from hapiish.http.validation import transform
from hapiish.http.validation.coerce import compile_coercer, compile_defaults
from hapiish.http.validation.strip_unknown import compile_judge
from hapiish.http.validation.validator import compile_schema

INTEGER, TEXT, NULL = {"type": "integer"}, {"type": "string"}, {"type": "null"}


def branch(kind: str, **members: Any) -> dict[str, Any]:
    return {"properties": {"kind": {"const": kind}, **members}, "required": ["kind"]}


def closed(kind: str, **members: Any) -> dict[str, Any]:
    return {**branch(kind, **members), "additionalProperties": False}


PAIR = [branch("a", x={"default": 1}), branch("b", y={"default": 2})]
CLOSED = [closed("a", x={"default": 1}), closed("b", y={"default": 2})]
NAMED: dict[str, Any] = {
    "A": CLOSED[0],
    "B": CLOSED[1],
    "Either": {"oneOf": [{"$ref": "#/schemas/A"}, {"$ref": "#/schemas/B"}]},
    "Tree": {
        "oneOf": [
            branch("leaf", size={"default": 0}),
            branch("node", kids={"type": "array", "items": {"$ref": "#/schemas/Tree"}, "default": []}),
        ]
    },
}
IF = {"if": {"properties": {"p": {"const": 1}}, "required": ["p"]}}
X, Y = {"properties": {"x": {"default": 1}}}, {"properties": {"y": {"default": 2}}}


def filled(schema: Any, value: Any, *, strip: bool = False) -> Any:
    fill = compile_defaults(schema, NAMED, strip=strip)
    before = copy.deepcopy(value)
    made = fill(value) if fill is not None else value
    assert value == before
    return made


PAGES: dict[str, Any] = {
    "properties": {
        "page": {"type": "integer", "default": 1},
        "size": {"type": "integer", "default": 20},
        "cursor": TEXT,
    },
    "oneOf": [{"required": ["page"]}, {"required": ["cursor"]}],
}
FIRST = {"page": 1, "size": 20}


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        (PAGES, {"cursor": "x"}, {"cursor": "x", "size": 20}),
        (PAGES, {}, FIRST),
        (PAGES, {"cursor": "x", "size": 5}, {"cursor": "x", "size": 5}),
        ({"items": PAGES}, [{"cursor": "x"}, {}], [{"cursor": "x", "size": 20}, FIRST]),
        ({"properties": {"in": PAGES}, "anyOf": [X, Y]}, {"x": 0, "y": 0, "in": {}}, {"x": 0, "y": 0, "in": FIRST}),
        ({**X, "maxProperties": 1}, {"a": 1}, {"a": 1}),
        ({**X, "maxProperties": 1}, {}, {"x": 1}),
        ({**X, "not": {"required": ["x", "a"]}}, {"a": 1}, {"a": 1}),
        ({**X, "dependentRequired": {"x": ["a"]}}, {"b": 1}, {"b": 1}),
        ({**X, "dependentRequired": {"x": ["a"]}}, {"a": 1}, {"a": 1, "x": 1}),
        ({**X, "if": {"required": ["x"]}, "then": {"required": ["a"]}}, {"b": 1}, {"b": 1}),
        ({"properties": {"in": X}, "not": {"properties": {"in": {"required": ["x"]}}, "required": ["in"]}},
         {"in": {}}, {"in": {}}),
    ],
)  # fmt: skip
def test_a_default_never_invalidates_a_valid_value(schema: Any, value: Any, expected: Any) -> None:
    assert filled(schema, value) == expected
    assert fits(schema, expected)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({"cursor": "x"}, {"cursor": "x", "size": 20}),
        ({}, FIRST),
        ({"size": "5"}, {"page": 1, "size": 5}),
        ({"page": "3"}, {"page": 3, "size": 20}),
        ({"cursor": "x", "page": "3"}, {"cursor": "x", "page": 3, "size": 20}),
    ],
)
def test_a_default_never_invalidates_valid_text(texts: Any, expected: Any) -> None:
    convert = compile_coercer(PAGES, {})
    assert convert is not None
    made = convert(texts)
    assert made == expected if "page" not in texts or "cursor" not in texts else not fits(PAGES, made)


def test_the_report_of_an_invalid_value_has_no_fault_of_a_default() -> None:
    made = filled(PAGES, {"cursor": 5})
    assert compile_schema(PAGES, {}).errors(made) == [
        {"path": "/cursor", "message": "must be string", "keyword": "type"}
    ]


@pytest.mark.parametrize("strip", [True, False])
def test_a_required_name_is_a_known_key(strip: bool) -> None:
    schema = {"properties": {"a": {}}, "required": ["b"], "dependentRequired": {"b": ["c"]}}
    value = {"a": 1, "b": 2, "c": 3, "d": 4}
    if strip:
        assert filled(schema, value, strip=True) == {"a": 1, "b": 2, "c": 3}
    else:
        judge = compile_judge(schema, {}, allow_unknown=False)
        assert [fault["path"] for fault in judge.errors(value)] == ["/d"]


@pytest.mark.parametrize("word", ["oneOf", "anyOf"])
@pytest.mark.parametrize(
    ("branches", "value", "expected"),
    [
        (CLOSED, {"kind": "a"}, {"kind": "a", "x": 1}),
        (CLOSED, {"kind": "b"}, {"kind": "b", "y": 2}),
        (CLOSED, {"kind": "c"}, {"kind": "c"}),
        (CLOSED, {}, {}),
        (PAIR, {"kind": "a"}, {"kind": "a", "x": 1}),
        (PAIR, {"kind": "b", "x": 7}, {"kind": "b", "x": 7, "y": 2}),
        ([*PAIR, NULL], None, None),
        ([{"$ref": "#/schemas/A"}, {"$ref": "#/schemas/B"}], {"kind": "b"}, {"kind": "b", "y": 2}),
        ([{"$ref": "#/schemas/Either"}, branch("c", z={"default": 3})], {"kind": "b"}, {"kind": "b", "y": 2}),
        ([{"$ref": "#/schemas/Either"}, branch("c", z={"default": 3})], {"kind": "c"}, {"kind": "c", "z": 3}),
        ([{"type": "array", "items": {"oneOf": PAIR}}, *PAIR], [{"kind": "b"}, {"kind": "a"}],
         [{"kind": "b", "y": 2}, {"kind": "a", "x": 1}]),
        # A default that the branch requires is there; so is the constant that is its default.
        ([{**CLOSED[0], "required": ["kind", "x"]}, CLOSED[1]], {"kind": "a"}, {"kind": "a", "x": 1}),
        ([CLOSED[0], {"properties": {"kind": {"const": "b", "default": "b"}}, "required": ["kind"]}], {},
         {"kind": "b"}),
        # A default does not make a branch hold that would not, where another holds as it is.
        ([{"properties": {"x": {"default": 1}}, "required": ["x"]}, {"required": ["y"]}], {"y": 1}, {"y": 1}),
        # A default does not make the branch fail that holds without it.
        ([branch("a", x={"default": 1}) | {"maxProperties": 1}, CLOSED[1]], {"kind": "a"}, {"kind": "a"}),
        ([NULL, *PAIR], {"kind": "a"}, {"kind": "a", "x": 1}),
    ],
)  # fmt: skip
def test_only_the_matching_branch_fills_in_defaults(word: str, branches: Any, value: Any, expected: Any) -> None:
    assert filled({word: branches}, value) == expected
    assert filled({"properties": {"in": {word: branches}}}, {"in": value}) == {"in": expected}
    assert filled({"items": {"allOf": [{word: branches}]}}, [value]) == [expected]


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ({**IF, "then": X, "else": Y}, {"p": 1}, {"p": 1, "x": 1}),
        ({**IF, "then": X, "else": Y}, {"p": 2}, {"p": 2, "y": 2}),
        ({**IF, "then": X}, {}, {}),
        ({**IF, "else": Y}, {"p": 1}, {"p": 1}),
        ({**IF, "then": {"oneOf": PAIR}}, {"p": 1, "kind": "b"}, {"p": 1, "kind": "b", "y": 2}),
        ({**IF, "properties": {"p": {"default": 1}}, "then": X}, {}, {"p": 1, "x": 1}),
        ({"dependentSchemas": {"p": X, "q": Y}}, {"q": 0}, {"q": 0, "y": 2}),
        ({"dependentSchemas": {"p": X, "q": Y}}, {}, {}),
        ({"dependentSchemas": {"p": {"oneOf": PAIR}}}, {"p": 0, "kind": "a"}, {"p": 0, "kind": "a", "x": 1}),
        ({"properties": {"kind": {"default": "b"}}, "oneOf": PAIR}, {}, {"kind": "b", "y": 2}),
        ({"anyOf": [{**X, "required": ["p"]}, {**Y, "required": ["q"]}]}, {"p": 0, "q": 0},
         {"p": 0, "q": 0, "x": 1, "y": 2}),
        ({"allOf": [{"oneOf": PAIR}, {**IF, "then": X}]}, {"kind": "b", "p": 1}, {"kind": "b", "p": 1, "y": 2, "x": 1}),
        ({"not": X}, {}, {}),
        # A default that another part of the schema never lets in is none.
        ({"properties": {"kind": {}}, "additionalProperties": False, "oneOf": PAIR}, {"kind": "a"}, {"kind": "a"}),
        ({"allOf": [{"properties": {"p": {}}, "additionalProperties": False}, X]}, {"p": 1}, {"p": 1}),
        ({"patternProperties": {"^k": {"oneOf": PAIR}}}, {"k1": {"kind": "a"}, "k2": {"kind": "b"}},
         {"k1": {"kind": "a", "x": 1}, "k2": {"kind": "b", "y": 2}}),
        ({"additionalProperties": {"oneOf": PAIR}}, {"k": {"kind": "a"}}, {"k": {"kind": "a", "x": 1}}),
        ({"oneOf": PAIR, "unevaluatedProperties": {"oneOf": PAIR}}, {"kind": "a", "in": {"kind": "b"}},
         {"kind": "a", "x": 1, "in": {"kind": "b", "y": 2}}),
        ({"prefixItems": [{"oneOf": PAIR}], "items": {"oneOf": CLOSED}}, [{"kind": "a"}, {"kind": "b"}],
         [{"kind": "a", "x": 1}, {"kind": "b", "y": 2}]),
        ({"properties": {"in": {"properties": {"z": {"default": 3}}}}, "oneOf": [branch("a", **{"in": X}), PAIR[1]]},
         {"kind": "a", "in": {}}, {"kind": "a", "in": {"x": 1, "z": 3}}),
        ({"$ref": "#/schemas/Tree"}, {"kind": "node", "kids": [{"kind": "leaf"}, {"kind": "node"}]},
         {"kind": "node", "kids": [{"kind": "leaf", "size": 0}, {"kind": "node", "kids": []}]}),
    ],
)  # fmt: skip
def test_conditions_and_nested_alternatives_fill_in_the_defaults_of_matching_branches(
    schema: Any, value: Any, expected: Any
) -> None:
    assert filled(schema, value) == expected


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ({"oneOf": PAIR}, {"kind": "a", "y": 2, "z": 3}, {"kind": "a", "x": 1}),
        ({"oneOf": CLOSED}, {"kind": "b", "x": 2, "z": 3}, {"kind": "b", "y": 2}),
        ({"oneOf": PAIR}, {"kind": "c", "z": 3}, {"kind": "c"}),
        ({"properties": {"m": {}}, "oneOf": PAIR}, {"kind": "a", "m": 1, "y": 1}, {"kind": "a", "m": 1, "x": 1}),
        ({"anyOf": [{**X, "required": ["p"]}, {**Y, "required": ["q"]}], "properties": {"p": {}, "q": {}}},
         {"p": 0, "q": 0, "z": 0}, {"p": 0, "q": 0, "x": 1, "y": 2}),
        ({**IF, "then": X, "else": Y}, {"p": 1, "y": 5}, {"p": 1, "x": 1}),
        ({**IF, "then": X, "else": Y}, {"p": 2, "x": 5}, {"p": 2, "y": 2}),
        ({**IF, "then": {"required": ["p"]}}, {"p": 1, "z": 5}, {"p": 1, "z": 5}),
        ({"properties": {"p": {}}, "dependentSchemas": {"p": X}}, {"p": 0, "x": 2, "z": 0}, {"p": 0, "x": 2}),
        ({"properties": {"p": {}}, "dependentSchemas": {"p": X}}, {"x": 2}, {}),
        ({"oneOf": [PAIR[0], {**PAIR[1], "additionalProperties": True}]}, {"kind": "b", "z": 1},
         {"kind": "b", "y": 2, "z": 1}),
        ({"oneOf": [PAIR[0], {**PAIR[1], "additionalProperties": True}]}, {"kind": "a", "z": 1}, {"kind": "a", "x": 1}),
        # What holds as it is goes before what holds when keys are taken away.
        ({"oneOf": [closed("a", x={}), closed("a", x={}, y={})]}, {"kind": "a", "x": 1, "y": 2},
         {"kind": "a", "x": 1, "y": 2}),
        ({"oneOf": [branch(kind, **{"in": {"properties": {name: {}}}}) for kind, name in ("ac", "bd")]},
         {"kind": "b", "in": {"c": 1, "d": 1}}, {"kind": "b", "in": {"d": 1}}),
        ({"$ref": "#/schemas/Tree"}, {"kind": "node", "size": 1, "kids": [{"kind": "leaf", "kids": []}]},
         {"kind": "node", "kids": [{"kind": "leaf", "size": 0}]}),
    ],
)  # fmt: skip
def test_matching_branches_name_the_known_keys(schema: Any, value: Any, expected: Any) -> None:
    made = filled(schema, value, strip=True)
    assert made == expected
    judge = compile_judge(schema, NAMED, allow_unknown=False)
    assert judge.is_valid(made) == compile_schema(schema, NAMED).is_valid(expected)
    if compile_schema(schema, NAMED).is_valid(value) and value.keys() - expected.keys():
        surplus = {fault["path"] for fault in judge.errors(value)}
        assert surplus.issuperset(f"/{key}" for key in value if key not in expected)


UUID = "4b825dc6-42cb-4eb9-a060-e54bf8d69288"


@pytest.mark.parametrize(
    ("schema", "texts"),
    [
        ({"anyOf": [INTEGER, {"const": "all"}]}, {"10": 10, "all": "all", "x": "x"}),
        ({"anyOf": [{"const": "all"}, INTEGER]}, {"10": 10, "all": "all"}),
        ({"oneOf": [INTEGER, {"type": "string", "enum": ["last"]}]}, {"3": 3, "last": "last"}),
        ({"anyOf": [{"type": "boolean"}, {"const": "auto"}]}, {"true": True, "auto": "auto"}),
        ({"anyOf": [INTEGER, {"type": "string", "format": "date-time"}]},
         {"1700000000": 1700000000, "2024-01-01T00:00:00Z": "2024-01-01T00:00:00Z"}),
        ({"anyOf": [{"type": "string", "format": "date-time"}, INTEGER]}, {"1700000000": 1700000000}),
        ({"anyOf": [{"type": "number", "minimum": 1}, TEXT]}, {"1.5": 1.5, "0.5": "0.5", "a": "a"}),
        ({"enum": [1, 2, "all"]}, {"1": 1, "all": "all", "2": 2}),
        ({"enum": ["1", 2, True, None]}, {"1": "1", "2": 2, "true": True, "": None}),
        ({"const": 1}, {"1": 1, "2": 2}),
        ({"anyOf": [{"const": 1}, {"const": "one"}]}, {"1": 1, "one": "one"}),
        ({"type": ["integer", "string"], "pattern": "^[a-z]+$"}, {"10": 10, "last": "last", "A": "A"}),
        ({"type": ["string", "integer"], "pattern": "^[a-z]+$"}, {"10": 10, "last": "last"}),
        ({"type": ["integer", "string"], "minimum": 5, "maxLength": 1}, {"7": 7, "3": "3", "33": 33}),
        ({"type": ["string", "null"], "format": "uuid"}, {"": None, "null": None, UUID: UUID}),
        ({"anyOf": [{"type": "string", "format": "uuid"}, NULL]}, {"": None, "null": None, UUID: UUID}),
        ({"oneOf": [NULL, TEXT]}, {"": None, "a": "a"}),
        ({"type": "string", "anyOf": [{"pattern": "^1"}, INTEGER]}, {"10": "10"}),
        ({"type": ["integer", "string"], "allOf": [{"type": ["string", "boolean"]}]}, {"10": "10"}),
        ({"anyOf": [{"anyOf": [INTEGER, NULL]}, {"oneOf": [{"const": "all"}, {"const": "none"}]}]},
         {"10": 10, "": None, "all": "all", "none": "none"}),
        ({"if": {"pattern": "^[0-9]+$"}, "then": INTEGER, "else": {"enum": ["all"]}}, {"10": 10, "all": "all"}),
        ({"type": "array", "items": {"anyOf": [INTEGER, {"const": "all"}]}}, {"1": [1], "all": ["all"]}),
        ({"anyOf": [{"type": "array", "items": INTEGER}, {"const": "all"}]}, {"1": [1], "all": "all"}),
        ({"anyOf": [INTEGER, {"type": "array", "items": INTEGER}, {"const": "all"}]}, {"1": 1, "all": "all"}),
        ({"type": ["array", "string"], "items": INTEGER}, {"1": "1"}),
        ({"anyOf": [{"type": "object", "properties": {"a": INTEGER}}, INTEGER]}, {"1": 1}),
        ({"type": ["array", "string"], "items": INTEGER, "pattern": "^a"}, {"1": [1], "ab": "ab"}),
        ({"type": "array", "contains": {"const": 5}}, {"5": [5], "6": ["6"]}),
    ],
)  # fmt: skip
def test_text_is_coerced_by_the_first_branch_that_accepts_it(schema: Any, texts: dict[str, Any]) -> None:
    convert = compile_coercer({"properties": {"x": schema}}, NAMED)
    for text, expected in texts.items():
        made = convert({"x": text})["x"] if convert is not None else text
        assert (made, type(made)) == (expected, type(expected))


def test_items_of_lists_are_coerced_one_by_one() -> None:
    items = {"type": "array", "items": {"anyOf": [INTEGER, {"const": "all"}]}, "contains": {"const": 1}}
    convert = compile_coercer({"properties": {"x": items}}, {})
    assert convert is not None
    assert convert({"x": ["1", "all", "no"]}) == {"x": [1, "all", "no"]}


def test_objects_in_a_query_are_coerced_at_any_depth() -> None:
    either = {"anyOf": [{"type": "object", "properties": {"a": INTEGER, "b": {"enum": [1, "all"]}}}, INTEGER]}
    convert = compile_coercer({"properties": {"x": either}}, {})
    assert convert is not None
    assert convert({"x": {"a": "5", "b": "1"}}) == {"x": {"a": 5, "b": 1}}
    assert convert({"x": "5"}) == {"x": 5}


def test_alternatives_of_the_whole_input_coerce_their_own_properties() -> None:
    by_id = {"properties": {"id": INTEGER}, "required": ["id"], "additionalProperties": False}
    by_name = {
        "properties": {"name": TEXT, "limit": {**INTEGER, "default": 10}},
        "required": ["name"],
        "additionalProperties": False,
    }
    convert = compile_coercer({"oneOf": [by_id, by_name]}, {})
    assert convert is not None
    assert convert({"id": "5"}) == {"id": 5}
    assert convert({"name": "5"}) == {"name": "5", "limit": 10}
    assert convert({"name": "5", "limit": "7"}) == {"name": "5", "limit": 7}
    faulty = convert({"name": "5", "limit": "7", "junk": "1"})
    assert [fault["path"] for fault in compile_schema({"oneOf": [by_id, by_name]}, {}).errors(faulty)] == ["/junk"]


def test_a_condition_validates_text_as_the_other_schemas_coerce_it() -> None:
    schema = {
        "properties": {"n": INTEGER},
        "if": {"properties": {"n": {"minimum": 10}}, "required": ["n"]},
        "then": {"properties": {"big": {"default": True}}},
    }
    convert = compile_coercer(schema, {})
    assert convert is not None
    assert convert({"n": "12"}) == {"n": 12, "big": True}
    assert convert({"n": "9"}) == {"n": 9}


@pytest.mark.parametrize(
    "schema",
    [
        {"anyOf": [{"$ref": "#/schemas/T"}, {"properties": {"x": {"default": 1, **INTEGER}}}]},
        {"anyOf": [INTEGER, {"$ref": "#/schemas/T"}, {"const": "all"}]},
        {"properties": {"x": {"default": 1}}, "oneOf": [{"$ref": "#/schemas/T"}, {"required": ["y"]}]},
        {"if": {"$ref": "#/schemas/T"}, "then": {"properties": {"x": {"default": 1}}}},
        {"allOf": [{"$ref": "#/schemas/T"}, {"oneOf": [{"$ref": "#/schemas/T"}, {"required": ["x"], **X}]}]},
    ],
)
def test_a_schema_that_refers_to_itself_for_the_same_value_terminates(schema: Any) -> None:
    for make in (compile_coercer, compile_defaults):
        change = make({"$ref": "#/schemas/T"}, {"T": schema})
        values: list[Any] = [{}, {"x": "5"}, "5", []]
        for value in values:
            assert change is None or change(value) is not None


# Cost


def visits(monkeypatch: pytest.MonkeyPatch, schema: Any, named: Any, value: Any) -> int:
    """Counts the values visited and the branches validated to fill in the defaults."""
    count = 0
    apply, accepts = transform.SchemaNode.apply, transform.accepts

    def counted_apply(self: Any, *args: Any) -> Any:
        nonlocal count
        count += 1
        return apply(self, *args)

    def counted_accepts(*args: Any) -> bool:
        nonlocal count
        count += 1
        return accepts(*args)

    with monkeypatch.context() as patch:
        patch.setattr(transform.SchemaNode, "apply", counted_apply)
        patch.setattr(choices, "accepts", counted_accepts)
        convert = compile_defaults(schema, named)
        assert convert is not None
        count = 0
        convert(value)
    return count


DEEP: dict[str, Any] = {"properties": {"k": {"$ref": "#/schemas/T"}, "p": {"default": 0}}}


def chain(depth: int) -> Any:
    value: Any = {"x": 1}
    for _ in range(depth):
        value = {"k": value}
    return value


@pytest.mark.parametrize(
    "alike",
    [
        [{"properties": {"k": {"$ref": "#/schemas/T"}, name: {"default": name}}} for name in "pqr"],
        [{"properties": {"k": {"$ref": "#/schemas/T"}, name: {"default": name}}, "required": [name]} for name in "pqr"],
        [{"properties": {"k": {"$ref": "#/schemas/T"}, "x": {"type": kind}}, "dependentSchemas": {"x": X}}
         for kind in ("integer", "string", "null")],
    ],
)  # fmt: skip
@pytest.mark.parametrize("word", ["anyOf", "oneOf"])
def test_nested_ambiguous_alternatives_do_not_cost_exponential_time(
    monkeypatch: pytest.MonkeyPatch, word: str, alike: Any
) -> None:
    named = {"T": {word: alike}}
    small, large = (visits(monkeypatch, {"$ref": "#/schemas/T"}, named, chain(depth)) for depth in (12, 24))
    assert large < 6 * small


def test_the_cost_of_items_is_linear(monkeypatch: pytest.MonkeyPatch) -> None:
    schema = {"items": {"$ref": "#/schemas/Tree"}}
    small, large = (visits(monkeypatch, schema, NAMED, [{"kind": "leaf"}] * count) for count in (50, 100))
    assert large <= 2 * small


def test_nested_alternatives_work_at_the_maximum_depth_of_json() -> None:
    fill = compile_defaults({"$ref": "#/schemas/T"}, {"T": {"anyOf": [DEEP, {"required": ["q"]}]}})
    assert fill is not None
    made = fill(chain(126))
    for _ in range(126):
        assert made["p"] == 0
        made = made["k"]


def test_the_depth_of_nested_ambiguous_alternatives_is_limited() -> None:
    named = {"T": {"anyOf": [DEEP, {"properties": {"k": {"$ref": "#/schemas/T"}, "q": {"default": 0}}}]}}
    fill = compile_defaults({"$ref": "#/schemas/T"}, named)
    assert fill is not None
    assert fill(chain(choices.MOST_LEVELS - 1))["k"]["q"] == 0
    with pytest.raises(RecursionError):
        fill(chain(choices.MOST_LEVELS))


def test_alternatives_with_a_discriminator_or_required_name_are_selected_without_validation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse_call(*args: Any) -> bool:
        raise AssertionError(args)

    monkeypatch.setattr(choices, "accepts", refuse_call)
    for schema, value, expected in (
        ({"oneOf": CLOSED}, {"kind": "b"}, {"kind": "b", "y": 2}),
        ({"anyOf": [{**X, "required": ["p"]}, {**Y, "required": ["q"]}]}, {"q": 0}, {"q": 0, "y": 2}),
        ({"$ref": "#/schemas/Tree"}, {"kind": "node"}, {"kind": "node", "kids": []}),
    ):
        assert filled(schema, value) == expected


def test_the_report_on_ambiguous_alternatives_terminates() -> None:
    kinds = ("integer", "string", "null")
    alike = [{"properties": {"k": {"$ref": "#/schemas/T"}, "x": {"type": kind}}} for kind in kinds]
    found = compile_schema({"$ref": "#/schemas/T"}, {"T": {"anyOf": alike}}).errors({"k": chain(40), "x": []})
    assert found


# Against a slow reference that tries each branch with jsonschema

NAMES = ("a", "b", "c")
LEAVES = st.sampled_from(
    [{}, INTEGER, TEXT, {"const": 1}, {"const": "k"}, {"enum": ["k", 2]}, {"type": ["integer", "string"]}]
)


def objects(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    member = st.tuples(leaves, st.sampled_from([None, 1, "k", 7])).map(
        lambda pair: {**pair[0], **({} if pair[1] is None else {"default": pair[1]})}
    )
    return st.fixed_dictionaries(
        {"properties": st.dictionaries(st.sampled_from(NAMES), member, max_size=3)},
        optional={
            "required": st.lists(st.sampled_from(NAMES), max_size=2, unique=True),
            "additionalProperties": st.just(False),
            "maxProperties": st.integers(1, 2),
        },
    )


DIGITS = {"type": "string", "pattern": "^[0-9]+$"}
VALUES = st.dictionaries(st.sampled_from((*NAMES, "d")), st.sampled_from([1, 2, "k", "x", None]), max_size=4)
TEXTS = st.dictionaries(st.sampled_from((*NAMES, "d")), st.sampled_from(["1", "2", "k", "x", ""]), max_size=4)


def fits(schema: Any, value: Any) -> bool:
    return jsonschema.Draft202012Validator(schema).is_valid(value)


def with_defaults(schemas: list[Any], value: dict[str, Any], beside: list[Any] | None = None) -> dict[str, Any]:
    """`value` with the defaults of `schemas` that none of those `beside` shuts out."""
    made = dict(value)
    shut = [each["properties"] for each in beside or [] if "additionalProperties" in each]
    for schema in schemas:
        for name, each in schema["properties"].items():
            if "default" in each and all(name in names for names in shut):
                made.setdefault(name, each["default"])
    return made


def expected_defaults(word: str, branches: list[Any], value: dict[str, Any]) -> dict[str, Any]:
    held = [each for each in branches if fits(each, value)]
    if not held:
        held = [each for each in branches if fits(each, with_defaults([each], value))][:1]
        return with_defaults(held, value)
    held = held[:1] if word == "oneOf" else held
    giving = [each for each in held if fits(each, with_defaults([each], value))]
    made = with_defaults(giving, value, held)
    if len(held) > 1 and made != value and not all(fits(each, made) for each in held):
        made = with_defaults(giving[:1] if giving and giving[0] is held[0] else [], value, held)
    return made


QUIET = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@QUIET
@given(st.sampled_from(["oneOf", "anyOf"]), st.lists(objects(LEAVES), min_size=2, max_size=3), VALUES)
def test_defaults_of_random_unions_are_those_of_a_slow_reference(word: str, branches: Any, value: Any) -> None:
    made = filled({word: branches}, value)
    if any(fits(each, value) or fits(each, with_defaults([each], value)) for each in branches):
        expected = expected_defaults(word, branches, value)
        if fits({word: branches}, expected) or not fits({word: branches}, value):
            assert made == expected or (fits({word: branches}, made) and not fits({word: branches}, expected))
        else:
            assert fits({word: branches}, made)
    else:
        assert not fits({word: branches}, made)


def readings(leaf: Any, text: str) -> Any:
    """Returns a text as one leaf coerces it: to the first of its types that the text has and that the leaf accepts."""
    values = leaf.get("enum", [leaf["const"]] if "const" in leaf else None)
    types = leaf.get("type", ["integer" if isinstance(each, int) else "string" for each in values] if values else [])
    found: list[Any] = []
    for kind in [types] if isinstance(types, str) else types:
        if kind == "string":
            found.append(text)
        elif text.isdigit():
            found.append(int(text))
    return next((each for each in found if fits(leaf, each)), found[0] if found else text)


@QUIET
@given(st.lists(objects(LEAVES), min_size=2, max_size=3), TEXTS)
def test_texts_of_random_unions_are_coerced_as_by_a_slow_reference(branches: Any, texts: Any) -> None:
    branches = [
        {
            **each,
            "properties": {
                name: {k: v for k, v in leaf.items() if k != "default"} for name, leaf in each["properties"].items()
            },
        }
        for each in branches
    ]

    def read(schema: Any) -> dict[str, Any]:
        members = schema["properties"]
        return {name: readings(members[name], text) if name in members else text for name, text in texts.items()}

    expected = next((read(each) for each in branches if fits(each, read(each))), None)
    convert = compile_coercer({"oneOf": branches}, {})
    made = convert(texts) if convert is not None else texts
    if expected is not None:
        assert made == expected
        assert [type(each) for each in made.values()] == [type(each) for each in expected.values()]


@QUIET
@given(
    st.lists(LEAVES | st.sampled_from([NULL, {"type": "boolean"}, DIGITS]), min_size=2, max_size=3),
    st.sampled_from(["", "1", "2", "k", "true", "x"]),
)
def test_any_of_accepts_text_that_is_valid_under_some_interpretation(leaves: Any, text: str) -> None:
    schema = {"properties": {"x": {"anyOf": leaves}}}
    convert = compile_coercer(schema, {})
    made = convert({"x": text}) if convert is not None else {"x": text}
    could = [text, *([int(text)] if text.isdigit() else []), *([True] if text == "true" else [])]
    could += [None] if text == "" else []
    if any(fits(schema, {"x": each}) for each in could):
        assert fits(schema, made)


@QUIET
@given(
    st.sampled_from(["oneOf", "anyOf", "allOf"]),
    objects(LEAVES),
    st.lists(objects(LEAVES), min_size=1, max_size=3),
    VALUES,
)
def test_a_valid_value_stays_valid_with_defaults(word: str, base: Any, branches: Any, value: Any) -> None:
    schema = {**base, word: branches}
    if fits(schema, value):
        assert fits(schema, filled(schema, value))
        assert fits({"items": schema}, filled({"items": schema}, [value, value]))


@QUIET
@given(st.sampled_from(["oneOf", "anyOf"]), st.lists(objects(LEAVES), min_size=2, max_size=3), VALUES)
def test_filling_in_defaults_is_idempotent(word: str, branches: Any, value: Any) -> None:
    made = filled({word: branches}, value)
    if fits({word: branches}, made):
        assert filled({word: branches}, made) == made or word == "anyOf"

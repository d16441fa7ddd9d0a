"""References in schemas: `$id`, anchors, dynamic references, metaschemas; nothing is fetched."""

import json
from pathlib import Path
from typing import Any

import pytest

from hapiish import options as model
from hapiish import table as tables
from hapiish.http.validation.coerce import compile_coercer, compile_defaults
from hapiish.http.validation.strip_unknown import compile_known
from hapiish.http.validation.validator import Validator, compile_schema

META = "https://json-schema.org/draft/2020-12/schema"
TREE = {
    "$id": "https://example.com/tree",
    "$dynamicAnchor": "node",
    "type": "object",
    "properties": {"data": True, "children": {"type": "array", "items": {"$dynamicRef": "#node"}}},
}
STRICT_TREE = {
    "$id": "https://example.com/strict-tree",
    "$dynamicAnchor": "node",
    "$ref": "tree",
    "unevaluatedProperties": False,
}
BUNDLE = {
    "$id": "https://example.com/order.json",
    "$schema": META,
    "type": "object",
    "required": ["buyer"],
    "properties": {
        "buyer": {"$ref": "person.json"},
        "lines": {"type": "array", "items": {"$ref": "line.json#/$defs/line"}},
    },
    "$defs": {
        "https://example.com/person.json": {
            "$id": "https://example.com/person.json",
            "type": "object",
            "properties": {"name": {"$ref": "#name"}, "friend": {"$ref": "#"}, "order": {"$ref": "order.json"}},
            "$defs": {"name": {"$anchor": "name", "type": "string", "minLength": 1}},
        },
        "line": {
            "$id": "line.json",
            "$defs": {"line": {"properties": {"n": {"$ref": "#/$defs/n"}}}, "n": {"type": "integer"}},
        },
    },
}


def checked(
    payload: Any, schemas: Any = None, file: str = "routes.yaml", **more: Any
) -> tuple[model.Table | None, list[Any]]:
    route = {"method": "POST", "path": "/", "handler": "a:b", "options": {"validate": {"payload": payload}}}
    return tables.check_text(json.dumps({"schemas": schemas or {}, "routes": [route], **more}), file, {})


def validator(payload: Any, schemas: Any = None) -> Validator:
    table, problems = checked(payload, schemas)
    assert table is not None, problems
    rule: Any = table.routes[0].options.validate.payload
    compile_coercer(rule, table.schemas)
    compile_defaults(rule, table.schemas)
    compile_known(rule, table.schemas)
    return compile_schema(rule, table.schemas)


ACCEPTED: list[tuple[str, Any, Any, list[Any], list[Any]]] = [
    ("an $id", {"$id": "https://example.com/a.json", "type": "integer"}, {}, [1], ["x"]),
    (
        "a pointer in a resource",
        {"$id": "a.json", "$ref": "#/$defs/n", "$defs": {"n": {"type": "integer"}}},
        {},
        [1],
        ["x"],
    ),
    (
        "a schema by its URI",
        {"$ref": "https://example.com/n"},
        {"N": {"$id": "https://example.com/n", "type": "integer"}},
        [1],
        ["x"],
    ),
    ("a relative URI", {"$ref": "n.json"}, {"N": {"$id": "n.json", "type": "integer"}}, [1], ["x"]),
    (
        "a URN",
        {"$ref": "urn:uuid:1-2#/$defs/n"},
        {"N": {"$id": "urn:uuid:1-2", "$defs": {"n": {"type": "integer"}}}},
        [1],
        ["x"],
    ),
    (
        "a table's name inside of a resource",
        {"$id": "https://e.com/a", "items": {"$ref": "#/schemas/N"}},
        {"N": {"type": "integer"}},
        [[1]],
        [["x"]],
    ),
    (
        "a resource inside of a named schema",
        {"$ref": "https://example.com/person.json"},
        {"Order": BUNDLE},
        [{"name": "a", "order": {"buyer": {}}}],
        [{"friend": {"name": ""}}, {"order": {}}],
    ),
    ("an anchor of a resource", {"$ref": "https://example.com/person.json#name"}, {"Order": BUNDLE}, ["a"], ["", 1]),
    (
        "a compound document",
        BUNDLE,
        {},
        [{"buyer": {"name": "a", "friend": {"name": "b"}}, "lines": [{"n": 1}]}],
        [{}, {"buyer": {"friend": {"name": ""}}}, {"buyer": {"order": {"buyer": {}, "lines": [{"n": "x"}]}}}],
    ),
    ("an anchor", {"$ref": "#n", "$defs": {"a": {"$anchor": "n", "type": "integer"}}}, {}, [1], ["x"]),
    (
        "equal anchors of two resources",
        {
            "$id": "https://e.com/a",
            "items": {"$ref": "#n"},
            "$defs": {"a": {"$anchor": "n", "type": "integer"}, "b": {"$id": "b", "$anchor": "n"}},
        },
        {},
        [[1]],
        [["x"]],
    ),
    (
        "a pointer with a percent sign",
        {"properties": {"a": {"$ref": "#/$defs/percent%25field"}}, "$defs": {"percent%field": {"type": "integer"}}},
        {},
        [{"a": 1}],
        [{"a": "x"}],
    ),
    (
        "a pointer with a quote",
        {"properties": {"a": {"$ref": "#/$defs/foo%22bar"}}, "$defs": {'foo"bar': {"type": "integer"}}},
        {},
        [{"a": 1}],
        [{"a": "x"}],
    ),
    (
        "a pointer with a slash and a tilde",
        {"properties": {"a": {"$ref": "#/$defs/a~1b~0c%20d"}}, "$defs": {"a/b~c d": {"type": "integer"}}},
        {},
        [{"a": 1}],
        [{"a": "x"}],
    ),
    ("a name with signs", {"$ref": "#/schemas/100%25%20%C5%BE"}, {"100% ž": {"type": "integer"}}, [1], ["x"]),
    (
        "a dynamic tree",
        {"$ref": "https://example.com/tree"},
        {"T": TREE, "S": STRICT_TREE},
        [{"children": [{"daat": 1}]}],
        [{"children": [1]}],
    ),
    (
        "a strict dynamic tree",
        {"$ref": "https://example.com/strict-tree"},
        {"T": TREE, "S": STRICT_TREE},
        [{"children": [{"data": 1}]}],
        [{"children": [{"daat": 1}]}, {"daat": 1}],
    ),
    (
        "a dynamic tree by its name",
        {"items": {"$ref": "#/schemas/S"}},
        {"T": TREE, "S": STRICT_TREE},
        [[{"children": []}]],
        [[{"children": [{"daat": 1}]}]],
    ),
    (
        "both trees at once",
        {"prefixItems": [{"$ref": "#/schemas/T"}, {"$ref": "#/schemas/S"}]},
        {"T": TREE, "S": STRICT_TREE},
        [[{"children": [{"x": 1}]}, {}]],
        [[{}, {"children": [{"x": 1}]}]],
    ),
    (
        "a dynamic reference to a plain anchor",
        {"$dynamicRef": "#n", "$defs": {"n": {"$anchor": "n", "type": "integer"}}},
        {},
        [1],
        ["x"],
    ),
    (
        "$ref and $dynamicRef in one",
        {
            "$ref": "#/$defs/a",
            "$dynamicRef": "#n",
            "$defs": {"a": {"minimum": 2}, "n": {"$dynamicAnchor": "n", "type": "integer"}},
        },
        {},
        [3],
        [1, 2.5],
    ),
    (
        "the metaschema",
        {"$ref": META},
        {},
        [{"type": "integer", "properties": {"a": {"minLength": 1}}}, True],
        [{"type": "whole"}, {"properties": {"a": {"minLength": -1}}}, 1],
    ),
    (
        "a part of the metaschema",
        {"items": {"$ref": f"{META[:-6]}meta/validation#/$defs/simpleTypes"}},
        {},
        [["integer"]],
        [["whole"]],
    ),
    (
        "a place that no keyword leads to",
        {"items": {"$ref": "#/x-defs/n"}, "x-defs": {"n": {"items": {"$ref": "#/x-defs/m"}}, "m": {"type": "integer"}}},
        {},
        [[[1]]],
        [[["x"]]],
    ),
    (
        "unevaluated properties through a URI",
        {"$ref": "https://e.com/a", "unevaluatedProperties": False},
        {"A": {"$id": "https://e.com/a", "properties": {"a": True}}},
        [{"a": 1}],
        [{"b": 1}],
    ),
    (
        "an $id among values",
        {"const": {"$id": "https://e.com/a"}, "properties": {"$id": {"type": "string"}, "$ref": True}},
        {},
        [{"$id": "https://e.com/a"}],
        [{"$id": 1}],
    ),
    (
        "equal schemas with one $id at two places",
        {"allOf": [{"$ref": "https://e.com/a"}]},
        {"A": {"$defs": {"a": {"$id": "https://e.com/a", "type": "integer"}}}},
        [1],
        ["x"],
    ),
]


@pytest.mark.parametrize(
    ("payload", "schemas", "fitting", "others"), [c[1:] for c in ACCEPTED], ids=[c[0] for c in ACCEPTED]
)
def test_a_schema_of_others_judges_and_explains(
    payload: Any, schemas: Any, fitting: list[Any], others: list[Any]
) -> None:
    made = validator(payload, schemas)
    assert [value for value in fitting if not made.is_valid(value) or made.errors(value)] == []
    assert [value for value in others if made.is_valid(value)] == []
    assert all(fault["keyword"] != "schema" for value in others for fault in made.errors(value))


A = {"$id": "https://example.com/a"}
REFUSED: list[tuple[str, Any, Any, str, str]] = [
    ("a URI that nothing has", {"$ref": "https://example.com/b"}, {"A": A}, "HA0333", "outside of the table"),
    (
        "a metaschema of another draft",
        {"$ref": "http://json-schema.org/draft-07/schema#"},
        {},
        "HA0333",
        "never fetched",
    ),
    (
        "another dialect inside",
        {"$defs": {"a": {"$id": "a", "$schema": "http://json-schema.org/draft-07/schema#"}}},
        {},
        "HA0333",
        "is not supported",
    ),
    ("an anchor that is not there", {"$ref": "https://example.com/a#b"}, {"A": A}, "HA0332", 'no $anchor "b"'),
    (
        "an anchor of another resource",
        {"$ref": "#n", "$defs": {"a": {"$id": "a", "$anchor": "n"}}},
        {},
        "HA0332",
        'no $anchor "n"',
    ),
    (
        "a pointer that leads nowhere",
        {"$ref": "https://example.com/a#/$defs/x"},
        {"A": A},
        "HA0332",
        "is not in this schema",
    ),
    (
        "an encoded pointer that leads nowhere",
        {"$ref": "#/$defs/a%25b", "$defs": {"a%25b": {}}},
        {},
        "HA0332",
        "is not in this schema",
    ),
    (
        "two named schemas with one $id",
        True,
        {"A": A, "B": A},
        "HA0339",
        'the $id "https://example.com/a" is used twice',
    ),
    ("two schemas with one $id", {**A, "type": "integer"}, {"A": A}, "HA0339", "is used twice"),
    (
        "two resources with one URI",
        {"$id": "https://example.com/x/", "$defs": {"a": {"$id": "../a", "type": "null"}}},
        {"A": A},
        "HA0339",
        "is used twice",
    ),
]


@pytest.mark.parametrize(("payload", "schemas", "code", "said"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
def test_what_cannot_be_followed_is_refused_at_its_place(payload: Any, schemas: Any, code: str, said: str) -> None:
    table, problems = checked(payload, schemas)
    assert table is None
    assert [problem.code for problem in problems] == [code]
    assert said in problems[0].message


def test_dynamic_references_cannot_multiply_without_end() -> None:
    """Each node chooses among the others, and each order of anchors is a scope of its own."""
    nodes = {
        f"N{i}": {
            "$id": f"https://e.com/n{i}",
            "$dynamicAnchor": f"a{i}",
            "items": {"anyOf": [{"$ref": f"n{j}"} for j in range(12)]},
            "properties": {"x": {"$dynamicRef": f"#a{i}"}, "$a": {"$ref": f"#/$defs/b{i}"}},
            "$defs": {f"b{j}": {"$dynamicAnchor": f"b{j}"} for j in range(12)},
        }
        for i in range(12)
    }
    table, problems = checked({"$ref": "https://e.com/n0"}, nodes)
    assert table is None
    assert [problem.code for problem in problems] == ["HA0339"]


def test_text_is_converted_and_defaults_are_filled_in_through_a_uri() -> None:
    query = {"properties": {"n": {"$ref": "https://e.com/n"}, "m": {"$ref": "https://e.com/n#m"}}}
    named = {"N": {"$id": "https://e.com/n", "type": "integer", "$defs": {"m": {"$anchor": "m", "default": 7}}}}
    table, _ = checked(query, named)
    assert table is not None
    rule: Any = table.routes[0].options.validate.payload
    coerce = compile_coercer(rule, table.schemas)
    assert coerce is not None
    assert coerce({"n": "5"}) == {"n": 5, "m": 7}
    known = compile_known(rule, table.schemas)
    assert known is not None
    assert known.strip({"n": 1, "x": 2}) == {"n": 1}


def test_the_metaschema_gives_a_schema_no_defaults() -> None:
    table, _ = checked({"$ref": META})
    assert table is not None
    rule: Any = table.routes[0].options.validate.payload
    assert compile_defaults(rule, table.schemas) is None


def test_answers_and_emits_may_refer_by_uri_too() -> None:
    rule = {"$ref": "https://e.com/n"}
    whole = {
        "schemas": {"N": {"$id": "https://e.com/n", "type": "integer"}},
        "routes": [
            {
                "method": "GET",
                "path": "/",
                "handler": "a:b",
                "options": {"response": {"schema": rule, "status": {"201": rule}}},
            }
        ],
        "sockets": {"namespaces": [{"emits": [{"event": "e", "payload": rule}]}]},
    }
    table, problems = tables.check_text(json.dumps(whole), "routes.yaml", {})
    assert table is not None, problems
    response = table.routes[0].options.response
    assert table.sockets is not None
    for made in (response.schema, response.status[201], table.sockets.namespaces[0].emits[0].payload):
        assert made == {"$ref": "#/schemas/N"}


def test_a_table_that_is_used_twice_has_its_own_resources_each_time(tmp_path: Path) -> None:
    inner = {
        "schemas": {"N": {"$id": "https://e.com/n", "$defs": {"n": {"$anchor": "n", "type": "integer"}}}},
        "routes": [
            {
                "method": "POST",
                "path": "/",
                "handler": "a:b",
                "options": {"validate": {"payload": {"items": {"$ref": "https://e.com/n#n"}}, "query": {"$ref": META}}},
            }
        ],
    }
    uses = [{"table": "inner.yaml", "as": name, "routes": {"prefix": f"/{name}"}} for name in ("a", "b")]
    (tmp_path / "inner.yaml").write_text(json.dumps(inner))
    (tmp_path / "routes.yaml").write_text(json.dumps({"plugins": uses, "schemas": {"N": {"$id": "https://e.com/n"}}}))
    table, problems = tables.check(tmp_path / "routes.yaml", {})
    assert table is not None, problems
    for route in table.routes:
        rule: Any = route.options.validate.payload
        made = compile_schema(rule, table.schemas)
        assert made.is_valid([1])
        assert not made.is_valid(["x"])
        query: Any = route.options.validate.query
        assert not compile_schema(query, table.schemas).is_valid({"type": 1})


def test_a_table_does_not_see_the_resources_of_one_that_it_uses(tmp_path: Path) -> None:
    (tmp_path / "inner.yaml").write_text(json.dumps({"schemas": {"N": {"$id": "https://e.com/n"}}}))
    outer = {"plugins": [{"table": "inner.yaml"}], "schemas": {"M": {"$ref": "https://e.com/n"}}}
    (tmp_path / "routes.yaml").write_text(json.dumps(outer))
    _, problems = tables.check(tmp_path / "routes.yaml", {})
    assert [problem.code for problem in problems] == ["HA0333"]


def test_schemas_may_refer_to_the_next_by_uri_in_a_chain_of_any_length() -> None:
    named = {
        f"S{i}": {"$id": f"https://example.com/s{i}", "properties": {"c": {"$ref": f"s{i + 1}"}}} for i in range(2000)
    }
    last = {"$id": "https://example.com/s2000", "type": "string"}
    table, problems = checked({"$ref": "https://example.com/s0"}, {**named, "S2000": last})
    assert problems == []
    assert table is not None
    assert table.schemas["S0"] == {"properties": {"c": {"$ref": "#/schemas/S1"}}}


def test_a_default_beside_a_reference_is_judged_by_what_it_refers_to() -> None:
    wrong = {"properties": {"role": {"$ref": "#/schemas/Role", "default": "root"}}}
    _, (problem,) = checked(wrong, {"Role": {"enum": ["user", "admin"]}})
    assert problem.code == "HA0338"

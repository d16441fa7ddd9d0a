"""Self-contained schemas: resolution of `#/schemas/Name` and `#/$defs/…`."""

from typing import Any

import pytest

from hapiish.http.validation.schema import SchemaError, embed, escape, resolve, unescape


def test_only_referenced_schemas_are_embedded() -> None:
    schemas = {"A": {"items": {"$ref": "#/schemas/B"}}, "B": {"type": "string"}, "C": {"type": "null"}}
    assert embed({"$ref": "#/schemas/A"}, schemas) == {
        "$ref": "#/schemas/A",
        "schemas": {"A": schemas["A"], "B": schemas["B"]},
    }


def test_a_schema_without_references_is_unchanged() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert embed(schema, {"Unused": {}}) == schema
    assert embed(True, {}) is True


def test_a_recursive_schema_is_embedded_once() -> None:
    tree = {"properties": {"children": {"items": {"$ref": "#/schemas/Tree"}}}}
    assert embed({"$ref": "#/schemas/Tree"}, {"Tree": tree}) == {"$ref": "#/schemas/Tree", "schemas": {"Tree": tree}}


def test_local_definitions_of_a_named_schema_stay_its_own() -> None:
    named = {"$ref": "#/$defs/x", "$defs": {"x": {"items": {"$ref": "#"}}}}
    document = embed({"properties": {"a": {"$ref": "#/schemas/N"}}, "$defs": {"x": {"type": "null"}}}, {"N": named})
    assert isinstance(document, dict)
    assert document["schemas"]["N"]["$ref"] == "#/schemas/N/$defs/x"
    assert document["schemas"]["N"]["$defs"]["x"]["items"]["$ref"] == "#/schemas/N"
    assert document["$defs"]["x"] == {"type": "null"}


def test_a_name_with_a_slash_is_referenced_in_its_escaped_form() -> None:
    document = embed({"$ref": "#/schemas/a~1b"}, {"a/b": {"$ref": "#/$defs/x", "$defs": {"x": {}}}})
    assert isinstance(document, dict)
    assert document["schemas"]["a/b"]["$ref"] == "#/schemas/a~1b/$defs/x"


@pytest.mark.parametrize("place", ["const", "default", "enum", "examples", "x-note"])
def test_a_ref_key_outside_a_schema_is_no_reference(place: str) -> None:
    schema = {place: [{"$ref": "https://elsewhere.example/"}]}
    assert embed(schema, {}) == schema


def test_a_property_called_ref_is_a_property() -> None:
    schema = {"properties": {"$ref": {"type": "string"}, "items": {"$ref": "#/schemas/A"}}}
    assert embed(schema, {"A": {}}) == {**schema, "schemas": {"A": {}}}


@pytest.mark.parametrize(
    ("schema", "complaint"),
    [
        ({"$ref": "#/schemas/Nope"}, 'unknown schema "Nope"'),
        ({"items": [{"$ref": "#/schemas/No/properties/a"}]}, None),
        ({"properties": {"a": {"$ref": "#/schemas/No/properties/a"}}}, 'unknown schema "No"'),
        (
            {"allOf": [{"$ref": "https://elsewhere.example/a.json"}]},
            'remote reference "https://elsewhere.example/a.json"',
        ),
        ({"$ref": "other.json#/a"}, 'remote reference "other.json#/a"'),
        ({"$ref": "file:///etc/hosts"}, "remote reference"),
        ({"$ref": 5}, "a $ref must be text"),
    ],
)
def test_an_unresolvable_reference_is_refused(schema: dict[str, Any], complaint: str | None) -> None:
    if complaint is None:
        embed(schema, {})  # a list is no place for schemas under this keyword: the engines refuse it
        return
    with pytest.raises(SchemaError, match=complaint.replace("$", r"\$")):
        embed(schema, {})


def test_a_reference_is_resolved_through_keys_and_positions() -> None:
    document = {"allOf": [{"type": "null"}, {"$defs": {"a/b": {"type": "string"}}}]}
    assert resolve(document, "#/allOf/1/$defs/a~1b") == {"type": "string"}
    assert resolve(document, "#") == document
    assert resolve(document, "#/allOf/7") is None
    assert resolve(document, "#anchor") is None


def test_unescaping_reverses_the_escaping_of_a_pointer_token() -> None:
    assert escape("a/b~c~1") == "a~1b~0c~01"
    assert unescape(escape("a/b~c~1")) == "a/b~c~1"

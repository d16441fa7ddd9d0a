"""The published schema: fully documented, and equal to the dataclasses."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import jsonschema
import pytest
import yaml

from hapiish import options as model
from hapiish.table import check_text
from hapiish.table.form import schema

SCHEMA = schema.load()
DEFINITIONS = SCHEMA["definitions"]


def test_the_schema_is_draft_07_which_editors_speak() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"


def objects(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema inside the schema that describes a mapping; conditions on one are left out."""
    if isinstance(node, dict):
        if "properties" in node:
            yield path, node
        for key, inner in node.items():
            if key not in ("dependencies", "if", "then"):
                yield from objects(inner, f"{path}/{key}")
    elif isinstance(node, list):
        for index, inner in enumerate(node):
            yield from objects(inner, f"{path}/{index}")


def properties() -> list[tuple[str, dict[str, Any]]]:
    return [(f"{path}/{name}", prop) for path, node in objects(SCHEMA) for name, prop in node["properties"].items()]


def test_every_property_says_what_it_is() -> None:
    assert [path for path, prop in properties() if not schema.follow(prop).get("description")] == []


def test_every_mapping_refuses_unknown_keys_and_leaves_x_keys_free() -> None:
    for path, node in objects(SCHEMA):
        if path.endswith("/kindHandler"):
            continue  # which kinds there are is a matter of the table, and checked there
        assert node["additionalProperties"] is False, path
        assert list(node["patternProperties"]) == ["^x-"], path


def test_defaults_and_examples_are_accepted_by_their_own_schemas() -> None:
    for path, prop in properties():
        validator = jsonschema.Draft7Validator({**prop, "definitions": DEFINITIONS})
        described = schema.follow(prop)
        for value in [*([described["default"]] if "default" in described else []), *described.get("examples", [])]:
            if value is not None:
                assert list(validator.iter_errors(value)) == [], f"{path}: {value}"


def test_no_default_is_null_which_completion_in_editors_does_not_survive() -> None:
    assert [path for path, prop in properties() if "default" in prop and prop["default"] is None] == []


def test_the_whole_file_has_the_keys_of_the_table() -> None:
    ours = {"file", "folder", "files", "marks", "names", "extensions", "used", "plugins", "is_partial", "is_names"}
    composed = {"hapiish", "params", "presets", "groups", "plugins"}
    assert set(SCHEMA["properties"]) - composed == {field.name for field in fields(model.Table)} - ours


def test_a_variable_may_stand_in_typed_places_for_editors() -> None:
    text = """
    server: {port: "${PORT:3000}", accessLog: "${LOUD:false}", shutdownTimeout: "${T}"}
    database: {threads: "${THREADS}"}
    models: {User: "${params.userModel}"}
    routes: [{method: GET, path: /, handler: a:b, options: {cors: {maxAge: "${AGE}"}, response: {sample: "${S}"}}}]
    """
    assert list(jsonschema.Draft7Validator(SCHEMA).iter_errors(yaml.safe_load(text))) == []


def test_both_validators_agree_on_the_schema() -> None:
    values: list[Any] = [
        {},
        {"routes": []},
        {"x-mine": 1},
        {"routes": [{"method": "GET"}]},
        {"server": {"port": "x"}},
        None,
    ]
    for value in values:
        assert schema.is_valid()(value) == (not list(schema.errors()(value)))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("state: {a: {sign: {password: null}}}", '"password" must be text or a mapping, not null'),
        (
            "auth: {strategies: {a: {scheme: cookie, options: {cookie: {password: null}}}}}",
            '"password" must be text or a mapping, not null',
        ),
        ("server: {routes: {limit: {max: 5, duration: null}}}", '"duration" must be a whole number or text, not null'),
        ("session: {cookieOptions: {password: null}}", '"password" must be text or a mapping, not null'),
    ],
)
def test_null_is_nothing_where_something_is_needed(text: str, problem: str) -> None:
    table, found = check_text(text, "f", {})
    assert (table, [each.message for each in found]) == (None, [problem])

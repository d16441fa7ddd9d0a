"""A body with `allowUnknown: false` is described as the server judges it."""

import json
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hapiish import create_app
from hapiish.describe.openapi import document
from hapiish.table import load
from hapiish.testing import inject

SCHEMAS: dict[str, Any] = {
    "Point": {"type": "object", "properties": {"x": {"type": "integer"}, "at": {"$ref": "#/schemas/Point"}}},
    "Named": {"properties": {"name": {"type": "string"}}, "required": ["name"]},
    "Free": {"type": "object"},
    "Own": {"type": "object", "properties": {"a": {}}, "additionalProperties": True},
}
BODIES: list[Any] = [
    {"type": "object", "properties": {"x": {}, "in": {"properties": {"x": {}}}}},
    {"$ref": "#/schemas/Point"},
    {"$ref": "#/schemas/Point", "properties": {"name": {}}},
    {"allOf": [{"$ref": "#/schemas/Point"}, {"$ref": "#/schemas/Named"}]},
    {"anyOf": [{"$ref": "#/schemas/Named"}, {"properties": {"x": {"type": "integer"}}, "required": ["x"]}]},
    {"type": "object", "properties": {"at": {"$ref": "#/schemas/Free"}, "in": {"$ref": "#/schemas/Own"}}},
    {"type": "array", "items": {"$ref": "#/schemas/Point"}},
    {"patternProperties": {"^x": {"$ref": "#/schemas/Named"}}},
]
KEYS = st.sampled_from(["x", "name", "at", "in", "a", "other"])
VALUES = st.recursive(
    st.sampled_from([1, "t", None]),
    lambda inner: st.dictionaries(KEYS, inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("closing")
    (folder / "my.py").write_text("async def f(request, h):\n    return None\n")
    rules = {"options": {"allowUnknown": False}}
    routes = [
        {
            "method": "POST",
            "path": f"/{n}",
            "handler": "my:f",
            "options": {"validate": {**rules, "payload": body}},
        }
        for n, body in enumerate(BODIES)
    ]
    (folder / "routes.yaml").write_text(yaml.safe_dump({"schemas": SCHEMAS, "routes": routes}))
    file = folder / "routes.yaml"
    return create_app(file, env={}), document(load(file, {}))


@pytest.mark.anyio
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.integers(0, len(BODIES) - 1), value=VALUES)
async def test_the_document_accepts_what_the_server_accepts(
    made: tuple[Any, dict[str, Any]], number: int, value: Any
) -> None:
    app, found = made
    body = found["paths"][f"/{number}"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    schema = {**body, "components": found["components"]}
    headers = {"content-type": "application/json"}
    response = await inject(app, method="POST", url=f"/{number}", payload=json.dumps(value), headers=headers)
    described = jsonschema.Draft202012Validator(schema).is_valid(value)
    assert (response.status_code == 204) == described, (body, value, response.text)

"""Generates the route files of the servers before the measurement.

`routes.yaml` is hapiish's table, `quiet.yaml` the same without its access log, `features.yaml` the same with further
routes that use many options, `openapi.yaml` Connexion's document. `routes.json` contains the further routes for the
Node server; the Python servers import them from `contract`.
"""

import json
from pathlib import Path
from typing import Any

import contract
import yaml

HAPIISH_HANDLERS = "servers.hapiish_app"
FEATURES = Path(__file__).with_name("features.yaml")
CONNEXION_HANDLERS = "servers.connexion_app"


class _Dumper(yaml.CSafeDumper):
    """Writes every schema inline instead of as a YAML alias, as in a hand-written file."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def write(folder: Path, routes: int) -> None:
    """Writes all files for `routes` routes to `folder`."""
    before, after = contract.around(routes)
    (folder / "routes.json").write_text(
        json.dumps({"before": [one.path for one in before], "after": [one.path for one in after]})
    )
    manifest = _manifest(before, after)
    (folder / "routes.yaml").write_text(yaml.dump(manifest, Dumper=_Dumper, sort_keys=False))
    quiet = {**manifest, "server": {"accessLog": False}}
    (folder / "quiet.yaml").write_text(yaml.dump(quiet, Dumper=_Dumper, sort_keys=False))
    featured = {**manifest, **yaml.safe_load(FEATURES.read_text())}
    (folder / "features.yaml").write_text(yaml.dump(featured, Dumper=_Dumper, sort_keys=False))
    (folder / "openapi.yaml").write_text(yaml.dump(_openapi(before, after), Dumper=_Dumper, sort_keys=False))


def _manifest(before: list[contract.Further], after: list[contract.Further]) -> dict[str, Any]:
    def route(method: str, path: str, handler: str, **validate: Any) -> dict[str, Any]:
        entry: dict[str, Any] = {"method": method, "path": path, "handler": f"{HAPIISH_HANDLERS}:{handler}"}
        given = {source: schema for source, schema in validate.items() if schema is not None}
        if given:
            entry["options"] = {"validate": given}
        return entry

    def further(side: list[contract.Further]) -> list[dict[str, Any]]:
        return [route("GET", one.path, "further", params=contract.FURTHER_PARAMS[one.shape]) for one in side]

    item = route("GET", contract.ITEM_PATH, "get_item", params=contract.ITEM_PARAMS, query=contract.ITEM_QUERY)
    message = route(
        "POST",
        contract.MESSAGE_PATH,
        "create_message",
        params=contract.MESSAGE_PARAMS,
        payload=contract.MESSAGE_PAYLOAD,
    )
    return {
        "hapiish": 1,
        "routes": [*further(before), item, message, *further(after)],
    }


def _openapi(before: list[contract.Further], after: list[contract.Further]) -> dict[str, Any]:
    def parameters(place: str, schema: dict[str, Any] | None) -> list[dict[str, Any]]:
        if schema is None:
            return []
        return [
            {"name": name, "in": place, "required": name in schema.get("required", ()), "schema": rule}
            for name, rule in schema["properties"].items()
        ]

    def operation(handler: str, parameters: list[dict[str, Any]], status: str = "200") -> dict[str, Any]:
        return {
            "operationId": f"{CONNEXION_HANDLERS}.{handler}",
            "parameters": parameters,
            "responses": {status: {"description": "As asked", "content": {"application/json": {"schema": {}}}}},
        }

    def further(side: list[contract.Further]) -> dict[str, Any]:
        return {
            one.path: {"get": operation(one.shape, parameters("path", contract.FURTHER_PARAMS[one.shape]))}
            for one in side
        }

    item = operation("get_item", parameters("path", contract.ITEM_PARAMS) + parameters("query", contract.ITEM_QUERY))
    message = operation("create_message", parameters("path", contract.MESSAGE_PARAMS), "201")
    message["requestBody"] = {
        "required": True,
        "content": {"application/json": {"schema": contract.MESSAGE_PAYLOAD}},
    }
    return {
        "openapi": "3.0.3",
        "info": {"title": "Bench", "version": "1.0.0"},
        "paths": {
            **further(before),
            contract.ITEM_PATH: {"get": item},
            contract.MESSAGE_PATH: {"post": message},
            **further(after),
        },
    }

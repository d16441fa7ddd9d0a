"""A table whose `model` handlers have the schemas of their classes, which a table alone does not tell."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from hapiish.describe.surface.answers import page
from hapiish.options import Kind, ModelHandler, Route, Table

SchemasOf = Callable[[Route, ModelHandler], Mapping[str, Any] | None]
"""Returns the schemas of a route's `params`, `query`, `payload` and `document`; None if they are unknown."""

_STATUSES: Final = {"create": 201, "delete": None}


def with_models(table: Table, schemas_of: SchemasOf) -> Table:
    """Returns the table with the schemas of documents as named schemas, and with those of inputs and responses.

    What a route declares itself stays.
    """
    schemas = dict(table.schemas)
    routes = tuple(_route(route, schemas, schemas_of) for route in table.routes)
    return replace(table, routes=routes, schemas=schemas)


def _route(route: Route, schemas: dict[str, Any], schemas_of: SchemasOf) -> Route:
    kind = route.handler
    if not isinstance(kind, Kind) or kind.name != "model":
        return route
    found = schemas_of(route, kind.options)
    if found is None:
        return route
    rules, response = route.options.validate, route.options.response
    inputs = {source: found[source] for source in ("params", "query", "payload") if source in found}
    missing = {source: schema for source, schema in inputs.items() if getattr(rules, source) is None}
    changes: dict[str, Any] = {"validate": replace(rules, **missing)}
    status = _STATUSES.get(kind.options.action, 200)
    if status is not None and response.schema is None and status not in response.status:
        document = {"$ref": f"#/schemas/{_name(kind.options.name, found['document'], schemas)}"}
        schema = page(kind.options, document) if kind.options.action == "list" else document
        changes["response"] = replace(response, status={**response.status, status: schema})
    return replace(route, options=replace(route.options, **changes))


def _name(model: str, document: Any, schemas: dict[str, Any]) -> str:
    """Returns the name of a document's schema: that of its model, or with a number for other fields of it."""
    name, number = model, 1
    while name in schemas and schemas[name] != document:
        number += 1
        name = f"{model}{number}"
    schemas[name] = document
    return name

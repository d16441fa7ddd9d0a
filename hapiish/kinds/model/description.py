"""The schemas of a route of the kind `model`, for descriptions: they need its class, but no server and no database."""

from typing import Any, Final

from hapiish.kinds.model.fields import nullable
from hapiish.kinds.model.handler import resource_of
from hapiish.kinds.model.resource import Resource
from hapiish.kinds.model.types import Schema
from hapiish.options import ModelHandler

_WRITING: Final = ("create", "replace", "update")


def schemas(cls: Any, path: str, options: ModelHandler) -> dict[str, Schema]:
    """Returns the schemas of `params`, `query` and `payload` as the route validates them, and of its `document`.

    Raises InvalidOptions for options that do not fit the class.
    """
    resource = resource_of(cls, path, options)
    params = resource.params_schema()
    found: dict[str, Schema] = {"query": resource.query_schema(), "document": _document(resource)}
    if params is not None:
        found["params"] = params
    if options.action in _WRITING:
        found["payload"] = resource.payload_schema()
    return found


def _document(resource: Resource) -> Schema:
    """Returns the schema of a document in a response: all visible fields, null where a value may be missing."""
    properties: Schema = {}
    for name, member in resource.shown.items():
        assert member.type is not None
        is_sure = member.required or member.automatic or member.missing_value() is not None
        properties[name] = member.type.schema if is_sure else nullable(member.type.schema)
    properties |= {name: {} for name in resource.computed}
    required = {} if resource.options.projection else {"required": list(properties)}
    return {"type": "object", **required, "properties": properties, "additionalProperties": False}

"""Attachments of an event's arguments: what a schema sees in the place of bytes, and the way back."""

from typing import Any

from hapiish import boom
from hapiish.grammar.schema import NAMED

PLACEHOLDER = "_placeholder"


def held(value: Any, attachments: list[bytes]) -> Any:
    """`value` as a schema sees it: an object with `size` for each attachment, which is added to `attachments`.

    Raises BadRequest for what only looks like one.
    """
    if isinstance(value, bytes | bytearray | memoryview):
        attachments.append(bytes(value))
        return {PLACEHOLDER: True, "num": len(attachments) - 1, "size": len(attachments[-1])}
    if isinstance(value, list | tuple):
        return [held(item, attachments) for item in value]
    if isinstance(value, dict):
        if PLACEHOLDER in value:
            raise boom.BadRequest("A placeholder without its attachment", code="attachments")
        return {key: held(item, attachments) for key, item in value.items()}
    return value


def released(value: Any, attachments: list[bytes]) -> Any:
    """What `held` made, with the attachments back in their places."""
    if isinstance(value, list):
        return [released(item, attachments) for item in value]
    if isinstance(value, dict):
        if PLACEHOLDER in value:
            return attachments[value["num"]]
        return {key: released(item, attachments) for key, item in value.items()}
    return value


def for_attachments(schema: Any) -> Any:
    """A schema that judges what `held` makes: `format: binary` is an attachment, `maxLength` its bytes.

    Nothing else that names a type is one.
    """
    if isinstance(schema, list):
        return [for_attachments(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("format") == "binary" and schema.get("type", "string") == "string":
        size = {"minimum": schema.get("minLength", 0)}
        if "maxLength" in schema:
            size["maximum"] = schema["maxLength"]
        named = {PLACEHOLDER: {"const": True}, "num": {"type": "integer"}, "size": {"type": "integer", **size}}
        return {"type": "object", "required": [PLACEHOLDER], "properties": named}
    made = {keyword: _inside(keyword, value) for keyword, value in schema.items()}
    kinds = schema.get("type")
    if kinds == "object" or (isinstance(kinds, list) and "object" in kinds):
        made["properties"] = {**made.get("properties", {}), PLACEHOLDER: False}
    return made


def speaks_of_attachments(schema: Any) -> bool:
    """Whether a schema that stands alone has `format: binary` anywhere."""
    if isinstance(schema, list):
        return any(map(speaks_of_attachments, schema))
    if not isinstance(schema, dict):
        return False
    return schema.get("format") == "binary" or any(map(speaks_of_attachments, schema.values()))


def _inside(keyword: str, value: Any) -> Any:
    if keyword in NAMED and isinstance(value, dict):
        return {name: for_attachments(each) for name, each in value.items()}
    return value if keyword in _DATA else for_attachments(value)


_DATA = frozenset({"const", "default", "enum", "examples", "required", "dependentRequired"})

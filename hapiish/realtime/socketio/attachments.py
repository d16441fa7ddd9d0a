"""Attachments in an event's arguments: replaced by objects for validation, and restored afterwards."""

from hapiish import boom
from hapiish.grammar.schema import NAMED
from hapiish.types import Json

PLACEHOLDER = "_placeholder"


def replace_attachments(value: Json, attachments: list[bytes]) -> Json:
    """Returns `value` with an object with `size` for each attachment, which is appended to `attachments`.

    Raises BadRequest for a placeholder without attachment.
    """
    if isinstance(value, bytes | bytearray | memoryview):
        attachments.append(bytes(value))
        return {PLACEHOLDER: True, "num": len(attachments) - 1, "size": len(attachments[-1])}
    if isinstance(value, list | tuple):
        return [replace_attachments(item, attachments) for item in value]
    if isinstance(value, dict):
        if PLACEHOLDER in value:
            raise boom.BadRequest("A placeholder without its attachment", code="attachments")
        return {key: replace_attachments(item, attachments) for key, item in value.items()}
    return value


def restore_attachments(value: Json, attachments: list[bytes]) -> Json:
    """Returns `value` with the attachments restored."""
    if isinstance(value, list):
        return [restore_attachments(item, attachments) for item in value]
    if isinstance(value, dict):
        if PLACEHOLDER in value:
            return attachments[value["num"]]
        return {key: restore_attachments(item, attachments) for key, item in value.items()}
    return value


def for_attachments(schema: Json) -> Json:
    """Returns a schema for values with replaced attachments.

    `format: binary` is an attachment and `maxLength` its bytes; no other type accepts an attachment.
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


def has_attachments(schema: Json) -> bool:
    """Returns True for a schema without references that contains `format: binary`."""
    if isinstance(schema, list):
        return any(map(has_attachments, schema))
    if not isinstance(schema, dict):
        return False
    return schema.get("format") == "binary" or any(map(has_attachments, schema.values()))


def _inside(keyword: str, value: Json) -> Json:
    if keyword in NAMED and isinstance(value, dict):
        return {name: for_attachments(each) for name, each in value.items()}
    return value if keyword in _DATA else for_attachments(value)


_DATA = frozenset({"const", "default", "enum", "examples", "required", "dependentRequired"})

"""The fields of a document class with their types: JSON Schema, and conversion between JSON and MongoDB.

Conversion is strict: a value of another type raises Unfit, so that only typed values enter a query or a document.
Independent of requests.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from bson import DBRef
from mongoengine import fields as me
from mongoengine.errors import NotRegistered

from hapiish.kinds.model import values
from hapiish.kinds.model.scalars import SCALARS, with_choices, without_none
from hapiish.kinds.model.types import Member, Schema, Type
from hapiish.kinds.model.values import Unfit, plain
from hapiish.types import Value

_MAX_DEPTH = 8  # levels of embedded documents; bounds a document that embeds itself


_SECRET = re.compile(
    "api ?key|credentials?|digest|hash(ed)?|otp|pass ?(code|phrase|wd|word)|private ?key|pwd|salt|secrets?|tokens?"
)


def is_secret(name: str) -> bool:
    """Returns True if a field's name suggests a secret, such as a password or a token."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    return re.search(rf"\b({_SECRET.pattern})\b", " ".join(words).lower()) is not None


def members_of(cls: Any, depth: int = 0) -> dict[str, Member]:
    """Returns the fields of a document class by their name in the database, in the order of the class."""
    return {
        field.db_field: _member(attribute, field, depth)
        for attribute, field in ((name, cls._fields[name]) for name in cls._fields_ordered)
        if field.db_field != "_cls"
    }


def _member(attribute: str, field: Any, depth: int) -> Member:
    why_untyped = f"{type(field).__name__} has no JSON"
    generated = field.db_field == "_id" and not field.primary_key
    try:
        field_type = type_of(field, depth)
    except NotRegistered as error:
        field_type = None
        why_untyped = f"it refers to a class that is not imported: {str(error).partition(' ')[0].strip('`')}"
    return Member(
        name=field.db_field,
        attribute=attribute,
        type=field_type,
        required=bool(field.required),
        automatic=generated or isinstance(field, me.SequenceField),
        default=field.default,
        is_secret=is_secret(attribute) or is_secret(field.db_field),
        why_untyped=why_untyped,
    )


def type_of(field: Any, depth: int = 0) -> Type | None:
    """Returns the type of a field, None without a JSON representation.

    Raises NotRegistered for a reference to an unknown class.
    """
    result: Type | None = next((make(field) for kind, make in SCALARS if isinstance(field, kind)), None)
    if result is None:
        result = next((make(field, depth) for kind, make in _COMPOSITES if isinstance(field, kind)), None)
    return with_choices(result, field) if result is not None and field.choices else result


def _reference(field: Any, depth: int) -> Type | None:
    cls = field.document_type
    key = None if cls._meta.get("abstract") else type_of(cls._fields[cls._meta["id_field"]])
    if key is None or key.store is None:
        return None
    convert = key.store
    collection = cls._get_collection_name()

    def parse(value: Value) -> DBRef:
        return DBRef(collection, convert(value))

    store = parse if field.dbref else convert
    return Type(schema=key.schema, parse=parse, store=store, plain=plain, ordered=not field.dbref)


def _embedded(field: Any, depth: int) -> Type | None:
    if depth >= _MAX_DEPTH:
        return None
    cls = field.document_type
    all_members = members_of(cls, depth + 1)
    members = {name: member for name, member in all_members.items() if member.type is not None and not member.is_secret}
    if any(member.required and not member.has_default and name not in members for name, member in all_members.items()):
        return None
    by_attribute = tuple(
        (member.name, member.attribute, member.type.parse) for member in members.values() if member.type is not None
    )

    def parse(value: Value) -> Value:
        if not isinstance(value, Mapping):
            raise Unfit("must be object")
        for name in value:
            if name not in members:
                raise Unfit("is not allowed", (name,))
        return cls(
            **{
                attribute: values.inside(name, convert, value[name])
                for name, attribute, convert in by_attribute
                if name in value
            }
        )

    def show(stored: Value) -> Value:
        return show_members(members.values(), stored) if isinstance(stored, Mapping) else None

    return Type(schema=object_schema(members.values()), parse=parse, plain=show, members=members)


def _item(field: Any, depth: int) -> Type | None:
    return type_of(field.field, depth) if field.field is not None else _anything(None, depth)


def _list(field: Any, depth: int) -> Type | None:
    item = _item(field, depth)
    if item is None:
        return None
    schema: Schema = {
        "type": "array",
        "items": item.schema,
        **without_none(maxItems=getattr(field, "max_length", None)),
    }
    parse_item, show_item = item.parse, item.plain

    def parse(value: Value) -> list[Value]:
        if not isinstance(value, list):
            raise Unfit("must be array")
        return [values.inside(index, parse_item, inner) for index, inner in enumerate(value)]

    def show(stored: Value) -> Value:
        return [show_item(inner) for inner in stored] if isinstance(stored, list) else []

    return Type(
        schema=schema,
        parse=parse,
        plain=show,
        store=item.store,
        text=item.text,
        many=True,
        item=item,
        members=item.members,
    )


def _map(field: Any, depth: int) -> Type | None:
    item = _item(field, depth)
    if item is None:
        return None
    parse_item, show_item = item.parse, item.plain

    def parse(value: Value) -> dict[str, Value]:
        if not isinstance(value, Mapping):
            raise Unfit("must be object")
        return {values.name_of(key): values.inside(key, parse_item, inner) for key, inner in value.items()}

    def show(stored: Value) -> Value:
        return {key: show_item(inner) for key, inner in stored.items()} if isinstance(stored, Mapping) else {}

    schema: Schema = {"type": "object", "propertyNames": {"pattern": "^[^$.\\x00][^.\\x00]*$"}}
    if item.schema:
        schema["additionalProperties"] = item.schema
    return Type(schema=schema, parse=parse, plain=show)


def _anything(field: Any, depth: int) -> Type:
    return Type(schema={}, parse=values.json, plain=plain)


_COMPOSITES: tuple[tuple[type, Callable[[Any, int], Type | None]], ...] = (
    (me.ReferenceField, _reference),
    (me.LazyReferenceField, _reference),
    (me.EmbeddedDocumentField, _embedded),
    (me.ListField, _list),
    (me.DictField, _map),
    (me.DynamicField, _anything),
)


# Schemas of objects


def object_schema(members: Any, *, partial: bool = False) -> Schema:
    """Returns the schema of an object with only these fields. With `partial`, no field is required."""
    properties: Schema = {}
    required = []
    for member in members:
        properties[member.name] = member.type.schema if member.required else nullable(member.type.schema)
        if member.required and not member.has_default and not member.automatic:
            required.append(member.name)
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if required and not partial:
        schema["required"] = required
    return schema


def nullable(schema: Schema) -> Schema:
    """Returns a schema that also accepts null."""
    if not schema:
        return schema
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], None]}
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return {**schema, "type": [*types, "null"]}


def show_members(members: Any, stored: Mapping[str, Value]) -> dict[str, Value]:
    """Returns the representation of a stored object: exactly these fields."""
    item = {}
    for member in members:
        value = stored.get(member.name)
        item[member.name] = member.missing_value() if value is None else member.type.plain(value)
    return item

"""A MongoEngine field to what a client may know of it: its JSON Schema, and the three ways between JSON and MongoDB.

Values are converted strictly: what does not fit raises ValueError, so that nothing but a typed value ever gets into a
query or a document. Knows no request.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any
from uuid import UUID

import jsonschema_rs
from bson import DBRef, Decimal128, ObjectId
from mongoengine import fields as me
from mongoengine.errors import NotRegistered

from hapiish.kinds import values
from hapiish.kinds.values import Convert, Unfit

Schema = dict[str, Any]

HEX_ID = "^[0-9a-fA-F]{24}$"
DECIMAL = "^[+-]?[0-9]{1,34}([.][0-9]{1,34})?$"
_DEEPEST = 8  # levels of embedded documents; one that embeds itself ends there


@dataclass(frozen=True, slots=True, kw_only=True)
class Type:
    """How values of one field look to clients.

    `parse` makes of JSON what the document's attribute takes, `store` what the database compares with, `plain` of what
    the database has JSON again. `ordered` values can be sorted by, `ranged` ones compared with others, `text` searched;
    `many` marks a list, whose `item` is the type of each; `members` are those of an embedded document.
    """

    schema: Schema
    parse: Convert
    plain: Convert
    store: Convert | None = None
    ordered: bool = False
    ranged: bool = False
    text: bool = False
    many: bool = False
    item: "Type | None" = None
    members: "Mapping[str, Member] | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A field of a document: `name` is the database's, which clients use too, `attribute` the class's own."""

    name: str
    attribute: str
    type: Type | None  # None for what hapiish has no JSON for: files, geometry, generic references
    required: bool
    automatic: bool  # filled in by MongoEngine: the id, a sequence
    default: Any
    is_secret: bool
    why: str = ""

    @property
    def has_default(self) -> bool:
        return self.default is not None

    def absent(self) -> Any:
        """What a stored document without this field shows: a constant default, an empty list or object, or null."""
        if self.type is None:
            return None
        default = self.default() if callable(self.default) and self.type.schema.get("type") in _EMPTY else self.default
        return None if default is None or callable(default) else plain(default)


_EMPTY = ("array", "object")
_SECRET = re.compile(
    "api ?key|credentials?|digest|hash(ed)?|otp|pass ?(code|phrase|wd|word)|private ?key|pwd|salt|secrets?|tokens?"
)


def is_secret(name: str) -> bool:
    """Whether a field's name speaks of a password, a token or their like."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    return re.search(rf"\b({_SECRET.pattern})\b", " ".join(words).lower()) is not None


def members_of(cls: Any, depth: int = 0) -> dict[str, Member]:
    """The fields of a document class by their name in the database, in the order of the class."""
    return {
        field.db_field: _member(attribute, field, depth)
        for attribute, field in ((name, cls._fields[name]) for name in cls._fields_ordered)
        if field.db_field != "_cls"
    }


def _member(attribute: str, field: Any, depth: int) -> Member:
    why = ""
    generated = field.db_field == "_id" and not field.primary_key
    try:
        found = type_of(field, depth)
    except NotRegistered as error:
        found, why = None, f"it refers to a class that is not imported: {str(error).partition(' ')[0].strip('`')}"
    return Member(
        name=field.db_field,
        attribute=attribute,
        type=found,
        required=bool(field.required),
        automatic=generated or isinstance(field, me.SequenceField),
        default=field.default,
        is_secret=is_secret(attribute) or is_secret(field.db_field),
        why=why or f"{type(field).__name__} has no JSON",
    )


def plain(value: Any) -> Any:
    """What MongoDB has as JSON types: ids, decimals and UUIDs as text, instants in UTC with milliseconds."""
    kind = value.__class__
    if kind is str or kind is int or kind is bool or value is None or kind is float:
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items() if key != "_cls"}
    if isinstance(value, list | tuple | set):
        return [plain(inner) for inner in value]
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, datetime):
        return values.instant(value)
    if isinstance(value, DBRef):
        return plain(value.id)
    if isinstance(value, ObjectId | Decimal128 | Decimal | UUID):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    return value if isinstance(value, int | str | float) else None


# Fields to types. A subclass stands before what it is a subclass of.


def type_of(field: Any, depth: int = 0) -> Type | None:
    """The type of a field, None when there is no JSON for it; NotRegistered for a reference to an unknown class."""
    found = next((make(field, depth) for kind, make in _TYPES if isinstance(field, kind)), None)
    return _chosen(found, field) if found is not None and field.choices else found


def _chosen(base: Type, field: Any) -> Type:
    values = [choice[0] if isinstance(choice, list | tuple) else choice for choice in field.choices]
    allowed = [plain(value) for value in values]
    schema = {"enum": allowed} if not base.many else base.schema
    return replace(base, schema=schema)


def _scalar(schema: Schema, parse: Convert, *, text: bool = False, ranged: bool = True) -> Type:
    return Type(schema=schema, parse=parse, store=parse, plain=plain, ordered=True, ranged=ranged, text=text)


def _given(**keywords: Any) -> Schema:
    return {key: value for key, value in keywords.items() if value is not None}


def _string(field: Any, depth: int) -> Type:
    schema = {"type": "string", **_given(minLength=field.min_length, maxLength=field.max_length)}
    pattern = field.regex.pattern if field.regex is not None and not isinstance(field, me.URLField) else None
    # MongoEngine matches from the start; what only Python understands is left to the document.
    if isinstance(pattern, str) and field.regex.flags == re.UNICODE and _is_ecma(f"^(?:{pattern})"):
        schema["pattern"] = f"^(?:{pattern})"
    return _scalar(schema, values.text, text=True, ranged=False)


def _is_ecma(pattern: str) -> bool:
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern})
    except ValueError:
        return False
    return True


def _email(field: Any, depth: int) -> Type:
    base = _string(field, depth)
    return replace(base, schema={**base.schema, "format": "idn-email" if field.allow_utf8_user else "email"})


def _url(field: Any, depth: int) -> Type:
    base = _string(field, depth)
    return replace(base, schema={**base.schema, "format": "uri"})


def _integer(field: Any, depth: int) -> Type:
    low = -values.INT64 if field.min_value is None else field.min_value
    high = values.INT64 - 1 if field.max_value is None else field.max_value
    return _scalar({"type": "integer", "minimum": low, "maximum": high}, values.whole)


def _sequence(field: Any, depth: int) -> Type:
    return _scalar({"type": "integer"}, values.whole)


def _float(field: Any, depth: int) -> Type:
    return _scalar({"type": "number", **_given(minimum=field.min_value, maximum=field.max_value)}, values.number)


def _decimal(field: Any, depth: int) -> Type:
    schema = {"type": ["number", "string"], "pattern": DECIMAL, **_bounds(field)}

    def parse(value: Any) -> Decimal:
        number = values.exact(value)
        try:
            field.to_python(number)
        except InvalidOperation:
            raise Unfit("has too many digits") from None
        return number

    def store(value: Any) -> Any:
        return field.to_mongo(parse(value))

    ranged = not field.force_string
    return Type(schema=schema, parse=parse, store=store, plain=plain, ordered=ranged, ranged=ranged)


def _decimal128(field: Any, depth: int) -> Type:
    schema = {"type": ["number", "string"], "pattern": DECIMAL, **_bounds(field)}
    return Type(schema=schema, parse=values.exact128, store=values.exact128, plain=plain, ordered=True, ranged=True)


def _bounds(field: Any) -> Schema:
    """Numbers are judged here, decimals as text by the document."""
    limits = {"minimum": field.min_value, "maximum": field.max_value}
    return {key: float(value) for key, value in limits.items() if value is not None}


def _boolean(field: Any, depth: int) -> Type:
    return _scalar({"type": "boolean"}, values.flag, ranged=False)


def _datetime(field: Any, depth: int) -> Type:
    return _scalar({"type": "string", "format": "date-time"}, values.moment)


def _complex_datetime(field: Any, depth: int) -> Type:
    def show(stored: Any) -> Any:
        return plain(field.to_python(stored)) if stored is not None else None

    def store(value: Any) -> Any:
        return field.to_mongo(values.moment(value))

    schema = {"type": "string", "format": "date-time"}
    return Type(schema=schema, parse=values.moment, store=store, plain=show)


def _date(field: Any, depth: int) -> Type:
    def show(stored: Any) -> Any:
        return stored.date().isoformat() if isinstance(stored, datetime) else plain(stored)

    def store(value: Any) -> datetime:
        day = values.day(value)
        return datetime(day.year, day.month, day.day, tzinfo=UTC)

    schema = {"type": "string", "format": "date"}
    return Type(schema=schema, parse=values.day, store=store, plain=show, ordered=True, ranged=True)


def _object_id(field: Any, depth: int) -> Type:
    return _scalar({"type": "string", "pattern": HEX_ID}, values.id)


def _uuid(field: Any, depth: int) -> Type:
    def store(value: Any) -> Any:
        return field.to_mongo(values.unique(value))

    schema = {"type": "string", "format": "uuid"}
    return Type(schema=schema, parse=values.unique, store=store, plain=plain, ordered=True)


def _enum(field: Any, depth: int) -> Type:
    allowed = [plain(choice.value) for choice in field.choices]
    is_text = all(isinstance(value, str) for value in allowed)

    def parse(value: Any) -> Any:
        found = next((choice for choice in field.choices if plain(choice.value) == value), None)
        if found is None:
            raise Unfit("is not among the values allowed")
        return found

    def store(value: Any) -> Any:
        return parse(value).value

    return Type(schema={"enum": allowed}, parse=parse, store=store, plain=plain, ordered=True, text=is_text)


def _reference(field: Any, depth: int) -> Type | None:
    cls = field.document_type
    key = None if cls._meta.get("abstract") else type_of(cls._fields[cls._meta["id_field"]])
    if key is None or key.store is None:
        return None
    convert = key.store
    collection = cls._get_collection_name()

    def parse(value: Any) -> DBRef:
        return DBRef(collection, convert(value))

    store = parse if field.dbref else convert
    return Type(schema=key.schema, parse=parse, store=store, plain=plain, ordered=not field.dbref)


def _embedded(field: Any, depth: int) -> Type | None:
    if depth >= _DEEPEST:
        return None
    cls = field.document_type
    every = members_of(cls, depth + 1)
    members = {name: member for name, member in every.items() if member.type is not None and not member.is_secret}
    if any(member.required and not member.has_default and name not in members for name, member in every.items()):
        return None
    by_attribute = tuple(
        (member.name, member.attribute, member.type.parse) for member in members.values() if member.type is not None
    )

    def parse(value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise Unfit("must be object")
        for name in value:
            if name not in members:
                raise Unfit("is not allowed", (name,))
        return cls(
            **{to: values.inside(name, convert, value[name]) for name, to, convert in by_attribute if name in value}
        )

    def show(stored: Any) -> Any:
        return show_members(members.values(), stored) if isinstance(stored, Mapping) else None

    return Type(schema=object_schema(members.values()), parse=parse, plain=show, members=members)


def _item(field: Any, depth: int) -> Type | None:
    return type_of(field.field, depth) if field.field is not None else _anything(None, depth)


def _list(field: Any, depth: int) -> Type | None:
    item = _item(field, depth)
    if item is None:
        return None
    schema: Schema = {"type": "array", "items": item.schema, **_given(maxItems=getattr(field, "max_length", None))}
    parse_item, show_item = item.parse, item.plain

    def parse(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise Unfit("must be array")
        return [values.inside(index, parse_item, inner) for index, inner in enumerate(value)]

    def show(stored: Any) -> Any:
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

    def parse(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise Unfit("must be object")
        return {values.name_of(key): values.inside(key, parse_item, inner) for key, inner in value.items()}

    def show(stored: Any) -> Any:
        return {key: show_item(inner) for key, inner in stored.items()} if isinstance(stored, Mapping) else {}

    schema: Schema = {"type": "object", "propertyNames": {"pattern": "^[^$.\\x00][^.\\x00]*$"}}
    if item.schema:
        schema["additionalProperties"] = item.schema
    return Type(schema=schema, parse=parse, plain=show)


def _anything(field: Any, depth: int) -> Type:
    return Type(schema={}, parse=values.json, plain=plain)


_TYPES: tuple[tuple[type, Callable[[Any, int], Type | None]], ...] = (
    (me.ComplexDateTimeField, _complex_datetime),
    (me.EmailField, _email),
    (me.URLField, _url),
    (me.StringField, _string),
    (me.IntField, _integer),
    (me.FloatField, _float),
    (me.Decimal128Field, _decimal128),
    (me.DecimalField, _decimal),
    (me.BooleanField, _boolean),
    (me.DateField, _date),
    (me.DateTimeField, _datetime),
    (me.ObjectIdField, _object_id),
    (me.UUIDField, _uuid),
    (me.EnumField, _enum),
    (me.SequenceField, _sequence),
    (me.ReferenceField, _reference),
    (me.LazyReferenceField, _reference),
    (me.EmbeddedDocumentField, _embedded),
    (me.ListField, _list),
    (me.DictField, _map),
    (me.DynamicField, _anything),
)


# Schemas of objects


def object_schema(members: Any, *, partial: bool = False) -> Schema:
    """The schema of an object with these fields and no others; `partial` asks for none and fills in no defaults."""
    properties: Schema = {}
    required = []
    for member in members:
        demanded = member.required and not member.has_default and not member.automatic
        properties[member.name] = member.type.schema if member.required else _nullable(member.type.schema)
        if demanded:
            required.append(member.name)
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if required and not partial:
        schema["required"] = required
    return schema


def _nullable(schema: Schema) -> Schema:
    if not schema:
        return schema
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], None]}
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return {**schema, "type": [*types, "null"]}


def show_members(members: Any, stored: Mapping[str, Any]) -> dict[str, Any]:
    """A stored object as clients see it: these fields, every one of them, and no others."""
    shown = {}
    for member in members:
        value = stored.get(member.name)
        shown[member.name] = member.absent() if value is None else member.type.plain(value)
    return shown

"""Types of MongoEngine fields with a single value: JSON Schema, and conversion between JSON and MongoDB.

Each factory takes a MongoEngine field and returns its type. Independent of documents and requests.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from mongoengine import fields as me

from hapiish.grammar.pattern import fault
from hapiish.kinds.model import values
from hapiish.kinds.model.types import Schema, Type
from hapiish.kinds.model.values import Convert, Unfit, plain
from hapiish.types import Json, Value

HEX_ID = "^[0-9a-fA-F]{24}$"
DECIMAL = "^[+-]?[0-9]{1,34}([.][0-9]{1,34})?$"


def with_choices(base: Type, field: Any) -> Type:
    if base.many:
        return base
    choices = [choice[0] if isinstance(choice, list | tuple) else choice for choice in field.choices]
    return replace(base, schema={"enum": [plain(choice) for choice in choices]})


def _scalar(schema: Schema, parse: Convert, *, text: bool = False, ranged: bool = True) -> Type:
    return Type(schema=schema, parse=parse, store=parse, plain=plain, ordered=True, ranged=ranged, text=text)


def without_none(**keywords: Json) -> Schema:
    return {key: value for key, value in keywords.items() if value is not None}


def _string(field: Any) -> Type:
    schema = {"type": "string", **without_none(minLength=field.min_length, maxLength=field.max_length)}
    pattern = field.regex.pattern if field.regex is not None and not isinstance(field, me.URLField) else None
    # MongoEngine anchors at the start only. A pattern that JSON Schema cannot express is checked by the document.
    if isinstance(pattern, str) and field.regex.flags == re.UNICODE and not fault(f"^(?:{pattern})"):
        schema["pattern"] = f"^(?:{pattern})"
    return _scalar(schema, values.text, text=True, ranged=False)


def _email(field: Any) -> Type:
    base = _string(field)
    return replace(base, schema={**base.schema, "format": "idn-email" if field.allow_utf8_user else "email"})


def _url(field: Any) -> Type:
    base = _string(field)
    return replace(base, schema={**base.schema, "format": "uri"})


def _integer(field: Any) -> Type:
    low = -values.INT64 if field.min_value is None else field.min_value
    high = values.INT64 - 1 if field.max_value is None else field.max_value
    return _scalar({"type": "integer", "minimum": low, "maximum": high}, values.whole)


def _sequence(field: Any) -> Type:
    return _scalar({"type": "integer"}, values.whole)


def _float(field: Any) -> Type:
    return _scalar({"type": "number", **without_none(minimum=field.min_value, maximum=field.max_value)}, values.number)


def _decimal(field: Any) -> Type:
    schema = {"type": ["number", "string"], "pattern": DECIMAL, **_bounds(field)}

    def parse(value: Value) -> Decimal:
        number = values.decimal(value)
        try:
            field.to_python(number)
        except InvalidOperation:
            raise Unfit("has too many digits") from None
        return number

    def store(value: Value) -> Value:
        return field.to_mongo(parse(value))

    ranged = not field.force_string
    return Type(schema=schema, parse=parse, store=store, plain=plain, ordered=ranged, ranged=ranged)


def _decimal128(field: Any) -> Type:
    schema = {"type": ["number", "string"], "pattern": DECIMAL, **_bounds(field)}
    return Type(schema=schema, parse=values.decimal128, store=values.decimal128, plain=plain, ordered=True, ranged=True)


def _bounds(field: Any) -> Schema:
    """Returns the limits for JSON numbers. The document checks decimals in text."""
    limits = {"minimum": field.min_value, "maximum": field.max_value}
    return {key: float(value) for key, value in limits.items() if value is not None}


def _boolean(field: Any) -> Type:
    return _scalar({"type": "boolean"}, values.boolean, ranged=False)


def _datetime(field: Any) -> Type:
    return _scalar({"type": "string", "format": "date-time"}, values.date_time)


def _complex_datetime(field: Any) -> Type:
    def show(stored: Value) -> Value:
        return plain(field.to_python(stored)) if stored is not None else None

    def store(value: Value) -> Value:
        return field.to_mongo(values.date_time(value))

    schema = {"type": "string", "format": "date-time"}
    return Type(schema=schema, parse=values.date_time, store=store, plain=show)


def _date(field: Any) -> Type:
    def show(stored: Value) -> Value:
        return stored.date().isoformat() if isinstance(stored, datetime) else plain(stored)

    def store(value: Value) -> datetime:
        day = values.day(value)
        return datetime(day.year, day.month, day.day, tzinfo=UTC)

    schema = {"type": "string", "format": "date"}
    return Type(schema=schema, parse=values.day, store=store, plain=show, ordered=True, ranged=True)


def _object_id(field: Any) -> Type:
    return _scalar({"type": "string", "pattern": HEX_ID}, values.id)


def _uuid(field: Any) -> Type:
    def store(value: Value) -> Value:
        return field.to_mongo(values.uuid(value))

    schema = {"type": "string", "format": "uuid"}
    return Type(schema=schema, parse=values.uuid, store=store, plain=plain, ordered=True)


def _enum(field: Any) -> Type:
    allowed = [plain(choice.value) for choice in field.choices]
    is_text = all(isinstance(value, str) for value in allowed)

    def parse(value: Value) -> Value:
        member = next((choice for choice in field.choices if plain(choice.value) == value), None)
        if member is None:
            raise Unfit("is not among the values allowed")
        return member

    def store(value: Value) -> Value:
        return parse(value).value

    return Type(schema={"enum": allowed}, parse=parse, store=store, plain=plain, ordered=True, text=is_text)


SCALARS: tuple[tuple[type, Callable[[Any], Type]], ...] = (
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
)
"""Field classes and their factories. A subclass comes before its base class."""

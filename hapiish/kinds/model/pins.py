"""Pinned fields: the server fixes their value for all documents that a request reads or writes.

A pin is a constant or a template, such as `{credentials.tenant}` or `{params.a}/{params.b}`. Pins fail closed: a value
that is missing, empty or of a wrong type matches no document and creates none. A client's value is converted to the
field's type, so that it cannot be an operator.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from hapiish import boom
from hapiish.grammar.template import Template
from hapiish.grammar.template import Value as Placeholder
from hapiish.http.auth.access import claim, text_of
from hapiish.http.exchange.request import Request
from hapiish.http.validation.coerce import compile_coercer
from hapiish.http.validation.validator import compile_schema
from hapiish.kinds.model.scalars import DECIMAL, HEX_ID
from hapiish.kinds.model.types import Member, Type
from hapiish.kinds.model.values import Unfit, plain
from hapiish.types import Value

_READ: Final[Mapping[str, Callable[[Value], Value]]] = {
    **{source: attrgetter(source) for source in ("params", "query", "payload", "headers", "state", "pre")},
    **{source: attrgetter(f"auth.{source}") for source in ("credentials", "artifacts")},
}
_AUTH_SOURCES: Final = ("credentials", "artifacts")
_CHARACTERS: Final[Mapping[str, str]] = {
    "date": "[0-9-]*",
    "date-time": "[0-9TZtz:+. -]*",
    "uuid": "[0-9A-Fa-f-]*",
    HEX_ID: "[0-9A-Fa-f]{0,23}",
    DECIMAL: "[0-9+.-]*",
}
"""Format or pattern → pattern of the constant text in a template."""


@dataclass(frozen=True, slots=True)
class Pin:
    """A field and the template of its value."""

    member: Member
    template: Template
    convert: Callable[[Value], Value] | None = None
    constant: Value = None

    @property
    def is_constant(self) -> bool:
        """True if the value is the same for every request."""
        return not any(self.template.values)

    @property
    def whole(self) -> Placeholder | None:
        """The placeholder, if the template is a single one without text."""
        first = self.template.parts[0] if len(self.template.parts) == 1 else None
        return first if isinstance(first, Placeholder) else None

    def stored(self, request: Request) -> Value:
        """Returns the value to compare with. Raises NotFound or Forbidden if the request has none."""
        assert self.member.type is not None
        assert self.member.type.store is not None
        return self._converted(request, self.member.type.store)

    def parsed(self, request: Request) -> Value:
        """Returns the value for the document's attribute. Raises NotFound or Forbidden if the request has none."""
        assert self.member.type is not None
        return self._converted(request, self.member.type.parse)

    def _converted(self, request: Request, convert: Callable[[Value], Value]) -> Value:
        if self.is_constant:
            return None if self.constant is None else convert(self.constant)
        value = self._rendered(request)
        try:
            return convert(self.convert(value) if self.convert is not None else value)
        except Unfit as fault:
            raise _missing(next(self.template.values)) from fault

    def _rendered(self, request: Request) -> Value:
        if self.whole is not None:
            return _value(request, self.whole)
        texts = []
        for part in self.template.parts:
            text = part if isinstance(part, str) else text_of(_value(request, part))
            if text is None:
                assert isinstance(part, Placeholder)
                raise _missing(part)
            texts.append(text)
        return "".join(texts)

    def schemas(self) -> Iterator[tuple[str, str, Mapping[str, Value]]]:
        """Yields source, name and schema of each request parameter in the template.

        The schema is the field's for a parameter that is the whole value, else empty.
        """
        assert self.member.type is not None
        for value in self.template.values:
            if value.source in ("params", "query"):
                is_single = value == self.whole and len(value.path) == 1
                yield value.source, value.path[0], self.member.type.schema if is_single else {}


def pin(member: Member, template: Template, constant: Value = None) -> Pin:
    """Returns the pin of a field. Raises Unfit for a constant or template that never fits the field's type."""
    field_type = member.type
    assert field_type is not None
    result = Pin(member, template, coercion(field_type), constant)
    if result.is_constant:
        if constant is not None:
            field_type.parse(constant)
            faults = compile_schema(field_type.schema, {}).errors(constant)
            if faults:
                raise Unfit(faults[0]["message"])
    elif result.whole is None:
        _check_template(field_type.schema, template)
    return result


def coercion(field_type: Type) -> Callable[[Value], Value] | None:
    """Returns a function that coerces the text of a parameter, header or cookie; None for a type that needs none."""
    convert = compile_coercer({"type": "object", "properties": {"value": field_type.schema}}, {})
    return None if convert is None else lambda value: convert({"value": value})["value"]


def _value(request: Request, placeholder: Placeholder) -> Value:
    """Returns the placeholder's value in the request as JSON, for a document its id."""
    value = _READ[placeholder.source](request)
    for name in placeholder.path:
        value = claim(value, name.lower() if placeholder.source == "headers" else name)
    value = plain(getattr(value, "pk", value))
    if value is None or value == "":
        raise _missing(placeholder)
    return value


def _missing(placeholder: Placeholder) -> boom.Boom:
    if placeholder.source in _AUTH_SOURCES:
        return boom.Forbidden("The credentials lack a value that selects documents")
    return boom.NotFound()


def _check_template(schema: Mapping[str, Value], template: Template) -> None:
    """Raises Unfit if no text of the template can be a value of the schema."""
    choices = schema.get("enum")
    if choices is not None:
        parts = ("(?s:.+)" if isinstance(part, Placeholder) else re.escape(part) for part in template.parts)
        pattern = re.compile("".join(parts))
        if not any(isinstance(choice, str) and pattern.fullmatch(choice) for choice in choices):
            raise Unfit("is not a value of this field")
        return
    types = schema.get("type", ())
    if "string" not in ([types] if isinstance(types, str) else types):
        raise Unfit(f"is {types}, and a template with more than one value is text")
    text = "".join(template.texts)
    characters = _CHARACTERS.get(schema.get("format", ""), _CHARACTERS.get(schema.get("pattern", ""), "(?s:.*)"))
    if not re.fullmatch(characters, text) or len(text) >= schema.get("maxLength", len(text) + 1):
        raise Unfit("cannot hold the value of this template")

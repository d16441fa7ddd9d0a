"""Fields that have one value in everything that a request sees or makes: constants, and templates such as
`{credentials.tenant}` or `{params.a}/{params.b}`.

Everything closes by default: a value that a request lacks, that is empty, or that is not of the field's type, finds no
document and makes none. What a client sends is converted by the field's type, so that none of it is ever an operator.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

from hapiish import boom
from hapiish.grammar.template import Template, Value
from hapiish.http.auth.access import claim, text_of
from hapiish.http.validation.coerce import compile_coercer
from hapiish.http.validation.validator import compile_schema
from hapiish.kinds.model.scalars import DECIMAL, HEX_ID
from hapiish.kinds.model.types import Member, Type
from hapiish.kinds.model.values import Unfit, plain

_READ: Final[Mapping[str, Callable[[Any], Any]]] = {
    **{source: attrgetter(source) for source in ("params", "query", "payload", "headers", "state", "pre")},
    **{source: attrgetter(f"auth.{source}") for source in ("credentials", "artifacts")},
}
_OF_CALLERS: Final = ("credentials", "artifacts")
_LETTERS: Final[Mapping[str, str]] = {
    "date": "[0-9-]*",
    "date-time": "[0-9TZtz:+. -]*",
    "uuid": "[0-9A-Fa-f-]*",
    HEX_ID: "[0-9A-Fa-f]{0,23}",
    DECIMAL: "[0-9+.-]*",
}
"""By format or pattern, what texts around values may be made of."""


@dataclass(frozen=True, slots=True)
class Pin:
    """A field and what its value is made of."""

    member: Member
    template: Template
    convert: Callable[[Any], Any] | None = None
    constant: Any = None

    @property
    def is_constant(self) -> bool:
        """Whether every request has the same value."""
        return not any(self.template.values)

    @property
    def whole(self) -> Value | None:
        """The one value that the template is, when there is nothing around it."""
        first = self.template.parts[0] if len(self.template.parts) == 1 else None
        return first if isinstance(first, Value) else None

    def stored(self, request: Any) -> Any:
        """The value to compare with; NotFound or Forbidden where the request has none."""
        assert self.member.type is not None
        assert self.member.type.store is not None
        return self._converted(request, self.member.type.store)

    def parsed(self, request: Any) -> Any:
        """The value for the document's attribute; NotFound or Forbidden where the request has none."""
        assert self.member.type is not None
        return self._converted(request, self.member.type.parse)

    def _converted(self, request: Any, convert: Callable[[Any], Any]) -> Any:
        if self.is_constant:
            return None if self.constant is None else convert(self.constant)
        value = self._given(request)
        try:
            return convert(self.convert(value) if self.convert is not None else value)
        except Unfit as fault:
            raise _absent(next(self.template.values)) from fault

    def _given(self, request: Any) -> Any:
        if self.whole is not None:
            return _value(request, self.whole)
        texts = []
        for part in self.template.parts:
            text = part if isinstance(part, str) else text_of(_value(request, part))
            if text is None:
                assert isinstance(part, Value)
                raise _absent(part)
            texts.append(text)
        return "".join(texts)

    def schemas(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Input, name and schema of what a client sends for it, where that is judged as a whole."""
        assert self.member.type is not None
        for value in self.template.values:
            if value.source in ("params", "query"):
                is_single = value == self.whole and len(value.path) == 1
                yield value.source, value.path[0], self.member.type.schema if is_single else {}


def pin(member: Member, template: Template, constant: Any = None) -> Pin:
    """The pin of a field; Unfit for a value that its type can never take."""
    found = member.type
    assert found is not None
    made = Pin(member, template, coercion(found), constant)
    if made.is_constant:
        if constant is not None:
            found.parse(constant)
            faults = compile_schema(found.schema, {}).errors(constant)
            if faults:
                raise Unfit(faults[0]["message"])
    elif made.whole is None:
        _judge(found.schema, template)
    return made


def coercion(found: Type) -> Callable[[Any], Any] | None:
    """What turns the text of a parameter, a header or a cookie into the type's JSON; None when that is text."""
    convert = compile_coercer({"type": "object", "properties": {"value": found.schema}}, {})
    return None if convert is None else lambda value: convert({"value": value})["value"]


def _value(request: Any, value: Value) -> Any:
    """What the request has there, as JSON; a document stands for its id."""
    found = _READ[value.source](request)
    for name in value.path:
        found = claim(found, name.lower() if value.source == "headers" else name)
    found = plain(getattr(found, "pk", found))
    if found is None or found == "":
        raise _absent(value)
    return found


def _absent(value: Value) -> boom.Boom:
    if value.source in _OF_CALLERS:
        return boom.Forbidden("Credentials lack what documents are known by")
    return boom.NotFound()


def _judge(schema: Mapping[str, Any], template: Template) -> None:
    """Unfit where no text that the template makes can be a value of the schema."""
    choices = schema.get("enum")
    if choices is not None:
        parts = ("(?s:.+)" if isinstance(part, Value) else re.escape(part) for part in template.parts)
        pattern = re.compile("".join(parts))
        if not any(isinstance(choice, str) and pattern.fullmatch(choice) for choice in choices):
            raise Unfit("is not a value of this field")
        return
    types = schema.get("type", ())
    if "string" not in ([types] if isinstance(types, str) else types):
        raise Unfit(f"is {types}, and a template with more than one value is text")
    text = "".join(template.texts)
    letters = _LETTERS.get(schema.get("format", ""), _LETTERS.get(schema.get("pattern", ""), "(?s:.*)"))
    if not re.fullmatch(letters, text) or len(text) >= schema.get("maxLength", len(text) + 1):
        raise Unfit("cannot hold the value of this template")

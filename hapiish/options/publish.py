"""The declarations to `routes.schema.json`, the JSON Schema (draft-07) of the file.

What all options have in common is added here: null for "back to the default", a variable in place of anything that is
not text, free `x-` keys, `{add: […]}` of lists that are merged.
"""

import json
import sys
import types
from collections.abc import Mapping
from dataclasses import MISSING
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from hapiish.options import units
from hapiish.options.declare import (
    As,
    At,
    Form,
    Items,
    Key,
    On,
    Settings,
    Text,
    bare,
    is_options,
    keys_of,
    settings_of,
    summary,
)
from hapiish.options.forms import EXTRA, Forms, Schema, addition, assembled, scalar
from hapiish.options.tables import Table
from hapiish.options.values import FORMS, FUNCTION, SCHEMA, Duration, Size

_SHARED: Final[Schema] = {
    "extra": {"description": "Free for your own use: hapiish does not read it."},
    "variable": {
        "description": "Text that is exactly one variable, for places that want a number or a boolean.",
        "type": "string",
        "pattern": r"^\$\{[^}]+\}$",
    },
}
_WIDTH: Final = 120
_WITHIN: Final = {On.DEFAULTS: On.ROUTE, On.NAMESPACE: On.EVENT}
"""The place of nested options, where only the outermost class tells the two apart."""

_TYPE_OF: Final = {bool: "boolean", int: "integer", str: "string", type(None): "null"}
_PREFIXES: Final = {On.EVENT: "event", On.HANDSHAKE: "handshake", On.SERVER: "server"}


def text() -> str:
    """The schema as it is published."""
    return _written(document(), "") + "\n"


def document() -> Schema:
    """The schema of the whole file."""
    published = _Publisher()
    body = published.mapping(Table, On.ROUTE)
    for form in (FUNCTION, SCHEMA):
        published.define(form, str, On.ROUTE)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "hapiish route table",
        **body,
        "definitions": dict(sorted({**published.definitions, **_SHARED}.items())),
    }


def _written(value: Any, indent: str) -> str:
    """JSON in which everything that fits on a line is on one."""
    line = json.dumps(value, ensure_ascii=False)
    if not value or not isinstance(value, dict | list) or len(indent) + len(line) < _WIDTH:
        return line
    inner = indent + "  "
    if isinstance(value, list):
        entries = [_written(each, inner) for each in value]
    else:
        entries = [f"{json.dumps(key)}: {_written(each, inner)}" for key, each in value.items()]
    first, last = "[]" if isinstance(value, list) else "{}"
    return f"{first}\n{inner}" + f",\n{inner}".join(entries) + f"\n{indent}{last}"


class _Publisher:
    def __init__(self) -> None:
        self.definitions: Schema = {}
        self.makers: dict[str, Any] = {}

    def mapping(self, kind: type, place: On) -> Schema:
        """A class as the schema of its mapping."""
        declared, keys = settings_of(kind), keys_at(kind, place)
        made: Schema = {"description": summary(kind), "type": "object", **declared.extra}
        required = [key.key for key in keys if key.is_required]
        if required:
            made["required"] = required
        if declared.chosen is not None:
            made["allOf"] = list(self.conditions(declared.chosen))
        made["properties"] = {key.key: self.property(key, declared, place) for key in keys}
        return {**made, "patternProperties": EXTRA, "additionalProperties": False, **declared.extra}

    def conditions(self, chosen: Any) -> Any:
        """The options of a class that depend on another of its options."""
        for value in chosen.among:
            kind = chosen.kind(value)
            options = self.reference(kind, On.ROUTE)
            needs = any(key.is_required for key in keys_of(kind).values()) or settings_of(kind).strict
            then = {"properties": {chosen.option: options if needs else {"anyOf": [{"type": "null"}, options]}}}
            condition = {"required": [chosen.by], "properties": {chosen.by: {"enum": [value]}}}
            yield {"if": condition, "then": {"required": [chosen.option], **then} if needs else then}

    def property(self, key: Key, owner: Settings, place: On) -> Schema:
        """An option: its meaning, default and examples, and the forms of its value."""
        declared = key.declared
        own = next((given for at, given in declared.per.items() if place in at), {})
        made: Schema = {"description": own.get("description", declared.description) or _meaning(key.hint)}
        default = shown(key)
        if default is not MISSING:
            made["default"] = default
        examples = own.get("examples", declared.examples)
        if examples:
            made["examples"] = list(examples)
        nullable = not owner.strict and (key.default is not MISSING or _takes_none(key.hint))
        forms = self.forms(key.hint, place, also=own.get("also", declared.also), alone=not owner.strict)
        value = assembled(forms, own.get("wanted", declared.wanted), nullable=nullable)
        if key.is_required and forms.takes_null:
            made["type"] = _types(self.definitions, value)
        return {**made, **({"allOf": [value]} if "$ref" in value else value)}

    def reference(self, kind: type, place: On) -> Schema:
        """A reference to the definition of a class, which is made when it is first needed."""
        name = definition_name(kind, place)
        if self.is_new(name, kind):
            self.definitions[name] = {}  # it may refer to itself
            self.definitions[name] = self.mapping(kind, place)
        return {"$ref": f"#/definitions/{name}"}

    def is_new(self, name: str, maker: Any) -> bool:
        """Whether a definition is not yet made; raises ValueError where something else has its name."""
        if self.makers.setdefault(name, maker) is not maker:
            raise ValueError(f"two definitions with the name {name}: {maker} and {self.makers[name]}")
        return name not in self.definitions

    def define(self, form: Form, hint: Any, place: On) -> Schema:
        """A reference to the definition of a form."""
        if self.is_new(form.name, form):
            self.definitions[form.name] = {}
            if form.schema is not None:
                made = {**form.schema, **({"errorMessage": form.wanted} if form.wanted else {})}
            else:
                kind, markers = bare(hint)
                rest = tuple(each for each in markers if each is not form)
                inner = Annotated[(kind, *rest)] if rest else kind
                made = assembled(self.forms(inner, place), form.wanted, nullable=form.nullable)
            self.definitions[form.name] = made
            for needed in (FUNCTION, SCHEMA) if form.schema is not None else ():
                if needed.name in json.dumps(form.schema):
                    self.define(needed, str, place)
        return {"$ref": f"#/definitions/{form.name}"}

    def value(self, hint: Any, place: On, *, nullable: bool = False) -> Schema:
        """The schema of an entry of a list or mapping."""
        kind, _ = bare(hint)
        nullable = nullable or _takes_none(kind) or (is_options(kind) and settings_of(kind).bare)
        return assembled(self.forms(hint, place), "", nullable=nullable)

    def forms(self, hint: Any, place: On, *, also: Any = None, alone: bool = False) -> Forms:
        """All forms of a value of type `hint`; a boolean that stands `alone` has a definition."""
        kind, markers = bare(hint)
        for marker in sorted(markers, key=lambda each: not isinstance(each, Form)):
            if isinstance(marker, Form):
                return self.formed(marker, hint, place)
            if isinstance(marker, As):
                return self.forms(marker.hint, place, also=also, alone=alone)
            if isinstance(marker, At):
                place = marker.place
        if is_options(kind):
            return self.settings(kind, place, also)
        if kind in FORMS and (kind is not bool or alone):
            return self.formed(FORMS[kind], kind, place)
        origin, inner = get_origin(kind), get_args(kind)
        if origin in (Union, types.UnionType):
            return self.union(inner, place, also, alone=alone)
        if origin is Literal:
            return Forms(list(inner))
        if origin is tuple:
            return self.listed(inner[0], place, markers)
        if origin is Mapping:
            return Forms([], [self.mapped(inner, place, markers)])
        return scalar(kind, markers)

    def formed(self, form: Form, hint: Any, place: On) -> Forms:
        """The form that a type has or a marker gives it."""
        schema = self.define(form, hint, place) if form.name else dict(form.schema or {})
        return Forms([], [schema], form.wanted, form.nullable)

    def union(self, members: tuple[Any, ...], place: On, also: Any, *, alone: bool) -> Forms:
        """The forms of several types."""
        rest = [each for each in members if each is not types.NoneType]
        made = Forms()
        for each in rest:
            forms = self.forms(each, place, also=also, alone=alone and len(rest) == 1)
            made.add(forms)
            made.wanted = forms.wanted if len(rest) == 1 else ""
        return made

    def settings(self, kind: type, place: On, also: Any) -> Forms:
        """The forms of a class: those that are short, and the mapping of its options."""
        declared = settings_of(kind)
        made = Forms(wanted=declared.wanted)
        short = declared.short
        if also is None:
            also = declared.also
        if also is None:
            also = (keys_of(kind)[short].hint,) if isinstance(short, str) and short else ()
        for each in also:
            if isinstance(each, bool | str):
                made.literals.append(each)
            else:
                made.add(self.forms(each, place))
        made.schemas.append(self.reference(kind, place))
        return made

    def listed(self, entry: Any, place: On, markers: tuple[Any, ...]) -> Forms:
        """A list, of which one entry may stand for itself."""
        items = next((each for each in markers if isinstance(each, Items)), Items())
        schema: Schema = {"type": "array"}
        if items.min:
            schema["minItems"] = items.min
        if items.unique:
            schema["uniqueItems"] = True
        schema["items"] = self.value(entry, place)
        made = Forms([], [schema], items.wanted)
        if items.one:
            single = self.forms(entry, place)
            made = Forms(single.literals, [*single.schemas, schema], items.wanted)
        if items.add:
            made.schemas.append(addition(schema))
        return made

    def mapped(self, hints: tuple[Any, ...], place: On, markers: tuple[Any, ...]) -> Schema:
        """A mapping of names to values."""
        key, value = hints
        items = next((each for each in markers if isinstance(each, Items)), Items())
        schema: Schema = {"type": "object"}
        if items.min:
            schema["minProperties"] = items.min
        _, of_key = bare(key)
        for marker in of_key:
            if isinstance(marker, Form):
                schema["propertyNames"] = {**(marker.schema or {}), "errorMessage": marker.wanted}
            elif isinstance(marker, Text):
                said = {"errorMessage": marker.wanted} if marker.wanted else {}
                schema["propertyNames"] = {"pattern": marker.pattern, **said}
        if value is not Any:
            schema["additionalProperties"] = self.value(value, place)
        return schema


def keys_at(kind: type, place: On) -> list[Key]:
    """The options of a class that may stand at a place."""
    return [key for key in keys_of(kind).values() if key.declared.on is None or place in key.declared.on]


def definition_name(kind: type, place: On) -> str:
    """The name of the definition of a class, for one of the places where its options differ."""
    declared = settings_of(kind)
    name = declared.name or kind.__name__[0].lower() + kind.__name__[1:]
    if place in declared.names:
        return declared.names[place]
    place = _WITHIN.get(place, place)
    prefix = _PREFIXES.get(place, "")
    return prefix + name[0].upper() + name[1:] if prefix and _differs(kind) else name


def _differs(kind: type) -> bool:
    return any(key.declared.on is not None or key.declared.per for key in keys_of(kind).values())


def shown(key: Key) -> Any:
    """The default of an option as the file has it; MISSING where there is nothing to show."""
    if key.declared.shown is not MISSING:
        return key.declared.shown
    items = next((each for each in bare(key.hint)[1] if isinstance(each, Items)), Items())
    if key.default is MISSING or key.default is None or (key.default == () and items.min):
        return MISSING
    return _plain(key.default, key.hint)


def _plain(value: Any, hint: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each, None) for each in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(inner, None) for name, inner in value.items()}
    if is_options(type(value)):
        return {}
    kinds = [bare(each)[0] for each in (hint, *get_args(bare(hint)[0]))]
    return units.shown(value, next((kind for kind in kinds if kind in (Duration, Size)), None))


def _meaning(hint: Any) -> str:
    """The description of an option that has none of its own: that of its form or class."""
    kind, markers = bare(hint)
    for marker in markers:
        if isinstance(marker, As):
            return _meaning(marker.hint)
        if isinstance(marker, Form) and "description" in (marker.schema or {}):
            return str(marker.schema["description"])  # type: ignore[index]
    if is_options(kind):
        return summary(kind)
    inner = [_meaning(each) for each in get_args(kind) if get_origin(kind) in (Union, types.UnionType)]
    return next((each for each in inner if each), "")


def _takes_none(hint: Any) -> bool:
    kind, markers = bare(hint)
    hint = next((each.hint for each in markers if isinstance(each, As)), kind)
    return types.NoneType in get_args(hint)


def _types(definitions: Schema, value: Schema) -> Any:
    """The types of a value that must not be null."""
    found: dict[str, None] = {}
    stack = [value]
    while stack:
        each = stack.pop(0)
        each = {**definitions, **_SHARED}[each["$ref"].rpartition("/")[2]] if "$ref" in each else each
        stack = [*each.get("anyOf", ()), *stack]
        given = each.get("type", [_TYPE_OF[type(value)] for value in each.get("enum", ())])
        found |= dict.fromkeys([given] if isinstance(given, str) else given)
    names = [name for name in found if name != "null"]
    return names if len(names) > 1 else names[0]


if __name__ == "__main__":
    sys.stdout.write(text())

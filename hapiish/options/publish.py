"""Generates `routes.schema.json`, the JSON Schema (draft-07) of the file, from the declarations of the options.

The forms that all options share are added here: null to reset to the default, a variable in place of any value that is
not text, free `x-` keys, and `{add: […]}` for lists that are merged.
"""

import copy
import json
import sys
import types
from collections.abc import Mapping
from dataclasses import MISSING
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from hapiish.declare import units
from hapiish.declare.forms import EXTRA, Forms, Schema, addition, assembled, scalar
from hapiish.declare.option import (
    As,
    At,
    Form,
    Items,
    On,
    OptionKey,
    Settings,
    Text,
    bare,
    is_options,
    keys_of,
    settings_of,
    summary,
)
from hapiish.declare.types import FORMS, FUNCTION, SCHEMA, Duration, Size
from hapiish.options.tables import Table

_SHARED: Final[Schema] = {
    "extra": {"description": "Free for your own use: hapiish does not read it."},
    "variable": {
        "description": "Text that is exactly one variable, for places that want a number or a boolean.",
        "type": "string",
        "pattern": r"^\$\{[^}]+\}$",
    },
}
IN_TEXT: Final = r"|\$\{"
"""The end of a pattern that also accepts a text with a variable."""
MERGE_KEY: Final = "|^<<$"
"""The end of a pattern of names that also accepts a merge key."""
_WIDTH: Final = 120
_WITHIN: Final = {On.DEFAULTS: On.ROUTE, On.NAMESPACE: On.EVENT}
"""The place of nested options, for places that only the outermost class distinguishes."""

_TYPE_OF: Final = {bool: "boolean", int: "integer", str: "string", type(None): "null"}
_PREFIXES: Final = {On.EVENT: "event", On.HANDSHAKE: "handshake", On.SERVER: "server"}


def text() -> str:
    """Returns the text of the published schema."""
    return _formatted(document(), "") + "\n"


def document() -> Schema:
    """Returns the schema of the whole file."""
    published = _Publisher()
    body = published.mapping(Table, On.ROUTE)
    for form in (FUNCTION, SCHEMA):
        published.define(form, str, On.ROUTE)
    made = copy.deepcopy(
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "title": "hapiish route table",
            **body,
            "definitions": dict(sorted({**published.definitions, **_SHARED}.items())),
        }
    )
    _as_written(made)
    return made


def _as_written(schema: Any) -> None:
    """Makes the pattern of every text accept a `${…}`, and that of every name a merge key, in place.

    A table is validated after substitution and merging; an editor reads it as it is written.
    """
    for key, inner in schema.items() if isinstance(schema, dict) else enumerate(schema):
        if key == "propertyNames" and isinstance(inner, dict) and "pattern" in inner:
            inner["pattern"] += MERGE_KEY
        if isinstance(inner, dict | list) and key not in ("propertyNames", "patternProperties", "default", "examples"):
            _as_written(inner)
    if isinstance(schema, dict) and isinstance(schema.get("pattern"), str) and r"\$\{" not in schema["pattern"]:
        schema["pattern"] += IN_TEXT


def _formatted(value: Any, indent: str) -> str:
    """Returns JSON in which each value that fits on a line is on one line."""
    line = json.dumps(value, ensure_ascii=False)
    if not value or not isinstance(value, dict | list) or len(indent) + len(line) < _WIDTH:
        return line
    inner = indent + "  "
    if isinstance(value, list):
        entries = [_formatted(each, inner) for each in value]
    else:
        entries = [f"{json.dumps(key)}: {_formatted(each, inner)}" for key, each in value.items()]
    first, last = "[]" if isinstance(value, list) else "{}"
    return f"{first}\n{inner}" + f",\n{inner}".join(entries) + f"\n{indent}{last}"


class _Publisher:
    def __init__(self) -> None:
        self.definitions: Schema = {}
        self.makers: dict[str, Any] = {}

    def mapping(self, kind: type, place: On) -> Schema:
        """Returns the schema of a mapping of a class's options."""
        declared, keys = settings_of(kind), keys_at(kind, place)
        schema: Schema = {"description": summary(kind), "type": "object", **declared.extra}
        required = [key.key for key in keys if key.is_required]
        if required:
            schema["required"] = required
        if declared.chosen is not None:
            schema["allOf"] = list(self.conditions(declared.chosen))
        schema["properties"] = {key.key: self.property(key, declared, place) for key in keys}
        return {**schema, "patternProperties": EXTRA, "additionalProperties": False, **declared.extra}

    def conditions(self, chosen: Any) -> Any:
        """Yields the conditions for options that depend on the value of another option."""
        for value in chosen.among:
            kind = chosen.kind(value)
            options = self.reference(kind, On.ROUTE)
            needs = any(key.is_required for key in keys_of(kind).values()) or settings_of(kind).strict
            then = {"properties": {chosen.option: options if needs else {"anyOf": [{"type": "null"}, options]}}}
            condition = {"required": [chosen.by], "properties": {chosen.by: {"enum": [value]}}}
            yield {"if": condition, "then": {"required": [chosen.option], **then} if needs else then}

    def property(self, key: OptionKey, owner: Settings, place: On) -> Schema:
        """Returns the schema of an option: description, default, examples, and the forms of its value."""
        declared = key.declared
        own = next((extra for places, extra in declared.per.items() if place in places), {})
        schema: Schema = {
            "description": own.get("description", declared.description) or _inherited_description(key.hint)
        }
        default = shown(key)
        if default is not MISSING:
            schema["default"] = default
        examples = own.get("examples", declared.examples)
        if examples:
            schema["examples"] = list(examples)
        nullable = not owner.strict and (key.default is not MISSING or _takes_none(key.hint))
        forms = self.forms(key.hint, place, also=own.get("also", declared.also), alone=not owner.strict)
        value = assembled(forms, own.get("wanted", declared.wanted), nullable=nullable)
        if key.is_required and forms.takes_null:
            schema["type"] = _types(self.definitions, value)
        return {**schema, **({"allOf": [value]} if "$ref" in value else value)}

    def reference(self, kind: type, place: On) -> Schema:
        """Returns a reference to the definition of a class, and adds the definition if it is new."""
        name = definition_name(kind, place)
        if self.is_new(name, kind):
            self.definitions[name] = {}  # a class can contain itself
            self.definitions[name] = self.mapping(kind, place)
        return {"$ref": f"#/definitions/{name}"}

    def is_new(self, name: str, maker: Any) -> bool:
        """True if a definition does not exist yet; raises ValueError if another one has its name."""
        if self.makers.setdefault(name, maker) is not maker:
            raise ValueError(f"two definitions with the name {name}: {maker} and {self.makers[name]}")
        return name not in self.definitions

    def define(self, form: Form, hint: Any, place: On) -> Schema:
        """Returns a reference to the definition of a form, and adds the definition if it is new."""
        if self.is_new(form.name, form):
            self.definitions[form.name] = {}
            if form.schema is not None:
                schema = {**form.schema, **({"errorMessage": form.wanted} if form.wanted else {})}
            else:
                kind, markers = bare(hint)
                rest = tuple(each for each in markers if each is not form)
                inner = Annotated[(kind, *rest)] if rest else kind
                schema = assembled(self.forms(inner, place), form.wanted, nullable=form.nullable)
            self.definitions[form.name] = schema
            for needed in (FUNCTION, SCHEMA) if form.schema is not None else ():
                if needed.name in json.dumps(form.schema):
                    self.define(needed, str, place)
        return {"$ref": f"#/definitions/{form.name}"}

    def value(self, hint: Any, place: On, *, nullable: bool = False) -> Schema:
        """Returns the schema of an entry of a list or mapping."""
        kind, _ = bare(hint)
        nullable = nullable or _takes_none(kind) or (is_options(kind) and settings_of(kind).bare)
        return assembled(self.forms(hint, place), "", nullable=nullable)

    def forms(self, hint: Any, place: On, *, also: Any = None, alone: bool = False) -> Forms:
        """Returns all forms of a value of type `hint`; with `alone`, a boolean is a reference to its definition."""
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
        """Returns the form declared by a type or a marker."""
        schema = self.define(form, hint, place) if form.name else dict(form.schema or {})
        return Forms([], [schema], form.wanted, form.nullable)

    def union(self, members: tuple[Any, ...], place: On, also: Any, *, alone: bool) -> Forms:
        """Returns the forms of a union."""
        rest = [each for each in members if each is not types.NoneType]
        forms = Forms()
        for each in rest:
            of_member = self.forms(each, place, also=also, alone=alone and len(rest) == 1)
            forms.add(of_member)
            forms.wanted = of_member.wanted if len(rest) == 1 else ""
        return forms

    def settings(self, kind: type, place: On, also: Any) -> Forms:
        """Returns the forms of a class: its short forms, and the mapping of its options."""
        declared = settings_of(kind)
        forms = Forms(wanted=declared.wanted)
        short = declared.short
        if also is None:
            also = declared.also
        if also is None:
            also = (keys_of(kind)[short].hint,) if isinstance(short, str) and short else ()
        for each in also:
            if isinstance(each, bool | str):
                forms.literals.append(each)
            else:
                forms.add(self.forms(each, place))
        forms.schemas.append(self.reference(kind, place))
        return forms

    def listed(self, entry: Any, place: On, markers: tuple[Any, ...]) -> Forms:
        """Returns the forms of a list, with a single entry and `{add: […]}` if permitted."""
        items = next((each for each in markers if isinstance(each, Items)), Items())
        schema: Schema = {"type": "array"}
        if items.min:
            schema["minItems"] = items.min
        if items.unique:
            schema["uniqueItems"] = True
        schema["items"] = self.value(entry, place)
        forms = Forms([], [schema], items.wanted)
        if items.one:
            single = self.forms(entry, place)
            forms = Forms(single.literals, [*single.schemas, schema], items.wanted)
        if items.add:
            forms.schemas.append(addition(schema))
        return forms

    def mapped(self, hints: tuple[Any, ...], place: On, markers: tuple[Any, ...]) -> Schema:
        """Returns the schema of a mapping of names to values."""
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


def keys_at(kind: type, place: On) -> list[OptionKey]:
    """Returns the options of a class that are permitted at a place."""
    return [key for key in keys_of(kind).values() if key.declared.on is None or place in key.declared.on]


def definition_name(kind: type, place: On) -> str:
    """Returns the name of the definition of a class at a place; it depends on the place if the options do."""
    declared = settings_of(kind)
    name = declared.name or kind.__name__[0].lower() + kind.__name__[1:]
    if place in declared.names:
        return declared.names[place]
    place = _WITHIN.get(place, place)
    prefix = _PREFIXES.get(place, "")
    return prefix + name[0].upper() + name[1:] if prefix and _differs(kind) else name


def _differs(kind: type) -> bool:
    return any(key.declared.on is not None or key.declared.per for key in keys_of(kind).values())


def shown(key: OptionKey) -> Any:
    """Returns the default of an option in the form of the file; MISSING if it has none to show."""
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


def _inherited_description(hint: Any) -> str:
    """Returns the description of an option's form or class, for an option without a description."""
    kind, markers = bare(hint)
    for marker in markers:
        if isinstance(marker, As):
            return _inherited_description(marker.hint)
        if isinstance(marker, Form) and "description" in (marker.schema or {}):
            return str(marker.schema["description"])  # type: ignore[index]
    if is_options(kind):
        return summary(kind)
    inner = [_inherited_description(each) for each in get_args(kind) if get_origin(kind) in (Union, types.UnionType)]
    return next((each for each in inner if each), "")


def _takes_none(hint: Any) -> bool:
    kind, markers = bare(hint)
    hint = next((each.hint for each in markers if isinstance(each, As)), kind)
    return types.NoneType in get_args(hint)


def _types(definitions: Schema, value: Schema) -> Any:
    """Returns the types of a value, without null."""
    names: dict[str, None] = {}
    stack = [value]
    while stack:
        schema = stack.pop(0)
        schema = {**definitions, **_SHARED}[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        stack = [*schema.get("anyOf", ()), *stack]
        types_of = schema.get("type", [_TYPE_OF[type(value)] for value in schema.get("enum", ())])
        names |= dict.fromkeys([types_of] if isinstance(types_of, str) else types_of)
    names.pop("null", None)
    return list(names) if len(names) > 1 else next(iter(names))


if __name__ == "__main__":
    sys.stdout.write(text())

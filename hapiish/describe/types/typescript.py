"""Converts JSON Schemas to TypeScript, as faithfully as its types allow.

What no type can say (patterns, ranges, `not`, `if`) is left out: the type then accepts more than the schema. An object
without `additionalProperties` has the members that it names, so that a misspelt one is an error.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hapiish.describe.types.names import TypeNames, pascal
from hapiish.describe.types.reading import Direction, Located, SchemaReader, is_hidden, kinds
from hapiish.types import Json

_IDENTIFIER: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*", re.ASCII)
_PREFIX: Final = re.compile(r"\^([A-Za-z0-9_\-]+)", re.ASCII)
"""A pattern that is only a prefix, which a template literal type can say."""
_SIMPLE: Final = {"string": "string", "number": "number", "integer": "number", "boolean": "boolean", "null": "null"}
_APPLIED: Final = ("allOf", "anyOf", "oneOf", "$ref")
_CONSTRAINTS: Final = frozenset(
    [
        "type",
        "const",
        "enum",
        "properties",
        "additionalProperties",
        "patternProperties",
        "propertyNames",
        "required",
        "items",
        "prefixItems",
    ]
)


@dataclass(frozen=True, slots=True)
class TsType:
    """The text of a type, and how tightly it binds: 2 alone, 1 as an intersection, 0 as a union."""

    text: str
    level: int = 2

    def within(self, level: int) -> str:
        """Returns the text, in parentheses where the surrounding type binds more tightly."""
        return self.text if self.level >= level else f"({self.text})"


UNKNOWN: Final = TsType("unknown")
NEVER: Final = TsType("never")


class TypeScript:
    """Converts the schemas of one table. `declarations` are the types that it has named so far."""

    def __init__(self, reader: SchemaReader, names: TypeNames) -> None:
        self.reader = reader
        self.names = names
        self.uses_binary = False
        self.declarations: dict[str, str] = {}
        self._named: dict[tuple[object, ...], str] = {}
        self._given = {name: names.take(name) for name in reader.schemas}

    def schemas(self) -> None:
        """Declares all named schemas."""
        for name in self.reader.schemas:
            self.reference(self.reader.named(name), "", "out", name)

    def convert(self, schema: Json, direction: Direction, owner: str) -> TsType:
        """Returns the type of a schema that is no part of another; `owner` names the types of parts that recur."""
        return self._type(Located(schema, schema), direction, owner)

    def reference(self, found: Located, pointer: str, direction: Direction, owner: str) -> str:
        """Returns the name of the type of a referenced schema, and declares it."""
        side: Direction = direction
        if found.name is not None and not self.reader.is_directed(found.name, direction):
            other: Direction = "out" if direction == "in" else "in"
            side = direction if self.reader.is_directed(found.name, other) else "out"
        key = (found.name or id(found.root), pointer, side)
        if key in self._named:
            return self._named[key]
        name = self._named[key] = self._name(found, pointer, side, owner)
        self.declarations[name] = ""  # its place; a type may contain itself
        made = self._type(found, direction, name)
        self.declarations[name] = f"{documentation(found.schema)}export type {name} = {made.text};"
        return name

    def _name(self, found: Located, pointer: str, side: Direction, owner: str) -> str:
        if found.name is not None and not pointer:
            given = self._given[found.name]
            return self.names.take(f"{given}Input") if side == "in" else given
        last = pascal(pointer.rpartition("/")[2])
        return self.names.take(f"{self._given[found.name] if found.name is not None else owner}{last or 'Value'}")

    def _type(self, found: Located, direction: Direction, owner: str) -> TsType:
        schema = found.schema
        if schema is False:
            return NEVER
        if not isinstance(schema, dict):
            return UNKNOWN
        if schema.get("not") in (True, {}):
            return NEVER
        parts = [self._own(found, direction, owner)] if not _CONSTRAINTS.isdisjoint(schema) else []
        if isinstance(schema.get("$ref"), str):
            target = self.reader.target(schema["$ref"], found)
            if target is not None:
                parts.append(TsType(self.reference(*target, direction, owner)))
        for keyword in ("anyOf", "oneOf"):
            if isinstance(schema.get(keyword), list):
                branches = (_beside(each, schema) for each in schema[keyword])
                parts.append(union(self._type(found.at(each), direction, owner) for each in branches))
        parts += [self._type(found.at(_beside(each, schema)), direction, owner) for each in schema.get("allOf", ())]
        return intersection(parts)

    def _own(self, found: Located, direction: Direction, owner: str) -> TsType:
        """Returns the type that the keywords of a schema itself say, without those of other schemas."""
        schema = found.schema
        if "const" in schema:
            return TsType(literal(schema["const"]))
        named = kinds(schema)
        if isinstance(schema.get("enum"), list):
            values = [each for each in schema["enum"] if not named or _is_of(each, named)]
            return union(TsType(literal(each)) for each in values)
        if not named:
            return UNKNOWN
        return union(self._kind(kind, found, direction, owner) for kind in named)

    def _kind(self, kind: str, found: Located, direction: Direction, owner: str) -> TsType:
        if kind == "object":
            return self._object(found, direction, owner)
        if kind == "array":
            return self._array(found, direction, owner)
        if kind == "string" and found.schema.get("format") == "binary":
            self.uses_binary = True
            return TsType("Binary")
        return TsType(_SIMPLE[kind]) if kind in _SIMPLE else UNKNOWN

    def _object(self, found: Located, direction: Direction, owner: str) -> TsType:
        schema = found.schema
        given = schema.get("properties")
        properties: Mapping[str, Json] = given if isinstance(given, dict) else {}
        shown = {name: each for name, each in properties.items() if not is_hidden(each, direction)}
        hidden = properties.keys() - shown.keys()
        required = {name for name in schema.get("required", ()) if name not in hidden}
        members: list[str] = []
        types: list[TsType] = []
        for name, each in shown.items():
            made = self._type(found.at(each), direction, owner)
            types.append(made if name in required else union([made, TsType("undefined")]))
            mark = "" if name in required else "?"
            members.append(f"{documentation(each)}{member_key(name)}{mark}: {made.text};")
        members += [f"{member_key(name)}: unknown;" for name in schema.get("required", ()) if name not in properties]
        rest = self._rest(found, direction, owner, types, list(shown))
        if not members and rest is None:
            is_closed = schema.get("additionalProperties") is False
            return TsType("Record<string, never>" if is_closed else "{ [key: string]: unknown }")
        return TsType(block([*members, *(rest or ())]))

    def _rest(
        self, found: Located, direction: Direction, owner: str, types: Sequence[TsType], names: Sequence[str]
    ) -> list[str] | None:
        """Returns the index signatures of an object; None if the schema says nothing of further members."""
        schema = found.schema
        by_pattern = schema.get("patternProperties") or {}
        more = schema.get("additionalProperties")
        keys = schema.get("propertyNames")
        signatures: list[str] = []
        values: list[TsType] = []
        for pattern, each in by_pattern.items():
            made = self._type(found.at(each), direction, owner)
            prefix = _PREFIX.fullmatch(pattern)
            if prefix is not None and not any(name.startswith(prefix[1]) for name in names) and not more:
                signatures.append(f"[key: `{prefix[1]}${{string}}`]: {made.text};")
            else:
                values.append(made)
        if more is True or isinstance(more, dict):
            values.append(self._type(found.at(more), direction, owner))
        if not values:
            return signatures or None
        value = UNKNOWN if UNKNOWN in values else union([*values, *types])
        if not names and isinstance(keys, dict) and isinstance(keys.get("enum"), list):
            allowed = [member_key(name) for name in keys["enum"] if isinstance(name, str)]
            return [f"{name}?: {value.text};" for name in allowed]
        return [*signatures, f"[key: string]: {value.text};"]

    def _array(self, found: Located, direction: Direction, owner: str) -> TsType:
        schema = found.schema
        first = schema.get("prefixItems")
        items = schema.get("items", True)
        if not isinstance(first, list) or not first:
            made = self._type(found.at(items), direction, owner)
            return TsType("[]" if items is False else f"{made.within(2)}[]")
        least = schema.get("minItems", 0)
        entries = []
        for index, each in enumerate(first):
            made = self._type(found.at(each), direction, owner)
            entries.append(made.text if index < least else f"{made.within(2)}?")
        if items is not False and not (isinstance(schema.get("maxItems"), int) and schema["maxItems"] <= len(first)):
            entries.append(f"...{self._type(found.at(items), direction, owner).within(2)}[]")
        return TsType(f"[{', '.join(entries)}]")


def union(types: Iterable[TsType]) -> TsType:
    """Returns the union of types, each once; of none, `never`."""
    return _joined(types, " | ", 0, none=NEVER, every=UNKNOWN)


def intersection(types: Iterable[TsType]) -> TsType:
    """Returns the intersection of types, each once; of none, `unknown`."""
    return _joined(types, " & ", 1, none=UNKNOWN, every=NEVER)


def _joined(types: Iterable[TsType], sign: str, level: int, *, none: TsType, every: TsType) -> TsType:
    """Joins types by a sign that binds at `level`. `none` is left out; if one type is `every`, it is the result."""
    found = list(dict.fromkeys(each for each in types if each != none))
    if every in found:
        return every
    if len(found) < 2:
        return found[0] if found else none
    return TsType(sign.join(dict.fromkeys(each.within(1) for each in found)), level)


def literal(value: Json) -> str:
    """Returns the type of one value."""
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, dict):
        members = [f"{member_key(name)}: {literal(inner)};" for name, inner in value.items()]
        return block(members)
    return json.dumps(value)


def documentation(schema: Json, more: Sequence[str] = ()) -> str:
    """Returns the comment of a schema, with its end escaped; empty without description, default and deprecation."""
    given = schema if isinstance(schema, dict) else {}
    lines = [line.rstrip() for line in str(given.get("description") or given.get("title") or "").splitlines()]
    lines += more
    if "default" in given:
        lines.append(f"@default {json.dumps(given['default'], ensure_ascii=False)}")
    if given.get("deprecated") is True:
        lines.append("@deprecated")
    return comment(lines)


def comment(lines: Sequence[str]) -> str:
    """Returns a comment of lines; empty for none."""
    safe = [line.replace("*/", "*\\/") for line in lines]
    if not any(safe):
        return ""
    if len(safe) == 1:
        return f"/** {safe[0]} */\n"
    return "/**\n" + "".join(f" * {line}".rstrip() + "\n" for line in safe) + " */\n"


def _beside(part: Json, schema: Mapping[str, Json]) -> Json:
    """Returns a part of `anyOf` and the like, which inherits the type of the schema around it."""
    if not isinstance(part, dict) or "type" in part or any(key in part for key in (*_APPLIED, "const", "enum")):
        return part
    return {"type": schema["type"], **part} if isinstance(schema.get("type"), str) and part else part


def block(members: Sequence[str]) -> str:
    """Returns the type of an object with these members."""
    if not members:
        return "Record<string, never>"
    lines = "\n".join(members).split("\n")
    return "\n".join(["{", *(f"  {line}" for line in lines), "}"])


def member_key(name: str) -> str:
    """Returns the name of a member, in quotes unless it is an identifier."""
    return name if _IDENTIFIER.fullmatch(name) else json.dumps(name)


def _is_of(value: Json, named: Sequence[str]) -> bool:
    match value:
        case None:
            return "null" in named
        case bool():
            return "boolean" in named
        case int():
            return "integer" in named or "number" in named
        case float():
            return "number" in named or ("integer" in named and value.is_integer())
        case str():
            return "string" in named
        case list():
            return "array" in named
    return "object" in named

"""Converts JSON Schemas to the types of Python that a handler sees: TypedDict, Literal, list and so on.

A member with a default is always there in validated input. What no type can say is left out, as in `typescript`.
"""

import keyword
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from hapiish.describe.surface.schemas import is_annotation
from hapiish.describe.types.names import TypeNames, pascal
from hapiish.describe.types.reading import Direction, Located, SchemaReader, is_hidden, kinds
from hapiish.table.text.tree import schemas_within
from hapiish.types import Json

ANY: Final = "Any"
_SIMPLE: Final = {"string": "str", "number": "float", "integer": "int", "boolean": "bool", "null": "None"}
_MOST_ALTERNATIVES: Final = 16
"""Alternatives of one object, each a TypedDict; more are a plain dict."""

Parts = list[Located]


class TypedDicts:
    """Converts the schemas of one table. `declarations` are the types that it has named so far."""

    def __init__(self, reader: SchemaReader, names: TypeNames) -> None:
        self.reader = reader
        self.names = names
        self.declarations: dict[str, str] = {}
        self._named: dict[tuple[object, ...], str] = {}
        self._given = {name: names.take(name) for name in reader.schemas}
        self._differs: dict[str, bool] = {}
        self._objects: dict[tuple[object, ...], str] = {}
        self._open: set[tuple[object, ...]] = set()

    def schemas(self) -> None:
        """Declares all named schemas."""
        for name in self.reader.schemas:
            self._reference(self.reader.named(name), "", "in", name)

    def convert(self, schema: Json, direction: Direction, owner: str) -> str:
        """Returns the type of a schema that is no part of another; `owner` names the TypedDicts in it."""
        return self._type(Located(schema, schema), direction, owner)

    def object(self, members: Sequence[tuple[str, Json, bool]], owner: str, text: str) -> str:
        """Declares a TypedDict of named members, each with its schema, and whether it is always there."""
        name = self.names.take(owner)
        types = [
            (key, self.convert(schema, "in", f"{name}{pascal(key)}"), is_there or _has_default(schema))
            for key, schema, is_there in members
        ]
        self.declarations[name] = typed_dict(name, types, text)
        return name

    def _reference(self, found: Located, pointer: str, direction: Direction, owner: str) -> str:
        side = direction if found.name is None or self._is_split(found.name) else "in"
        key = (found.name or id(found.root), pointer, side)
        if key in self._named:
            return self._named[key]
        if found.name is not None and not pointer:
            given = self._given[found.name]
            name = self.names.take(f"{given}Out") if side == "out" else given
        else:
            base = self._given[found.name] if found.name is not None else owner
            name = self.names.take(f"{base}{pascal(pointer.rpartition('/')[2]) or 'Value'}")
        self._named[key] = name
        self.declarations[name] = ""  # its place; a type may contain itself
        made = self._type(found, direction, name, is_declared=True)
        if made != name:
            self.declarations[name] = _alias(name, made, _text_of(found.schema))
        return name

    def _is_split(self, name: str) -> bool:
        """Returns whether a named schema differs between input and output: by defaults, readOnly or writeOnly."""
        if name not in self._differs:
            self._differs[name] = False  # for a schema that contains itself
            reached = self.reader.reached(name)
            self._differs[name] = any(
                "default" in each or is_hidden(each, "in") or is_hidden(each, "out")
                for other in reached
                for _, each in schemas_within((), self.reader.schemas[other])
            )
        return self._differs[name]

    def _type(self, found: Located, direction: Direction, owner: str, *, is_declared: bool = False) -> str:
        schema = found.schema
        if not isinstance(schema, dict):
            return ANY
        reference = schema.get("$ref")
        if isinstance(reference, str) and all(key == "$ref" or is_annotation(key) for key in schema):
            target = self.reader.target(reference, found)
            return self._reference(*target, direction, owner) if target is not None else ANY
        union = _union_of(schema)
        if union is not None:
            several = len(union) > 1
            return united(
                self._type(found.at(each), direction, f"{owner}{number}" if several else owner)
                for number, each in enumerate(union, 1)
                if each is not False
            )
        alternatives = self._alternatives(found, ())
        if len(alternatives) > _MOST_ALTERNATIVES:
            return "dict[str, Any]"
        names = [owner if len(alternatives) == 1 else f"{owner}{number}" for number in range(1, len(alternatives) + 1)]
        made = (
            self._of_parts(parts, direction, name, is_declared=is_declared and name == owner)
            for parts, name in zip(alternatives, names, strict=True)
        )
        return united(made)

    def _alternatives(self, found: Located, seen: tuple[int, ...]) -> list[Parts]:
        """Returns the alternatives of a schema, each the parts that apply together."""
        schema = found.schema
        if not isinstance(schema, dict) or id(schema) in seen:
            return [[]]
        inside = (*seen, id(schema))
        results: list[Parts] = [[found]]
        together = [found.at(each) for each in schema.get("allOf", ())]
        if isinstance(schema.get("$ref"), str) and (target := self.reader.target(schema["$ref"], found)) is not None:
            together.append(target[0])
        choices = [self._alternatives(each, inside) for each in together]
        for word in ("anyOf", "oneOf"):
            if isinstance(schema.get(word), list):
                branches = [found.at(each) for each in schema[word] if each is not False]
                choices.append([parts for each in branches for parts in self._branch(each, inside)])
        for choice in choices:
            results = [[*before, *after] for before in results for after in choice or [[]]]
            if len(results) > _MOST_ALTERNATIVES:
                break
        return results

    def _branch(self, found: Located, seen: tuple[int, ...]) -> list[Parts]:
        """Returns the alternatives of a branch; one that only requires members adds nothing to a type."""
        schema = found.schema
        if isinstance(schema, dict) and schema.keys() <= {"required"}:
            return [[]]
        return self._alternatives(found, seen)

    def _of_parts(self, parts: Parts, direction: Direction, owner: str, *, is_declared: bool) -> str:
        schemas = [part.schema for part in parts]
        for schema in schemas:
            if "const" in schema:
                return literal([schema["const"]])
            if isinstance(schema.get("enum"), list):
                return literal(schema["enum"])
        named = [kinds(schema) for schema in schemas]
        stated = [each for each in named if each]
        if not stated:
            return ANY
        common = [kind for kind in stated[0] if all(kind in each or _widens(kind, each) for each in stated)]
        is_alone = is_declared and len(common) == 1  # else the name is that of the union
        return united(self._kind(kind, parts, direction, owner, is_declared=is_alone) for kind in common)

    def _kind(self, kind: str, parts: Parts, direction: Direction, owner: str, *, is_declared: bool) -> str:
        if kind == "object":
            return self._object(parts, direction, owner, is_declared=is_declared)
        if kind == "array":
            key = (direction, *(id(part.schema) for part in parts))
            if key in self._open:
                return "list[Any]"  # a list that contains itself, and has no name
            self._open.add(key)
            made = self._array(parts, direction, owner)
            self._open.discard(key)
            return made
        if kind == "string" and any(part.schema.get("format") == "binary" for part in parts):
            return ANY
        return _SIMPLE.get(kind, ANY)

    def _array(self, parts: Parts, direction: Direction, owner: str) -> str:
        entries: list[str] = []
        for part in parts:
            first = part.schema.get("prefixItems")
            entries += [self._type(part.at(each), direction, f"{owner}Item") for each in first or ()]
            if isinstance(part.schema.get("items"), dict):
                entries.append(self._type(part.at(part.schema["items"]), direction, f"{owner}Item"))
            elif first and part.schema.get("items", True) is not False:
                entries.append(ANY)
        return f"list[{united(entries) if entries else ANY}]"

    def _object(self, parts: Parts, direction: Direction, owner: str, *, is_declared: bool) -> str:
        members: dict[str, list[Located]] = {}
        required: set[str] = set()
        rest: list[str] = []
        for part in parts:
            for name, each in (part.schema.get("properties") or {}).items():
                members.setdefault(name, []).append(part.at(each))
            required.update(part.schema.get("required", ()))
            rest += [self._type(each, direction, f"{owner}Value") for each in _further(part)]
        shown = {
            name: places
            for name, places in members.items()
            if not any(is_hidden(each.schema, direction) for each in places)
        }
        for name in required - members.keys():
            shown[name] = [Located(True, True)]
        if not shown:
            return f"dict[str, {united(rest) if rest else ANY}]"
        key = (direction, *(id(part.schema) for part in parts))
        if key in self._objects:
            return self._objects[key]
        name = self._objects[key] = owner if is_declared else self.names.take(owner)
        self.declarations.setdefault(name, "")
        types = []
        for member, places in shown.items():
            made = [self._type(each, direction, f"{name}{pascal(member)}") for each in places]
            chosen = next((each for each in reversed(made) if each != ANY), ANY)
            is_there = member in required or (direction == "in" and any(_has_default(each.schema) for each in places))
            types.append((member, chosen, is_there))
        text = next((text for part in parts if (text := _text_of(part.schema))), "")
        self.declarations[name] = typed_dict(name, types, text)
        return name


def _union_of(schema: Mapping[str, Any]) -> list[Json] | None:
    """Returns the branches of a schema that is nothing but alternatives."""
    word = next((word for word in ("anyOf", "oneOf") if isinstance(schema.get(word), list)), None)
    others = [
        key for key in schema if key not in (word, "discriminator", "$defs", "$schema") and not is_annotation(key)
    ]
    return schema[word] if word is not None and not others else None


def typed_dict(name: str, members: Sequence[tuple[str, str, bool]], text: str) -> str:
    """Returns the declaration of a TypedDict: members with their types, and whether they are always there."""
    types = [(key, made if is_there else f"NotRequired[{made}]") for key, made, is_there in members]
    if all(key.isidentifier() and not keyword.iskeyword(key) and not key.startswith("__") for key, _ in types):
        lines = [*([docstring(text)] if text else []), *(f"    {key}: {made}" for key, made in types)]
        return "\n".join([f"class {name}(TypedDict):", *(lines or ["    pass"])])
    inside = "".join(f"    {quoted(key)}: {quoted(made)},\n" for key, made in types)
    return f'{name} = TypedDict("{name}", {{\n{inside}}})'


def docstring(text: str) -> str:
    """Returns the docstring of a class."""
    plain = " ".join(text.split()).replace("\\", "\\\\").replace('"""', "'''")
    return f'    """{plain}{" " if plain.endswith(chr(34)) else ""}"""'


def quoted(text: str) -> str:
    """Returns a text as a literal of Python with double quotes."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return repr(text)


def literal(values: Sequence[Json]) -> str:
    """Returns the type of some values."""
    plain = [each for each in values if each is None or isinstance(each, str | int)]
    others = [type(each) for each in values if each is not None and not isinstance(each, str | int)]
    texts = [quoted(each) if isinstance(each, str) else repr(each) for each in plain]
    found = [f"Literal[{', '.join(dict.fromkeys(texts))}]"] if texts else []
    names = {float: "float", list: "list[Any]", dict: "dict[str, Any]"}
    return united([*found, *(names[each] for each in others)])


def united(types: Any) -> str:
    """Returns the union of types, each once; of none, Any."""
    found = list(dict.fromkeys(types))
    if ANY in found or not found:
        return ANY
    return " | ".join(sorted(found, key="None".__eq__))


def _alias(name: str, made: str, text: str) -> str:
    comment = f"\n{docstring(text).strip()}" if text else ""
    return f"{name}: TypeAlias = {quoted(made)}{comment}"


def _further(part: Located) -> Iterator[Located]:
    more = part.schema.get("additionalProperties")
    if isinstance(more, dict):
        yield part.at(more)
    for each in (part.schema.get("patternProperties") or {}).values():
        yield part.at(each)


def _widens(kind: str, others: Sequence[str]) -> bool:
    return kind == "integer" and "number" in others


def _has_default(schema: Json) -> bool:
    return isinstance(schema, dict) and "default" in schema


def _text_of(schema: Json) -> str:
    given: Mapping[str, Any] = schema if isinstance(schema, dict) else {}
    return str(given.get("description") or given.get("title") or "")

"""The table's own JSON Schemas (2020-12): whether each is one, and whether everything it refers to is in the table."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import unquote

import jsonschema
import jsonschema_rs
from jsonschema.exceptions import ValidationError

from hapiish.pattern import fault
from hapiish.table.codes import Code
from hapiish.table.draft import Draft
from hapiish.table.marks import Path
from hapiish.table.near import near
from hapiish.table.places import MAPPED, SEVERAL, SINGLE, schemas_within, section
from hapiish.table.problems import Problem
from hapiish.table.wording import did_you_mean

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_NAMED: Final = "#/schemas/"
_OTHERS: Final = frozenset(
    {
        *("$anchor", "$comment", "$dynamicAnchor", "$dynamicRef", "$id", "$ref", "$schema", "$vocabulary", "const"),
        *("contentEncoding", "contentMediaType", "default", "dependentRequired", "deprecated", "description", "enum"),
        *("examples", "exclusiveMaximum", "exclusiveMinimum", "format", "maxContains", "maxItems", "maxLength"),
        *("maxProperties", "maximum", "minContains", "minItems", "minLength", "minProperties", "minimum", "multipleOf"),
        *("pattern", "readOnly", "required", "title", "type", "uniqueItems", "writeOnly"),
    }
)
_KEYWORDS: Final = SINGLE | SEVERAL | MAPPED | _OTHERS
# Words of OpenAPI that are near a keyword and meant as they are.
_ANNOTATIONS: Final = frozenset({"dependencies", "discriminator", "example", "externalDocs", "nullable", "xml"})
_KINDS: Final = {"array": "a list", "boolean": "true or false", "integer": "a whole number", "number": "a number"} | {
    "object": "a mapping",
    "string": "text",
}


def dialect(draft: Draft) -> Iterator[Problem]:
    """Schemas that are none by the meta-schema of 2020-12."""
    for at, schema in draft.written_schemas:
        if not _is_schema(schema):
            for error in _meta().iter_errors(schema):
                yield from _invalid(draft, at, error, schema)


def references(draft: Draft) -> Iterator[Problem]:
    """`$ref` to what is not in the table, and the keywords that would lead out of it."""
    for at, root in draft.written_schemas:
        for place, schema in schemas_within(at, root):
            for keyword in ("$ref", "$dynamicRef"):
                target = schema.get(keyword)
                if isinstance(target, str):
                    yield from _reference(draft, (*place, keyword), target, root)
            if isinstance(schema.get("$id"), str):
                hint = 'leave it out; schemas refer to each other as "#/schemas/Name"'
                mark = draft.key_mark(*place, "$id")
                yield Problem(mark, Code.SCHEMA_REMOTE, "a schema of the table has no $id of its own", hint)
            if isinstance(schema.get("$schema"), str) and schema["$schema"].rstrip("#") != DIALECT:
                mark = draft.mark(*place, "$schema")
                message = f'"{schema["$schema"]}" is another dialect; schemas of a table are 2020-12'
                yield Problem(mark, Code.SCHEMA_REMOTE, message, "leave $schema out")


def patterns(draft: Draft) -> Iterator[Problem]:
    """Patterns that the engine which judges them does not know."""
    for at, root in draft.written_schemas:
        for place, schema in schemas_within(at, root):
            named = schema.get("patternProperties")
            names = [*named] if isinstance(named, Mapping) else []
            for pattern in [schema.get("pattern"), *names]:
                said = fault(pattern) if isinstance(pattern, str) else ""
                if said:
                    own = pattern == schema.get("pattern")
                    inside = ("pattern",) if own else ("patternProperties", pattern)
                    mark = draft.mark(*place, *inside) if own else draft.key_mark(*place, *inside)
                    yield Problem(mark, Code.SCHEMA_PATTERN, f'the pattern "{pattern}" {said}')


def keywords(draft: Draft) -> Iterator[Problem]:
    """Misspelt keywords, and schemas without any, which a validator would ignore in silence."""
    for at, root in draft.written_schemas:
        for place, schema in schemas_within(at, root):
            unknown = schema.keys() - _KEYWORDS - _ANNOTATIONS
            if unknown and unknown == schema.keys() and not any(key.startswith("x-") for key in unknown):
                first = next(iter(schema))
                message = f'this JSON Schema has no keyword, so it would accept anything; "{first}" is none'
                hint = f"write {{type: object, properties: {{{first}: …}}}}"
                yield Problem(draft.key_mark(*place, first), Code.SCHEMA_KEYWORD, message, hint)
                continue
            for key in unknown:
                close = near(key, _KEYWORDS, 0.8)
                if close and not key.startswith("x-"):
                    mark = draft.key_mark(*place, key)
                    message = f'unknown keyword "{key}" would be ignored; did you mean "{close}"?'
                    yield Problem(mark, Code.SCHEMA_KEYWORD, message, "words of your own begin with x-")


def _reference(draft: Draft, place: Path, target: str, root: Any) -> Iterator[Problem]:
    mark = draft.mark(*place)
    if target.startswith(_NAMED):
        name, _, rest = target.removeprefix(_NAMED).partition("/")
        label, _, short = _unescape(name).rpartition("/")
        realm = next(realm for realm in draft.realms if realm.part.label == label)
        own = section(realm.value, "schemas")
        if short not in own:
            message = f'there is no schema "{short}"{did_you_mean(short, own)}'
            hint = "" if own else 'name it under "schemas"'
            if not draft.lost(*realm.at, "schemas", short):
                yield Problem(mark, Code.SCHEMA_REF, message, hint)
        elif rest and not _resolves(own[short], rest):
            yield Problem(mark, Code.SCHEMA_REF, f'the schema "{short}" has no "/{rest}"')
    elif not target.startswith("#"):
        message = f'"{target}" is outside of the table; references are never fetched'
        yield Problem(mark, Code.SCHEMA_REMOTE, message, 'copy the schema under "schemas" and write "#/schemas/Name"')
    elif target.startswith("#/") and not _resolves(root, target.removeprefix("#/")):
        last = _unescape(target.rpartition("/")[2])
        named = section(draft.realm_at(place).value, "schemas")
        hint = f'write "{_NAMED}{last}"' if last in named else f'schemas of the table are "{_NAMED}Name"'
        yield Problem(mark, Code.SCHEMA_REF, f'"{target}" is not in this schema', hint)
    elif target not in ("#", "#/") and not target.startswith("#/"):
        anchors = {schema.get(key) for _, schema in schemas_within((), root) for key in ("$anchor", "$dynamicAnchor")}
        if target.removeprefix("#") not in anchors:
            yield Problem(mark, Code.SCHEMA_REF, f'there is no $anchor "{target.removeprefix("#")}" in this schema')


def _resolves(schema: Any, pointer: str) -> bool:
    for part in pointer.split("/"):
        token = _unescape(part)
        if isinstance(schema, list) and token.isdecimal() and len(token) < 10 and int(token) < len(schema):
            schema = schema[int(token)]
        elif isinstance(schema, Mapping) and token in schema:
            schema = schema[token]
        else:
            return False
    return True


def _unescape(token: str) -> str:
    return unquote(token).replace("~1", "/").replace("~0", "~")


def _is_schema(schema: Any) -> bool:
    return jsonschema_rs.meta.is_valid(schema if isinstance(schema, bool) else {**schema, "$schema": DIALECT})


@cache
def _meta() -> Any:
    return jsonschema.Draft202012Validator(jsonschema.Draft202012Validator.META_SCHEMA)


def _invalid(draft: Draft, at: Path, error: ValidationError, schema: Any) -> Iterator[Problem]:
    path = tuple(error.absolute_path)
    mark = draft.mark(*at, *path)
    if error.validator == "type" and path and path[-1] == "$schema":
        return
    keyword = next((step for step in reversed(path) if isinstance(step, str)), "the schema")
    yield Problem(mark, Code.SCHEMA, f'"{keyword}" must be {_wanted(error)}{_meant(error)}')


def _wanted(error: ValidationError) -> str:
    kinds: list[str] = []
    values: list[str] = []
    for each in (error, *(error.context or ())):
        limit: Any = each.validator_value
        match each.validator:
            case "type":
                kinds += [_KINDS[kind] for kind in ([limit] if isinstance(limit, str) else limit)]
            case "enum":
                values += map(str, limit)
            case "minimum" | "exclusiveMinimum":
                kinds.append(f"{'at least' if each.validator == 'minimum' else 'more than'} {limit}")
            case "minItems" | "minLength":
                kinds.append("not empty")
            case "uniqueItems":
                kinds.append("without repetitions")
            case "pattern":
                kinds.append("text in the form that 2020-12 gives it")
    words = [*dict.fromkeys(kinds), *([f"one of {', '.join(values)}"] if values else [])]
    return " or ".join(words) or "as JSON Schema 2020-12 says"


def _meant(error: ValidationError) -> str:
    instance: Any = error.instance
    for each in error.context or ():
        allowed: Any = each.validator_value
        if each.validator == "enum" and isinstance(instance, str):
            return did_you_mean(instance, allowed)
    return ""

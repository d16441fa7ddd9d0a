"""Checks the JSON Schemas (2020-12) of the table: validity, references, patterns and misspelled keywords."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs

from hapiish.grammar.pattern import fault
from hapiish.grammar.schema import NAMED, SEVERAL, SINGLE, key_of
from hapiish.table.compose.params import meta_validator
from hapiish.table.draft import Draft
from hapiish.table.form.wording import TYPE_NAMES, close_to, did_you_mean
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.problems.near import near
from hapiish.table.schemas.dereference import Dereferenced
from hapiish.table.schemas.references import DIALECT, Root, ScopesError, UnresolvedError
from hapiish.table.text.marks import Path
from hapiish.table.text.tree import schemas_within, section

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

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
_TYPES: Final = {
    **{kind: kind for kind in ("array", "boolean", "integer", "number", "object", "string")},
    "bool": "boolean",
    "dict": "object",
    "double": "number",
    "float": "number",
    "int": "integer",
    "list": "array",
    "map": "object",
    "str": "string",
    "text": "string",
}
"""The types of JSON Schema by their names there and in other languages."""
_FORMATS: Final = (
    *("date", "date-time", "duration", "email", "hostname", "idn-email", "idn-hostname", "ipv4", "ipv6", "iri"),
    *("iri-reference", "json-pointer", "regex", "relative-json-pointer", "time", "uri", "uri-reference"),
    *("uri-template", "uuid"),
)
"""The formats of JSON Schema 2020-12; others have no effect."""
_KEYWORDS: Final = SINGLE | SEVERAL | NAMED | _OTHERS
# OpenAPI's keywords that resemble a keyword of JSON Schema.
_ANNOTATIONS: Final = frozenset({"dependencies", "discriminator", "example", "externalDocs", "nullable", "xml"})
_FILE_MARKS: Final = re.compile(r"^#|\.(?:json|ya?ml)$")
_FOREIGN_PREFIXES: Final = ("#/definitions/", "#/$defs/", "#/components/schemas/", "#/components/")
"""The prefixes of named schemas in other documents."""


def dialect(draft: Draft) -> Iterator[Problem]:
    """Schemas that the metaschema of 2020-12 rejects."""
    for at, schema in draft.written_schemas:
        if not _is_schema(schema):
            for error in meta_validator().iter_errors(schema):
                yield from _invalid(draft, at, error, schema)


def references(draft: Draft) -> Iterator[Problem]:
    """Unresolved references, and other dialects."""
    for at, schema in draft.written_schemas:
        if not isinstance(schema, dict):
            continue
        root = draft.root(at, schema)
        for place, keyword, target in root.references:
            yield from _reference(draft, root, at, (*place, keyword), target)
        for place, inner in schemas_within(at, schema) if "$schema" in root.identifying else ():
            if isinstance(inner.get("$schema"), str) and inner["$schema"].rstrip("#") != DIALECT:
                mark = draft.mark(*place, "$schema")
                message = f'"{inner["$schema"]}" is not supported; schemas of a table use JSON Schema 2020-12'
                yield Problem(mark, Code.SCHEMA_REMOTE, message, "remove $schema")


def resources(draft: Draft) -> Iterator[Problem]:
    """Duplicate `$id`, and endless dynamic references."""
    places = {id(schema): at for at, schema in draft.written_schemas}
    for library in draft.libraries:
        for first, second in library.duplicates:
            mark, before = (draft.mark(*places[id(each.root.schema)], *each.at, "$id") for each in (second, first))
            message = f'the $id "{second.schema["$id"]}" is used twice'
            yield Problem(mark, Code.SCHEMA_ID, message, related=((before, "the other schema is here"),))
        try:
            Dereferenced(library)
        except ScopesError as error:
            yield Problem(draft.mark("schemas"), Code.SCHEMA_ID, str(error))
        except UnresolvedError:
            pass  # `references` reports it


def patterns(draft: Draft) -> Iterator[Problem]:
    """Patterns that the regular expression engine rejects."""
    for at, root in draft.written_schemas:
        for place, schema in schemas_within(at, root):
            named = schema.get("patternProperties")
            names = [*named] if isinstance(named, Mapping) else []
            for pattern in [schema.get("pattern"), *names]:
                fault_text = fault(pattern) if isinstance(pattern, str) else ""
                if fault_text:
                    own = pattern == schema.get("pattern")
                    inside = ("pattern",) if own else ("patternProperties", pattern)
                    mark = draft.mark(*place, *inside) if own else draft.key_mark(*place, *inside)
                    yield Problem(mark, Code.SCHEMA_PATTERN, f'the pattern "{pattern}" {fault_text}')


def keywords(draft: Draft) -> Iterator[Problem]:
    """Misspelled keywords and formats, which a validator ignores, and schemas without any keyword."""
    for at, root in draft.written_schemas:
        for place, schema in schemas_within(at, root):
            unknown = schema.keys() - _KEYWORDS - _ANNOTATIONS
            if unknown and unknown == schema.keys() and not any(key.startswith("x-") for key in unknown):
                first = next(iter(schema))
                message = f'this JSON Schema has no keyword and would accept any value; "{first}" is not a keyword'
                close = near(first, _KEYWORDS, 0.8) if isinstance(schema[first], str) else None
                hint = f'did you mean "{close}"?' if close else f"write {{type: object, properties: {{{first}: …}}}}"
                yield Problem(draft.key_mark(*place, first), Code.SCHEMA_KEYWORD, message, hint)
                continue
            if schema.get("nullable") is True and not _takes_null(schema.get("type")):
                mark = draft.key_mark(*place, "nullable")
                message = '"nullable" is an OpenAPI 3.0 keyword that JSON Schema 2020-12 ignores: null is refused'
                kind = schema["type"] if isinstance(schema.get("type"), str) else "…"
                yield Problem(mark, Code.SCHEMA_KEYWORD, message, f'write type: [{kind}, "null"]', warning=True)
            form = schema.get("format")
            if isinstance(form, str) and form not in _FORMATS:
                close = near(form, _FORMATS, 0.8)
                if close:
                    message = f'unknown format "{form}" is ignored; did you mean "{close}"?'
                    yield Problem(draft.mark(*place, "format"), Code.SCHEMA_KEYWORD, message, warning=True)
            for key in unknown:
                close = near(key, _KEYWORDS, 0.8)
                if close and not key.startswith("x-"):
                    mark = draft.key_mark(*place, key)
                    message = f'unknown keyword "{key}" would be ignored; did you mean "{close}"?'
                    yield Problem(mark, Code.SCHEMA_KEYWORD, message, "custom keywords start with x-")


def _takes_null(types: Any) -> bool:
    return types is None or "null" in types


def _reference(draft: Draft, root: Root, at: Path, place: Path, target: str) -> Iterator[Problem]:
    realm = draft.realm_at(at)
    library = draft.libraries[realm.index]
    try:
        library.find(root, place[:-1], target)
    except UnresolvedError as error:
        mark = draft.mark(*at, *place)
        own = section(realm.value, "schemas")
        if target.startswith(_NAMED):
            name, _, rest = target.removeprefix(_NAMED).partition("/")
            short = key_of(name).removeprefix(library.prefix)
            if short in own:
                yield Problem(mark, Code.SCHEMA_REF, f'the schema "{short}" has no "/{rest}"')
            elif not draft.was_pruned(*realm.at, "schemas", short):
                message = f'unknown schema "{short}"{did_you_mean(short, own)}'
                yield Problem(mark, Code.SCHEMA_REF, message, "" if own else 'declare it under "schemas"')
        elif (name := _FILE_MARKS.sub("", target.rpartition("/")[2])) in own and "#/" not in target:
            yield Problem(mark, Code.SCHEMA_REF, f'"{target}" is not a schema reference', f'write "{_NAMED}{name}"')
        elif error.is_outside:
            message = f'"{target}" is outside of the table; references are never fetched'
            hint = 'copy the schema under "schemas"; it is found by its $id, and as "#/schemas/Name"'
            yield Problem(mark, Code.SCHEMA_REMOTE, message, hint)
        elif "#/" in target:
            last = key_of(target.rpartition("/")[2])
            hint = f'refer to schemas of the table as "{_NAMED}Name"'
            if last in own or target.startswith(_FOREIGN_PREFIXES):
                close = last if last in own else close_to(last, own)
                hint = f'write "{_NAMED}{close or last}"'
                hint += "" if close else f', with "{last}" under "schemas" of the table'
            yield Problem(mark, Code.SCHEMA_REF, str(error), hint)
        else:
            yield Problem(mark, Code.SCHEMA_REF, str(error))


_OLDER_NOTATIONS: Final = {
    "items": "since 2020-12, a list of schemas is written as prefixItems, and additionalItems as items",
    "exclusiveMaximum": "write the number here, instead of maximum",
    "exclusiveMinimum": "write the number here, instead of minimum",
}
"""The notation of 2020-12 for keywords of older dialects."""


def _is_schema(schema: Any) -> bool:
    return jsonschema_rs.meta.is_valid(schema if isinstance(schema, bool) else {**schema, "$schema": DIALECT})


def _invalid(draft: Draft, at: Path, error: "ValidationError", schema: Any) -> Iterator[Problem]:
    path = tuple(error.absolute_path)
    mark = draft.mark(*at, *path)
    if error.validator == "type" and path and path[-1] == "$schema":
        return
    keyword = next((step for step in reversed(path) if isinstance(step, str)), "the schema")
    suggestion = _suggestion(error)
    notation = _OLDER_NOTATIONS.get(keyword, "") if error.validator == "type" and path[-1:] == (keyword,) else ""
    hint = "" if suggestion else notation or _hint(keyword, error.instance)
    yield Problem(mark, Code.SCHEMA, f'"{keyword}" must be {_expected(error)}{suggestion}', hint)


def _hint(keyword: str, value: Any) -> str:
    """A hint for a value that a keyword does not allow."""
    if keyword in ("$ref", "$dynamicRef") and value is None:
        return 'quote the reference: an unquoted "#" begins a comment'
    if keyword == "required" and isinstance(value, bool):
        return 'list the names of the required properties in "required" beside "properties"'
    if keyword == "required" and isinstance(value, str):
        return f'write ["{value}"]'
    if isinstance(value, str) and value.isdecimal():
        return f"write {value}, without quotes"
    if isinstance(value, str) and value in _TYPES:
        return f"write {_TYPES[value]}" if keyword == "type" else f"write {{type: {_TYPES[value]}}}"
    return ""


def _expected(error: "ValidationError") -> str:
    kinds: list[str] = []
    values: list[str] = []
    for each in (error, *(error.context or ())):
        limit: Any = each.validator_value
        match each.validator:
            case "type":
                kinds += [TYPE_NAMES[kind] for kind in ([limit] if isinstance(limit, str) else limit)]
            case "enum":
                values += map(str, limit)
            case "minimum" | "exclusiveMinimum":
                kinds.append(f"{'at least' if each.validator == 'minimum' else 'more than'} {limit}")
            case "minItems" | "minLength":
                kinds.append("not empty")
            case "uniqueItems":
                kinds.append("without duplicates")
            case "pattern":
                kinds.append("text in the format that JSON Schema 2020-12 requires")
    words = [*dict.fromkeys(kinds), *([f"one of {', '.join(values)}"] if values else [])]
    return " or ".join(words) or "valid JSON Schema 2020-12"


def _suggestion(error: "ValidationError") -> str:
    instance: Any = error.instance
    for each in error.context or ():
        allowed: Any = each.validator_value
        if each.validator == "enum" and isinstance(instance, str):
            return did_you_mean(instance, allowed)
    return ""

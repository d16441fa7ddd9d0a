"""Words the problems of schema validation: what is wrong, what is expected, what was probably meant."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from hapiish.table.form import schema
from hapiish.table.form.foreign_terms import SWITCHES, replacement_hint, synonym
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.problems.near import MOST, near
from hapiish.table.problems.secrets import without_passwords
from hapiish.table.text.marks import Path
from hapiish.table.text.source import Tree

TYPE_NAMES: Final = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
    "null": "null",
}
"""The types of JSON Schema in the words of problems."""
_LIMITS: Final = {
    "minimum": (Code.RANGE, "at least {}"),
    "maximum": (Code.RANGE, "at most {}"),
    "minItems": (Code.LENGTH, "a list of at least {}"),
    "minProperties": (Code.LENGTH, "a mapping with at least {} key{}"),
    "minLength": (Code.LENGTH, "at least {} character{} long"),
    "maxLength": (Code.LENGTH, "at most {} characters long"),
    "uniqueItems": (Code.LENGTH, "a list without duplicates"),
}
_LONGEST: Final = 60
_SURE: Final = 0.77
"""The similarity above which a name is a misspelling rather than a misplaced option."""


@dataclass(frozen=True, slots=True)
class JsonSchemaError:
    """A leaf of jsonschema's tree of errors; `path` starts at the top of the file, `limit` is the keyword's value."""

    path: Path
    keyword: str
    instance: Any
    schema: schema.Subschema
    limit: Any = None


def problems(tree: Tree, faults: Iterable[JsonSchemaError]) -> tuple[list[Problem], set[Path]]:
    """Returns the problems of the faults, and the paths that misspelled or misplaced keys are meant for.

    A key that is missing at such a path is not reported again.
    """
    found: dict[Problem, None] = {}
    meant_paths: set[Path] = set()
    missing: dict[Path, list[str]] = {}
    for fault in sorted(faults, key=lambda fault: fault.keyword == "required"):
        if fault.keyword == "additionalProperties":
            problem, meant = _unknown(tree, fault)
            found[problem] = None
            meant_paths.add(meant)
        elif fault.keyword == "required":
            missing.setdefault(fault.path, []).extend(_missing_keys(fault, meant_paths))
        elif fault.keyword == "propertyNames":
            message = f'"{fault.instance}" is not {fault.schema["errorMessage"]}'
            found[Problem(tree.marks.key(fault.path), Code.NAME_FORM, message)] = None
        else:
            found[_value(tree, fault)] = None
    for path, names in missing.items():
        if names:
            names_in_words = ", ".join(dict.fromkeys(names))
            found[Problem(tree.marks.key(path), Code.MISSING, f"missing {names_in_words}")] = None
    return list(found), meant_paths


def close_to(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known name that is closest to `word`, ignoring case; None if none is close."""
    folded = {name.casefold(): name for name in islice(known, MOST)}
    close = near(word.casefold(), folded, cutoff)
    return folded[close] if close else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean "…"?`, empty if no known name is close."""
    close = close_to(word, known)
    return f'; did you mean "{close}"?' if close else ""


def _unknown(tree: Tree, fault: JsonSchemaError) -> tuple[Problem, Path]:
    key, parent = str(fault.path[-1]), fault.path[:-1]
    mark = tree.marks.key(fault.path)
    message = f'unknown option "{key}"'
    known = fault.schema.get("properties", {})
    free = [name for name in known if name not in fault.instance]
    sure = close_to(key, free, _SURE) or synonym(key, free)
    elsewhere = _misplaced(tree, key, parent) if sure is None else None
    if elsewhere is not None:
        hint, place = elsewhere
        return Problem(mark, Code.UNKNOWN, message, hint), place
    if key.isdecimal() and "status" in known:
        return Problem(mark, Code.UNKNOWN, message, 'it belongs under "status"'), fault.path
    if not parent and key.startswith("/"):
        hint = f"write it as an entry of routes: {{method: GET, path: {key[:_LONGEST]}, handler: …}}"
        return Problem(mark, Code.UNKNOWN, message, hint), fault.path
    meant = sure or close_to(key, free) or close_to(key, known)
    if meant:
        return Problem(mark, Code.UNKNOWN, f'{message}; did you mean "{meant}"?'), (*parent, meant)
    hint = f"available: {', '.join(known)}" if known else ""
    return Problem(mark, Code.UNKNOWN, message, hint), fault.path


def _misplaced(tree: Tree, key: str, parent: Path) -> tuple[str, Path] | None:
    """A hint where a misplaced option belongs, and its path there."""
    for name in sorted(schema.names_at(parent)):
        if key in schema.names_at((*parent, name)):
            forgotten = tree.marks.written((*parent, name)) == ""
            hint = f'indent it, so that it belongs to "{name}"' if forgotten else f'it belongs under "{name}"'
            return hint, (*parent, name, key)
    if parent and isinstance(parent[-1], str):
        if key in schema.names_at(parent[:-1]):
            return f'it belongs one level up, beside "{parent[-1]}"', (*parent[:-1], key)
        if key in schema.names_at((parent[-1],)):
            return f'it is only allowed in "{parent[-1]}" at the top of the table', (parent[-1], key)
    if len(parent) > 1 and isinstance(parent[-1], int):
        *around, present, index = parent
        for name in sorted(schema.names_at(tuple(around))):
            if name != present and key in schema.names_at((*around, name, index)):
                return f'an entry with "{key}" belongs under "{name}"', (*around, name, index, key)
    return None


def _missing_keys(fault: JsonSchemaError, meant_paths: set[Path]) -> Iterator[str]:
    for name in fault.schema["required"]:
        if name not in fault.instance and (*fault.path, name) not in meant_paths:
            yield f'"{name}"'


def _value(tree: Tree, fault: JsonSchemaError) -> Problem:
    mark = tree.marks.value(fault.path)
    if not fault.path:
        if fault.instance is None:
            return Problem(mark, Code.TYPE, "the table is empty", "start with routes:")
        return Problem(mark, Code.TYPE, f"the table must be a mapping, not {_type_name(fault.instance)}")
    subject = _subject(fault.path)
    expected = fault.schema.get("errorMessage")
    code, limit = _LIMITS.get(fault.keyword, (Code.TYPE, ""))
    if code is Code.LENGTH:
        return Problem(mark, code, f"{subject} must be {limit.format(fault.limit, '' if fault.limit == 1 else 's')}")
    if code is Code.RANGE:
        return Problem(
            mark, code, f"{subject} must be {expected or limit.format(fault.limit)}, not {_shown(tree, fault)}"
        )
    allowed = _allowed(fault.schema)
    message = f"{subject} must be {expected or _expected(fault.schema)}, not {_shown(tree, fault)}"
    if isinstance(fault.instance, str) and fault.path not in tree.substituted:
        message += did_you_mean(fault.instance, [word for word in allowed if isinstance(word, str)])
    return Problem(mark, _code(fault, allowed), message, _hint(tree, fault))


def _code(fault: JsonSchemaError, allowed: list[Any]) -> Code:
    if fault.keyword in ("pattern", "type"):
        return Code.TEXT_FORM if fault.keyword == "pattern" else Code.TYPE
    return Code.VALUE if any(type(value) is type(fault.instance) for value in allowed) else Code.TYPE


def _allowed(subschema: Any) -> list[Any]:
    """The enumerated values that a schema and its alternatives allow."""
    values = [value for branch in _branches(subschema) for value in branch.get("enum", ())]
    return [value for value in values if value is not None]


def _expected(subschema: Any) -> str:
    """The types and enumerated values that a schema allows, in words."""
    words: list[str] = []
    for branch in _branches(subschema):
        words += [TYPE_NAMES[kind] for kind in _types(branch) if kind != "null"]
        words += [_literal(value) for value in branch.get("enum", ()) if value is not None]
    words = list(dict.fromkeys(words))
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]


def _subject(path: Path) -> str:
    """`"tags[0]"`: the last key, and the indexes after it."""
    name = ""
    for step in reversed(path):
        if isinstance(step, str):
            return f'"{step}{name}"'
        name = f"[{step}]{name}"
    return f'"{name}"'


def _shown(tree: Tree, fault: JsonSchemaError) -> str:
    value = fault.instance
    if fault.path in tree.substituted:
        return f'the value of "{tree.substituted[fault.path].written}"'
    if value is None:
        return "empty" if tree.marks.written(fault.path) == "" else "null"
    if isinstance(value, str):
        value = without_passwords(value)
    if isinstance(value, str) and len(value) > _LONGEST:
        value = f"{value[:_LONGEST]}…"
    if isinstance(value, float | int) and not isinstance(value, bool):
        return tree.marks.written(fault.path) or str(value)
    return _literal(value) if isinstance(value, str | bool) else _type_name(value)


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _type_name(value: Any) -> str:
    match value:
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case str():
            return "text"
        case _:
            return _literal(value)


def _hint(tree: Tree, fault: JsonSchemaError) -> str:
    """A hint for mistakes that are common in YAML."""
    types = {kind for branch in _branches(fault.schema) for kind in _types(branch)}
    value = fault.instance
    if isinstance(value, dict) and len(value) == 1 and "string" in types:
        ((key, inner),) = value.items()
        if inner is None:
            return f'quote text that starts with "{{": "{{{key}}}"'
        if fault.path[-1] == "handler":
            return 'name a function, such as "handlers.users:show"'
    written = tree.marks.written(fault.path)
    if fault.path in tree.substituted:
        return ""
    key = next((step for step in reversed(fault.path) if isinstance(step, str)), "")
    if isinstance(value, int | float) and "string" in types and written and not (key == "auth" and value is True):
        return f'quote it: "{written}"'
    if isinstance(value, str):
        if "boolean" in types and value.lower() in SWITCHES:
            return f"write {SWITCHES[value.lower()]}; YAML 1.2 has only true and false"
        if "integer" in types and value.replace("_", "").isdecimal():
            return f"write {value.replace('_', '')}" + (", without quotes" if written is None else "")
        if "boolean" in types and value in ("true", "false"):
            return "write it without quotes"
    if isinstance(value, dict) and "array" in types and "object" not in types:
        return 'begin each entry with "- "'
    return replacement_hint(key, value, fault.schema.get("errorMessage", ""), types)


def _branches(subschema: schema.Subschema) -> Iterator[schema.Subschema]:
    """The alternatives of a schema, without the one for variables, which are already substituted."""
    variable = schema.follow({"$ref": "#/definitions/variable"})
    return (branch for branch in schema.branches(subschema) if branch is not variable)


def _types(branch: dict[str, Any]) -> list[str]:
    kinds = branch.get("type", [])
    return [kinds] if isinstance(kinds, str) else kinds

"""Declared `params` and the values that somebody gives for them, judged by the JSON Schema of each declaration.

A table or a preset declares; whoever uses it gives. No message shows a value, which may be a secret.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import jsonschema
import jsonschema_rs

from hapiish.table.form.wording import close_to, did_you_mean
from hapiish.table.places import schemas_within
from hapiish.table.problems import Mark, Problem
from hapiish.table.problems.codes import Code
from hapiish.table.schemas.references import Library
from hapiish.table.schemas.weight import HEAVIEST, Weights
from hapiish.table.text.marks import Marks, Path

_OURS: Final = frozenset({"default", "description", "examples", "title"})
_KINDS: Final = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "a mapping",
    "string": "text",
}


@dataclass(frozen=True, slots=True)
class Declared:
    """The `params` of a table or a preset; `owner` is how it is called in problems, `at` where they stand."""

    owner: str
    params: Mapping[str, Any]
    marks: Marks
    at: Path

    def mark(self, name: str) -> Mark:
        """Where the parameter is declared."""
        return self.marks.key((*self.at, name))


@dataclass(frozen=True, slots=True)
class Given:
    """Values as one place gives them; `homes` has the table that wrote each text in them, by its path."""

    values: Mapping[str, Any]
    marks: Marks
    at: Path
    homes: Mapping[Path, int] = field(default_factory=dict)

    def mark(self, name: str) -> Mark:
        """Where the value is given."""
        return self.marks.value((*self.at, name))


def settle(declared: Declared, given: Given, alone: bool = False) -> tuple[dict[str, Any], list[Problem]]:
    """The values in effect, defaults filled in, and what is wrong with those that are given.

    `alone`: nobody uses the table, so that what has no default is missing where it is declared.
    """
    problems = list(_unknown(declared, given))
    meant = {close_to(name, declared.params) for name in given.values.keys() - declared.params.keys()}
    values: dict[str, Any] = {}
    for name, schema in declared.params.items():
        written = schema if isinstance(schema, Mapping) else {}
        if name in given.values:
            values[name] = given.values[name]
            problems += unfit(declared, name, given.values[name], given.mark(name))
        elif "default" in written:
            values[name] = written["default"]
        elif name not in meant:
            problems.append(_missing(declared, given, name, alone))
    return values, problems


def _unknown(declared: Declared, given: Given) -> Iterator[Problem]:
    for name in given.values:
        if name not in declared.params and not name.startswith("x-"):
            known = ", ".join(declared.params)
            message = f'{declared.owner} has no parameter "{name}"{did_you_mean(name, declared.params)}'
            hint = f"it declares {known}" if known else "it declares no parameters"
            yield Problem(given.marks.key((*given.at, name)), Code.PARAM_UNKNOWN, message, hint)


def _missing(declared: Declared, given: Given, name: str, alone: bool) -> Problem:
    message = f'{declared.owner} requires the parameter "{name}", which has no default'
    if alone:
        hint = "set a default, so that the table can be served on its own"
        return Problem(declared.mark(name), Code.PARAM_MISSING, message, hint)
    related = ((declared.mark(name), f'"{name}" is declared here'),)
    return Problem(given.marks.value(given.at), Code.PARAM_MISSING, message, related=related)


def unfit(declared: Declared, name: str, value: Any, mark: Mark) -> list[Problem]:
    """What the declaration of a parameter says of a value that stands at `mark`, if it is wrong."""
    schema = _plain(declared.params.get(name))
    if _is_heavy(schema):
        return []
    try:
        judge = jsonschema_rs.Draft202012Validator(schema, retriever=_nothing)
        error = next(judge.iter_errors(value), None)
    except (ValueError, jsonschema_rs.ValidationError):
        return []  # a declaration that is no schema is a problem of its own
    if error is None:
        return []
    where = "".join(f".{step}" for step in error.instance_path)
    related = ((declared.mark(name), f'"{name}" is declared here'),)
    message = f'the parameter "{name}{where}" of {declared.owner} must be {_wanted(error, schema)}'
    return [Problem(mark, Code.PARAM_VALUE, message, related=related if declared.mark(name) != mark else ())]


def _plain(schema: Any) -> dict[str, Any]:
    written = schema if isinstance(schema, Mapping) else {}
    return {key: value for key, value in written.items() if key not in _OURS}


def _nothing(uri: str) -> Any:
    """What references of a declaration outside of it lead to: nothing is ever fetched."""
    raise ValueError(uri)


def _is_heavy(schema: dict[str, Any]) -> bool:
    library = Library({}, [schema])
    weights = Weights(library)
    root = library.others[id(schema)]
    return any(weights.of(root, inside) > HEAVIEST for inside, _ in schemas_within((), schema))


def _wanted(error: jsonschema_rs.ValidationError, schema: Any) -> str:
    limit: Any = schema
    keyword = str(error.schema_path[-1])
    for step in error.schema_path:
        limit = limit.get(step) if isinstance(limit, Mapping) else None
    match keyword:
        case "type" if limit:
            return " or ".join(_KINDS.get(kind, kind) for kind in ([limit] if isinstance(limit, str) else limit))
        case "enum" if limit:
            return f"one of {', '.join(map(str, limit))}"
        case "pattern" if limit:
            return f'text that matches "{limit}"'
    return f'valid by its declaration ("{keyword}")'


def faults(declared: Declared) -> Iterator[Problem]:
    """Declarations that are no JSON Schema."""
    for name, schema in declared.params.items():
        plain = _plain(schema)
        if _is_heavy(plain):
            mark = declared.marks.value((*declared.at, name))
            yield Problem(mark, Code.PARAM_DECLARATION, f'the schema of "{name}" refers to itself endlessly')
            continue
        error = jsonschema.exceptions.best_match(_META.iter_errors(plain))
        if error is not None:
            mark = declared.marks.value((*declared.at, name, *error.absolute_path))
            word = error.absolute_path[-1] if error.absolute_path else name
            yield Problem(mark, Code.PARAM_DECLARATION, f'"{word}" is not valid in JSON Schema 2020-12')


_META: Final = jsonschema.Draft202012Validator(jsonschema.Draft202012Validator.META_SCHEMA)

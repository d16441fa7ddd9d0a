"""Parameters of tables and presets (`params`): resolves and validates the arguments that a use passes.

Messages never show a value, which may be a secret.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import jsonschema_rs

from hapiish.table.form.wording import TYPE_NAMES, close_to, did_you_mean
from hapiish.table.problems import Mark, Problem
from hapiish.table.problems.codes import Code
from hapiish.table.schemas.references import DIALECT, Library
from hapiish.table.schemas.weight import HEAVIEST, Weights
from hapiish.table.text.marks import Marks, Path
from hapiish.table.text.tree import schemas_within

_ANNOTATIONS: Final = frozenset({"default", "description", "examples", "title"})


@dataclass(frozen=True, slots=True)
class DeclaredParams:
    """The `params` of a table or preset at the path `at`; `owner` is its name in problems."""

    owner: str
    params: Mapping[str, Any]
    marks: Marks
    at: Path

    def mark(self, name: str) -> Mark:
        """The position of the declaration."""
        return self.marks.key((*self.at, name))


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of one use; `owners` has the index of the table that wrote each text in them, by its path."""

    values: Mapping[str, Any]
    marks: Marks
    at: Path
    owners: Mapping[Path, int] = field(default_factory=dict)

    def mark(self, name: str) -> Mark:
        """The position of the argument."""
        return self.marks.value((*self.at, name))


def resolve_params(
    declared: DeclaredParams, arguments: Arguments, is_root: bool = False
) -> tuple[dict[str, Any], list[Problem]]:
    """Returns the values of all parameters, with defaults, and the problems of the arguments.

    `is_root`: no table uses this one, so that a missing argument is reported at its declaration.
    """
    problems = list(_unknown(declared, arguments))
    misspelled = {close_to(name, declared.params) for name in arguments.values.keys() - declared.params.keys()}
    values: dict[str, Any] = {}
    for name, schema in declared.params.items():
        declaration = schema if isinstance(schema, Mapping) else {}
        if name in arguments.values:
            values[name] = arguments.values[name]
            problems += value_problems(declared, name, arguments.values[name], arguments.mark(name))
        elif "default" in declaration:
            values[name] = declaration["default"]
        elif name not in misspelled:
            problems.append(_missing(declared, arguments, name, is_root))
    return values, problems


def _unknown(declared: DeclaredParams, arguments: Arguments) -> Iterator[Problem]:
    for name in arguments.values:
        if name not in declared.params and not name.startswith("x-"):
            known = ", ".join(declared.params)
            message = f'{declared.owner} has no parameter "{name}"{did_you_mean(name, declared.params)}'
            hint = f"it declares {known}" if known else "it declares no parameters"
            yield Problem(arguments.marks.key((*arguments.at, name)), Code.PARAM_UNKNOWN, message, hint)


def _missing(declared: DeclaredParams, arguments: Arguments, name: str, is_root: bool) -> Problem:
    message = f'{declared.owner} requires the parameter "{name}", which has no default'
    if is_root:
        hint = "set a default, so that the table can be served on its own"
        return Problem(declared.mark(name), Code.PARAM_MISSING, message, hint)
    related = ((declared.mark(name), f'"{name}" is declared here'),)
    return Problem(arguments.marks.value(arguments.at), Code.PARAM_MISSING, message, related=related)


def value_problems(declared: DeclaredParams, name: str, value: Any, mark: Mark) -> list[Problem]:
    """The problems of a value at `mark` that does not match the declaration of its parameter."""
    schema = _validation_keywords(declared.params.get(name))
    if _is_heavy(schema):
        return []
    try:
        validator = jsonschema_rs.Draft202012Validator(schema, retriever=_refuse_remote)
        error = next(validator.iter_errors(value), None)
    except (ValueError, jsonschema_rs.ValidationError):
        return []  # `declaration_problems` reports an invalid declaration
    if error is None:
        return []
    where = "".join(f".{step}" for step in error.instance_path)
    related = ((declared.mark(name), f'"{name}" is declared here'),)
    message = f'the parameter "{name}{where}" of {declared.owner} must be {_expected(error, schema)}'
    return [Problem(mark, Code.PARAM_VALUE, message, related=related if declared.mark(name) != mark else ())]


def _validation_keywords(schema: Any) -> dict[str, Any]:
    declaration = schema if isinstance(schema, Mapping) else {}
    return {key: value for key, value in declaration.items() if key not in _ANNOTATIONS}


def _refuse_remote(uri: str) -> Any:
    """Refuses remote references: nothing is ever fetched."""
    raise ValueError(uri)


def _is_heavy(schema: dict[str, Any]) -> bool:
    library = Library({}, [schema])
    weights = Weights(library)
    root = library.others[id(schema)]
    return any(weights.of(root, inside) > HEAVIEST for inside, _ in schemas_within((), schema))


def _expected(error: jsonschema_rs.ValidationError, schema: Any) -> str:
    limit: Any = schema
    keyword = str(error.schema_path[-1])
    for step in error.schema_path:
        limit = limit.get(step) if isinstance(limit, Mapping) else None
    match keyword:
        case "type" if limit:
            return " or ".join(TYPE_NAMES.get(kind, kind) for kind in ([limit] if isinstance(limit, str) else limit))
        case "enum" if limit:
            return f"one of {', '.join(map(str, limit))}"
        case "pattern" if limit:
            return f'text that matches "{limit}"'
    return f'valid by its declaration ("{keyword}")'


def declaration_problems(declared: DeclaredParams) -> Iterator[Problem]:
    """Declarations that are not a JSON Schema."""
    for name, schema in declared.params.items():
        keywords = _validation_keywords(schema)
        if _is_heavy(keywords):
            mark = declared.marks.value((*declared.at, name))
            yield Problem(mark, Code.PARAM_DECLARATION, f'the schema of "{name}" refers to itself endlessly')
            continue
        error = None if _is_schema(keywords) else _best_error(keywords)
        if error is not None:
            mark = declared.marks.value((*declared.at, name, *error.absolute_path))
            keyword = error.absolute_path[-1] if error.absolute_path else name
            yield Problem(mark, Code.PARAM_DECLARATION, f'"{keyword}" is not valid in JSON Schema 2020-12')


def _is_schema(keywords: Mapping[str, Any]) -> bool:
    return "$schema" not in keywords and bool(jsonschema_rs.meta.is_valid({**keywords, "$schema": DIALECT}))


def _best_error(keywords: Mapping[str, Any]) -> Any:
    from jsonschema.exceptions import best_match

    return best_match(meta_validator().iter_errors(keywords))


@cache
def meta_validator() -> Any:
    """The validator of JSON Schemas by the metaschema of 2020-12."""
    import jsonschema  # takes long to import, and only a wrong schema needs it

    return jsonschema.Draft202012Validator(jsonschema.Draft202012Validator.META_SCHEMA)

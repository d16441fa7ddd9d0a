"""Compiles JSON Schemas to validators: a fast verdict, and on demand the faults of a value.

jsonschema-rs gives the verdict, jsonschema the faults. A valid value costs one call; only an invalid one is validated
again, for the report.
"""

import json
from collections.abc import Callable, Mapping
from typing import Protocol
from weakref import WeakValueDictionary

import jsonschema_rs

from hapiish import codec
from hapiish.grammar.pattern import OPTIONS
from hapiish.http.validation.report import UNEXPLAINED, Fault, Reporter
from hapiish.http.validation.schema import Schema, SchemaError, embed, for_engine
from hapiish.types import Json, Value

NOTHING: Schema = {"type": ["object", "null"], "additionalProperties": False}
"""The meaning of the schema `false` for a whole query, body or response: it must be empty (hapi)."""


class Judge(Protocol):
    """Validates values. Both methods raise ValueError or RecursionError for a value that has no form in JSON."""

    @property
    def is_valid(self) -> Callable[[Json], bool]: ...

    def errors(self, value: Json) -> list[Fault]: ...


class Validator:
    """One compiled schema. `is_valid` is jsonschema-rs's own method: it raises ValueError for a value outside JSON."""

    __slots__ = ("__weakref__", "_document", "_reporter", "is_valid")

    def __init__(self, document: Schema) -> None:
        try:
            engine = jsonschema_rs.Draft202012Validator(
                for_engine(document), validate_formats=True, offline=True, pattern_options=OPTIONS
            )
        except ValueError as error:
            raise SchemaError(str(error).partition("\n")[0]) from None
        self._document = document
        self._reporter: Reporter | None = None
        self.is_valid: Callable[[Json], bool] = engine.is_valid

    def errors(self, value: Json) -> list[Fault]:
        """Returns the faults of `value`, sorted by path; none if it is valid.

        jsonschema alone decides on a value outside JSON, such as an uploaded file.
        """
        try:
            if self.is_valid(value):
                return []
            unexplained = [UNEXPLAINED]
        except ValueError:
            unexplained = []
        if self._reporter is None:
            self._reporter = Reporter(self._document)
        return self._reporter.faults(value) or unexplained


_compiled: WeakValueDictionary[str, Validator] = WeakValueDictionary()


def compile_schema(schema: Schema, schemas: Mapping[str, Json]) -> Validator:
    """Returns the validator of a JSON Schema 2020-12; `schemas` holds the targets of its `#/schemas/Name`.

    Equal schemas share one validator. `false` accepts only null and `{}`. Raises SchemaError for an unknown name, a
    remote reference or an invalid schema.
    """
    document = embed(NOTHING if schema is False else schema, schemas)
    key = json.dumps(document, sort_keys=True)
    validator = _compiled.get(key)
    if validator is None:
        validator = _compiled[key] = Validator(document)
    return validator


def option_faults(owner: Value, options: Json) -> list[Fault]:
    """Returns the faults of options by the `options_schema` of a plugin or of the factory of a scheme or kind, if any.

    A fault contains no value, which may be a secret. Raises ValueError for an invalid schema.
    """
    schema = getattr(owner, "options_schema", None)
    if schema is None:
        return []
    try:
        return compile_schema(schema, {}).errors(options)
    except TypeError as error:
        raise ValueError(str(error)) from error


def faults_as_sent(validator: Judge, source: Json) -> list[Fault]:
    """Returns the faults of a handler's value, in which dates, ids and documents count as the JSON they are sent as.

    Raises UnevaluatedError for a QuerySet on the event loop.
    """
    try:
        if validator.is_valid(source):
            return []
    except ValueError:
        pass
    try:
        return validator.errors(codec.round_trip(source))
    except codec.UnevaluatedError:
        raise
    except (TypeError, ValueError) as error:
        return [{"path": "", "message": f"is not JSON: {error}", "keyword": "type"}]

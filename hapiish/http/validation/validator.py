"""A JSON Schema as something to ask: a fast verdict, and on demand the faults of a value.

The verdict is jsonschema-rs's, the report jsonschema's. What fits costs one call; only what does not is looked at
again, to say where and why.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from weakref import WeakValueDictionary

import jsonschema_rs

from hapiish import codec
from hapiish.grammar.pattern import OPTIONS
from hapiish.http.validation.report import UNEXPLAINED, Fault, Reporter
from hapiish.http.validation.schema import Schema, SchemaError, embed, for_engine

NOTHING: Schema = {"type": ["object", "null"], "additionalProperties": False}
"""What the schema `false` means for a whole query, body or answer: there is none (hapi)."""


class Judge(Protocol):
    """What a step asks about a value. Both raise ValueError and RecursionError for values outside of JSON."""

    @property
    def is_valid(self) -> Callable[[Any], bool]: ...

    def errors(self, value: Any) -> list[Fault]: ...


class Validator:
    """One compiled schema. `is_valid` is jsonschema-rs's own method: it raises ValueError for values outside JSON."""

    __slots__ = ("__weakref__", "_document", "_engine", "_reporter", "is_valid")

    def __init__(self, document: Schema) -> None:
        try:
            self._engine = jsonschema_rs.Draft202012Validator(
                for_engine(document), validate_formats=True, offline=True, pattern_options=OPTIONS
            )
        except ValueError as error:
            raise SchemaError(str(error).partition("\n")[0]) from None
        self._document = document
        self._reporter: Reporter | None = None
        self.is_valid: Callable[[Any], bool] = self._engine.is_valid

    def errors(self, value: Any) -> list[Fault]:
        """The faults of `value`, sorted by place; empty when it is valid (of a value outside JSON, to jsonschema)."""
        try:
            if self.is_valid(value):
                return []
            unexplained = [UNEXPLAINED]
        except ValueError:
            unexplained = []
        if self._reporter is None:
            self._reporter = Reporter(self._document, self._engine)
        return self._reporter.faults(value) or unexplained


_compiled: WeakValueDictionary[str, Validator] = WeakValueDictionary()


def compile_schema(schema: Schema, schemas: Mapping[str, Any]) -> Validator:
    """The validator of a JSON Schema 2020-12 whose `#/schemas/Name` are found in `schemas`.

    Equal schemas share one validator. `false` accepts only what is empty: null or `{}`. Raises SchemaError for an
    unknown name, a remote reference or a wrong schema.
    """
    document = embed(NOTHING if schema is False else schema, schemas)
    key = json.dumps(document, sort_keys=True)
    validator = _compiled.get(key)
    if validator is None:
        validator = _compiled[key] = Validator(document)
    return validator


def faults_as_sent(validator: Judge, source: Any) -> list[Fault]:
    """The faults of a handler's value; dates, ids and documents are judged by the JSON they become.

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

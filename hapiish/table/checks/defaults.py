"""Checks the values in schemas: `default` and `examples` that do not match the schema around them."""

import copy
import json
from collections import ChainMap
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final

import jsonschema_rs

from hapiish.grammar.pattern import OPTIONS
from hapiish.grammar.schema import embed, for_engine, fragment, resolve
from hapiish.table.draft import Draft
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.schemas.references import value_at
from hapiish.table.text.marks import Path
from hapiish.table.text.tree import schemas_within

_ROOT: Final = "\0this"
_MOST_STEPS: Final = 10_000
_BESIDE: Final = frozenset({"$ref", "allOf", "patternProperties"})
_CONDITIONAL: Final = frozenset({"anyOf", "contains", "dependentSchemas", "else", "if", "not", "oneOf", "then"})
_REFERRING: Final = ("$dynamicRef", "$id", "$ref", "$schema")
_MOST_READ: Final = 4_000_000
"""Characters of schemas with references that are compiled to check the values of one table; the rest is skipped."""
_ALTERNATIVES: Final = ("anyOf", "dependentSchemas", "else", "if", "oneOf", "then")


def values(draft: Draft) -> Iterator[Problem]:
    """Invalid defaults, which would make requests fail that rely on them, and invalid examples (warnings)."""
    validators = Validators()
    for at, root in draft.written_schemas:
        check = None
        for place, schema in schemas_within(at, root):
            if "default" not in schema and not isinstance(schema.get("examples"), list):
                continue
            check = check or ValueCheck(draft, at, root, validators)
            relative = place[len(at) :]
            default = schema.get("default")
            # Nothing fills in the default of a whole input or response.
            fills = "default" in schema and (relative or draft.root(at, root).name or not isinstance(default, dict))
            if fills and (reason := check.mismatch(relative, schema, default)):
                message = f"the default does not match its own schema: {reason}"
                yield Problem(draft.mark(*place, "default"), Code.SCHEMA_VALUE, message)
            elif fills and (reason := check.mismatch_beside(relative, default)):
                message = f"the default does not match another schema of the same property: {reason}"
                yield Problem(draft.mark(*place, "default"), Code.SCHEMA_VALUE, message)
            for index, example in enumerate(schema.get("examples") or ()):
                if reason := check.mismatch(relative, schema, example):
                    mark = draft.mark(*place, "examples", index)
                    message = f"the example does not match its own schema: {reason}"
                    yield Problem(mark, Code.SCHEMA_VALUE, message, warning=True)


class Validators:
    """The validators of schemas without references, shared by equal schemas, and the budget for all others."""

    def __init__(self) -> None:
        self.cache: dict[str, Any] = {}
        self.budget = _MOST_READ

    def without_references(self, schema: Any) -> Any:
        """The validator of a schema without references, cached by its text; None for any other schema."""
        text = json.dumps(schema)
        if any(f'"{word}"' in text for word in _REFERRING):
            return None
        if text not in self.cache:
            self.cache[text] = _validator(schema)
        return self.cache[text]


class ValueCheck:
    """Validates values against the subschemas of one schema; accepts everything if the schema itself is invalid."""

    def __init__(self, draft: Draft, at: Path, root: Any, validators: Validators) -> None:
        made = draft.dereferenced[draft.realm_at(at).index]
        self.validators = validators
        self.schemas: Mapping[str, Any] | None = None
        if made is not None:
            name = draft.root(at, root).name
            whole = made.others.get(id(root), root) if name is None else made.named[name]
            self.schemas = ChainMap({_ROOT: whole}, made.named)

    def mismatch(self, path: Path, schema: Any, value: Any) -> str:
        """The reason why a value does not match the schema at `path`; empty if it matches or cannot be validated."""
        if self.schemas is None:
            return ""
        try:
            validator, document = self.validators.without_references(schema), schema
            if validator is None:
                document = self._document(path)
                validator = _validator(document)
            if validator.is_valid(value):
                return ""
            complete = _DefaultFiller(document).fill(document, copy.deepcopy(value))
            error = next(iter(validator.iter_errors(complete)), None)
        except (ValueError, RecursionError):
            return ""
        if error is None or (isinstance(value, dict | list) and _has_conditional_defaults(schema)):
            return ""
        return str(error.message)

    def faults(self, value: Any) -> list[tuple[Path, str, str]]:
        """The faults of a value by the whole schema, with defaults: the path, the keyword and the reason of each."""
        try:
            document, validator = self._whole
            complete = _DefaultFiller(document).fill(document, copy.deepcopy(value))
            errors = validator.iter_errors(complete)
            return [((*error.instance_path,), str([*error.schema_path][-1]), str(error.message)) for error in errors]
        except (ValueError, RecursionError):
            return []

    @cached_property
    def _whole(self) -> tuple[Any, Any]:
        """The whole schema and its validator; raises ValueError as `_document` does."""
        document = self._document(())
        return document, _validator(document)

    def mismatch_beside(self, path: Path, value: Any) -> str:
        """The reason why a default does not match the schemas beside the property at `path`; empty if it matches.

        Only schemas that apply unconditionally count: `$ref`, `allOf`, `patternProperties`.
        """
        if self.schemas is None or path[-2:-1] != ("properties",):
            return ""
        around = value_at(self.schemas[_ROOT], path[:-2])
        if not isinstance(around, dict) or _BESIDE.isdisjoint(around):
            return ""
        name = str(path[-1])
        try:
            document = self._document(path[:-2])
            complete = _DefaultFiller(document).fill(document, {name: copy.deepcopy(value)})
            errors = _validator(document).iter_errors(complete)
            own = (each for each in errors if [*each.instance_path[:1]] == [name])
            return next((each.message for each in own if _CONDITIONAL.isdisjoint(map(str, each.schema_path))), "")
        except (ValueError, RecursionError):
            return ""

    def _document(self, path: Path) -> Any:
        """The schema at `path` with the schemas that it refers to; raises ValueError if unresolved or over budget."""
        if self.validators.budget <= 0:
            raise ValueError
        pointer = f"#/schemas/{fragment(_ROOT)}" + "".join(f"/{fragment(str(step))}" for step in path)
        document = embed({"$ref": pointer}, self.schemas or {})
        self.validators.budget -= len(json.dumps(document))
        return document


def _validator(document: Any) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(
        for_engine(document), validate_formats=True, offline=True, pattern_options=OPTIONS
    )


def _has_conditional_defaults(schema: Any) -> bool:
    """Returns whether conditional subschemas have defaults, which apply depending on the value."""
    return any('"default"' in json.dumps(schema[word]) for word in _ALTERNATIVES if word in schema)


class _DefaultFiller:
    """Fills nested defaults into a default, as validation does; raises RecursionError if they are endless."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self.steps = 0

    def fill(self, schema: Any, value: Any) -> Any:
        """`value` with the defaults of `schema`, changed in place."""
        self.steps += 1
        if self.steps > _MOST_STEPS:
            raise RecursionError
        if not isinstance(schema, dict):
            return value
        more = [resolve(self.document, schema["$ref"])] if "$ref" in schema else []
        for inner in (*more, *schema.get("allOf", ())):
            value = self.fill(inner, value)
        if isinstance(value, dict):
            for name, inner in schema.get("properties", {}).items():
                if name not in value and isinstance(inner, dict) and "default" in inner:
                    value[name] = copy.deepcopy(inner["default"])
                if name in value:
                    value[name] = self.fill(inner, value[name])
        elif isinstance(value, list) and "items" in schema:
            start = len(schema.get("prefixItems", ()))
            value[start:] = [self.fill(schema["items"], each) for each in value[start:]]
        return value

"""Values that stand in schemas: a `default` or one of the `examples` that the schema around it refuses."""

import copy
import json
from collections import ChainMap
from collections.abc import Iterator, Mapping
from typing import Any, Final

import jsonschema_rs

from hapiish.grammar.pattern import OPTIONS
from hapiish.grammar.schema import embed, for_engine, fragment, resolve
from hapiish.table.draft import Draft
from hapiish.table.places import schemas_within
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.schemas.references import at as value_at
from hapiish.table.text.marks import Path

_THIS: Final = "\0this"
_MOST_STEPS: Final = 10_000
_JOINED: Final = frozenset({"$ref", "allOf", "patternProperties"})
_CONDITIONAL: Final = frozenset({"anyOf", "contains", "dependentSchemas", "else", "if", "not", "oneOf", "then"})
_REFERRING: Final = ("$dynamicRef", "$id", "$ref", "$schema")
_MOST_READ: Final = 4_000_000
"""Characters of schemas with references that are read for the values of one table; after that no more are judged."""
_ALTERNATIVES: Final = ("anyOf", "dependentSchemas", "else", "if", "oneOf", "then")


def values(draft: Draft) -> Iterator[Problem]:
    """Defaults that would have each request refused that relies on them, and examples that are none."""
    judging = _Judging()
    for at, root in draft.written_schemas:
        judge = None
        for place, schema in schemas_within(at, root):
            if "default" not in schema and not isinstance(schema.get("examples"), list):
                continue
            judge = judge or _Judge(draft, at, root, judging)
            relative = place[len(at) :]
            given = schema.get("default")
            # The whole of an input or of an answer has no default that anybody would fill in.
            fills = "default" in schema and (relative or draft.root(at, root).name or not isinstance(given, dict))
            if fills and (reason := judge.refusal(relative, schema, given)):
                message = f"the default does not match its own schema: {reason}"
                yield Problem(draft.mark(*place, "default"), Code.SCHEMA_VALUE, message)
            elif fills and (reason := judge.contradiction(relative, given)):
                message = f"the default does not match another schema of the same property: {reason}"
                yield Problem(draft.mark(*place, "default"), Code.SCHEMA_VALUE, message)
            for index, example in enumerate(schema.get("examples") or ()):
                if reason := judge.refusal(relative, schema, example):
                    mark = draft.mark(*place, "examples", index)
                    message = f"the example does not match its own schema: {reason}"
                    yield Problem(mark, Code.SCHEMA_VALUE, message, warning=True)


class _Judging:
    """What the values of one table have in common: the verdicts on schemas that stand alone, and what may be spent."""

    def __init__(self) -> None:
        self.engines: dict[str, Any] = {}
        self.left = _MOST_READ

    def alone(self, schema: Any) -> Any:
        """The engine of a schema that refers to nothing, the same for all that read alike; None for any other."""
        text = json.dumps(schema)
        if any(f'"{word}"' in text for word in _REFERRING):
            return None
        if text not in self.engines:
            self.engines[text] = _engine(schema)
        return self.engines[text]


class _Judge:
    """What judges values by the schemas inside of one; by none of them when the schema itself is faulty."""

    def __init__(self, draft: Draft, at: Path, root: Any, judging: _Judging) -> None:
        made = draft.dereferenced[draft.realm_at(at).index]
        self.judging = judging
        self.schemas: Mapping[str, Any] | None = None
        if made is not None:
            name = draft.root(at, root).name
            whole = made.others.get(id(root), root) if name is None else made.named[name]
            self.schemas = ChainMap({_THIS: whole}, made.named)

    def refusal(self, path: Path, schema: Any, value: Any) -> str:
        """Why the schema at `path` does not take a value; empty when it does, or cannot be asked."""
        if self.schemas is None:
            return ""
        try:
            engine, document = self.judging.alone(schema), schema
            if engine is None:
                document = self._document(path)
                engine = _engine(document)
            if engine.is_valid(value):
                return ""
            filled = _Filling(document).filled(document, copy.deepcopy(value))
            error = next(iter(engine.iter_errors(filled)), None)
        except (ValueError, RecursionError):
            return ""
        if error is None or (isinstance(value, dict | list) and _may_be_filled(schema)):
            return ""
        return str(error.message)

    def contradiction(self, path: Path, value: Any) -> str:
        """Why what stands beside the property at `path`, and always applies, does not take its default."""
        if self.schemas is None or path[-2:-1] != ("properties",):
            return ""
        around = value_at(self.schemas[_THIS], path[:-2])
        if not isinstance(around, dict) or _JOINED.isdisjoint(around):
            return ""
        name = str(path[-1])
        try:
            document = self._document(path[:-2])
            errors = _engine(document).iter_errors(_Filling(document).filled(document, {name: copy.deepcopy(value)}))
            own = (each for each in errors if [*each.instance_path[:1]] == [name])
            return next((each.message for each in own if _CONDITIONAL.isdisjoint(map(str, each.schema_path))), "")
        except (ValueError, RecursionError):
            return ""

    def _document(self, path: Path) -> Any:
        """The schema at `path` with what it refers to; ValueError where that is not to be had, or costs too much."""
        if self.judging.left <= 0:
            raise ValueError
        pointer = f"#/schemas/{fragment(_THIS)}" + "".join(f"/{fragment(str(step))}" for step in path)
        document = embed({"$ref": pointer}, self.schemas or {})
        self.judging.left -= len(json.dumps(document))
        return document


def _engine(document: Any) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(
        for_engine(document), validate_formats=True, offline=True, pattern_options=OPTIONS
    )


def _may_be_filled(schema: Any) -> bool:
    """Whether alternatives have defaults of their own, of which a value would tell which apply."""
    return any('"default"' in json.dumps(schema[word]) for word in _ALTERNATIVES if word in schema)


class _Filling:
    """Puts the defaults inside of a default into it, as requests get them; RecursionError when there is no end."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self.steps = 0

    def filled(self, schema: Any, value: Any) -> Any:
        """`value`, changed in place, with the defaults of `schema`."""
        self.steps += 1
        if self.steps > _MOST_STEPS:
            raise RecursionError
        if not isinstance(schema, dict):
            return value
        more = [resolve(self.document, schema["$ref"])] if "$ref" in schema else []
        for inner in (*more, *schema.get("allOf", ())):
            value = self.filled(inner, value)
        if isinstance(value, dict):
            for name, inner in schema.get("properties", {}).items():
                if name not in value and isinstance(inner, dict) and "default" in inner:
                    value[name] = copy.deepcopy(inner["default"])
                if name in value:
                    value[name] = self.filled(inner, value[name])
        elif isinstance(value, list) and "items" in schema:
            start = len(schema.get("prefixItems", ()))
            value[start:] = [self.filled(schema["items"], each) for each in value[start:]]
        return value

"""Values that stand in schemas: a `default` or one of the `examples` that the schema around it refuses."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs

from hapiish.pattern import OPTIONS
from hapiish.schema import embed, for_engine, fragment, resolve
from hapiish.table.codes import Code
from hapiish.table.draft import Draft
from hapiish.table.marks import Path
from hapiish.table.places import schemas_within
from hapiish.table.problems import Problem

_THIS = "\0this"
_MOST_STEPS = 10_000
_JOINED = frozenset({"$ref", "allOf", "patternProperties"})
_CONDITIONAL = frozenset({"anyOf", "contains", "dependentSchemas", "else", "if", "not", "oneOf", "then"})
_ALTERNATIVES = ("anyOf", "dependentSchemas", "else", "if", "oneOf", "then")


def values(draft: Draft) -> Iterator[Problem]:
    """Defaults that would have each request refused that relies on them, and examples that are none."""
    for at, root in draft.written_schemas:
        judge = None
        for place, schema in schemas_within(at, root):
            if "default" not in schema and not isinstance(schema.get("examples"), list):
                continue
            judge = judge or _Judge(draft, at, root)
            relative = place[len(at) :]
            given = schema.get("default")
            # The whole of an input or of an answer has no default that anybody would fill in.
            fills = "default" in schema and (relative or draft.root(at, root).name or not isinstance(given, dict))
            if fills and (reason := judge.refusal(relative, schema, given)):
                message = f"the default is invalid by its own schema: {reason}"
                yield Problem(draft.mark(*place, "default"), Code.SCHEMA_VALUE, message)
            elif fills and (reason := judge.contradiction(relative, given)):
                message = f"the default does not fit what else is said of the property: {reason}"
                yield Problem(draft.mark(*place, "default"), Code.SCHEMA_VALUE, message)
            for index, example in enumerate(schema.get("examples") or ()):
                if reason := judge.refusal(relative, schema, example):
                    mark = draft.mark(*place, "examples", index)
                    message = f"the example is invalid by its own schema: {reason}"
                    yield Problem(mark, Code.SCHEMA_VALUE, message, warning=True)


class _Judge:
    """What judges values by the schemas inside of one; by none of them when the schema itself is faulty."""

    def __init__(self, draft: Draft, at: Path, root: Any) -> None:
        made = draft.dereferenced[draft.realm_at(at).index]
        self.schemas: dict[str, Any] | None = None
        if made is not None:
            name = draft.root(at, root).name
            whole = made.others.get(id(root), root) if name is None else made.named[name]
            self.schemas = {**made.named, _THIS: whole}

    def refusal(self, path: Path, schema: Any, value: Any) -> str:
        """Why the schema at `path` does not take a value; empty when it does, or cannot be asked."""
        if self.schemas is None:
            return ""
        try:
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
        return error.message

    def contradiction(self, path: Path, value: Any) -> str:
        """Why what stands beside the property at `path`, and always applies, does not take its default."""
        if self.schemas is None or path[-2:-1] != ("properties",):
            return ""
        name = str(path[-1])
        try:
            document = self._document(path[:-2])
            around = resolve(document, document["$ref"])
            if not isinstance(around, dict) or _JOINED.isdisjoint(around):
                return ""
            errors = _engine(document).iter_errors(_Filling(document).filled(document, {name: copy.deepcopy(value)}))
            own = (each for each in errors if [*each.instance_path[:1]] == [name])
            return next((each.message for each in own if _CONDITIONAL.isdisjoint(map(str, each.schema_path))), "")
        except (ValueError, RecursionError):
            return ""

    def _document(self, path: Path) -> Any:
        """The schema at `path` with what it refers to; ValueError where that is not to be had."""
        pointer = f"#/schemas/{fragment(_THIS)}" + "".join(f"/{fragment(str(step))}" for step in path)
        return embed({"$ref": pointer}, self.schemas or {})


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

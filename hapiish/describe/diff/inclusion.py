"""Decides whether one schema accepts every value of another: `subset` for documents of a comparison.

The answer "no" has a witness: a value that is accepted by one schema and refused by the other.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from hapiish.describe.diff.documents import Document
from hapiish.describe.diff.subset import Inclusion, contains
from hapiish.grammar.schema import NAMED, SEVERAL, SINGLE, for_engine, key_of

_DEFS: Final = "#/$defs/"


def document(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """Returns a self-contained schema with the definitions that it needs."""
    if not isinstance(schema, dict):
        return schema
    needed = required(schema, definitions)
    return {**schema, "$defs": {**schema.get("$defs", {}), **needed}} if needed else schema


def required(schema: Any, definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the definitions that a schema refers to, also by others."""
    needed: dict[str, Any] = {}
    waiting: list[Any] = [schema]
    while waiting:
        for name in _references(waiting.pop()):
            if name not in needed and name in definitions:
                needed[name] = definitions[name]
                waiting.append(definitions[name])
    return needed


def _references(node: Any) -> set[str]:
    found: set[str] = set()
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting.extend(part)
        elif isinstance(part, dict):
            for keyword, value in part.items():
                if keyword in ("$ref", "$dynamicRef") and isinstance(value, str) and value.startswith(_DEFS):
                    found.add(key_of(value.removeprefix(_DEFS).split("/")[0]))
                elif keyword in SINGLE or keyword in SEVERAL:
                    waiting.append(value)
                elif keyword in NAMED and isinstance(value, dict):
                    waiting.extend(value.values())
    return found


def included(narrow: Any, wide: Any) -> Inclusion:
    """Returns whether `wide` accepts every value of `narrow`; both are self-contained."""
    if narrow == wide:
        return Inclusion("yes")
    return contains(*(_read(json.dumps(schema, sort_keys=True)) for schema in (wide, narrow)))


@lru_cache(maxsize=256)
def _read(text: str) -> Document:
    return Document(for_engine(json.loads(text)))

"""How often a JSON Schema is asked for a verdict on one value, which `$ref` lets grow without bound in a short text.

Only what judges the same value counts (`allOf`, `$ref`, `if` and so on): what judges a part of it is bounded by the
value itself.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

HEAVIEST: Final = 10_000
"""Verdicts on one value that a schema may take."""

_SINGLE: Final = ("not", "if", "then", "else")
_SEVERAL: Final = ("allOf", "anyOf", "oneOf")
_POINTER: Final = "#/"


class Weights:
    """The weights of the schemas of one table, each computed once; `named` are those under `#/schemas/`."""

    def __init__(self, named: Mapping[str, Any]) -> None:
        self.named = named
        self._known: dict[int, int] = {}
        self._open: set[int] = set()

    def of(self, schema: Any, root: Any) -> int:
        """The verdicts that `schema`, a part of `root`, asks for; more than HEAVIEST where it asks itself for one."""
        if not isinstance(schema, Mapping):
            return 1
        if id(schema) in self._open:
            return HEAVIEST + 1
        if id(schema) not in self._known:
            self._open.add(id(schema))
            total = 1
            for inner, its_root in self._asked(schema, root):
                total += self.of(inner, its_root)
                if total > HEAVIEST:
                    break
            self._open.discard(id(schema))
            self._known[id(schema)] = total
        return self._known[id(schema)]

    def _asked(self, schema: Mapping[str, Any], root: Any) -> Iterator[tuple[Any, Any]]:
        for key in _SINGLE:
            if key in schema:
                yield schema[key], root
        for key in _SEVERAL:
            for inner in schema[key] if isinstance(schema.get(key), list) else ():
                yield inner, root
        dependent = schema.get("dependentSchemas")
        for inner in dependent.values() if isinstance(dependent, Mapping) else ():
            yield inner, root
        target = schema.get("$ref")
        if isinstance(target, str):
            yield self._referred(target, root)

    def _referred(self, target: str, root: Any) -> tuple[Any, Any]:
        """What a reference means, and the schema in which it stands; True where that is not known."""
        if target in ("#", _POINTER):
            return root, root
        if not target.startswith(_POINTER):
            return True, root
        tokens = [unquote(part).replace("~1", "/").replace("~0", "~") for part in target[2:].split("/")]
        found: Any = root
        if tokens[0] == "schemas" and len(tokens) > 1 and tokens[1] in self.named:
            root = found = self.named[tokens[1]]
            tokens = tokens[2:]
        for token in tokens:
            if isinstance(found, Mapping) and token in found:
                found = found[token]
            elif isinstance(found, list) and token.isdecimal() and len(token) < 10 and int(token) < len(found):
                found = found[int(token)]
            else:
                return True, root
        return found, root

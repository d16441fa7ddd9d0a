"""The components of a document: named schemas under keys that OpenAPI and AsyncAPI allow, and shared objects."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from hapiish.declare.types import Json, Schema
from hapiish.describe.surface import relocated

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
SCHEMAS: Final = "#/components/schemas/"


class Components:
    """Collects the schemas that a document uses; `schemas` are the named ones of the table."""

    def __init__(self, schemas: Mapping[str, Json]) -> None:
        self.named = schemas
        self._keys: dict[str, str] = {}
        self._taken: set[str] = set()
        for name in schemas:
            self._keys[name] = self._free(_UNSAFE.sub(".", name).strip(".") or "Schema")
        self._made: dict[str, Any] = {}
        self._waiting: list[str] = []
        self._own: dict[str, str] = {}

    def _free(self, key: str) -> str:
        while key in self._taken:
            key += "_"
        self._taken.add(key)
        return key

    def _place(self, name: str) -> str:
        key = self._keys[name]
        if key not in self._made:
            self._made[key] = None
            self._waiting.append(name)
        return SCHEMAS + key

    def schema(self, schema: Schema | None, title: str) -> Any:
        """Returns a schema for a place in the document; None is one that accepts anything.

        A schema that refers to itself becomes a component under `title`, since its references depend on its place.
        """
        if schema is None or schema is True:
            return {}
        if schema is False:
            return {"not": {}}
        if _refers_to_itself(schema):
            key = self._free(_UNSAFE.sub(".", title))
            self._keys[f"{title}#"] = key
            self._made[key] = relocated(schema, SCHEMAS + key, self._place)
            return {"$ref": SCHEMAS + key}
        return relocated(schema, "#", self._place)

    def own(self, key: str, schema: Schema) -> dict[str, str]:
        """Returns a reference to a schema of hapiish itself, under `key` unless the table has that name."""
        if key not in self._own:
            self._own[key] = free = self._free(key if key not in self._taken else f"{key}Body")
            self._keys[f"{free}#"] = free
            self._made[free] = schema
        return {"$ref": SCHEMAS + self._own[key]}

    def schemas(self) -> dict[str, Any]:
        """Returns all schemas that were used, those of the table in its order."""
        while self._waiting:  # iterative: chains of references have any length
            name = self._waiting.pop()
            key = self._keys[name]
            self._made[key] = relocated(self.named[name], SCHEMAS + key, self._place)
        return {key: self._made[key] for key in self._keys.values() if key in self._made}


class Shared:
    """Objects that occur several times: equal ones get one name under a section of `components`."""

    def __init__(self, section: str) -> None:
        self._section = section
        self._keys: dict[str, str] = {}
        self._numbers: dict[str, int] = {}
        self.made: dict[str, Any] = {}

    def put(self, name: str, value: Any) -> dict[str, str]:
        """Returns a reference to an object; another object under the name gets a number."""
        text = f"{name} {json.dumps(value, default=str)}"
        if text not in self._keys:
            number = self._numbers[name] = self._numbers.get(name, 0) + 1
            self._keys[text] = key = name if number == 1 else f"{name}{number}"
            self.made[key] = value
        return {"$ref": f"#/components/{self._section}/{self._keys[text]}"}


def _refers_to_itself(schema: Json) -> bool:
    """Returns whether a schema has a reference to a part of itself, which depends on its place."""
    return bool(relocated(schema, "#", _nowhere) != relocated(schema, "#here", _nowhere))


def _nowhere(name: str) -> str:
    return ""

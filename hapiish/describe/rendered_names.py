"""The names of a rendered table: the names of used tables as they are resolved from the root table."""

import importlib.util
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from hapiish.declare.option import Role
from hapiish.table.compose.owned_names import NAMED, owner_of
from hapiish.table.draft import Draft
from hapiish.table.merging.realms import RealmDraft
from hapiish.table.text.tree import schemas_within, section


class RenderedNames:
    """The names of one draft, by its tables: sections, functions and references of schemas."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.root = draft.realms[0]
        self.counts = {
            key: Counter(str(name) for realm in self.draft.realms for name in section(realm.value, *key.split(".")))
            for key in ("schemas", "methods", "kinds", "auth.schemes", "auth.strategies")
        }

    def unique(self, section_name: str, name: str, realm: RealmDraft) -> str:
        """Returns a name of a section. The label of its table precedes it if other tables declare the name, too."""
        is_shared = realm.index and self.counts[section_name][str(name)] > 1
        return f"{realm.part.label}.{name}" if is_shared else str(name)

    def name(self, role: Role, name: str) -> str:
        """Returns a name as it is resolved from the root table."""
        realm = self.draft.realms[owner_of(name)]
        match role:
            case Role.FUNCTION:
                return self.function(name, realm)
            case Role.CALL:
                method, paren, rest = name.partition("(")
                declaring = self.draft.declaring(type(name)(method.strip()) if realm.index == 0 else name, "methods")
                owner = declaring or self.owner("methods", method.strip(), realm)
                return f"{self.unique('methods', method.strip(), owner)}{paren}{rest}"
            case Role.STRATEGY:
                return self.unique("auth.strategies", name, self.owner("auth.strategies", name, realm))
            case Role.SCHEME:
                return self.unique("auth.schemes", name, self.owner("auth.schemes", name, realm))
        return str(name)

    def owner(self, key: str, name: str, realm: RealmDraft) -> RealmDraft:
        """Returns the table that declares a name; `realm` is the table that uses it."""
        return next((each for each in realm.visible if str(name) in section(each.value, *key.split("."))), realm)

    def function(self, name: str, realm: RealmDraft) -> str:
        """Returns the name of a function with the package of its table."""
        if not realm.index or realm.part.is_plugin:
            return str(name)
        module = name.partition(":")[0].partition(".")[0]
        package = realm.part.package
        if package is not None:
            try:
                is_inside = importlib.util.find_spec(f"{package}.{module}") is not None
            except ImportError:
                is_inside = False
            return f"{package}.{name}" if is_inside else str(name)
        folder = PurePath(realm.part.folder)
        is_beside = any(os.path.exists(folder / each) for each in (module, f"{module}.py"))  # noqa: PTH110
        root = PurePath(self.root.part.folder)
        if not is_beside or not folder.is_relative_to(root) or folder == root:
            return str(name)
        return ".".join([*folder.relative_to(root).parts, str(name)])

    def schema(self, schema: Any) -> Any:
        """Returns a schema whose references have the names of the rendered table."""
        if not isinstance(schema, dict):
            return schema
        made = copied(schema)
        for _, inner in schemas_within((), made):
            for keyword in ("$ref", "$dynamicRef"):
                target = inner.get(keyword)
                if isinstance(target, str) and target.startswith(NAMED) and "~1" in target:
                    label, _, name = target.removeprefix(NAMED).partition("~1")
                    realm = next(each for each in self.draft.realms if each.part.label == label)
                    first, slash, rest = name.partition("/")
                    inner[keyword] = f"{NAMED}{self.unique('schemas', first, realm)}{slash}{rest}"
        return made


def copied(value: Any) -> Any:
    """Returns a copy of mappings and lists; texts stay the same objects."""
    if isinstance(value, Mapping):
        return {key: copied(inner) for key, inner in value.items()}
    return [copied(inner) for inner in value] if isinstance(value, list) else value

"""Dereferences the schemas of a table: every reference becomes a pointer, `#/…` or `#/schemas/Name/…`.

Readers of schemas then need no `$id`, anchors or dynamic scopes. A dynamic reference (2020-12 §8.2.3.2) resolves to
another schema in each dynamic scope; schemas that reach one are copied for each scope in which they are reached.
"""

from typing import Any, Final

from hapiish.grammar.schema import NAMED, SEVERAL, SINGLE, fragment
from hapiish.table.schemas.references import Library, Root, SchemaResource, ScopesError, value_at
from hapiish.table.text.marks import Path

_REMOVED: Final = frozenset({"$anchor", "$dynamicAnchor", "$id", "$schema", "$vocabulary"})
_MOST_COPIES: Final = 1000

Scope = tuple[tuple[str, SchemaResource], ...]
"""The dynamic scope: the outermost resource for each dynamic anchor."""


class Dereferenced:
    """The dereferenced schemas: `named` by their names, generated names included; `others` that changed, by identity.

    Raises UnresolvedError for an unresolved reference, ScopesError for too many dynamic scopes.
    """

    def __init__(self, library: Library) -> None:
        self.named: dict[str, Any] = {}
        self.others: dict[int, Any] = {}
        self._library = library
        self._copies: dict[tuple[Root, Path, Scope], str] = {}
        self._dynamic: dict[Root, bool] = {}
        self._queue: list[tuple[str, Root, Path, Scope]] = []
        if library.is_plain:
            self.named = {str(root.name): root.schema for root in library.named.values()}
            return
        for root in library.named.values():
            self._named(root)
        for identity, root in library.others.items():
            self.others[identity] = self._copy(root.schema, root, (), ())
        while self._queue:  # iterative: chains of references have any length
            name, root, path, scope = self._queue.pop()
            self.named[name] = self._copy(value_at(root.schema, path), root, path, scope)

    def _named(self, root: Root) -> str:
        """The name of a named schema, which is queued for building if needed."""
        assert root.name is not None
        if root.name not in self.named:
            scope = self._scope_inside((), root, ())
            self._copies[root, (), scope] = root.name
            self.named[root.name] = None
            self._queue.append((root.name, root, (), scope))
        return root.name

    def _copy(self, schema: Any, root: Root, path: Path, scope: Scope) -> Any:
        if not isinstance(schema, dict):
            return schema
        if root.begins_resource(path):
            scope = self._scope_inside(scope, root, path)
        copy: dict[str, Any] = {}
        references: list[str] = []
        for keyword, value in schema.items():
            if keyword in ("$ref", "$dynamicRef") and isinstance(value, str):
                references.append(self._reference(root, path, keyword, value, scope))
            elif keyword in SINGLE:
                copy[keyword] = self._copy(value, root, (*path, keyword), scope)
            elif keyword in SEVERAL and isinstance(value, list):
                copy[keyword] = [self._copy(inner, root, (*path, keyword, i), scope) for i, inner in enumerate(value)]
            elif keyword in NAMED and isinstance(value, dict):
                copy[keyword] = {
                    name: self._copy(inner, root, (*path, keyword, name), scope) for name, inner in value.items()
                }
            elif keyword not in _REMOVED:
                copy[keyword] = value
        if len(references) == 2:
            copy["allOf"] = [*copy.get("allOf", ()), {"$ref": references.pop()}]
        return {"$ref": references[0], **copy} if references else copy

    def _reference(self, root: Root, path: Path, keyword: str, reference: str, scope: Scope) -> str:
        target, place = self._library.find(root, path, reference)
        name = reference.partition("#")[2]
        if keyword == "$dynamicRef" and name in target.resource_at(place).dynamic:
            outermost = dict(scope).get(name)
            anchored = outermost.anchor(name) if outermost is not None else None
            if outermost is not None and anchored is not None:
                target, place = outermost.root, anchored
        if self._reaches_dynamic(target):
            return _pointer(self._scoped_copy(target, place, self._scope_inside(scope, target, place)), ())
        if not target.has_schema(place) or (target.name is None and target is not root):
            target, place = self._library.part(target, place)
        return _pointer(None if target.name is None else self._named(target), place)

    def _scoped_copy(self, root: Root, path: Path, scope: Scope) -> str:
        """The name of the copy of the schema at `path` for a dynamic scope."""
        key = (root, path, scope)
        if key not in self._copies:
            if len(self._copies) > _MOST_COPIES:
                raise ScopesError("dynamic references have too many dynamic scopes")
            uri = root.resource_at(path).uri
            self._copies[key] = name = f"{self._library.prefix}{uri}#{len(self._copies)}"
            self.named[name] = None
            self._queue.append((name, root, path, scope))
        return self._copies[key]

    def _scope_inside(self, scope: Scope, root: Root, path: Path) -> Scope:
        """The dynamic scope inside of the resource at `path`."""
        if not self._reaches_dynamic(root):
            return ()
        resource = root.resource_at(path)
        known = {name for name, _ in scope}
        return (*scope, *((name, resource) for name in sorted(resource.dynamic - known)))

    def _reaches_dynamic(self, root: Root) -> bool:
        """Returns whether a schema has dynamic references, directly or through its references."""
        if root not in self._dynamic:
            reached, queue = {root}, [root]
            while queue:
                current = queue.pop()
                if "$dynamicRef" in current.identifying or self._dynamic.get(current):
                    self._dynamic[root] = True
                    return True
                if current in self._dynamic:
                    continue
                found = {self._library.find(current, path, text)[0] for path, _, text in current.references} - reached
                reached |= found
                queue += found
            self._dynamic |= dict.fromkeys(reached, False)
        return self._dynamic[root]


def _pointer(name: str | None, path: Path) -> str:
    start = "#" if name is None else f"#/schemas/{fragment(name)}"
    return start + "".join(f"/{fragment(str(step))}" for step in path)

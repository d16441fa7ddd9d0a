"""The schemas of a table as they are built: every reference a pointer, `#/…` or `#/schemas/Name/…`, and nothing else.

So all that reads schemas understands those that others wrote, too. A dynamic reference (2020-12 §8.2.3.2) means
another schema in each dynamic scope; there is a copy for each scope in which a schema that leads to it is reached.
"""

from typing import Any, Final

from hapiish.grammar.schema import NAMED, SEVERAL, SINGLE, fragment
from hapiish.table.schemas.references import Library, Resource, Root, ScopesError, at
from hapiish.table.text.marks import Path

_GONE: Final = frozenset({"$anchor", "$dynamicAnchor", "$id", "$schema", "$vocabulary"})
_MOST_COPIES: Final = 1000

Scope = tuple[tuple[str, Resource], ...]
"""The dynamic scope, as far as it matters: the outermost resource that has each dynamic anchor."""


class Dereferenced:
    """`named` are the schemas with a name, also those that got one for being referred to; `others`, as far as they
    are not as they were written, are by identity.

    Raises UnresolvedError for a reference that leads nowhere, ScopesError for scopes without end.
    """

    def __init__(self, library: Library) -> None:
        self.named: dict[str, Any] = {}
        self.others: dict[int, Any] = {}
        self._library = library
        self._copies: dict[tuple[Root, Path, Scope], str] = {}
        self._dynamic: dict[Root, bool] = {}
        self._waiting: list[tuple[str, Root, Path, Scope]] = []
        if library.is_plain:
            self.named = {str(root.name): root.schema for root in library.named.values()}
            return
        for root in library.named.values():
            self._whole(root)
        for identity, root in library.others.items():
            self.others[identity] = self._copy(root.schema, root, (), ())
        while self._waiting:  # one after the other: schemas may refer to each other in a chain of any length
            name, root, path, scope = self._waiting.pop()
            self.named[name] = self._copy(at(root.schema, path), root, path, scope)

    def _whole(self, root: Root) -> str:
        """The name of a schema, which will be built when it is not yet."""
        assert root.name is not None
        if root.name not in self.named:
            scope = self._entered((), root, ())
            self._copies[root, (), scope] = root.name
            self.named[root.name] = None
            self._waiting.append((root.name, root, (), scope))
        return root.name

    def _copy(self, schema: Any, root: Root, path: Path, scope: Scope) -> Any:
        if not isinstance(schema, dict):
            return schema
        if path in root.resources:
            scope = self._entered(scope, root, path)
        made: dict[str, Any] = {}
        references: list[str] = []
        for keyword, value in schema.items():
            if keyword in ("$ref", "$dynamicRef") and isinstance(value, str):
                references.append(self._reference(root, path, keyword, value, scope))
            elif keyword in SINGLE:
                made[keyword] = self._copy(value, root, (*path, keyword), scope)
            elif keyword in SEVERAL and isinstance(value, list):
                made[keyword] = [self._copy(each, root, (*path, keyword, i), scope) for i, each in enumerate(value)]
            elif keyword in NAMED and isinstance(value, dict):
                made[keyword] = {
                    name: self._copy(each, root, (*path, keyword, name), scope) for name, each in value.items()
                }
            elif keyword not in _GONE:
                made[keyword] = value
        if len(references) == 2:
            made["allOf"] = [*made.get("allOf", ()), {"$ref": references.pop()}]
        return {"$ref": references[0], **made} if references else made

    def _reference(self, root: Root, path: Path, keyword: str, reference: str, scope: Scope) -> str:
        target, place = self._library.find(root, path, reference)
        name = reference.partition("#")[2]
        if keyword == "$dynamicRef" and name in target.resource_at(place).dynamic:
            outermost = dict(scope).get(name)
            if outermost is not None:
                target, place = outermost.root, outermost.anchors[name]
        if self._leads_to_dynamic(target):
            return _pointer(self._scoped(target, place, self._entered(scope, target, place)), ())
        if place not in target.places or (target.name is None and target is not root):
            target, place = self._library.part(target, place)
        return _pointer(None if target.name is None else self._whole(target), place)

    def _scoped(self, root: Root, path: Path, scope: Scope) -> str:
        """The name of the copy of a place for a dynamic scope."""
        key = (root, path, scope)
        if key not in self._copies:
            if len(self._copies) > _MOST_COPIES:
                raise ScopesError("dynamic references have too many dynamic scopes")
            uri = root.resource_at(path).uri
            self._copies[key] = name = f"{self._library.prefix}{uri}#{len(self._copies)}"
            self.named[name] = None
            self._waiting.append((name, root, path, scope))
        return self._copies[key]

    def _entered(self, scope: Scope, root: Root, path: Path) -> Scope:
        """The scope inside of the resource at a place."""
        if not self._leads_to_dynamic(root):
            return ()
        resource = root.resource_at(path)
        known = {name for name, _ in scope}
        return (*scope, *((name, resource) for name in sorted(resource.dynamic - known)))

    def _leads_to_dynamic(self, root: Root) -> bool:
        """Whether a schema has dynamic references, or leads to one that has."""
        if root not in self._dynamic:
            reached, waiting = {root}, [root]
            while waiting:
                here = waiting.pop()
                if "$dynamicRef" in here.keywords or self._dynamic.get(here):
                    self._dynamic[root] = True
                    return True
                if here in self._dynamic:
                    continue
                found = {self._library.find(here, path, text)[0] for path, _, text in here.references} - reached
                reached |= found
                waiting += found
            self._dynamic |= dict.fromkeys(reached, False)
        return self._dynamic[root]


def _pointer(name: str | None, path: Path) -> str:
    start = "#" if name is None else f"#/schemas/{fragment(name)}"
    return start + "".join(f"/{fragment(str(step))}" for step in path)

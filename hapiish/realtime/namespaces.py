"""The namespaces of a server by name, and those that have parameters by the names that they take."""

from collections.abc import Mapping
from urllib.parse import quote

from hapiish import boom
from hapiish.grammar.path import UNENCODED, parse
from hapiish.http.routing.router import Router, normalise
from hapiish.realtime.hooks import NamespaceHooks

MOST_CHARACTERS = 1024
"""Of a namespace that has parameters: a client chooses its name."""

_SAFE = "".join(sorted(UNENCODED)) + "/"


class Namespaces(dict[str, NamespaceHooks]):
    """By the name that is declared. Raises ValueError for two that would match the same names."""

    def __init__(self, declared: Mapping[str, NamespaceHooks]) -> None:
        super().__init__(declared)
        self._router: Router | None = None
        if patterns := [name for name in declared if "{" in name]:
            self._router = Router()
            for name in patterns:
                self._router.add("GET", parse(name), name)
            self._router.freeze()

    def find(self, name: str) -> tuple[str, dict[str, str]] | None:
        """The namespace that a client means by `name`: its declared name, and the values of its parameters."""
        if name in self:
            return None if "{" in name else (name, {})
        if self._router is None or len(name) > MOST_CHARACTERS:
            return None
        path = quote(name, safe=_SAFE)
        if normalise(path) != path:  # "/a/../b" would be another name for the parameters of "/b"
            return None
        try:
            found = self._router.find("GET", path)
        except boom.BadRequest:
            return None
        return (found[0], found[1] or {}) if found is not None else None

    def hooks_for(self, name: str) -> NamespaceHooks | None:
        """The hooks behind a namespace as clients name it."""
        if self._router is None:
            return self.get(name)
        found = self.find(name)
        return self[found[0]] if found is not None else None

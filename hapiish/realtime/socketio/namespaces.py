"""Namespaces: the hooks of a server's namespaces, by their names and by patterns with parameters."""

from collections.abc import Mapping
from difflib import get_close_matches
from urllib.parse import quote

from hapiish import boom
from hapiish.grammar.path import UNENCODED, parse
from hapiish.http.routing.router import Router, normalise
from hapiish.realtime.socketio.hooks import NamespaceHooks

MOST_CHARACTERS = 1024
"""Longest name that is matched against patterns, because clients choose it."""

_SAFE = "".join(sorted(UNENCODED)) + "/"


class Namespaces(dict[str, NamespaceHooks]):
    """Hooks by declared name. Raises ValueError for two patterns that match the same names."""

    def __init__(self, declared: Mapping[str, NamespaceHooks]) -> None:
        super().__init__(declared)
        self._router: Router[str] | None = None
        if patterns := [name for name in declared if "{" in name]:
            self._router = Router()
            for name in patterns:
                self._router.add("GET", parse(name), name)
            self._router.freeze()

    def find(self, name: str) -> tuple[str, dict[str, str]] | None:
        """Returns the declared name and the parameters for a client's `name`, None for an unknown namespace."""
        if name in self:
            return None if "{" in name else (name, {})
        if self._router is None or len(name) > MOST_CHARACTERS:
            return None
        path = quote(name, safe=_SAFE)
        if normalise(path) != path:  # "/a/../b" must not be an alias of "/b"
            return None
        try:
            found = self._router.find("GET", path)
        except boom.BadRequest:
            return None
        return (found[0], found[1] or {}) if found is not None else None

    def hooks_for(self, name: str) -> NamespaceHooks | None:
        """Returns the hooks for a client's `name` of a namespace."""
        if self._router is None:
            return self.get(name)
        found = self.find(name)
        return self[found[0]] if found is not None else None

    def expect(self, name: str) -> NamespaceHooks:
        """Returns the hooks for a client's `name` of a namespace. Raises ValueError for an unknown one."""
        hooks = self.hooks_for(name)
        if hooks is None:
            similar = get_close_matches(name, self, 1)
            hint = ""
            if name in self:
                hint = "; its parameters need values"
            elif similar:
                hint = f'; did you mean "{similar[0]}"?'
            raise ValueError(f'there is no namespace "{name}"{hint}')
        return hooks

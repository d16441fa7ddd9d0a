"""The step that authorizes a caller: scopes and entities of `auth.access` (hapi's lib/auth.js).

Rules are alternatives. Of a scope list every `+x` must be granted, no `!x` may be, and one of the others must be.
`{params.id}` and similar templates are filled in from the request; a missing value denies access.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, Protocol

from hapiish import boom
from hapiish.grammar.template import Template, parse
from hapiish.grammar.template import Value as Placeholder
from hapiish.http.auth.strategy import Mode
from hapiish.http.exchange.request import Request
from hapiish.types import Value

_SEVERAL = (list, tuple, set, frozenset)
_MAPPINGS = (dict, Mapping)  # the first one is found faster
_PLAIN = (str, bytes, int, float, list, tuple, type(None))
_ROOTS = ("credentials", "params", "payload", "query")

Entity = Literal["any", "user", "app"]


class Rule(Protocol):
    """A rule of `auth.access`; `scope` None requires none."""

    @property
    def scope(self) -> Iterable[str] | None: ...
    @property
    def entity(self) -> Entity: ...


def access_step(rules: Iterable[Rule], mode: Mode) -> Callable[[Request], None]:
    """The step that sets `request.auth.is_authorized`; raises 403 if no rule passes.

    Without credentials a route with optional authentication continues, unauthorized. Raises ValueError at load for a
    template that does not start with credentials, params, payload or query.
    """
    return _Access([(rule.entity, _Scope(rule.scope) if rule.scope else None) for rule in rules], mode).authorize


class _Access:
    __slots__ = ("mode", "rules")

    def __init__(self, rules: Iterable[tuple[Entity, "_Scope | None"]], mode: Mode) -> None:
        self.rules = tuple(rules)
        self.mode = mode

    def authorize(self, request: Request) -> None:
        auth = request.auth
        credentials = auth.credentials
        auth.is_authorized = False
        if credentials is None:
            if self.mode == "required":
                raise boom.Forbidden("Request is unauthenticated", code="forbidden")
            return
        actual = "user" if claim(credentials, "user") else "app"
        lacks_scope = False
        for entity, scope in self.rules:
            if entity not in ("any", actual):
                continue
            if scope is None or scope.admits(request, credentials):
                auth.is_authorized = True
                return
            lacks_scope = True
        request.note(["auth", "scope", "error"] if lacks_scope else ["auth", "entity", actual, "error"])
        if lacks_scope:
            raise boom.Forbidden("Insufficient scope", code="forbidden")
        if actual == "app":
            raise boom.Forbidden("Application credentials cannot be used on a user endpoint", code="forbidden")
        raise boom.Forbidden("User credentials cannot be used on an application endpoint", code="forbidden")


class _Scope:
    """A scope list, split by prefix; scopes without templates are compared as sets."""

    __slots__ = ("_forbidden", "_needed", "_offered", "_templates", "needs_one")

    def __init__(self, scope: Iterable[str]) -> None:
        self._templates: list[tuple[str, _Filled]] = []
        fixed: dict[str, set[str]] = {"+": set(), "!": set(), "": set()}
        self.needs_one = False
        for entry in scope:
            prefix = entry[0] if entry[:1] in ("+", "!") else ""
            text = entry[len(prefix) :]
            self.needs_one = self.needs_one or not prefix
            template = parse(text)
            if any(template.values):
                self._templates.append((prefix, _Filled(text, template)))
            else:
                fixed[prefix].add("".join(template.texts))
        self._needed, self._forbidden, self._offered = fixed["+"], fixed["!"], fixed[""]

    def admits(self, request: Request, credentials: Value) -> bool:
        scope = claim(credentials, "scope")
        if not scope and not isinstance(scope, _SEVERAL):
            return False
        granted = {scope} if isinstance(scope, str) else set(scope)
        if not self._needed <= granted or self._forbidden & granted:
            return False
        has_one = not self._offered.isdisjoint(granted)
        for prefix, template in self._templates:
            text = template.fill(request, credentials)
            if prefix == "+" and (text is None or text not in granted):
                return False
            if prefix == "!" and (text is None or text in granted):
                return False
            has_one = has_one or (not prefix and text is not None and text in granted)
        return has_one or not self.needs_one


class _Filled:
    """A scope template such as `user-{params.id}`."""

    __slots__ = ("_parts",)

    def __init__(self, text: str, template: Template) -> None:
        self._parts = template.parts
        for value in template.values:
            if value.source not in _ROOTS or not value.path:
                known = ", ".join(f"{root}.…" for root in _ROOTS)
                raise ValueError(f'the scope "{text}" must take its values from {known}, not from "{value}"')

    def fill(self, request: Request, credentials: Value) -> str | None:
        """The text with its values; None if one is missing, empty or not a single value."""
        texts = []
        for part in self._parts:
            if not isinstance(part, Placeholder):
                texts.append(part)
                continue
            value = credentials if part.source == "credentials" else getattr(request, part.source)
            for name in part.path:
                value = claim(value, name)
            text = text_of(value)
            if not text:
                return None
            texts.append(text)
        return "".join(texts)


def claim(holder: Any, name: str) -> Value:
    """The value of a claim in a mapping, or of an attribute if the scheme's credentials are an object."""
    if isinstance(holder, _MAPPINGS):
        return holder.get(name)
    return None if isinstance(holder, _PLAIN) or name.startswith("_") else getattr(holder, name, None)


def text_of(value: Value) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None or isinstance(value, (*_SEVERAL, *_MAPPINGS)) else str(value)

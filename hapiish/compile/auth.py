"""Compiles authentication strategies and access rules to the steps that authenticate and authorize callers."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from hapiish import options as model
from hapiish.compile.cookies import definition
from hapiish.compile.names import Names, missing
from hapiish.http.auth.access import access_step
from hapiish.http.auth.messages import Demand, payload_authentication, response_authentication
from hapiish.http.auth.strategy import Mode, authenticate_step
from hapiish.http.cookies.cookies import Cookies, Definition
from hapiish.http.exchange.request import Request, is_free
from hapiish.http.exchange.route import Finalizer, Step, caller
from hapiish.http.validation.validator import compile_schema
from hapiish.options import units
from hapiish.options.declare import camel
from hapiish.options.walk import Path, walk
from hapiish.realm import visiting
from hapiish.resolve import resolve
from hapiish.table.build import overlay
from hapiish.table.compose.owned_names import owned_by_default, owner_of
from hapiish.table.extras import packages
from hapiish.table.problems import Mark, Problem
from hapiish.table.problems.codes import Code
from hapiish.types import AsyncHandler

SCHEMES: Mapping[str, str] = {
    "apiKey": "hapiish.http.auth.apikey:ApiKeyScheme",
    "basic": "hapiish.http.auth.basic:BasicScheme",
    "cookie": "hapiish.http.auth.cookie:CookieScheme",
    "jwt": "hapiish.http.auth.jwt:jwt_scheme",
    "oauth2": "hapiish.http.auth.oauth2:OAuth2Scheme",
}
"""The built-in schemes by name; a scheme is imported only if a strategy of the table uses it."""

_COOKIES: Mapping[str, str] = {"cookie": "sid", "oauth2": "oauth2-{}"}
"""The schemes with a sealed cookie, and its default name; {} stands for the name of the strategy."""


class AuthCompiler:
    """`strategies` are the scheme instances by the name of their strategy; None for invalid options.

    `decorations` are the request attributes of schemes, by name. The cookies of schemes are added to `cookies`.
    """

    def __init__(self, names: Names, cookies: Cookies) -> None:
        self.names = names
        self.cookies = cookies
        self.server = names.server
        self.decorations: dict[str, Callable[[Request], Any]] = {}
        given = names.table.auth.strategies
        self.strategies = {name: self.strategy(name, strategy) for name, strategy in given.items()}
        names.realm = 0

    def strategy(self, name: str, given: model.Strategy) -> Any:
        """Returns the scheme of a strategy with resolved names; None after a problem."""
        self.names.realm = owner_of(name)
        own = self.names.table.auth.schemes.get(given.scheme)
        try:
            scheme = self.built_in(name, given) if own is None else self.own(name, self.names.object(own), given)
            if scheme is not None:
                self.adopt(scheme)
        except ValueError as error:
            self.refuse(name, given, str(error))
            return None
        return scheme

    def built_in(self, name: str, given: model.Strategy) -> Any:
        lacking = [package for package in packages(given) if not self.names.extra(package, "auth", given.mark)]  # noqa: S610
        if lacking:
            return None
        options: Any = given.options
        for _, function, at in walk(model.Strategy, {"scheme": given.scheme, "options": options}):
            options = _resolved(options, at[1:], self.names.function(function))
        if given.scheme in _COOKIES:
            options = {**options, "cookie": self.cookie(name, given, options.get("cookie") or {})}
        if given.scheme == "jwt" and options.get("cache"):
            options = {**options, "cache": _rules(options["cache"])}
        if given.scheme == "jwt" and options.get("sign"):
            ttl = options["sign"].get("ttl", "1h")
            options = {**options, "sign": {"ttl": ttl and units.duration(ttl)}}
        return resolve(SCHEMES[given.scheme])(self.server, options)

    def own(self, name: str, factory: Any, given: model.Strategy) -> Any:
        if factory is missing:
            return None
        options = dict(given.options)
        schema = getattr(factory, "options_schema", None)
        if schema is not None:
            # The report of `compile_schema` contains no values: an option may be a secret.
            faults = compile_schema(schema, {}).errors(options)
            for fault in faults:
                self.refuse(name, given, f"options{fault['path'].replace('/', '.')} {fault['message']}")
            if faults:
                return None
        for key in getattr(factory, "references", ()):
            if isinstance(options.get(key), str):
                options[key] = self.names.function(owned_by_default(options[key], self.names.realm))
        scheme = self.names.made(factory, self.names.views[owner_of(name)], options)
        if not callable(getattr(scheme, "authenticate", None)):
            self.refuse(name, given, f"{type(scheme).__name__} is no scheme: it has no authenticate()")
            return None
        return scheme

    def refuse(self, name: str, given: model.Strategy, message: str) -> None:
        self.problem(given.mark, Code.STRATEGY_OPTIONS, f'strategy "{name}": {message}')

    def cookie(self, name: str, given: model.Strategy, settings: Mapping[str, Any]) -> tuple[str, Definition]:
        """Returns the sealed cookie of a scheme, merged over `server.state`; an invalid cookie counts as absent."""
        base = replace(self.names.table.server.state, ignore_errors=True, mark=given.mark)
        if given.scheme == "oauth2":
            # A redirect from the provider is a cross-site request, without Strict cookies.
            base = replace(base, is_same_site="Lax")
        made = overlay(base, {**settings, "encoding": "iron"})
        return settings.get("name", _COOKIES[given.scheme].format(name)), definition(self.names, made)

    def adopt(self, scheme: Any) -> None:
        """Adds the cookies and decorations of a scheme. Raises ValueError for a name in use."""
        for name, given in getattr(scheme, "cookies", {}).items():
            if name in self.cookies.declared:
                raise ValueError(f'the cookie "{name}" is declared already')
            self.cookies.declared[name] = given
        for name, make in getattr(scheme, "decorations", {}).items():
            if name in self.decorations or not is_free(name):
                raise ValueError(f'"{name}" is no free name for an attribute of requests')
            self.decorations[name] = make

    def authenticate(self, auth: model.RouteAuth) -> tuple[Step, bool]:
        """Returns the step that authenticates callers."""
        return self.names.once(self._authenticate, auth.strategies, auth.mode)

    def _authenticate(self, strategies: tuple[str, ...], mode: Mode) -> tuple[Step, bool]:
        chosen = tuple(
            (str(name), self.strategies[name] if owner_of(name) == self.names.realm else self.for_other_table(name))
            for name in strategies
            if self.strategies[name] is not None
        )
        return authenticate_step(chosen, mode, self.server.pool.call), True

    def payload(self, auth: model.RouteAuth, mark: Mark) -> Iterator[tuple[Step, bool]]:
        """Yields the step that authenticates the payload, if the route at `mark` or one of its schemes requires it."""
        methods: dict[str, tuple[AsyncHandler, Demand]] = {}
        for name in auth.strategies:
            scheme = self.strategies[name]
            options = getattr(scheme, "options", None)
            insists = isinstance(options, Mapping) and bool(options.get("payload"))
            method = getattr(scheme, "payload", None)
            if method is None and auth.payload == "required":
                self.problem(mark, Code.PAYLOAD_AUTH, f'the strategy "{name}" does not support payload authentication')
            if insists and auth.payload in ("optional", False):
                self.problem(mark, Code.PAYLOAD_AUTH, f'the strategy "{name}" insists on authenticating the body')
            demand: Any = auth.payload or ("required" if insists else None)
            if method is not None and demand:
                methods[str(name)] = self.called(name, method), demand
        if auth.payload == "optional" and not methods:
            message = "payload authentication needs a strategy that supports it"
            self.problem(mark, Code.PAYLOAD_AUTH, message)
        if methods:
            yield payload_authentication(methods), True

    def finalizers(self, auth: model.RouteAuth) -> Iterator[Finalizer]:
        """Yields the finalizers of the strategies."""
        given = [(name, getattr(self.strategies[name], "response", None)) for name in auth.strategies]
        methods = {str(name): self.called(name, method) for name, method in given if method is not None}
        if methods:
            yield response_authentication(methods)

    def judges_handshakes(self, auth: model.RouteAuth, mark: Mark) -> None:
        """Adds a problem for each strategy of the namespace at `mark` that cannot authenticate a handshake."""
        for name in auth.strategies:
            if not getattr(self.strategies[name], "handshake", True):
                self.problem(mark, Code.HANDSHAKE, f'the strategy "{name}" cannot authenticate a Socket.IO handshake')

    def problem(self, mark: Mark, code: Code, message: str) -> None:
        self.names.problems.append(Problem(mark, code, message))

    def for_other_table(self, name: str) -> Any:
        """Returns the scheme of a strategy for the routes of a table that does not declare it."""
        return SimpleNamespace(authenticate=self.called(name, self.strategies[name].authenticate))

    def called(self, name: str, method: Any) -> AsyncHandler:
        """Returns a function of a scheme, called with its own table's view of the server."""
        function = caller(method, self.server.pool.call)
        return function if owner_of(name) == self.names.realm else visiting(function, self.names.views[owner_of(name)])

    def token_headers(self, auth: model.RouteAuth) -> list[tuple[bytes, bytes]]:
        """Returns the headers of a handshake's token with the prefix of their values; the first strategy decides."""
        found: dict[bytes, bytes] = {}
        for name in auth.strategies:
            header = getattr(self.strategies[name], "token_header", (b"authorization", b"Bearer "))
            if header is not None:
                found.setdefault(*header)
        return list(found.items())

    def access(self, auth: model.RouteAuth) -> Iterator[tuple[Step, bool]]:
        """Yields the step that authorizes by scope and entity; nothing without access rules."""
        if auth.access:
            yield self.names.once(access_step, auth.access, auth.mode), False


def _rules(cache: Mapping[str, Any]) -> dict[str, int]:
    """Returns the cache rules of a file with Python names, durations in milliseconds."""
    given = [(name, cache.get(camel(name))) for name in ("expires_in", "stale_in", "stale_timeout", "generate_timeout")]
    return {name: units.duration(value) for name, value in given if value is not None}


def _resolved(options: Any, at: Path, function: Any) -> Any:
    """Returns `options` with the function in place of the name at a path."""
    if not at or at == ("method",):  # `{method: name}` stands in place of a value, and is the function itself
        return function
    step, *rest = at
    inner = _resolved(options[step], tuple(rest), function)
    if isinstance(options, list):
        return [inner if index == step else each for index, each in enumerate(options)]
    return {**options, step: inner}

"""Compiles authentication strategies and access rules to the steps that authenticate and authorize callers."""

from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

from hapiish import options as model
from hapiish.compile.names import Names, missing
from hapiish.declare.manifest import SchemeManifest
from hapiish.http.auth.access import access_step
from hapiish.http.auth.messages import Demand, payload_authentication, response_authentication
from hapiish.http.auth.service import AuthService
from hapiish.http.auth.strategy import Mode, authenticate_step
from hapiish.http.cookies.cookies import Cookies
from hapiish.http.exchange.request import Request, is_free
from hapiish.http.exchange.route import Finalizer, Step, caller
from hapiish.http.validation.validator import option_faults
from hapiish.options.schemes import SCHEMES
from hapiish.realm import visiting
from hapiish.table.compose.owned_names import owner_of
from hapiish.table.problems import Mark, Problem
from hapiish.table.problems.codes import Code
from hapiish.types import AsyncHandler


class AuthCompiler:
    """`strategies` are the scheme instances by the name of their strategy; None for invalid options.

    `decorations` are the request attributes of schemes, by name. The cookies of schemes are added to `cookies`.
    """

    def __init__(self, names: Names, cookies: Cookies) -> None:
        self.names = names
        self.cookies = cookies
        self.server = names.server
        self.decorations: dict[str, Callable[[Request], Any]] = {}
        strategies = names.table.auth.strategies
        self.strategies = {name: self.strategy(name, strategy) for name, strategy in strategies.items()}
        names.realm = 0

    def strategy(self, name: str, strategy: model.Strategy) -> Any:
        """Returns the scheme of a strategy with resolved names; None after a problem."""
        names, owner = self.names, owner_of(name)
        names.realm = owner
        custom = names.table.auth.schemes.get(strategy.scheme)
        try:
            if custom is None:
                resolved = self.built_in(name, strategy, SCHEMES[strategy.scheme])
            else:
                resolved = self.custom(name, custom, strategy)
            if resolved is None:
                return None
            factory, options = resolved
            scheme = names.create(factory, names.views[owner], options)
            if not callable(getattr(scheme, "authenticate", None)):
                self.refuse(name, strategy, f"{type(scheme).__name__} is no scheme: it has no authenticate()")
                return None
            self.register(scheme)
        except ValueError as error:
            self.refuse(name, strategy, str(error))
            return None
        return scheme

    def built_in(self, name: str, strategy: model.Strategy, scheme: SchemeManifest) -> tuple[Any, Any] | None:
        """Returns the factory of a built-in scheme, and its options with resolved names; None after a problem."""
        if not self.names.has_packages(scheme.needs(strategy.options)):
            return None
        options = self.names.options(scheme.options, strategy.options)
        if scheme.cookie:
            cookie = options["cookie"]
            options = {**options, "cookie": {**cookie, "name": cookie.get("name") or scheme.cookie.format(name)}}
        return scheme.factory(), options

    def custom(self, name: str, reference: str, strategy: model.Strategy) -> tuple[Any, Any] | None:
        """Returns the factory of a scheme of the table, and its options with resolved names; None after a problem."""
        factory = self.names.object(reference)
        if factory is missing:
            return None
        options = strategy.options
        faults = option_faults(factory, options)
        for fault in faults:
            self.refuse(name, strategy, f"options{fault['path'].replace('/', '.')} {fault['message']}")
        if faults:
            return None
        return factory, self.names.references(factory, options, self.names.realm)

    def refuse(self, name: str, strategy: model.Strategy, message: str) -> None:
        self.problem(strategy.mark, Code.STRATEGY_OPTIONS, f'strategy "{name}": {message}')

    def register(self, scheme: Any) -> None:
        """Adds the cookies and decorations of a scheme. Raises ValueError for a name in use."""
        for name, cookie in getattr(scheme, "cookies", {}).items():
            if name in self.cookies.declared:
                raise ValueError(f'the cookie "{name}" is declared already')
            self.cookies.declared[name] = cookie
        for name, decoration in getattr(scheme, "decorations", {}).items():
            if name in self.decorations or not is_free(name):
                raise ValueError(f'"{name}" is no free name for an attribute of requests')
            self.decorations[name] = decoration

    def service(self, realm: int) -> AuthService:
        """Returns `server.auth` for the functions of a table, 0 for the root table.

        A name means a strategy of that table, else one of the root table. The root table also reaches the strategies
        of the tables that it uses.
        """
        owners = [realm, *([0] if realm else range(1, len(self.names.views)))]
        found: dict[str, Any] = {}
        for owner in owners:
            for name, scheme in self.strategies.items():
                if owner_of(name) == owner:
                    found.setdefault(str(name), scheme)
        has_own = any(owner_of(name) == realm for name in self.strategies)
        default = None if realm and has_own else self.names.table.auth.default
        return AuthService(found, self.server.pool.call, default)

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
            is_required = isinstance(options, Mapping) and bool(options.get("payload"))
            method = getattr(scheme, "payload", None)
            if method is None and auth.payload == "required":
                self.problem(mark, Code.PAYLOAD_AUTH, f'the strategy "{name}" does not support payload authentication')
            if is_required and auth.payload in ("optional", False):
                self.problem(mark, Code.PAYLOAD_AUTH, f'the strategy "{name}" insists on authenticating the body')
            demand: Any = auth.payload or ("required" if is_required else None)
            if method is not None and demand:
                methods[str(name)] = self.scheme_function(name, method), demand
        if auth.payload == "optional" and not methods:
            message = "payload authentication needs a strategy that supports it"
            self.problem(mark, Code.PAYLOAD_AUTH, message)
        if methods:
            yield payload_authentication(methods), True

    def finalizers(self, auth: model.RouteAuth) -> Iterator[Finalizer]:
        """Yields the finalizers of the strategies."""
        finalizers = [(name, getattr(self.strategies[name], "response", None)) for name in auth.strategies]
        methods = {str(name): self.scheme_function(name, method) for name, method in finalizers if method is not None}
        if methods:
            yield response_authentication(methods)

    def check_handshakes(self, auth: model.RouteAuth, mark: Mark) -> None:
        """Adds a problem for each strategy of the namespace at `mark` that cannot authenticate a handshake."""
        for name in auth.strategies:
            if not getattr(self.strategies[name], "handshake", True):
                self.problem(mark, Code.HANDSHAKE, f'the strategy "{name}" cannot authenticate a Socket.IO handshake')

    def problem(self, mark: Mark, code: Code, message: str) -> None:
        self.names.problems.append(Problem(mark, code, message))

    def for_other_table(self, name: str) -> Any:
        """Returns the scheme of a strategy for the routes of a table that does not declare it."""
        return SimpleNamespace(authenticate=self.scheme_function(name, self.strategies[name].authenticate))

    def scheme_function(self, name: str, method: Any) -> AsyncHandler:
        """Returns a function of a scheme, called with its own table's view of the server."""
        function = caller(method, self.server.pool.call)
        return function if owner_of(name) == self.names.realm else visiting(function, self.names.views[owner_of(name)])

    def token_headers(self, auth: model.RouteAuth) -> dict[bytes, bytes]:
        """Returns the headers of a handshake's token with the prefix of their values; the first strategy decides."""
        prefixes: dict[bytes, bytes] = {}
        for name in auth.strategies:
            header = getattr(self.strategies[name], "token_header", (b"authorization", b"Bearer "))
            if header is not None:
                prefixes.setdefault(*header)
        return prefixes

    def access(self, auth: model.RouteAuth) -> Iterator[tuple[Step, bool]]:
        """Yields the step that authorizes by scope and entity; nothing without access rules."""
        if auth.access:
            yield self.names.once(access_step, auth.access, auth.mode), False

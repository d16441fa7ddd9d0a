"""Strategies and access rules of a table to the steps that judge callers."""

from collections.abc import Iterator
from typing import Any

from hapiish.compile.names import Names
from hapiish.http.auth.access import access_step
from hapiish.http.auth.basic import BasicScheme
from hapiish.http.auth.jwt import JwtScheme
from hapiish.http.auth.strategy import authenticate_step
from hapiish.http.cookies import Cookies
from hapiish.http.lifecycle import Step
from hapiish.http.validator import compile_schema
from hapiish.table import model
from hapiish.table.codes import Code
from hapiish.table.problems import Problem

SCHEMES: dict[str, Any] = {"basic": BasicScheme, "jwt": JwtScheme}
"""The built-in authentication schemes, by the name that a strategy gives."""


class AuthCompiler:
    """`strategies` are the schemes at work, by name; None for one whose options were refused."""

    def __init__(self, names: Names, cookies: Cookies) -> None:
        self.names = names
        self.cookies = cookies
        self.server = names.server
        given = names.table.auth.strategies
        self.strategies = {name: self.strategy(name, strategy) for name, strategy in given.items()}

    def strategy(self, name: str, given: model.Strategy) -> Any:
        own = self.names.table.auth.schemes.get(given.scheme)
        factory = self.names.object(own) if own else SCHEMES[given.scheme]
        options = dict(given.options)
        schema = getattr(factory, "options_schema", None)
        if schema is not None:
            # Our own report never shows a value: an option may be a secret.
            faults = compile_schema(schema, {}).errors(options)
            for fault in faults:
                said = f"options{fault['path'].replace('/', '.')} {fault['message']}"
                self.names.problems.append(Problem(given.mark, Code.STRATEGY_OPTIONS, f'strategy "{name}": {said}'))
            if faults:
                return None
        for key in getattr(factory, "references", ()):
            if isinstance(options.get(key), str):
                options[key] = self.names.function(options[key])
        try:
            return factory(self.server, options)
        except ValueError as error:
            self.names.problems.append(Problem(given.mark, Code.STRATEGY_OPTIONS, f'strategy "{name}": {error}'))
            return None

    def authenticate(self, auth: model.RouteAuth) -> tuple[Step, bool]:
        key = ("authenticate", auth.strategies, auth.mode)
        chosen = tuple((name, self.strategies[name]) for name in auth.strategies if self.strategies[name] is not None)
        return self.names.once(key, lambda: (authenticate_step(chosen, auth.mode, self.server.pool.call), True))

    def access(self, auth: model.RouteAuth) -> Iterator[tuple[Step, bool]]:
        if auth.access:
            yield self.names.once(
                ("access", auth.access, auth.mode), lambda: (access_step(auth.access, auth.mode), False)
            )

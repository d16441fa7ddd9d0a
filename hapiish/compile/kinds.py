"""Compiles `handler: {file: …}`: the factory of the kind returns the handler for the route and its options.

A kind is a factory `(server, route, options) -> (request, h)`, hapi's handler type. `options_schema` and `references`
of the factory have the same meaning as those of a scheme.
"""

from collections.abc import Iterable, Mapping
from dataclasses import is_dataclass, replace
from importlib import import_module
from typing import Any

from hapiish import options as model
from hapiish.compile.names import Names, missing
from hapiish.compile.views import ViewCompiler
from hapiish.http.exchange.route import caller
from hapiish.http.validation.validator import compile_schema
from hapiish.kinds.refusal import InvalidOptions
from hapiish.kinds.route import KindRoute
from hapiish.options.declare import keys_of
from hapiish.options.kinds import Handlers
from hapiish.options.walk import walk
from hapiish.table import extras
from hapiish.table.compose.owned_names import owned_by_default
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.types import AsyncHandler

KINDS: dict[str, str] = {
    "directory": "hapiish.kinds.directory:Directory",
    "file": "hapiish.kinds.file:file_kind",
    "model": "hapiish.kinds.model.handler:model_kind",
    "proxy": "hapiish.kinds.proxy:proxy_kind",
    "view": "hapiish.kinds.view:View",
}
"""The built-in kinds by name, as module:attribute; a kind is imported only if a route uses it."""


class KindCompiler:
    """Compiles the handlers of a table's kinds."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.views = ViewCompiler(names)

    def handler(self, given: model.Route, kind: model.Kind) -> AsyncHandler:
        """Returns the handler of `kind` for the route; options that its factory refuses are problems."""
        names = self.names
        if kind.name in extras.KINDS and not names.extra(*extras.KINDS[kind.name], kind.mark):
            return missing
        factory = self._factory(kind.name)
        if factory is None:
            return missing
        options = kind.options
        schema = getattr(factory, "options_schema", None)
        try:
            faults = compile_schema(schema, {}).errors(options) if schema is not None else ()
        except ValueError as error:
            names.problems.append(Problem(kind.mark, Code.KIND_OPTIONS, f"options_schema of {kind.name}: {error}"))
            return missing
        for fault in faults:
            said = f"handler.{kind.name}{fault['path'].replace('/', '.')} {fault['message']}"
            names.problems.append(Problem(kind.mark, Code.KIND_OPTIONS, said))
        if faults:
            return missing
        options = self._resolved(kind, getattr(factory, "references", ()))
        views = self.views.of(kind.realm, kind.mark) if kind.name == "view" else self.views.made.get(kind.realm)
        if kind.name == "view" and views is None:
            return missing
        route = KindRoute(
            id=given.id,
            method=given.method,
            path=given.path,
            settings=given.options,
            folder=names.table.realm(kind.realm).folder,
            models={name: names.object(given) for name, given in names.table.realm(kind.realm).models.items()},
            views=views,
        )
        try:
            handler = names.made(factory, names.server, route, options)
        except InvalidOptions as refusal:
            for found in refusal.faults:
                problem = Problem(kind.place(found.path), Code.KIND_OPTIONS, found.message, found.hint)
                if problem not in names.problems:  # the routes of a resource have the same problems
                    names.problems.append(problem)
            return missing
        except ValueError as error:
            names.problems.append(Problem(kind.mark, Code.KIND_OPTIONS, f"handler.{kind.name}: {error}"))
            return missing
        if not callable(handler):
            said = f"handler.{kind.name}: its factory returned {type(handler).__name__}, not a handler"
            names.problems.append(Problem(kind.mark, Code.KIND_OPTIONS, said))
            return missing
        return caller(handler, names.server.pool.call)

    def _resolved(self, kind: model.Kind, references: Iterable[str]) -> Any:
        """Returns the options with functions in place of their names."""
        options = kind.options
        if is_dataclass(options) and not isinstance(options, type):
            named = {key: getattr(options, key) for key in references}
            return replace(options, **{key: self._functions(given) for key, given in named.items() if given})
        if isinstance(options, Mapping):
            options = dict(options)
            for key in references:
                if isinstance(options.get(key), str):
                    options[key] = self.names.function(owned_by_default(options[key], kind.realm))
        if kind.name in KINDS:
            for _, name, at in walk(keys_of(Handlers)[kind.name].hint, options):
                if not at:
                    return self.names.function(name)
                options[at[0]] = self.names.function(name)
        return options

    def _functions(self, given: str | Mapping[str, str]) -> Any:
        if isinstance(given, str):
            return self.names.function(given)
        return {key: self.names.function(name) for key, name in given.items()}

    def _factory(self, name: str) -> Any:
        own = self.names.table.kinds.get(name)
        if own is not None:
            return self.names.callable(own.method)
        module, _, attribute = KINDS[name].partition(":")
        return getattr(import_module(module), attribute)

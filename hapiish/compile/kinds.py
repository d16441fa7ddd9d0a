"""Compiles `handler: {file: …}`: the factory of the kind returns the handler for the route and its options.

A kind is a factory `(server, route, options) -> (request, h)`, hapi's handler type. `options_schema` and `references`
of the factory have the same meaning as those of a scheme.
"""

from typing import Any

from hapiish import options as model
from hapiish.compile.names import Names, missing
from hapiish.compile.views import ViewCompiler
from hapiish.http.exchange.route import caller
from hapiish.http.validation.validator import option_faults
from hapiish.kinds.refusal import InvalidOptions
from hapiish.kinds.route import KindRoute
from hapiish.options.kinds import KINDS
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.types import AsyncHandler


class KindCompiler:
    """Compiles the handlers of a table's kinds."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.views = ViewCompiler(names)

    def handler(self, declared: model.Route, kind: model.Kind) -> AsyncHandler:
        """Returns the handler of `kind` for the route; options that its factory refuses are problems."""
        names, is_custom = self.names, kind.name in self.names.table.kinds
        resolved = self.custom(kind) if is_custom else self.built_in(kind)
        needs_views = not is_custom and KINDS[kind.name].needs_views
        environments = self.views.environments
        views = self.views.environment(kind.realm, kind.mark) if needs_views else environments.get(kind.realm)
        if resolved is None or (needs_views and views is None):
            return missing
        factory, options = resolved
        route = KindRoute(
            id=declared.id,
            method=declared.method,
            path=declared.path,
            settings=declared.options,
            folder=names.table.realm(kind.realm).folder,
            models={name: names.object(model) for name, model in names.table.realm(kind.realm).models.items()},
            views=views,
        )
        try:
            handler = names.create(factory, names.server, route, options)
        except InvalidOptions as refusal:
            for fault in refusal.faults:
                problem = Problem(kind.place(fault.path), Code.KIND_OPTIONS, fault.message, fault.hint)
                if problem not in names.problems:  # the routes of a resource have the same faults
                    names.problems.append(problem)
            return missing
        except ValueError as error:
            self.refuse(kind, f"handler.{kind.name}: {error}")
            return missing
        if not callable(handler):
            self.refuse(kind, f"handler.{kind.name}: its factory returned {type(handler).__name__}, not a handler")
            return missing
        return caller(handler, names.server.pool.call)

    def built_in(self, kind: model.Kind) -> tuple[Any, Any] | None:
        """Returns the factory of a built-in kind, and its options with resolved names; None after a problem."""
        manifest = KINDS[kind.name]
        if not self.names.has_packages(manifest.needs(kind.options)):
            return None
        return manifest.factory(), self.names.options(manifest.options, kind.options)

    def custom(self, kind: model.Kind) -> tuple[Any, Any] | None:
        """Returns the factory of a kind of the table, and its options with resolved names; None after a problem."""
        factory: Any = self.names.callable(self.names.table.kinds[kind.name].method)
        if factory is None:
            return None
        options = kind.options
        try:
            faults = option_faults(factory, options)
        except ValueError as error:
            self.refuse(kind, f"options_schema of {kind.name}: {error}")
            return None
        for fault in faults:
            self.refuse(kind, f"handler.{kind.name}{fault['path'].replace('/', '.')} {fault['message']}")
        if faults:
            return None
        return factory, self.names.references(factory, options, kind.realm)

    def refuse(self, kind: model.Kind, message: str) -> None:
        self.names.problems.append(Problem(kind.mark, Code.KIND_OPTIONS, message))

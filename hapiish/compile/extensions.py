"""Compiles extension functions of tables, groups and routes to one sequence for each extension point."""

from collections.abc import Mapping

from hapiish import options as model
from hapiish.compile.names import Names
from hapiish.http.lifecycle import with_context, with_timeout
from hapiish.realm import below
from hapiish.table.compose.owned_names import owner_of
from hapiish.table.merging.extension_order import Hints, arranged
from hapiish.types import AsyncHandler


class ExtensionCompiler:
    """Combines the table's extension functions, for all routes, with those of a route's options."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.table = names.table

    def at(self, point: str, own: Mapping[str, tuple[model.Ext, ...]] | None = None) -> tuple[AsyncHandler, ...]:
        """Returns the functions of an extension point in order; `own` are those of a route."""
        return self.names.once(self._sequence, point, (*self.table.ext.get(point, ()), *(own or {}).get(point, ())))

    def _sequence(self, point: str, exts: tuple[model.Ext, ...]) -> tuple[AsyncHandler, ...]:
        return tuple(self.function(point, ext) for ext in arranged(exts, self._hints))

    def _hints(self, ext: model.Ext) -> Hints:
        return Hints(self.table.realm(owner_of(ext.method)).label, ext.before, ext.after)

    def function(self, point: str, ext: model.Ext) -> AsyncHandler:
        """Returns a function with its `bind` and its timeout."""
        function = self.names.function(ext.method)
        realm = self.table.realm(owner_of(ext.method))
        if point == "onRequest" and realm.prefix and not realm.is_plugin:
            is_sensitive = self.table.server.router.is_case_sensitive
            function = below(function, realm.prefix, case_sensitive=is_sensitive)
        if ext.bind is not None:
            function = with_context(function, self.names.object(ext.bind))
        return with_timeout(function, ext.timeout, f"{point} {ext.method}") if ext.timeout is not None else function

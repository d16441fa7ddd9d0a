"""Imports the models of a table, for commands that describe its `model` handlers."""

from collections.abc import Mapping
from typing import Any

from hapiish.cli.opening import show
from hapiish.cli.refusal import Refusal
from hapiish.describe.modelled import with_models
from hapiish.options import ModelHandler, Route, Table
from hapiish.table.compose.owned_names import owner_of
from hapiish.table.problems import Problem


def imported(table: Table) -> Table:
    """Returns the table with the schemas of its models; raises Refusal for a model that cannot be imported."""
    from hapiish.resolve import Unresolved, resolve

    problems: list[Problem] = []
    failures = Unresolved(problems)

    def schemas_of(route: Route, options: ModelHandler) -> Mapping[str, Any] | None:
        kind: Any = route.handler
        name = table.realm(kind.realm).models[options.name]
        realm = table.realm(owner_of(name))
        cls = failures.find(name, realm.folder, realm.package, table.folder, mark=kind.mark, absent=None)
        if cls is None:
            return None
        # Resolved by name, because describing a table without models needs no database driver.
        found: Mapping[str, Any] = resolve("hapiish.kinds.model.description:schemas")(cls, route.path, options)
        return found

    described = with_models(table, schemas_of)
    if problems:
        show(problems)
        raise Refusal("the models cannot be imported")
    return described

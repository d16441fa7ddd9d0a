"""Compiles `views`: the template environment of each table, from its folder, created on first use."""

from importlib import import_module
from typing import Any

from hapiish import options as model
from hapiish.compile.names import Names
from hapiish.kinds.refusal import InvalidOptions
from hapiish.table.problems import Mark, Problem
from hapiish.table.problems.codes import Code


class ViewCompiler:
    """The template environments by the index of their table; declared ones are created at once."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.environments: dict[int, Any] = {}
        for index in range(len(names.table.used) + 1):
            if names.table.realm(index).views is not None:
                self.environment(index, names.table.realm(index).mark)

    def environment(self, index: int, mark: Mark) -> Any:
        """Returns the environment of the table `index`, by default with vision's settings; None after a problem."""
        if index not in self.environments:
            realm = self.names.table.realm(index)
            settings = realm.views or model.Views(mark=mark)
            self.environments[index] = self._create(settings, realm.folder)
            if index:
                self.names.views[index].views = self.environments[index]
        return self.environments[index]

    def _create(self, settings: model.Views, folder: str) -> Any:
        names = self.names
        if not names.has_package("jinja2"):
            return None
        context = names.function(settings.context) if isinstance(settings.context, str) else settings.context
        try:
            return import_module("hapiish.kinds.view").Views(
                settings,
                folder,
                context=context,
                helpers={name: names.plain_function(function) for name, function in settings.helpers.items()},
                filters={name: names.plain_function(function) for name, function in settings.filters.items()},
            )
        except InvalidOptions as refusal:
            names.problems += [Problem(settings.mark, Code.VIEWS, each.message, each.hint) for each in refusal.faults]
            return None

"""Resolves the names in a table, `module:attribute`, to functions and objects, each once.

An unresolved name becomes a problem with its location, and the compilation continues to find further problems.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import is_dataclass, replace
from typing import Any, TypeVar

from hapiish import boom
from hapiish import options as model
from hapiish.bridge import is_async
from hapiish.declare.option import Role, keys_of
from hapiish.declare.walk import Path, walk
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.route import caller
from hapiish.http.exchange.toolkit import Toolkit
from hapiish.http.lifecycle import fail_action
from hapiish.realm import Realm, visiting
from hapiish.resolve import Unresolved, failure
from hapiish.store.models import Models
from hapiish.supply import supplied, wanted
from hapiish.table.compose.owned_names import exact_text, owned_by_default, owner_of
from hapiish.table.extras import is_installed
from hapiish.table.extras import missing as missing_packages
from hapiish.table.problems import Mark, Problem
from hapiish.table.problems.codes import Code
from hapiish.types import AsyncHandler

T = TypeVar("T")

_WORDS = ("error", "log", "ignore")


class Names:
    """The names of a table; `problems` are the unresolved names and other problems of the compilation.

    `realm` is the used table that is being compiled; `views` are the views of the server for the functions of each used
    table.
    """

    def __init__(self, table: model.Table, server: Any) -> None:
        self.table = table
        self.server = server
        self.problems: list[Problem] = missing_packages(table)
        self.realm = 0
        self._unresolved = Unresolved(self.problems)
        self._resolved: dict[str, Any] = {}
        self._supplied: dict[str, Any] = {}
        self._shared: dict[Hashable, Any] = {}
        self._installed: dict[str, bool] = {}
        self.views = [server, *(self._view(index) for index in range(1, len(table.used) + 1))]

    def object(self, name: str) -> Any:
        """Returns the object `name`; for an unresolved name adds a problem and returns `missing`."""
        if name not in self._resolved:
            realm = self.table.realm(owner_of(name))
            self._resolved[name] = self._unresolved.find(
                name, realm.folder, realm.package, self.table.folder, mark=self.place(name), absent=missing
            )
        return self._resolved[name]

    def callable(self, name: str) -> Callable[..., Any] | None:
        """Returns the function `name`, with the `server` and `models` arguments that it declares (`supply`).

        None after a problem.
        """
        function = self.object(name)
        if callable(function):
            return self._supply(name, function) if function is not missing else None
        message = f'"{name}" is {type(function).__name__}, not a function'
        self.problems.append(Problem(self.place(name), Code.NOT_CALLABLE, message))
        self._resolved[name] = missing
        return None

    def function(self, name: str) -> AsyncHandler:
        """Returns the function `name` as a coroutine function: a `def` runs in the thread pool."""
        named = self.callable(name)
        if named is None:
            return missing
        function = caller(named, self.server.pool.call)
        return function if owner_of(name) == self.realm else visiting(function, self.views[owner_of(name)])

    def create(self, factory: Callable[..., T], *args: Any) -> T:
        """Calls a factory of the table; raises ValueError for any exception."""
        try:
            return factory(*args)
        except ValueError:
            raise
        except Exception as error:
            raise ValueError(f"its factory failed{failure(error)}") from error

    def plain_function(self, name: str) -> Callable[..., Any]:
        """Returns a function for synchronous calls; it must be a `def`."""
        function = self.object(name)
        if callable(function) and not is_async(function):
            return self._supply(name, function)
        kind = "an async function" if callable(function) else type(function).__name__
        if function is not missing:
            self.problems.append(Problem(self.place(name), Code.NOT_CALLABLE, f'"{name}" is {kind}; a def is required'))
        return str

    def _supply(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        if name not in self._supplied:
            arguments = {parameter: self._argument(parameter, owner_of(name)) for parameter in wanted(function)}
            self._supplied[name] = supplied(function, arguments) if arguments else function
        return self._supplied[name]  # type: ignore[no-any-return]

    def _argument(self, parameter: str, realm: int) -> Any:
        if parameter == "server":
            return self.views[realm]
        if realm:
            return self.views[realm].models
        return self.once(self._models)

    def _models(self) -> Models:
        return Models({key: self.object(name) for key, name in self.table.models.items()})

    def _view(self, index: int) -> Realm:
        given = self.table.used[index - 1]
        models = {name: self.object(model) for name, model in given.models.items()}
        return Realm(self.server, models, given)

    def place(self, name: str) -> Mark:
        """Returns the first location of `name`; the start of the file for a name in options of a custom scheme."""
        return self.table.names.get(name, Mark(self.table.file, 1, 1))

    def action(self, name: str) -> str | AsyncHandler:
        """Returns a failAction: one of the three keywords, or a function."""
        return name if name in _WORDS else self.function(name)

    def early_action(self, name: str) -> Any:
        """Returns a failAction before the handler; its function may continue, take over or raise."""
        action = self.action(name)
        return fail_action(action) if callable(action) else action

    def once(self, make: Callable[..., T], /, *given: Hashable, mark: Mark | None = None) -> T:
        """Returns `make(*given)`, made once for each table and equal arguments: routes with equal settings share it.

        The arguments are the key. `make` is a function or a method, never a closure, so it can read no option that the
        key lacks. `mark` is passed on to `make`, for problems, and is no part of the key.
        """
        key = self.realm, make, given
        if key not in self._shared:
            self._shared[key] = make(*given) if mark is None else make(*given, mark=mark)
        result: T = self._shared[key]
        return result

    def options(self, kind: Any, given: Any) -> Any:
        """Returns options, built or as the file has them, with functions in place of the names in them.

        `kind` is their class or type.
        """
        if is_dataclass(given) and not isinstance(given, type):
            keys = [key for key in keys_of(type(given)).values() if key.is_attribute]
            return replace(given, **{key.name: self.options(key.hint, getattr(given, key.name)) for key in keys})
        for role, name, at in walk(kind, given):
            if role is Role.FUNCTION:
                given = _replaced(given, at, self.function(name))
        return given

    def references(self, factory: Any, options: Any, realm: int) -> Any:
        """Returns options of a scheme or kind of the table with functions for the `references` of its factory."""
        if not isinstance(options, Mapping):
            return options
        named = [key for key in getattr(factory, "references", ()) if isinstance(options.get(key), str)]
        return {**options, **{key: self.function(owned_by_default(options[key], realm)) for key in named}}

    def has_packages(self, modules: Iterable[str]) -> bool:
        """Returns True if all modules are installed; otherwise `problems` has one for each that is not."""
        missing_ones = [module for module in modules if not self.has_package(module)]
        return not missing_ones

    def has_package(self, module: str) -> bool:
        """Returns True if `module` is installed; otherwise `problems` has one that names the extra to install.

        Every optional package is one of `hapiish.table.extras`, which `hapiish check` reports too.
        """
        if module not in self._installed:
            self._installed[module] = is_there = is_installed(module)
            assert is_there or any(each.code is Code.EXTRA for each in self.problems), module
        return self._installed[module]


class ByText:
    """A value of the table as an argument of `Names.once`, which is equal to values with the same exact text."""

    __slots__ = ("text", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.text = exact_text(value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ByText) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


async def missing(request: Request, h: Toolkit) -> Any:
    """Replaces a handler that could not be resolved."""
    raise boom.NotFound


def _replaced(options: Any, at: Path, function: Any) -> Any:
    """Returns `options` with the function at a path in them, without changing the given ones."""
    if not at or at == ("method",):  # `{method: name}` stands in place of a value, and is the function itself
        return function
    step, *rest = at
    inner = _replaced(options[step], tuple(rest), function)
    if isinstance(options, list):
        return [inner if index == step else each for index, each in enumerate(options)]
    return {**options, step: inner}

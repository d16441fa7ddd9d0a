"""Python plugins of a table: imported, sorted by their dependencies, and registered.

A plugin is an object or a module with the attributes of `Plugin`, as in hapi. Its registrations are recorded as a part
of a table, which is checked, merged and compiled like a table in a file. Functions are replaced by names in a synthetic
module.
"""

import inspect
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import version
from types import ModuleType, SimpleNamespace
from typing import Any, Final, Protocol

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from hapiish import table as tables
from hapiish.commands import COMMANDS
from hapiish.http.validation.validator import option_faults
from hapiish.options import Table
from hapiish.registrar import Registrar, needs
from hapiish.resolve import Unresolved, failure, provide
from hapiish.table.compose.composition import Contribution, PluginEntry
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code

_ABSENT: Final = object()


class Plugin(Protocol):
    """A plugin; only `name` and `register` are required."""

    name: str
    """The name, once in a table unless `multiple` is set."""
    version: str
    """A version of PEP 440; "0.0.0" by default."""
    dependencies: str | Sequence[str] | Mapping[str, str]
    """Required plugins: a name, names, or names with version specifiers such as ">=2,<3"."""
    requirements: Mapping[str, str]
    """Version specifiers of `hapiish` and `python`."""
    multiple: bool
    """True if the plugin may be registered more than once."""
    options_schema: Mapping[str, Any]
    """A JSON Schema of its options."""

    def register(self, server: Registrar, options: Mapping[str, Any]) -> None:
        """Registers the plugin's routes, functions and schemas with the methods of `server`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A plugin of a table (hapi's server.registrations)."""

    name: str
    version: str
    options: Mapping[str, Any]


@dataclass(slots=True)
class _Found:
    entry: PluginEntry
    plugin: Any
    name: str
    version: str
    needs: dict[str, str] = field(default_factory=dict)


def load(file: str | os.PathLike[str], env: Mapping[str, str] | None = None, *, workers: int = 1) -> Table:
    """Loads the checked table in `file`, with the registrations of its Python plugins; raises TableError."""
    return tables.load(file, env, register=Plugins(), workers=workers)


class Plugins:
    """The plugins of one load of a table; the composition calls it with all plugin entries.

    Afterwards `registrations`, `exposed` values and `commands` are set, by plugin name. `were_asked` is True if the
    table has plugins.
    """

    def __init__(self) -> None:
        self.registrations: dict[str, Registration] = {}
        self.exposed: dict[str, SimpleNamespace] = {}
        self.commands: dict[str, Callable[..., Any]] = {}
        self.were_asked = False
        self._problems: list[Problem] = []
        self._unresolved = Unresolved(self._problems)
        self._count = 0

    def __call__(self, entries: Sequence[PluginEntry]) -> tuple[list[Contribution], list[Problem]]:
        """Registers the plugins in the order of their dependencies; returns contributions and problems."""
        self.were_asked = True
        found = self._unique([each for each in map(self._find, entries) if each is not None])
        contributions = [made for each in self._ordered(found) if (made := self._register(each)) is not None]
        known = {each.name: each for each in found}
        for each in found:
            for name, versions in each.needs.items():
                self._check_dependency(each, name, versions, known)
        return contributions, self._problems

    def _refuse(self, entry: PluginEntry, code: Code, message: str, **more: Any) -> None:
        self._problems.append(Problem(entry.mark, code, message, **more))

    def _find(self, entry: PluginEntry) -> _Found | None:
        plugin = self._unresolved.find(
            entry.name, entry.folder, entry.package, entry.root, mark=entry.mark, absent=_ABSENT
        )
        if plugin is _ABSENT:
            return None
        name, register = getattr(plugin, "name", None), getattr(plugin, "register", None)
        if not isinstance(name, str) or not name or not callable(register):
            lacks = "name" if not isinstance(name, str) or not name else "register(server, options)"
            self._refuse(entry, Code.PLUGIN, f'"{entry.name}" is not a plugin: it has no {lacks}')
            return None
        if inspect.iscoroutinefunction(register):
            hint = "move slow work to an extension at onPreStart"
            self._refuse(entry, Code.PLUGIN, f'register of the plugin "{name}" must be a def', hint=hint)
            return None
        found = _Found(entry, plugin, name, str(getattr(plugin, "version", "0.0.0")))
        required = getattr(plugin, "requirements", None) or {}
        try:
            found.needs = needs(getattr(plugin, "dependencies", None) or ())
        except (TypeError, ValueError):
            self._refuse(entry, Code.PLUGIN, f'dependencies of the plugin "{name}" must be names, or versions by name')
            return None
        if not isinstance(required, Mapping):
            self._refuse(entry, Code.PLUGIN, f'requirements of the plugin "{name}" must be versions by name')
            return None
        ours = {"hapiish": version("hapiish"), "python": ".".join(map(str, sys.version_info[:3]))}
        for what, versions in required.items():
            if what not in ours:
                self._refuse(entry, Code.PLUGIN, f'the plugin "{name}" requires "{what}": not hapiish or python')
            elif not _fits(ours[what], versions):
                said = f'the plugin "{name}" requires {what} {versions} but found {ours[what]}'
                self._refuse(entry, Code.PLUGIN, said)
        return found if self._accepts(found) else None

    def _accepts(self, found: _Found) -> bool:
        """Validates the options against the plugin's schema; reports each problem with its location."""
        try:
            faults = option_faults(found.plugin, dict(found.entry.options))
        except ValueError as error:
            self._refuse(found.entry, Code.PLUGIN, f'the options_schema of the plugin "{found.name}": {error}')
            return False
        for fault in faults:
            path = tuple(int(step) if step.isdecimal() else step for step in fault["path"].split("/")[1:])
            said = f"options{fault['path'].replace('/', '.')} {fault['message']}"
            mark = found.entry.place(path)
            self._problems.append(Problem(mark, Code.PLUGIN, f'plugin "{found.name}": {said}'))
        return not faults

    def _unique(self, found: list[_Found]) -> list[_Found]:
        first: dict[str, _Found] = {}
        unique = []
        for each in found:
            other = first.setdefault(each.name, each)
            if other is each or getattr(each.plugin, "multiple", False):
                unique.append(each)
                continue
            related = ((other.entry.mark, "the first time"),)
            self._refuse(each.entry, Code.DUPLICATE_PLUGIN, f"Plugin {each.name} already registered", related=related)
        return unique

    def _ordered(self, found: list[_Found]) -> list[_Found]:
        """Sorts plugins after their dependencies, otherwise in the order of the file."""
        by_name: dict[str, list[_Found]] = {}
        for each in found:
            by_name.setdefault(each.name, []).append(each)
        sorter: TopologicalSorter[str] = TopologicalSorter()
        for name, several in by_name.items():
            sorter.add(name, *(need for each in several for need in each.needs if need in by_name and need != name))
        try:
            sorter.prepare()
        except CycleError as error:
            round_trip = error.args[1]
            first = by_name[round_trip[-1]][0]
            related = tuple((by_name[name][0].entry.mark, f'"{name}" is here') for name in round_trip[1:-1])
            message = f"circular dependencies of plugins: {' → '.join(reversed(round_trip))}"
            self._refuse(first.entry, Code.PLUGIN_DEPENDENCY, message, related=related)
            return []
        ordered: list[_Found] = []
        places = list(by_name)
        while sorter.is_active():
            ready = sorted(sorter.get_ready(), key=places.index)
            for name in ready:
                ordered += by_name[name]
                sorter.done(name)
        return ordered

    def _check_dependency(self, found: _Found, name: str, versions: str, known: Mapping[str, _Found]) -> None:
        other = known.get(name)
        if other is None:
            message = f"Plugin {found.name} missing dependency {name}"
            self._refuse(found.entry, Code.PLUGIN_DEPENDENCY, message)
        elif not _fits(other.version, versions):
            message = f"Plugin {found.name} requires {name} version {versions} but found {other.version}"
            related = ((other.entry.mark, f"{name} is here"),)
            self._refuse(found.entry, Code.PLUGIN_DEPENDENCY, message, related=related)

    def _register(self, found: _Found) -> Contribution | None:
        """Calls `register` and replaces the functions in its registrations by names."""
        server = Registrar(found.name)
        entry = found.entry
        try:
            found.plugin.register(server, dict(entry.options))
            module = provide(_identifier(f"{found.name}_{self._count + 1}"), entry.folder)
            tree = _named(server.tree, module)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - any exception of a plugin becomes a problem
            self._refuse(entry, Code.PLUGIN, f'the plugin "{found.name}" failed in register{failure(error)}')
            return None
        for name, command in server.commands.items():
            if name in COMMANDS:
                self._refuse(entry, Code.PLUGIN, f'the command "{name}" is built into hapiish')
            elif name in self.commands:
                self._refuse(entry, Code.PLUGIN, f'the command "{name}" is already used by another plugin')
            self.commands.setdefault(name, command)
        found.needs |= server.needs
        self.registrations[found.name] = Registration(name=found.name, version=found.version, options=entry.options)
        self.exposed.setdefault(found.name, SimpleNamespace()).__dict__.update(server.exposed)
        self._count += 1
        return Contribution(entry=entry, name=found.name, tree=tree)


def _named(value: Any, module: ModuleType) -> Any:
    """Returns a copy of the registrations in which names of `module` replace the functions."""
    if isinstance(value, Mapping):
        # Keys such as 200 are text, as in a file.
        return {str(key) if isinstance(key, int) else key: _named(inner, module) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_named(inner, module) for inner in value]
    if not callable(value):
        return value
    attribute = _identifier(f"{getattr(value, '__name__', type(value).__name__)}_{len(vars(module))}")
    setattr(module, attribute, value)
    return f"{module.__name__}:{attribute}"


def _identifier(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]+", "_", text)


def _fits(version: str, versions: str) -> bool:
    """Returns True if a version matches a specifier such as ">=2,<3"; False for an invalid version."""
    try:
        return Version(version) in SpecifierSet(str(versions), prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return False

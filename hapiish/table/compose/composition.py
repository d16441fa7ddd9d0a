"""Composes a table: reads it and the tables in its `plugins`, which come from other files or from Python plugins.

Each table is parsed, expanded and validated separately, then inserted into the tree of the table that uses it, so that
a path addresses any value, and its mark has the file. The meaning of options is not known here.
"""

import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any, Final

from hapiish.table.compose.expand import expand
from hapiish.table.compose.owned_names import set_owners
from hapiish.table.compose.params import Arguments
from hapiish.table.form.validation import validate_form
from hapiish.table.problems import Mark, Problem
from hapiish.table.problems.codes import Code
from hapiish.table.text import source
from hapiish.table.text.budget import Budget, read_file
from hapiish.table.text.marks import Marks, Path, position
from hapiish.table.text.source import Tree
from hapiish.table.text.tree import mappings, section

USED: Final = "\0table"
"""The key of a used table in its entry of `plugins`; a file cannot contain it."""

PACKAGE: Final = "package:"

Chain = tuple[Mark, ...]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PluginEntry:
    """An entry of `plugins` that names a Python plugin, in a table in `folder` (and `package`).

    `root` is the folder of the root table. `place` returns the position of a path in `options`.
    """

    name: str
    folder: str
    package: str | None
    root: str
    options: Mapping[str, Any]
    mark: Mark
    place: Callable[[Path], Mark]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Contribution:
    """The contribution of the plugin `name`, as the tree of a table; its functions have names that resolve."""

    entry: PluginEntry
    name: str
    tree: Mapping[str, Any]


Register = Callable[[Sequence[PluginEntry]], tuple[Sequence[Contribution], Sequence[Problem]] | None]
"""Registers all Python plugins of a table in one call; returns contributions, dependencies first, and problems."""


@dataclass(frozen=True, slots=True, eq=False)
class TablePart:
    """A table of a composition, one for each use; the first part is the root table.

    Names are looked up in `package` first; `at` is the path of its tree in the composition.
    """

    index: int
    tree: Tree
    file: str
    folder: str
    label: str
    package: str | None = None
    at: Path = ()
    host: "TablePart | None" = None
    entry_at: Path = ()

    @property
    def entry(self) -> Mapping[str, Any]:
        """The entry of `plugins` that uses this table."""
        return self.host.tree.value["plugins"][self.entry_at[-1]] if self.host is not None else {}

    @property
    def is_plugin(self) -> bool:
        """Returns whether it comes from a Python plugin instead of a file."""
        return "plugin" in self.entry

    @property
    def lineage(self) -> "Iterator[TablePart]":
        """This table, the table that uses it, and so on up to the root table."""
        part: TablePart | None = self
        while part is not None:
            yield part
            part = part.host


class Composition:
    """A table and all tables that it uses; `parts` is empty if unreadable, `is_partial` means without plugins."""

    def __init__(self, env: Mapping[str, str], register: Register | None) -> None:
        self.env = env
        self.register = register
        self.budget = Budget()
        self.parts: list[TablePart] = []
        self.problems: list[Problem] = []
        self.is_partial = False
        self._plugins: dict[PluginEntry, tuple[TablePart, Path]] = {}

    def read(self, text: str, file: str) -> None:
        """Reads the table in `text` and every table that it uses."""
        folder = _folder(file)
        tree = self._tree(text, file, folder, None)
        if tree is not None:
            self._add(TablePart(0, tree, file, folder, ""))
            self._register_plugins()

    @property
    def tree(self) -> Tree:
        """The tree of the root table, which contains those of all used tables."""
        broken = {(*part.at, *path) for part in self.parts for path in part.tree.broken}
        return replace(self.parts[0].tree, broken=frozenset(broken))

    @property
    def files(self) -> tuple[str, ...]:
        """All files that were read."""
        return tuple(dict.fromkeys(part.file for part in self.parts))

    @property
    def secrets(self) -> dict[str, str]:
        """The values from variables and files, each with the `${…}` to show instead."""
        return {secret: shown for part in self.parts for secret, shown in part.tree.secrets.items()}

    @property
    def outside(self) -> dict[int, tuple[str, str]]:
        """The texts with a value from a variable or a file, by identity (`Tree.outside`)."""
        return {key: found for part in self.parts for key, found in part.tree.outside.items()}

    def _tree(self, text: str, file: str, folder: str, arguments: Arguments | None, chain: Chain = ()) -> Tree | None:
        self.budget.read(len(text), lambda: chain[0] if chain else Mark(file, 1, 1))
        tree, problems = source.read(text, file)
        self.problems += [replace(problem, mark=replace(problem.mark, chain=chain)) for problem in problems]
        if tree is None:
            return None
        tree = replace(tree, marks=replace(tree.marks, chain=chain))
        tree, missing = expand(tree, self.env, FilePath(folder), arguments, budget=self.budget)
        tree, invalid = validate_form(tree)
        self.problems += [*missing, *invalid]
        return tree

    def _add(self, part: TablePart) -> None:
        self.parts.append(part)
        if part.host is not None:
            set_owners(part.tree, part.index, part.label)
            part.host.tree.value["plugins"][part.entry_at[-1]][USED] = part.tree.value
            part.host.tree.marks.graft(part.entry_at, USED, part.tree.marks)
        for entry, at in mappings(part.tree.value, "plugins"):
            match entry:
                case {"table": str(), "plugin": _}:
                    continue  # `plugins.forms` reports it
                case {"table": str()}:
                    self._add_used_table(part, entry, at)
                case {"plugin": str()}:
                    self._add_plugin(part, entry, at)

    def _add_used_table(self, host: TablePart, entry: Mapping[str, Any], at: Path) -> None:
        mark = host.tree.marks.value((*at, "table"))
        found = _locate(entry["table"], host)
        if isinstance(found, str):
            self.problems.append(Problem(mark, Code.TABLE_MISSING, found))
            return
        file, folder, package = found
        if any(os.path.realpath(file) == os.path.realpath(part.file) for part in host.lineage):
            self.problems.append(_cycle(host, file, mark))
            return
        self.budget.use(sum(1 for _ in host.lineage), lambda: mark)
        text = _text(file, entry["table"], mark)
        if isinstance(text, Problem):
            self.problems.append(text)
            return
        values = entry.get("with") or {}
        owners = {path: host.tree.owners.get((*at, "with", *path), host.index) for path in _text_paths(values, ())}
        arguments = Arguments(values, host.tree.marks, (*at, "with"), owners)
        tree = self._tree(text, file, folder, arguments, (mark, *mark.chain))
        if tree is not None:
            index = len(self.parts)
            label = self._label(entry.get("as") or FilePath(package or file).stem)
            self._add(TablePart(index, tree, file, folder, label, package, (*host.at, *at, USED), host, at))

    def _add_plugin(self, host: TablePart, entry: Mapping[str, Any], at: Path) -> None:
        marks = host.tree.marks
        plugin = PluginEntry(
            name=entry["plugin"],
            folder=host.folder,
            package=host.package,
            root=self.parts[0].folder,
            options=section(entry, "options"),
            mark=marks.value((*at, "plugin")),
            place=lambda path: marks.value((*at, "options", *path)),
        )
        self._plugins[plugin] = (host, at)

    def _register_plugins(self) -> None:
        """Registers all Python plugins in one call, which orders them by their dependencies."""
        if not self._plugins:
            return
        made = self.register(list(self._plugins)) if self.register is not None else None
        if made is None:
            self.is_partial = True
            return
        contributions, problems = made
        self.problems += problems
        self.is_partial = bool(problems)
        for contribution in contributions:
            self._add_contribution(contribution, *self._plugins[contribution.entry])

    def _add_contribution(self, contribution: Contribution, host: TablePart, at: Path) -> None:
        """Inserts the contribution of a plugin as a used table; its `ext` applies to all routes of `host` (hapi)."""
        mark = contribution.entry.mark
        at_entry = position(mark.line - 1, mark.column - 1)
        try:
            tree, problems = validate_form(Tree(dict(contribution.tree), Marks(mark.file, at_entry, chain=mark.chain)))
        except ValueError as error:
            message = f'plugin "{contribution.name}" contributes an invalid table: {error}'
            self.problems.append(Problem(mark, Code.PLUGIN, message))
            return
        self.problems += [replace(each, message=f'plugin "{contribution.name}": {each.message}') for each in problems]
        index, place, label = len(self.parts), (*host.at, *at, USED), self._label(contribution.name)
        functions = Tree({"ext": tree.value.pop("ext", {})}, tree.marks)
        set_owners(functions, index, label)
        for point, entries in functions.value["ext"].items():
            for function in entries:
                _append(host.tree, ("ext", point), function, at_entry)
        self._add(TablePart(index, tree, host.file, host.folder, label, host.package, place, host, at))

    def _label(self, name: str) -> str:
        taken = {part.label for part in self.parts}
        labels = (f"{name}-{number}" if number > 1 else name for number in range(1, len(taken) + 2))
        return next(label for label in labels if label not in taken)


def _append(tree: Tree, path: Path, entry: Any, at: int) -> None:
    """Appends to the list at `path`, which may be missing or a single value."""
    *outer, last = path
    holder: Any = tree.value
    for step in outer:
        if not isinstance(holder.get(step), dict):
            holder[step] = {}
        holder = holder[step]
    present = holder.get(last)
    listed = present if isinstance(present, list) else [] if present is None else [present]
    holder[last] = [*listed, entry]
    tree.marks.append(path, len(listed), at)


def _text_paths(value: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, str):
        yield path
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _text_paths(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _text_paths(inner, (*path, index))


def _locate(name: str, host: TablePart) -> tuple[str, str, str | None] | str:
    """Returns the file of a table (as shown in problems), its folder and its package; or the reason of a failure."""
    if "\0" in name:
        return "the name of a table cannot contain NUL"
    if not name.startswith(PACKAGE):
        file = os.path.normpath(os.path.join(os.path.dirname(host.file), name))  # noqa: PTH118, PTH120 - as it is shown
        folder = _folder(file)
        return file, folder, _package_beside(host, folder)
    package, _, inner = name.removeprefix(PACKAGE).partition("/")
    if not inner:
        return f'"{name}" has no file name; write {PACKAGE}{package}/routes.yaml'
    try:
        spec = importlib.util.find_spec(package)
    except Exception:  # noqa: BLE001 - importing the parent package may raise anything
        spec = None
    if spec is None or not spec.submodule_search_locations:
        return f'the package "{package}" is not installed'
    path = FilePath(next(iter(spec.submodule_search_locations)), *inner.split("/"))
    folder = _folder(path)
    dotted = ".".join([package, *inner.split("/")[:-1]])
    shown = path.relative_to(FilePath.cwd()) if path.is_relative_to(FilePath.cwd()) else path
    return str(shown), folder, dotted


def _folder(file: str | FilePath) -> str:
    """The folder of a file; `Path.resolve` would raise for circular links."""
    return os.path.dirname(os.path.realpath(file))  # noqa: PTH120


def _package_beside(host: TablePart, folder: str) -> str | None:
    """The package of a table that a table in a package uses by path."""
    if host.package is None:
        return None
    names = host.package.split(".")
    for step in FilePath(os.path.relpath(folder, host.folder)).parts:
        if step == "..":
            names = names[:-1]
        elif step != ".":
            names.append(step)
    return ".".join(names) or None


def _text(file: str, name: str, mark: Mark) -> str | Problem:
    try:
        return source.decode(read_file(file), file)
    except OSError as fault:
        reason = fault.strerror or type(fault).__name__
        return Problem(mark, Code.TABLE_MISSING, f'the table "{name}" cannot be read: {reason}')


def _cycle(host: TablePart, file: str, mark: Mark) -> Problem:
    """The problem of a table that uses itself, directly or through others."""
    lineage: list[TablePart] = []
    for part in host.lineage:
        lineage.append(part)
        if os.path.realpath(part.file) == os.path.realpath(file):
            break
    names = " → ".join([*(part.file for part in reversed(lineage)), file])
    related = tuple(
        (part.host.tree.marks.value((*part.entry_at, "table")), f"{part.file} is used here")
        for part in reversed(lineage[:-1])
        if part.host is not None
    )
    return Problem(mark, Code.TABLE_CYCLE, f"circular use of tables: {names}", related=related)

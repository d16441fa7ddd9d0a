"""A table's text to the tables it is made of: its own, and those of its `plugins`, which other files or Python bring.

Each is read, filled in and judged in its form by itself, then put into the tree of the table that uses it, so that one
path leads to anything and its mark knows the file. What the options mean is not known here.
"""

import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any, Final

from hapiish.table.compose.expand import expand
from hapiish.table.compose.owned_names import settle
from hapiish.table.compose.params import Given
from hapiish.table.form.validation import check_shape
from hapiish.table.places import mappings, section
from hapiish.table.problems import Mark, Problem
from hapiish.table.problems.codes import Code
from hapiish.table.text import source
from hapiish.table.text.budget import Budget, read_file
from hapiish.table.text.marks import Marks, Node, Path
from hapiish.table.text.source import Tree

USED: Final = "\0table"
"""The key under which a used table is put into the entry of `plugins`; no file can have it."""

PACKAGE: Final = "package:"

Chain = tuple[Mark, ...]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Wanted:
    """An entry of `plugins` that names a Python plugin, as written in a table in `folder` (and `package`).

    `root` is the folder of the table that is served. `place` is where something in its `options` stands.
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
    """What the plugin called `name` brings, as the tree of a table; functions stand there under names that resolve."""

    wanted: Wanted
    name: str
    tree: Mapping[str, Any]


Register = Callable[[Sequence[Wanted]], tuple[Sequence[Contribution], Sequence[Problem]]]
"""Called once with every Python plugin of a table: what they contribute, in the order that they need, and all that is
wrong with them.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One of the tables that a table is made of, by the place where it is used; the first one is the table itself.

    `package` is the one in which its names are looked up first, `at` the path of its tree in the whole.
    """

    index: int
    tree: Tree
    file: str
    folder: str
    label: str
    package: str | None = None
    at: Path = ()
    host: "Part | None" = None
    entry_at: Path = ()

    @property
    def entry(self) -> Mapping[str, Any]:
        """What the table that uses this one says of it."""
        return self.host.tree.value["plugins"][self.entry_at[-1]] if self.host is not None else {}

    @property
    def is_plugin(self) -> bool:
        """Whether a Python plugin brings it, and no file."""
        return "plugin" in self.entry

    @property
    def line(self) -> "Iterator[Part]":
        """This table, the one that uses it, and so on."""
        part: Part | None = self
        while part is not None:
            yield part
            part = part.host


class Composition:
    """`parts` are empty when the table cannot be read at all; `is_partial` when Python plugins were left out."""

    def __init__(self, env: Mapping[str, str], register: Register | None) -> None:
        self.env = env
        self.register = register
        self.budget = Budget()
        self.parts: list[Part] = []
        self.problems: list[Problem] = []
        self.is_partial = False
        self._wanted: dict[Wanted, tuple[Part, Path]] = {}

    def read(self, text: str, file: str) -> None:
        """Reads the table in `text` and every table that it uses."""
        folder = _folder(file)
        tree = self._tree(text, file, folder, None)
        if tree is not None:
            self._add(Part(0, tree, file, folder, ""))
            self._contribute()

    @property
    def tree(self) -> Tree:
        """The whole: the table's own tree with the others in it."""
        broken = {(*part.at, *path) for part in self.parts for path in part.tree.broken}
        return replace(self.parts[0].tree, broken=frozenset(broken))

    @property
    def files(self) -> tuple[str, ...]:
        """Every file that was read."""
        return tuple(dict.fromkeys(part.file for part in self.parts))

    @property
    def secrets(self) -> dict[str, str]:
        """Values that came from outside of the files, each with what to show in its place."""
        return {secret: shown for part in self.parts for secret, shown in part.tree.secrets.items()}

    def _tree(self, text: str, file: str, folder: str, given: Given | None, chain: Chain = ()) -> Tree | None:
        self.budget.read(len(text), lambda: chain[0] if chain else Mark(file, 1, 1))
        tree, problems = source.read(text, file)
        self.problems += [replace(problem, mark=replace(problem.mark, chain=chain)) for problem in problems]
        if tree is None:
            return None
        tree = replace(tree, marks=replace(tree.marks, chain=chain))
        tree, missing = expand(tree, self.env, FilePath(folder), given, budget=self.budget)
        tree, misshapen = check_shape(tree)
        self.problems += [*missing, *misshapen]
        return tree

    def _add(self, part: Part) -> None:
        self.parts.append(part)
        if part.host is not None:
            settle(part.tree, part.index, part.label)
            part.host.tree.value["plugins"][part.entry_at[-1]][USED] = part.tree.value
            part.host.tree.marks.graft(part.entry_at, USED, part.tree.marks)
        for entry, at in mappings(part.tree.value, "plugins"):
            match entry:
                case {"table": str(), "plugin": _}:
                    continue  # the checks will say that it is one or the other
                case {"table": str()}:
                    self._use(part, entry, at)
                case {"plugin": str()}:
                    self._want(part, entry, at)

    def _use(self, host: Part, entry: Mapping[str, Any], at: Path) -> None:
        mark = host.tree.marks.value((*at, "table"))
        found = _locate(entry["table"], host)
        if isinstance(found, str):
            self.problems.append(Problem(mark, Code.TABLE_MISSING, found))
            return
        file, folder, package = found
        if any(os.path.realpath(file) == os.path.realpath(part.file) for part in host.line):
            self.problems.append(_circle(host, file, mark))
            return
        self.budget.use(sum(1 for _ in host.line), lambda: mark)
        text = _text(file, entry["table"], mark)
        if isinstance(text, Problem):
            self.problems.append(text)
            return
        values = entry.get("with") or {}
        homes = {path: host.tree.passed.get((*at, "with", *path), host.index) for path in _leaves(values, ())}
        given = Given(values, host.tree.marks, (*at, "with"), homes)
        tree = self._tree(text, file, folder, given, (mark, *mark.chain))
        if tree is not None:
            index = len(self.parts)
            label = self._label(entry.get("as") or FilePath(package or file).stem)
            self._add(Part(index, tree, file, folder, label, package, (*host.at, *at, USED), host, at))

    def _want(self, host: Part, entry: Mapping[str, Any], at: Path) -> None:
        marks = host.tree.marks
        wanted = Wanted(
            name=entry["plugin"],
            folder=host.folder,
            package=host.package,
            root=self.parts[0].folder,
            options=section(entry, "options"),
            mark=marks.value((*at, "plugin")),
            place=lambda path: marks.value((*at, "options", *path)),
        )
        self._wanted[wanted] = (host, at)

    def _contribute(self) -> None:
        """Asks all Python plugins at once, so that they may come in another order than they stand in."""
        if not self._wanted:
            return
        if self.register is None:
            self.is_partial = True
            return
        contributions, problems = self.register(list(self._wanted))
        self.problems += problems
        self.is_partial = bool(problems)
        for made in contributions:
            self._take(made, *self._wanted[made.wanted])

    def _take(self, made: Contribution, host: Part, at: Path) -> None:
        """Puts what a plugin brings into the table that names it, as a table of its own; its extension functions are
        for every route there (hapi).
        """
        mark = made.wanted.mark
        node = Node(mark.line - 1, mark.column - 1)
        try:
            tree, problems = check_shape(Tree(dict(made.tree), Marks(mark.file, node, mark.chain)))
        except ValueError as error:
            said = f'plugin "{made.name}" contributes an invalid table: {error}'
            self.problems.append(Problem(mark, Code.PLUGIN, said))
            return
        self.problems += [replace(each, message=f'plugin "{made.name}": {each.message}') for each in problems]
        index, place, label = len(self.parts), (*host.at, *at, USED), self._label(made.name)
        functions = Tree({"ext": tree.value.pop("ext", {})}, tree.marks)
        settle(functions, index, label)
        for point, given in functions.value["ext"].items():
            for function in given:
                _append(host.tree, ("ext", point), function, node)
        self._add(Part(index, tree, host.file, host.folder, label, host.package, place, host, at))

    def _label(self, wanted: str) -> str:
        taken = {part.label for part in self.parts}
        labels = (f"{wanted}-{number}" if number > 1 else wanted for number in range(1, len(taken) + 2))
        return next(label for label in labels if label not in taken)


def _append(tree: Tree, path: Path, given: Any, node: Node) -> None:
    """Adds to the list at `path`, which may be missing, or be written as a single value."""
    *outer, last = path
    holder: Any = tree.value
    for step in outer:
        if not isinstance(holder.get(step), dict):
            holder[step] = {}
        holder = holder[step]
    present = holder.get(last)
    listed = present if isinstance(present, list) else [] if present is None else [present]
    holder[last] = [*listed, given]
    tree.marks.append(path, len(listed), node)


def _leaves(value: Any, path: Path) -> Iterator[Path]:
    """The paths of all text in a value."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(inner, (*path, index))


def _locate(name: str, host: Part) -> tuple[str, str, str | None] | str:
    """The file of a table as it is shown, its folder and its package; or why there is none."""
    if "\0" in name:
        return "the name of a table cannot contain NUL"
    if not name.startswith(PACKAGE):
        file = os.path.normpath(os.path.join(os.path.dirname(host.file), name))  # noqa: PTH118, PTH120 - as it is shown
        folder = _folder(file)
        return file, folder, _beside(host, folder)
    package, _, inner = name.removeprefix(PACKAGE).partition("/")
    if not inner:
        return f'"{name}" has no file name; write {PACKAGE}{package}/routes.yaml'
    try:
        spec = importlib.util.find_spec(package)
    except Exception:  # noqa: BLE001 - the package around it is imported, and may fail as it likes
        spec = None
    if spec is None or not spec.submodule_search_locations:
        return f'the package "{package}" is not installed'
    path = FilePath(next(iter(spec.submodule_search_locations)), *inner.split("/"))
    folder = _folder(path)
    dotted = ".".join([package, *inner.split("/")[:-1]])
    shown = path.relative_to(FilePath.cwd()) if path.is_relative_to(FilePath.cwd()) else path
    return str(shown), folder, dotted


def _folder(file: str | FilePath) -> str:
    """The folder that a file is in; `Path.resolve` raises for links that lead in a circle."""
    return os.path.dirname(os.path.realpath(file))  # noqa: PTH120


def _beside(host: Part, folder: str) -> str | None:
    """The package of a table that one in a package names by its path."""
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


def _circle(host: Part, file: str, mark: Mark) -> Problem:
    """The problem of a table that is used, perhaps by way of others, by itself."""
    line: list[Part] = []
    for part in host.line:
        line.append(part)
        if os.path.realpath(part.file) == os.path.realpath(file):
            break
    names = " → ".join([*(part.file for part in reversed(line)), file])
    related = tuple(
        (part.host.tree.marks.value((*part.entry_at, "table")), f"{part.file} is used here")
        for part in reversed(line[:-1])
        if part.host is not None
    )
    return Problem(mark, Code.TABLE_CYCLE, f"circular use of tables: {names}", related=related)

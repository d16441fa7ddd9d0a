"""Separate modules for each table's folder, so that several tables can have a `handlers` or a `models` package.

Modules of the root table keep their ordinary names if these are free. All others are imported under private names. An
import in a module of a table's folder (`from models.thing import NAME`, at any depth, at any time) is resolved in that
folder first: these modules run with a custom `__import__`.
"""

import builtins
import importlib
import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, Final

_FRAMEWORK: Final = __name__.partition(".")[0]
_INITS: Final = ("__init__.py", "__init__.pyc")


class Folder:
    """A folder with a table. `taken` contains the names of its modules and their submodules in `sys.modules`.

    `package` is the name of the folder's installed package, whose modules keep their ordinary names.
    """

    def __init__(self, path: Path, package: str | None = None) -> None:
        self.path = path
        self.package = package
        self.taken: set[str] = set()
        self.is_root = False
        """True for the folder of the root table, whose modules may keep their ordinary names."""
        self._names: dict[str, str] = {}
        self._chosen: dict[str, str] = {}
        self._kept: set[str] = set()
        self._tops: dict[str, bool | None] = {}
        self.builtins: Mapping[str, Any] = {**builtins.__dict__, "__import__": self._import}
        self._importlib = _Importlib(self)

    def has(self, top: str) -> bool | None:
        """Returns True if the folder contains this module or package; None for a folder without `__init__.py`.

        The framework is no module of a table beside it, as in a checkout: a reload must not import it again.
        """
        if top == _FRAMEWORK:
            return False
        if top not in self._tops:
            place = self.path / top
            is_module = (self.path / f"{top}.py").is_file() or any((place / name).is_file() for name in _INITS)
            self._tops[top] = True if is_module else None if place.is_dir() else False
        return self._tops[top]

    def own(self, name: str, attributes: Sequence[str] = ()) -> str | None:
        """Returns the name under which a module of this folder is imported; None for any other module.

        A namespace package (no `__init__.py`) yields to an installed package, except for the modules that it contains.
        """
        top, _, rest = name.partition(".")
        if not self.may_have(name, attributes):
            return None
        top = self._named(top)
        return f"{top}.{rest}" if rest else top

    def may_have(self, name: str, attributes: Sequence[str] = ()) -> bool:
        """Returns True if an import may refer to a module of this folder."""
        top, _, rest = name.partition(".")
        has = self.has(top)
        if has is not None:
            return has
        place = self.path.joinpath(*name.split("."))
        if rest:
            return _is_module(place)
        return any(_is_module(place / word) for word in attributes) or _elsewhere(top) is None

    def forget(self) -> None:
        """Clears the cache of the folder's contents.

        Modules with ordinary names keep them, also if the folder of another table is now first in `sys.path`.
        """
        self._kept = {top for top, name in self._chosen.items() if name == top and top in sys.modules}
        self._tops.clear()
        self._chosen.clear()

    def _named(self, top: str) -> str:
        """Returns the name in `sys.modules` of a top-level module of this folder."""
        chosen = self._chosen.get(top)
        if chosen is not None and chosen in sys.modules:
            return chosen
        if self.is_root and str(self.path) not in sys.path:
            sys.path.insert(0, str(self.path))
        alias = self._alias(top)
        name = alias if alias in self.taken or not self._is_free(top) else top
        self.taken.add(name)
        self._names[name] = top
        self._chosen[top] = name
        _homes[name] = self
        return name

    def _is_free(self, top: str) -> bool:
        """Returns True if a top-level module of this folder may keep its ordinary name."""
        loaded = sys.modules.get(top)
        if loaded is not None:
            return self._is_here(getattr(loaded, "__file__", None), list(getattr(loaded, "__path__", ())), top)
        if not self.is_root:
            return False
        if top in self._kept:
            return True
        importlib.invalidate_caches()
        spec = _elsewhere(top)
        return spec is not None and self._is_here(spec.origin, list(spec.submodule_search_locations or ()), top)

    def _is_here(self, file: str | None, search: list[str], top: str) -> bool:
        """Returns True if a found module is the top-level one of this folder, not a namesake in a subfolder."""
        place = Path(file) if file else Path(search[0], "x") if search else None
        return place is not None and place.resolve() in (
            (self.path / f"{top}.py").resolve(),
            *((self.path / top).resolve() / name for name in ("__init__.py", "x")),
        )

    def find(self, name: str) -> ModuleSpec | None:
        """Returns the spec of the top-level module with the private or ordinary `name`."""
        top = self._names[name]
        if name == top and not self._is_free(top):
            return None  # another module has the name by now
        spec = PathFinder.find_spec(top, [str(self.path)])
        if spec is None:
            return None
        search = list(spec.submodule_search_locations) if spec.submodule_search_locations is not None else None
        if spec.origin is None or spec.loader is None:
            found = ModuleSpec(name, None, is_package=True)
            found.submodule_search_locations = search
            return found
        return spec_from_file_location(name, spec.origin, submodule_search_locations=search)

    def _alias(self, top: str) -> str:
        return f"_{top}_{sha256(str(self.path).encode()).hexdigest()[:8]}"

    def _import(
        self,
        name: str,
        globals: Any = None,  # noqa: A002 - as Python names them
        locals: Any = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        """The `__import__` of this folder's modules: resolves in the folder first."""
        if self.package is not None:
            return self._permitted(builtins.__import__(name, globals, locals, fromlist or (), level), name, level)
        if level or name.partition(".")[0] in sys.stdlib_module_names:
            found = builtins.__import__(name, globals, locals, fromlist or (), level)
            return self._importlib if found is importlib else found
        own = self.own(name, fromlist or ())
        if own is None or own == name:
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        try:
            found = builtins.__import__(own, globals, locals, fromlist or (), 0)
        except ModuleNotFoundError as error:
            raise _renamed(error, own, name) from None
        return found

    def _permitted(self, found: Any, name: str, level: int) -> Any:
        """Returns an imported module; refuses a namesake that belongs to another table."""
        top = name.partition(".")[0]
        if level or top in sys.stdlib_module_names or self.has(top) is False:
            return found
        module = sys.modules.get(top)
        file, search = getattr(module, "__file__", None), list(getattr(module, "__path__", ()))
        for other in list(_folders.values()):
            if other is not self and other._is_here(file, search, top):  # noqa: SLF001 - another of this class
                raise ImportError(
                    f'"{name}" is a module of the table in {other.path}; in the package {self.package} write '
                    f'"{self.package}.{name}", or a relative import',
                    name=name,
                )
        return found


class _Importlib(ModuleType):
    """The `importlib` of modules in a table's folder: `import_module` resolves in the folder first."""

    def __init__(self, folder: Folder) -> None:
        super().__init__("importlib", importlib.__doc__)
        self._folder = folder

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib, name)

    def import_module(self, name: str, package: str | None = None) -> ModuleType:
        """Imports a module, as `importlib.import_module`."""
        own = None
        if not name.startswith(".") and name.partition(".")[0] not in sys.stdlib_module_names:
            own = self._folder.own(name) if self._folder.package is None else None
        if own is None or own == name:
            return importlib.import_module(name, package)
        try:
            return importlib.import_module(own)
        except ModuleNotFoundError as error:
            raise _renamed(error, own, name) from None


class _Loader(SourceFileLoader):
    """Source loader for modules of a table's folder."""

    def __init__(self, folder: Folder, name: str, path: str) -> None:
        super().__init__(name, path)
        self.folder = folder

    def exec_module(self, module: ModuleType) -> None:
        """Runs the module with the folder's `__import__`."""
        module.__dict__["__builtins__"] = self.folder.builtins
        super().exec_module(module)


class _Finder:
    """The first meta path finder: finds modules of tables' folders."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Returns the spec of a module of a table's folder; None for any other module."""
        top, _, rest = fullname.partition(".")
        folder = _homes.get(top)
        if folder is None:
            folder = next((each for name, each in _packages.items() if fullname.startswith(f"{name}.")), None)
            if folder is None:
                return None
        spec = PathFinder.find_spec(fullname, path) if rest else folder.find(fullname)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(folder, spec.loader.name, str(spec.loader.path))
        return spec


_folders: dict[str, Folder] = {}
_packages: dict[str, Folder] = {}
_homes: dict[str, Folder] = {}
"""Folders by the names of their top-level modules in `sys.modules`."""
_finder: Final = _Finder()


def folder_of(path: str) -> Folder:
    """Returns the folder at `path`."""
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    return _folders.setdefault(path, Folder(Path(path)))


def known_folders() -> tuple[str, ...]:
    """Returns the folders that `folder_of` was asked for."""
    return tuple(_folders)


def package_of(name: str, path: str) -> Folder:
    """Returns the installed package `name` in the folder `path`."""
    folder_of(path)
    return _packages.setdefault(name, Folder(Path(path), name))


def _is_module(place: Path) -> bool:
    return place.is_dir() or place.with_name(f"{place.name}.py").is_file()


def _elsewhere(top: str) -> ModuleSpec | None:
    """Returns the spec that Python's other finders return for a name."""
    for finder in sys.meta_path:
        if finder is not _finder and hasattr(finder, "find_spec"):
            spec = finder.find_spec(top, None)
            if spec is not None:
                return spec
    return None


def _renamed(error: ModuleNotFoundError, own: str, name: str) -> ModuleNotFoundError:
    """Replaces the private name in an error with the name in the source."""
    mine, theirs = own.partition(".")[0], name.partition(".")[0]
    if error.name is None or error.name.partition(".")[0] != mine:
        return error
    missing = theirs + error.name.removeprefix(mine)
    return ModuleNotFoundError(f"No module named {missing!r}", name=missing)

"""Modules beside a table: each folder has its own, however many tables have a `handlers` or a `models` folder.

The modules of the table that is served keep their ordinary names where nothing else has them; all others are imported
under private names. An import inside of a module beside a table (`from models.thing import NAME`, at any depth, at
any time) finds what is beside that table first: such modules are run with an `__import__` of their own.
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

_INITS: Final = ("__init__.py", "__init__.pyc")


class Folder:
    """A folder with a table; `taken` are the names in `sys.modules` of its own modules, with those inside of them.

    `package` is the installed package that the folder is, whose modules have their ordinary names.
    """

    def __init__(self, path: Path, package: str | None = None) -> None:
        self.path = path
        self.package = package
        self.taken: set[str] = set()
        self.is_root = False
        """Whether it is the folder of the table that is served, whose modules may have their ordinary names."""
        self._names: dict[str, str] = {}
        self._chosen: dict[str, str] = {}
        self._tops: dict[str, bool | None] = {}
        self.builtins: Mapping[str, Any] = {**builtins.__dict__, "__import__": self._import}
        self._importlib = _Importlib(self)

    def has(self, top: str) -> bool | None:
        """Whether there is a module or a package of that name here; None for a folder without `__init__.py`."""
        if top not in self._tops:
            place = self.path / top
            is_module = (self.path / f"{top}.py").is_file() or any((place / name).is_file() for name in _INITS)
            self._tops[top] = True if is_module else None if place.is_dir() else False
        return self._tops[top]

    def own(self, name: str, attributes: Sequence[str] = ()) -> str | None:
        """The name under which a module of this folder is imported; None when it is none of this folder's.

        A folder that is no package stands back for an installed one, but for what there is in it.
        """
        top, _, rest = name.partition(".")
        if not self.may_have(name, attributes):
            return None
        top = self._named(top)
        return f"{top}.{rest}" if rest else top

    def may_have(self, name: str, attributes: Sequence[str] = ()) -> bool:
        """Whether what an import names is one of the modules here."""
        top, _, rest = name.partition(".")
        has = self.has(top)
        if has is not None:
            return has
        place = self.path.joinpath(*name.split("."))
        if rest:
            return _is_module(place)
        return any(_is_module(place / word) for word in attributes) or _elsewhere(top) is None

    def forget(self) -> None:
        """Looks anew at what there is."""
        self._tops.clear()
        self._chosen.clear()

    def _named(self, top: str) -> str:
        """The name in `sys.modules` of a module or package right in this folder."""
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
        """Whether the modules of this folder may have their ordinary name."""
        loaded = sys.modules.get(top)
        if loaded is not None:
            return self._is_here(getattr(loaded, "__file__", None), list(getattr(loaded, "__path__", ())), top)
        if not self.is_root:
            return False
        importlib.invalidate_caches()
        spec = _elsewhere(top)
        return spec is not None and self._is_here(spec.origin, list(spec.submodule_search_locations or ()), top)

    def _is_here(self, file: str | None, search: list[str], top: str) -> bool:
        """Whether a module that was found is the one in this folder, and not one of that name further down."""
        place = Path(file) if file else Path(search[0], "x") if search else None
        return place is not None and place.resolve() in (
            (self.path / f"{top}.py").resolve(),
            *((self.path / top).resolve() / name for name in ("__init__.py", "x")),
        )

    def find(self, name: str) -> ModuleSpec | None:
        """Where the module or package right in this folder is that has the private or ordinary `name`."""
        top = self._names[name]
        if name == top and not self._is_free(top):
            return None  # somebody else's by now, wherever Python finds it
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
        """`__import__` of the modules here: what is beside the table comes first."""
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
        """What a module of the package imports, which must not be another table's module of the same name."""
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
    """`importlib` as modules beside a table see it: `import_module` finds what is beside the table first."""

    def __init__(self, folder: Folder) -> None:
        super().__init__("importlib", importlib.__doc__)
        self._folder = folder

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib, name)

    def import_module(self, name: str, package: str | None = None) -> ModuleType:
        """As importlib's."""
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
    """Python's loader of source, for modules that import what is beside their table."""

    def __init__(self, folder: Folder, name: str, path: str) -> None:
        super().__init__(name, path)
        self.folder = folder

    def exec_module(self, module: ModuleType) -> None:
        """Runs the module with the folder's `__import__`."""
        module.__dict__["__builtins__"] = self.folder.builtins
        super().exec_module(module)


class _Finder:
    """Finds the modules beside tables, first of all finders."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where a module of a table's folder is; None for any other."""
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
"""Names in `sys.modules` of modules right in a folder, and that folder."""
_finder: Final = _Finder()


def folder_of(path: str) -> Folder:
    """The folder at `path`."""
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    return _folders.setdefault(path, Folder(Path(path)))


def known_folders() -> tuple[str, ...]:
    """Returns the folders that `folder_of` was asked for."""
    return tuple(_folders)


def package_of(name: str, path: str) -> Folder:
    """The package of a table, in the folder `path`."""
    folder_of(path)
    return _packages.setdefault(name, Folder(Path(path), name))


def _is_module(place: Path) -> bool:
    return place.is_dir() or place.with_name(f"{place.name}.py").is_file()


def _elsewhere(top: str) -> ModuleSpec | None:
    """What Python itself finds by a name."""
    for finder in sys.meta_path:
        if finder is not _finder and hasattr(finder, "find_spec"):
            spec = finder.find_spec(top, None)
            if spec is not None:
                return spec
    return None


def _renamed(error: ModuleNotFoundError, own: str, name: str) -> ModuleNotFoundError:
    """The error about a private name as one about the name that was written."""
    mine, theirs = own.partition(".")[0], name.partition(".")[0]
    if error.name is None or error.name.partition(".")[0] != mine:
        return error
    missing = theirs + error.name.removeprefix(mine)
    return ModuleNotFoundError(f"No module named {missing!r}", name=missing)

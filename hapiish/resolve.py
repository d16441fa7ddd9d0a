"""Names in a table to Python objects: `handlers.messages:create` is looked up beside the table first.

A table's own modules keep their ordinary names where nothing else has them; when another table's folder already
took a name, they are imported under a private one, so that two tables with a `handlers` package each never collide.
"""

import importlib
import importlib.util
import sys
import traceback
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

_OURS = str(Path(__file__).parent / "_")[:-1]

_taken: dict[str, set[str]] = {}
"""Folder of a table → names in `sys.modules` of the modules, with those inside of them, imported for it."""


class ResolveError(Exception):
    """A name that leads nowhere; the cause, where there is one, is the user's own exception."""


def resolve(name: str, folder: str | None = None, package: str | None = None) -> Any:
    """The object called `module:attribute`, or the module; raises ResolveError saying which half failed and why.

    The module is looked up in `package`, or else beside the table in `folder`, then among all that are installed.
    """
    module_name, _, attribute = name.partition(":")
    inner = _inside_package(module_name, package, folder) if package is not None else None
    found: Any = _module(inner or module_name, None if package is not None else folder)
    for part in attribute.split(".") if attribute else ():
        try:
            found = getattr(found, part)
        except AttributeError:
            close = get_close_matches(part, [word for word in dir(found) if not word.startswith("_")], 1)
            hint = f'; did you mean "{close[0]}"?' if close else ""
            raise ResolveError(f'module "{module_name}" has no "{attribute}"{hint}') from None
    return found


def _inside_package(name: str, package: str, folder: str | None) -> str | None:
    """The full name of a module of a package; None when the package has none of that name."""
    full = f"{package}.{name}"
    try:
        spec = importlib.util.find_spec(f"{package}.{name.partition('.')[0]}")
    except ImportError as error:
        raise _broken(full, error) from error
    if spec is None:
        return None
    if folder is not None:
        _taken.setdefault(folder, set()).add(package)
    return full


def _module(name: str, folder: str | None) -> ModuleType:
    top, _, rest = name.partition(".")
    try:
        here = _own(top, Path(folder)) if folder else None
        if here is not None:
            name = f"{here}.{rest}" if rest else here
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            beside = f" (looked beside the table in {folder} and among the installed packages)" if folder else ""
            raise ResolveError(f'there is no module "{error.name}"{beside}') from None
        raise _broken(name, error) from error
    except (Exception, SystemExit) as error:
        raise _broken(name, error) from error


def _broken(name: str, error: BaseException) -> ResolveError:
    return ResolveError(f'module "{name}" failed while it was imported{failure(error)}')


def failure(error: BaseException) -> str:
    """Where code that is not ours has failed, and how: " at FILE:LINE: TypeError: …"."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "importlib" not in frame.filename and not frame.filename.startswith((_OURS, "<frozen "))
    ]
    where = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{where}: {type(error).__name__}: {error}"


def _own(top: str, folder: Path) -> str | None:
    """The name under which the module `top` beside the table is imported; None when there is none beside it."""
    package, module = folder / top, folder / f"{top}.py"
    if not package.is_dir() and not module.is_file():
        return None
    alias = f"_{top}_{sha256(str(folder).encode()).hexdigest()[:8]}"
    taken = _taken.setdefault(str(folder), set())
    if alias in sys.modules:
        return alias
    loaded = sys.modules.get(top)
    if loaded is None:
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
        importlib.invalidate_caches()
        spec = importlib.util.find_spec(top)
        if spec is not None and _is_beside(spec.origin, list(spec.submodule_search_locations or ()), folder, top):
            taken.add(top)
            return top
    elif _is_beside(getattr(loaded, "__file__", None), list(getattr(loaded, "__path__", ())), folder, top):
        taken.add(top)
        return top
    _load_as(alias, package if package.is_dir() else module)
    taken.add(alias)
    return alias


def _is_beside(file: str | None, search: list[str], folder: Path, top: str) -> bool:
    """Whether a module that was found is the one in the folder itself, and not one of that name further down."""
    place = Path(file) if file else Path(search[0], "x") if search else None
    return place is not None and place.resolve() in (
        (folder / f"{top}.py").resolve(),
        *((folder / top).resolve() / name for name in ("__init__.py", "x")),
    )


def _load_as(alias: str, place: Path) -> None:
    locations = [str(place)] if place.is_dir() else None
    file = place / "__init__.py" if place.is_dir() else place
    if not file.is_file():
        module = ModuleType(alias)
        module.__path__ = locations or []
        sys.modules[alias] = module
        return
    spec = importlib.util.spec_from_file_location(alias, file, submodule_search_locations=locations)
    if spec is None or spec.loader is None:
        raise ResolveError(f"cannot import {file}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[alias] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[alias]
        raise


def provide(label: str, folder: str) -> ModuleType:
    """An empty module for objects without a name of their own; forgotten like those beside the table in `folder`."""
    name = f"_{label}_{sha256(folder.encode()).hexdigest()[:8]}"
    module = sys.modules[name] = ModuleType(name)
    _taken.setdefault(folder, set()).add(name)
    return module


def forget(folder: str) -> dict[str, ModuleType]:
    """Takes the modules imported for this table's folder out of `sys.modules`, so that a reload reads them anew.

    Returns them, for `sys.modules.update` when the reload fails.
    """
    tops = _taken.get(folder, set())
    old = {name: module for name, module in sys.modules.items() if _is_of(name, tops)}
    for name in old:
        del sys.modules[name]
    importlib.invalidate_caches()
    return old


def folders(folder: str) -> set[str]:
    """Where the modules lie that were imported for this table's folder."""
    tops = _taken.get(folder, set())
    files = [getattr(module, "__file__", None) for name, module in list(sys.modules.items()) if _is_of(name, tops)]
    return {str(Path(file).resolve().parent) for file in files if file is not None}


def _is_of(name: str, tops: set[str]) -> bool:
    """Whether a module is one of these, or inside of one."""
    return bool(tops) and (name.partition(".")[0] in tops or any(name.startswith(f"{top}.") for top in tops))

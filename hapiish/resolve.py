"""Resolves names in a table to Python objects; `handlers.messages:create` is resolved in the table's folder first.

`modules` keeps the modules of different tables apart.
"""

import importlib
import importlib.util
import os
import sys
import sysconfig
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from hapiish.modules import folder_of, known_folders, package_of
from hapiish.table.problems import Mark, Problem
from hapiish.table.problems.codes import Code

_OURS = str(Path(__file__).parent / "_")[:-1]
_LIBRARIES: Final = tuple({f"{path}{os.sep}" for key, path in sysconfig.get_paths().items() if key.endswith("lib")})


class ResolveError(Exception):
    """Raised for a name that cannot be resolved; its cause, if any, is the exception of the imported module.

    `origin` identifies the module that is missing or fails, which several names may need.
    """

    def __init__(self, message: str, origin: str = "") -> None:
        super().__init__(message)
        self.origin = origin


class Unresolved:
    """Resolves names, and collects the unresolved ones as problems.

    A module that fails is imported and reported once, with the positions of all names that need it.
    """

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        self._failed: dict[tuple[str, str | None, str | None], ResolveError] = {}
        self._reported: dict[str, tuple[Problem, list[tuple[Mark, str]]]] = {}

    def find(
        self, name: str, folder: str | None, package: str | None, root: str | None, *, mark: Mark, absent: Any = None
    ) -> Any:
        """Returns the object `name`, as `resolve` does; for an unresolved name, `absent`."""
        module = name.partition(":")[0], folder, package
        try:
            if module in self._failed:
                raise self._failed[module]
            return resolve(name, folder, package, root)
        except ResolveError as error:
            if error.origin:
                self._failed[module] = error
            self._add(name, error, mark)
            return absent

    def _add(self, name: str, error: ResolveError, mark: Mark) -> None:
        problem = Problem(mark, Code.IMPORT, f'"{name}": {error}')
        if error.origin not in self._reported:
            self.problems.append(problem)
            if error.origin:
                self._reported[error.origin] = problem, []
            return
        first, others = self._reported[error.origin]
        index = self.problems.index(first)
        others.append((mark, f'"{name}" needs it too'))
        many = "another name fails" if len(others) == 1 else f"{len(others):,} other names fail"
        problem = replace(first, hint=f"{many} for the same reason", related=tuple(others))
        self.problems[index] = problem
        self._reported[error.origin] = problem, others


def resolve(name: str, folder: str | None = None, package: str | None = None, root: str | None = None) -> Any:
    """Returns the object `module:attribute`, or the module; raises ResolveError with the failed part and the reason.

    The module is resolved in `package` or in the table's `folder`, then among the installed packages. `root` is the
    folder of the root table, if it is another one.
    """
    module_name, _, attribute = name.partition(":")
    inner = _inside_package(module_name, package, folder) if package is not None else None
    found: Any = _module(inner or module_name, None if package is not None else folder, root)
    for part in attribute.split(".") if attribute else ():
        try:
            found = getattr(found, part)
        except AttributeError:
            close = get_close_matches(part, [word for word in dir(found) if not word.startswith("_")], 1)
            hint = f'; did you mean "{close[0]}"?' if close else ""
            raise ResolveError(f'module "{module_name}" has no "{attribute}"{hint}') from None
    return found


def _inside_package(name: str, package: str, folder: str | None) -> str | None:
    """Returns the full name of a module of a package; None if the package does not contain it."""
    full = f"{package}.{name}"
    own = package_of(package, folder) if folder is not None else None
    try:
        spec = importlib.util.find_spec(f"{package}.{name.partition('.')[0]}")
    except ImportError as error:
        raise _broken(full, error) from error
    if spec is None:
        return None
    if own is not None and folder is not None:
        folder_of(folder).taken.add(package)
    return full


def _module(name: str, folder: str | None, root: str | None) -> ModuleType:
    own = None
    try:
        own = _beside(name, folder, root) if folder else None
        return importlib.import_module(own or name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if own is not None and _is_part(missing, own):
            missing = name.partition(".")[0] + missing.removeprefix(own.partition(".")[0])
        if _is_part(missing, name):
            beside = f" (looked beside the table in {folder} and among the installed packages)" if folder else ""
            hint = f'; write "{name.removesuffix(".py")}"' if name.endswith(".py") else ""
            message = f'no module named "{missing}"{beside}{hint}'
            raise ResolveError(message, message) from None
        raise _broken(name, error) from error
    except (Exception, SystemExit) as error:
        raise _broken(name, error) from error


def _beside(name: str, folder: str, root: str | None) -> str | None:
    """Returns the name under which a module of the table's folder is imported."""
    own = folder_of(folder)
    own.is_root = own.is_root or root is None or root == folder
    return own.own(name)


def _is_part(missing: str, name: str) -> bool:
    """Returns True if `missing` is the module `name` or one of its parent packages."""
    return bool(missing) and (name == missing or name.startswith(missing + "."))


def _broken(name: str, error: BaseException) -> ResolveError:
    hint = ""
    if isinstance(error, ImportError) and "beyond top-level package" in str(error):
        hint = '; the folder of the table is not a package; write, for example, "from models.user import User"'
    # A second import of a module that has already failed may fail at another line, or with another reason.
    file = _place(error)[0]
    message = f'module "{name}" failed while it was imported{failure(error)}{hint}'
    return ResolveError(message, file or failure(error))


def failure(error: BaseException) -> str:
    """Formats an exception of user code: " at FILE:LINE: TypeError: …"."""
    file, line = _place(error)
    where = f" at {file}:{line}" if file else ""
    reason = error.msg if isinstance(error, SyntaxError) and file == error.filename else str(error)
    return f"{where}: {type(error).__name__}: {reason}"


def _place(error: BaseException) -> tuple[str, int | None]:
    """Returns the file and line of the application in which an exception arose, "" if there is none.

    The line in a library, if the application did not call it.
    """
    if isinstance(error, SyntaxError) and error.filename and error.filename.endswith(".py"):
        return error.filename, error.lineno
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "importlib" not in frame.filename and not frame.filename.startswith((_OURS, "<frozen "))
    ]
    own = [frame for frame in frames if not frame.filename.startswith(_LIBRARIES)] or frames
    return (own[-1].filename, own[-1].lineno) if own else ("", None)


def provide(label: str, folder: str) -> ModuleType:
    """Creates a module for unnamed objects; `forget` removes it with the modules of `folder`."""
    name = f"_{label}_{sha256(folder.encode()).hexdigest()[:8]}"
    module = sys.modules[name] = ModuleType(name)
    folder_of(folder).taken.add(name)
    return module


def forget(folder: str) -> dict[str, ModuleType]:
    """Removes the modules of this table's folder from `sys.modules`, so that a reload imports them again.

    Returns them, for `sys.modules.update` if the reload fails.
    """
    own = folder_of(folder)
    own.forget()
    old = {name: module for name, module in sys.modules.items() if _is_of(name, own.taken)}
    for name in old:
        del sys.modules[name]
    importlib.invalidate_caches()
    return old


@contextmanager
def imported_anew(folders: Sequence[str]) -> Iterator[None]:
    """Context in which the modules of the tables in these folders are imported again.

    An exception restores the former modules in `sys.modules` and removes all modules that the attempt imported,
    including those of tables that only the attempt used.
    """
    known = set(known_folders())
    former = {name: module for folder in folders for name, module in forget(folder).items()}
    try:
        yield
    except BaseException:
        for folder in (*folders, *(path for path in known_folders() if path not in known)):
            forget(folder)
        sys.modules.update(former)
        raise


def folders(folder: str) -> set[str]:
    """Returns the folders of the modules that were imported for this table's folder."""
    tops = folder_of(folder).taken
    files = [getattr(module, "__file__", None) for name, module in list(sys.modules.items()) if _is_of(name, tops)]
    return {str(Path(file).resolve().parent) for file in files if file is not None}


def _is_of(name: str, tops: set[str]) -> bool:
    """Returns True if a module is one of these or a submodule of one."""
    return bool(tops) and (name.partition(".")[0] in tops or any(name.startswith(f"{top}.") for top in tops))

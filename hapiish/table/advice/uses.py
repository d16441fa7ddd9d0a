"""The uses of the names that a table declares: in the tables, and in the Python files beside them.

Code reaches models, methods, caches and cookies by their names (`request.models.User`), so the files are searched for
the names as text; nothing is imported.
"""

import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any, Final

from hapiish.table.compose.owned_names import owner_of
from hapiish.table.draft import Draft
from hapiish.table.text.budget import read_file

_FREE: Final = frozenset({"app", "plugins", "with", "context"})
"""Keys whose contents are data of the application, in which any text may be a name."""
_MOST_FILES: Final = 500
_MOST_BYTES: Final = 8_000_000
_WORD: Final = re.compile(r"\w+")
_DOTTED: Final = re.compile(r"[A-Za-z_]\w*(?:\.\w+)+")
_SKIPPED: Final = frozenset({"node_modules", "site-packages", "__pycache__"})


class Uses:
    """The names in texts by the key that holds them, and those in Python code."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.by_key: dict[str, set[str]] = defaultdict(set)
        self.free: set[str] = set()
        for part in draft.composition.parts:
            self._collect(part.tree.value, "", is_free=False)
            for value in part.tree.deferred.values():
                self._collect(value, "", is_free=False)

    def has(self, name: str, *keys: str) -> bool:
        """Returns True if one of the keys holds the name, or data of the application has it."""
        return name in self.free or any(name in self.by_key[key] for key in keys)

    def _collect(self, value: Any, key: str, *, is_free: bool) -> None:
        if isinstance(value, dict):
            if key in ("use", "handler"):
                self.by_key[key] |= {str(each) for each in value}
            for inner, child in value.items():
                if isinstance(child, str):
                    (self.free if is_free else self.by_key[str(inner)]).add(str(child))
                elif isinstance(child, dict | list):
                    self._collect(child, str(inner), is_free=is_free or inner in _FREE)
        elif isinstance(value, list):
            for child in value:
                if isinstance(child, str):
                    (self.free if is_free else self.by_key[key]).add(str(child))
                elif isinstance(child, dict | list):
                    self._collect(child, key, is_free=is_free)

    def in_code(self, name: str, own_module: str = "") -> bool:
        """Returns True if Python code of the project has the word, or the dotted name, outside of `own_module`.

        True too if the code cannot be searched: it is elsewhere, or too large.
        """
        if self._files is None:
            return True
        return any(
            name in words
            and not (
                own_module and file.with_suffix("").parts[-len(own_module.split(".")) :] == (*own_module.split("."),)
            )
            for file, words in self._files
        )

    @cached_property
    def _files(self) -> list[tuple[FilePath, frozenset[str]]] | None:
        found: list[tuple[FilePath, frozenset[str]]] = []
        size = 0
        folders = {part.folder for part in self.draft.composition.parts}
        if not all(self._is_beside(module, folder) for module, folder in self._modules()):
            return None
        for folder in folders:
            for file in _python_files(FilePath(folder)):
                try:
                    text = read_file(file).decode("utf-8", "replace")
                except (OSError, ValueError):
                    continue
                size += len(text)
                if len(found) >= _MOST_FILES or size > _MOST_BYTES:
                    return None
                found.append((file, frozenset(_WORD.findall(text)) | frozenset(_suffixes(text))))
        return found

    def _modules(self) -> Iterator[tuple[str, str]]:
        """The modules that the tables name, each with the folder of its table."""
        from hapiish.table.assembly import names_of

        for name in names_of(self.draft):
            yield name.partition(":")[0], self.draft.realms[owner_of(name)].part.folder
        for part in self.draft.composition.parts:
            for entry in part.tree.value.get("plugins") or ():
                if isinstance(entry, dict) and isinstance(entry.get("plugin"), str):
                    yield entry["plugin"].partition(":")[0], part.folder

    @staticmethod
    def _is_beside(module: str, folder: str) -> bool:
        top = module.partition(".")[0]
        place = FilePath(folder, *module.split("."))
        if top == "hapiish" or place.with_suffix(".py").is_file() or place.is_dir():
            return True
        return not _is_installed(top)  # a missing module uses nothing


def _is_installed(top: str) -> bool:
    """Returns whether a module can be imported, whatever this process has imported under its name."""
    finders = (getattr(finder, "find_spec", None) for finder in sys.meta_path)
    try:
        return any(find(top, None) is not None for find in finders if find is not None)
    except (ImportError, ValueError):
        return True


def _suffixes(text: str) -> Iterator[str]:
    """Yields the dotted names of a text, and their ends: `methods.users.load` is a use of `users.load`."""
    for dotted in _DOTTED.findall(text):
        parts = dotted.split(".")
        for start in range(min(len(parts), 8)):
            for end in range(start + 2, min(len(parts), start + 6) + 1):
                yield ".".join(parts[start:end])


def _python_files(folder: FilePath) -> Iterator[FilePath]:
    waiting = [folder]
    seen = 0
    while waiting:
        current = waiting.pop()
        try:
            entries = sorted(current.iterdir())
        except OSError:
            continue
        for entry in entries:
            seen += 1
            if seen > 20 * _MOST_FILES:
                return
            if entry.name.startswith(".") or entry.name in _SKIPPED:
                continue
            if entry.is_dir() and not entry.is_symlink():
                if not (entry / "pyvenv.cfg").exists():
                    waiting.append(entry)
            elif entry.suffix == ".py":
                yield entry

"""Masks the secrets of a table in descriptions: keys and passwords, values of files, passwords in URLs.

A value from a variable or a file is shown as its `${…}`, any other secret as asterisks. Secrets are the options that
are declared as such (`Role.SECRET`), every value from a file, passwords in URLs, and in the user's own data values from
the environment and those whose keys look like a secret's.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from hapiish.declare.option import Role
from hapiish.declare.types import is_function_name
from hapiish.declare.walk import walk
from hapiish.options import Route, RouteOptions, Table
from hapiish.options.caches import PROVIDERS
from hapiish.options.kinds import KINDS
from hapiish.options.schemes import SCHEMES
from hapiish.table.problems.secrets import without_passwords
from hapiish.table.text.marks import Path

MASK: Final = "*" * 32
"""Long enough to be valid where a secret has a minimum length."""

ABSENT: Final = "*" * 64
"""The text that stands for a variable that is not set, where a table is only described."""

_NAMES: Final = re.compile(
    r"pass(word|wd|phrase|code)?$|secret|token$|api[_-]?key|private[_-]?key|access[_-]?key|signing[_-]?key|credential"
    r"|authorization|^auth$|cookie$|^(key|pin|pwd|dsn|salt)$",
    re.IGNORECASE,
)
"""Keys of the user's own data whose texts are masked."""
_NUMBERS: Final = re.compile(r"pass(word|wd|phrase|code)?$|secret|^(pin|pwd)$", re.IGNORECASE)
"""Keys whose numbers are masked, too."""
_DEFAULT: Final = re.compile(r"\$\{(?!file:)([A-Za-z_][A-Za-z0-9_]*):(?!\?)([^{}]+)\}")
_LOGIN: Final = re.compile(r"(https?://)([^\s/:@?#\"']+)@", re.IGNORECASE)
_QUERY: Final = re.compile(
    r"([?&;][\w.\-]*(?:pass(?:word|wd|phrase)?|pwd|secret|token|key|signature|sig|credential)=)([^\s\"'&;]+)",
    re.IGNORECASE,
)
_DATA: Final = (("app",), ("plugins",))
_HASH: Final = re.compile(r"^(sha256:)[0-9a-f]{64}$|^(\$(?:scrypt|argon2id)\$)")


class Masks:
    """Masks the values of one table; `outside` has its texts from variables and files (`Table.outside`).

    `keeps_variables` shows every text from the environment as its `${…}`, secret or not.
    """

    def __init__(self, outside: Mapping[int, tuple[str, str]], *, keeps_variables: bool = False) -> None:
        self.outside = outside
        self.keeps_variables = keeps_variables

    def option(self, value: Any, path: Path) -> Any:
        """Returns the value of the option of routes at `path` without its secrets."""
        keys = tuple(step for step in path if isinstance(step, str))
        if is_secret(RouteOptions, keys):
            return self._secret(value, str)
        return self._value(value, keys, _View(free=frozenset(_DATA)), free=keys[:1] in _DATA)

    def handler(self, handler: Mapping[str, Any]) -> Any:
        """Returns a kind of handler with its options, in the form of the file, without its secrets."""
        tree = {"handler": handler}
        view = _View(secret=_secrets(Route, tree), free=free_paths(tree))
        return self._value(tree, (), view)["handler"]

    def table(self, tree: Any, free: AbstractSet[Path]) -> Any:
        """Returns a table in the form of the file without its secrets; literal texts with `${` are escaped."""
        return self._value(tree, (), _View(secret=_secrets(Table, tree), free=free, text=_escaped))

    def _value(self, value: Any, at: Path, view: "_View", *, free: bool = False) -> Any:
        if at in view.secret:
            return self._secret(value, view.text)
        free = free or at in view.free
        if isinstance(value, Mapping):
            return {name: self._value(inner, (*at, name), view, free=free) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._value(inner, (*at, index), view, free=free) for index, inner in enumerate(value)]
        key = next((step for step in reversed(at) if isinstance(step, str)), "")
        if isinstance(value, str):
            return self._text(value, key, free, view.text)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return MASK if free and is_number and _NUMBERS.search(key) else value

    def _text(self, text: str, key: str, free: bool, shown_as: Callable[[str], str]) -> str:
        shown = self.source(text)
        has_password = _shown_url(text) != text
        is_kept = self.keeps_variables or ABSENT in text
        if shown is not None and (free or is_kept or has_password or "${file:" in shown):
            return _shown_url(without_defaults(shown) if free or has_password else shown)
        if free and text and _NAMES.search(key) and not is_function_name(text):
            return MASK
        return shown_as(_shown_url(text))

    def _secret(self, value: Any, shown_as: Callable[[str], str]) -> Any:
        """Masks every text in a secret; public keys are none."""
        if isinstance(value, Mapping):
            return {name: self._secret(inner, shown_as) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._secret(inner, shown_as) for inner in value]
        if not isinstance(value, str) or not value:
            return value
        shown = self.source(value)
        if shown is not None:
            return without_defaults(shown)
        if value.lstrip().startswith("-----BEGIN ") and "PRIVATE" not in value:
            return shown_as(value)
        form = _HASH.match(value)
        if form is not None:
            return f"{form[1]}{'0' * 64}" if form[1] else f"{form[2]}{MASK}"
        return MASK

    def source(self, text: str) -> str | None:
        """Returns the source with `${…}` of a text from a variable or a file; None for any other text."""
        found = self.outside.get(id(text))
        return found[1] if found is not None else None


@dataclass(frozen=True, slots=True)
class _View:
    """The paths of secrets and of the user's own data in a value, and the form of its other texts."""

    secret: AbstractSet[Path] = frozenset()
    free: AbstractSet[Path] = frozenset()
    text: Callable[[str], str] = str


def _secrets(kind: type, value: Any) -> AbstractSet[Path]:
    return frozenset(at for role, _, at in walk(kind, value) if role is Role.SECRET)


def _escaped(text: str) -> str:
    return text.replace("${", "$${")


def free_paths(tree: Any) -> AbstractSet[Path]:
    """Returns the paths of the user's own data in a table: `app`, and options of its own schemes, kinds and caches."""
    return frozenset(_free_paths(tree, ()))


def _free_paths(value: Any, at: Path) -> Iterator[Path]:
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _free_paths(inner, (*at, index))
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        here = (*at, key)
        if _is_free(here, inner, value):
            yield here
        elif key not in ("schemas", "validate", "response"):
            yield from _free_paths(inner, here)


def _is_free(path: Path, value: Any, around: Mapping[str, Any]) -> bool:
    if str(path[-1]).startswith("x-"):
        return True
    match path:
        case (*_, "options" | "server" | "routes" | "defaults", "app" | "plugins") | ("presets", _, "app" | "plugins"):
            return True
        case ("auth", "strategies", _, "options"):
            return around.get("scheme") not in SCHEMES
        case ("auth", "strategies", _, "options", "tokenParams" | "providerParams" | "profileParams"):
            return True
        case ("auth", "strategies", _, "options", *_, "credentials"):
            return True
        case ("caches", _, "options"):
            return around.get("provider") not in PROVIDERS
        case ("plugins", _, "options" | "with") | ("views", "context") | (*_, "handler", "view", "context"):
            return True
        case (*_, "handler", str(kind)):
            return kind not in KINDS and isinstance(value, dict | list | str)
    return False


@cache
def is_secret(kind: type, path: Path) -> bool:
    """Returns whether the option of `kind` at `path` is declared as a secret."""
    value: Any = "x"
    for step in reversed(path):
        value = {str(step): value}
    return any(role is Role.SECRET for role, _, _ in walk(kind, value))


def _shown_url(text: str) -> str:
    """Returns a text without the secrets in its URLs: passwords, tokens in queries, HTTP logins without a password."""
    if "://" not in text:
        return text
    text = _LOGIN.sub(lambda found: f"{found[1]}{_stars(found[2])}@", without_passwords(text))
    return _QUERY.sub(lambda found: f"{found[1]}{_stars(found[2])}", text)


def _stars(secret: str) -> str:
    return secret if "${" in secret else "*" * len(secret)


def without_defaults(source: str) -> str:
    """Returns a source with `${…}` whose defaults are masked."""
    return _DEFAULT.sub(lambda found: f"${{{found[1]}:{MASK}}}", source)

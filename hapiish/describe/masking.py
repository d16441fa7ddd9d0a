"""Masks the secrets of a table in descriptions: keys and passwords, values of files, passwords in URLs.

A value from a variable or a file is shown as its `${…}`, any other secret as asterisks. Secrets are the options that
are declared as such (`Role.SECRET`), every value from a file, passwords in URLs, and in the user's own data values from
the environment and those whose keys look like a secret's.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from hapiish.declare.option import Role
from hapiish.declare.walk import walk
from hapiish.options import RouteOptions
from hapiish.table.problems.secrets import without_passwords
from hapiish.table.text.marks import Path

MASK: Final = "*" * 32
"""Long enough to be valid where a secret has a minimum length."""

_NAMES: Final = re.compile(
    r"pass(word|wd|phrase|code)?$|secret|token$|api[_-]?key|private[_-]?key|access[_-]?key|signing[_-]?key|credential"
    r"|authorization|^auth$|cookie$|^(key|pin|pwd|dsn|salt)$",
    re.IGNORECASE,
)
"""Keys of the user's own data whose texts are masked."""
_NUMBERS: Final = re.compile(r"pass(word|wd|phrase|code)?$|secret|^(pin|pwd)$", re.IGNORECASE)
"""Keys whose numbers are masked, too."""
_DEFAULT: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*):(?!\?)([^{}]+)\}")
_HASH: Final = re.compile(r"^(sha256:)[0-9a-f]{64}$|^(\$(?:scrypt|argon2id)\$)")


class Masks:
    """Masks the values of one table; `outside` has its texts from variables and files (`Table.outside`)."""

    def __init__(self, outside: Mapping[int, tuple[str, str]], *, keeps_variables: bool = False) -> None:
        self.outside = outside
        self.keeps_variables = keeps_variables
        """Shows values from the environment as their `${…}`, secret or not."""

    def masked(self, value: Any, path: Path = (), *, hint: Any = None, free: bool = False) -> Any:
        """Returns a value without its secrets.

        `path` is the path of the value, whose last key may name a secret. `hint` is the type of an option, whose
        secrets are those that it declares; `free`: the value is the user's own data.
        """
        secret = frozenset(at for role, _, at in walk(hint, value) if role is Role.SECRET) if hint is not None else ()
        return self._value(value, (), secret, str(path[-1]) if path else "", free)

    def _value(self, value: Any, at: Path, secret: Any, key: str, free: bool) -> Any:
        if at in secret:
            return self._all(value)
        if isinstance(value, Mapping):
            return {name: self._value(inner, (*at, name), secret, str(name), free) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._value(inner, (*at, index), secret, key, free) for index, inner in enumerate(value)]
        if isinstance(value, str):
            return self._text(value, key, free)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return MASK if free and is_number and _NUMBERS.search(key) else value

    def _text(self, text: str, key: str, free: bool) -> str:
        shown = self.source(text)
        if shown is not None and (free or self.keeps_variables or "${file:" in shown or _has_password(text)):
            return without_passwords(_without_defaults(shown) if free or _has_password(text) else shown)
        if free and text and _NAMES.search(key):
            return MASK
        return without_passwords(text)

    def _all(self, value: Any) -> Any:
        """Masks every text in a secret."""
        if isinstance(value, Mapping):
            return {name: self._all(inner) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._all(inner) for inner in value]
        if not isinstance(value, str):
            return value
        shown = self.source(value)
        if shown is not None:
            return _without_defaults(shown)
        form = _HASH.match(value)
        if form is not None:
            return f"{form[1]}{'0' * 64}" if form[1] else f"{form[2]}{MASK}"
        return MASK if value else value

    def option(self, value: Any, path: Path) -> Any:
        """Returns the value of the option of routes at `path` without its secrets."""
        keys = tuple(step for step in path if isinstance(step, str))
        if is_secret(RouteOptions, keys):
            return self._all(value)
        return self.masked(value, keys, free=keys[:1] in (("app",), ("plugins",)))

    def source(self, text: str) -> str | None:
        """Returns the source with `${…}` of a text from a variable or a file; None for any other text."""
        found = self.outside.get(id(text))
        return found[1] if found is not None else None


@cache
def is_secret(kind: type, path: Path) -> bool:
    """Returns whether the option of `kind` at `path` is declared as a secret."""
    value: Any = "x"
    for step in reversed(path):
        value = {str(step): value}
    return any(role is Role.SECRET for role, _, _ in walk(kind, value))


def _has_password(text: str) -> bool:
    return without_passwords(text) != text


def _without_defaults(source: str) -> str:
    return _DEFAULT.sub(lambda found: f"${{{found[1]}:{MASK}}}", source)

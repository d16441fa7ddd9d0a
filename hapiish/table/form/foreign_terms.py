"""Suggests the terms of the table for those of other frameworks and for other notations of values."""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

SWITCHES: Final = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
"""The booleans of YAML 1.1 that are text in YAML 1.2."""

_SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = {
    "action": ("handler",),
    "args": ("query",),
    "body": ("payload",),
    "callback": ("handler",),
    "config": ("options",),
    "controller": ("handler",),
    "cookies": ("state",),
    "dir": ("directory",),
    "endpoint": ("path", "handler"),
    "folder": ("directory", "path"),
    "func": ("handler",),
    "function": ("handler", "method"),
    "interval": ("duration",),
    "json": ("payload",),
    "middleware": ("pre",),
    "middlewares": ("pre",),
    "name": ("event", "plugin", "namespace", "id"),
    "per": ("duration",),
    "period": ("duration",),
    "querystring": ("query",),
    "ratelimit": ("limit",),
    "roles": ("scope",),
    "route": ("path",),
    "static": ("directory",),
    "uri": ("path",),
    "url": ("path", "uri"),
    "verb": ("method",),
    "window": ("duration",),
}
_MAIN_KEYS: Final = {"cache": "expiresIn", "database": "uri", "directory": "path", "proxy": "uri"}
"""Mappings, and the key that a plain value in their place is probably meant for."""
_NAME: Final = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", re.ASCII)
_SEPARATOR: Final = re.compile(r"[\s,/|+]+")
_LONGEST: Final = 100


def synonym(word: str, known: Collection[str]) -> str | None:
    """The known term for a term of another framework, or None."""
    for other in _SYNONYMS.get(word.replace("_", "").replace("-", "").casefold(), ()):
        if other in known:
            return other
    return None


def replacement_hint(key: Any, value: Any, expected: str, types: Collection[str]) -> str:
    """A hint for a wrong `value` at `key`; the schema states `expected` and allows `types`."""
    if isinstance(value, str) and len(value) <= _LONGEST:
        return _replacement_of_text(key, value, expected, types)
    if key == "auth" and value is True:
        return 'name a strategy, or remove "auth" to use auth.default'
    if (
        isinstance(value, list)
        and "object" in types
        and value
        and all(isinstance(each, dict) and len(each) == 1 for each in value)
    ):
        return 'write its entries without "- "'
    if key in _MAIN_KEYS and "object" in types and isinstance(value, int) and not isinstance(value, bool):
        return f"write {{{_MAIN_KEYS[key]}: {value}}}"
    return ""


def _replacement_of_text(key: Any, value: str, expected: str, types: Collection[str]) -> str:
    if "module:attribute" in expected and (name := _name(value)) is not None:
        return f'write "{name}"'
    if expected.startswith("a JSON Schema") and re.fullmatch(r"[#/\w.$-]+", value):
        return f'write {{$ref: "#/schemas/{value.rpartition("/")[2]}"}}'
    if key == "method" and expected.startswith("a method"):
        methods = [each for each in _SEPARATOR.split(value) if each]
        if len(methods) > 1 and all(each.isalpha() for each in methods):
            return f"write [{', '.join(methods)}]"
    if key == "plugins" and "object" in types:
        return f'write {{plugin: "{value}"}} for a Python plugin, {{table: "{value}"}} for another table'
    if key in _MAIN_KEYS and "object" in types:
        return f'write {{{_MAIN_KEYS[key]}: "{value}"}}'
    if "object" in types and "array" not in types and re.match(r"\w+:[^\s/]|\w+:/\w", value):
        return 'write a space after each ":"'
    if "array" in types and not {"object", "string"} & {*types}:
        return f'write ["{value}"]'
    return ""


def _name(value: str) -> str | None:
    """`module:attribute` for `handlers.users.show`, `handlers/users:show`, `users:show()` and `users.py#show`."""
    text = value.strip().removesuffix("()").removeprefix("./").replace("::", ":").replace("#", ":")
    module, colon, attribute = text.partition(":")
    if not colon:
        module, _, attribute = text.removesuffix(".py").rpartition("." if "." in text else "/")
    module = module.removesuffix(".py").replace("/", ".").strip(".")
    name = f"{module}:{attribute}"
    return name if name != value and _NAME.fullmatch(name) else None

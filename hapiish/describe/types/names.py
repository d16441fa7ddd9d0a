"""Identifiers of generated types: the names of schemas are kept where they are valid and free."""

import keyword
import re
from collections.abc import Iterable
from typing import Final

TYPESCRIPT: Final = frozenset(
    [
        "any",
        "arguments",
        "as",
        "async",
        "await",
        "bigint",
        "boolean",
        "break",
        "case",
        "catch",
        "class",
        "const",
        "continue",
        "debugger",
        "declare",
        "default",
        "delete",
        "do",
        "else",
        "enum",
        "eval",
        "export",
        "extends",
        "false",
        "finally",
        "for",
        "from",
        "function",
        "get",
        "if",
        "implements",
        "import",
        "in",
        "infer",
        "instanceof",
        "interface",
        "is",
        "keyof",
        "let",
        "module",
        "namespace",
        "never",
        "new",
        "null",
        "number",
        "object",
        "of",
        "package",
        "private",
        "protected",
        "public",
        "readonly",
        "require",
        "return",
        "set",
        "static",
        "string",
        "super",
        "switch",
        "symbol",
        "this",
        "throw",
        "true",
        "try",
        "type",
        "typeof",
        "undefined",
        "unknown",
        "var",
        "void",
        "while",
        "with",
        "yield",
        "Array",
        "ArrayBuffer",
        "ArrayBufferView",
        "Extract",
        "Partial",
        "Promise",
        "Record",
        "Exclude",
    ]
)
"""Reserved words and global types that generated TypeScript uses."""

PYTHON: Final = frozenset(
    {
        *keyword.kwlist,
        *("Any", "Literal", "NotRequired", "Request", "TYPE_CHECKING", "TypeAlias", "TypedDict"),
        *("annotations", "bool", "bytes", "dict", "float", "int", "list", "object", "str"),
    }
)
"""Keywords, and the names that generated Python uses."""


class TypeNames:
    """Unique identifiers; `reserved` ones are never given."""

    def __init__(self, reserved: Iterable[str]) -> None:
        self._taken = set(reserved)

    def take(self, wanted: str) -> str:
        """Returns `wanted` as an identifier, with a number if it is taken."""
        base = identifier(wanted)
        name, number = base, 2
        while name in self._taken:
            name, number = f"{base}_{number}", number + 1
        self._taken.add(name)
        return name


def identifier(text: str) -> str:
    """Returns a text as an identifier of ASCII characters: other characters become `_`."""
    plain = re.sub(r"[^A-Za-z0-9_]", "_", text) or "_"
    return f"_{plain}" if plain[0].isdigit() else plain


def pascal(text: str) -> str:
    """Returns words in PascalCase: `messages.create` is `MessagesCreate`."""
    return "".join(word[:1].upper() + word[1:] for word in re.split(r"[^A-Za-z0-9]+", text) if word)


def route_name(id: str | None, method: str, path: str) -> str:
    """Returns the name of a route's types: its id, or its method and path, in PascalCase."""
    return pascal(id or "") or f"{pascal(method.lower()) or 'Any'}{pascal(path) or 'Root'}"


def event_name(id: str | None, namespace: str, event: str) -> str:
    """Returns the name of an event's types: its id, or `On`, its namespace and its name, in PascalCase."""
    return pascal(id or "") or f"On{pascal(namespace)}{pascal(event) or 'Any'}"

"""The grammar of templates in a table: texts with values of the request in them, such as `user-{params.id}`.

    template = *( text / "{" name *( "." name ) "}" / "{{" / "}}" )

`{{` and `}}` stand for a brace (as in Python's `str.format`). Which sources a place may read is that place's own rule.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

SOURCES: Final = ("params", "query", "payload", "headers", "state", "credentials", "artifacts", "pre")
"""What a request has once its inputs are judged and its prerequisites have run."""

_TOKEN: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_NAME: Final = re.compile(r"[^\s.{}]+")


class TemplateError(ValueError):
    """The text is no template; says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the request: `source` is the first name in the braces, `path` the others."""

    source: str
    path: tuple[str, ...]

    def __str__(self) -> str:
        return f"{{{'.'.join((self.source, *self.path))}}}"


@dataclass(frozen=True, slots=True)
class Template:
    """Texts and values in the order in which they stand; neighbouring texts are one."""

    parts: tuple[str | Value, ...]

    @property
    def values(self) -> Iterator[Value]:
        """The values of the request that are read."""
        return (part for part in self.parts if isinstance(part, Value))

    @property
    def texts(self) -> Iterator[str]:
        """The texts between them."""
        return (part for part in self.parts if isinstance(part, str))


def parse(text: str) -> Template:
    """The template in `text`; raises TemplateError for braces that do not belong together, and names that are none."""
    parts: list[str | Value] = []
    end, literal = 0, ""
    for match in _TOKEN.finditer(text):
        literal += text[end : match.start()]
        end = match.end()
        found = match[0]
        if found in ("{{", "}}"):
            literal += found[0]
            continue
        if len(found) == 1:
            raise TemplateError(f'"{text}" has a "{found}" without its counterpart; a literal brace is "{found * 2}"')
        names = match[1].split(".")
        if not all(_NAME.fullmatch(name) for name in names):
            raise TemplateError(f'"{found}" is not a value of the request such as {{params.id}}')
        if literal:
            parts.append(literal)
        literal = ""
        parts.append(Value(names[0], tuple(names[1:])))
    literal += text[end:]
    if literal:
        parts.append(literal)
    return Template(tuple(parts))

"""Templates: text with values of the request, such as `user-{params.id}`.

    template = *( text / "{" name *( "." name ) "}" / "{{" / "}}" )

`{{` and `}}` are literal braces, as in Python's `str.format`. Each option defines which sources it reads.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

SOURCES: Final = ("params", "query", "payload", "headers", "state", "credentials", "artifacts", "pre")
"""Sources that a request has after validation and its prerequisites."""

_TOKEN: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_NAME: Final = re.compile(r"[^\s.{}]+")


class TemplateError(ValueError):
    """Raised for an invalid template; the message says why."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the request: `source` is the first name in the braces, `path` the other names."""

    source: str
    path: tuple[str, ...]

    def __str__(self) -> str:
        return f"{{{'.'.join((self.source, *self.path))}}}"


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template: texts and values in order; adjacent texts are joined."""

    parts: tuple[str | Value, ...]

    @property
    def values(self) -> Iterator[Value]:
        """The values in the template."""
        return (part for part in self.parts if isinstance(part, Value))

    @property
    def texts(self) -> Iterator[str]:
        """The texts between the values."""
        return (part for part in self.parts if isinstance(part, str))


def parse(text: str) -> Template:
    """Parses a template; raises TemplateError for unbalanced braces and invalid names."""
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

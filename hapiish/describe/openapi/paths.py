"""Paths of hapi as templates of OpenAPI, which know neither optional parameters nor parameters of several segments.

/files/{rest*}     /files and /files/{rest}
/users/{id?}       /users and /users/{id}
/{pair*2}          /{pair_1}/{pair_2}
/{name}.{ext?}     /{name}. and /{name}.{ext}
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final

from hapiish.grammar.path import LiteralText, Mixed, Param, Segment, Wildcard, parse

_MOST_OPTIONAL: Final = 4
"""Optional parameters of one segment that become templates of their own; further ones count as required."""


@dataclass(frozen=True, slots=True)
class TemplateParameter:
    """A parameter of a template. `of` is its name in the table, `segment` its number if that spans several segments.

    `is_rest`: its value may contain slashes, which OpenAPI cannot say.
    """

    name: str
    of: str
    segment: int = 0
    is_rest: bool = False


@dataclass(frozen=True, slots=True)
class PathTemplate:
    """A template. `missing` are the parameters of the table's path that it leaves out; `shape` has `{}` for each."""

    text: str
    parameters: tuple[TemplateParameter, ...]
    missing: tuple[str, ...] = ()

    @property
    def shape(self) -> str:
        """The template without the names of its parameters; OpenAPI allows one template of a shape."""
        text = self.text
        for parameter in self.parameters:
            text = text.replace(f"{{{parameter.name}}}", "{}", 1)
        return text


Pieces = tuple[str, tuple[TemplateParameter, ...], tuple[str, ...]]


def templates(path: str) -> tuple[PathTemplate, ...]:
    """Returns the templates of a path, the one with all parameters first."""
    parsed = parse(path)
    used = set(parsed.params)
    choices = [tuple(_choices(segment, used)) for segment in parsed.segments]
    return tuple(_joined(choice) for choice in product(*choices))


def _joined(choice: tuple[Pieces | None, ...]) -> PathTemplate:
    pieces = [piece for piece in choice if piece is not None]
    text = "/" + "/".join(text for text, _, missing in pieces if text or not missing)
    return PathTemplate(
        text,
        tuple(parameter for _, parameters, _ in pieces for parameter in parameters),
        tuple(name for _, _, missing in pieces for name in missing),
    )


def _choices(segment: Segment, used: set[str]) -> Iterator[Pieces]:
    match segment:
        case LiteralText(text):
            yield text, (), ()
        case Wildcard(name):
            yield f"{{{name}}}", (TemplateParameter(name, name, is_rest=True),), ()
            yield "", (), (name,)
        case Param(name, optional=True):
            yield f"{{{name}}}", (TemplateParameter(name, name),), ()
            yield "", (), (name,)
        case Param(name, count=1):
            yield f"{{{name}}}", (TemplateParameter(name, name),), ()
        case Param(name, count=count):
            parameters = tuple(
                TemplateParameter(_free(f"{name}_{number}", used), name, number) for number in range(1, count + 1)
            )
            yield "/".join(f"{{{each.name}}}" for each in parameters), parameters, ()
        case Mixed(parts):
            yield from _mixed(parts)


def _mixed(parts: tuple[LiteralText | Param, ...]) -> Iterator[Pieces]:
    optional = [part.name for part in parts if isinstance(part, Param) and part.optional][:_MOST_OPTIONAL]
    for present in product((True, False), repeat=len(optional)):
        missing = tuple(name for name, here in zip(optional, present, strict=True) if not here)
        kept = [part for part in parts if not (isinstance(part, Param) and part.name in missing)]
        text = "".join(part.text if isinstance(part, LiteralText) else f"{{{part.name}}}" for part in kept)
        yield text, tuple(TemplateParameter(part.name, part.name) for part in kept if isinstance(part, Param)), missing


def _free(name: str, used: set[str]) -> str:
    while name in used:
        name += "_"
    used.add(name)
    return name

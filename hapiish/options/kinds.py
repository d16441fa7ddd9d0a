"""Kinds of handlers (`handler: {name: options}`, `kinds:`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final

from hapiish.declare.manifest import BuiltIns, KindManifest
from hapiish.declare.option import As, At, On, option, settings
from hapiish.declare.types import NOWHERE, Function, Json, Mark
from hapiish.options.routes import RouteOptions

KINDS: Final = BuiltIns[KindManifest](
    {
        "directory": "hapiish.options.files:DIRECTORY",
        "file": "hapiish.options.files:FILE",
        "model": "hapiish.options.resources:MODEL",
        "proxy": "hapiish.options.proxy:PROXY",
        "view": "hapiish.options.views:VIEW",
    }
)
"""The built-in kinds of handlers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A handler of a kind, `{name: options}`; the options of a built-in kind are an instance of its class.

    `places` are the marks of the options and of the values in them, by path.
    """

    name: str
    options: Json = None
    realm: int = 0  # the table that declares it; its models and folder apply
    mark: Mark = NOWHERE
    places: Mapping[tuple[str | int, ...], Mark] = field(default_factory=dict)

    def place(self, path: tuple[str | int, ...]) -> Mark:
        """Returns the mark of the option at `path`, or of the nearest enclosing value in the file."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, self.mark)

    def __str__(self) -> str:
        manifest = KINDS.get(self.name)
        subject = manifest.subject(self.options) if manifest is not None and manifest.subject is not None else None
        return f"{{{self.name}}}" if subject is None else f"{{{self.name}: {subject}}}"


@settings(
    name="kindHandler",
    strict=True,
    kinds=KINDS,
    extra={
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": True,
        "errorMessage": "exactly one kind of handler",
    },
)
class Handlers:
    """One kind of handler and its options."""


@settings(short="method", wanted='text of the form "module:attribute", or {method, defaults}')
@dataclass(frozen=True, slots=True, kw_only=True)
class KindSource:
    """A custom kind of handler: its factory, and default options of its routes."""

    method: Function = option(description="The factory `(server, route, options)` as module:attribute.")
    defaults: Annotated[Mapping[str, Json], As(Annotated[RouteOptions, At(On.DEFAULTS)])] = option(
        {}, "Default options of routes with a handler of this kind."
    )

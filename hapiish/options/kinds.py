"""Kinds of handlers (`handler: {name: options}`, `kinds:`)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from hapiish.options.declare import As, At, On, option, settings
from hapiish.options.files import DirectoryHandler, FileHandler
from hapiish.options.proxy import ProxyHandler
from hapiish.options.resources import ModelHandler
from hapiish.options.routes import RouteOptions
from hapiish.options.values import NOWHERE, Function, Json, Mark
from hapiish.options.views import ViewHandler


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A handler of a kind, `{name: options}`; the options of a built-in kind are of its class below.

    `places` are those of the options and of what is in them, by the path inside of them.
    """

    name: str
    options: Json = None
    realm: int = 0  # the table that wrote it, whose models and folder are meant
    mark: Mark = NOWHERE
    places: Mapping[tuple[str | int, ...], Mark] = field(default_factory=dict)

    def place(self, path: tuple[str | int, ...]) -> Mark:
        """Where the option at `path` stands; the nearest thing around one that is not written."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, self.mark)

    def __str__(self) -> str:
        given = self.options
        match given:
            case ModelHandler():
                subject = f"{given.name}.{given.action}"
            case ProxyHandler():
                uri = re.sub("//[^/@]*@", "//", given.uri or "").partition("?")[0]  # what else it has may be secret
                subject = uri or given.host or str(given.map_uri)
            case ViewHandler():
                subject = given.template
            case {"path": str(path)} | str(path) if self.name in ("file", "directory"):
                subject = path
            case _:
                return f"{{{self.name}}}"
        return f"{{{self.name}: {subject}}}"


@settings(
    name="kindHandler",
    strict=True,
    extra={
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": True,
        "errorMessage": "exactly one kind of handler",
    },
)
class Handlers:
    """One kind of handler and its options."""

    directory: DirectoryHandler | None = option(None)
    file: FileHandler | None = option(
        None,
        wanted='a path, a function "module:attribute" or settings',
    )
    model: ModelHandler | None = option(
        None,
        wanted="the name of a model, or settings",
    )
    proxy: ProxyHandler | None = option(
        None,
    )
    view: ViewHandler | None = option(
        None,
        wanted="the name of a template, or {template, context, options}",
    )


@settings(short="method", wanted='text of the form "module:attribute", or {method, defaults}')
@dataclass(frozen=True, slots=True, kw_only=True)
class KindSource:
    """A kind of the table's own: the factory, and the route options that it brings along."""

    method: Function = option(description="`(server, route, options)` as module:attribute.")
    defaults: Annotated[Mapping[str, Json], As(Annotated[RouteOptions, At(On.DEFAULTS)])] = option(
        {}, "Route options that routes of this kind have unless they say otherwise."
    )

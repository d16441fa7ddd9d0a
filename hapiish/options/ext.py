"""`ext`: extension functions at the points of the lifecycle."""

from dataclasses import dataclass
from typing import Annotated, Final

from hapiish.declare.option import Form, Items, On, option, settings
from hapiish.declare.types import NOWHERE, Function, Mark, TimeSpan

PluginNames = Annotated[
    tuple[str, ...],
    Items(one=True),
    Form(name="pluginNames", wanted="the name of a plugin, or a list of them", nullable=True),
]
_OF_ROUTES: Final = On.SERVER | On.ROUTES
_OF_EVENTS: Final = On.SERVER | On.EVERYWHERE


@settings(name="extension", short="method", wanted='a function "module:attribute", or a mapping with "method"')
@dataclass(frozen=True, slots=True, kw_only=True)
class Ext:
    """One extension function at a point of the lifecycle."""

    method: Function = option(description="The function `(request, h)`; at the points of the server, `(server)`.")
    before: PluginNames = option(
        (), "Plugins whose functions at the same point run after this one.", examples=["audit"]
    )
    after: PluginNames = option(
        (), "Plugins whose functions at the same point run before this one.", examples=["audit"]
    )
    bind: Function | None = option(
        None, "An object as module:attribute, available to the function as `h.context` in place of the route's `bind`."
    )
    timeout: TimeSpan | None = option(
        None,
        "The maximum duration of the function. It is then cancelled, and the response is a 500.",
        examples=["500ms"],
    )
    mark: Mark = NOWHERE


Extensions = Annotated[
    tuple[Ext, ...],
    Items(one=True),
    Form(
        name="extensions",
        wanted='a function "module:attribute", a mapping with "method", or a list of them',
        nullable=True,
    ),
]


@settings(name="ext")
class Points:
    """Extension functions by the point of the lifecycle at which they run."""

    on_request: Extensions = option((), "Before routing.", on=On.SERVER)
    on_pre_auth: Extensions = option((), "Before authentication.", on=_OF_ROUTES)
    on_credentials: Extensions = option((), "After authentication, before authorization.", on=_OF_ROUTES)
    on_post_auth: Extensions = option((), "After authorization.", on=_OF_ROUTES)
    on_pre_handler: Extensions = option((), "After validation, before `pre` and the handler.", on=_OF_EVENTS)
    on_post_handler: Extensions = option((), "After the handler; may replace the response.", on=_OF_EVENTS)
    on_pre_response: Extensions = option((), "Before any response is sent, errors included.", on=_OF_EVENTS)
    on_post_response: Extensions = option((), "After the response is sent.", on=_OF_EVENTS)
    on_pre_start: Extensions = option((), "Before the server accepts requests.", on=On.SERVER)
    on_post_start: Extensions = option((), "After the server has started to accept requests.", on=On.SERVER)
    on_post_reload: Extensions = option(
        (), "After a reload, when the new table handles requests. An exception is logged.", on=On.SERVER
    )
    on_readiness: Extensions = option(
        (),
        "With each readiness probe. Returns further checks by name, each true, false or a `hapiish.health.Check`. An "
        "exception is a failed check.",
        on=On.SERVER,
    )
    on_pre_stop: Extensions = option((), "Before the server stops accepting requests.", on=On.SERVER)
    on_post_stop: Extensions = option((), "After the server has stopped.", on=On.SERVER)

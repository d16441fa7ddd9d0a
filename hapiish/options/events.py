"""Events of the server, and who listens to them (`events:`)."""

from dataclasses import dataclass
from typing import Annotated

from hapiish.options.declare import As, Range, option, settings
from hapiish.options.values import Function, Names


@dataclass(frozen=True, slots=True, kw_only=True)
class TagFilter:
    """Events with one of `tags`, or with `all` of them."""

    tags: Names = option(description="Tags of which an event has one.", examples=[["error"]])
    all: bool = option(False, "Whether an event must have all of the tags.")


@settings(short="method", wanted='a function "module:attribute", or a mapping with "method"')
@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Who is called on an event of the server."""

    method: Function = option(
        description="The function, called with what the event carries: `(request)` for `response`, `(request, "
        "event, tags)` for `request`, `(event, tags)` for `log`, `(route)` for `route`, `(policy, "
        "cache, segment)` for `cachePolicy`; a `def` runs in the pool of threads."
    )
    channels: Names | None = option(
        None, "The channels that it listens to; without them all.", examples=[["internal", "error"]]
    )
    filter: TagFilter | None = option(None, "The tags that it listens to; without it all.")
    count: Annotated[int, Range(1)] | None = option(None, "How often it is called; without it every time.")


@settings(
    short="listeners",
    also=(Function, tuple[Listener, ...]),
    bare=True,
    wanted='a function "module:attribute", a list of listeners, or a mapping that declares an event',
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ServerEvent:
    """An event of the server and its listeners; the application's own events are declared with their channels."""

    listeners: Annotated[tuple[Listener, ...], As(Function | tuple[Listener, ...])] = option(
        (), "Who is called when the event happens.", wanted='a function "module:attribute", or a list of listeners'
    )
    channels: Names = option((), "The channels of an event of the application's own.")

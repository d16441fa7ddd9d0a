"""Events of the server, and their listeners (`events:`)."""

from dataclasses import dataclass
from typing import Annotated

from hapiish.declare.option import As, Range, option, settings
from hapiish.declare.types import Function, Names


@dataclass(frozen=True, slots=True, kw_only=True)
class TagFilter:
    """A filter of events by their tags."""

    tags: Names = option(description="Tags, of which an event must have one.", examples=[["error"]])
    all: bool = option(False, "Requires all of the tags.")


@settings(short="method", wanted='a function "module:attribute", or a mapping with "method"')
@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A listener to an event of the server."""

    method: Function = option(
        description="The function, which receives the arguments of the event: `(request)` for `response`, `(request, "
        "event, tags)` for `request`, `(event, tags)` for `log`, `(route)` for `route`, `(policy, cache, "
        "segment)` for `cachePolicy`. A `def` runs in the thread pool."
    )
    channels: Names | None = option(
        None, "The channels that the listener receives. The default is all.", examples=[["internal", "error"]]
    )
    filter: TagFilter | None = option(None, "The tags that the listener receives. The default is all.")
    count: Annotated[int, Range(1)] | None = option(None, "The maximum number of calls. The default is unlimited.")


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
        (),
        "The functions that are called when the event is emitted.",
        wanted='a function "module:attribute", or a list of listeners',
    )
    channels: Names = option((), "The channels of an event that the application declares.")

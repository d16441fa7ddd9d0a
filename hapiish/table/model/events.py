"""Events of the server, and who listens to them (`events:`)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TagFilter:
    """Events with one of `tags`, or with `all` of them."""

    tags: tuple[str, ...]
    all: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Who is called on an event of the server; `count` times at most."""

    method: str
    channels: tuple[str, ...] | None = None
    filter: TagFilter | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerEvent:
    """An event of the server and its listeners; the application's own events are declared with their channels."""

    listeners: tuple[Listener, ...] = ()
    channels: tuple[str, ...] = ()

"""`server.events`: what happens in a server, told to whoever wants to know (hapi's podium), and what of it is printed.

A table without listeners pays nothing for them. Listeners are called in the event loop, whichever thread emits; an
`async def` becomes a task of its own, and the error of a listener is logged and hurts nobody.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from inspect import isawaitable
from time import time
from typing import Any, Literal

from hapiish.bridge import anywhere
from hapiish.http.exchange import log
from hapiish.types import SERVER_EVENTS

Printed = Iterable[str] | Literal[False] | None
"""Tags of which one must be there, `*` for any; False prints nothing, None what is printed without being asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What listeners of `log` and `request` are given; `timestamp` in seconds since the epoch, `request` is its id."""

    channel: str
    tags: tuple[str, ...]
    data: Any
    timestamp: float
    request: str | None

    @property
    def error(self) -> BaseException | None:
        """The exception that the event is about."""
        return self.data if isinstance(self.data, BaseException) else None


@dataclass(slots=True, eq=False, kw_only=True)
class Listener:
    """`function` is called for events on one of `channels` with one of `tags`, all of them with `every`; None: any."""

    function: Callable[..., Any]
    channels: frozenset[str] | None = None
    tags: frozenset[str] | None = None
    every: bool = False
    count: int | None = None
    """How often it is called before it is removed."""

    def wants(self, channel: str | None, tags: frozenset[str]) -> bool:
        """Whether the event is for this listener."""
        if self.channels is not None and channel not in self.channels:
            return False
        return self.tags is None or (self.tags <= tags if self.every else not self.tags.isdisjoint(tags))


class Events:
    """`changed` is called with a name when somebody begins or ceases to listen to it."""

    def __init__(self, changed: Callable[[str], None] | None = None) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self._changed = changed
        self._own: dict[str, tuple[str, ...]] = {}
        self._declared: Mapping[str, tuple[str, ...]] = {}
        self._table: Mapping[str, tuple[Listener, ...]] = {}
        self._listeners: dict[str, list[Listener]] = {}
        self._prints: Mapping[str, Printed] = {}
        self._tasks: set[asyncio.Future[Any]] = set()

    @property
    def home(self) -> asyncio.AbstractEventLoop | None:
        """The event loop of the server, for calls from threads."""
        return self.loop

    def adopt(
        self,
        declared: Mapping[str, tuple[str, ...]],
        listeners: Mapping[str, tuple[Listener, ...]],
        prints: Mapping[str, Printed],
    ) -> None:
        """What a table says of events, in place of what the one before it said."""
        self._declared, self._table, self._prints = declared, listeners, prints

    def register(self, name: str, channels: Iterable[str] = ()) -> None:
        """Declares an event of the application; raises ValueError for a name that is taken."""
        if self._channels(name) is not None:
            raise ValueError(f'the event "{name}" is there already')
        self._own[name] = tuple(channels)

    def on(
        self,
        name: str,
        function: Callable[..., Any],
        *,
        channels: Iterable[str] | None = None,
        tags: Iterable[str] | None = None,
        every: bool = False,
        count: int | None = None,
    ) -> None:
        """Calls `function` on every event of that name; see Listener. Raises ValueError for an unknown name."""
        known = self._known(name)
        wanted = None if channels is None else frozenset(channels)
        if wanted is not None and not wanted <= set(known):
            raise ValueError(f'the event "{name}" has no channel {", ".join(sorted(wanted - set(known)))}')
        wanted_tags = None if tags is None else frozenset(tags)
        listener = Listener(function=function, channels=wanted, tags=wanted_tags, every=every, count=count)
        self._listeners.setdefault(name, []).append(listener)
        self._tell(name)

    def once(self, name: str, function: Callable[..., Any], **criteria: Any) -> None:
        """As `on`, for one event."""
        self.on(name, function, count=1, **criteria)

    def remove_listener(self, name: str, function: Callable[..., Any]) -> None:
        """Calls `function` no more; what the table lists stays."""
        self._known(name)
        self._listeners[name] = [each for each in self._listeners.get(name, ()) if each.function is not function]
        self._tell(name)

    def has_listeners(self, name: str) -> bool:
        """Whether anybody wants to know."""
        self._known(name)
        return bool(self._listeners.get(name) or self._table.get(name))

    def emit(self, name: str, *given: Any, channel: str | None = None, tags: Iterable[str] = ()) -> None:
        """Calls the listeners with `given`, from any thread. Raises ValueError for an unknown name or channel."""
        known = self._known(name)
        if channel is not None and channel not in known:
            raise ValueError(f'the event "{name}" has no channel {channel}')
        if not (self._listeners.get(name) or self._table.get(name)):
            return
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            if self.loop is not None:
                self.loop.call_soon_threadsafe(self._deliver, name, given, channel, frozenset(tags))
        else:
            self._deliver(name, given, channel, frozenset(tags))

    @anywhere
    async def gauge(self, name: str, *given: Any, channel: str | None = None, tags: Iterable[str] = ()) -> list[Any]:
        """Calls the listeners and waits for them: what each has returned, or raised."""
        self._known(name)
        called = [self._call(listener, given) for listener in self._taken(name, channel, frozenset(tags))]
        return await asyncio.gather(*called, return_exceptions=True)

    def log(self, tags: Iterable[str], data: Any = None, *, channel: str = "app") -> None:
        """An event `log`."""
        event = Event(channel=channel, tags=tuple(tags), data=data, timestamp=time(), request=None)
        self._print("log", event, True)
        self.emit("log", event, event.tags, channel=channel, tags=event.tags)

    def request(self, request: Any, event: Event, *, printed: bool) -> None:
        """An event `request`; `printed` says what becomes of it where `server.debug` does not."""
        if event.channel != "error":  # which is logged in every case
            self._print("request", event, printed)
        self.emit("request", request, event, event.tags, channel=event.channel, tags=event.tags)

    def _print(self, name: str, event: Event, printed: bool) -> None:
        wanted = self._prints.get(name)
        if printed if wanted is None else wanted and ("*" in wanted or not set(wanted).isdisjoint(event.tags)):
            log.event(event.request, list(event.tags), event.data)

    def _deliver(self, name: str, given: tuple[Any, ...], channel: str | None, tags: frozenset[str]) -> None:
        for listener in self._taken(name, channel, tags):
            try:
                result = listener.function(*given)
            except Exception as error:  # noqa: BLE001 - a listener hurts nobody
                log.crashed("-", f"a listener of {name}", error)
                continue
            if isawaitable(result):
                task = asyncio.ensure_future(_guarded(name, result))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def _taken(self, name: str, channel: str | None, tags: frozenset[str]) -> list[Listener]:
        """Who is to be called now; whoever has been called often enough is removed."""
        taken = [each for each in self._table.get(name, ()) if each.count != 0 and each.wants(channel, tags)]
        taken += [each for each in self._listeners.get(name, ()) if each.wants(channel, tags)]
        spent = False
        for listener in taken:
            if listener.count is not None:
                listener.count -= 1
                spent = spent or listener.count == 0
        if spent and name in self._listeners:
            self._listeners[name] = [each for each in self._listeners[name] if each.count != 0]
            self._tell(name)
        return taken

    @staticmethod
    async def _call(listener: Listener, given: tuple[Any, ...]) -> Any:
        result = listener.function(*given)
        return await result if isawaitable(result) else result

    def _tell(self, name: str) -> None:
        if self._changed is not None:
            self._changed(name)

    def _channels(self, name: str) -> tuple[str, ...] | None:
        for names in (SERVER_EVENTS, self._declared, self._own):
            if name in names:
                return names[name]
        return None

    def _known(self, name: str) -> tuple[str, ...]:
        known = self._channels(name)
        if known is None:
            raise ValueError(f'there is no event "{name}"; server.event declares one')
        return known


async def _guarded(name: str, result: Awaitable[Any]) -> None:
    try:
        await result
    except Exception as error:  # noqa: BLE001 - a listener hurts nobody
        log.crashed("-", f"a listener of {name}", error)

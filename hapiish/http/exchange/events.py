"""`server.events`: emits events to listeners (hapi's podium) and prints those that `server.debug` selects.

Without listeners events cost nothing. Listeners run in the event loop, whichever thread emits. An `async def` runs as a
task; an exception of a listener is logged and does not propagate.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from inspect import isawaitable
from time import time
from typing import Any, Literal

from hapiish.bridge import anywhere
from hapiish.http.exchange import log
from hapiish.types import SERVER_EVENTS, Value

Printed = Iterable[str] | Literal[False] | None
"""Tags of which an event needs one to be printed, `*` for any; False prints none, None follows the event's default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The event that `log` and `request` listeners get; `timestamp` in seconds since the epoch, `request` an id."""

    channel: str
    tags: tuple[str, ...]
    data: Value
    timestamp: float
    request: str | None

    @property
    def error(self) -> BaseException | None:
        """The exception, if the event's data is one."""
        return self.data if isinstance(self.data, BaseException) else None


@dataclass(slots=True, eq=False, kw_only=True)
class Listener:
    """Calls `function` for events on one of `channels` with one of `tags` (all with `every`); None matches any."""

    function: Callable[..., Any]
    channels: frozenset[str] | None = None
    tags: frozenset[str] | None = None
    every: bool = False
    count: int | None = None
    """Number of calls left before the listener is removed; None for no limit."""

    def wants(self, channel: str | None, tags: frozenset[str]) -> bool:
        """Returns whether the event matches."""
        if self.channels is not None and channel not in self.channels:
            return False
        return self.tags is None or (self.tags <= tags if self.every else not self.tags.isdisjoint(tags))


@dataclass(slots=True, eq=False)
class _Shared:
    """The part of `Events` that belongs to the process: every table of a server has the same."""

    changed: Callable[[str], None] | None
    loop: asyncio.AbstractEventLoop | None = None
    declared: dict[str, tuple[str, ...]] = field(default_factory=dict)
    listeners: dict[str, list[Listener]] = field(default_factory=dict)
    tasks: set[asyncio.Future[Any]] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableEvents:
    """The part of `Events` that comes from a table: events with their channels, listeners, and tags to print."""

    declared: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    listeners: Mapping[str, tuple[Listener, ...]] = field(default_factory=dict)
    prints: Mapping[str, Printed] = field(default_factory=dict)


class Events:
    """Declared events and their listeners: those of the application, and those of one `table`.

    `changed` is called with the name of an event when the application adds or removes a listener.
    """

    def __init__(self, changed: Callable[[str], None] | None = None) -> None:
        self.table = TableEvents()
        self._shared = _Shared(changed)

    def of(self, table: TableEvents) -> "Events":
        """The application's events, combined with those of another table."""
        made = Events()
        made.table, made._shared = table, self._shared
        return made

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop in which listeners are called; None while the server is stopped."""
        return self._shared.loop

    @loop.setter
    def loop(self, loop: asyncio.AbstractEventLoop | None) -> None:
        self._shared.loop = loop

    @property
    def home(self) -> asyncio.AbstractEventLoop | None:
        """The event loop of the server, for calls from threads."""
        return self.loop

    def register(self, name: str, channels: Iterable[str] = ()) -> None:
        """Declares an event of the application; raises ValueError for a name that exists."""
        if self._channels(name) is not None:
            raise ValueError(f'the event "{name}" is declared already')
        self._shared.declared[name] = tuple(channels)

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
        """Calls `function` on every event of that name. Raises ValueError for an unknown name or channel.

        `channels` and `tags` select events: those with one of the tags, with `every` those with all. `count` is the
        number of events after which the listener is removed.
        """
        known = self._known(name)
        wanted = None if channels is None else frozenset(channels)
        if wanted is not None and not wanted <= set(known):
            raise ValueError(f'the event "{name}" has no channel {", ".join(sorted(wanted - set(known)))}')
        wanted_tags = None if tags is None else frozenset(tags)
        listener = Listener(function=function, channels=wanted, tags=wanted_tags, every=every, count=count)
        self._shared.listeners.setdefault(name, []).append(listener)
        self._notify_changed(name)

    def once(self, name: str, function: Callable[..., Any], **criteria: Any) -> None:
        """Like `on`, for the next event only."""
        self.on(name, function, count=1, **criteria)

    def remove_listener(self, name: str, function: Callable[..., Any]) -> None:
        """Removes `function` from the listeners; those of the table stay."""
        self._known(name)
        present = self._shared.listeners.get(name, ())
        self._shared.listeners[name] = [each for each in present if each.function is not function]
        self._notify_changed(name)

    def has_listeners(self, name: str) -> bool:
        """Returns whether the event has a listener."""
        self._known(name)
        return bool(self._shared.listeners.get(name) or self.table.listeners.get(name))

    def emit(self, name: str, *arguments: Value, channel: str | None = None, tags: Iterable[str] = ()) -> None:
        """Calls the listeners with `arguments`, from any thread. Raises ValueError for an unknown name or channel."""
        known = self._known(name)
        if channel is not None and channel not in known:
            raise ValueError(f'the event "{name}" has no channel {channel}')
        if not (self._shared.listeners.get(name) or self.table.listeners.get(name)):
            return
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            if self.loop is not None:
                self.loop.call_soon_threadsafe(self._deliver, name, arguments, channel, frozenset(tags))
        else:
            self._deliver(name, arguments, channel, frozenset(tags))

    @anywhere
    async def gauge(
        self, name: str, *arguments: Value, channel: str | None = None, tags: Iterable[str] = ()
    ) -> list[Value]:
        """Calls the listeners, awaits them and returns their results or exceptions."""
        self._known(name)
        called = [self._call(listener, arguments) for listener in self._matching(name, channel, frozenset(tags))]
        return await asyncio.gather(*called, return_exceptions=True)

    def log(self, tags: Iterable[str], data: Value = None, *, channel: str = "app") -> None:
        """Emits an event `log`."""
        event = Event(channel=channel, tags=tuple(tags), data=data, timestamp=time(), request=None)
        self._print("log", event, True)
        self.emit("log", event, event.tags, channel=channel, tags=event.tags)

    def request(self, request: object, event: Event, *, printed: bool) -> None:
        """Emits an event `request`; `printed` is the default where `server.debug` does not decide."""
        if event.channel != "error":  # errors are always logged
            self._print("request", event, printed)
        self.emit("request", request, event, event.tags, channel=event.channel, tags=event.tags)

    def _print(self, name: str, event: Event, printed: bool) -> None:
        wanted = self.table.prints.get(name)
        if printed if wanted is None else wanted and ("*" in wanted or not set(wanted).isdisjoint(event.tags)):
            log.event(event.request, list(event.tags), event.data)

    def _deliver(self, name: str, arguments: tuple[Value, ...], channel: str | None, tags: frozenset[str]) -> None:
        for listener in self._matching(name, channel, tags):
            try:
                result = listener.function(*arguments)
            except Exception as error:  # noqa: BLE001 - a listener's error does not propagate
                log.crashed("-", f"a listener of {name}", error)
                continue
            if isawaitable(result):
                task = asyncio.ensure_future(_guarded(name, result))
                self._shared.tasks.add(task)
                task.add_done_callback(self._shared.tasks.discard)

    def _matching(self, name: str, channel: str | None, tags: frozenset[str]) -> list[Listener]:
        """The listeners to call now; those whose count is used up are removed."""
        listeners = self._shared.listeners
        taken = [each for each in self.table.listeners.get(name, ()) if each.count != 0 and each.wants(channel, tags)]
        taken += [each for each in listeners.get(name, ()) if each.wants(channel, tags)]
        spent = False
        for listener in taken:
            if listener.count is not None:
                listener.count -= 1
                spent = spent or listener.count == 0
        if spent and name in listeners:
            listeners[name] = [each for each in listeners[name] if each.count != 0]
            self._notify_changed(name)
        return taken

    @staticmethod
    async def _call(listener: Listener, arguments: tuple[Value, ...]) -> Value:
        result = listener.function(*arguments)
        return await result if isawaitable(result) else result

    def _notify_changed(self, name: str) -> None:
        if self._shared.changed is not None:
            self._shared.changed(name)

    def _channels(self, name: str) -> tuple[str, ...] | None:
        for names in (SERVER_EVENTS, self.table.declared, self._shared.declared):
            if name in names:
                return names[name]
        return None

    def _known(self, name: str) -> tuple[str, ...]:
        known = self._channels(name)
        if known is None:
            raise ValueError(f'unknown event "{name}"; declare it with server.event')
        return known


async def _guarded(name: str, result: Awaitable[Value]) -> None:
    try:
        await result
    except Exception as error:  # noqa: BLE001 - a listener's error does not propagate
        log.crashed("-", f"a listener of {name}", error)

"""Shard: one Redis server of the queue, with a connection for commands and one for subscriptions.

It reconnects with a growing pause of at most two seconds and then renews every subscription. A heartbeat, a message to
itself, shows that published messages arrive: a connection may be open while its subscriptions are lost.
"""

import asyncio
import random
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from hapiish.outages import Service
from hapiish.realtime.cluster.link import PATIENCE, Link
from hapiish.realtime.cluster.resp import ReplyError, command

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.5
"""Seconds between attempts to connect."""

INTERVAL = 2.0
"""Seconds between heartbeats."""

LATE = 5.0
"""Seconds after which a heartbeat is lost. A dead subscription is noticed after `INTERVAL` and this, at the latest."""

JOINING = 1.0
"""Longest time that a socket waits for a subscription, in seconds."""

RENEWAL = 30.0
"""Longest time for renewing all subscriptions, in seconds."""

MOST_WAITING = 32 * 1024 * 1024
"""Bytes that may wait for the server; further messages are dropped, because memory is finite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """The commands for publishing and subscribing: those of sharded channels in a Redis Cluster from version 7."""

    publish: bytes = b"PUBLISH"
    subscribe: bytes = b"SUBSCRIBE"
    unsubscribe: bytes = b"UNSUBSCRIBE"
    confirmed: bytes = b"subscribe"
    revoked: bytes = b"sunsubscribe"
    message: bytes = b"message"


PLAIN = Dialect()
SHARDED = Dialect(
    publish=b"SPUBLISH",
    subscribe=b"SSUBSCRIBE",
    unsubscribe=b"SUNSUBSCRIBE",
    confirmed=b"ssubscribe",
    message=b"smessage",
)

OnMessage = Callable[[bytes, bytes], int]
"""Handles a message of a channel; returns the number of deliveries that it caused."""


@dataclass(slots=True, kw_only=True)
class ShardEvents:
    """The callbacks of a shard. The messages of its pattern have their own callback."""

    on_message: OnMessage
    on_pattern: OnMessage
    on_beat: Callable[["Shard"], Any]
    on_moved: Callable[[], None]


@dataclass(slots=True)
class Subscription:
    """A wanted channel, and those that wait until the server has confirmed it."""

    is_active: bool = False
    waiters: list[asyncio.Future[None]] = field(default_factory=list)

    def release(self) -> None:
        """Lets those that wait continue."""
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(None)
        self.waiters.clear()


class Shard:
    """One server: `make` returns a new connection to it, `beat` is the channel of its heartbeat."""

    def __init__(
        self, make: Callable[[], Any], events: ShardEvents, service: Service, *, beat: bytes, dialect: Dialect = PLAIN
    ) -> None:
        self.dialect = dialect
        self.is_up = False
        self.first = asyncio.Event()
        """Set after the first attempt to connect."""
        self._make = make
        self._events = events
        self._service = service
        self._beat = beat
        self._beats = 0
        self._seen = asyncio.Event()
        self._doubtful = False  # a subscription was not confirmed in time
        self._wanted: dict[bytes, Subscription] = {}
        self._unconfirmed: dict[bytes, int] = {}  # commands by channel
        self._pattern: bytes | None = None
        self._commands: Link | None = None
        self._messages: Link | None = None
        self._task = asyncio.create_task(self._serve())

    @property
    def is_away(self) -> bool:
        """True while the server does not answer, or reads too slowly."""
        return not self.is_up or self._service.is_away

    # Messages

    def publish(self, channel: bytes, payload: bytes) -> bool:
        """Sends a message if the server is there; returns whether it was sent."""
        link = self._open()
        if link is None:
            return False
        link.send(command(self.dialect.publish, channel, payload))
        return True

    def publish_plain(self, channel: bytes, payload: bytes) -> None:
        """Sends a message to a channel that is not sharded."""
        link = self._open()
        if link is not None:
            link.send(command(b"PUBLISH", channel, payload))

    def publish_counted(self, channel: bytes, payload: bytes) -> asyncio.Future[Any] | None:
        """Sends a message; returns the future of the number of its receivers, None if the server is away."""
        return self.ask(self.dialect.publish, channel, payload)

    def ask(self, *words: bytes) -> asyncio.Future[Any] | None:
        """Sends a command; returns the future of its reply, None if the server is away."""
        link = self._open()
        return link.ask(command(*words)) if link is not None else None

    def _open(self) -> Link | None:
        link = self._commands
        if link is None or not self.is_up:
            return None
        if link.waiting > MOST_WAITING:
            self._service.lost(f"more than {MOST_WAITING} bytes wait for it")
            return None
        return link

    # Subscriptions

    def subscribe(self, channel: bytes) -> None:
        """Subscribes to a channel, also after every reconnection."""
        self._wanted[channel] = Subscription()
        if self._messages is not None:
            self._send_subscription(channel)

    def _send_subscription(self, channel: bytes) -> None:
        assert self._messages is not None
        self._unconfirmed[channel] = self._unconfirmed.get(channel, 0) + 1
        self._messages.send(command(self.dialect.subscribe, channel))

    def unsubscribe(self, channel: bytes) -> None:
        """Ends a subscription."""
        subscription = self._wanted.pop(channel, None)
        if subscription is None:
            return
        subscription.release()
        if self._messages is not None:
            self._messages.send(command(self.dialect.unsubscribe, channel))

    def set_pattern(self, pattern: bytes | None) -> None:
        """Subscribes to the channels that match a pattern, also after every reconnection; None ends that."""
        if pattern == self._pattern:
            return
        before, self._pattern = self._pattern, pattern
        if self._messages is not None:
            self._messages.send(command(b"PSUBSCRIBE", pattern) if pattern else command(b"PUNSUBSCRIBE", before or b""))

    def renew(self) -> None:
        """Subscribes again to channels that the server has refused or revoked, because they were moved."""
        if self.is_up:
            for channel, subscription in self._wanted.items():
                if not subscription.is_active:
                    self._unconfirmed.pop(channel, None)
                    self._send_subscription(channel)

    def wants(self, channel: bytes) -> bool:
        """Returns True for a channel that is subscribed, or will be."""
        return channel in self._wanted

    def confirmed(self, channel: bytes) -> bool:
        """Returns True for a channel whose messages arrive."""
        subscription = self._wanted.get(channel)
        return subscription is not None and subscription.is_active

    async def active(self, channels: Iterable[bytes]) -> None:
        """Waits until the server has confirmed the subscriptions, a bounded time, and not while it is away."""
        if not self.is_up or self._doubtful:
            return
        waiters = []
        for channel in channels:
            subscription = self._wanted.get(channel)
            if subscription is not None and not subscription.is_active:
                waiter = asyncio.get_running_loop().create_future()
                subscription.waiters.append(waiter)
                waiters.append(waiter)
        if waiters:
            _, late = await asyncio.wait(waiters, timeout=JOINING)
            self._doubtful = self._doubtful or bool(late)

    # Connection

    async def close(self) -> None:
        """Sends what waits, within a bounded time, and closes the connections."""
        if self.is_up and self._commands is not None:
            with suppress(Exception):
                await self._commands.ping(PATIENCE)
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _serve(self) -> None:
        pause = FIRST_PAUSE
        while True:
            beats = self._beats
            try:
                await self._connect()
                self.first.set()
                await self._watch()
            except Exception as error:  # noqa: BLE001 - no error may end it
                self._service.lost(error, yet=not self.first.is_set())
                self._events.on_moved()
            finally:
                self._disconnect()
                self.first.set()
            pause = FIRST_PAUSE if self._beats > beats else min(pause * 2, LONGEST_PAUSE)
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - no secret

    async def _connect(self) -> None:
        self._commands = await Link.open(self._make, None, self._refused)
        messages = await Link.open(self._make, self._pushed, self._refused)
        self._messages = messages
        messages.send(command(self.dialect.subscribe, self._beat))
        if self._pattern is not None:
            messages.send(command(b"PSUBSCRIBE", self._pattern))
        for channel in self._wanted:
            self._send_subscription(channel)
        await messages.ping(RENEWAL)
        self.is_up = True
        self._doubtful = False
        self._service.back()
        self._events.on_moved()

    def _disconnect(self) -> None:
        self.is_up = False
        for link in (self._commands, self._messages):
            if link is not None:
                link.close()
        self._commands = self._messages = None
        self._unconfirmed.clear()
        for subscription in self._wanted.values():
            subscription.is_active = False
            subscription.release()

    async def _watch(self) -> None:
        """Returns with the error of a connection, or if heartbeats do not arrive."""
        assert self._commands is not None
        assert self._messages is not None
        beating = asyncio.create_task(self._beating())
        try:
            done, _ = await asyncio.wait(
                (beating, self._commands.ended, self._messages.ended), return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            beating.cancel()
        for task in done:
            task.result()

    async def _beating(self) -> None:
        while True:
            self._seen.clear()
            if not self.publish(self._beat, b"%d" % self._beats):
                raise TimeoutError("the server does not read")
            try:
                await asyncio.wait_for(self._seen.wait(), LATE)
            except TimeoutError:
                raise TimeoutError(f"no heartbeat for {LATE:g} s") from None
            self._doubtful = False
            self._service.back()
            self._events.on_beat(self)
            await asyncio.sleep(INTERVAL)

    def _pushed(self, push: list[Any]) -> int:
        kind = push[0]
        if kind == self.dialect.message:
            if push[1] == self._beat:
                self._beats += 1
                self._seen.set()
                return 0
            return self._events.on_message(push[1], push[2])
        if kind == self.dialect.confirmed:
            self._confirm(push[1])
        elif kind == b"pmessage":
            return self._events.on_pattern(push[2], push[3])
        elif kind == self.dialect.revoked and push[1] in self._wanted and push[1] not in self._unconfirmed:
            self._wanted[push[1]].is_active = False
            self._events.on_moved()
        return 0

    def _refused(self, error: ReplyError) -> None:
        self._events.on_moved()

    def _confirm(self, channel: bytes) -> None:
        """Handles a confirmation; one that a later command follows does not count."""
        left = self._unconfirmed.pop(channel, 1) - 1
        subscription = self._wanted.get(channel)
        if left:
            self._unconfirmed[channel] = left
        elif subscription is not None:
            subscription.is_active = True
            subscription.release()

"""Presence: counts the sockets of each user in this process, with a grace time after the last one."""

import asyncio
from collections.abc import Iterable
from time import monotonic
from typing import Final

from hapiish import options
from hapiish.bridge import anywhere, loop_only
from hapiish.realtime.presence.change import Announce, Announcer
from hapiish.realtime.presence.registry import MemoryRegistry, Registry

MOST_IDS: Final = 10_000
"""Most ids of one call of `online`."""

LONGEST_ID: Final = 256
"""Longest id of a user in characters; a socket with a longer one does not count."""

GONE_PER_TURN: Final = 1000
"""Users whose grace time ends before the event loop runs other tasks."""


class Presence:
    """`request.server.presence`: the users with a connected socket. Used on the event loop, `online` anywhere.

    A user is online from the first connection in any process until the grace time after the last disconnection.
    `announce` is called with each change. Without a Redis at `url`, the users of this process are all users.
    """

    def __init__(self, settings: options.Presence, *, url: str, partition: str, announce: Announce) -> None:
        self.home: asyncio.AbstractEventLoop | None = None
        self._grace = settings.grace / 1000
        self._announcer = Announcer(announce)
        self._registry = self._make(settings, url, partition)
        self._sockets: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._leaving: dict[str, float] = {}  # the end of the grace time by user, earliest first
        self._timer: asyncio.TimerHandle | None = None

    def _make(self, settings: options.Presence, url: str, partition: str) -> Registry:
        if not url:
            return MemoryRegistry(self._announcer)
        from hapiish.realtime.presence.leases import LeaseRegistry

        return LeaseRegistry(
            url, partition=partition, lease=settings.lease, grace=settings.grace, announcer=self._announcer
        )

    @anywhere
    async def online(self, ids: Iterable[object]) -> set[str]:
        """Returns those of the users with `ids` that are online, as text.

        Raises ValueError for more than `MOST_IDS` ids. Raises ServerUnavailable, a retryable 503, while Redis is away,
        unless all of them are connected to this process: a user is never reported offline because of an outage.
        """
        asked = list(dict.fromkeys(map(str, ids)))
        if len(asked) > MOST_IDS:
            raise ValueError(f"at most {MOST_IDS} ids can be asked for at once")
        here = {user for user in asked if user in self._counts or user in self._leaving}
        rest = [user for user in asked if user not in here]
        return here | await self._registry.online(rest) if rest else here

    def arrive(self, sid: str, user: str) -> None:
        """Counts a connected socket of a user."""
        if len(user) > LONGEST_ID or sid in self._sockets:
            return
        self._sockets[sid] = user
        count = self._counts.get(user, 0)
        self._counts[user] = count + 1
        if not count and self._leaving.pop(user, None) is None:
            self._registry.come(user)

    def depart(self, sid: str) -> None:
        """Counts a socket as disconnected; does nothing for one that was not counted."""
        user = self._sockets.pop(sid, None)
        if user is None:
            return
        count = self._counts[user] - 1
        if count:
            self._counts[user] = count
            return
        del self._counts[user]
        self._leaving[user] = monotonic() + self._grace
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._grace, self._end_grace)

    def _end_grace(self) -> None:
        """Removes the users whose grace time has ended."""
        self._timer = None
        now = monotonic()
        for _ in range(GONE_PER_TURN):
            user, end = next(iter(self._leaving.items()), ("", 0.0))
            if not user or end > now:
                break
            del self._leaving[user]
            self._registry.go(user)
        if self._leaving:
            wait = max(0.0, next(iter(self._leaving.values())) - now)
            self._timer = asyncio.get_running_loop().call_later(wait, self._end_grace)

    @loop_only
    async def start(self) -> None:
        """Begins to renew the lease of this process. Does not wait for Redis."""
        self.home = asyncio.get_running_loop()
        await self._registry.start()

    @loop_only
    async def close(self) -> None:
        """Ends the lease of this process: its users have the grace time to reconnect to another one."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self._registry.close()
        await self._announcer.close()
        for state in (self._sockets, self._counts, self._leaving):
            state.clear()

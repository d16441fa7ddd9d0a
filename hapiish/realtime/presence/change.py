"""PresenceChange, and the announcer that calls the application with changes."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

CALLS_AT_ONCE: Final = 16
"""Changes that are announced at the same time."""

logger = logging.getLogger("hapiish.realtime")


@dataclass(frozen=True, slots=True)
class PresenceChange:
    """A user has come online or gone offline. `at` is in milliseconds since the epoch.

    Changes of one user may be announced by different processes; `at` has their order.
    """

    id: str
    """The id of the user."""
    online: bool
    """True if the user has come online, False if the user has gone offline."""
    at: int
    """The time of the change."""


Announce = Callable[[PresenceChange], Awaitable[None]]


async def ignore(change: PresenceChange) -> None:
    """Announces a change to nobody."""


class Announcer:
    """Calls `announce` with changes: those of one user in order, others beside each other. Logs its errors."""

    def __init__(self, announce: Announce) -> None:
        self._announce = announce
        self._waiting: deque[PresenceChange] = deque()
        self._task: asyncio.Task[None] | None = None

    def add(self, changes: Iterable[PresenceChange]) -> None:
        """Announces changes soon."""
        self._waiting.extend(changes)
        if self._waiting and self._task is None:
            self._task = asyncio.create_task(self._run())

    @property
    def waiting(self) -> int:
        """The number of changes that are not announced yet."""
        return len(self._waiting)

    async def close(self) -> None:
        """Drops the changes that are not announced yet."""
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        try:
            while self._waiting:
                turn: dict[str, PresenceChange] = {}
                while self._waiting and len(turn) < CALLS_AT_ONCE and self._waiting[0].id not in turn:
                    change = self._waiting.popleft()
                    turn[change.id] = change
                await asyncio.gather(*map(self._call, turn.values()))
        finally:
            self._task = None

    async def _call(self, change: PresenceChange) -> None:
        try:
            await self._announce(change)
        except Exception:
            logger.exception("onChange of sockets.presence failed")

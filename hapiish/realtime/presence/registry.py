"""Registry: which users are online. The protocol of a registry, and the registry of a single process, in memory."""

import time
from collections.abc import Sequence
from typing import Protocol

from hapiish.realtime.presence.change import Announcer, PresenceChange


class Registry(Protocol):
    """The users that processes have online. `come` and `go` return at once; the change is announced when it is made."""

    def come(self, user: str) -> None:
        """Registers a user of this process."""

    def go(self, user: str) -> None:
        """Removes a user of this process."""

    async def online(self, users: Sequence[str]) -> set[str]:
        """Returns those that are online in any process. Raises ServerUnavailable if this cannot be said."""

    async def start(self) -> None:
        """Begins to renew the lease of this process, and to watch those of others."""

    async def close(self) -> None:
        """Ends the work of `start`."""


class MemoryRegistry:
    """The registry of one process."""

    def __init__(self, announcer: Announcer) -> None:
        self._announcer = announcer
        self._users: set[str] = set()

    def come(self, user: str) -> None:
        """Registers and announces a user."""
        self._users.add(user)
        self._announcer.add([PresenceChange(user, online=True, at=round(time.time() * 1000))])

    def go(self, user: str) -> None:
        """Removes a user and announces it."""
        self._users.discard(user)
        self._announcer.add([PresenceChange(user, online=False, at=round(time.time() * 1000))])

    async def online(self, users: Sequence[str]) -> set[str]:
        """Returns those that are online."""
        return self._users.intersection(users)

    async def start(self) -> None:
        """Does nothing."""

    async def close(self) -> None:
        """Forgets all users."""
        self._users.clear()

"""LeaseRegistry: the online users of several processes, in Redis. A process that dies leaves a lease, which ends."""

import asyncio
import logging
import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, Final

from redis.exceptions import RedisError

from hapiish import boom
from hapiish.outages import Service
from hapiish.realtime.presence.change import Announcer, PresenceChange
from hapiish.realtime.presence.commands import RedisCommands
from hapiish.realtime.presence.scripts import RENEW, RETIRE, SWEEP

BATCH: Final = 500
"""Users of one command."""

RETRY: Final = 1.0
"""Seconds until the next attempt while Redis is away."""

MOST_WAITING: Final = 1000
"""Changes that wait for the application; with more, this process leaves those of ended leases to others for a while."""

RETENTION: Final = 86_400_000
"""Milliseconds for which Redis keeps the data of a service that has ended."""

logger = logging.getLogger("hapiish.realtime")


class LeaseRegistry:
    """The registry of this process in the Redis at `url`. `lease` and `grace` are in milliseconds.

    Commands run in one task; changes wait there while Redis is away. A process that was frozen beyond its lease, and
    one whose Redis has lost its data, registers all of its users again.
    """

    def __init__(self, url: str, *, partition: str, lease: int, grace: int, announcer: Announcer) -> None:
        self._redis = RedisCommands(url)
        self._announcer = announcer
        self._interval = lease / 3000
        # A process that dies right after a renewal leaves its users the grace time, too.
        self._lease = max(lease, lease // 3 + grace)
        self._grace = grace
        self._prefix = f"{{{partition}:presence}}"
        self._process = secrets.token_hex(8)
        self._users: set[str] = set()  # of this process
        self._held: set[str] = set()  # those of them that Redis has
        self._pending: dict[str, bool] = {}  # changes that Redis has not made: True adds
        self._known: set[str] = set()  # announced before Redis lost its data
        self._epoch = ""
        self._read = 0  # the number of the last change that was read
        self._uncertain_until = 0.0
        self._wake = self._tried = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False
        self._service = Service("the Redis of sockets.presence", "presence is unknown")

    def come(self, user: str) -> None:
        """Registers a user soon."""
        self._users.add(user)
        self._want(user)

    def go(self, user: str) -> None:
        """Removes a user soon."""
        self._users.discard(user)
        self._want(user)

    def _want(self, user: str) -> None:
        wanted = user in self._users
        if wanted == (user in self._held):
            self._pending.pop(user, None)
        else:
            self._pending[user] = wanted
            self._wake.set()

    async def online(self, users: Sequence[str]) -> set[str]:
        """Returns those of the users that any process has online. Raises ServerUnavailable while Redis is away."""
        found: set[str] = set()
        try:
            for start in range(0, len(users), BATCH):
                batch = users[start : start + BATCH]
                counts = await self._redis.run("HMGET", f"{self._prefix}:users", *batch)
                found.update(user for user, count in zip(batch, counts, strict=True) if count is not None)
            epoch = await self._redis.run("GET", f"{self._prefix}:epoch") if len(found) < len(users) else self._epoch
        except (RedisError, OSError) as error:
            raise _unavailable() from error
        if epoch != self._epoch:
            self._wake.set()
        # After a loss of data, processes register their users again, within an interval.
        if len(found) < len(users) and (epoch != self._epoch or monotonic() < self._uncertain_until):
            raise _unavailable()
        return found

    async def start(self) -> None:
        """Begins to renew the lease; returns after the first attempt."""
        self._is_closed = False
        self._wake = asyncio.Event()
        self._tried = asyncio.Event()
        self._task = asyncio.create_task(self._run())
        with suppress(TimeoutError):
            async with asyncio.timeout(RETRY):
                await self._tried.wait()

    async def close(self) -> None:
        """Leaves the users of this process the grace time to connect to another one."""
        if self._task is not None:
            # redis-py may swallow a cancellation: it uses asyncio.wait_for, which does so up to Python 3.11.
            self._is_closed = True
            self._wake.set()
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
            with suppress(RedisError, OSError):
                await self._redis.script(RETIRE, self._keys(), self._process, self._grace)
        await self._redis.close()
        self._epoch = ""
        for state in (self._users, self._held, self._pending, self._known):
            state.clear()

    async def _run(self) -> None:
        while not self._is_closed:
            self._wake.clear()
            wait = self._interval
            try:
                await self._round()
                self._service.back()
            except (RedisError, OSError) as error:
                self._service.lost(error)
                self._tried.set()
                await asyncio.sleep(min(RETRY, wait))
            except Exception:
                logger.exception("presence failed")
                await asyncio.sleep(wait)
            else:
                self._tried.set()
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._wake.wait()

    async def _round(self) -> None:
        """Renews the lease, makes the pending changes, and removes users of processes whose leases have ended."""
        while not self._is_closed:
            added, removed = self._batch()
            reply = await self._renew(added, removed)
            if not reply[1]:
                await self._register(reply[0])
                self._epoch = ""  # the next renewal is a registration
                continue
            self._epoch, _, changes, count, ended = reply
            self._changed(added, removed)
            self._announce(changes)
            if count != len(self._held):  # such as after a failover that lost some writes
                await self._register(self._epoch)
            if not self._pending:
                self._known.clear()
                if not await self._sweep(ended):
                    return

    def _batch(self) -> tuple[list[str], list[str]]:
        added: list[str] = []
        removed: list[str] = []
        for user, wanted in self._pending.items():
            (added if wanted else removed).append(user)
            if len(added) + len(removed) == BATCH:
                break
        return added, removed

    async def _renew(self, added: list[str], removed: list[str]) -> Any:
        epochs = secrets.token_hex(8), self._epoch
        settings = self._process, self._lease, RETENTION
        return await self._redis.script(
            RENEW, self._keys(), self._read, *settings, *epochs, len(added), *added, *removed
        )

    def _changed(self, added: list[str], removed: list[str]) -> None:
        self._held.update(added)
        self._held.difference_update(removed)
        for user in (*added, *removed):
            self._want(user)

    async def _register(self, epoch: str) -> None:
        """Registers all users again: the lease has ended, or Redis has lost data."""
        members = set(await self._redis.run("SMEMBERS", self._keys()[3]))
        missed: set[str] = set()
        if self._epoch not in ("", epoch):
            # Those that were announced are not announced again. Those that have gone meanwhile are registered too, so
            # that their removal is announced.
            missed = self._held - self._users - members
            self._known |= self._held
            self._uncertain_until = monotonic() + 2 * self._interval
        self._held = members
        self._pending = dict.fromkeys((self._users | missed) - members, True)
        self._pending |= dict.fromkeys(members - self._users, False)

    async def _sweep(self, processes: Iterable[str]) -> bool:
        """Removes some users of each process, as fast as the application takes the changes; True if there were any."""
        if self._announcer.waiting >= MOST_WAITING:
            return False
        for process in processes:
            keys = [*self._keys(), *self._keys(process)[3:]]
            await self._redis.script(SWEEP, keys, self._read, process, BATCH)
        return bool(processes)

    def _announce(self, changes: Iterable[str]) -> None:
        for change in changes:
            number, at, state, user = change.split("|", 3)
            self._read = int(number)
            if state == "0" or user not in self._known:
                self._announcer.add([PresenceChange(user, online=state == "1", at=int(at))])

    def _keys(self, process: str | None = None) -> list[str]:
        own = process or self._process
        return [f"{self._prefix}:{name}" for name in ("processes", "users", "epoch", f"of:{own}", f"changes:{own}")]


def _unavailable() -> boom.ServerUnavailable:
    return boom.ServerUnavailable(
        "Presence is not available; try again",
        code="unavailable",
        data={"retryable": True},
        headers={"retry-after": "1"},
    )

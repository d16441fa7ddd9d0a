"""Detects an outage of the database from slow calls, ends the calls that wait for it, and keeps the pool usable.

No ping is sent while calls return. After a call has been in the driver for `SUSPICIOUS`, a ping is sent in a separate
thread. While the ping is unanswered, threads that wait in the driver are suspended, so that calls without a database
continue. If the ping has no answer within the timeout of a call, the outage begins: each call that has waited that long
is answered 503, and further calls are as soon as they use the driver. A ping per second detects the recovery. The
outage and its end are logged once each.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import FrameType

import pymongo

from hapiish.outages import Service
from hapiish.store import errors
from hapiish.store.threads import Pool

SUSPICIOUS = 0.25  # seconds in the driver after which a call triggers a ping
BRISK = 0.02  # seconds between checks while a ping is unanswered, so that other calls get a thread soon
TRIAL = 1.0  # seconds between pings during an outage
AT_ONCE = 1e-6  # seconds: an expired timeout, because the driver otherwise waits half a second for a server


class Watch:
    """Monitors the calls of one pool. `ping(seconds)` blocks and returns True if the database answers in time.

    `seconds` is how long a call may wait for the database, including its time in the queue. `recovered` is called at
    the end of an outage. Bound to one event loop, from `start` to `stop`.
    """

    def __init__(
        self, pool: Pool, ping: Callable[[float], bool], seconds: float, recovered: Callable[[], None]
    ) -> None:
        self._service = Service("MongoDB", "calls to it are answered 503", log="hapiish.store")
        self._pool = pool
        self._ping = ping
        self._seconds = seconds
        self._recovered = recovered
        self._interval = min(SUSPICIOUS, seconds / 4)
        self._probes = Pool(1)
        self._probe: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def is_away(self) -> bool:
        """True during an outage."""
        return self._service.is_away

    def start(self) -> None:
        """Starts monitoring the pool, on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._pool.hooks.queued = self._schedule_check

    async def stop(self) -> None:
        """Stops monitoring the pool."""
        self._loop = self._pool.hooks.queued = self._pool.hooks.around = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._probe is not None:
            self._probe.cancel()
        await self._probes.stop(0.05)

    def doubt(self) -> None:
        """Pings the database, because a call had no answer."""
        if self._probe is None and self._loop is not None:
            self._probe = self._loop.create_task(self._ping_until_answered())

    def _schedule_check(self) -> None:
        """Schedules a check after a call was queued; one check serves all calls until then."""
        if self._timer is None and self._loop is not None:
            self._timer = self._loop.call_later(self._pause(), self._check)

    def _check(self) -> None:
        """Answers calls that have waited too long during an outage, and suspends those that wait in the driver."""
        self._timer = None
        running = self._pool.running()
        if not running:
            return
        now, least = time.monotonic(), self._pause() / 2
        waiting = [job for job in running if now - job.started_at >= least and in_driver(job.thread)]
        if self._probe is not None:
            for job in waiting:
                self._pool.suspend(job)
                if self.is_away and now - job.queued_at >= self._seconds - self._interval / 2:
                    job.settle(None, errors.unavailable(in_doubt=True))
        elif waiting:
            self.doubt()
        self._schedule_check()

    def _pause(self) -> float:
        return self._interval if self._probe is None else min(self._interval, BRISK)

    async def _ping_until_answered(self) -> None:
        try:
            while not await self._probes.call(self._ping, self._seconds - self._interval):
                if not self.is_away:
                    self.lost()
                await asyncio.sleep(TRIAL)
            if self.is_away:
                self._back()
        finally:
            self._probe = None

    def lost(self, *, yet: bool = False) -> None:
        """Begins an outage. `yet` if the database has not answered since the start."""
        self._service.lost(yet=yet)
        self._pool.hooks.around = _expired
        if self._timer is not None:
            self._timer.cancel()
            self._check()

    def _back(self) -> None:
        self._service.back()
        self._pool.hooks.around = None
        self._recovered()


def _expired() -> AbstractContextManager[object]:
    return pymongo.timeout(AT_ONCE)


def in_driver(thread: int) -> bool:
    """Returns True if the thread with that ident waits in PyMongo, at any depth of its stack."""
    frame: FrameType | None = sys._current_frames().get(thread)  # noqa: SLF001 - documented
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith("pymongo."):
            return True
        frame = frame.f_back
    return False

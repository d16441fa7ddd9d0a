"""Whether the database answers, told by its calls: what waits for one that does not is ended, and others get by.

Nothing is asked while calls come back. When one has been in the driver for `SUSPICIOUS` a ping is sent, in a thread of
its own. While that is unanswered the threads that wait in the driver count for nothing, so that work which needs no
database goes on. When it has had no answer by the time a call may take, the database is away: each call that has waited
that long is a 503, and calls that come are, too, as soon as they ask the driver. A ping each second finds out that it
is back. Losing it is one warning, its return one line.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import FrameType

import pymongo

from hapiish.service import Service
from hapiish.store import errors
from hapiish.store.threads import Pool

SUSPICIOUS = 0.25  # seconds in the driver after which a call makes one ask
BRISK = 0.02  # seconds between looks while a ping is unanswered, so that nobody waits behind calls that wait
TRIAL = 1.0  # seconds between pings to a database that is away
AT_ONCE = 1e-6  # seconds: the driver waits half a second for a server unless the time is over when it looks for one


class Watch:
    """Looks after the calls of one pool. `ping(seconds)` blocks, and says whether the database answers in time.

    `seconds` is how long a call may wait for the database, its turn in the pool included. `recovered` is called when
    the database is back. Belongs to one event loop, from `start` to `stop`.
    """

    def __init__(
        self, pool: Pool, ping: Callable[[float], bool], seconds: float, recovered: Callable[[], None]
    ) -> None:
        self._service = Service("MongoDB", "what needs it is answered 503", log="hapiish.store")
        self._pool = pool
        self._ping = ping
        self._seconds = seconds
        self._recovered = recovered
        self._look_each = min(SUSPICIOUS, seconds / 4)
        self._probes = Pool(1)
        self._probe: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def is_away(self) -> bool:
        """Whether the database is known not to answer."""
        return self._service.is_away

    def start(self) -> None:
        """Begins to look after the pool, on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._pool.hooks.begun = self._begun

    async def stop(self) -> None:
        """Ends that; the pool's calls are their own again."""
        self._loop = self._pool.hooks.begun = self._pool.hooks.around = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._probe is not None:
            self._probe.cancel()
        await self._probes.stop(0.05)

    def doubt(self) -> None:
        """Asks the database, since somebody had no answer from it."""
        if self._probe is None and self._loop is not None:
            self._probe = self._loop.create_task(self._find_out())

    def _begun(self) -> None:
        """A call has been handed to the pool: a look is due, one for all that come until then."""
        if self._timer is None and self._loop is not None:
            self._timer = self._loop.call_later(self._pause(), self._look)

    def _look(self) -> None:
        """Ends calls that have waited too long for a database that is away, and has others get by those that wait."""
        self._timer = None
        running = self._pool.running()
        if not running:
            return
        now, least = time.monotonic(), self._pause() / 2
        waiting = [job for job in running if now - job.began >= least and in_driver(job.thread)]
        if self._probe is not None:
            for job in waiting:
                self._pool.spare(job)
                if self.is_away and now - job.asked >= self._seconds - self._look_each / 2:
                    job.settle(None, errors.unavailable(in_doubt=True))
        elif waiting:
            self.doubt()
        self._begun()

    def _pause(self) -> float:
        return self._look_each if self._probe is None else min(self._look_each, BRISK)

    async def _find_out(self) -> None:
        """Pings until there is an answer."""
        try:
            while not await self._probes.call(self._ping, self._seconds - self._look_each):
                if not self.is_away:
                    self.lost()
                await asyncio.sleep(TRIAL)
            if self.is_away:
                self._found()
        finally:
            self._probe = None

    def lost(self, *, yet: bool = False) -> None:
        """It is known that the database does not answer; `yet`: it never did."""
        self._service.lost(yet=yet)
        self._pool.hooks.around = _hurried
        if self._timer is not None:
            self._timer.cancel()
            self._look()

    def _found(self) -> None:
        self._service.back()
        self._pool.hooks.around = None
        self._recovered()


def _hurried() -> AbstractContextManager[object]:
    return pymongo.timeout(AT_ONCE)  # for whatever of a call asks the driver


def in_driver(thread: int) -> bool:
    """Whether the thread of that ident waits in PyMongo, at whatever depth."""
    frame: FrameType | None = sys._current_frames().get(thread)  # noqa: SLF001 - documented
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith("pymongo."):
            return True
        frame = frame.f_back
    return False

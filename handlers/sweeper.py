"""Background jobs of the chat. A job runs in one process at a time; a lease in the database determines the process.

A module registers its jobs when it is imported. `start`, `stop` and `check` are extension points of the table.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from random import random
from time import monotonic
from typing import Any, Final, TypeVar

from hapiish.bridge import is_async
from hapiish.health import Check

from . import background
from .settings import settings

T = TypeVar("T")

MARGIN: Final = 5.0
"""Seconds for which a lease lasts beyond the deadline of its job."""

PATIENCE: Final = 5.0
"""Seconds that running jobs have to end when the server stops."""

FIRST: Final = 20.0
"""Most seconds before the first run in a new process."""

LONGEST_PAUSE: Final = 15.0
"""Most seconds between attempts while the database fails."""

log = logging.getLogger("chat.sweeper")


@dataclass(frozen=True, slots=True)
class Job:
    """A job. `function(server)`, `def` or `async def`, returns the numbers of repaired objects by name, or None.

    It runs every `every` seconds and ends within `deadline` seconds. With `is_everywhere`, each process runs it,
    without a lease.
    """

    name: str
    every: float
    function: Callable[[Any], Any]
    deadline: float
    is_everywhere: bool


_jobs: dict[str, Job] = {}


def register(
    name: str,
    every_seconds: float,
    function: Callable[[Any], Any],
    *,
    deadline: float = 20.0,
    everywhere: bool = False,
) -> None:
    """Registers a job, see `Job`. It begins with the next start or reload of the server.

    The setting `sweeper.pace` multiplies all intervals.
    """
    _jobs[name] = Job(name, every_seconds, function, deadline, everywhere)


async def start(server: Any) -> None:
    """Starts the jobs, after a start and after a reload (`onPostStart`, `onPostReload`)."""
    await background.start(server, "sweeper", Sweeper(server, _jobs.values()))


async def stop(server: Any) -> None:
    """Ends the jobs (`onPreStop`)."""
    await background.stop(server, "sweeper")


async def check(server: Any) -> dict[str, Check]:
    """Returns the readiness check `sweeper`. Each use of the table has its own."""
    key = background.key_of(server, "sweeper")
    sweeper = server.app.get(key)
    return {} if sweeper is None else {key: sweeper.check()}


async def call(server: Any, function: Callable[..., T], *args: Any) -> T:
    """Returns the result of a blocking function, run in a thread of the sweeper. For jobs that are `async def`."""
    result: T = await server.app[background.key_of(server, "sweeper")].call(function, *args)
    return result


class Sweeper:
    """The jobs of one use of the table in this process; those with a lease run one after another."""

    def __init__(self, server: Any, jobs: Iterable[Job]) -> None:
        self.server = server
        self.jobs = tuple(jobs)
        self.pace: float = float(settings(server)["sweeper"].get("pace", 1))
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._shown: dict[str, dict[str, Any]] = {}
        self._errors: dict[str, str] = {}
        self._turn = asyncio.Lock()
        self._end = asyncio.Event()
        self._background = background.Background("sweeper")
        self.call = self._background.call

    def start(self) -> None:
        """Starts a task for each job."""
        for job in self.jobs:
            self._tasks[job.name] = asyncio.create_task(self._keep(job))

    async def stop(self) -> None:
        """Ends the tasks. Running jobs have `PATIENCE` seconds to finish."""
        self._end.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks.values(), timeout=PATIENCE)
            for task in late:
                task.cancel()
        self._background.close()

    def check(self) -> Check:
        """Returns the last runs of the jobs. The check fails if a job cannot run, in this process or another."""
        shown = {job.name: {**self._shown.get(job.name, {})} for job in self.jobs}
        ended = {name: "ended" for name, task in self._tasks.items() if task.done()}
        for name, error in (ended | self._errors).items():
            shown[name]["error"] = error
        passed = not any("error" in each for each in shown.values())
        return Check(passed, is_required=False, details={name: each for name, each in shown.items() if each})

    async def _keep(self, job: Job) -> None:
        """Runs a job at its times until the sweeper stops. No error ends it."""
        every, failures = job.every * self.pace, 0
        await self._rest(min(every, FIRST * self.pace) * _spread(0.5, 1))
        while not self._end.is_set():
            if self._is_away:  # no command is sent to a database that does not answer
                self._fail(job, "unavailable")
                await self._rest(1)
                continue
            try:
                pause = await (self._run_here(job, every) if job.is_everywhere else self._run_as_leader(job, every))
                failures = 0
            except Exception as error:  # noqa: BLE001 - of any job
                failures += 1
                self._fail(job, type(error).__name__, error)
                pause = min(LONGEST_PAUSE, every, 2.0 ** min(failures, 10)) * _spread(0.5, 1)
            await self._rest(max(pause, 0.05))

    @property
    def _is_away(self) -> bool:
        store = getattr(self.server, "store", None)
        return store is not None and store.is_away

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._end.wait()

    async def _run_here(self, job: Job, every: float) -> float:
        began = monotonic()
        self._note(job, await self._result(job), began)
        return every * _spread(0.9, 1.1)

    async def _run_as_leader(self, job: Job, every: float) -> float:
        """Runs the job if it is due and no other process runs it; returns seconds until the next attempt."""
        leases, key = self.server.models.Lease, f"{background.key_of(self.server, 'sweeper')}/{job.name}"
        async with self._turn:
            taken = await self.call(leases.take, key, job.deadline + MARGIN)
            if taken.token is None:
                self._shown[job.name] = taken.described()
                if "error" not in taken.last:
                    self._works(job)
                return float(min(taken.wait, every) + _spread(0, 0.1) * min(every, 10))
            began, failure = monotonic(), None
            counts: Mapping[str, int] = {}
            try:
                counts = await self._result(job)
            except Exception as error:  # noqa: BLE001 - raised below
                failure = error
            name = type(failure).__name__ if failure is not None else None
            finish = partial(leases.finish, key, taken.token, every=every, counts=counts, error=name)
            self._shown[job.name] = (await self.call(partial(finish, seconds=monotonic() - began))).described()
            if failure is not None:
                raise failure
            self._note(job, counts, began)
            return every * _spread(1, 1.1)

    async def _result(self, job: Job) -> dict[str, int]:
        async with asyncio.timeout(job.deadline):
            if is_async(job.function):
                counts = await job.function(self.server)
            else:
                counts = await self.call(job.function, self.server, seconds=job.deadline)
        return {name: count for name, count in (counts or {}).items() if count}

    def _note(self, job: Job, counts: Mapping[str, int], began: float) -> None:
        self._works(job)
        if counts:
            said = ", ".join(f"{count} {name}" for name, count in counts.items())
            log.warning("%s: repaired %s in %.2f s", job.name, said, monotonic() - began)

    def _works(self, job: Job) -> None:
        if self._errors.pop(job.name, None) is not None:
            log.info("%s: runs again", job.name)

    def _fail(self, job: Job, reason: str, error: Exception | None = None) -> None:
        """Logs the first failure of several in a row."""
        if job.name not in self._errors:
            log.error("%s: cannot run (%s)", job.name, reason, exc_info=error)
        self._errors[job.name] = reason


def _spread(low: float, high: float) -> float:
    """Returns a random number, so that processes that started together do not run jobs together."""
    return low + (high - low) * random()  # noqa: S311 - no secret

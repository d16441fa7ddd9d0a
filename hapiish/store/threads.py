"""Blocking callables to awaitables: one small pool of threads per application, for `def` handlers and for MongoEngine.

Small on purpose: more threads than about four add no throughput and delay the event loop. Knows no database.
"""

import asyncio
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from contextvars import Context, copy_context
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import RLock, Thread, current_thread, get_ident
from time import monotonic
from typing import Any, TypeVar, TypeVarTuple

from hapiish.bridge import anywhere, awaited_by_thread, here, loop_only

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

PATIENCE = 0.05  # seconds between looks at a worker whose end is waited for

SPARE = 60
"""Calls that may wait for the event loop, or for a database that does not answer, while further ones begin.

What such a call itself waits for begins all the same: else all of them would wait for a thread that none gives back.
"""

MOST = 1000
"""Threads of a pool, however deep calls wait for calls."""


@dataclass(slots=True)
class Hooks:
    """What somebody does about calls: `begun()` follows each one into the queue, on the loop; it runs `around()`."""

    begun: Callable[[], None] | None = None
    around: Callable[[], AbstractContextManager[object]] | None = None


class Pool:
    """At most `threads` blocking calls at a time; further ones wait for their turn, in order.

    A call that waits for the event loop (`hapiish.bridge`) does not count: another one may begin, so that what it
    waits for can run in the pool, too. The pool may be used again after `stop`, so that one application can be started
    twice.
    """

    __slots__ = ("__weakref__", "_crew", "hooks", "threads")

    def __init__(self, threads: int = 4) -> None:
        self.threads = threads
        self.hooks = Hooks()
        self._crew: _Crew | None = None

    @anywhere
    async def call(self, function: Callable[[*Ts], T], /, *args: *Ts) -> T:
        """The result of `function(*args)`, run in a thread that sees the caller's context variables.

        Cancelling takes a call that has not begun out of the queue; one that has begun runs to its end, because a
        thread cannot be interrupted: its result is dropped, what it wrote stays written.
        """
        crew = self._crew
        if crew is None:
            crew = self._crew = _Crew(self.threads, self.hooks)
            weakref.finalize(self, crew.end)
        job = Job(asyncio.get_running_loop(), copy_context(), function, args)
        crew.put(job)
        if self.hooks.begun is not None:
            self.hooks.begun()
        result: T = await job.future
        return result

    def running(self) -> "list[Job]":
        """The calls that have begun and are not through."""
        return list(self._crew.running.values()) if self._crew is not None else []

    def spare(self, job: "Job") -> None:
        """Lets another call begin beside `job`, which waits and computes nothing."""
        if self._crew is not None:
            self._crew.spare(job)

    @loop_only
    async def stop(self, seconds: float | None = None) -> None:
        """Drops the calls that wait and returns when those that have begun are through, or after so many seconds.

        A call that was answered because its database does not is not waited for. What then still runs is left to
        itself: its thread ends with the process.
        """
        crew, self._crew = self._crew, None
        if crew is not None:
            crew.end()
            await asyncio.to_thread(crew.join, seconds)


class Job:
    """One call on its way into a thread and back; times are those of `time.monotonic`."""

    __slots__ = ("args", "asked", "began", "context", "function", "future", "is_awaited", "is_spared", "loop", "thread")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, context: Context, function: Callable[..., Any], args: tuple[Any, ...]
    ) -> None:
        self.loop = loop
        self.context = context
        self.function = function
        self.args = args
        self.future: asyncio.Future[Any] = loop.create_future()
        self.asked = monotonic()
        self.began = 0.0
        self.thread = 0
        self.is_awaited = context.get(awaited_by_thread, False)  # by a thread of the pool
        self.is_spared = False

    def run(self, around: Callable[[], AbstractContextManager[object]] | None) -> None:
        result: Any = None
        error: BaseException | None = None
        try:
            if around is None:
                result = self.context.run(self.function, *self.args)
            else:
                result = self.context.run(_within, around, self.function, self.args)
        except StopIteration as stopped:
            # A future refuses this one exception, and whoever awaits it would wait for ever.
            error = RuntimeError("a blocking call raised StopIteration")
            error.__cause__ = stopped
        except BaseException as raised:  # noqa: BLE001 - whatever it is belongs to the caller
            error = raised
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self.loop.call_soon_threadsafe(self.settle, result, error)
        del result, error  # whose traceback has this very frame

    def settle(self, result: Any, error: BaseException | None) -> None:
        """Ends the wait for this call, on its loop; what comes later is dropped."""
        if self.future.done():
            return
        if error is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(error)


def _within(around: Callable[[], AbstractContextManager[object]], function: Callable[..., T], args: Any) -> T:
    with around():
        return function(*args)


class _Crew:
    """The threads of a pool. Apart from it, so that a pool that is forgotten takes its threads along."""

    def __init__(self, threads: int, hooks: Hooks) -> None:
        self.threads = threads
        self.hooks = hooks
        self.jobs: SimpleQueue[Job | None] = SimpleQueue()
        self.most = threads + SPARE  # calls that wait while others begin
        self.held: deque[Job] = deque()  # until fewer wait
        self.running: dict[int, Job] = {}  # by the thread's ident
        self.lock = RLock()  # the collector may end a crew in the middle of anything
        self.workers: set[Thread] = set()
        self.waiting = 0  # workers whose call waits for the event loop, or for a database that does not answer
        self.ended = False

    def put(self, job: Job) -> None:
        self.jobs.put(job)
        if len(self.workers) - self.waiting < self.threads:
            self.hire()

    def hire(self) -> None:
        with self.lock:
            if self.ended or len(self.workers) - self.waiting >= self.threads:
                return
            if len(self.workers) >= MOST:
                return
            worker = Thread(target=self.work, name=f"hapiish_{len(self.workers)}", daemon=True)
            self.workers.add(worker)
            worker.start()

    def work(self) -> None:
        here.lends = self.lend
        while (job := self.jobs.get()) is not None:
            if not job.future.cancelled() and not self.hold(job):
                here.loop = job.loop
                job.thread, job.began = get_ident(), monotonic()
                self.running[job.thread] = job
                job.run(self.hooks.around)
                with self.lock:
                    del self.running[job.thread]
                    self.waiting -= job.is_spared
                    self.let_go()
            del job  # an idle thread keeps nothing alive
            if self.is_surplus():
                return

    def hold(self, job: Job) -> bool:
        """Whether the job has to wait until fewer calls do."""
        if job.is_awaited or self.waiting < self.most:
            return False
        with self.lock:
            if self.waiting < self.most or self.ended:
                return False
            self.held.append(job)
        return True

    def let_go(self) -> None:
        """Lets as many begin as may wait by now."""
        for _ in range(min(len(self.held), self.most - self.waiting)):
            self.jobs.put(self.held.popleft())

    def is_surplus(self) -> bool:
        """Whether this thread stood in for one that works again, and so has to go."""
        if len(self.workers) - self.waiting <= self.threads:
            return False
        with self.lock:
            surplus = not self.ended and len(self.workers) - self.waiting > self.threads
            if surplus:
                self.workers.discard(current_thread())
        return surplus

    def lend(self, waits: bool) -> None:
        with self.lock:
            self.waiting += 1 if waits else -1
            self.let_go()
        if waits and not self.jobs.empty():
            self.hire()

    def spare(self, job: Job) -> None:
        with self.lock:
            if job.is_spared or self.running.get(job.thread) is not job:
                return
            job.is_spared = True
        self.lend(waits=True)

    def end(self) -> None:
        with self.lock:
            if self.ended:
                return
            self.ended = True
            workers = len(self.workers)
        with suppress(Empty):
            while True:
                job = self.held.popleft() if self.held else self.jobs.get_nowait()
                if job is not None:
                    with suppress(RuntimeError):
                        job.loop.call_soon_threadsafe(job.future.cancel)
        for _ in range(workers):
            self.jobs.put(None)

    def join(self, seconds: float | None) -> None:
        until = None if seconds is None else monotonic() + seconds
        for worker in tuple(self.workers):
            while worker.is_alive() and not self.is_given_up(worker) and (until is None or monotonic() < until):
                worker.join(PATIENCE if until is None else max(0.0, min(PATIENCE, until - monotonic())))

    def is_given_up(self, worker: Thread) -> bool:
        """Whether a worker's call waits for a database that does not answer, and its caller waits no longer."""
        job = self.running.get(worker.ident or 0)
        return job is not None and job.is_spared and job.future.done()

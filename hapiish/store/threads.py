"""A thread pool per application, for `def` handlers and MongoEngine: awaits blocking functions.

The pool is bounded, because threads that compute delay the event loop. Threads that wait do not: a write sleeps until
it is in the journal, so a service needs more threads than its processor has cores. Independent of a database.
"""

import asyncio
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import RLock, Thread, current_thread, get_ident
from time import monotonic
from typing import Any, TypeVar, TypeVarTuple

from hapiish.bridge import anywhere, awaited_by_thread, here, loop_only

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

PATIENCE = 0.05  # seconds between checks of a worker that `stop` waits for

SPARE = 60
"""Maximum number of suspended calls: those that wait for the event loop or for a database that does not answer.

Further calls begin beside them. Calls that a suspended call waits for are exempt from the limit, to avoid a deadlock.
"""

MOST = 1000
"""Maximum number of threads of a pool, including those of nested calls."""


@dataclass(slots=True)
class Hooks:
    """Hooks of calls: `queued()` is called on the loop after a call is queued, `around()` is the context it runs in."""

    queued: Callable[[], None] | None = None
    around: Callable[[], AbstractContextManager[object]] | None = None


class Pool:
    """Runs at most `threads` blocking calls at a time; further calls are queued in order.

    A call that waits for the event loop (`hapiish.bridge`) does not count: its own nested calls need a thread, too. The
    pool can be used again after `stop`, so that an application can be started twice.
    """

    __slots__ = ("__weakref__", "_crew", "hooks", "threads")

    def __init__(self, threads: int = 4) -> None:
        self.threads = threads
        self.hooks = Hooks()
        self._crew: _Crew | None = None

    @anywhere
    async def call(self, function: Callable[[*Ts], T], /, *args: *Ts) -> T:
        """Returns the result of `function(*args)`, run in a thread with the caller's context variables.

        Cancellation removes a queued call. A running call keeps running, because a thread cannot be interrupted: its
        result is discarded, its writes remain.
        """
        crew = self._crew
        if crew is None:
            crew = self._crew = _Crew(self.threads, self.hooks)
            weakref.finalize(self, crew.end)
        job = Job(asyncio.get_running_loop(), copy_context(), function, args)
        crew.put(job)
        if self.hooks.queued is not None:
            self.hooks.queued()
        result: T = await job.future
        return result

    def running(self) -> "list[Job]":
        """Returns the running calls."""
        return list(self._crew.running.values()) if self._crew is not None else []

    def suspend(self, job: "Job") -> None:
        """Suspends `job`, which waits for the database: another call may begin beside it."""
        if self._crew is not None:
            self._crew.suspend(job)

    @loop_only
    async def stop(self, seconds: float | None = None) -> None:
        """Cancels queued calls and waits until the running ones have ended, for at most `seconds`.

        Does not wait for a call that was answered 503 because its database does not answer. A thread that still runs
        then ends with the process.
        """
        crew, self._crew = self._crew, None
        if crew is not None:
            crew.end()
            await asyncio.to_thread(crew.join, seconds)


@dataclass(slots=True, eq=False)
class Job:
    """One call. Times are those of `time.monotonic`."""

    loop: asyncio.AbstractEventLoop
    context: Context
    function: Callable[..., Any]
    args: tuple[Any, ...]
    future: asyncio.Future[Any] = field(init=False)
    queued_at: float = field(default_factory=monotonic)
    started_at: float = 0.0
    thread: int = 0
    is_awaited: bool = field(init=False)  # a thread of the pool waits for it
    is_suspended: bool = False

    def __post_init__(self) -> None:
        self.future = self.loop.create_future()
        self.is_awaited = self.context.get(awaited_by_thread, False)

    def run(self, around: Callable[[], AbstractContextManager[object]] | None) -> None:
        result: Any = None
        error: BaseException | None = None
        try:
            if around is None:
                result = self.context.run(self.function, *self.args)
            else:
                result = self.context.run(_within, around, self.function, self.args)
        except StopIteration as stopped:
            # A future rejects StopIteration, and its caller would wait forever.
            error = RuntimeError("a blocking call raised StopIteration")
            error.__cause__ = stopped
        except BaseException as raised:  # noqa: BLE001 - handed to the caller
            error = raised
        with suppress(RuntimeError):  # the loop is closed, so no caller waits
            self.loop.call_soon_threadsafe(self.settle, result, error)
        del result, error  # the error's traceback refers to this frame: a reference cycle

    def settle(self, result: Any, error: BaseException | None) -> None:
        """Sets the result on the call's loop. A later result is discarded."""
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
    """The threads of a pool. Holds no reference to the pool, so that the pool's finalizer ends them."""

    def __init__(self, threads: int, hooks: Hooks) -> None:
        self.threads = threads
        self.hooks = hooks
        self.jobs: SimpleQueue[Job | None] = SimpleQueue()
        self.max_suspended = threads + SPARE
        self.held: deque[Job] = deque()  # queued until fewer calls are suspended
        self.running: dict[int, Job] = {}  # by the thread's ident
        self.lock = RLock()  # reentrant: the garbage collector may call `end` at any point
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
                job.thread, job.started_at = get_ident(), monotonic()
                self.running[job.thread] = job
                job.run(self.hooks.around)
                with self.lock:
                    del self.running[job.thread]
                    self.waiting -= job.is_suspended
                    self.resume_held()
            del job  # so that an idle thread keeps no object alive
            if self.is_surplus():
                return

    def hold(self, job: Job) -> bool:
        """Holds the job back if too many calls are suspended. Returns True if it is held."""
        if job.is_awaited or self.waiting < self.max_suspended:
            return False
        with self.lock:
            if self.waiting < self.max_suspended or self.ended:
                return False
            self.held.append(job)
        return True

    def resume_held(self) -> None:
        """Queues held jobs again, as many as the limit of suspended calls allows."""
        for _ in range(min(len(self.held), self.max_suspended - self.waiting)):
            self.jobs.put(self.held.popleft())

    def is_surplus(self) -> bool:
        """Returns True if this thread replaced one that has resumed, and removes it from the workers."""
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
            self.resume_held()
        if waits and not self.jobs.empty():
            self.hire()

    def suspend(self, job: Job) -> None:
        with self.lock:
            if job.is_suspended or self.running.get(job.thread) is not job:
                return
            job.is_suspended = True
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
        """Returns True if a worker's call waits for a database that does not answer, and its caller has its answer."""
        job = self.running.get(worker.ident or 0)
        return job is not None and job.is_suspended and job.future.done()

"""Blocking callables to awaitables: one small pool of threads per application, for `def` handlers and for MongoEngine.

Small on purpose: more threads than about four add no throughput and delay the event loop. Knows no database.
"""

import asyncio
import weakref
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, copy_context
from queue import Empty, SimpleQueue
from threading import RLock, Thread, current_thread
from typing import Any, TypeVar, TypeVarTuple

from hapiish.bridge import anywhere, here, loop_only

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

SPARE = 60
"""Threads that may stand in for those that wait for the event loop."""


class Pool:
    """At most `threads` blocking calls at a time; further ones wait for their turn, in order.

    A call that waits for the event loop (`hapiish.bridge`) does not count: another one may begin, so that what it
    waits for can run in the pool, too. The pool may be used again after `stop`, so that one application can be started
    twice.
    """

    __slots__ = ("__weakref__", "_crew", "threads")

    def __init__(self, threads: int = 4) -> None:
        self.threads = threads
        self._crew: _Crew | None = None

    @anywhere
    async def call(self, function: Callable[[*Ts], T], /, *args: *Ts) -> T:
        """The result of `function(*args)`, run in a thread that sees the caller's context variables.

        Cancelling takes a call that has not begun out of the queue; one that has begun runs to its end, because a
        thread cannot be interrupted: its result is dropped, what it wrote stays written.
        """
        crew = self._crew
        if crew is None:
            crew = self._crew = _Crew(self.threads)
            weakref.finalize(self, crew.end)
        job = _Job(asyncio.get_running_loop(), copy_context(), function, args)
        crew.put(job)
        result: T = await job.future
        return result

    @loop_only
    async def stop(self) -> None:
        """Drops the calls that wait and returns when those that have begun are through."""
        crew, self._crew = self._crew, None
        if crew is not None:
            crew.end()
            await asyncio.to_thread(crew.join)


class _Job:
    """One call on its way into a thread and back."""

    __slots__ = ("args", "context", "function", "future", "loop")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, context: Context, function: Callable[..., Any], args: tuple[Any, ...]
    ) -> None:
        self.loop = loop
        self.context = context
        self.function = function
        self.args = args
        self.future: asyncio.Future[Any] = loop.create_future()

    def run(self) -> None:
        result: Any = None
        error: BaseException | None = None
        try:
            result = self.context.run(self.function, *self.args)
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
        if self.future.done():
            return
        if error is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(error)


class _Crew:
    """The threads of a pool. Apart from it, so that a pool that is forgotten takes its threads along."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self.lock = RLock()  # the collector may end a crew in the middle of anything
        self.workers: set[Thread] = set()
        self.waiting = 0  # workers whose call waits for the event loop
        self.ended = False

    def put(self, job: _Job) -> None:
        self.jobs.put(job)
        if len(self.workers) - self.waiting < self.threads:
            self.hire()

    def hire(self) -> None:
        with self.lock:
            if self.ended or len(self.workers) - self.waiting >= self.threads:
                return
            if len(self.workers) >= self.threads + SPARE:
                return
            worker = Thread(target=self.work, name=f"hapiish_{len(self.workers)}", daemon=True)
            self.workers.add(worker)
            worker.start()

    def work(self) -> None:
        here.lends = self.lend
        while (job := self.jobs.get()) is not None:
            if not job.future.cancelled():
                here.loop = job.loop
                job.run()
            del job  # an idle thread keeps nothing alive
            if self.is_surplus():
                return

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
        if waits and not self.jobs.empty():
            self.hire()

    def end(self) -> None:
        with self.lock:
            if self.ended:
                return
            self.ended = True
            workers = len(self.workers)
        with suppress(Empty):
            while True:
                job = self.jobs.get_nowait()
                if job is not None:
                    with suppress(RuntimeError):
                        job.loop.call_soon_threadsafe(job.future.cancel)
        for _ in range(workers):
            self.jobs.put(None)

    def join(self) -> None:
        for worker in tuple(self.workers):
            worker.join()

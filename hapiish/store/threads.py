"""Blocking callables to awaitables: one small pool of threads per application, for `def` handlers and for MongoEngine.

Small on purpose: more threads than about four add no throughput and delay the event loop. Knows no database.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from typing import TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Pool:
    """At most `threads` blocking calls at a time; further ones wait for their turn, in order.

    It may be used again after `stop`, so that one application can be started twice.
    """

    __slots__ = ("_executor", "threads")

    def __init__(self, threads: int = 4) -> None:
        self.threads = threads
        self._executor: ThreadPoolExecutor | None = None

    async def call(self, function: Callable[[*Ts], T], /, *args: *Ts) -> T:
        """The result of `function(*args)`, run in a thread that sees the caller's context variables.

        Cancelling takes a call that has not begun out of the queue; one that has begun runs to its end, because a
        thread cannot be interrupted: its result is dropped, what it wrote stays written.
        """
        executor = self._executor
        if executor is None:
            executor = self._executor = ThreadPoolExecutor(self.threads, thread_name_prefix="hapiish")
        return await asyncio.get_running_loop().run_in_executor(executor, _enter, copy_context(), function, args)

    async def stop(self) -> None:
        """Drops the calls that wait and returns when those that have begun are through."""
        executor, self._executor = self._executor, None
        if executor is not None:
            await asyncio.to_thread(executor.shutdown, cancel_futures=True)


def _enter(context: Context, function: Callable[..., T], args: tuple[object, ...]) -> T:
    try:
        return context.run(function, *args)
    except StopIteration as error:
        # A future refuses this one exception, and whoever awaits it would wait for ever.
        raise RuntimeError("a blocking call raised StopIteration") from error

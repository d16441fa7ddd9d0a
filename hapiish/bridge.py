"""One call for both kinds of functions: an `async def` awaits it, a `def` in a thread calls it and has the result.

    async def:  await request.server.emit("news", data)         def:  request.server.emit("news", data)

The work is always done on the event loop, which nothing here ever blocks: only the thread waits.
"""

import asyncio
import inspect
import threading
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from hapiish import boom

P = ParamSpec("P")
T = TypeVar("T")

Loop = asyncio.AbstractEventLoop

PATIENCE = 60.0
"""Seconds that a thread waits for the event loop."""


class Here(threading.local):
    """What a thread knows of itself: `loop` is the one that waits for its result, if it is a thread of a pool.

    `lends(True)` tells the pool that the thread waits, `lends(False)` that it goes on. `outside` is the context for
    what it has done on the event loop, where that is not its own: what is bound to a thread must not go along.
    """

    loop: Loop | None = None
    lends: Callable[[bool], None] | None = None
    outside: Context | None = None


here = Here()


within: ContextVar[bool] = ContextVar("within", default=False)
"""Whether a thread of a pool waits for what is done in this context."""


def anywhere(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """`function` as it is for code on an event loop; in a thread of the pool the call waits for its result.

    In a thread that is not the pool's, the loop is the attribute `home` of the object whose method it is; without one
    a coroutine is returned. Raises ServerUnavailable in a thread that has waited for
    `PATIENCE` seconds, and RuntimeError when the loop has ended.
    """

    @wraps(function)
    def call(*given: P.args, **options: P.kwargs) -> Any:
        work = function(*given, **options)
        loop = here.loop
        try:
            running: Loop | None = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if loop is None:
            if running is not None:
                return work
            loop = getattr(given[0], "home", None) if given else None
            if loop is None or not loop.is_running():
                return work
        return _across(work, loop, running)

    call.__dict__["bridged"] = True
    return call


def loop_only(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """`function` for code on an event loop alone: it waits for the very threads that it could be called in."""

    @wraps(function)
    def call(*given: P.args, **options: P.kwargs) -> Coroutine[Any, Any, T]:
        if here.loop is not None:
            raise RuntimeError(f"{function.__qualname__} waits for `def` functions, so only an `async def` can call it")
        return function(*given, **options)

    call.__dict__["bridged"] = True
    return call


def is_async(function: Any) -> bool:
    """Whether a call of `function` is to be awaited on an event loop."""
    return bool(inspect.iscoroutinefunction(function) or getattr(function, "bridged", False))


def is_on_loop() -> bool:
    """Whether the caller is code of an event loop, which must not block."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _across(work: Any, loop: Loop, running: Loop | None) -> Any:
    if not loop.is_running():
        work.close()
        raise RuntimeError("the event loop of the server has ended")
    begin = asyncio.run_coroutine_threadsafe
    future = begin(_finished(work), loop) if here.outside is None else here.outside.run(begin, _finished(work), loop)
    if running is not None:  # a loop of the thread's own, which may wait for the server's
        return asyncio.wrap_future(future, loop=running)
    lends = here.lends
    if lends is not None:
        lends(True)
    try:
        return future.result(PATIENCE)
    except TimeoutError:
        if future.done():
            raise  # the work's own
        future.cancel()
        raise boom.ServerUnavailable(f"waited {PATIENCE:g} s for the event loop") from None
    finally:
        if lends is not None:
            lends(False)


async def _finished(work: Any) -> Any:
    within.set(True)
    return await work

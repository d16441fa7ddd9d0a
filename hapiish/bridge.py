"""Calls of coroutine functions from both sides: `async def` awaits them, `def` in a thread gets the result directly.

    async def:  await request.server.emit("news", data)         def:  request.server.emit("news", data)

The coroutine always runs on the event loop. Only the thread blocks.
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
"""Maximum time that a thread waits for the event loop, in seconds."""


class Here(threading.local):
    """State of a thread. `loop` is the event loop that waits for the thread's result, None outside a pool.

    `lends(True)` tells the pool that the thread waits and lends its slot, `lends(False)` that it continues. `outside`
    is the context for calls on the event loop, if it differs from the thread's: thread-bound variables must not leak.
    """

    loop: Loop | None = None
    lends: Callable[[bool], None] | None = None
    outside: Context | None = None


here = Here()


awaited_by_thread: ContextVar[bool] = ContextVar("awaited_by_thread", default=False)
"""True in a context whose result a thread of a pool waits for."""


class Loops:
    """`cross` lets coroutines of other event loops call `anywhere` too, as tests do; it costs each call a look-up."""

    cross = False


def anywhere(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Wraps a coroutine function: a call on an event loop returns a coroutine, a call in a pool thread the result.

    In any other thread, the loop is the attribute `home` of the method's object; without one, a coroutine is returned.
    Raises ServerUnavailable in a thread after `PATIENCE` seconds, and RuntimeError if the loop is closed.
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
            if running is not None and not Loops.cross:
                return work
            loop = getattr(given[0], "home", None) if given else None
            if loop is None or loop is running or not loop.is_running():
                return work
        return _across(work, loop, running)

    call.__dict__["bridged"] = True
    return call


def loop_only(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Restricts a coroutine function to the event loop: it waits for threads, so calling it in one would deadlock."""

    @wraps(function)
    def call(*given: P.args, **options: P.kwargs) -> Coroutine[Any, Any, T]:
        if here.loop is not None:
            raise RuntimeError(f"{function.__qualname__} waits for `def` functions, so only an `async def` can call it")
        return function(*given, **options)

    call.__dict__["bridged"] = True
    return call


def is_async(function: Any) -> bool:
    """Returns True if calls of `function` must be awaited on an event loop."""
    return bool(inspect.iscoroutinefunction(function) or getattr(function, "bridged", False))


def is_on_loop() -> bool:
    """Returns True if the caller runs on an event loop and must not block."""
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
    if running is not None:  # the thread has a loop of its own, which may wait for the server's
        return _result(asyncio.wrap_future(future, loop=running))
    lends = here.lends
    if lends is not None:
        lends(True)
    try:
        return future.result(PATIENCE)
    except TimeoutError:
        if future.done():
            raise  # raised by the coroutine
        future.cancel()
        raise boom.ServerUnavailable(f"waited {PATIENCE:g} s for the event loop") from None
    finally:
        if lends is not None:
            lends(False)


async def _result(future: "asyncio.Future[T]") -> T:
    return await future


async def _finished(work: Any) -> Any:
    awaited_by_thread.set(True)
    return await work

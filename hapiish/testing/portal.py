"""Portal: an event loop in a thread of its own, for applications that tests of any kind call."""

import asyncio
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from hapiish.bridge import Loops

T = TypeVar("T")
__tracebackhide__ = True  # pytest shows the line of the test


class Portal:
    """Runs coroutines on the event loop of its thread.

    The loop is the application's, and is the same for every test: neither a `def` test nor the loop that a plugin of
    pytest gives to an `async def` test matters.
    """

    loop: asyncio.AbstractEventLoop
    _thread: threading.Thread

    def __enter__(self) -> Self:
        Loops.cross = True
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="hapiish-tests", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.run(_cancel_others())
        self.run(self.loop.shutdown_asyncgens())
        self.run(self.loop.shutdown_default_executor())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Returns the result of a coroutine; blocks."""
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            error = future.exception()
        except BaseException:
            future.cancel()
            raise
        if error is not None:
            raise error  # without the lines of `concurrent.futures` in its traceback
        return future.result()

    def call(self, work: Coroutine[Any, Any, T]) -> Any:
        """Returns an awaitable of the result if the caller is on an event loop, otherwise the result itself."""
        running = _running_loop()
        if running is None:
            return self.run(work)  # outside of `except`, or its errors would have the lack of a loop as their context
        return asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.loop), loop=running)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)

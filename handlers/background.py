"""Threads for work of the process that no request waits for: they take none from the handlers' pool."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from pymongo import timeout

THREADS: Final = 2
PATIENCE: Final = 5.0
"""Seconds that a database may take, so that a frozen one does not hold up the end of the process."""


class Background:
    """A small pool of threads, made for one worker. `call` awaits a function of the store."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix=f"background-{name}")

    async def call(self, function: Callable[..., Any], *args: Any, seconds: float = PATIENCE) -> Any:
        """Returns the result of `function(*args)`. Its commands to the database end after `seconds`, with an error."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, _bounded, function, args, seconds)

    def close(self) -> None:
        """Ends the threads, without waiting for them."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def _bounded(function: Callable[..., Any], args: tuple[Any, ...], seconds: float) -> Any:
    with timeout(seconds):
        return function(*args)

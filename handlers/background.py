"""Background workers of a process. Each has a small pool of threads, so that it takes none from the handlers' pool."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Protocol

from pymongo import timeout

THREADS: Final = 2
PATIENCE: Final = 5.0
"""Seconds that a database may take, so that a frozen one does not hold up the end of the process."""


class Worker(Protocol):
    """A loop of this process."""

    def start(self) -> None:
        """Starts the loop."""

    async def stop(self) -> None:
        """Ends the loop."""


def key_of(server: Any, name: str) -> str:
    """Returns the key of a worker in `server.app`. Each use of the chat in one server has its own."""
    use = getattr(server, "name", "")
    return f"{use}.{name}" if use else name


async def start(server: Any, name: str, worker: Worker) -> None:
    """Starts a worker under this name, after stopping the one that runs."""
    await stop(server, name)
    server.app[key_of(server, name)] = worker
    worker.start()


async def stop(server: Any, name: str) -> None:
    """Stops the worker of this name, if there is one."""
    key = key_of(server, name)
    worker: Worker | None = server.app.get(key)
    if worker is not None:
        await worker.stop()
        server.app.pop(key, None)


class Background:
    """The pool of threads of one worker."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix=f"background-{name}")

    async def call(self, function: Callable[..., Any], *args: Any, seconds: float = PATIENCE) -> Any:
        """Returns the result of a blocking function, run in a thread. Database commands fail after `seconds` in all."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, _bounded, function, args, seconds)

    def close(self) -> None:
        """Ends the threads, without waiting for them."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def _bounded(function: Callable[..., Any], args: tuple[Any, ...], seconds: float) -> Any:
    with timeout(seconds):
        return function(*args)

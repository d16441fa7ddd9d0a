"""Turns of requests that may fail: at most as many run at once per key as failures are left.

A request that waits for its client (for the rest of its body) has no turn, and so blocks no other request.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from hapiish.http.exchange.request import Request

PATIENCE: Final = 10.0
"""Seconds that a request waits for its turn; longer than any timely response takes."""


class Verdict(NamedTuple):
    """The decision on a request: whether it is allowed, the number left, and the seconds until there are more."""

    allowed: bool
    remaining: int
    reset: float


Look = Callable[[], Awaitable[Verdict | None]]
"""Returns the failures left, without counting; None if unknown."""


class _Queue:
    """The requests of one key: `running` have a turn, `entering` ask for one, `waiting` sleep."""

    __slots__ = ("entering", "failures", "running", "waiting")

    def __init__(self) -> None:
        self.failures = 0  # counted since it started: a concurrent look may miss the last one
        self.entering = 0
        self.running = 0
        self.waiting: deque[asyncio.Future[None]] = deque()

    def next(self) -> None:
        """Wakes the request that has waited longest."""
        while self.waiting:
            future = self.waiting.popleft()
            if not future.done():
                future.set_result(None)
                return

    async def wait(self, *, first: bool) -> None:
        """Waits for the request's turn to look again; `first` puts it at the head of the queue."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self.waiting.appendleft if first else self.waiting.append)(future)
        await future


class Turn:
    """The turn of one request under one key, which can be paused and taken again."""

    __slots__ = ("_look", "_loop", "_trials", "holds", "key")

    def __init__(self, trials: "Trials", key: str, look: Look) -> None:
        self.key = key
        self.holds = False
        self._look = look
        self._loop = asyncio.get_running_loop()
        self._trials = trials

    async def take(self) -> Verdict | None:
        """Waits for the turn and returns the verdict; raises TimeoutError after the maximum wait."""
        async with asyncio.timeout(PATIENCE):
            verdict = await self._trials.enter(self.key, self._look)
        self.holds = verdict is not None and verdict.allowed
        return verdict

    def pause(self) -> None:
        """Releases the turn for another request; does nothing without one."""
        if self.holds:
            self.holds = False
            self._trials.leave(self.key)

    def __del__(self) -> None:
        # The request ended without a response. Any thread may run this.
        if self.holds and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._trials.leave, self.key)


class Trials:
    """The turns of all keys."""

    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}
        self._turns: WeakKeyDictionary[Request, list[Turn]] = WeakKeyDictionary()

    def __len__(self) -> int:
        return len(self._queues)

    def count(self, key: str) -> int:
        """The number of running requests."""
        return self._queues[key].running if key in self._queues else 0

    def of(self, request: Request) -> list[Turn]:
        """The turns of a request; those added to the list end with the others."""
        return self._turns.setdefault(request, [])

    def end(self, request: Request) -> None:
        """Ends the turns of `request`, whose outcome is known or will never be; does nothing the second time."""
        for turn in self._turns.pop(request, ()):
            turn.pause()

    async def enter(self, key: str, look: Look) -> Verdict | None:
        """Starts a turn if `look` allows it; waits while as many requests run as failures are left."""
        queue = self._queues.setdefault(key, _Queue())
        queue.entering += 1
        waited = False
        try:
            while True:
                failures = queue.failures
                verdict = await look()
                if verdict is None or not verdict.allowed:
                    queue.next()  # waiting requests get it, too
                    return verdict
                if failures != queue.failures:
                    continue
                if queue.running < verdict.remaining:
                    queue.running += 1
                    if queue.running < verdict.remaining:
                        queue.next()
                    return verdict
                await queue.wait(first=waited)
                waited = True
        except BaseException:
            queue.next()  # pass on a wake-up that this request received
            raise
        finally:
            queue.entering -= 1
            self._forget(key, queue)

    def failed(self, key: str) -> None:
        """Records that a failure of a running request was counted."""
        if key in self._queues:
            self._queues[key].failures += 1

    def leave(self, key: str) -> None:
        """Ends a turn."""
        queue = self._queues[key]
        queue.running -= 1
        queue.next()
        self._forget(key, queue)

    def _forget(self, key: str, queue: _Queue) -> None:
        if not queue.running and not queue.entering:
            del self._queues[key]

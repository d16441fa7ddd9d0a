"""Turns of requests whose answer may be a failure: of one key no more at once than failures are left to it.

A request that waits for its client (for the rest of its body) has no turn, and keeps no other request waiting.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

PATIENCE: Final = 10.0
"""Seconds that a request waits for its turn; the answers that it waits for are late then."""


class Verdict(NamedTuple):
    """Whether there was room, how much is left, and in how many seconds there will be more."""

    allowed: bool
    remaining: int
    reset: float


Look = Callable[[], Awaitable[Verdict | None]]
"""Asks how many failures are left, without counting; None when nobody knows."""


class _Line:
    """The requests of one key: `running` have their turn, `waiting` want one, `present` are between the two."""

    __slots__ = ("failures", "present", "running", "waiting")

    def __init__(self) -> None:
        self.failures = 0  # counted since it began: a look that was under way meanwhile may not know of the last
        self.present = 0
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
        """Until it is this request's turn to look again; `first` is one that has waited before."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self.waiting.appendleft if first else self.waiting.append)(future)
        await future


class Turn:
    """The turn of one request under one key, which it may `pause` and `take` again."""

    __slots__ = ("_look", "_loop", "_trials", "holds", "key")

    def __init__(self, trials: "Trials", key: str, look: Look) -> None:
        self.key = key
        self.holds = False
        self._look = look
        self._loop = asyncio.get_running_loop()
        self._trials = trials

    async def take(self) -> Verdict | None:
        """The verdict; the turn is this request's if that allows it. TimeoutError when it did not come in time."""
        async with asyncio.timeout(PATIENCE):
            verdict = await self._trials.enter(self.key, self._look)
        self.holds = verdict is not None and verdict.allowed
        return verdict

    def pause(self) -> None:
        """Leaves the turn to another request; nothing happens without one."""
        if self.holds:
            self.holds = False
            self._trials.leave(self.key)

    def __del__(self) -> None:
        # The request has ended without a word. It may be any thread that finds out.
        if self.holds and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._trials.leave, self.key)


class Trials:
    """The turns of all keys."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}
        self._turns: WeakKeyDictionary[Any, list[Turn]] = WeakKeyDictionary()

    def __len__(self) -> int:
        return len(self._lines)

    def count(self, key: str) -> int:
        """How many have their turn."""
        return self._lines[key].running if key in self._lines else 0

    def of(self, request: Any) -> list[Turn]:
        """The turns of a request; one that is added to the list is over with the others."""
        return self._turns.setdefault(request, [])

    def end(self, request: Any) -> None:
        """The outcome of `request` is known, or will never be; a second time nothing happens."""
        for turn in self._turns.pop(request, ()):
            turn.pause()

    async def enter(self, key: str, look: Look) -> Verdict | None:
        """Begins a turn, unless `look` does not allow it; waits while as many have one as failures are left."""
        line = self._lines.setdefault(key, _Line())
        line.present += 1
        waited = False
        try:
            while True:
                failures = line.failures
                verdict = await look()
                if verdict is None or not verdict.allowed:
                    line.next()  # who waits hears it, too
                    return verdict
                if failures != line.failures:
                    continue
                if line.running < verdict.remaining:
                    line.running += 1
                    if line.running < verdict.remaining:
                        line.next()
                    return verdict
                await line.wait(first=waited)
                waited = True
        except BaseException:
            line.next()  # it may have been woken, and then the next one must be
            raise
        finally:
            line.present -= 1
            self._forget(key, line)

    def failed(self, key: str) -> None:
        """A failure of a request that still has its turn was counted."""
        if key in self._lines:
            self._lines[key].failures += 1

    def leave(self, key: str) -> None:
        """Ends a turn."""
        line = self._lines[key]
        line.running -= 1
        line.next()
        self._forget(key, line)

    def _forget(self, key: str, line: _Line) -> None:
        if not line.running and not line.present:
            del self._lines[key]

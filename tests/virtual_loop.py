"""An event loop with virtual time: when all tasks wait, the clock advances to the next timer.

For code that waits for timers only: a timer would fire before any socket or thread that is waited for.
"""

import asyncio
import selectors
from typing import Any

START = 1_700_000_000.0  # seconds since the epoch, when every loop begins


def clock() -> float:
    """The running loop's time as seconds since the epoch."""
    return START + asyncio.get_running_loop().time()


class VirtualLoop(asyncio.SelectorEventLoop):
    """Begins at 0: a timer is due within a nanosecond, which is more than a float has left beside an epoch."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_Skipping(self))

    def time(self) -> float:
        return self.now


class _Skipping(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self.loop = loop

    def select(self, timeout: float | None = None) -> Any:
        """Does not wait for a timer, but takes the time for passed."""
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        ready = super().select(0)
        if not ready:
            self.loop.now += timeout
        return ready

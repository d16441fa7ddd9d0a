"""Samples the load of the process and refuses requests with 503 while it exceeds a limit (hapi's heavy).

The event loop's delay is the lateness of a timer, its utilization the share of time in which its thread computes,
resident memory the operating system's figure.

No library has heavy's measures: psutil does not know the delay of an event loop.
"""

import asyncio
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic, thread_time

from hapiish import boom, options
from hapiish.http.exchange.request import Request

_STATM = Path("/proc/self/statm")


def resident() -> int:
    """Resident memory of the process in bytes; the peak where there is no /proc."""
    try:
        return int(_STATM.read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


class Load:
    """`server.load`: the last sample. A limit of 0 is off; times in ms, memory in bytes, utilization from 0 to 1."""

    def __init__(
        self,
        limits: options.Load,
        *,
        clock: Callable[[], float] = monotonic,
        busy: Callable[[], float] = thread_time,
        rss: Callable[[], int] = resident,
    ) -> None:
        self.event_loop_delay = 0.0
        self.event_loop_utilization = 0.0
        self.rss = 0
        self._interval = limits.sample_interval / 1000
        self._limits = (limits.max_event_loop_delay, limits.max_event_loop_utilization, limits.max_rss_bytes)
        self._clock, self._busy, self._resident = clock, busy, rss
        self._began = self._computed = 0.0
        self._sampler: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Starts sampling in the running loop; does nothing without an interval."""
        if self._interval and self._sampler is None:
            self._sampler = asyncio.create_task(self._run())

    def stop(self) -> None:
        """Stops sampling."""
        if self._sampler is not None:
            self._sampler.cancel()
            self._sampler = None

    async def _run(self) -> None:
        self.begin()
        while True:
            await asyncio.sleep(self._interval)
            self.sample()

    def begin(self) -> None:
        """Starts an interval."""
        self._began, self._computed = self._clock(), self._busy()
        self.rss = self._resident()

    def sample(self) -> None:
        """Ends an interval and starts the next."""
        elapsed = self._clock() - self._began
        self.event_loop_delay = max(0.0, elapsed - self._interval) * 1000
        self.event_loop_utilization = min(1.0, (self._busy() - self._computed) / elapsed) if elapsed > 0 else 0.0
        self.begin()

    def check(self, request: Request) -> None:
        """The step that raises 503 while a limit is exceeded."""
        delay, utilization, rss = self._limits
        # An overdue sample counts like a late one.
        overdue = (self._clock() - self._began - self._interval) * 1000 if self._sampler is not None else 0
        for value, limit, name in (
            (max(self.event_loop_delay, overdue), delay, "event loop"),
            (self.event_loop_utilization, utilization, "event loop utilization"),
            (self.rss, rss, "rss"),
        ):
            if limit and value > limit:
                request.server.events.log(["load"], self.facts(), channel="internal")
                raise boom.ServerUnavailable(f"Server under heavy load ({name})")

    def facts(self) -> dict[str, float]:
        """The last sample with hapi's names."""
        return {
            "eventLoopDelay": self.event_loop_delay,
            "eventLoopUtilization": self.event_loop_utilization,
            "rss": self.rss,
        }

"""The worker of the outbox: it claims work and calls the sender of its kind. Every process has one; none is a leader.

A sender is a function `(server, work)`, the server method `outbox.<kind>` of the table. It returns when the work is
done. It raises an error of boom with a 4xx status if a repetition does not help, and any other error to be called
again. The worker respects a `Retry-After` of the error.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

from hapiish import boom

from . import background
from .background import Background

AT_ONCE: Final[Mapping[str, int]] = {"mail": 2, "push": 8, "webhook": 8}
"""The most concurrent calls of senders of a process, by kind: slow receivers of one kind hold up no other kind."""
POLL: Final = 1.0
"""Seconds between two looks for work in an empty outbox."""
LEASE: Final = timedelta(seconds=60)
PATIENCE: Final = 30.0
"""Seconds that a sender may take, well within the lease."""
STOPPING: Final = 5.0
"""Seconds for calls in progress when the server stops. Another process claims the work that they do not finish."""
LONGEST_WAIT: Final = 86_400.0
"""The most seconds that a receiver may ask for by Retry-After."""
log = logging.getLogger("chat.outbox")

_REPEATABLE: Final = frozenset({408, 425, 429})


async def start(server: Any) -> None:
    """Starts the worker of this process, after a start and after a reload (`onPostStart`, `onPostReload`)."""
    await background.start(server, "outbox", Worker(server))


async def stop(server: Any) -> None:
    """Stops the worker: it claims no more work and finishes the work that it has claimed (`onPreStop`)."""
    await background.stop(server, "outbox")


class Worker:
    """The loop of one process."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self._background = Background("outbox")
        self._running: dict[str, set[asyncio.Task[None]]] = {kind: set() for kind in AT_ONCE}
        self._task: asyncio.Task[None] | None = None
        self._is_stopping = False
        self._freed = asyncio.Event()

    def start(self) -> None:
        """Starts the loop."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Ends the loop, and waits for calls of senders for at most `STOPPING` seconds."""
        self._is_stopping = True
        self._freed.set()
        if self._task is not None:
            await self._task  # not cancelled: a claim whose result is lost would last until its lease ends
        tasks = set().union(*self._running.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=STOPPING)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self._background.close()

    async def work_off(self) -> int:
        """Does all work that is due, one row after the other; returns the number of rows."""
        count = 0
        while (work := await self._claim(tuple(AT_ONCE))) is not None:
            await self._attempt(work)
            count += 1
        return count

    async def _run(self) -> None:
        while not self._is_stopping:
            free = [kind for kind, most in AT_ONCE.items() if len(self._running[kind]) < most]
            self._freed.clear()
            work = None
            try:
                work = await self._claim(free) if free else None
            except Exception as error:  # noqa: BLE001 - the worker outlives a database that is away
                log.warning("the outbox cannot be read: %s", error)
            if work is not None:
                self._begin(work)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL if free else None):
                    await self._freed.wait()

    async def _claim(self, kinds: Any) -> Any:
        return await self._background.call(self.server.models.Outbox.claim_one, kinds, LEASE)

    def _begin(self, work: Any) -> None:
        running = self._running[work.kind]
        task = asyncio.create_task(self._attempt(work))
        running.add(task)

        def end(task: asyncio.Task[None]) -> None:
            running.discard(task)
            if len(running) == AT_ONCE[work.kind] - 1:
                self._freed.set()

        task.add_done_callback(end)

    async def _attempt(self, work: Any) -> None:
        """Calls the sender once and stores the result. If that fails, the work is due again when its lease ends."""
        call, outbox = self._background.call, self.server.models.Outbox
        try:
            if work.is_late:
                await call(outbox.bury, work, "it has expired")
                return
            if await call(outbox.is_outdated, work):
                await call(outbox.finish, work)
                return
            error = await self._send(work)
            if error is None:
                await call(outbox.finish, work)
                return
            reason, is_final, after = _judged(error)
            log.warning("%s: attempt %d failed: %s", work.key, work.attempts, reason)
            if is_final:
                await call(outbox.bury, work, reason)
            else:
                await call(lambda: outbox.retry(work, reason, after=after))
        except Exception as error:  # noqa: BLE001 - the database is away
            log.warning("the result of %s cannot be stored: %s", work.key, error)

    async def _send(self, work: Any) -> Exception | None:
        """Returns the error of the sender; None if the work is done."""
        try:
            async with asyncio.timeout(PATIENCE):
                await getattr(self.server.methods.outbox, work.kind)(self.server, work)
        except Exception as error:  # noqa: BLE001 - an error of any sender is a failed attempt
            return error
        return None


def _judged(error: Exception) -> tuple[str, bool, float]:
    """Returns the reason of a failure, True if a repetition does not help, and the seconds of Retry-After."""
    if not isinstance(error, boom.Boom):
        return f"{type(error).__name__}: {error}".removesuffix(": "), False, 0.0
    is_final = 400 <= error.status < 500 and error.status not in _REPEATABLE
    headers = {name.lower(): text for name, text in error.headers.items()}
    return f"{error.status} {error.message}", is_final, _seconds(headers.get("retry-after", ""))


def _seconds(after: str) -> float:
    """Returns the seconds of a Retry-After, a number or a date (RFC 9110): `LONGEST_WAIT` at most, 0 for other text."""
    text = after.strip()[:40]
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return min(max(0.0, (moment.astimezone(UTC) - datetime.now(UTC)).total_seconds()), LONGEST_WAIT)

"""Notices to other systems, push notifications and webhooks, of new documents.

Each process has a loop that reads new documents (`models.tail`) and stores the work in the outbox; one process reads at
a time. Sending a message needs no additional write, and a process that is killed loses no notice.
"""

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from . import background, push
from . import hooks as hooks_
from .background import Background

EVERY: Final = timedelta(seconds=1)
"""The pause between two passes, counted over all processes."""
LEASE: Final = timedelta(seconds=30)
SECONDS: Final = 15.0
"""The longest time of a pass, well within the lease."""

log = logging.getLogger("chat.notices")


async def start(server: Any) -> None:
    """Starts the loop of this process, after a start and after a reload (`onPostStart`, `onPostReload`)."""
    await background.start(server, "notices", Notices(server))


async def stop(server: Any) -> None:
    """Ends the loop after its pass (`onPreStop`)."""
    await background.stop(server, "notices")


class Notices:
    """The loop of one process."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self._name = getattr(server, "name", "") or "chat"
        self._background = Background("notices")
        self._end = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Starts the loop."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Ends the loop."""
        self._end.set()
        if self._task is not None:
            await self._task
        self._background.close()

    async def _run(self) -> None:
        while not self._end.is_set():
            try:
                await self._background.call(self.look, seconds=SECONDS)
            except Exception as error:  # noqa: BLE001 - the loop outlives a database or a Redis that is away
                log.warning("new documents cannot be read: %s", error)
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY.total_seconds()):
                    await self._end.wait()

    def look(self) -> int:
        """Reads new documents if no other process does; returns the number of rows that were added to the outbox."""
        models = self.server.models
        claim = models.Tail.take(self._name, LEASE)
        if claim is None:
            return 0
        try:
            hooks, has_devices = models.Webhook.active(), models.Device.is_any()
            reads = [(source, again) for again in (False, True) for source in hooks_.SOURCES]
            return sum(self._read(claim, source, again, hooks, has_devices) for source, again in reads)
        finally:
            models.Tail.leave(self._name, claim, EVERY)

    def _read(self, claim: Any, source: str, again: bool, hooks: Any, has_devices: bool) -> int:
        """Reads one source from its position on; returns the number of rows that were added to the outbox.

        With `again`, the second pass, it plans pushes only for messages that the first pass has not read.
        """
        models, count = self.server.models, 0
        position = f"{source} again" if again else source
        pushes = has_devices and source == "messages"
        model = getattr(models, hooks_.SOURCES[source]) if hooks or pushes else None
        while True:
            rows, following, is_last = models.Tail.unread(model, claim.positions.get(position), again=again)
            if rows:
                works = hooks_.plan(self.server, source, rows, hooks)
                if pushes:
                    new = models.TailBatch.unknown(self._name, rows) if again else rows
                    works += push.plan(self.server, new)
                    models.TailBatch.note(self._name, [row["_id"] for row in new])
                count += models.Outbox.enqueue_all(works)
            claim.positions[position] = following
            if is_last or self._end.is_set() or not models.Tail.store(self._name, claim):
                return count

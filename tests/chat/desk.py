"""Runs the background workers of an application by hand. Their loops are stopped, and a test calls each step."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from bson import ObjectId

from handlers import notices, outbox
from handlers.notices import Notices
from handlers.outbox import Worker
from hapiish import Application
from models import tail
from models.outbox import Outbox
from models.tail import Tail
from models.wire import now

HOUR = timedelta(hours=1)
SOURCES = ("messages", "changes", "conversations", "users")


class Desk:
    """The workers of one process."""

    def __init__(self, app: Application) -> None:
        self.notices = Notices(app.server)
        self.worker = Worker(app.server)

    async def notice(self, *, again: bool = False) -> int:
        """Reads all documents of the last hour, in the first or the second pass; returns the number of new rows."""
        return await asyncio.to_thread(self._notice, again)

    def _notice(self, again: bool) -> int:
        hour_ago, future = ObjectId.from_datetime(now() - HOUR), ObjectId.from_datetime(now() + HOUR)
        first, second = (future, hour_ago) if again else (hour_ago, future)
        positions = dict.fromkeys(SOURCES, first) | {f"{source} again": second for source in SOURCES}
        change = {"$set": {"positions": positions, "dueAt": now()}, "$unset": {"claim": ""}}
        Tail._get_collection().update_one({"_id": "chat"}, change, upsert=True)
        return self.notices.look()

    async def send(self) -> int:
        """Does the work of the outbox that is due; returns the number of rows."""
        return await self.worker.work_off()

    async def make_due(self) -> None:
        """Makes all waiting rows due."""
        await asyncio.to_thread(lambda: Outbox.objects(state="waiting").update(set__due_at=now()))


@asynccontextmanager
async def driven(app: Application) -> AsyncIterator[Desk]:
    """Stops the workers of an application, and yields workers that run only when a test calls them."""
    await notices.stop(app.server)
    await outbox.stop(app.server)
    desk, age, again = Desk(app), tail.FIRST_AGE, tail.AGAIN_AGE
    tail.FIRST_AGE = tail.AGAIN_AGE = timedelta(seconds=-2)  # type: ignore[misc]
    try:
        yield desk
    finally:
        tail.FIRST_AGE, tail.AGAIN_AGE = age, again  # type: ignore[misc]
        await desk.notices.stop()
        await desk.worker.stop()

"""Heads of conversations: jobs that repair heads older than their messages, and send `heads` to connected clients."""

import asyncio
from typing import Any, Final

from . import sweeper
from .room_names import room, users_among

EVERY: Final = 60.0
"""Seconds between two runs of `tell` in a process, on average."""

RECENT: Final = 3 * EVERY
"""Seconds that `heads` looks back: three runs report each change."""

AT_ONCE: Final = 200
"""The most conversations of one event."""

PER_TURN: Final = 100
"""Users whose events are sent before the event loop runs other tasks."""


def repair(server: Any) -> dict[str, int]:
    """Updates heads that are older than their messages, because a process was killed between the two writes."""
    return {"heads": server.models.HeadRepair.run(server.models)}


async def tell(server: Any) -> None:
    """Sends `heads` to the users with sockets in this process: the conversations that changed in the last `RECENT`.

    A live event can be lost when a process, Redis or the database fails, and no later event may reveal the loss. A
    client compares the numbers in `heads` with its own, and catches up where it is behind.
    """
    users = users_among(server.rooms())
    if not users:
        return
    found = await sweeper.call(server, server.models.Activity.heads, server.models, users, RECENT)
    for number, (user, heads) in enumerate(found.items(), 1):
        ids = list(heads)
        for start in range(0, len(ids), AT_ONCE):
            part = {each: heads[each] for each in ids[start : start + AT_ONCE]}
            await server.emit("heads", {"heads": part}, to=room(user), local=True)
        if not number % PER_TURN:
            await asyncio.sleep(0)


sweeper.register("heads", 30, repair)
sweeper.register("tell heads", EVERY, tell, everywhere=True)

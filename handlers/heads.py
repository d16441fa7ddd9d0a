"""Heads of conversations: repaired when they are behind their messages, and told to sockets that missed an event."""

import asyncio
from typing import Any, Final

from . import sweeper
from .room_names import room, users_among

EVERY: Final = 60.0
"""Seconds between two `heads` of a process, on average."""

RECENT: Final = 3 * EVERY
"""Age of a change that `heads` tells, so that each is told more than once."""

AT_ONCE: Final = 200
"""Conversations of one event."""

PER_TURN: Final = 100
"""Users who are told before the event loop runs other tasks."""


def repair(server: Any) -> dict[str, int]:
    """Brings the heads up to their messages, after a process was killed between the two writes."""
    return {"heads": server.models.HeadRepair.run(server.models)}


async def tell(server: Any) -> None:
    """Sends `heads` to the sockets of this process, of the conversations in which something has happened lately.

    A live event may be lost with a process, a queue or a database that was away. No later event may follow that would
    reveal it, so every process compares what is stored with what its own clients know.
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

"""Exchange: one operation on the members of rooms, in every process that hosts one of them.

`perform(hub, namespace, rooms, operation)` does the work in a process: it acts on the sockets of `hub.manager` that are
members of `rooms`, and returns a reply. Operations and replies are JSON in which bytes may occur. The exchange calls it
once per process, on the event loop.

    answers = await exchange.ask("/", ["user:7"], {"do": "sockets"}, timeout=1.0)
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from hapiish.types import Json

if TYPE_CHECKING:
    from hapiish.realtime.socketio.hub import Hub

RoomNames = Sequence[str] | None
"""Names of rooms; None is every socket of the namespace."""

Operation = Mapping[str, Json]
"""An operation: JSON, in which bytes may occur."""

Perform = Callable[["Hub", str, RoomNames, Operation], Awaitable[Json]]
"""`perform(hub, namespace, rooms, operation)`: performs it on the members in this process and returns the reply."""

logger = logging.getLogger("hapiish.realtime")


class Answers(NamedTuple):
    """The `replies` to a question, one for each process that hosts a member.

    `missing` is the number of processes that failed or did not reply in time; in an outage of the queue, 1 stands for
    all other processes.
    """

    replies: list[Json]
    missing: int


class Exchange(Protocol):
    """Sends operations to processes."""

    async def ask(self, namespace: str, rooms: RoomNames, question: Operation, timeout: float) -> Answers:
        """Performs an operation in each process that hosts a member of `rooms`.

        Returns the replies that arrive within `timeout` seconds. Errors of processes are logged there.
        """


class LocalExchange:
    """The exchange of a single process."""

    __slots__ = ("_hub", "_perform")

    def __init__(self, hub: "Hub", perform: Perform) -> None:
        self._hub = hub
        self._perform = perform

    async def ask(self, namespace: str, rooms: RoomNames, question: Operation, timeout: float) -> Answers:
        """Performs an operation and returns its reply, if there is one within `timeout` seconds; logs an error."""
        return answers_of(await attempt(self._perform(self._hub, namespace, rooms, question), timeout))


def answers_of(*outcomes: tuple[bool, Json]) -> Answers:
    """Returns the answers for the outcomes of `attempt`."""
    return Answers([reply for succeeded, reply in outcomes if succeeded], sum(not each[0] for each in outcomes))


async def attempt(work: Awaitable[Json], timeout: float) -> tuple[bool, Json]:
    """Returns True and the reply, or False if it fails or takes longer than `timeout` seconds."""
    try:
        return True, await asyncio.wait_for(work, timeout)
    except TimeoutError:
        logger.warning("an operation on rooms did not finish within %g s", timeout)
    except Exception:
        logger.exception("an operation on rooms failed")
    return False, None

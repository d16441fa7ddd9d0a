"""BroadcastOperator: operations on the sockets of rooms, in every process (Socket.IO's BroadcastOperator).

`request.server`, the server of a used table and the emitter have these methods. They differ in `operate` alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hapiish.bridge import anywhere
from hapiish.realtime.cluster.exchange import Exchange
from hapiish.types import Json, Value

TIMEOUT = 2000
"""Default time for the answers of other processes, in milliseconds."""

ANSWER_TIMEOUT = 5000
"""Default time for the answers of clients, in milliseconds."""

MARGIN = 1000
"""Time for the reply of a process after that for the answers of its clients, in milliseconds."""

MOST_SOCKETS = 10_000
"""Largest `limit` of `sockets` and `call`."""

To = str | Sequence[str] | None
Operation = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Replies:
    """The replies of the processes; `partial` if one that hosts such sockets has not replied in time."""

    replies: Sequence[Mapping[str, Json]] = ()
    partial: bool = False

    def items(self, key: str) -> list[Any]:
        """Returns the items that the processes have replied under a key."""
        return [item for reply in self.replies for item in reply.get(key, ())]

    @property
    def truncated(self) -> bool:
        """True if a process has reached a limit."""
        return any(reply.get("truncated") for reply in self.replies)


class Count(int):
    """A number of sockets; `partial` if a process has not replied in time, so that there may be more."""

    partial: bool = False


class SocketList(list[dict[str, Json]]):
    """Sockets as `{id, namespace, rooms, data}`; `data` is what the application has put into `socket.public`.

    `truncated` if there are more than `limit`, `partial` if a process has not replied in time.
    """

    partial: bool = False
    truncated: bool = False


class AnswerList(list[dict[str, Json]]):
    """Answers of clients as `{id, data}`, `id` of the socket; `missing` has the sockets that have not answered in time.

    `truncated` if there are more than `limit` sockets, which have then not got the event, or more than a megabyte of
    answers in a process. `partial` if a process has not replied in time, whose sockets are unknown.
    """

    partial: bool = False
    truncated: bool = False
    missing: list[str]


class BroadcastOperator:
    """The operations. `to` is a room, several (their union), or None for all sockets of the namespace.

    `timeout` is in milliseconds; a process that does not reply in time makes the result `partial`. Every method raises
    ValueError for an undeclared namespace and a `timeout` below 1. A `def` function calls them without `await`.
    """

    async def operate(self, operation: Operation, to: To, *, namespace: str, timeout: int) -> Replies:
        """Performs an operation in every process that hosts sockets of the rooms `to`."""
        raise NotImplementedError

    @anywhere
    async def disconnect(
        self, to: To = None, *, namespace: str = "/", reason: str = "server disconnect", timeout: int = TIMEOUT
    ) -> Count:
        """Disconnects sockets from the namespace; their disconnect hooks get `reason`. Returns how many."""
        return await self._count({"do": "disconnect", "reason": reason}, to, namespace, timeout)

    @anywhere
    async def join(self, to: To = None, *, room: str, namespace: str = "/", timeout: int = TIMEOUT) -> Count:
        """Enters sockets into a room; returns how many. Raises ValueError for the own room of another socket."""
        return await self._count({"do": "join", "room": room}, to, namespace, timeout)

    @anywhere
    async def leave(self, to: To = None, *, room: str, namespace: str = "/", timeout: int = TIMEOUT) -> Count:
        """Takes sockets out of a room; returns how many."""
        return await self._count({"do": "leave", "room": room}, to, namespace, timeout)

    @anywhere
    async def count(self, to: To = None, *, namespace: str = "/", timeout: int = TIMEOUT) -> Count:
        """Returns the number of sockets."""
        return await self._count({"do": "count"}, to, namespace, timeout)

    @anywhere
    async def sockets(
        self, to: To = None, *, namespace: str = "/", limit: int = 1000, timeout: int = TIMEOUT
    ) -> SocketList:
        """Returns at most `limit` sockets (Socket.IO's fetchSockets)."""
        operation = {"do": "sockets", "limit": _bounded(limit)}
        done = await self._operate(operation, to, namespace, timeout)
        found = done.items("sockets")
        result = SocketList(found[:limit])
        result.partial, result.truncated = done.partial, done.truncated or len(found) > limit
        return result

    @anywhere
    async def call(
        self,
        event: str,
        data: Value = None,
        to: To = None,
        *,
        namespace: str = "/",
        skip: Any = None,
        limit: int = 100,
        timeout: int = ANSWER_TIMEOUT,
    ) -> AnswerList:
        """Sends an event to sockets and returns what they answer within `timeout` (emitWithAck).

        Each process sends it to at most `limit` sockets. Raises the errors of `emit`.
        """
        operation = {"do": "call", "event": event, "data": data, "limit": _bounded(limit), "timeout": timeout}
        operation["skip"] = sorted(ids_of(skip))
        done = await self._operate(operation, to, namespace, timeout)
        result = AnswerList(done.items("answers"))
        result.missing = done.items("missing")
        result.partial, result.truncated = done.partial, done.truncated
        return result

    async def _count(self, operation: Operation, to: To, namespace: str, timeout: int) -> Count:
        done = await self._operate(operation, to, namespace, timeout)
        result = Count(sum(reply["count"] for reply in done.replies))
        result.partial = done.partial
        return result

    async def _operate(self, operation: Operation, to: To, namespace: str, timeout: int) -> Replies:
        if timeout < 1:
            raise ValueError("timeout must be at least 1 millisecond")
        done = await self.operate(operation, to, namespace=namespace, timeout=timeout)
        for reply in done.replies:
            if "refusal" in reply:
                raise ValueError(reply["refusal"])
        return done


async def replies_to(exchange: Exchange, operation: Operation, to: To, *, namespace: str, timeout: int) -> Replies:
    """Performs an operation in all processes; `timeout` is in milliseconds, and a call has `MARGIN` more."""
    if operation["do"] == "call":
        timeout += MARGIN  # the clients have the whole time
    answers = await exchange.ask(namespace, [to] if isinstance(to, str) else to, operation, timeout / 1000)
    return Replies(answers.replies, partial=answers.missing > 0)


def ids_of(skip: Any) -> frozenset[str]:
    """Returns the ids of a socket, of several, or of their ids."""
    if skip is None:
        return frozenset()
    if hasattr(skip, "id"):
        return frozenset((skip.id,))
    given: Iterable[Any] = (skip,) if isinstance(skip, str) else skip
    return frozenset(each if isinstance(each, str) else each.id for each in given)


def _bounded(limit: int) -> int:
    if not 1 <= limit <= MOST_SOCKETS:
        raise ValueError(f"limit must be from 1 to {MOST_SOCKETS}")
    return limit

"""BusExchange: operations on the members of rooms in all processes, over the channels of the rooms.

PUBLISH returns the number of subscribers, which is the number of replies to wait for. Each of them replies to the
sender's own channel, once per copy that it reads, and performs the operation once.
"""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any, NamedTuple

from hapiish.realtime.cluster import envelope
from hapiish.realtime.cluster.bus import Bus
from hapiish.realtime.cluster.channels import several
from hapiish.realtime.cluster.envelope import QUESTION, REPLY, Header
from hapiish.realtime.cluster.exchange import Answers, Operation, RoomNames, answers_of, attempt
from hapiish.types import Json

MOST_ROOMS = 16
"""Rooms on whose channels an operation is published; one on more rooms goes to every process of the namespace."""

MOST_SEEN = 4096
"""Questions that are remembered, to perform each once."""

DUPLICATE, DONE, FAILED = 0, 1, 2
"""Outcomes in a reply."""

PerformHere = Callable[[str, RoomNames, Operation], Awaitable[Json]]


class Asked(NamedTuple):
    """A question that waits for replies: how many came, what they say, and an event for each that comes."""

    replies: list[tuple[int, Json]]
    came: asyncio.Event


class BusExchange:
    """The exchange of a process on a bus. Without `perform`, this process hosts no sockets.

    `is_own(namespace, room)` is True for the own room of a socket of this process, of which no other has a member.
    """

    def __init__(
        self,
        bus: Bus,
        perform: PerformHere | None = None,
        is_own: Callable[[str, str | None], bool] = lambda namespace, room: False,
    ) -> None:
        self._bus = bus
        self._perform = perform
        self._is_own = is_own
        self._numbers = count(1)
        self._asked: dict[int, Asked] = {}
        self._seen: dict[tuple[bytes, int], None] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, namespace: str, rooms: RoomNames, question: Operation, timeout: float) -> Answers:
        """Performs an operation in all processes, and returns the replies that arrive within `timeout` seconds.

        Raises TypeError for an operation that cannot be encoded.
        """
        perform = self._perform
        here = asyncio.create_task(attempt(perform(namespace, rooms, question), timeout)) if perform else None
        there = await self._ask_others(namespace, rooms, question, timeout)
        own = answers_of(*([await here] if here is not None else []))
        return Answers(own.replies + there.replies, own.missing + there.missing)

    async def _ask_others(self, namespace: str, rooms: RoomNames, question: Operation, timeout: float) -> Answers:
        remote = [room for room in several(rooms) if not self._is_own(namespace, room)]
        if not remote:
            return Answers([], 0)
        published = dict.fromkeys(
            self._bus.channels.of(namespace, room) for room in (remote if len(remote) <= MOST_ROOMS else (None,))
        )
        number = next(self._numbers)
        body, sizes = envelope.value_body(namespace, rooms, question, timeout)
        message = envelope.seal(QUESTION, self._bus.node, Header(number, sizes=sizes), body)
        asked = self._asked[number] = Asked([], asyncio.Event())
        try:
            async with asyncio.timeout(timeout) as limit:
                expected = await self._count([self._bus.publish_counted(channel, message) for channel in published])
                while expected is not None and len(asked.replies) < expected:
                    asked.came.clear()
                    await asked.came.wait()
        except TimeoutError:
            if not limit.expired():
                raise
            expected = None
        finally:
            del self._asked[number]
        missing = 1 if expected is None else sum(outcome == FAILED for outcome, _ in asked.replies)
        return Answers([reply for outcome, reply in asked.replies if outcome == DONE], missing)

    async def _count(self, futures: list[asyncio.Future[Any] | None]) -> int | None:
        """Returns how many processes get a question; None if the queue is away."""
        counts = await asyncio.gather(*(each for each in futures if each is not None), return_exceptions=True)
        numbers = [each for each in counts if isinstance(each, int)]
        return sum(numbers) if len(numbers) == len(futures) else None

    # What arrives

    def asked(self, message: bytes) -> None:
        """Performs an operation of another process and replies. Raises ValueError for another program's message."""
        header, body = envelope.open_(message)
        node = message[1 : envelope.START]
        if node == self._bus.node.encode():  # performed already
            self.replied(header.number, DUPLICATE, None)
            return
        if (node, header.number) in self._seen or self._perform is None:
            self._reply(node, header.number, DUPLICATE, None)
            return
        if len(self._seen) >= MOST_SEEN:
            del self._seen[next(iter(self._seen))]
        self._seen[node, header.number] = None
        task = asyncio.create_task(self._perform_for(node, header.number, envelope.values_of(body, header.sizes)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _perform_for(self, node: bytes, number: int, values: list[Any]) -> None:
        assert self._perform is not None
        namespace, rooms, question, timeout = values
        succeeded, reply = await attempt(self._perform(namespace, rooms, question), timeout)
        self._reply(node, number, DONE if succeeded else FAILED, reply)

    def _reply(self, node: bytes, number: int, outcome: int, reply: Json) -> None:
        body, sizes = envelope.value_body(outcome, reply)
        message = envelope.seal(REPLY, self._bus.node, Header(number, sizes=sizes), body)
        self._bus.publish(self._bus.channels.of_node(node.decode()), message)

    def received_reply(self, message: bytes) -> None:
        """Handles the reply of another process. Raises ValueError for another program's message."""
        header, body = envelope.open_(message)
        if header.number in self._asked:
            outcome, reply = envelope.values_of(body, header.sizes)
            self.replied(header.number, outcome, reply)

    def replied(self, number: int, outcome: int, reply: Json) -> None:
        """Counts a reply to a question that waits for it."""
        asked = self._asked.get(number)
        if asked is not None:
            asked.replies.append((outcome, reply))
            asked.came.set()

"""Deliveries: emits to many sockets, which take several turns of the event loop.

An emit to 10,000 sockets at once would hold up everything else for a tenth of a second. What is emitted meanwhile waits
behind it, so that every socket gets the emits in their order.
"""

import asyncio
import sys
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from itertools import islice

from hapiish.realtime.engineio.transport import Transport
from hapiish.realtime.socketio.packets import Packed
from hapiish.types import Message

RECIPIENTS_PER_TURN = 256
"""Sockets that emits reach before the event loop runs other tasks."""

MOST_WAITING = 256
"""Emits that wait behind a large one; with more, all are delivered at once, so that their number is bounded."""


class Delivery:
    """One emit, and the recipients that are left."""

    __slots__ = ("ended", "messages", "recipients", "skipped")

    def __init__(self, packet: Packed, members: Mapping[str, Transport], skipped: Collection[str]) -> None:
        self.messages: list[Message] = packet if isinstance(packet, list) else [packet]
        self.recipients: Iterator[tuple[str, Transport]] = iter([*members.items()])
        self.skipped = skipped
        self.ended: asyncio.Future[None] | None = None


class Deliveries:
    """The emits that wait; sockets that are no longer in `joined` when their turn comes do not get them."""

    __slots__ = ("_joined", "_turn", "waiting")

    def __init__(self, joined: Collection[str]) -> None:
        self._joined = joined
        self._turn: asyncio.Handle | None = None
        self.waiting: deque[Delivery] = deque()

    def add(self, packet: Packed, members: Mapping[str, Transport], skipped: Collection[str]) -> None:
        """Delivers an emit to its first recipients now, if none waits, and to the others in the next turns."""
        self.waiting.append(Delivery(packet, members, skipped))
        if len(self.waiting) > MOST_WAITING:
            self._deliver(sys.maxsize)
        elif self._turn is None:
            self._next_turn()

    async def done(self) -> None:
        """Returns once the emits that wait are delivered: the next packet of their sender comes after them."""
        if self.waiting:
            last = self.waiting[-1]
            if last.ended is None:
                last.ended = asyncio.get_running_loop().create_future()
            await asyncio.shield(last.ended)

    def _next_turn(self) -> None:
        self._turn = None
        self._deliver(RECIPIENTS_PER_TURN)
        if self.waiting:
            self._turn = asyncio.get_running_loop().call_soon(self._next_turn)

    def _deliver(self, most: int) -> None:
        while self.waiting and most > 0:
            delivery = self.waiting[0]
            count = 0
            for sid, transport in islice(delivery.recipients, most):
                count += 1
                if sid in self._joined and sid not in delivery.skipped:
                    for message in delivery.messages:
                        transport.deliver(message)
            if count < most:
                self.waiting.popleft()
                if delivery.ended is not None and not delivery.ended.done():
                    delivery.ended.set_result(None)
            most -= max(count, 1)

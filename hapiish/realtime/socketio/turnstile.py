"""Turnstile: hooks of many sockets that end at the same time begin over several turns of the event loop."""

import asyncio
from collections import deque

PER_TURN = 8
"""Hooks that begin before the event loop runs other tasks."""

AT_ONCE = 64
"""Hooks that run at once."""

PATIENCE = 1.0
"""Seconds after which a hook no longer holds up those that wait, so that hooks that wait for others do not hang."""


class Turnstile:
    """A lock for `async with` that `PER_TURN` tasks enter in one turn of the event loop, in order, `AT_ONCE` in all."""

    __slots__ = ("_inside", "_left", "_turn", "_waiting")

    def __init__(self) -> None:
        self._left = PER_TURN
        self._inside: dict[asyncio.Task[object] | None, asyncio.TimerHandle] = {}
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._turn: asyncio.Handle | None = None

    async def __aenter__(self) -> None:
        if self._waiting or not self._enters():
            loop = asyncio.get_running_loop()
            place: asyncio.Future[None] = loop.create_future()
            self._waiting.append(place)
            self._schedule()
            await place
        task = asyncio.current_task()
        if task not in self._inside:  # else within another hook
            self._inside[task] = asyncio.get_running_loop().call_later(PATIENCE, self._leave, task)

    async def __aexit__(self, *error: object) -> None:
        self._leave(asyncio.current_task())

    def _enters(self) -> bool:
        if self._left == 0 or len(self._inside) >= AT_ONCE:
            return False
        self._left -= 1
        self._schedule()
        return True

    def _schedule(self) -> None:
        if self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._next_turn)

    def _next_turn(self) -> None:
        self._turn = None
        self._left = PER_TURN
        room = AT_ONCE - len(self._inside)
        while self._waiting and self._left and room > 0:
            place = self._waiting.popleft()
            if not place.done():  # else cancelled
                place.set_result(None)
                self._left -= 1
                room -= 1
        if self._left < PER_TURN:
            self._schedule()

    def _leave(self, task: "asyncio.Task[object] | None") -> None:
        timer = self._inside.pop(task, None)
        if timer is not None:
            timer.cancel()
        if self._waiting:
            self._schedule()

"""Operations on the sockets of this process, for its own callers and for those of other processes.

An operation and its reply are values of JSON and bytes. `do` is disconnect, join, leave, count, sockets or call.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from hapiish import codec
from hapiish.realtime.socketio import packets
from hapiish.types import Json, Value

if TYPE_CHECKING:
    from hapiish.realtime.socketio.hub import Hub
    from hapiish.realtime.socketio.socket import Socket

SOCKETS_PER_TURN: Final = 100
"""Sockets that an operation changes before the event loop runs other tasks."""

MOST_BYTES: Final = 1_000_000
"""Largest size of the data in a reply: clients choose their answers, and Redis disconnects a reader that lags."""

Reply = dict[str, Any]


async def perform(hub: "Hub", namespace: str, rooms: str | Sequence[str] | None, operation: Mapping[str, Any]) -> Reply:
    """Performs an operation on the sockets of rooms in this process.

    Returns `{"refusal": text}` for an operation that is not possible.
    """
    members = hub.manager.members(namespace, rooms)
    name = operation["do"]
    if name == "count":
        return {"count": len(members)}
    function = _OPERATIONS.get(name)
    if function is None:
        return {"refusal": f"a process of another version does not know the operation {name}"}
    clients = [hub.clients.get(transport.sid) for transport in members.values()]
    # A client that is being closed has left `clients`, but not yet all of its rooms.
    sockets = [client.sockets[namespace] for client in clients if client is not None and namespace in client.sockets]
    work = function(sockets, operation)
    try:
        # What has begun is finished: the timeout of the caller must not cancel a disconnect hook.
        return await (work if name == "call" else asyncio.shield(_running(work)))
    except (ValueError, TypeError) as error:  # of a room or of public data; the caller raises it, in its process
        return {"refusal": str(error)}


_tasks: set[asyncio.Task[Reply]] = set()
"""References to running tasks, which the event loop alone does not keep alive."""


def _running(work: Coroutine[Any, Any, Reply]) -> "asyncio.Task[Reply]":
    task = asyncio.create_task(work)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    return task


async def _disconnect(sockets: Sequence["Socket"], operation: Mapping[str, Any]) -> Reply:
    for start in range(0, len(sockets), SOCKETS_PER_TURN):
        turn = sockets[start : start + SOCKETS_PER_TURN]
        await asyncio.gather(*(socket.disconnect(operation["reason"]) for socket in turn))
    return {"count": len(sockets)}


async def _join(sockets: Sequence["Socket"], operation: Mapping[str, Any]) -> Reply:
    return await _each(sockets, lambda socket: socket.join(operation["room"]))


async def _leave(sockets: Sequence["Socket"], operation: Mapping[str, Any]) -> Reply:
    return await _each(sockets, lambda socket: socket.leave(operation["room"]))


async def _each(sockets: Sequence["Socket"], change: Callable[["Socket"], Awaitable[None]]) -> Reply:
    for number, socket in enumerate(sockets, 1):
        await change(socket)
        if not number % SOCKETS_PER_TURN:
            await asyncio.sleep(0)
    return {"count": len(sockets)}


async def _list(sockets: Sequence["Socket"], operation: Mapping[str, Any]) -> Reply:
    """Returns copies, as another process gets them, of at most `limit` sockets and `MOST_BYTES`."""
    limit, size = operation["limit"], 0
    found: list[Json] = []
    for number, socket in enumerate(sockets):
        written = codec.encode(_described(socket))
        size += len(written)
        if number == limit or (size > MOST_BYTES and found):
            return {"sockets": found, "truncated": True}
        found.append(codec.decode_trusted(written))
        if not (number + 1) % SOCKETS_PER_TURN:
            await asyncio.sleep(0)
    return {"sockets": found}


def _described(socket: "Socket") -> dict[str, Value]:
    return {"id": socket.id, "namespace": socket.namespace, "rooms": sorted(socket.rooms), "data": socket.public}


async def _call(sockets: Sequence["Socket"], operation: Mapping[str, Any]) -> Reply:
    skipped = frozenset(operation["skip"])
    called = [socket for socket in sockets if socket.id not in skipped]
    limit = operation["limit"]
    answers = await Calls(called[:limit]).ask(operation["packet"], operation["timeout"] / 1000)
    return {**answers, "truncated": True} if len(called) > limit else answers


class Calls:
    """An event to several sockets that waits for their acknowledgements."""

    __slots__ = ("_answers", "_is_full", "_room_left", "_sockets", "_waiting", "_woken")

    def __init__(self, sockets: Sequence["Socket"]) -> None:
        self._sockets = sockets
        self._answers: list[dict[str, Value]] = []
        self._waiting = {socket.id for socket in sockets}
        self._room_left = MOST_BYTES
        self._is_full = False
        self._woken = asyncio.Event()

    async def ask(self, packet: packets.Packed, seconds: float) -> Reply:
        """Sends the packet and returns `answers`, at most `MOST_BYTES` of them, and the ids of the `missing`."""
        numbers = [(socket, socket.call(packet, partial(self._answered, socket.id))) for socket in self._sockets]
        try:
            async with asyncio.timeout(seconds):
                while self._waiting:
                    await self._woken.wait()
                    self._woken.clear()
        except TimeoutError:
            pass
        finally:
            for socket, number in numbers:
                socket.forget_call(number)
        answered = {answer["id"] for answer in self._answers}
        missing = [socket.id for socket in self._sockets if socket.id not in answered]
        return {"answers": self._answers, "missing": missing, **({"truncated": True} if self._is_full else {})}

    def _answered(self, id: str, *arguments: Value) -> None:
        self._waiting.discard(id)
        if not self._waiting:
            self._woken.set()
        self._room_left -= packets.weight(arguments)
        if self._room_left < 0 and self._answers:
            self._is_full = True
            return
        data = arguments[0] if len(arguments) == 1 else list(arguments) or None
        self._answers.append({"id": id, "data": data})


_OPERATIONS: Final[Mapping[str, Callable[[Sequence["Socket"], Mapping[str, Any]], Coroutine[Any, Any, Reply]]]] = {
    "disconnect": _disconnect,
    "join": _join,
    "leave": _leave,
    "sockets": _list,
    "call": _call,
}

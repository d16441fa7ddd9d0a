"""Authorization after a reload: connected clients are authorized again by changed rules, or disconnected."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping

from hapiish import boom
from hapiish.realtime.socketio import packets
from hapiish.realtime.socketio.hooks import NamespaceHooks
from hapiish.realtime.socketio.namespaces import Namespaces
from hapiish.realtime.socketio.socket import Socket

SOCKETS_PER_TURN = 16
"""Sockets that are authorized before the event loop runs other tasks."""

Dismiss = Callable[[Socket, str], Awaitable[None]]

logger = logging.getLogger("hapiish.realtime")


async def review(
    sockets: Iterable[Socket],
    before: Mapping[str, NamespaceHooks],
    current: Callable[[], Namespaces],
    dismiss: Dismiss,
) -> None:
    """Authorizes the sockets of namespaces whose `rules` differ from those of `before`; logs one line with the counts.

    `current` returns the namespaces of now, which another reload may replace meanwhile.
    """
    left = stayed = 0
    for number, socket in enumerate(sockets, 1):
        declared = socket.declared
        stays = None
        if not socket.left:
            stays = await authorize(socket, before.get(declared), current(), dismiss)
        left += stays is False
        stayed += stays is True
        if not number % SOCKETS_PER_TURN:
            await asyncio.sleep(0)
    if left or stayed:
        logger.warning(
            "access to namespaces changed: of %d open sockets %d are disconnected, %d are authorized again",
            *(left + stayed, left, stayed),
        )


async def authorize(socket: Socket, old: NamespaceHooks | None, current: Namespaces, dismiss: Dismiss) -> bool | None:
    """Returns True if the socket may stay, False if it was disconnected, None if its rules have not changed.

    The event `kicked` tells the client why it is disconnected. A namespace whose declaration has another name now, such
    as that of a parameter, is judged by it.
    """
    new = current.get(socket.declared)
    if new is None:
        found = current.find(socket.namespace)
        if found is None:
            await _leave(socket, old)
            return False
        new = current[found[0]]
        socket.declared, socket.params = found
        socket.asked = dict(socket.params)
    elif old is new or (old is not None and old.rules == new.rules):
        return None
    if new.judge is None:
        return None
    try:
        await new.judge(socket)
    except boom.Boom as error:
        if not socket.left:
            socket.client.transport.deliver(packets.kicked(socket.namespace, "access changed", error.payload()))
        await dismiss(socket, "access changed")
        return False
    return True


async def _leave(socket: Socket, hooks: NamespaceHooks | None) -> None:
    """Disconnects a socket whose namespace was removed, and calls the disconnect hook of the removed namespace."""
    if not socket.forget():
        return
    for packet in (packets.kicked(socket.namespace, "namespace gone"), packets.disconnected(socket.namespace)):
        socket.client.transport.deliver(packet)
    if hooks is not None and hooks.disconnect is not None:
        await hooks.disconnect(socket, "namespace gone")

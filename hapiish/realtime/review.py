"""After a reload: who is inside by rules that hold no more is judged anew, and has to leave where the verdict is no."""

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from hapiish import boom
from hapiish.realtime import packets
from hapiish.realtime.hooks import NamespaceHooks

if TYPE_CHECKING:
    from hapiish.realtime.hub import Hub
    from hapiish.realtime.socket import Socket

AT_ONCE = 100
"""Sockets that are judged before others have a turn."""

logger = logging.getLogger("hapiish.realtime")


async def review(hub: "Hub", before: Mapping[str, NamespaceHooks]) -> None:
    """Judges the sockets of namespaces whose `rules` are others than `before`; one line says how many had to leave."""
    left = stayed = 0
    everybody = [socket for transport in hub.eio.sockets.values() for socket in transport.sockets.values()]
    for number, socket in enumerate(everybody, 1):
        verdict = await reviewed(hub, socket, before) if not socket.left else None
        left += verdict is False
        stayed += verdict is True
        if not number % AT_ONCE:
            await asyncio.sleep(0)
    if left or stayed:
        logger.warning(
            "access to namespaces has changed: of %d open sockets %d had to leave, %d were judged anew and stay",
            *(left + stayed, left, stayed),
        )


async def reviewed(hub: "Hub", socket: "Socket", before: Mapping[str, NamespaceHooks]) -> bool | None:
    """Whether the socket may stay; None where nothing has changed for it."""
    old, new = before.get(socket.declared), hub.namespaces.get(socket.declared)
    if new is None:
        await _leave(socket, old)
        return False
    if old is new or (old is not None and old.rules == new.rules) or new.judge is None:
        return None
    try:
        await new.judge(socket)
    except boom.Boom:
        await hub.dismiss(socket, "access changed")
        return False
    return True


async def _leave(socket: "Socket", hooks: NamespaceHooks | None) -> None:
    """Ends a socket whose namespace is gone, which its namespace of before hears of."""
    transport = socket.transport
    if not socket.forget():
        return
    transport.deliver(packets.disconnected(socket.namespace))
    if hooks is not None and hooks.disconnect is not None:
        await hooks.disconnect(socket, "namespace gone")

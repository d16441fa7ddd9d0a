"""Expiry of credentials. A client gets an event one minute before, and is disconnected when the credentials expire."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from math import inf
from time import time
from typing import TYPE_CHECKING, Any, Final

from hapiish.realtime.socketio.events import UndeclaredEmitError
from hapiish.types import Value

if TYPE_CHECKING:  # a table without sockets does not load python-socketio
    from hapiish.realtime.socketio.socket import Socket

EXPIRING: Final = "auth:expiring"
"""The emit before the end; its payload is `{"expiresAt": …}`. Namespaces that do not declare it do not send it."""

KICKED: Final = "kicked"
"""The emit with the reason of a disconnection; here its payload is `{"reason": "expired"}`."""

NOTICE: Final = 60.0
"""Seconds between the announcement and the end."""

logger = logging.getLogger("hapiish.realtime")

_tasks: set[asyncio.Task[None]] = set()
"""References to running tasks, which the event loop alone does not keep alive."""


def schedule(socket: "Socket", expires: float) -> None:
    """Announces and disconnects a socket at `expires`, in seconds since the epoch; replaces the former time."""
    if socket.expiry is not None:
        socket.expiry.cancel()
        socket.expiry = None
    if expires < inf:
        _arm(socket, expires - NOTICE, _announce, socket, expires)


def _arm(socket: "Socket", moment: float, function: Callable[..., Coroutine[Any, Any, None]], *given: Any) -> None:
    def begin() -> None:
        task = asyncio.create_task(function(*given))
        _tasks.add(task)
        task.add_done_callback(_tasks.discard)

    socket.expiry = asyncio.get_running_loop().call_later(max(0, moment - time()), begin)


async def _announce(socket: "Socket", expires: float) -> None:
    if _is_current(socket, expires):
        _arm(socket, expires, _end, socket, expires)
        await _tell(socket, EXPIRING, {"expiresAt": datetime.fromtimestamp(expires, UTC)})


async def _end(socket: "Socket", expires: float) -> None:
    if _is_current(socket, expires):
        await _tell(socket, KICKED, {"reason": "expired"})
        await socket.disconnect("credentials expired")


def _is_current(socket: "Socket", expires: float) -> bool:
    """Returns False if the socket has left, or its credentials were renewed since the timer was set."""
    return not socket.left and socket.auth.expires == expires


async def _tell(socket: "Socket", event: str, payload: Value) -> None:
    try:
        await socket.emit(event, payload)
    except UndeclaredEmitError:
        pass
    except ValueError as error:
        logger.warning("sockets of %s are not told of the end of their credentials: %s", socket.declared, error)

"""The farewell of a server that ends: sockets are told when to connect again, so that they do not all do it at once."""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from typing import Final

from hapiish.realtime.socketio.events import CheckEmit, UndeclaredEmitError
from hapiish.realtime.socketio.socket import Socket

DRAINING: Final = "server:draining"
"""The emit that tells a client; its payload is `{"reconnectAfterMs": …}`."""

LONGEST_DELAY: Final = 5000
"""The maximum of `reconnectAfterMs`."""

SOCKETS_PER_TURN = 100
"""Sockets that are told before the event loop runs other tasks."""

logger = logging.getLogger("hapiish.realtime")


async def farewell(sockets: Iterable[Socket], check_of: Callable[[str], CheckEmit | None]) -> None:
    """Sends `DRAINING` with a random delay to the sockets of namespaces that declare it."""
    takes: dict[str, bool] = {}
    for number, socket in enumerate(tuple(sockets), 1):
        declared = socket.declared
        if declared not in takes:
            takes[declared] = _takes(check_of(declared), declared)
        if takes[declared] and not socket.left:
            delay = random.randint(0, LONGEST_DELAY)  # noqa: S311 - spreads clients, no secret
            await socket.emit(DRAINING, {"reconnectAfterMs": delay})
        if not number % SOCKETS_PER_TURN:
            await asyncio.sleep(0)


def _takes(check: CheckEmit | None, declared: str) -> bool:
    """Returns whether a namespace declares the emit; logs a schema that refuses its payload."""
    if check is None:
        return False
    try:
        for delay in (0, LONGEST_DELAY):
            check(DRAINING, {"reconnectAfterMs": delay})
    except UndeclaredEmitError:
        return False
    except ValueError as error:
        logger.warning("sockets of %s are not told of the end of the server: %s", declared, error)
        return False
    return True

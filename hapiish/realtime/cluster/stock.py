"""Messages of python-socketio: its servers on the same queue, and its emitters outside of a server.

They publish JSON on one channel, which every process of hapiish reads. hapiish's emits are published there too while a
server of python-socketio listens, marked so that processes of hapiish ignore them.
"""

import asyncio
import logging
from base64 import b64encode
from collections.abc import Awaitable, Callable, Collection, Iterable
from contextlib import suppress
from typing import Any

from hapiish import codec
from hapiish.realtime.socketio.packets import Packed

MARK = "hapiish"
"""The key of an emit that hapiish's processes get on their own channels."""

MOST_WAITING = 10_000
"""Messages that wait to be handled; further ones are dropped."""


logger = logging.getLogger("hapiish.realtime")


def stock_message(
    packet: Packed, namespace: str, rooms: Collection[str | None], skipped: Iterable[str | None], host_id: str
) -> dict[str, Any]:
    """Returns the message of an emit for servers of python-socketio."""
    head, *attachments = packet if isinstance(packet, list) else [packet]
    start = head["text"].index("[", 0 if namespace == "/" else head["text"].index(namespace) + len(namespace))
    event, *data = codec.decode_trusted(head["text"][start:].encode())
    contents = [b64encode(each["bytes"]).decode() for each in attachments]
    names = [*rooms]
    return {
        "method": "emit",
        "event": event,
        "data": [data, *contents] if attachments else data,
        "binary": bool(attachments),
        "namespace": namespace,
        "room": None if None in names else names if len(names) > 1 else names[0],
        "skip_sid": [each for each in skipped if each is not None],
        "callback": None,
        "host_id": host_id,
    }


class StockMessages:
    """Passes the messages to `handle` in order, one at a time, because disconnecting a socket takes time."""

    def __init__(self, host_id: str, handle: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        self._host_id = host_id
        self._handle = handle
        self._queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(MOST_WAITING)
        self._task: asyncio.Task[None] | None = None

    def received(self, message: bytes) -> int:
        """Queues a message of another program; returns the number of deliveries. Raises ValueError."""
        data = codec.decode(message)
        if not isinstance(data, dict) or data.get(MARK):
            return 0
        if data.get("method") != "callback" and data.get("host_id") == self._host_id:
            return 0
        with suppress(asyncio.QueueFull):
            self._queue.put_nowait(data)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._handle_all())
        return 1

    async def _handle_all(self) -> None:
        while not self._queue.empty():
            try:
                await self._handle(self._queue.get_nowait())
            except Exception:
                logger.warning("a message of python-socketio is ignored", exc_info=True)

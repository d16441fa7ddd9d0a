"""PubSubRooms: the rooms of this process whose emits reach other processes, as one of python-socketio's managers."""

from typing import Any

from socketio.async_pubsub_manager import AsyncPubSubManager

from hapiish.realtime.socketio import packets
from hapiish.realtime.socketio.rooms import Rooms
from hapiish.types import Value


class PubSubRooms(AsyncPubSubManager, Rooms):
    """The base of rooms over a queue, whose `broadcast` delivers here and sends to other processes.

    python-socketio's manager emits with a callback, and within this process alone (`ignore_queue`).
    """

    def __init__(self) -> None:
        super().__init__()
        self.write_only = True  # subclasses read from the queue themselves

    async def emit(
        self,
        event: str,
        data: Value,
        namespace: str,
        *,
        room: Any = None,
        skip_sid: Any = None,
        callback: Any = None,
        to: Any = None,
        **options: Any,
    ) -> None:
        """Sends an event to rooms in every process (python-socketio's API)."""
        target = room if to is None else to
        if callback is not None or options.get("ignore_queue"):
            await super().emit(event, data, namespace, room=target, skip_sid=skip_sid, callback=callback, **options)
            return
        skipped = skip_sid if isinstance(skip_sid, list | set | tuple) else (skip_sid,)
        self.broadcast(packets.emitted(namespace, event, data), namespace, target, skipped)

"""Brokers: the processes of a service connected by RabbitMQ (`amqp://`) or Kafka, with python-socketio's managers.

Every process reads every emit, there are no operations on rooms of other processes, and nothing says whether the broker
is away. Servers and emitters of python-socketio on the same broker interoperate.
"""

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator, Collection, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import socketio

from hapiish.options import Queue
from hapiish.realtime.cluster.channels import several
from hapiish.realtime.cluster.exchange import Answers, LocalExchange, Operation, Perform, RoomNames
from hapiish.realtime.cluster.pubsub import PubSubRooms
from hapiish.realtime.cluster.stock import stock_message
from hapiish.realtime.socketio.packets import Packed

if TYPE_CHECKING:
    from hapiish.realtime.socketio.hub import Hub

MOST_WAITING = 10_000
"""Messages that wait for the broker, in each direction; further ones are dropped."""

RETRY = 2.0
"""Seconds between attempts to reach a Kafka."""

logger = logging.getLogger("hapiish.realtime")


class Broker(Protocol):
    """The connection to a broker: `send` publishes a message, `receive` yields those of all processes."""

    async def send(self, message: dict[str, Any]) -> None:
        """Publishes a message."""

    def receive(self) -> AsyncIterator[Any]:
        """Yields the messages of all processes, as text or bytes of JSON."""

    async def close(self) -> None:
        """Closes the connection for sending."""


class AmqpBroker:
    """RabbitMQ, by python-socketio's AsyncAioPikaManager."""

    def __init__(self, url: str, channel: str) -> None:
        self._manager = socketio.AsyncAioPikaManager(url, channel=channel, write_only=True, logger=logger)

    async def send(self, message: dict[str, Any]) -> None:
        """Publishes a message."""
        await self._manager._publish(message)  # noqa: SLF001 - see docs/upstream.md

    def receive(self) -> AsyncIterator[Any]:
        """Yields the messages of all processes."""
        messages: AsyncIterator[Any] = self._manager._listen()  # noqa: SLF001
        return messages

    async def close(self) -> None:
        """Closes the connection for sending."""
        if self._manager.publisher_connection is not None:
            await self._manager.publisher_connection.close()


class _JsonBytes:
    """A JSON module that writes bytes, which Kafka's client wants."""

    @staticmethod
    def dumps(value: Any) -> bytes:
        return json.dumps(value).encode()

    loads = staticmethod(json.loads)


class KafkaBroker:
    """Kafka, by python-socketio's KafkaManager, which blocks: it runs in threads."""

    def __init__(self, url: str, channel: str) -> None:
        self._make = partial(socketio.KafkaManager, url, channel=channel, logger=logger, json=_JsonBytes)
        self._manager: Any = None
        self._making = asyncio.Lock()

    async def send(self, message: dict[str, Any]) -> None:
        """Publishes a message."""
        manager = await self._connected()
        await asyncio.to_thread(manager._publish, message)  # noqa: SLF001

    async def receive(self) -> AsyncIterator[Any]:
        """Yields the messages of all processes."""
        manager = await self._connected()
        found: asyncio.Queue[Any] = asyncio.Queue(MOST_WAITING)
        loop = asyncio.get_running_loop()

        def read() -> None:
            for message in manager._listen():  # noqa: SLF001
                asyncio.run_coroutine_threadsafe(found.put(message), loop).result()

        threading.Thread(target=read, name="hapiish-kafka", daemon=True).start()
        while True:
            yield await found.get()

    async def close(self) -> None:
        """Closes the connection for sending."""
        if self._manager is not None:
            await asyncio.to_thread(self._manager.producer.close)

    async def _connected(self) -> Any:
        async with self._making:
            while self._manager is None:
                try:
                    self._manager = await asyncio.to_thread(self._make)
                except Exception as error:  # noqa: BLE001 - kafka's own errors, and those of the network
                    logger.warning("Kafka does not answer: %s", error)
                    await asyncio.sleep(RETRY)
        return self._manager


class BrokerRooms(PubSubRooms):
    """The rooms of this process; emits are delivered here directly and sent to all others."""

    def __init__(self, broker: Broker) -> None:
        super().__init__()
        self._broker = broker
        self._unsent: asyncio.Queue[dict[str, Any]] = asyncio.Queue(MOST_WAITING)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begins to send and to read."""
        self._tasks = [asyncio.create_task(self._send()), asyncio.create_task(self._thread())]

    async def close(self) -> None:
        """Ends sending and reading."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self._broker.close()

    def broadcast(
        self,
        packet: Packed,
        namespace: str,
        room: str | Iterable[str] | None,
        skipped: Collection[str] = (),
        excepted: str | Collection[str] = (),
    ) -> None:
        """Delivers a packet here and sends it to all others, unless it has `excepted` rooms, which they do not know."""
        rooms = several(room)
        self.deliver(packet, namespace, room if room is None or isinstance(room, str) else rooms, skipped, excepted)
        if rooms and not excepted:
            self._put(stock_message(packet, namespace, rooms, skipped, self.host_id))

    def _put(self, message: dict[str, Any]) -> None:
        try:
            self._unsent.put_nowait(message)
        except asyncio.QueueFull:
            logger.warning("an emit does not reach other processes: %d wait for the broker", MOST_WAITING)

    async def _publish(self, data: dict[str, Any]) -> None:
        self._put(data)

    async def _send(self) -> None:
        while True:
            message = await self._unsent.get()
            try:
                await self._broker.send(message)
            except Exception as error:  # noqa: BLE001 - of the broker's client
                logger.warning("an emit does not reach other processes: %s", error)

    async def _listen(self) -> AsyncIterator[Any]:
        async for message in self._broker.receive():
            yield message


class BrokerExchange(LocalExchange):
    """Operations in this process alone; its answers say that others are missing."""

    __slots__ = ()

    async def ask(self, namespace: str, rooms: RoomNames, question: Operation, timeout: float) -> Answers:
        """Performs an operation here; `missing` is at least 1."""
        answers = await super().ask(namespace, rooms, question, timeout)
        return Answers(answers.replies, answers.missing + 1)


class BrokerCluster:
    """The rooms of a process on a broker, and its exchange."""

    is_away = False

    def __init__(self, queue: Queue) -> None:
        kind = KafkaBroker if queue.url.startswith("kafka:") else AmqpBroker
        self.rooms = BrokerRooms(kind(queue.url, queue.channel))

    def exchange_of(self, hub: "Hub", perform: Perform) -> BrokerExchange:
        """Returns the exchange of this process."""
        return BrokerExchange(hub, perform)

    async def start(self) -> None:
        """Begins to connect."""
        self.rooms.start()

    async def close(self) -> None:
        """Closes the connections."""
        await self.rooms.close()

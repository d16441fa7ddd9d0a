"""QueueEmitter: emits and operations on sockets from a job outside of any server (`hapiish.emitter`)."""

import asyncio
import threading
from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from hapiish import boom
from hapiish.bridge import anywhere, is_on_loop
from hapiish.options import Queue
from hapiish.realtime.cluster.bus import Bus
from hapiish.realtime.cluster.bus_exchange import BusExchange
from hapiish.realtime.cluster.channels import several
from hapiish.realtime.cluster.envelope import REPLY
from hapiish.realtime.cluster.operator import BroadcastOperator, Operation, Replies, To, ids_of, replies_to
from hapiish.realtime.cluster.publisher import Publisher
from hapiish.realtime.socketio.emitter import pack
from hapiish.realtime.socketio.events import CheckEmit
from hapiish.realtime.socketio.namespaces import Namespaces
from hapiish.types import Value

T = TypeVar("T")


class QueueEmitter(BroadcastOperator):
    """Sends events to the clients of a service and operates on their sockets, from a process that serves none of them.

    The first call connects; `close`, or the end of a `with` or `async with` block, closes the connections. It works in
    every thread and on every event loop, because its connections have a thread of their own. `namespaces` check the
    events; without them, every event may be sent. Every method raises ServerUnavailable if the queue is away.
    """

    def __init__(self, queue: Queue, namespaces: Namespaces | None = None) -> None:
        self._namespaces = namespaces
        self._bus = Bus(
            queue.url,
            partition=queue.partition,
            stock=queue.channel,
            on_message=self._received,
            meanwhile="the emitter raises ServerUnavailable",
        )
        self._publisher = Publisher(self._bus, queue.max_bytes)
        self._exchange = BusExchange(self._bus)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    @property
    def home(self) -> asyncio.AbstractEventLoop:
        """The event loop of the connections, for calls from threads; it starts at the first use."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="hapiish-emitter", daemon=True)
                self._thread.start()
                asyncio.run_coroutine_threadsafe(self._connect(), self._loop).result()
            return self._loop

    @anywhere
    async def emit(
        self,
        event: str,
        data: Value = None,
        to: str | Sequence[str] | None = None,
        *,
        namespace: str = "/",
        skip: Any = None,
        except_: str | Collection[str] = (),
    ) -> None:
        """Sends to a room, to the union of several, or to all sockets of the namespace, in order.

        Excludes the sockets with ids in `skip`, and those in the room or rooms `except_`. Raises ValueError for an
        undeclared namespace, event or payload, and for an emit that is too large; TypeError for data that cannot be
        encoded.
        """
        packet = await pack(self._check(namespace), event, data, namespace, run=asyncio.to_thread)
        excluded = [except_] if isinstance(except_, str) else [*except_]
        await self._at_home(lambda: self._publish(packet, namespace, several(to), ids_of(skip), excluded))

    async def operate(self, operation: Operation, to: To, *, namespace: str, timeout: int) -> Replies:
        """Performs an operation of `BroadcastOperator`."""
        check = self._check(namespace)
        if operation["do"] == "call":
            event, data = operation["event"], operation["data"]
            packet = await pack(check, event, data, namespace, run=asyncio.to_thread)
            operation = {**operation, "packet": packet}
        return await self._at_home(lambda: self._ask(namespace, to, operation, timeout))

    def close(self) -> Coroutine[Any, Any, None]:
        """Sends what waits and closes the connections; in an `async def`, it must be awaited."""
        if is_on_loop():
            return asyncio.to_thread(self._close)
        self._close()
        return cast("Coroutine[Any, Any, None]", None)

    def _close(self) -> None:
        with self._lock:
            loop, self._loop = self._loop, None
        if loop is not None:
            asyncio.run_coroutine_threadsafe(self._bus.close(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            assert self._thread is not None
            self._thread.join()
            loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self._close)

    def _check(self, namespace: str) -> CheckEmit | None:
        if self._namespaces is not None:
            return self._namespaces.expect(namespace).emits
        if not namespace.startswith("/"):
            raise ValueError(f'the name of a namespace starts with "/", unlike "{namespace}"')
        return None

    async def _at_home(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Runs work on the loop of the connections."""
        home = self._loop
        if home is None:
            home = await asyncio.to_thread(lambda: self.home)
        if home is asyncio.get_running_loop():
            return await work()
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work(), home))

    async def _connect(self) -> None:
        await self._bus.start()
        await self._bus.count_stock()

    async def _publish(
        self,
        packet: Any,
        namespace: str,
        rooms: Collection[str | None],
        skipped: Iterable[str],
        excluded: Collection[str],
    ) -> None:
        messages = self._publisher.messages(packet, namespace, rooms, skipped, excluded)
        sent = [self._bus.publish_counted(channel, message) for channel, message in messages]
        if not excluded:
            self._publisher.publish_stock(packet, namespace, rooms, skipped)
        there = [each for each in sent if each is not None]
        done = await asyncio.gather(*there, return_exceptions=True)
        if len(there) < len(sent) or any(isinstance(each, BaseException) for each in done):
            raise boom.ServerUnavailable("The queue of the sockets does not answer")

    async def _ask(self, namespace: str, to: To, operation: Operation, timeout: int) -> Replies:
        if self._bus.is_away:
            raise boom.ServerUnavailable("The queue of the sockets does not answer")
        return await replies_to(self._exchange, operation, to, namespace=namespace, timeout=timeout)

    def _received(self, channel: bytes, message: bytes) -> int:
        if message[:1] == REPLY:
            self._exchange.received_reply(message)
        return 0

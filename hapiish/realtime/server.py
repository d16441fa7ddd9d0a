"""RealtimeServer: Socket.IO as an ASGI application."""

import asyncio
from collections.abc import Collection, Coroutine, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hapiish.bridge import anywhere, loop_only
from hapiish.codec import MOST_DIGITS
from hapiish.options import Queue, Sockets
from hapiish.realtime.cluster.exchange import Exchange, LocalExchange
from hapiish.realtime.cluster.operations import perform
from hapiish.realtime.cluster.operator import BroadcastOperator, Operation, Replies, To, ids_of, replies_to
from hapiish.realtime.engineio.transport import Transport
from hapiish.realtime.presence import Presence
from hapiish.realtime.presence.change import Announce, ignore
from hapiish.realtime.socketio.farewell import farewell
from hapiish.realtime.socketio.hooks import NamespaceHooks
from hapiish.realtime.socketio.hub import Hub
from hapiish.realtime.socketio.namespaces import Namespaces
from hapiish.realtime.socketio.review import review
from hapiish.realtime.socketio.socket import Socket
from hapiish.types import Receive, Run, Scope, Send, Value

if TYPE_CHECKING:
    from hapiish.realtime.cluster.brokers import BrokerCluster
    from hapiish.realtime.cluster.cluster import Cluster

Skipped = Socket | str

ENDS_PER_TURN = 32
"""Connections that a shutdown ends before the event loop runs other tasks."""


class RealtimeServer(BroadcastOperator):
    """Serves Socket.IO 5 clients (JavaScript 3 and 4); `namespaces` are those of the hooks, not of `settings`.

    A client with more unsent messages than `settings` allow is disconnected as "slow". `run` calls blocking functions
    in a thread; `most_digits` limits the integers in events. `presence_changed` is called with each change of presence.
    """

    def __init__(
        self,
        settings: Sockets,
        *,
        namespaces: Mapping[str, NamespaceHooks],
        run: Run = asyncio.to_thread,
        most_digits: int = MOST_DIGITS,
        presence_changed: Announce = ignore,
    ) -> None:
        self.path = "/" + settings.path.strip("/")
        self.cluster: Cluster | BrokerCluster | None = _cluster(settings.queue)
        rooms = self.cluster.rooms if self.cluster is not None else None
        self._hub = Hub(namespaces, settings=settings, run=run, most_digits=most_digits, rooms=rooms)
        self.presence: Presence | None = None
        if settings.presence is not None:
            url, partition = settings.queue.url, settings.queue.partition
            self.presence = Presence(settings.presence, url=url, partition=partition, announce=presence_changed)
        self._exchange: Exchange = LocalExchange(self._hub, perform)
        if self.cluster is not None:
            self._exchange = self.cluster.exchange_of(self._hub, perform)

    @property
    def namespaces(self) -> Mapping[str, NamespaceHooks]:
        """The namespaces, replaceable at any time: connected sockets continue with the new hooks."""
        return self._hub.namespaces

    @namespaces.setter
    def namespaces(self, namespaces: Mapping[str, NamespaceHooks]) -> None:
        self._hub.namespaces = namespaces if isinstance(namespaces, Namespaces) else Namespaces(namespaces)

    @property
    def is_degraded(self) -> bool:
        """True while emits and operations reach only the sockets of this process, because the queue is away."""
        return self.cluster is not None and self.cluster.is_away

    @loop_only
    async def start(self) -> None:
        """Connects to the queue, if there is one; returns after a bounded time if it is away."""
        if self.cluster is not None:
            await self.cluster.start()

    @loop_only
    async def close(self) -> None:
        """Closes the connections to the queue, after `shutdown` and the last emit."""
        if self.cluster is not None:
            await self.cluster.close()

    def handles(self, path: str) -> bool:
        """Returns True for the path of a request to this application."""
        return path.startswith(self.path) and path[len(self.path) : len(self.path) + 1] in ("", "/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves "websocket" scopes, and "http" scopes of long polling (ASGI)."""
        transport = await self._hub.handle_request(scope, receive, send)
        if isinstance(transport, Transport):
            await transport.serve(receive)

    @anywhere
    async def emit(
        self,
        event: str,
        data: Value = None,
        to: str | Sequence[str] | None = None,
        *,
        namespace: str = "/",
        skip: Skipped | Iterable[Skipped] | None = None,
        except_: str | Collection[str] = (),
        local: bool = False,
        declared: Namespaces | None = None,
    ) -> None:
        """Sends to a room, to the union of several, or to all sockets; with `local`, to those of this process.

        Excludes those in `skip` (sockets or their ids) and those in the room or rooms `except_`. `declared` are the
        namespaces whose `emits` check the event, by default the current ones. Raises ValueError for an undeclared
        namespace, the error of the namespace's `emits`, and TypeError for data that cannot be encoded.
        """
        hooks = (self._hub.namespaces if declared is None else declared).expect(namespace)
        await self.send(hooks, event, data, to, namespace=namespace, skip=skip, except_=except_, local=local)

    def send(
        self,
        hooks: NamespaceHooks,
        event: str,
        data: Value,
        to: str | Sequence[str] | None,
        *,
        namespace: str,
        skip: Skipped | Iterable[Skipped] | None,
        except_: str | Collection[str],
        local: bool = False,
    ) -> Coroutine[Any, Any, None]:
        """Returns the coroutine of an emit that the `emits` of `hooks` check, for the event loop alone."""
        skipped = ids_of(skip) if skip is not None else ()
        emit = self._hub.emitter.emit
        return emit(hooks.emits, event, data, namespace, room=to, skipped=skipped, excepted=except_, local=local)

    def rooms(self, namespace: str) -> list[str]:
        """Returns the rooms of a namespace in this process, without the room of each socket itself."""
        rooms = self._hub.manager.rooms.get(namespace, {})
        own = rooms.get(None, {})
        return [room for room in list(rooms) if room is not None and room not in own]

    @anywhere
    async def operate(
        self, operation: Operation, to: To, *, namespace: str, timeout: int, declared: Namespaces | None = None
    ) -> Replies:
        """Performs an operation of `BroadcastOperator`; `declared` as for `emit`."""
        hooks = (self._hub.namespaces if declared is None else declared).expect(namespace)
        if operation["do"] == "call":
            event, data = operation["event"], operation["data"]
            packet = await self._hub.emitter.packed(hooks.emits, event, data, namespace)
            operation = {**operation, "data": None, "packet": packet}
        return await replies_to(self._exchange, operation, to, namespace=namespace, timeout=timeout)

    @anywhere
    async def review(self, before: Mapping[str, NamespaceHooks]) -> None:
        """Authorizes clients again whose namespaces changed since `before`; disconnects those that are refused."""
        hub = self._hub
        await review(tuple(hub.sockets()), before, lambda: hub.namespaces, hub.dismiss)

    @loop_only
    async def shutdown(self, *, grace_ms: int = 5000) -> None:
        """Refuses new clients, waits up to `grace_ms` for events in progress, and closes every connection.

        Sockets are told before by `DRAINING` where their namespace declares it.
        """
        engine = self._hub.eio
        if not engine.draining:
            engine.draining = True
            await farewell(self._hub.sockets(), self._hub.check_of)
        ending = []
        for number, transport in enumerate(tuple(engine.sockets.values()), 1):
            ending.append(asyncio.create_task(transport.finish("server shutting down", grace_ms / 1000)))
            if not number % ENDS_PER_TURN:
                await asyncio.sleep(0)
        await asyncio.gather(*ending)
        await engine.shutdown()


def _cluster(queue: Queue) -> "Cluster | BrokerCluster | None":
    if not queue:
        return None
    if queue.is_broker:
        from hapiish.realtime.cluster.brokers import BrokerCluster

        return BrokerCluster(queue)
    from hapiish.realtime.cluster.cluster import Cluster

    return Cluster(queue)

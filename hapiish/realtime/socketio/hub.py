"""Hub: the Socket.IO server. Packets of clients go to the hooks of their namespaces, results back as acknowledgements.

python-socketio's server, which it extends, provides ids, sessions, acknowledgement callbacks and its API.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial

import socketio
from socketio.packet import ACK, CONNECT

from hapiish import boom, codec
from hapiish.options import Sockets
from hapiish.realtime.engineio.engine import Engine
from hapiish.realtime.engineio.errors import MalformedError
from hapiish.realtime.engineio.reading import Run as Handling
from hapiish.realtime.engineio.reading import Work
from hapiish.realtime.engineio.transport import Transport
from hapiish.realtime.socketio import packets
from hapiish.realtime.socketio.emitter import Emitter
from hapiish.realtime.socketio.events import RESERVED, Acknowledgement, CheckEmit
from hapiish.realtime.socketio.gathering import Gathering
from hapiish.realtime.socketio.hooks import NamespaceHooks
from hapiish.realtime.socketio.namespaces import Namespaces
from hapiish.realtime.socketio.packets import UnreadableError
from hapiish.realtime.socketio.review import authorize
from hapiish.realtime.socketio.rooms import Rooms
from hapiish.realtime.socketio.socket import Client, Socket
from hapiish.realtime.socketio.turnstile import Turnstile
from hapiish.types import Run, Value

MOST_LOGGED = 64
"""Characters of a client's text in a line of the log."""

LOG_LEVELS = {"parse error": logging.INFO, "slow": logging.WARNING}
"""Levels of the logged reasons: malformed packets are the client's fault, a slow client may be the server's."""

CONTROL = frozenset("013")
"""Types of packets: CONNECT, DISCONNECT, ACK."""

BINARY = frozenset("56")
"""Types of packets: BINARY_EVENT, BINARY_ACK."""

MOST_BESIDE = 16
"""Concurrent events of one socket that run at once; further ones wait until one of them ends."""

MOST_NAMESPACES = 64
"""Namespaces with parameters that one client may have open."""

logger = logging.getLogger("hapiish.realtime")
# Below this level the library logs packets in full, including tokens.
library = logging.getLogger("hapiish.realtime.library")
library.setLevel(logging.WARNING)


class Hub(socketio.AsyncServer):
    """The Socket.IO server. `namespaces` may be replaced while sockets are connected; `clients` are by transport id."""

    eio: Engine
    manager: Rooms

    def __init__(
        self,
        namespaces: Mapping[str, NamespaceHooks],
        *,
        settings: Sockets,
        run: Run,
        most_digits: int,
        rooms: Rooms | None = None,
    ) -> None:
        super().__init__(
            client_manager=rooms or Rooms(),
            serializer=packets.Packet,
            async_mode="asgi",
            async_handlers=False,
            logger=library,
            engineio_logger=library,
            settings=settings,
            opened=self._open,
        )
        self.namespaces = Namespaces(namespaces)
        self.run = run
        self.most_digits = most_digits
        self.emitter = Emitter(self.manager, run)
        self.clients: dict[str, Client] = {}
        self._turnstile = Turnstile()

    def _engineio_server_class(self) -> type[Engine]:
        return Engine

    def _open(self, transport: Transport) -> None:
        client = self.clients[transport.sid] = Client(transport)
        self.environ[transport.sid] = {"asgi.scope": transport.scope}
        transport.on_packet = partial(self.handle_packet, client)
        transport.begin = partial(self.begin, client)
        transport.on_close = partial(self.close, client)
        transport.farewell = client.farewell

    # Packets

    def handle_packet(self, client: Client, data: str | bytes) -> Work | None:
        """Returns the coroutine that handles one packet of a client, None for one that waits. Raises MalformedError."""
        if isinstance(data, str) and data[:1] == "2" and client.gathering is None and not client.lines:
            try:
                event = packets.read_event(data, self.most_digits)
            except UnreadableError as error:
                return self._refuse_unreadable(client, client.transport.run, error)
            if len(client.runs) >= MOST_BESIDE and self._waits_beside(client, event[0], event[2][0], data, len(data)):
                return None
            return self._handle_event_of(client, client.transport.run, *event)
        if client.gathering is not None or isinstance(data, bytes):
            return self._gather(client, data)
        if data[:1] in BINARY:
            client.gathering = Gathering(data, self.most_digits)
            return None
        if client.lines and self._waits(client, data):
            return None
        return self.begin(client, client.transport.run, data)

    def _waits(self, client: Client, data: str) -> bool:
        """Returns whether a packet has to wait for earlier ones of its namespace; it is then in their line."""
        if data[:1] == "3":  # a handler may wait for it
            return False
        namespace = packets.namespace_of(data)
        if data[:1] == "2" and self._is_concurrent(client, namespace, name := packets.name_of(data)):
            return self._waits_beside(client, namespace, name, data, len(data))
        if namespace not in client.lines:
            return False
        client.transport.reading.wait(namespace, data, len(data))
        return True

    def begin(self, client: Client, run: Handling, packet: str | Gathering) -> Work:
        """Returns the coroutine that handles a packet whose turn it is. Raises MalformedError."""
        if isinstance(packet, Gathering):
            return self._handle_gathered(client, run, packet)
        if packet[:1] == "2":
            try:
                event = packets.read_event(packet, self.most_digits)
            except UnreadableError as error:
                return self._refuse_unreadable(client, run, error)
            return self._handle_event_of(client, run, *event)
        if packet[:1] not in CONTROL:
            raise MalformedError("not a packet that clients send")
        try:
            read = packets.Packet(encoded_packet=packet)
        except (ValueError, TypeError, LookupError, RecursionError) as error:
            raise MalformedError("not a packet that clients send") from error
        run.line, run.beside = read.namespace or "/", read.packet_type == ACK
        run.context = self.namespaces
        if read.packet_type == CONNECT:
            return self._connect(client, run, run.line, read.data)
        if run.beside:
            return self._call_back(client, run.line, read.id, read.data)
        return self._close_namespace(client, run)

    def _is_concurrent(self, client: Client, namespace: str, event: str) -> bool:
        """Returns whether an event runs beside others of its namespace."""
        socket = client.sockets.get(namespace)
        hooks = self.namespaces.get(socket.declared) if socket is not None else None
        return hooks is not None and hooks.declared(event) in hooks.concurrent

    def _waits_beside(self, client: Client, namespace: str, event: str, packet: str | Gathering, size: int) -> bool:
        """Returns whether a concurrent event has to wait, because enough of them run; it is then in their crowd."""
        reading = client.transport.reading
        running = sum(run.beside and run.line == namespace for run in reading.runs)
        if running < MOST_BESIDE or not self._is_concurrent(client, namespace, event):
            return False
        reading.wait_beside(namespace, packet, size)
        return True

    async def _close_namespace(self, client: Client, run: Handling) -> None:
        """Closes a namespace at the client's request, once its events have ended."""
        socket = client.sockets.get(run.line)
        if socket is not None:
            await self._settle(run, run.line)
            await self.leave(socket, self.reason.CLIENT_DISCONNECT)

    def _gather(self, client: Client, attachment: str | bytes) -> Work | None:
        gathering = client.gathering
        if gathering is None or isinstance(attachment, str):
            raise MalformedError("an attachment without a packet that announces it, or a packet before its attachments")
        if not gathering.add(attachment, self.eio.settings.max_bytes):
            return None
        client.gathering = None
        gathering.assemble()
        namespace = gathering.namespace
        if gathering.is_event and self._is_concurrent(client, namespace, name := gathering.arguments[0]):
            if self._waits_beside(client, namespace, name, gathering, gathering.size):
                return None
        elif gathering.is_event and namespace in client.lines:
            client.transport.reading.wait(namespace, gathering, gathering.size)
            return None
        return self._handle_gathered(client, client.transport.run, gathering)

    async def _handle_gathered(self, client: Client, run: Handling, gathering: Gathering) -> None:
        namespace, ack_id, arguments = gathering.namespace, gathering.ack_id, gathering.arguments
        run.line, run.beside = namespace, True
        if not gathering.is_event:
            if ack_id and gathering.refusal is None:
                await self._call_back(client, namespace, int(ack_id), arguments)
            return
        run.beside = False
        hooks = self._hooks_of(run, client.sockets.get(namespace))
        refusal = gathering.refusal
        if refusal is None and hooks is not None and hooks.declared(arguments[0]) not in hooks.binary:
            refusal = boom.UnsupportedMediaType("The event takes no attachments", code="attachments")
        if refusal is None:
            await self._handle_event_of(client, run, namespace, ack_id, arguments)
        else:
            answer = self._refused(client, namespace, arguments[0], None, refusal, hooks=hooks)
            await self._acknowledge(run, namespace, ack_id, arguments[0], answer, hooks=hooks)

    async def _call_back(self, client: Client, namespace: str, number: int | None, data: Value) -> None:
        """Calls the callback of the emit that a client acknowledges; ignores unknown numbers."""
        socket = client.sockets.get(namespace)
        sid = socket.id if socket is not None else None
        if number and isinstance(data, list) and number in self.manager.callbacks.get(sid, ()):
            try:
                await self.manager.trigger_callback(sid, number, data)
            except Exception:
                logger.exception("an acknowledgement callback failed")

    # Events

    def _handle_event_of(
        self, client: Client, run: Handling, namespace: str, ack_id: str, arguments: list[Value]
    ) -> Work:
        """Returns the awaitable that calls the event's hook and acknowledges its result or error."""
        hooks: NamespaceHooks | None
        run.line, run.beside = namespace, False
        run.context = namespaces = self.namespaces
        try:
            socket = client.sockets[namespace]
            hooks = namespaces[socket.declared]
            on_event = hooks.events[arguments[0]]
            if hooks.concurrent:
                run.beside = hooks.declared(arguments[0]) in hooks.concurrent
            if hooks.several and arguments[0] in hooks.several:
                data: Value = arguments[1:]
            else:
                _, data = arguments
        except (KeyError, ValueError):
            hooks = self._hooks_of(run, client.sockets.get(namespace))
            run.beside = hooks is not None and hooks.declared(arguments[0]) in hooks.concurrent
            answer: Awaitable[Value] = self._handle_unusual(client, namespace, arguments, hooks)
        else:
            answer = on_event(socket, data)
        return self._acknowledge(run, namespace, ack_id, arguments[0], answer, hooks=hooks)

    async def _acknowledge(
        self,
        run: Handling,
        namespace: str,
        ack_id: str,
        event: str,
        answer: Awaitable[Value],
        *,
        hooks: NamespaceHooks | None,
    ) -> None:
        observer: Acknowledgement | None = None
        try:
            result = await answer
            if isinstance(result, Acknowledgement):
                observer, result = result, result.ack
            try:
                message = packets.ack(namespace, ack_id, result) if ack_id else None
            except codec.UnevaluatedError:
                message = packets.ack(namespace, ack_id, await self.run(codec.to_json_types, result))
        except (Exception, asyncio.CancelledError) as error:
            if _cancelled():
                raise
            if observer is not None and isinstance(error, Exception):
                result = observer.unsendable(error)
            else:
                failure = _failure(event, error)
                result = failure["error"] if hooks is not None and hooks.raw else failure
            message = packets.ack(namespace, ack_id, result) if ack_id else None
        if message is not None:
            if isinstance(message, list):
                run.transport.put(message)
            else:
                run.transport.deliver(message)
        if observer is not None:
            after = observer.left(packets.length(message) if message is not None else 0)
            if after is not None:
                await after
        if run.leaving:
            await self._dismiss_leaving(run)

    def _hooks_of(self, run: Handling, socket: Socket | None) -> NamespaceHooks | None:
        """Returns the hooks for an event of the socket; the event keeps them during a reload."""
        run.context = self.namespaces
        return self.namespaces.get(socket.declared) if socket is not None else None

    async def _refuse_unreadable(self, client: Client, run: Handling, event: UnreadableError) -> None:
        """Acknowledges valid JSON that exceeds the limits of the decoder with an error.

        Closing the connection would not do: a client that repeats unacknowledged events would reconnect for ever.
        """
        refusal = boom.BadRequest("The payload is nested too deep or has a number out of range", code="unreadable")
        run.line, run.beside = event.namespace, False
        hooks = self._hooks_of(run, client.sockets.get(event.namespace))
        answer = self._refused(client, event.namespace, event.name, None, refusal, hooks=hooks)
        await self._acknowledge(run, event.namespace, event.ack_id, event.name, answer, hooks=hooks)

    async def _refused(
        self,
        client: Client,
        namespace: str,
        event: str,
        data: Value,
        error: boom.Boom,
        *,
        hooks: NamespaceHooks | None,
    ) -> Value:
        socket = client.sockets.get(namespace)
        if socket is None or hooks is None:
            logger.info("an event for %r from a client that is not connected to it", namespace[:MOST_LOGGED])
            raise boom.Forbidden("Not connected to the namespace", code="not_connected")
        return await hooks.refused(socket, event, data, error)

    async def _handle_unusual(
        self, client: Client, namespace: str, arguments: list[Value], hooks: NamespaceHooks | None
    ) -> Value:
        """Returns the result of an event without data or with several arguments, or of one that is not allowed."""
        event, *rest = arguments
        data = rest[0] if rest else None
        socket = client.sockets.get(namespace)
        if event in RESERVED or socket is None or hooks is None:
            refusal = boom.BadRequest("Reserved event name", code="reserved_event")
            return await self._refused(client, namespace, event, data, refusal, hooks=hooks)
        if not hooks.knows(event):
            return await hooks.unknown(socket, event, data)
        if hooks.declared(event) in hooks.several:
            data = rest
        elif len(rest) > 1:
            refusal = boom.BadRequest("An event has one argument", code="too_many_arguments")
            return await self._refused(client, namespace, event, data, refusal, hooks=hooks)
        if event in hooks.events:
            return await hooks.events[event](socket, data)
        assert hooks.others is not None
        return await hooks.others(socket, event, data)

    # Connections

    async def _connect(self, client: Client, run: Handling, namespace: str, auth: Value) -> None:
        transport = client.transport
        run.context = declared = self.namespaces
        found = declared.find(namespace)
        if found is None:
            logger.info("a connection to %r is refused: Invalid namespace", namespace[:MOST_LOGGED])
            transport.deliver(packets.refused(namespace, "Invalid namespace"))  # the whole reply of Node's server
            return
        hooks = declared[found[0]]
        socket = Socket(self, client, self.manager.new_id(self.eio.generate_id()), namespace, found, auth=auth)
        is_refused = True
        release: Callable[[], None] | None = None
        try:
            self._check_handshake(socket, auth)
            is_refused = False
            if hooks.connect is not None:
                await hooks.connect(socket, auth)
            if self.manager.reserve is not None:
                release = await self.manager.reserve(socket.id, namespace, socket.rooms)
        except (Exception, asyncio.CancelledError) as error:
            socket.forget()
            if _cancelled():
                raise
            if is_refused:
                logger.info("a connection to %r is refused: %s", namespace[:MOST_LOGGED], error)
                if hooks.shape is not None and isinstance(error, boom.Boom):
                    hooks.shape(socket, error)
            transport.deliver(packets.refused(namespace, *_refusal(error)))
            return
        socket.admit()
        if release is not None:
            release()
        current = self.namespaces.get(socket.declared)
        if current is not hooks:  # after a reload during the connect hook
            await authorize(socket, hooks, self.namespaces, self.dismiss)
        if not transport.open:
            await self.leave(socket, transport.reason)
        await self._dismiss_leaving(run)

    def _check_handshake(self, socket: Socket, auth: Value) -> None:
        sockets = socket.client.sockets
        if socket.namespace in sockets:
            raise boom.Conflict("Already connected to the namespace", code="already_connected")
        busy = {run.line for run in socket.client.transport.reading.runs}
        opening = len(busy - sockets.keys() - {socket.namespace})
        if socket.params and len(sockets) + opening >= MOST_NAMESPACES:
            raise boom.TooManyRequests("Too many namespaces", code="too_many_namespaces")
        if auth is not None and not isinstance(auth, dict):
            raise boom.BadRequest("The handshake's auth must be an object", code="invalid_auth")

    async def leave(self, socket: Socket, reason: str) -> None:
        """Takes a socket out of its rooms and calls the disconnect hook, once."""
        if not socket.forget():
            return
        socket.client.transport.idle_since = time.monotonic()
        hooks = self.namespaces.get(socket.declared)
        if hooks is not None and hooks.disconnect is not None:
            try:
                async with self._turnstile:
                    await hooks.disconnect(socket, reason)
            except (Exception, asyncio.CancelledError):
                logger.exception("the disconnect hook of %s failed", socket.namespace)
                if _cancelled():
                    raise

    async def dismiss(self, socket: Socket, reason: str) -> None:
        """Disconnects a client from its namespace."""
        if socket.client.sockets.get(socket.namespace) is socket:
            socket.client.transport.deliver(packets.disconnected(socket.namespace))
        await self.leave(socket, reason)

    async def renew(self, socket: Socket, auth: Value, accept: Callable[[Value], bool] | None) -> None:
        """Replaces the credentials of a socket by those of another `auth`."""
        hooks = self.namespaces.get(socket.declared)
        if hooks is None or hooks.renew is None:
            raise ValueError(f"the namespace {socket.declared} has no authentication")
        await hooks.renew(socket, auth, accept)

    async def _dismiss_leaving(self, run: Handling) -> None:
        while run.leaving:
            socket, reason = run.leaving.pop()
            run.settled = True
            await self._settle(run, socket.namespace)
            await self.dismiss(socket, reason)
            run.settled = False

    async def _settle(self, own: Handling, namespace: str) -> None:
        """Waits for the events of a namespace that are being handled, except those that wait themselves."""
        reading = own.transport.reading
        while runs := [run for run in reading.runs if run.line == namespace and run is not own and not run.settled]:
            await reading.settle(runs)
            if namespace not in reading.crowds:
                return

    async def close(self, client: Client, reason: str) -> None:
        """Ends all sockets of a client whose transport is closed."""
        transport = client.transport
        if reason in LOG_LEVELS:
            peer = transport.scope.get("client")
            cause = f"{reason} ({transport.detail})" if transport.detail else reason
            logger.log(LOG_LEVELS[reason], "the connection of %s is closed: %s", peer[0] if peer else "a client", cause)
        client.gathering = None
        self.clients.pop(transport.sid, None)
        self.environ.pop(transport.sid, None)
        for socket in tuple(client.sockets.values()):
            await self.leave(socket, reason)

    def sockets(self) -> Iterator[Socket]:
        """Yields the open sockets of all clients."""
        for client in self.clients.values():
            yield from client.sockets.values()

    async def disconnect(self, sid: str, namespace: str | None = None, ignore_queue: bool = False) -> None:
        """Disconnects the socket `sid`, if it is connected."""
        transport = self.manager.rooms.get(namespace or "/", {}).get(None, {}).get(sid)
        if transport is not None:
            await self.clients[transport.sid].sockets[namespace or "/"].disconnect()
        elif not ignore_queue:
            await self.manager.can_disconnect(sid, namespace or "/")  # which disconnects it in another process

    # Namespaces

    def check_of(self, declared: str) -> CheckEmit | None:
        """Returns the current check of emits of the namespace with this declared name."""
        hooks = self.namespaces.get(declared)
        return hooks.emits if hooks is not None else None


def _cancelled() -> bool:
    """Returns True if the current task is cancelled, False if only a task that it awaited was."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _refusal(error: BaseException) -> tuple[dict[str, Value], Value]:
    """Returns the body of a refusal, and the application's own form of it, both with the seconds to wait."""
    body, own = _failure("connect", error)["error"], getattr(error, "formatted_body", None)
    wait = next((value for name, value in getattr(error, "headers", {}).items() if name.lower() == "retry-after"), "")
    if not wait.isdigit():
        return body, own
    return {**body, "retryAfter": int(wait)}, {**own, "retryAfter": int(wait)} if isinstance(own, dict) else own


def _failure(event: str, error: BaseException) -> dict[str, Value]:
    """Returns the acknowledgement of an error; logs an error that is not a boom."""
    if isinstance(error, boom.Boom):
        return {"ok": False, "error": error.payload()}
    logger.error('the event "%s" failed', event[:MOST_LOGGED], exc_info=error)
    return {"ok": False, "error": boom.InternalServerError().payload()}

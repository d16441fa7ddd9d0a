"""Socket.IO: packets of clients to the hooks of their namespaces, answers back as acknowledgements.

An event's way is short and ours; binary attachments, acknowledgement callbacks and everything rare are the library's.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Collection, Coroutine, Mapping
from difflib import get_close_matches
from typing import Any

import socketio

from hapiish import boom, codec
from hapiish.realtime import packets
from hapiish.realtime.engine import Engine
from hapiish.realtime.gathering import Gathering
from hapiish.realtime.hooks import RESERVED, Answer, NamespaceHooks
from hapiish.realtime.namespaces import Namespaces
from hapiish.realtime.packets import MalformedError, Packed, UnreadableError
from hapiish.realtime.review import reviewed
from hapiish.realtime.rooms import Rooms
from hapiish.realtime.socket import Socket
from hapiish.realtime.transport import Transport
from hapiish.types import Run

NAME = 64  # characters of a client's text that a line of the log has at most
VIOLATIONS = {"parse error": logging.INFO, "slow": logging.WARNING}
"""Ends of a connection that are told, and how loudly: nonsense is a client's own matter, what it misses may be ours."""
RARE = frozenset("013")  # CONNECT, DISCONNECT, ACK
BINARY = frozenset("56")  # BINARY_EVENT, BINARY_ACK

MOST_NAMESPACES = 64
"""Namespaces that one client may have open, where their names have parameters."""

logger = logging.getLogger("hapiish.realtime")
# The library's own records name packets in full, tokens included, below this level.
library = logging.getLogger("hapiish.realtime.library")
library.setLevel(logging.WARNING)


class Hub(socketio.AsyncServer):
    """The Socket.IO server. `namespaces` may be replaced while sockets are connected."""

    eio: Engine
    manager: Rooms

    def __init__(
        self,
        namespaces: Mapping[str, NamespaceHooks],
        *,
        run: Run = asyncio.to_thread,
        most_digits: int = codec.MOST_DIGITS,
        **options: Any,
    ) -> None:
        super().__init__(
            client_manager=Rooms(),
            serializer=packets.Packet,
            async_mode="asgi",
            async_handlers=False,
            logger=library,
            engineio_logger=library,
            **options,
        )
        self.namespaces = Namespaces(namespaces)
        self.run = run
        self.most_digits = most_digits
        self.eio.take = self.take
        self.eio.left = self.left

    def _engineio_server_class(self) -> type[Engine]:
        return Engine

    # Events

    def take(self, transport: Transport, data: str | bytes) -> Awaitable[None]:
        """What to await for one packet of a client. Raises MalformedError."""
        if data[:1] == "2" and isinstance(data, str) and transport.gathering is None:
            try:
                event = packets.read_event(data, self.most_digits)
            except UnreadableError as error:
                return self._refuse(transport, error)
            return self._take_event(transport, *event)
        return self._take_rare(transport, data)

    def _take_event(
        self, transport: Transport, namespace: str, ack_id: str, arguments: list[Any]
    ) -> Coroutine[Any, Any, None]:
        """What to await for the event's hook to run and be acknowledged, whatever comes of it."""
        hooks: NamespaceHooks | None
        try:
            socket = transport.sockets[namespace]
            socket.hooks = hooks = self.namespaces[socket.declared]
            on_event = hooks.events[arguments[0]]
            if hooks.several and arguments[0] in hooks.several:
                data: Any = arguments[1:]
            else:
                _, data = arguments
        except (KeyError, ValueError):
            hooks = self._hooks_of(transport.sockets.get(namespace))
            answer: Awaitable[Any] = self._unusual(transport, namespace, arguments, hooks)
        else:
            answer = on_event(socket, data)
        return self._acknowledge(transport, namespace, ack_id, arguments[0], answer, hooks=hooks)

    async def _acknowledge(
        self,
        transport: Transport,
        namespace: str,
        ack_id: str,
        event: str,
        answer: Awaitable[Any],
        *,
        hooks: NamespaceHooks | None,
    ) -> None:
        told: Answer | None = None
        try:
            result = await answer
            if isinstance(result, Answer):
                told, result = result, result.ack
            try:
                message = packets.ack(namespace, ack_id, result) if ack_id else None
            except codec.UnevaluatedError:
                message = packets.ack(namespace, ack_id, await self.run(codec.to_json_types, result))
        except (Exception, asyncio.CancelledError) as error:
            if _cancelled():
                raise
            if told is not None and isinstance(error, Exception):
                result = told.unsendable(error)
            else:
                failure = _failure(event, error)
                result = failure["error"] if hooks is not None and hooks.raw else failure
            message = packets.ack(namespace, ack_id, result) if ack_id else None
        if message is not None:
            transport.put(message)
        if told is not None:
            after = told.left(packets.length(message) if message is not None else 0)
            if after is not None:
                await after
        if transport.leaving:
            await self._dismiss_leaving(transport)

    def _hooks_of(self, socket: Socket | None) -> NamespaceHooks | None:
        """The hooks that an event of the socket begins with, and keeps if a reload comes in between."""
        if socket is None:
            return None
        hooks = self.namespaces.get(socket.declared)
        if hooks is not None:
            socket.hooks = hooks
        return hooks

    async def _refuse(self, transport: Transport, event: UnreadableError) -> None:
        """A sound packet never costs the connection: a client that repeats it until it is acknowledged would loop."""
        refusal = boom.BadRequest("The payload is nested too deep or has a number out of range", code="unreadable")
        hooks = self._hooks_of(transport.sockets.get(event.namespace))
        answer = self._refused(transport, event.namespace, event.name, None, refusal, hooks=hooks)
        await self._acknowledge(transport, event.namespace, event.ack_id, event.name, answer, hooks=hooks)

    async def _refused(
        self,
        transport: Transport,
        namespace: str,
        event: str,
        data: Any,
        error: boom.Boom,
        *,
        hooks: NamespaceHooks | None,
    ) -> Any:
        socket = transport.sockets.get(namespace)
        if socket is None or hooks is None:
            logger.info("an event for %r from a client that is not connected to it", namespace[:NAME])
            raise boom.Forbidden("Not connected to the namespace", code="not_connected")
        return await hooks.refused(socket, event, data, error)

    async def _unusual(
        self, transport: Transport, namespace: str, arguments: list[Any], hooks: NamespaceHooks | None
    ) -> Any:
        """The answer to an event without data, or to one that the namespace does not take."""
        event, *rest = arguments
        data = rest[0] if rest else None
        socket = transport.sockets.get(namespace)
        if event in RESERVED or socket is None or hooks is None:
            refusal = boom.BadRequest("Reserved event name", code="reserved_event")
            return await self._refused(transport, namespace, event, data, refusal, hooks=hooks)
        if not hooks.knows(event):
            return await hooks.unknown(socket, event, data)
        if hooks.declared(event) in hooks.several:
            data = rest
        elif len(rest) > 1:
            refusal = boom.BadRequest("An event has one argument", code="too_many_arguments")
            return await self._refused(transport, namespace, event, data, refusal, hooks=hooks)
        if event in hooks.events:
            return await hooks.events[event](socket, data)
        assert hooks.others is not None
        return await hooks.others(socket, event, data)

    async def _take_rare(self, transport: Transport, data: str | bytes) -> None:
        """A packet that is not a plain event: attachments, and by the library's code what is rare."""
        if (transport.gathering is not None) != isinstance(data, bytes):
            raise MalformedError("attachments come after the packet that announces them")
        if isinstance(data, bytes):
            await self._gather(transport, data)
        elif data[:1] in BINARY:
            transport.gathering = Gathering(data, self.most_digits)
        elif data[:1] not in RARE:
            raise MalformedError("not a packet that clients send")
        else:
            try:
                await self._handle_eio_message(transport.sid, data)
            except (ValueError, TypeError, LookupError, RecursionError) as error:
                raise MalformedError("not a packet that clients send") from error

    async def _gather(self, transport: Transport, attachment: bytes) -> None:
        gathering = transport.gathering
        assert gathering is not None
        if not gathering.add(attachment, self.eio.max_http_buffer_size):
            return
        transport.gathering = None
        gathering.put_together()
        namespace, ack_id, arguments = gathering.namespace, gathering.ack_id, gathering.arguments
        if not gathering.is_event:
            if ack_id and gathering.refusal is None:
                await self._handle_ack(transport.sid, namespace, int(ack_id), arguments)
            return
        hooks = self._hooks_of(transport.sockets.get(namespace))
        refusal = gathering.refusal
        if refusal is None and hooks is not None and hooks.declared(arguments[0]) not in hooks.binary:
            refusal = boom.UnsupportedMediaType("The event takes no attachments", code="attachments")
        if refusal is None:
            await self._take_event(transport, namespace, ack_id, arguments)
        else:
            answer = self._refused(transport, namespace, arguments[0], None, refusal, hooks=hooks)
            await self._acknowledge(transport, namespace, ack_id, arguments[0], answer, hooks=hooks)

    async def _handle_ack(self, eio_sid: str, namespace: str | None, number: int | None, data: Any) -> None:
        """A client's answer to an emit with a callback; forged ones are ignored."""
        sid = self.manager.sid_from_eio_sid(eio_sid, namespace or "/")
        if number and isinstance(data, list) and number in self.manager.callbacks.get(sid, ()):
            try:
                await self.manager.trigger_callback(sid, number, data)
            except Exception:
                logger.exception("an acknowledgement callback failed")

    # Connections

    async def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        transport = self.eio.sockets[eio_sid]
        namespace = namespace or "/"
        declared = self.namespaces
        found = declared.find(namespace)
        if found is None:
            logger.info("a connection to %r is refused: Invalid namespace", namespace[:NAME])
            transport.deliver(packets.refused(namespace, "Invalid namespace"))  # all that Node's server says
            return
        hooks = declared[found[0]]
        socket = Socket(self, transport, namespace, data, found, hooks=hooks)
        is_refused = True
        try:
            self._judge_handshake(transport, socket, data)
            is_refused = False
            if hooks.connect is not None:
                await hooks.connect(socket, data)
        except (Exception, asyncio.CancelledError) as error:
            socket.forget()
            if _cancelled():
                raise
            if is_refused:
                logger.info("a connection to %r is refused: %s", namespace[:NAME], error)
                if hooks.shape is not None and isinstance(error, boom.Boom):
                    hooks.shape(socket, error)
            transport.deliver(packets.refused(namespace, *_refusal(error)))
            return
        socket.admit()
        if self.namespaces.get(socket.declared) is not hooks:  # a reload came in between
            await reviewed(self, socket, {socket.declared: hooks})
        if not transport.open:
            await self.leave(socket, transport.reason)
        await self._dismiss_leaving(transport)

    def _judge_handshake(self, transport: Transport, socket: Socket, auth: Any) -> None:
        if socket.namespace in transport.sockets:
            raise boom.Conflict("Already connected to the namespace", code="already_connected")
        if socket.params and len(transport.sockets) >= MOST_NAMESPACES:
            raise boom.TooManyRequests("Too many namespaces", code="too_many_namespaces")
        if auth is not None and not isinstance(auth, dict):
            raise boom.BadRequest("The handshake's auth must be an object", code="invalid_auth")

    async def leave(self, socket: Socket, reason: str) -> None:
        """Takes a socket out of its rooms and tells the hook, once."""
        if not socket.forget():
            return
        socket.transport.idle_since = time.monotonic()
        hooks = self.namespaces.get(socket.declared)
        if hooks is not None and hooks.disconnect is not None:
            try:
                await hooks.disconnect(socket, reason)
            except (Exception, asyncio.CancelledError):
                logger.exception("the disconnect hook of %s failed", socket.namespace)
                if _cancelled():
                    raise

    async def dismiss(self, socket: Socket, reason: str) -> None:
        """Disconnects a client from its namespace."""
        if socket.transport.sockets.get(socket.namespace) is socket:
            socket.transport.deliver(packets.disconnected(socket.namespace))
        await self.leave(socket, reason)

    async def _dismiss_leaving(self, transport: Transport) -> None:
        while transport.leaving:
            await self.dismiss(*transport.leaving.pop())

    async def left(self, transport: Transport, reason: str) -> None:
        """The end of a transport, for all its namespaces."""
        if reason in VIOLATIONS:
            client = transport.scope.get("client")
            why = f"{reason} ({transport.detail})" if transport.detail else reason
            logger.log(
                VIOLATIONS[reason], "the connection of %s is closed: %s", client[0] if client else "a client", why
            )
        transport.gathering = None
        self.environ.pop(transport.sid, None)
        for socket in tuple(transport.sockets.values()):
            await self.leave(socket, reason)

    async def _handle_disconnect(self, eio_sid: str, namespace: str | None, reason: str | None = None) -> None:
        socket = self.eio.sockets[eio_sid].sockets.get(namespace or "/")
        if socket is not None:
            await self.leave(socket, reason or self.reason.CLIENT_DISCONNECT)

    async def disconnect(self, sid: str, namespace: str | None = None, ignore_queue: bool = False) -> None:
        """Disconnects the socket `sid`, if it is here."""
        transport = self.manager.rooms.get(namespace or "/", {}).get(None, {}).get(sid)
        if transport is not None:
            await transport.sockets[namespace or "/"].disconnect()

    # Emits

    def expect(self, namespace: str, declared: Namespaces | None = None) -> NamespaceHooks:
        """The hooks of a namespace, among those of now by default. Raises ValueError for an undeclared one."""
        namespaces = self.namespaces if declared is None else declared
        hooks = namespaces.hooks_for(namespace)
        if hooks is None:
            near = get_close_matches(namespace, namespaces, 1)
            meant = f'; did you mean "{near[0]}"?' if near else ""
            raise ValueError(f'there is no namespace "{namespace}"{meant}')
        return hooks

    async def emit_to(
        self,
        hooks: NamespaceHooks | None,
        event: str,
        data: Any,
        namespace: str,
        *,
        room: Any = None,
        skipped: Collection[str] = (),
    ) -> None:
        """Sends an event that the namespace's hooks let pass. Raises what they raise."""
        self.manager.broadcast(await self.packed(hooks, event, data, namespace), namespace, room, skipped)

    async def packed(self, hooks: NamespaceHooks | None, event: str, data: Any, namespace: str) -> Packed:
        """An event as it is sent; documents that it still has to ask for are asked for in a thread."""
        check = hooks.emits if hooks is not None else None
        try:
            if check is not None:
                check(event, data)
            return packets.emitted(namespace, event, data)
        except codec.UnevaluatedError:
            data = await self.run(codec.to_json_types, data)
        if check is not None:
            check(event, data)
        return packets.emitted(namespace, event, data)


def _cancelled() -> bool:
    """Whether this very task is being cancelled, rather than something that it waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _refusal(error: BaseException) -> tuple[dict[str, Any], Any]:
    """What a refused client is told: the body of the error, and what the application makes of that."""
    return _failure("connect", error)["error"], getattr(error, "formatted_body", None)


def _failure(event: str, error: BaseException) -> dict[str, Any]:
    """The acknowledgement of an error; what is not a boom is ours to read in the log."""
    if isinstance(error, boom.Boom):
        return {"ok": False, "error": error.payload()}
    logger.error('the event "%s" failed', event[:64], exc_info=error)
    return {"ok": False, "error": boom.InternalServerError().payload()}

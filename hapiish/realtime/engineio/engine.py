"""Engine: handshakes and requests of Engine.IO 4, the open sessions and the one task that checks their heartbeats.

Responses and error codes are those of Node's server.
"""

import asyncio
import gzip
import logging
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qs

import engineio

from hapiish.codec import encode
from hapiish.http.content.compression import negotiate
from hapiish.http.exchange.route import UNINTERRUPTED
from hapiish.options import Sockets
from hapiish.realtime.engineio.errors import MalformedError
from hapiish.realtime.engineio.polling import body_of, unless_disconnected
from hapiish.realtime.engineio.transport import REASON, Timing, Transport
from hapiish.types import Receive, Scope, Send

Headers = list[tuple[bytes, bytes]]

logger = logging.getLogger("hapiish.realtime")

# The errors of Node's server (engine.io, `Server.errors`).
UNKNOWN_TRANSPORT: Final = (0, "Transport unknown")
UNKNOWN_SID: Final = (1, "Session ID unknown")
BAD_HANDSHAKE_METHOD: Final = (2, "Bad handshake method")
BAD_REQUEST: Final = (3, "Bad request")
UNSUPPORTED_VERSION: Final = (5, "Unsupported protocol version")

CLOCK_RESOLUTION = 0.001
"""Seconds by which timers may be early."""

TICKS_PER_TURN = 256
"""Sessions whose heartbeat is checked before the event loop runs other tasks."""

COMPRESSION_THRESHOLD = 1024
"""Bytes of the smallest response that is compressed for a client that accepts gzip."""


class RefusedError(Exception):
    """A refused request: the client gets `status` and `{code, message}`."""

    def __init__(self, error: tuple[int, str], detail: str = "", status: int = 400) -> None:
        self.code, message = error
        self.message = f"{message}: {detail}" if detail else message
        self.status = status
        super().__init__(self.message)


class Engine(engineio.AsyncServer):
    """The sessions of one process, in `sockets` by id. `opened(transport)` sets the callbacks of each new one."""

    sockets: dict[str, Transport]

    def __init__(self, *, settings: Sockets, opened: Callable[[Transport], None], **options: Any) -> None:
        self.settings = settings
        self.timing = Timing(settings)
        super().__init__(
            transports=[*settings.transports],
            max_http_buffer_size=settings.max_bytes,
            ping_interval=self.timing.ping_interval,
            ping_timeout=self.timing.ping_timeout,
            **options,
        )
        self.opened = opened
        self._heartbeats: asyncio.Task[None] | None = None
        self.draining = False
        given = settings.origins
        self.origins = given if given is None or given == "*" else frozenset(given)

    async def handle_request(self, scope: Scope, receive: Receive, send: Send) -> Transport | None:
        """Answers a request; returns the Transport of an accepted WebSocket, for the caller to serve."""
        websocket = scope["type"] == "websocket"
        if websocket:
            await receive()
        origin = _header(scope, b"origin")
        cors = self._cors(scope, origin)
        try:
            if origin and not cors:
                raise RefusedError(BAD_REQUEST, "the origin is not allowed")
            if websocket:
                return await self._websocket(scope, receive, send)
            scope[UNINTERRUPTED] = True
            await self._http(scope, receive, send, cors)
        except RefusedError as refused:
            if refused.__cause__ is None:  # otherwise the end of the connection is logged
                logger.info("a request for %r is refused: %s", scope["path"], refused)
            await _refuse(scope, send, refused, cors)
        return None

    # Access

    def _cors(self, scope: Scope, origin: str) -> Headers:
        """Returns the CORS headers for a page of `origin`, none for an origin that is not allowed."""
        if not origin or not self._allows(scope, origin):
            return []
        headers = [(b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"origin")]
        # With `*` any page could act with the cookies of its visitor, so credentials are not allowed.
        return headers if self.origins == "*" else [*headers, (b"access-control-allow-credentials", b"true")]

    def _allows(self, scope: Scope, origin: str) -> bool:
        if self.origins is None:
            return same_origin(origin, scope)
        return self.origins == "*" or origin in self.origins

    def _transport_of(self, scope: Scope, sid: str, transport: str, version: str) -> Transport | None:
        """Returns the session of a request, None for a handshake. Raises RefusedError, as Node's server does."""
        if transport not in self.transports:
            known = transport in self.valid_transports
            raise RefusedError(UNKNOWN_TRANSPORT, f"only {' and '.join(self.transports)} is served" if known else "")
        if sid:
            client = self.sockets.get(sid)
            if client is not None:
                client.tick(time.monotonic())
            if client is None or client.ended:
                raise RefusedError(UNKNOWN_SID)
            return client
        if version != "4":
            raise RefusedError(UNSUPPORTED_VERSION)
        if scope.get("method", "GET") != "GET":
            raise RefusedError(BAD_HANDSHAKE_METHOD)
        if self.draining:
            raise RefusedError(BAD_REQUEST, "the server is shutting down", 503)
        return None

    def _open(self, scope: Scope) -> tuple[Transport, dict[str, Any]]:
        """Returns a new session and the handshake data for its client."""
        if self._heartbeats is None:
            self._heartbeats = asyncio.create_task(self._check_heartbeats())
        sid = self.generate_id()
        client = self.sockets[sid] = Transport(self.settings, self.timing, sid, scope, self.sockets)
        self.opened(client)
        upgrades = scope["type"] == "http" and "websocket" in self.transports
        return client, {
            "sid": sid,
            "upgrades": ["websocket"] if upgrades else [],
            "pingInterval": self.settings.ping_interval,
            "pingTimeout": self.settings.ping_timeout,
            "maxPayload": self.settings.max_bytes,
        }

    # WebSockets

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> Transport | None:
        sid, transport, version = _query(scope)
        client = self._transport_of(scope, sid, transport, version)
        if transport != "websocket":
            raise RefusedError(BAD_REQUEST)
        if client is None:
            client, opening = self._open(scope)
            await send({"type": "websocket.accept"})
            client.connect(send)
            client.deliver({"type": "websocket.send", "text": "0" + encode(opening).decode()})
            return client
        await send({"type": "websocket.accept"})
        if not client.upgraded and not client.upgrading and await client.upgrade(receive, send):
            return client
        await send({"type": "websocket.close"})
        return None

    # Polling

    async def _http(self, scope: Scope, receive: Receive, send: Send, cors: Headers) -> None:
        method = scope["method"]
        if method == "OPTIONS":
            await _answer(send, 204, b"", [*cors, *_preflight(scope)])
            return
        sid, transport, version = _query(scope)
        client = self._transport_of(scope, sid, transport, version)
        if transport != "polling" or (client is not None and client.upgraded):
            raise RefusedError(BAD_REQUEST)
        if client is None:
            client, opening = self._open(scope)
            client.start_polling()
            body: bytes | None = b"0" + encode(opening)
        elif method == "GET":
            body = await self._poll(client, receive)
        elif method == "POST":
            body = await self._post(client, receive)
        else:
            raise RefusedError(BAD_REQUEST, status=405)
        if body is None:
            return
        if len(body) >= COMPRESSION_THRESHOLD and negotiate(_header(scope, b"accept-encoding"), ("gzip",)) == "gzip":
            body = gzip.compress(body, 6)
            cors = [*cors, (b"content-encoding", b"gzip")]
        await _answer(send, 200, body, [*cors, (b"content-type", b"text/plain; charset=UTF-8")])

    async def _poll(self, client: Transport, receive: Receive) -> bytes | None:
        """Returns the pending messages, once there are any; ends the session and returns None on a disconnect."""
        assert client.polling is not None
        if client.polling.polled:
            client.stop(REASON.TRANSPORT_ERROR)
            raise RefusedError(BAD_REQUEST, "another poll is already open")
        work = asyncio.create_task(client.polling.poll(noop=client.upgrading))
        due = max(0.0, client.ping_due - time.monotonic()) + CLOCK_RESOLUTION
        pinging = asyncio.get_running_loop().call_later(due, lambda: client.tick(time.monotonic()))
        try:
            if await unless_disconnected(work, receive):
                return work.result()
        except asyncio.CancelledError:
            self._disconnected(client)
            raise
        finally:
            work.cancel()
            pinging.cancel()
        self._disconnected(client)
        return None

    async def _post(self, client: Transport, receive: Receive) -> bytes | None:
        """Responds after the packets were handled: backpressure on the client."""
        try:
            async with asyncio.timeout(self.ping_interval + self.ping_timeout):
                body = await body_of(receive, self.max_http_buffer_size)
            if body is not None and client.posting:
                client.stop(REASON.TRANSPORT_ERROR)
                raise RefusedError(BAD_REQUEST, "the packets of another request are being handled")
            if body is not None and not client.ended:
                work = client.post(body)
                if await unless_disconnected(work, receive):
                    work.result()
                    return b"ok"
        except MalformedError as error:
            client.stop("parse error")
            raise RefusedError(BAD_REQUEST, str(error)) from error
        except TimeoutError:
            client.stop(REASON.TRANSPORT_ERROR)
            raise RefusedError(BAD_REQUEST, "the request body did not arrive in time", 408) from None
        except asyncio.CancelledError:
            self._disconnected(client)
            raise
        self._disconnected(client)
        return None

    def _disconnected(self, client: Transport) -> None:
        """Ends the session of an aborted request, unless it has been upgraded to a WebSocket."""
        if not client.upgraded:
            client.stop(REASON.TRANSPORT_CLOSE)

    # Sessions

    async def _check_heartbeats(self) -> None:
        while True:
            await asyncio.sleep(self.timing.tick)
            now = time.monotonic()
            for number, transport in enumerate(tuple(self.sockets.values()), 1):
                transport.tick(now)
                if not number % TICKS_PER_TURN:
                    await asyncio.sleep(0)

    async def shutdown(self) -> None:
        """Stops the check of heartbeats."""
        if self._heartbeats is not None:
            self._heartbeats.cancel()
            self._heartbeats = None


def same_origin(origin: str, scope: Scope) -> bool:
    """Returns True for an origin with the scheme and host of the request; the scope accounts for trusted proxies."""
    scheme = "https" if scope["scheme"] in ("https", "wss") else "http"
    return origin == f"{scheme}://{_header(scope, b'host')}"


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _query(scope: Scope) -> tuple[str, str, str]:
    """Returns `sid`, `transport` and `EIO` of a request, empty if missing."""
    query = parse_qs(scope["query_string"].decode("latin-1"))
    sid, transport, version = (query.get(name, [""])[0] for name in ("sid", "transport", "EIO"))
    return sid, transport, version


def _preflight(scope: Scope) -> Headers:
    headers = [(b"access-control-allow-methods", b"GET, POST")]
    requested = _header(scope, b"access-control-request-headers")
    return [*headers, (b"access-control-allow-headers", requested.encode("latin-1"))] if requested else headers


async def _refuse(scope: Scope, send: Send, refused: RefusedError, cors: Headers) -> None:
    body = encode({"code": refused.code, "message": refused.message})
    if scope["type"] == "http":
        await _answer(send, refused.status, body, [*cors, (b"content-type", b"application/json")])
    else:
        await send({"type": "websocket.close"})  # 403; WebSocket clients cannot read a body


async def _answer(send: Send, status: int, body: bytes, headers: Headers) -> None:
    more = [(b"cache-control", b"no-store"), (b"content-length", b"%d" % len(body))]
    await send(
        {"type": "http.response.start", "status": status, "headers": [*headers, *(more if status != 204 else more[:1])]}
    )
    await send({"type": "http.response.body", "body": body})

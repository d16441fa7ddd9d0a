"""RequestCycle: one request of a connection. Runs the application and writes its response (ASGI HTTP, RFC 9112 §6).

uvicorn's RequestResponseCycle, which it replaces, checks each header of each response by two regular expressions and
makes an event and a callback for each request; that is a fifth of the cost of a small request.
"""

import asyncio
import re
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

from uvicorn.protocols.http.httptools_impl import STATUS_LINE
from uvicorn.protocols.utils import get_client_addr, get_path_with_query_string

from hapiish.http.content.stream import BrokenOff
from hapiish.http.serving.coalescing import CoalescingTransport, Flow
from hapiish.http.syntax.header import Pair
from hapiish.http.syntax.message_head import Refused
from hapiish.types import Message

MOST_NAMES: Final = 1024
"""Header names that are remembered as valid."""

CONTROLS: Final = bytes({*range(32), 127} - {9})
"""Bytes that a header must not contain (RFC 9110 §5.5)."""

PLAIN, LENGTH, CODING, CONNECTION = range(4)

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_MEANINGS = {b"content-length": LENGTH, b"transfer-encoding": CODING, b"connection": CONNECTION}
_names: dict[bytes, int] = dict(_MEANINGS)


class CycleConnection(Protocol):
    """The connection of a cycle."""

    transport: CoalescingTransport
    flow: Flow
    tasks: set[asyncio.Task[None]]
    access_log: bool
    access_logger: Any
    logger: Any

    def default_head(self) -> tuple[bytes, list[Pair]]:
        """Returns the encoded default headers, and the pairs among them that `_head` must read."""

    def answer_for(self, refused: Refused, *, body: bool) -> bytes:
        """Returns a whole response that refuses the request and closes the connection."""

    def on_response_complete(self) -> None:
        """Is called once the response is written."""


class RequestCycle:
    """The state of one request: `body` is what was received and not read, `more_body` is False after its end."""

    __slots__ = (
        *("body", "disconnected", "expects_100", "flow", "keep_alive", "more_body", "response_complete"),
        *("response_started", "scope", "transport"),
        *("_chunked", "_connection", "_event", "_left", "_news"),
    )

    def __init__(self, connection: CycleConnection, scope: Any, *, expects_100: bool, keep_alive: bool) -> None:
        self.scope = scope
        self.transport = connection.transport
        self.flow = connection.flow
        self.body = bytearray()
        self.more_body = True
        self.disconnected = False
        self.keep_alive = keep_alive
        self.expects_100 = expects_100
        self.response_started = False
        self.response_complete = False
        self._connection: CycleConnection | None = connection
        self._chunked = False
        self._left: int | None = 0  # bytes of the body still to be sent; None until the connection ends
        self._news = False
        self._event: asyncio.Event | None = None

    async def run(self, app: Callable[..., Any]) -> None:
        """Runs the application; sends a 500 where it raises or does not respond, a 503 where it is cancelled."""
        connection = self._connection
        assert connection is not None
        try:
            result = await app(self.scope, self.receive, self.send)
        except BaseException as error:  # noqa: BLE001 - nothing catches an error of the task
            self._fail(error)
        else:
            if result is not None:
                self._abandon(f"ASGI callable should return None, but returned '{result}'.")
            elif not self.response_complete and not self.disconnected:
                what = "completing" if self.response_started else "starting"
                self._abandon(f"ASGI callable returned without {what} response.")
        finally:
            connection.tasks.discard(asyncio.current_task())
            self._connection = None

    def wake(self) -> None:
        """Reports more content, its end, or the disconnection to a waiting `receive`."""
        self._news = True
        if self._event is not None:
            self._event.set()

    def cut_off(self) -> None:
        """Answers 503 in place of an application that does not end, and ignores what it sends."""
        self._refuse(503)
        self.disconnected = True

    def _fail(self, error: BaseException) -> None:
        if self.disconnected or isinstance(error, GeneratorExit):  # the process ends
            return
        assert self._connection is not None
        is_cancelled = isinstance(error, asyncio.CancelledError)
        if not is_cancelled and not isinstance(error, BrokenOff):  # hapiish has logged the cause
            self._connection.logger.error("Exception in ASGI application\n", exc_info=error)
        self._refuse(503 if is_cancelled else 500)

    def _abandon(self, message: str) -> None:
        assert self._connection is not None
        self._connection.logger.error(message)
        self._refuse(500)

    def _refuse(self, status: int) -> None:
        """Sends an error if no response has begun, and closes the connection."""
        connection = self._connection
        if self.disconnected or self.response_complete or connection is None:
            return
        if not self.response_started:
            self.response_started = True
            self.transport.write(connection.answer_for(_refused(status), body=self.scope["method"] != "HEAD"))
        self.response_complete = True
        self.transport.close()
        connection.on_response_complete()

    # ASGI

    async def receive(self) -> Message:
        """Returns the next content of the body, or the disconnection, which follows the response as well."""
        if self.expects_100 and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.expects_100 = False
        if not self.disconnected and not self.response_complete:
            self.flow.resume_reading()
            if not self._news:
                self._event = self._event or asyncio.Event()
                await self._event.wait()
                self._event.clear()
            self._news = False
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        content = bytes(self.body)
        self.body.clear()
        return {"type": "http.request", "body": content, "more_body": self.more_body}

    async def send(self, message: Message) -> None:
        """Writes the head or a part of the body. Raises RuntimeError for a message that violates ASGI or HTTP."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        kind = message["type"]
        if not self.response_started:
            if kind != "http.response.start":
                raise RuntimeError(f"Expected ASGI message 'http.response.start', but got '{kind}'.")
            head = self._head(message["status"], message.get("headers", ()))
            self.response_started = True
            self.expects_100 = False
            self.transport.write(head)
        elif self.response_complete:
            raise RuntimeError(f"Unexpected ASGI message '{kind}' sent, after response already completed.")
        elif kind != "http.response.body":
            raise RuntimeError(f"Expected ASGI message 'http.response.body', but got '{kind}'.")
        else:
            self._write(message.get("body", b""), message.get("more_body", False))

    def _head(self, status: int, headers: Iterable[Pair]) -> bytes:
        connection, method = self._connection, self.scope["method"]
        assert connection is not None
        if connection.access_log:
            address, target = get_client_addr(self.scope), get_path_with_query_string(self.scope)
            version = self.scope["http_version"]
            connection.access_logger.info('%s - "%s %s HTTP/%s" %d', address, method, target, version, status)
        defaults, special = connection.default_head()
        parts: list[bytes] = []
        length: int | None = None
        coded = closes = False
        for name, value in (*special, *headers) if special else headers:
            meaning = _names.get(name)
            if meaning is None:
                meaning = _learn(name)
            if meaning == LENGTH and not coded:
                length = int(value)
            elif meaning == CODING and value.lower() == b"chunked":
                coded = True
            elif meaning == CONNECTION and b"close" in (token.strip().lower() for token in value.split(b",")):
                self.keep_alive, closes = False, True
            parts += (name, b": ", value, b"\r\n")
        lines = b"".join(parts)
        if len(lines.translate(None, CONTROLS)) != len(lines) - len(parts) // 2:
            raise RuntimeError("Invalid HTTP header value.")
        if coded:
            length = None
        bodiless = method == "HEAD" or status in (204, 304)
        self._chunked = coded
        undelimited = length is None and not bodiless and not coded
        if undelimited and self.scope["http_version"] == "1.0":  # the connection's end delimits it (RFC 9112 §6.3)
            self.keep_alive = undelimited = False
        if not self.keep_alive and not closes:
            lines += b"connection: close\r\n"
        if undelimited:
            self._chunked = True
            lines += b"transfer-encoding: chunked\r\n"
        self._left = 0 if bodiless else length
        return b"%b%b%b\r\n" % (STATUS_LINE[status], defaults, lines)

    def _write(self, body: bytes, more_body: bool) -> None:
        if self.scope["method"] == "HEAD":
            pass
        elif self._chunked:
            content = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            if not more_body:
                content += b"0\r\n\r\n"
            if content:
                self.transport.write(content)
        else:
            left = self._left
            if left is not None:
                left -= len(body)
                if left < 0:
                    raise RuntimeError("Response content longer than Content-Length")
                self._left = left
            if body:
                self.transport.write(body)
        if not more_body:
            if self._left:
                raise RuntimeError("Response content shorter than Content-Length")
            self.response_complete = True
            self.wake()
            if not self.keep_alive:
                self.transport.close()
            if self._connection is not None:
                self._connection.on_response_complete()


def encoded(pairs: Iterable[Pair]) -> tuple[bytes, list[Pair]]:
    """Returns the default headers of a server as bytes, and those that decide about the body or the connection."""
    special = [pair for pair in pairs if pair[0].lower() in _MEANINGS]
    return b"".join(b"%b: %b\r\n" % pair for pair in pairs if pair not in special), special


def _learn(name: bytes) -> int:
    """Returns the meaning of a header's name and remembers it. Raises RuntimeError for an invalid name."""
    if not _TOKEN.fullmatch(name):
        raise RuntimeError("Invalid HTTP header name.")
    meaning = _MEANINGS.get(name.lower(), PLAIN)
    if len(_names) < MOST_NAMES:
        _names[name] = meaning
    return meaning


def _refused(status: int) -> Refused:
    if status == 503:
        return Refused(503, "The server is shutting down", (b"retry-after", b"1"))
    return Refused(500, "An internal server error occurred")

"""How requests are read off a connection: uvicorn's parser, within bounds, and what RFC 9112 demands of a head.

Of a client's text nothing is kept past a bound: a head has its bytes, headers and time, chunks have theirs for framing,
trailers have those of a head, and requests that are sent ahead wait in the kernel.
"""

from abc import abstractmethod
from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hapiish.http.exchange.request import TRAILERS
from hapiish.http.serving.coalescing import Flow
from hapiish.http.serving.connections import Connections
from hapiish.http.syntax.message_head import (
    Pair,
    Refused,
    is_host,
    judge_codings,
    judge_handshake,
    opens_websocket,
    split_target,
)

SLICE = 16384
"""Bytes that are parsed at once: the more, the more requests a client can have made out of one read."""

CHUNK = 24
"""Bytes of framing that a chunk may have without being counted: its size, its line ends, a short extension."""

BETWEEN, HEAD, BODY = range(3)

_JUDGED = frozenset((b"expect", b"host", b"transfer-encoding"))
_WHITE = b" \t"


class Reader(HttpToolsProtocol):
    """One connection, of which this is the reading side."""

    shared: Connections
    transport: Any
    flow: Flow
    watched: dict[Any, float] | None = None
    over = False  # nothing that still comes is looked at
    successor: Any = None  # what has taken the connection over
    stage = BETWEEN
    unfed = b""  # what waits for answers
    slice = b""  # what is being parsed
    _alone = False  # no message has begun in it
    _before: bytearray | None = None  # the slices before this one that the head is in
    _fed = 0  # bytes of the slices that the head is in
    _let_off = 0  # those of them that may be of the message before
    _framing = 0  # bytes of a chunked body that are not its content
    _trailing = False  # after a chunk's size and before its content: where trailers are
    _trailers: list[Pair] | None = None  # None for a body that is not chunked
    _trailed = 0  # their bytes
    _hosts = 0
    _host = b""
    _codings: bytes | None = None
    _padded = False  # white space may stand behind a value in what is being parsed
    _careful = False  # each header needs a closer look
    _upgrading = False
    _opening = False  # the upgrade is a WebSocket

    @abstractmethod
    def start(self, version: str) -> None:
        """The head has been read: a request begins."""

    @abstractmethod
    def broken(self, refused: Refused) -> None:
        """What has come is no request."""

    @abstractmethod
    def works(self) -> bool:
        """Whether a request has not been answered yet."""

    @abstractmethod
    def expire(self) -> None:
        """The client has taken too long."""

    @abstractmethod
    def give_up(self) -> None:
        """Closes at once."""

    @abstractmethod
    def hand_over(self, data: bytes) -> None:
        """A handshake of a WebSocket has been read, and `data` behind it."""

    @abstractmethod
    def meaning(self, error: Exception) -> Refused:
        """What to answer to what the parser or a callback of it has raised."""

    @property
    def wants_body(self) -> bool:
        """Whether a request has taken all that has come of its body, and waits for the rest."""
        cycle = self.cycle
        if self.stage != BODY or cycle is None or cycle.response_started:
            return False
        return bool(cycle.more_body and not cycle.body)

    # Bytes

    def data_received(self, data: bytes) -> None:
        """Parses slice by slice; where requests wait for the answers to those before, it goes on after these."""
        if self.over:
            return
        if len(data) <= SLICE and not self.unfed and not self.pipeline:
            self._feed(data)
        else:
            self.unfed += data
            self.feed_more()

    def feed_more(self) -> None:
        """Goes on with what has waited, as far as there is room."""
        data, at = self.unfed, 0
        while at < len(data) and not self.pipeline and not self.over:
            piece = data[at : at + SLICE]
            at += SLICE
            if self.successor is None:
                self._feed(piece)
            else:
                self.successor.data_received(piece)
        self.unfed = b"" if self.over else data[at:]
        if self.unfed:
            self.flow.hold()

    def _feed(self, data: bytes) -> None:
        stage = self.stage
        self.slice = data
        self._alone = stage == BETWEEN
        if stage == BODY:
            self._framing += len(data)
        else:
            self._fed += len(data)
            self._padded = b" \r\n" in data or b"\t\r\n" in data
            if stage == HEAD:
                self._careful = True
        try:
            while True:
                try:
                    self.parser.feed_data(data)
                    break
                except httptools.HttpParserUpgrade as upgrade:
                    data = data[upgrade.args[0] :]
                    self._upgrading = False
                    if self._opening:
                        self.hand_over(data)
                        return
                    data = self.slice = self._as_it_would_be() + data
        except httptools.HttpParserError as error:
            self.broken(self.meaning(error))
            return
        if self.stage == HEAD:
            self._unfinished()
        elif self._trailers is not None and self._framing > self.shared.limits.head_bytes and self.stage == BODY:
            large = Refused(431, "The trailers of the request are too large")
            self.broken(large if self._trailing else Refused(413, "The chunk extensions are too large"))

    def _unfinished(self) -> None:
        """A head has begun and not ended: it must do so within the bounds."""
        limits = self.shared.limits
        if self._fed - self._let_off > limits.head_bytes or len(self.headers) > limits.head_count:
            self.broken(self._too_large())
            return
        if self._before is None:
            self._before = bytearray()
        self._before += self.slice
        if self.watched is not self.shared.waiting and not self.works():
            self.shared.wait(self)

    # Callbacks of the parser

    def on_message_begin(self) -> None:
        """A head begins."""
        self.url = b""
        self.expect_100_continue = False
        self.headers = []
        self.scope = {  # type: ignore[typeddict-item]
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1",
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,  # type: ignore[typeddict-item]
            "root_path": self.root_path,
            "headers": self.headers,
            "state": self.app_state.copy(),
        }
        self.stage = HEAD
        self._fed = len(self.slice)
        self._let_off = 0 if self._alone else self._fed  # where in a slice a second message begins is not known
        self._alone = self._opening = False
        self._hosts = 0
        self._careful = self._padded
        self._codings = self._trailers = self._before = None

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or after the head a trailer."""
        name = name.lower()
        if name in _JUDGED or self._careful:
            value = self._judged(name, value)
            if self.stage == BODY:
                return
        self.headers.append((name, value))

    def _judged(self, name: bytes, value: bytes) -> bytes:
        """The value as it counts; what it says of the request is noted.

        A trailer never is among the headers (RFC 9110 §6.5.1).
        """
        raw, value = value, value.rstrip(_WHITE)
        if self.stage == BODY:
            if self._trailers is not None:
                self._trailers.append((name, value))
                self._trailed += len(name) + len(value)
                limits = self.shared.limits
                if len(self._trailers) > limits.head_count or self._trailed > limits.head_bytes:
                    raise Refused(431, "The trailers of the request are too large")
        elif name == b"host":
            self._hosts += 1
            self._host = value
        elif name == b"expect":
            self.expect_100_continue = value.lower() == b"100-continue"
        elif name == b"transfer-encoding":
            self._careful = True  # there may be trailers
            self._codings = raw if self._codings is None else self._codings + b"," + raw
        return value

    def on_headers_complete(self) -> None:
        """Judges the head, then starts the request or queues it. Raises Refused, which `broken` then gets."""
        parser, url = self.parser, self.url
        limits = self.shared.limits
        scope: Any = self.scope
        version, method = parser.get_http_version(), parser.get_method()
        scope["method"] = method.decode("ascii")
        if self._fed > limits.head_bytes or len(self.headers) > limits.head_count:
            self._judge_size()
        if version != "1.1":
            scope["http_version"] = version
            self.expect_100_continue = False
            _judge_version(version)
        seen = self.slice if self._before is None else self._before + self.slice
        if (b" RTSP/" in seen and self._is_rtsp(seen, method)) or method == b"SOURCE":
            raise Refused(400, "Only HTTP requests are supported")
        if self._hosts != 1 or not is_host(self._host):
            self._judge_host(version)
        if self._codings is not None:
            judge_codings(self._codings, version)
            scope[TRAILERS] = self._trailers = []
            self._trailed = 0
        upgrades = parser.should_upgrade()
        if upgrades and method == b"CONNECT":
            raise Refused(405, "This server is not a proxy", (b"allow", b""))
        if url[:1] == b"/" and b"#" not in url:
            authority = None
            raw_path, _, scope["query_string"] = url.partition(b"?")
        else:
            authority, raw_path, scope["query_string"] = split_target(url, method)
        path = raw_path.decode("ascii")
        if "%" in path:
            path = unquote(path)
        scope["path"] = self.root_path + path
        scope["raw_path"] = self.root_path.encode("ascii") + raw_path
        if authority is not None:
            self.headers[:] = [(b"host", authority), *(pair for pair in self.headers if pair[0] != b"host")]
        self._framing = 0
        if upgrades:
            self._upgrading = True
            self._opening = self._opens(method, version, path)
        else:
            self.start(version)

    def _is_rtsp(self, seen: bytes | bytearray, method: bytes) -> bool:
        """Whether the head is one of RTSP, which the parser takes for HTTP."""
        if not self._let_off:
            line = seen.lstrip(b"\r\n").partition(b"\r\n")[0]
            return bool(line.rpartition(b" ")[2].startswith(b"RTSP/"))
        line = b"%b %b " % (method, self.url)
        return line + b"RTSP/" in seen and line + b"HTTP/" not in seen

    def _judge_size(self) -> None:
        limits = self.shared.limits
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > limits.head_bytes or len(self.headers) > limits.head_count:
            raise self._too_large()

    def _too_large(self) -> Refused:
        if len(self.headers) > self.shared.limits.head_count:
            return Refused(431, "The request has too many headers")
        if len(self.url) > self.shared.limits.head_bytes // 2:
            return Refused(414, "The target of the request is too long")
        return Refused(431, "The headers of the request are too large")

    def _judge_host(self, version: str) -> None:
        """RFC 9112 §3.2: one Host, which names a host; HTTP/1.0 may do without."""
        if self._hosts > 1:
            raise Refused(400, "More than one Host header")
        if self._hosts == 1:
            raise Refused(400, "Invalid Host header")
        if version == "1.1":
            raise Refused(400, "Missing Host header")

    def _opens(self, method: bytes, version: str, path: str) -> bool:
        """Whether an upgrade is to a WebSocket, at a place for one; every other is ignored (RFC 9110 §7.8)."""
        if (
            method != b"GET"
            or version != "1.1"
            or self.ws_protocol_class is None
            or not self.shared.limits.takes_socket(path)
            or not opens_websocket(self.headers)
            or self.works()
        ):
            return False
        judge_handshake(self.headers)
        return True

    # Bodies

    def on_chunk_header(self) -> None:
        """The size of a chunk has been read, whose content follows, or trailers after the last."""
        self._trailing = True
        self._framing = max(0, self._framing - CHUNK)

    def on_chunk_complete(self) -> None:
        """The content of a chunk has been read."""
        self._trailing = False

    def on_body(self, body: bytes) -> None:
        """Keeps content for who asks for it; the client waits where there is much."""
        self._trailing = False
        self._framing -= len(body)
        cycle = self.cycle
        if cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        """The request has been read."""
        self.stage = BETWEEN
        if self._upgrading:
            return
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.more_body = False
            cycle.message_event.set()
        elif self.watched is self.shared.resting:
            self.shared.rest(self)

    # Upgrades

    def _as_it_would_be(self) -> bytes:
        """The head without the upgrade that is ignored, for a new parser: this one takes its body for what follows."""
        self._new_parser()
        parts = [self.scope["method"].encode(), b" ", self.url, b" HTTP/", self.scope["http_version"].encode(), b"\r\n"]
        for name, value in self.headers:
            if name != b"upgrade":
                parts += (name, b": ", value, b"\r\n")
        return b"".join((*parts, b"\r\n"))

    def _new_parser(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)


def _judge_version(version: str) -> None:
    if version != "1.0":
        raise Refused(505 if version == "2.0" else 400, f"HTTP/{version} is not supported")

"""Reads requests from a connection: uvicorn's parser with limits, and the head rules of RFC 9112.

All buffers are bounded: a head in bytes, headers and time, a chunk in framing, trailers like a head. Pipelined requests
wait in the kernel's buffer.
"""

from abc import abstractmethod
from collections import deque
from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hapiish.http.exchange.request import TRAILERS
from hapiish.http.serving.coalescing import Flow
from hapiish.http.serving.connections import Connections
from hapiish.http.syntax.header import Pair
from hapiish.http.syntax.message_head import (
    Refused,
    check_codings,
    check_handshake,
    is_host,
    opens_websocket,
    split_target,
)

SLICE = 16384
"""Bytes parsed at once; bounds the number of requests that one read can produce."""

SMALL_SLICE = 1024
"""Bytes parsed in a turn of the event loop while a body arrives in tiny chunks: each chunk costs a callback."""

MANY_CHUNKS = 64
"""Chunks of a slice from which they are tiny."""

CHUNK = 24
"""Framing bytes per chunk that are not counted: its size, line ends, a short extension."""

BETWEEN, HEAD, BODY = range(3)

_CHECKED = frozenset((b"expect", b"host", b"transfer-encoding"))
_WHITE = b" \t"


class Reader(HttpToolsProtocol):
    """The reading side of one connection."""

    shared: Connections
    cycle: Any  # `hapiish.http.serving.cycle.RequestCycle`
    pipeline: deque[tuple[Any, Any]]
    transport: Any
    flow: Flow
    watched: dict[Any, float] | None = None
    over = False  # further input is ignored
    successor: Any = None  # the protocol that took over the connection
    stage = BETWEEN
    backlog = b""  # input that waits for pipelined responses
    slice = b""  # the input being parsed
    _alone = False  # no message has begun in the slice
    _earlier_slices: bytearray | None = None
    _head_bytes = 0  # bytes of the slices that contain the head
    _foreign_bytes = 0  # of these, bytes that may belong to the previous message
    _framing_bytes = 0  # bytes of a chunked body besides its content
    _chunks = 0  # chunks of the latest slice
    _trailing = False  # between a chunk's size and its content, where trailers are
    _trailers: list[Pair] | None = None  # None for a body that is not chunked
    _trailer_bytes = 0
    _hosts = 0
    _host = b""
    _codings: bytes | None = None
    _padded = False  # the slice may contain white space after a value
    _checks_all = False  # every header is checked
    _upgrading = False
    _opening = False  # the upgrade is to WebSocket

    @abstractmethod
    def start(self, version: str) -> None:
        """Starts the request after its head."""

    @abstractmethod
    def refuse(self, refused: Refused) -> None:
        """Refuses invalid input."""

    @abstractmethod
    def is_serving(self) -> bool:
        """Returns whether a request is unanswered."""

    @abstractmethod
    def expire(self) -> None:
        """Called at the client's deadline."""

    @abstractmethod
    def give_up(self) -> None:
        """Closes the connection at once."""

    @abstractmethod
    def hand_over(self, data: bytes) -> None:
        """Hands the connection to a WebSocket protocol; `data` follows the handshake."""

    @abstractmethod
    def refusal_for(self, error: Exception) -> Refused:
        """The refusal for an error of the parser or of a callback."""

    @property
    def wants_body(self) -> bool:
        """Returns whether a request has consumed the body so far and waits for the rest."""
        cycle = self.cycle
        if self.stage != BODY or cycle is None or cycle.response_started:
            return False
        return bool(cycle.more_body and not cycle.body)

    # Bytes

    def data_received(self, data: bytes) -> None:
        """Parses input in slices; input behind pipelined requests waits for their responses."""
        if self.over:
            return
        if len(data) <= SLICE and not self.backlog and not self.pipeline and self._chunks < MANY_CHUNKS:
            self._chunks = 0
            self._feed(data)
        else:
            self.backlog += data
            self.feed_backlog()

    def feed_backlog(self) -> None:
        """Parses buffered input until a request has to wait; input in tiny chunks a little in each turn of the loop."""
        data, at = self.backlog, 0
        tiny = False
        while at < len(data) and not self.pipeline and not self.over and not tiny:
            piece = data[at : at + (SLICE if self._chunks < MANY_CHUNKS else SMALL_SLICE)]
            at += len(piece)
            self._chunks = 0
            if self.successor is None:
                self._feed(piece)
            else:
                self.successor.data_received(piece)
            tiny = self._chunks >= MANY_CHUNKS
        self.backlog = b"" if self.over else data[at:]
        if self.backlog:
            self.flow.hold()
            if tiny and not self.pipeline:
                self.loop.call_soon(self._feed_more)

    def _feed_more(self) -> None:
        """Goes on with tiny chunks; reads again once all are parsed."""
        if not self.backlog or self.pipeline:
            return
        self.feed_backlog()
        if not self.backlog and not self.pipeline and not self.over:
            self.flow.held = False
            if self.cycle is None or len(self.cycle.body) <= HIGH_WATER_LIMIT:
                self.flow.resume_reading()

    def _feed(self, data: bytes) -> None:
        stage = self.stage
        self.slice = data
        self._alone = stage == BETWEEN
        if stage == BODY:
            self._framing_bytes += len(data)
        else:
            self._head_bytes += len(data)
            self._padded = b" \r\n" in data or b"\t\r\n" in data
            if stage == HEAD:
                self._checks_all = True
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
                    data = self.slice = self._head_without_upgrade() + data
        except httptools.HttpParserError as error:
            self.refuse(self.refusal_for(error))
            return
        if self.stage == HEAD:
            self._unfinished()
        elif self._trailers is not None and self._framing_bytes > self.shared.limits.head_bytes and self.stage == BODY:
            large = Refused(431, "The trailers of the request are too large")
            self.refuse(large if self._trailing else Refused(413, "The chunk extensions are too large"))

    def _unfinished(self) -> None:
        """Checks the limits of an incomplete head and starts its deadline."""
        limits = self.shared.limits
        if self._head_bytes - self._foreign_bytes > limits.head_bytes or len(self.headers) > limits.head_count:
            self.refuse(self._too_large())
            return
        if self._earlier_slices is None:
            self._earlier_slices = bytearray()
        self._earlier_slices += self.slice
        if self.watched is not self.shared.waiting and not self.is_serving():
            self.shared.wait(self)

    # Callbacks of the parser

    def on_message_begin(self) -> None:
        """Resets the state for a new head."""
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
        self._head_bytes = len(self.slice)
        self._foreign_bytes = (
            0 if self._alone else self._head_bytes
        )  # the offset of a second message in a slice is unknown
        self._alone = self._opening = False
        self._hosts = 0
        self._checks_all = self._padded
        self._codings = self._trailers = self._earlier_slices = None

    def on_header(self, name: bytes, value: bytes) -> None:
        """Adds a header or, after the head, a trailer."""
        name = name.lower()
        if name in _CHECKED or self._checks_all:
            value = self._check_header(name, value)
            if self.stage == BODY:
                return
        self.headers.append((name, value))

    def _check_header(self, name: bytes, value: bytes) -> bytes:
        """Records what a header says about the request and returns its value without trailing white space.

        Trailers are never merged into the headers (RFC 9110 §6.5.1).
        """
        raw, value = value, value.rstrip(_WHITE)
        if self.stage == BODY:
            if self._trailers is not None:
                self._trailers.append((name, value))
                self._trailer_bytes += len(name) + len(value)
                limits = self.shared.limits
                if len(self._trailers) > limits.head_count or self._trailer_bytes > limits.head_bytes:
                    raise Refused(431, "The trailers of the request are too large")
        elif name == b"host":
            self._hosts += 1
            self._host = value
        elif name == b"expect":
            self.expect_100_continue = value.lower() == b"100-continue"
        elif name == b"transfer-encoding":
            self._checks_all = True  # trailers may follow
            self._codings = raw if self._codings is None else self._codings + b"," + raw
        return value

    def on_headers_complete(self) -> None:
        """Validates the head and starts or queues the request. Raises Refused, which `refuse` receives."""
        parser, url = self.parser, self.url
        limits = self.shared.limits
        scope: Any = self.scope
        version, method = parser.get_http_version(), parser.get_method()
        scope["method"] = method.decode("ascii")
        if self._head_bytes > limits.head_bytes or len(self.headers) > limits.head_count:
            self._check_size()
        if version != "1.1":
            scope["http_version"] = version
            self.expect_100_continue = False
            _check_version(version)
        head = self.slice if self._earlier_slices is None else self._earlier_slices + self.slice
        if (b" RTSP/" in head and self._is_rtsp(head, method)) or method == b"SOURCE":
            raise Refused(400, "Only HTTP requests are supported")
        if self._hosts != 1 or not is_host(self._host):
            self._check_host(version)
        if self._codings is not None:
            check_codings(self._codings, version)
            scope[TRAILERS] = self._trailers = []
            self._trailer_bytes = 0
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
        self._framing_bytes = 0
        if upgrades:
            self._upgrading = True
            self._opening = self._opens(method, version, path)
        else:
            self.start(version)

    def _is_rtsp(self, head: bytes | bytearray, method: bytes) -> bool:
        """Returns whether the head is one of RTSP, which the parser accepts as HTTP."""
        if not self._foreign_bytes:
            line = head.lstrip(b"\r\n").partition(b"\r\n")[0]
            return bool(line.rpartition(b" ")[2].startswith(b"RTSP/"))
        line = b"%b %b " % (method, self.url)
        return line + b"RTSP/" in head and line + b"HTTP/" not in head

    def _check_size(self) -> None:
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

    def _check_host(self, version: str) -> None:
        """Requires one valid Host header; HTTP/1.0 may omit it (RFC 9112 §3.2)."""
        if self._hosts > 1:
            raise Refused(400, "More than one Host header")
        if self._hosts == 1:
            raise Refused(400, "Invalid Host header")
        if version == "1.1":
            raise Refused(400, "Missing Host header")

    def _opens(self, method: bytes, version: str, path: str) -> bool:
        """Returns whether to upgrade to WebSocket at this path; other upgrades are ignored (RFC 9110 §7.8)."""
        if (
            method != b"GET"
            or version != "1.1"
            or self.ws_protocol_class is None
            or not self.shared.limits.takes_socket(path)
            or not opens_websocket(self.headers)
            or self.is_serving()
        ):
            return False
        check_handshake(self.headers)
        return True

    # Bodies

    def on_chunk_header(self) -> None:
        """Called after a chunk's size, before its content or the trailers."""
        self._trailing = True
        self._chunks += 1
        self._framing_bytes = max(0, self._framing_bytes - CHUNK)

    def on_chunk_complete(self) -> None:
        """Called after the content of a chunk."""
        self._trailing = False

    def on_body(self, body: bytes) -> None:
        """Buffers content for the application and applies backpressure."""
        self._trailing = False
        self._framing_bytes -= len(body)
        cycle = self.cycle
        if cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.wake()

    def on_message_complete(self) -> None:
        """Completes the request's body."""
        self.stage = BETWEEN
        if self._upgrading:
            return
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.more_body = False
            cycle.wake()
        elif self.watched is self.shared.resting:
            self.shared.rest(self)

    # Upgrades

    def _head_without_upgrade(self) -> bytes:
        """The head without the ignored upgrade, for a new parser: the current one treats the body as upgraded data."""
        self._new_parser()
        parts = [self.scope["method"].encode(), b" ", self.url, b" HTTP/", self.scope["http_version"].encode(), b"\r\n"]
        for name, value in self.headers:
            if name != b"upgrade":
                parts += (name, b": ", value, b"\r\n")
        return b"".join((*parts, b"\r\n"))

    def _new_parser(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)


def _check_version(version: str) -> None:
    if version != "1.0":
        raise Refused(505 if version == "2.0" else 400, f"HTTP/{version} is not supported")

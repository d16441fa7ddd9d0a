"""Generates nearly valid requests, and parses them strictly by RFC 9112, independently of the server."""

import random
import re
import socket
from dataclasses import dataclass, field

METHODS = [b"GET", b"POST", b"PUT", b"DELETE", b"HEAD", b"OPTIONS", b"PATCH"]
MAX_BYTES, MAX_COUNT = 4096, 40
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"

ODD_METHODS = [b"get", b"BREW", b"G(T", b"", b"CONNECT", b"PRI", b"SOURCE", b"G\x00T", b"GET\t", b"TRACE"]
TARGETS = [
    b"/a",
    b"/",
    b"/a/b?c=d",
    b"/%41%20",
    b"/a?b=%zz",
    b"//a",
    b"/;x=1",
    b"http://y/a",
    b"http://y",
    b"http://y:80/?a",
]
ODD_TARGETS = [
    b"*",
    b"a",
    b"",
    b"/\xe9",
    b"/a b",
    b"/%",
    b"/%ff",
    b"ftp://y/",
    b"http://",
    b"http://u@y/",
    b"y:80",
    b"/\x00",
    b"/a#b",
]
VERSIONS = [b"HTTP/1.1"] * 8 + [b"HTTP/1.0"]
ODD_VERSIONS = [
    b"HTTP/0.9",
    b"HTTP/2.0",
    b"HTTP/1.2",
    b"HTTP/1.10",
    b"http/1.1",
    b"HTTP/1",
    b"",
    b"HTTP/1.1 ",
]
HOSTS = [b"x", b"x:80", b"[::1]", b"X.example"]
ODD_HOSTS = [b"", b"a b", b"a,b", b"a/b", b"u@a", b"a:b", b"a:99999", b"[::g]", b"\xe9", b"a" * 300]
HEADERS = [
    b"Accept: */*",
    b"A: b",
    b"A:",
    b"A:  b\t ",
    b"A: \xe9\xff",
    b"Cookie: a=b; c=d",
    b"Expect: 100-continue",
    b"Content-Type: text/plain",
    b"X-Forwarded-For: 6.6.6.6",
    b"Connection: keep-alive",
    b"Connection: Upgrade",
    b"Upgrade: websocket",
    b"Upgrade: h2c",
    b"TE: trailers",
    b"If-None-Match: *",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: a2tra2tra2tra2tra2traw==",
]
ODD_HEADERS = [
    b"A : b",
    b" A: b",
    b": b",
    b"A",
    b"A: b\r\n c",
    b"A: b\rc",
    b"A: b\nc",
    b"A: b\x00c",
    b"A(: b",
    b"\xe9: b",
    b"Host: y",
    b"Content-Length: 3",
    b"Content-Length: +3",
    b"Content-Length: 3, 3",
    b"Content-Length: 99999999999999999999999",
    b"Content-Length: 0x3",
    b"Content-Length:",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding: chunked, identity",
    b"Transfer-Encoding : chunked",
    b"Transfer-Encoding: \x0bchunked",
    b"Transfer-Encoding:\tchunked ",
    b"Transfer-encoding: CHUNKED",
    b"Connection: close",
    b"A: " + b"b" * 10000,
    b"\r\n".join([b"A: b"] * 100),
]
BODIES = [b"", b"abc", b"x" * 100, SMUGGLED, b"0\r\n\r\n" + SMUGGLED, b"\r\n", b"y" * 70000]
ODD_CHUNKS = [
    b"3\nabc\n",
    b"0x3\r\nabc\r\n",
    b"3 \r\nabc\r\n",
    b"-3\r\nabc\r\n",
    b"3\r\nabcd\r\n",
    b"ffffffffffffffffff\r\nabc\r\n",
    b"3;a\nb\r\nabc\r\n",
    b"3;" + b"a" * 100000 + b"\r\nabc\r\n",
    b"\r\n",
    b"3\r\nabc",
    b"g\r\n",
]
TRAILERS = [b"", b"", b"A: b\r\n", b"Authorization: Basic x\r\n", b"X-Forwarded-For: 6.6.6.6\r\nHost: evil\r\n"]
ODD_TRAILERS = [
    b"Content-Length: 5\r\n",
    b"A : b\r\n",
    b"A: b\n",
    b"Transfer-Encoding: chunked\r\n",
    b"A: b\r\n" * 100,
    b" x\r\n",
]


class Maker:
    """Makes the bytes of a connection: some requests, of which parts are odd, and perhaps torn."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.oddness = self.random.choice([0.0, 0.01, 0.03, 0.1])

    def pieces(self) -> list[bytes]:
        """What the client sends, cut anywhere."""
        data = b"".join(self.request() for _ in range(self.random.choice([1, 1, 2, 3, 8])))
        if self.random.random() < 0.4:
            data = self.torn(data)
        data += b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        cuts = sorted(self.random.randrange(len(data) + 1) for _ in range(self.random.choice([0, 0, 1, 2, 5])))
        return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True) if start < end]

    def pick(self, right: list[bytes], odd: list[bytes]) -> bytes:
        return self.random.choice(odd if self.random.random() < self.oddness else right)

    def request(self) -> bytes:
        """One request."""
        method = self.pick(METHODS, ODD_METHODS)
        line = b" ".join((method, self.pick(TARGETS, ODD_TARGETS), self.pick(VERSIONS, ODD_VERSIONS)))
        headers = [self.pick(HEADERS, ODD_HEADERS) for _ in range(self.random.choice([0, 1, 2, 5]))]
        if self.random.random() >= self.oddness:
            headers.append(b"Host: " + self.pick(HOSTS, ODD_HOSTS))
        framing, body = self.body() if method not in (b"GET", b"HEAD") or self.random.random() < 0.2 else ([], b"")
        headers += framing
        self.random.shuffle(headers)
        return b"\r\n".join([line, *headers, b"", b""]) + body

    def body(self) -> tuple[list[bytes], bytes]:
        """Headers that say how long a body is, and the body."""
        content = self.random.choice(BODIES)
        kind = self.random.randrange(3)
        if kind == 0:
            return [], b""
        if kind == 1:
            said = len(content) + (self.random.choice([-1, 1, 10]) if self.random.random() < self.oddness else 0)
            return [b"Content-Length: %d" % max(0, said)], content
        chunks = []
        while content:
            size = self.random.randrange(1, len(content) + 1)
            extension = self.random.choice([b"", b"", b";a=b", b';a="b c"', b";a"])
            chunks.append(b"%x%b\r\n%b\r\n" % (size, extension, content[:size]))
            content = content[size:]
            if self.random.random() < self.oddness:
                chunks.append(self.random.choice(ODD_CHUNKS))
        return [b"Transfer-Encoding: chunked"], b"".join(
            [*chunks, b"0\r\n", self.pick(TRAILERS, ODD_TRAILERS), b"\r\n"]
        )

    def torn(self, data: bytes) -> bytes:
        """A few bytes changed, left out, doubled, or the end missing."""
        text = bytearray(data)
        for _ in range(self.random.choice([1, 1, 2, 4])):
            at = self.random.randrange(len(text) + 1)
            size = self.random.choice([1, 1, 2, 10])
            match self.random.randrange(5):
                case 0:
                    text[at : at + 1] = bytes([self.random.choice([0, 9, 10, 13, 32, 58, 127, 255, 48, 44])])
                case 1:
                    del text[at : at + size]
                case 2:
                    text[at:at] = text[at : at + size]
                case 3:
                    text[at:at] = self.random.choice([b"\r\n", b"\n", b" ", b"\r", b"\x00", SMUGGLED, b"\t"])
                case _:
                    del text[len(text) - self.random.randrange(len(text) + 1) :]
        return bytes(text)


# The reading

TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
LINE = re.compile(rb"([A-Z-]+) +([!-~]+) +HTTP/(1\.[01])")
FIELD = re.compile(rb"(" + TOKEN + rb"):[ \t]*([\t\x20-\x7e\x80-\xff]*)")
CHUNK = re.compile(
    rb"([0-9A-Fa-f]{1,15})((?:;+(?:" + TOKEN + rb")?(?:=(?:" + TOKEN + rb'|"[^"\\\x00-\x08\x0a-\x1f\x7f]*")?)?)*)'
)
HOST = re.compile(rb"(?:[A-Za-z0-9._~-]+|\[([0-9A-Fa-f:.]+)\])(?::([0-9]*))?")
ABSOLUTE = re.compile(rb"https?://([^/?#]*)([^#]*)(?:#.*)?", re.IGNORECASE)


@dataclass
class Reading:
    """The requests that stand in what a client sends, and why there are no more of them."""

    requests: list[tuple[bytes, bytes, bytes]] = field(default_factory=list)
    end: str = "all read"
    begun: bytes | None = None  # the method of a request that ends within its body, and may have been answered


class Stop(Exception):
    """There is no request any more."""


def read(data: bytes) -> Reading:
    """Reads until something is not as RFC 9112 has it."""
    reading = Reading()
    try:
        while data.lstrip(b"\r\n"):
            data = _request(data.lstrip(b"\r\n"), reading)
    except Stop as stop:
        reading.end = str(stop)
    return reading


def _request(data: bytes, reading: Reading) -> bytes:
    head, found, rest = data.partition(b"\r\n\r\n")
    if not found:
        raise Stop("a head without an end")
    first, *lines = head.split(b"\r\n")
    match = LINE.fullmatch(first)
    if match is None or (match[1] not in METHODS and match[1] != b"TRACE"):
        raise Stop("no request line")
    method, target, version = match.groups()
    fields = _fields(lines)
    if len(target) + sum(len(name) + len(value) + 4 for name, value in fields) > MAX_BYTES or len(fields) > MAX_COUNT:
        raise Stop("a large head")
    hosts = [value for name, value in fields if name == b"host"]
    if len(hosts) > 1 or not all(map(_is_host, hosts)) or (not hosts and version == b"1.1"):
        raise Stop("no host")
    path = _path(target, method)
    size, chunked = _framing(fields, version)
    reading.begun = method
    body, rest = _chunks(rest) if chunked else _sized(rest, size)
    reading.begun = None
    reading.requests.append((method, path, body))
    if version == b"1.0" or any(
        b"close" in [part.strip().lower() for part in value.split(b",")]
        for name, value in fields
        if name == b"connection"
    ):
        raise Stop("closed")
    return rest


def _fields(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    found = []
    for line in lines:
        match = FIELD.fullmatch(line)
        if match is None:
            raise Stop("no header")
        if match[1].lower() == b"transfer-encoding" and match[2].endswith(b"\t"):
            raise Stop("no framing")  # allowed, but nobody means well by it
        found.append((match[1].lower(), match[2].strip(b" \t")))
    return found


def _is_host(value: bytes) -> bool:
    match = HOST.fullmatch(value)
    if match is None or len(value) > 255:
        return False
    literal, port = match.groups()
    if literal is not None:
        try:
            socket.inet_pton(socket.AF_INET6, literal.decode())
        except OSError:
            return False
    return not port or (len(port) < 6 and int(port) < 65536)


def _path(target: bytes, method: bytes) -> bytes:
    if target == b"*" and method == b"OPTIONS":
        return target
    if target.startswith(b"/"):
        return target.partition(b"#")[0]
    match = ABSOLUTE.fullmatch(target)
    if match is None or not _is_host(match[1]):
        raise Stop("no target")
    path: bytes = match[2]
    return path if path.startswith(b"/") else b"/" + path


def _framing(fields: list[tuple[bytes, bytes]], version: bytes) -> tuple[int, bool]:
    sizes = [value for name, value in fields if name == b"content-length"]
    codings = [value.lower() for name, value in fields if name == b"transfer-encoding"]
    if codings:
        if sizes or codings != [b"chunked"] or version != b"1.1":
            raise Stop("no framing")
        return 0, True
    if not sizes:
        return 0, False
    if len(sizes) > 1 or not re.fullmatch(rb"[0-9]+", sizes[0]) or int(sizes[0]) >= 1 << 64:
        raise Stop("no length")
    return int(sizes[0]), False


def _sized(data: bytes, size: int) -> tuple[bytes, bytes]:
    if len(data) < size:
        raise Stop("half a body")
    return data[:size], data[size:]


def _chunks(data: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        line, found, data = data.partition(b"\r\n")
        match = CHUNK.fullmatch(line)
        if not found or match is None:
            raise Stop("no chunk")
        if len(match[2]) > MAX_BYTES:
            raise Stop("a large extension")
        size = int(match[1], 16)
        if size == 0:
            return body, _trailers(data)
        if data[size : size + 2] != b"\r\n":
            raise Stop("no end of a chunk")
        body, data = body + data[:size], data[size + 2 :]


def _trailers(data: bytes) -> bytes:
    if data.startswith(b"\r\n"):
        return data[2:]
    head, found, rest = data.partition(b"\r\n\r\n")
    if not found:
        raise Stop("trailers without an end")
    fields = _fields(head.split(b"\r\n"))
    if len(fields) > MAX_COUNT or any(name in (b"content-length", b"transfer-encoding") for name, _ in fields):
        raise Stop("no trailers")
    return rest

"""Checks a request's head beyond its syntax (RFC 9112): Host, target, transfer codings, upgrades.

The parser (llhttp) checks the syntax. Pure functions of bytes, which return values or raise Refused.
"""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus
from ipaddress import IPv6Address
from typing import Final

from hapiish import boom, codec
from hapiish.http.syntax.header import Pair
from hapiish.types import Json

Encoded = Callable[[dict[str, Json]], tuple[bytes, str] | None]

LONGEST_HOST: Final = 255
_NAME = re.compile(rb"[A-Za-z0-9._~-]+(?::([0-9]{0,5}))?")
_LITERAL = re.compile(rb"\[([0-9A-Fa-f:.]{2,45})\](?::([0-9]{0,5}))?")
_REQUEST_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32} [!-~]{1,8000} HTTP/1\.[01]\r\n")
_VERSION = re.compile(rb"HTTP/[0-9]\.[0-9]\r\n")


class Refused(Exception):
    """A request that the server refuses with `status` and a reason before it closes the connection."""

    def __init__(self, status: int, reason: str, *headers: Pair) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = headers

    def answer(self, defaults: list[Pair], *, body: bool = True, encoded: Encoded | None = None) -> bytes:
        """The whole response, with hapi's error body, or as `encoded` makes content and media type of it."""
        error = boom.of(self.status)
        phrase = error.phrase if error.status == self.status else HTTPStatus(self.status).phrase
        error_body = {"statusCode": self.status, "error": phrase, "message": self.reason}
        custom = encoded(error_body) if encoded is not None else None
        content, media_type = custom or (codec.encode(error_body), "application/json; charset=utf-8")
        pairs = [
            *defaults,
            *self.headers,
            (b"content-type", media_type.encode("latin-1")),
            (b"cache-control", b"no-cache"),
            (b"content-length", b"%d" % len(content)),
            (b"connection", b"close"),
        ]
        head = b"".join(b"%b: %b\r\n" % pair for pair in pairs)
        return b"HTTP/1.1 %d %b\r\n%b\r\n%b" % (self.status, phrase.encode(), head, content if body else b"")


@lru_cache(maxsize=1024)
def is_host(value: bytes) -> bool:
    """Returns whether a Host header is a name or address with an optional port (RFC 9110 §7.2, §4.2.1).

    Names consist of the characters that hosts have in practice, without RFC 3986's delimiters and percent codes.
    """
    if len(value) > LONGEST_HOST:
        return False
    match = _NAME.fullmatch(value)
    if match is None:
        match = _LITERAL.fullmatch(value)
        if match is None or not _is_ipv6(match[1]):
            return False
    port = match[match.re.groups]
    return not port or int(port) < 65536


def _is_ipv6(text: bytes) -> bool:
    try:
        IPv6Address(text.decode())
    except ValueError:
        return False
    return True


def split_target(target: bytes, method: bytes) -> tuple[bytes | None, bytes, bytes]:
    """Authority (None unless the target is absolute), path and query of a request target (RFC 9112 §3.2).

    Raises Refused unless the target is a path, an absolute http or https URI, or the `*` of OPTIONS.
    """
    if b"#" in target:
        target = target.partition(b"#")[0]
    if target[:1] == b"/":
        path, _, query = target.partition(b"?")
        return None, path, query
    if target == b"*" and method == b"OPTIONS":
        return None, target, b""
    scheme, _, rest = target.partition(b"://")
    if scheme.lower() not in (b"http", b"https"):
        raise Refused(400, "Invalid request target")
    end = min((at for at in (rest.find(b"/"), rest.find(b"?")) if at >= 0), default=len(rest))
    authority = rest[:end]
    if not is_host(authority):
        raise Refused(400, "Invalid host in the request target")
    path, _, query = rest[end:].partition(b"?")
    return authority, path or b"/", query


def check_codings(codings: bytes, version: str) -> None:
    """Raises Refused for a Transfer-Encoding other than `chunked` (RFC 9112 §6.1, §6.3)."""
    if version != "1.1":
        raise Refused(400, "Transfer-Encoding needs HTTP/1.1")
    names = [name.strip(b" ").lower() for name in codings.split(b",")]  # RFC 9112 allows a tab, llhttp does not
    if names[-1] != b"chunked" or b"chunked" in names[:-1] or b"" in names:
        raise Refused(400, "Invalid Transfer-Encoding")
    if len(names) > 1:
        raise Refused(501, "Only the transfer coding chunked is supported")


def opens_websocket(headers: list[Pair]) -> bool:
    """Returns whether the requested upgrade is to WebSocket."""
    upgrades = [value for name, value in headers if name == b"upgrade"]
    return len(upgrades) == 1 and upgrades[0].strip(b" \t").lower() == b"websocket"


def check_handshake(headers: list[Pair]) -> None:
    """Raises Refused for an invalid WebSocket handshake (RFC 6455 §4.2.1)."""
    named = [name for name, _ in headers]
    if b"transfer-encoding" in named or any(n == b"content-length" and v.strip(b"0") for n, v in headers):
        raise Refused(400, "A WebSocket handshake has no body")
    versions = [value for name, value in headers if name == b"sec-websocket-version"]
    if versions != [b"13"]:
        raise Refused(
            426,
            "Only WebSocket version 13 is understood",
            (b"upgrade", b"websocket"),
            (b"sec-websocket-version", b"13"),
        )
    keys = [value for name, value in headers if name == b"sec-websocket-key"]
    if len(keys) != 1 or not _is_key(keys[0]):
        raise Refused(400, "Invalid Sec-WebSocket-Key")


def _is_key(value: bytes) -> bool:
    try:
        return len(value) == 24 and len(b64decode(value, validate=True)) == 16
    except NotBase64:
        return False


def refusal(reason: str, data: bytes) -> Refused:
    """Translates a parser error to a refusal; `data` is the input that was being parsed."""
    if reason.startswith(("Invalid HTTP version", "Pause on PRI")) and (_VERSION.search(data) or b"PRI" in data):
        return Refused(505, "Only HTTP/1.1 and HTTP/1.0 are understood")
    if reason == "Invalid method encountered" and _REQUEST_LINE.match(data.lstrip(b"\r\n")):
        return Refused(501, "Unknown method")
    if reason in ("Content-Length overflow", "Chunk size overflow"):
        return Refused(413, "Payload content length greater than maximum allowed")
    return Refused(400, "Invalid HTTP request")

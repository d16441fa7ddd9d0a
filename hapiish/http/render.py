"""Converts a finished response to status, headers and body: hapi's marshal (lib/headers.js, lib/transmit.js).

Routes with equal settings share one `Responder`; headers that do not depend on the request are encoded at load.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from hapiish import boom, codec
from hapiish.http.content import conditional
from hapiish.http.content.cache_control import CacheControl
from hapiish.http.content.compression import IDENTITY, Compression
from hapiish.http.content.json_format import OF_JSON, PLAIN, Format
from hapiish.http.content.mime import BYTES
from hapiish.http.content.stream import Body, Unsent, body_of, is_stream
from hapiish.http.cookies.cookies import Cookies
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import BODILESS, Headers, Response
from hapiish.http.guards.cors import Cors
from hapiish.http.syntax.header import Pair, hop_by_hop, pair
from hapiish.types import Value

Rendered = tuple[int, list[Pair], bytes | Body]

_JSON_TYPE = (b"content-type", b"application/json; charset=utf-8")
_HTML_TYPE = (b"content-type", b"text/html; charset=utf-8")
_BYTES_TYPE = (b"content-type", BYTES.encode())
_ACCEPT_RANGES = (b"accept-ranges", b"bytes")
_END_OF_205 = [(b"content-length", b"0")]  # the only status without a body that has a Content-Length
_READING = frozenset({"GET", "HEAD"})
_NO_SETTINGS: Mapping[str, Value] = {}
_NOT_JSON = frozenset({str, type(None), bytes, bytearray, memoryview})
_CREATING = frozenset({"POST", "PUT", "PATCH"})


class Responder:
    """Renders the responses of a route.

    `constant` are headers of every response; `cache` writes Cache-Control; `empty` is the status of an empty 200;
    `ranges` allows byte ranges; `get` says whether 304 and ranges apply (GET and `*` routes). `compression` is None
    where it is off; bodies shorter than `long` are not compressed. `request_id` names the header of the request's id.
    """

    __slots__ = (
        *("cache", "compression", "cookies", "cors", "empty", "fixed", "formatter", "get", "long"),
        *("ranges", "request_id", "request_id_name"),
        *("is_plain", "plain", "plain_json", "plain_json_ranges"),
    )

    def __init__(
        self,
        *,
        cookies: Cookies,
        cache: CacheControl,
        constant: Sequence[tuple[str, str]] = (),
        cors: Cors | None = None,
        compression: Compression | None = None,
        formatter: Format | None = None,
        empty: int = 204,
        ranges: bool = True,
        get: bool = False,
        request_id: str = "x-request-id",
    ) -> None:
        self.cookies = cookies
        self.cors = cors
        self.cache = cache
        self.compression = compression
        self.long = sys.maxsize if compression is None else compression.min_bytes
        self.formatter = formatter
        self.empty = empty
        self.ranges = ranges and get
        self.get = get
        self.request_id_name = request_id.lower()
        self.request_id = self.request_id_name.encode("latin-1")
        fixed = dict(constant)
        if cache.constant:
            fixed["cache-control"] = cache.constant
        self.fixed = tuple((name, (name.encode("latin-1"), value.encode("latin-1"))) for name, value in fixed.items())
        self.is_plain = cors is None and cache.constant is not None and self.formatter is None
        self.plain = [pair for _, pair in self.fixed]
        self.plain_json = [*self.plain, _JSON_TYPE]
        self.plain_json_ranges = [*self.plain, _ACCEPT_RANGES, _JSON_TYPE] if self.ranges else self.plain_json

    def render(self, request: Request, response: Response) -> Rendered:
        """Returns status, headers and body. Raises the encoder's error for a value that cannot be encoded."""
        source = response.source
        if (
            self.is_plain
            and (source.__class__ is dict or source.__class__ is list)
            and response.more is None
            and not response.headers
            and not response.cookies
            and request.pending_cookies is None
            and request.entity is None
        ):
            rendered = self._render_plain(request, response)
            if rendered is not None:
                return rendered
        return self._finish(request, response, *self._body(request, response))

    def _render_plain(self, request: Request, response: Response) -> Rendered | None:
        """Renders JSON of which the handler set at most the status: all headers but two are precomputed."""
        status = response.status_code
        if status in BODILESS:
            return None
        headers, method = self.plain_json, request.scope["method"]
        if status == 200 and method == "GET":
            if self.ranges and request.header(b"range") is not None:
                return None
            headers = self.plain_json_ranges
        body = codec.encode(response.source)
        if len(body) >= self.long:
            return self._finish(request, response, body, _JSON_TYPE)
        length = (b"content-length", b"%d" % len(body))
        return (
            status,
            [*headers, (self.request_id, request.id.encode("latin-1")), length],
            b"" if method == "HEAD" else body,
        )

    def _finish(self, request: Request, response: Response, body: bytes | Body, content_type: Pair | None) -> Rendered:
        length = len(body) if isinstance(body, bytes) else body.length
        own = response.headers
        method = request.scope["method"]
        self._complete(request, response, own)
        coding = None
        if length is None or length >= self.long:
            coding = self._coding(request, response, content_type)
        status = response.status_code
        if own:
            own.pop(self.request_id_name, None)  # a proxied response has the id of the upstream request
            status = self._validated(request, response, coding, own)
            headers = [pair for name, pair in self.fixed if name not in own or name == "link"]
        else:
            headers = self.plain.copy()
        if length == 0:
            if status == 200 and not response.has_explicit_status:
                status = self.empty
        elif coding is not None and method != "HEAD" and status not in BODILESS:
            body, length = self._compressed(coding, body, own)
        elif length is not None and self.ranges and status == 200 and method == "GET":
            headers.append(_ACCEPT_RANGES)
            status, body, length = self._range(request, body, length, own)
        if length is None and coding is None:
            length = _declared_length(response)
        if own:
            _extend(headers, own, with_length=length is None and coding is None and status not in BODILESS)
        if content_type is not None and "content-type" not in own:
            headers.append(content_type)
        headers.append((self.request_id, request.id.encode("latin-1")))
        if status in BODILESS:
            return status, headers + _END_OF_205 if status == 205 else headers, _unsent(body)
        if length is not None:
            headers.append((b"content-length", b"%d" % length))
        return status, headers, _unsent(body) if method == "HEAD" else body

    def _coding(self, request: Request, response: Response, content_type: Pair | None) -> str | None:
        """The content coding of the body, None for identity; adds `Vary` where a coding is possible (hapi)."""
        compression, own = self.compression, response.headers
        if compression is None or response.status_code == 206 or (response.more and "compressed" in response.more):
            return None
        mime = _text(own, "content-type") or (content_type[1].decode("latin-1") if content_type else BYTES)
        if not compression.is_worth(mime):
            return None
        response.vary("accept-encoding")
        accepted = request.header(b"accept-encoding")
        if accepted is None or "content-encoding" in own:
            return None
        coding = compression.accept(accepted)
        return None if coding == IDENTITY else coding

    def _compressed(self, coding: str, body: bytes | Body, own: Headers) -> tuple[bytes | Body, int | None]:
        assert self.compression is not None
        own["content-encoding"] = coding
        if isinstance(body, bytes):
            made = self.compression.encode(coding, body)
            return made, len(made) if isinstance(made, bytes) else None
        return self.compression.wrap(coding, body), None

    def _complete(self, request: Request, response: Response, own: Headers) -> None:
        """Adds the headers that depend on the request or on the handler's settings."""
        if self.cors is not None:
            self.cors.apply(request.header(b"origin"), own)
        if request.pending_cookies is not None or response.cookies:
            cookies = [*(request.pending_cookies or ()), *response.cookies]
            self._set_cookies(response.status_code, cookies, own)
        if request.entity is not None:
            _set_compared_validators(request.entity, response)
        more = response.more or _NO_SETTINGS
        ttl = more.get("ttl")
        if (self.cache.constant is None or ttl) and "cache-control" not in own:
            private = "set-cookie" in own or request.auth.is_authenticated
            value = self.cache.value(response.status_code, ttl, private)
            if value:
                own["cache-control"] = value
        if "etag" in more:
            tag, weak, _ = more["etag"]
            own["etag"] = conditional.format_etag(tag, weak=weak)
        if "compressed" in more:
            own["content-encoding"] = more["compressed"]
        if "created" in more and request.scope["method"] not in _CREATING:
            raise ValueError(f"created() does not apply to {request.scope['method']}: only POST, PUT and PATCH create")
        if "content-type" in own:
            own["content-type"] = _with_charset(str(own["content-type"]), more.get("charset", "utf-8"))

    def _body(self, request: Request, response: Response) -> tuple[bytes | Body, Pair | None]:
        source, more = response.source, response.more
        kind = source.__class__
        body: bytes | Body
        content_type: Pair | None
        if kind is str:
            encoding = "utf-8" if response.more is None else response.more.get("encoding", "utf-8")
            body, content_type = _encoded(source, encoding), _HTML_TYPE
        elif source is None:
            body, content_type = b"", None
        elif kind is bytes or kind is bytearray or kind is memoryview:
            body, content_type = bytes(source), _BYTES_TYPE
        elif kind is not dict and kind is not list and is_stream(source):
            if hasattr(source, "headers") and (more is None or more.get("pass_through", True)):
                _pass_through(source, response)
            body, content_type = body_of(source, request.server.pool.call), _BYTES_TYPE
        else:
            content_type = _JSON_TYPE
            if self.formatter is None and more is None:
                body = codec.encode(source)
            else:
                body = (self.formatter or PLAIN).encode(source, more or _NO_SETTINGS)
        if more is not None:
            _check_settings(more, body, kind)
            content_type = _content_type(more, content_type)
        return body, content_type

    def _set_cookies(self, status: int, cookies: list[tuple[str, Value, Value]], own: Headers) -> None:
        present = own.get("set-cookie", [])
        lines = [present] if isinstance(present, str) else list(present)
        lines += self.cookies.lines(cookies, clearings_only=status == 500)
        if lines:
            own["set-cookie"] = lines

    def _validated(self, request: Request, response: Response, coding: str | None, own: Headers) -> int:
        """Evaluates the preconditions and returns the status; appends the coding to a tag that varies."""
        status = response.status_code
        if "etag" not in own and "last-modified" not in own:
            return status
        varies = response.more is not None and "etag" in response.more and response.more["etag"][2]
        if self.get and status < 300 and request.scope["method"] in _READING:
            tag, modified = _text(own, "etag"), _text(own, "last-modified")
            codings = request.server.encodings if varies else ()
            verdict = conditional.evaluate(request.method, request.headers, tag, modified, codings)
            if verdict is not None:
                if verdict[0] == 412:
                    raise boom.PreconditionFailed
                if verdict[1] is not None:
                    own["etag"] = verdict[1]
                return 304
        named = coding or _text(own, "content-encoding")
        if varies and named:
            own["etag"] = f'{str(own["etag"])[:-1]}-{named}"'
        return status

    def _range(self, request: Request, body: Any, length: int, own: Headers) -> tuple[int, bytes | Body, int]:
        asked = request.header(b"range")
        if asked is None:
            return 200, body, length
        tag, modified = _text(own, "etag"), _text(own, "last-modified")
        part = conditional.byte_range(asked, request.header(b"if-range"), tag, length, modified)
        if part is None:
            return 200, body, length
        start, end = part
        own["content-range"] = f"bytes {start}-{end}/{length}"
        return 206, body[start : end + 1] if isinstance(body, bytes) else body.part(start, end), end - start + 1


def _encoded(text: str, encoding: str) -> bytes:
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        return codec.whole(text).encode(encoding)


def _unsent(body: bytes | Body) -> bytes | Body:
    return b"" if isinstance(body, bytes) else Unsent(body)


def _set_compared_validators(entity: dict[str, Value], response: Response) -> None:
    """Adds the validators that `h.entity` compared, unless the handler has set others."""
    if entity["etag"] is not None and (response.more is None or "etag" not in response.more):
        response.etag(entity["etag"], vary=entity["vary"])
    if entity["modified"] is not None:
        response.headers.setdefault("last-modified", entity["modified"])


def _content_type(more: Mapping[str, Value], content_type: Pair | None) -> Pair | None:
    """The content type that the handler set, with hapi's charset for textual types."""
    mime, charset = more.get("type"), more.get("charset", "utf-8")
    if mime is None:
        if content_type is None or charset == "utf-8":
            return content_type
        mime = content_type[1].decode().partition(";")[0]
    return pair("content-type", _with_charset(mime, charset))


def _with_charset(mime: str, charset: str | None) -> str:
    textual = mime.startswith(("text/", "application/json")) or "javascript" in mime
    return f"{mime}; charset={charset}" if textual and charset is not None and "charset" not in mime else mime


def _check_settings(more: Mapping[str, Value], body: bytes | Body, kind: type) -> None:
    """Raises ValueError for settings that do not apply to the body of a value of that `kind`."""
    is_json = isinstance(body, bytes) and kind not in _NOT_JSON
    if not is_json and any(name in more for name in OF_JSON):
        raise ValueError("spaces, suffix and replacer apply to JSON bodies only")
    if isinstance(body, bytes) and more.get("bytes", len(body)) != len(body):
        raise ValueError(f"the body has {len(body)} bytes, not the {more['bytes']} that were set")


def _pass_through(source: Value, response: Response) -> None:
    """Merges an upstream response's status and end-to-end headers into `response`; the handler's take precedence."""
    if not response.has_explicit_status and response.status_code == 200:
        response.status_code = getattr(source, "status_code", 200)
        if not 200 <= response.status_code <= 599:
            raise boom.BadGateway(
                f"The upstream answers with the status {response.status_code}, which is not a valid status"
            )
    own, response.headers = response.headers, {}
    pairs = list(getattr(source.headers, "multi_items", source.headers.items)())
    hops = hop_by_hop(",".join(value for name, value in pairs if name.lower() == "connection"))
    for name, value in pairs:
        if name.lower() not in hops:
            response.header(name, value, append=True)
    if response.more is not None and "type" in response.more:
        response.headers.pop("content-type", None)
    for name, value in own.items():
        if name == "set-cookie":
            for line in [value] if isinstance(value, str) else value:
                response.header(name, line)
        elif name == "vary":
            response.vary(str(value))
        else:
            response.headers[name] = value


def _declared_length(response: Response) -> int | None:
    return None if response.more is None else response.more.get("bytes")


def _text(own: Headers, name: str) -> str | None:
    value = own.get(name)
    return value if value is None or isinstance(value, str) else ",".join(value)


def _extend(headers: list[Pair], own: Headers, *, with_length: bool) -> None:
    for name, value in own.items():
        if name == "content-length" and not with_length:
            continue
        if isinstance(value, list):
            headers.extend(pair(name, line) for line in value)
        else:
            headers.append(pair(name, str(value)))

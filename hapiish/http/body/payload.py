"""The step that reads a request's body as a value, a stream or a file (hapi's subtext).

As `data`, JSON becomes a JSON value, a form a dictionary of texts, `text/*` text and octets bytes. Other types and
unknown charsets are a 415. Multipart forms need `payload.multipart`.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from functools import lru_cache, partial

from hapiish import boom, codec, options
from hapiish.http.body import multipart
from hapiish.http.body.reader import BodyPieces, BodyStream, PartialBody, RequestAborted, begin, complete
from hapiish.http.body.uploads import Uploads, save
from hapiish.http.content.decompression import Bounded, Codings, too_large
from hapiish.http.content.mime import BYTES
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import Response
from hapiish.http.exchange.toolkit import Toolkit
from hapiish.http.syntax import query
from hapiish.http.syntax.charset import UTF_8, Decode, decoder, is_wide, named
from hapiish.types import Json, Receive

Parse = Callable[[bytes], Json]
FailAction = str | Callable[[Request, boom.Boom], Awaitable[Response | None]]

_TYPE = re.compile(rb"([\w!#$%&'*+.^`|~-]+/[\w!#$%&'*+.^`|~-]+)((?:[ \t;][^\r\n]*)?)", re.ASCII)
_CHARSET = re.compile(rb";\s*charset=", re.IGNORECASE)
_BOUNDARY = re.compile(rb";\s*boundary=(?:\"[^\"]+\"|[^;\"\s]+)", re.IGNORECASE)
_JSON = re.compile(r"application/(?:.+\+)?json")
_NOT_OF_BODIES = frozenset({429, 503})  # raised by limits while the body is read
_LONGEST = 1024  # bounded, because clients choose the Content-Type headers that are cached


def payload_step(
    settings: options.Payload,
    fail_action: FailAction = "error",
    *,
    any_method: bool = False,
    most_digits: int = codec.MOST_DIGITS,
) -> Callable[[Request], Awaitable[Response | None] | None]:
    """The step that fills `request.payload` and `request.mime`; returns an awaitable unless the body is complete.

    Size, type and coding are checked before the body is read. `any_method` is for `*` routes, which read no body of GET
    and HEAD. `most_digits` bounds the integers of JSON.
    """
    body = _READERS[settings.output](settings, fail_action, most_digits)
    step = body.take if fail_action == "error" else body.take_with_fail_action
    if not any_method:
        return step

    def unless_get(request: Request) -> Awaitable[Response | None] | None:
        return None if request.method in ("get", "head") else step(request)

    return unless_get


def stores(settings: options.Payload) -> bool:
    """Returns whether bodies may be stored in files, so that the route needs `clear_uploads`."""
    output = settings.multipart and (settings.multipart.output or settings.output)
    return settings.output == "file" or output in ("file", "stream")


async def clear_uploads(request: Request, h: Toolkit) -> None:
    """The last onPostResponse of a route that stores bodies: removes the files that the handler did not move."""
    if request.uploads is not None:
        await request.uploads.clear()


class _Data:
    """Reads whole bodies and parses them by media type."""

    def __init__(self, settings: options.Payload, fail_action: FailAction, most_digits: int) -> None:
        self.allows = _allows(settings.allow) if settings.allow is not None else None
        self.assumed = settings.default_content_type.encode("latin-1")
        self.codings = Codings(settings.compression)
        self.override = settings.override.encode("latin-1") if settings.override else None
        self.fail_action = fail_action
        self.limit = int(settings.max_bytes)
        self.digits = len(str(self.limit))
        self.json = _json if most_digits == codec.MOST_DIGITS else partial(_json, most_digits=most_digits)
        self.max_parts = settings.max_parts
        self.multipart = (settings.multipart.output or settings.output) if settings.multipart else None
        self.parse = settings.parse
        self.seconds = settings.timeout / 1000 if settings.timeout else None
        self.folder = settings.uploads

    def take(self, request: Request) -> Awaitable[None] | None:
        """Reads and parses; a body that has arrived completely, the usual case, needs no coroutine."""
        receive = request.receive
        if receive is None:
            return None
        if request.pausing is not None:
            receive = request.pausing(receive)
        header, parse, decoder = self._check_headers(request)
        if parse is None:
            return self._read_form(request, receive, header, decoder)
        return self._read(request, receive, decoder, parse)

    def _read(
        self, request: Request, receive: Receive, decoder: Bounded | None, parse: Parse
    ) -> Awaitable[None] | None:
        body = begin(receive, self.limit)
        if not isinstance(body, bytes):
            return self._read_rest(request, body, receive, decoder, parse)
        request.payload = parse(body if decoder is None else decoder.whole(body))
        return None

    def _check_headers(self, request: Request) -> tuple[bytes, Parse | None, Bounded | None]:
        """Checks the headers; returns the content type, the parser (None for multipart) and the decoder."""
        pairs = request.scope["headers"]
        given = dict(pairs)
        if len(given) != len(pairs):
            _merge_repeated(pairs, given)
        length = given.get(b"content-length")
        if length is not None and len(length) >= self.digits and length.isdigit() and int(length) > self.limit:
            raise too_large(self.limit)
        header = self.override or given.get(b"content-type") or self.assumed
        mime, parse = media_type(header)
        request.mime = mime
        if self.allows is not None and not self.allows(mime):
            raise boom.UnsupportedMediaType
        if self.parse is not True:
            parse = bytes
        elif parse is None and not (self.multipart is not None and mime == "multipart/form-data"):
            parse = self._parser_of_unknown()
        elif parse is _json:
            parse = self.json
        elif parse.__class__ is _Json:
            parse = _Json(parse.decode, self.json)
        encoding = given.get(b"content-encoding")
        return (
            header,
            parse,
            self.codings.decoder(encoding, self.limit) if encoding is not None and self.parse else None,
        )

    def _parser_of_unknown(self) -> Parse:
        raise boom.UnsupportedMediaType

    async def _read_rest(
        self, request: Request, begun: PartialBody, receive: Receive, decoder: Bounded | None, parse: Parse
    ) -> None:
        body = await complete(begun, receive, self.limit, self.seconds)
        request.payload = parse(body if decoder is None else decoder.whole(body))

    async def _read_form(self, request: Request, receive: Receive, header: bytes, decoder: Bounded | None) -> None:
        """Parses a multipart form part by part as it arrives."""
        assert self.multipart is not None
        mark = multipart.boundary(header)
        request.uploads = uploads = Uploads(self.folder)
        try:
            async with asyncio.timeout(self.seconds):
                request.payload = await multipart.read(
                    BodyPieces(receive, self.limit, decoder),
                    mark,
                    output=self.multipart,
                    max_parts=self.max_parts,
                    uploads=uploads,
                    parser_of=self._part_parser,
                )
        except TimeoutError:
            await uploads.clear()
            raise boom.ClientTimeout(headers={"connection": "close"}) from None
        except BaseException:
            await uploads.clear()
            raise

    def _part_parser(self, content_type: str) -> Parse | None:
        parse = parser_of(content_type)
        if isinstance(parse, _Json):
            return _Json(parse.decode, self.json)
        return self.json if parse is _json else parse

    async def take_with_fail_action(self, request: Request) -> Response | None:
        """Like `take`, but applies the fail action to errors; the payload is then None."""
        try:
            waiting = self.take(request)
            if waiting is not None:
                await waiting
        except RequestAborted:
            raise
        except boom.Boom as error:
            if error.status in _NOT_OF_BODIES:
                raise
            request.payload = None
            if callable(self.fail_action):
                return await self.fail_action(request, error)
            if self.fail_action == "log":
                request.note(["payload", "error"], error, printed=True)
        return None


class _Stream(_Data):
    """Delivers bodies of any media type as streams."""

    def _read(
        self, request: Request, receive: Receive, decoder: Bounded | None, parse: Parse
    ) -> Awaitable[None] | None:
        return self._deliver(request, BodyPieces(receive, self.limit, decoder))

    def _deliver(self, request: Request, pieces: BodyPieces) -> Awaitable[None] | None:
        request.payload = stream = BodyStream(pieces)
        request.listen = stream.afterwards
        return None

    def _parser_of_unknown(self) -> Parse:
        return bytes


class _File(_Stream):
    """Writes bodies of any media type to files."""

    async def _deliver(self, request: Request, pieces: BodyPieces) -> None:
        request.uploads = uploads = Uploads(self.folder)
        try:
            request.payload = await save(pieces, uploads)
        except BaseException:
            await uploads.clear()
            raise


_READERS: dict[str, type[_Data]] = {"data": _Data, "stream": _Stream, "file": _File}


def _merge_repeated(pairs: Iterable[tuple[bytes, bytes]], given: dict[bytes, bytes]) -> None:
    """Joins repeated Content-Encoding headers; raises 400 for a second Content-Type.

    Otherwise servers that use the first and servers that use the last one would disagree.
    """
    names = [name for name, _ in pairs]
    if names.count(b"content-type") > 1:
        raise boom.BadRequest("More than one content-type header")
    if names.count(b"content-encoding") > 1:
        given[b"content-encoding"] = b", ".join(value for name, value in pairs if name == b"content-encoding")


def _allows(types: Iterable[str]) -> Callable[[str], bool]:
    """Returns a test whether a media type is one of `types`, in which `*` matches any part of a name."""
    parts = (re.escape(each.lower()).replace(r"\*", "[^/]*") for each in types)
    pattern = re.compile("|".join(parts))
    return lambda mime: pattern.fullmatch(mime) is not None


@lru_cache(maxsize=256)
def media_type(header: bytes) -> tuple[str, Parse | None]:
    """The media type of a Content-Type header in lower case, and its parser; 400 for a malformed header."""
    match = _TYPE.fullmatch(header)
    if match is None or len(header) > _LONGEST:
        raise boom.BadRequest("Invalid content-type header")
    mime = match[1].decode("ascii").lower()
    boundaries = len(_BOUNDARY.findall(match[2])) if mime.startswith("multipart/") else 1
    if boundaries == 0:
        raise boom.BadRequest("Invalid content-type header: multipart missing boundary")
    if boundaries > 1 or len(_CHARSET.findall(match[2])) > 1:
        raise boom.BadRequest("Invalid content-type header: duplicate parameter")
    return mime, parser_of(header.decode("latin-1"))


def parser_of(content_type: str) -> Parse | None:
    """The parser of that type and charset; None if there is none. Parsers raise BadRequest."""
    mime = content_type.partition(";")[0].strip().lower()
    if mime == BYTES:
        return _octets
    charset = named(content_type)
    if charset is None:
        return None
    if _JSON.fullmatch(mime):
        return _json if charset == UTF_8 else _Json(decoder(charset))
    if mime.startswith("text/"):
        return decoder(charset)
    if mime == "application/x-www-form-urlencoded" and not is_wide(charset):
        return partial(query.form, charset=charset)
    return None


def _json(body: bytes, most_digits: int = codec.MOST_DIGITS) -> Json:
    if not body:
        return None
    try:
        return codec.decode(body, most_digits)
    except codec.BoundsError as error:
        raise boom.BadRequest(f"Invalid request payload: {error}") from None
    except ValueError:
        raise boom.BadRequest("Invalid request payload JSON format") from None


class _Json:
    """Parses JSON in a charset other than UTF-8."""

    __slots__ = ("decode", "json")

    def __init__(self, decode: Decode, json: Parse = _json) -> None:
        self.decode = decode
        self.json = json

    def __call__(self, body: bytes) -> Json:
        return self.json(self.decode(body).encode())


def _octets(body: bytes) -> bytes | None:
    return body or None

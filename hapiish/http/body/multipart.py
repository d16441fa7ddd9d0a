"""Parses `multipart/form-data` (RFC 7578) while it arrives: fields as text, files by the route's `output`.

python-multipart finds the parts, this module processes them. Values of a repeated name become a list.
"""

import contextlib
import re
from collections.abc import AsyncIterator, Callable
from typing import Final, Literal

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from hapiish import boom
from hapiish.http.body.uploads import Upload, UploadPart, Uploads
from hapiish.types import Json

Output = Literal["data", "stream", "file", "annotated"]
Parse = Callable[[bytes], Json]

_BOUNDARY: Final = re.compile(rb";\s*boundary=(?:\"([^\"]+)\"|([^;\"\s]+))", re.IGNORECASE)
_MOST_PADDING: Final = 256
_JSON: Final = re.compile(r"application/(?:[^;]+\+)?json\b", re.IGNORECASE)


def boundary(header: bytes) -> bytes:
    """The boundary of a Content-Type header; raises 400 if it is missing."""
    found = _BOUNDARY.search(header)
    if found is None:
        raise boom.BadRequest("Invalid content-type header: multipart missing boundary")
    return found[1] or found[2]


async def read(
    pieces: AsyncIterator[bytes],
    mark: bytes,
    *,
    output: Output,
    max_parts: int,
    uploads: Uploads,
    parser_of: Callable[[str], Parse | None],
) -> dict[str, Json]:
    """Parses a multipart body. Raises 400 for invalid input and for more than `max_parts` parts.

    `parser_of` returns the parser of a part by its Content-Type header.

    A file becomes, by `output`, its parsed content (bytes if it has no parser or cannot be parsed), the same as
    `{filename, headers, payload}`, a `Part`, or `{path, bytes, filename, headers}` of a file on disk.
    """
    return await _Form(mark, output, max_parts, uploads, parser_of).read(pieces)


def _broken() -> boom.Boom:
    return boom.BadRequest("Invalid multipart payload format")


class _Unpadded:
    """Removes the white space after boundaries, which receivers must accept (RFC 2046 §5.1.1).

    Input that may become such a line is buffered.
    """

    def __init__(self, mark: bytes) -> None:
        self.line = b"\r\n--" + mark
        self.padded = re.compile(rb"(" + re.escape(self.line) + rb")[ \t]{1,%d}(?=\r\n)" % _MOST_PADDING)
        self.open = re.compile(re.escape(self.line) + rb"[ \t]{0,%d}\r?" % _MOST_PADDING)
        self.held = b"\r\n"

    def feed(self, piece: bytes) -> bytes:
        """Returns the input that certainly belongs to the body."""
        text = self.padded.sub(rb"\1", self.held + piece)
        at = text.find(b"\r", max(0, len(text) - len(self.line) - _MOST_PADDING - 1))
        while at >= 0:
            end = text[at:]
            if self.line.startswith(end) or self.open.fullmatch(end):
                self.held = end
                return text[:at]
            at = text.find(b"\r", at + 1)
        self.held = b""
        return text


class _Form:
    """Parses one body: the parser's callbacks queue events, whose processing may await disk writes."""

    def __init__(
        self,
        mark: bytes,
        output: Output,
        max_parts: int,
        uploads: Uploads,
        parser_of: Callable[[str], Parse | None],
    ) -> None:
        self.output = output
        self.left = max_parts
        self.uploads = uploads
        self.parser_of = parser_of
        self.values: dict[str, Json] = {}
        self.several: set[str] = set()
        self.events: list[bytes | dict[str, str] | None] = []
        self.header: list[bytes] = []
        self.headers: dict[str, str] = {}
        self.name = ""
        self.filename: str | None = None
        self.sink: bytearray | Upload | UploadPart = bytearray()
        self.is_complete = False
        self.parser = self._parser(mark)
        self.unpadded = _Unpadded(mark)
        self.before: bytes | None = b""  # the tail of the input before the first boundary, None after it
        self.first = b"\r\n--" + mark
        self.skipped = 0  # bytes of the preamble

    def _parser(self, mark: bytes) -> MultipartParser:
        name: list[bytes] = []
        value: list[bytes] = []
        headers: dict[str, str] = {}

        def begun() -> None:
            headers.clear()
            self.left -= 1
            if self.left < 0:
                raise _broken()

        def header_end() -> None:
            try:
                headers[b"".join(name).decode("latin-1").lower()] = b"".join(value).decode().strip()
            except UnicodeDecodeError:
                raise _broken() from None
            name.clear()
            value.clear()

        def end() -> None:
            self.is_complete = True

        try:
            return MultipartParser(
                mark,
                {
                    "on_part_begin": begun,
                    "on_header_field": lambda data, start, stop: name.append(data[start:stop]),
                    "on_header_value": lambda data, start, stop: value.append(data[start:stop]),
                    "on_header_end": header_end,
                    "on_headers_finished": lambda: self.events.append(dict(headers)),
                    "on_part_data": lambda data, start, stop: self.events.append(data[start:stop]),
                    "on_part_end": lambda: self.events.append(None),
                    "on_end": end,
                },
            )
        except FormParserError:
            raise _broken() from None

    async def read(self, pieces: AsyncIterator[bytes]) -> dict[str, Json]:
        async for piece in pieces:
            if self.is_complete:
                continue  # the epilogue is ignored (RFC 2046 §5.1.1)
            await self._write(self.unpadded.feed(piece))
        if not self.is_complete:
            await self._write(self.unpadded.held)
        # Text without a part: the first boundary is wrong, which is an error and not an empty form.
        if not self.is_complete or (self.skipped and not self.values):
            raise _broken()
        return self.values

    async def _write(self, piece: bytes) -> None:
        try:
            self.parser.write(piece if self.before is None else self._begun(piece))
        except FormParserError:
            raise _broken() from None
        events, self.events = self.events, []
        for event in events:
            await self._take(event)

    def _begun(self, piece: bytes) -> bytes:
        """Skips the preamble: returns the input from the first line that begins with the boundary."""
        assert self.before is not None
        text = self.before + piece
        at = text.find(self.first)
        kept = max(0, len(text) - len(self.first) + 1) if at < 0 else at
        self.skipped += kept
        self.before = text[kept:] if at < 0 else None
        return b"" if at < 0 else text[at + 2 :]

    async def _take(self, event: bytes | dict[str, str] | None) -> None:
        sink = self.sink
        if isinstance(event, dict):
            self._begin(event)
        elif event is None:
            if isinstance(sink, Upload):
                await sink.close()
            elif isinstance(sink, UploadPart):
                await sink.seek(0)
            self._add(self._value())
        elif isinstance(sink, bytearray):
            sink += event
        else:
            await sink.write(event)

    def _begin(self, headers: dict[str, str]) -> None:
        kind, options = parse_options_header(headers.get("content-disposition", "").encode().decode("latin-1"))
        if kind != b"form-data" or b"name" not in options:
            raise _broken()
        self.headers = headers
        self.name = options[b"name"].decode()
        self.filename = options[b"filename"].decode() if b"filename" in options else None
        if self.filename is None or self.output in ("data", "annotated"):
            self.sink = bytearray()
        elif self.output == "file":
            self.sink = self.uploads.create()
        else:
            self.sink = self.uploads.part(self.filename, headers)

    def _value(self) -> Json:
        sink, headers, filename = self.sink, self.headers, self.filename
        if isinstance(sink, UploadPart):
            return sink
        if isinstance(sink, Upload):
            return {"path": sink.path, "bytes": sink.bytes, "filename": filename, "headers": headers}
        mime = headers.get("content-type", "").strip()
        if filename is None:
            return self._field(bytes(sink), mime)
        payload = self._content(bytes(sink), mime)
        if self.output == "annotated":
            return {"filename": filename, "headers": headers, "payload": payload}
        return payload

    def _field(self, content: bytes, mime: str) -> Json:
        """Parses a field: JSON by its content type, else text; 400 for invalid text, 415 for an unknown charset."""
        parse = self.parser_of(mime) if _JSON.match(mime) else None
        if parse is not None:
            with contextlib.suppress(boom.BadRequest):
                return parse(content)
        parse = self.parser_of(f"text/plain;{mime.partition(';')[2]}")
        if parse is None:
            raise boom.UnsupportedMediaType
        return parse(content)

    def _content(self, content: bytes, mime: str) -> Json:
        parse = self.parser_of(mime)
        try:
            return content if parse is None else parse(content)
        except boom.BadRequest:
            return content

    def _add(self, value: Json) -> None:
        name = self.name
        if name not in self.values:
            self.values[name] = value
        elif name in self.several:
            self.values[name].append(value)
        else:
            self.several.add(name)
            self.values[name] = [self.values[name], value]

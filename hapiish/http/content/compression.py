"""Content codings of responses: negotiates the coding and compresses bodies (RFC 9110 §12.5.3).

gzip and deflate are Python's; br and zstd come with the extra `compression`. `render` decides whether a response is
compressed.

Starlette's GZipMiddleware ignores q-values and knows neither br nor zstd.
"""

import asyncio
import math
import sys
import zlib
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from functools import lru_cache, partial
from importlib import import_module
from typing import Any, Final, Protocol

from hapiish.http.content.mime import MimeTypes
from hapiish.http.content.stream import Body
from hapiish.options.compression import Brotli, Encoders, Zlib, Zstd

IDENTITY: Final = "identity"
LIBRARIES: Final[Mapping[str, str]] = {
    "br": "brotli",
    "zstd": "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd",
}
"""The module of each coding that Python may lack."""

_SLICE: Final = 64 * 1024
"""Bytes compressed at once in the event loop, about a millisecond of work; longer bodies go to a thread in slices."""

_ALIASES: Final = {"x-gzip": "gzip"}


class Encoder(Protocol):
    """A compressor of one body. Each method returns the output that is ready to send."""

    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes:
        """Flushes: all input so far becomes decodable."""

    def finish(self) -> bytes: ...


def negotiate(header: str, encodings: Sequence[str]) -> str:
    """Negotiates the coding for an Accept-Encoding header: the highest q, then the first of identity and `encodings`.

    Returns identity for a header that names none of them or is malformed (hapi).
    """
    preferences = (IDENTITY, *encodings)
    weights: dict[str, float] = {}
    for part in header.replace(" ", "").replace("\t", "").lower().split(","):
        if not part:
            continue
        token, *params = part.split(";")
        weight = _weight(params)
        if not token or weight is None:
            return IDENTITY
        weights.setdefault(_ALIASES.get(token, token), weight)
    rest = weights.pop("*", None)
    best, highest = IDENTITY, 0.0
    for coding in preferences:
        weight = weights.get(coding, rest)
        if weight is not None and weight > highest:
            best, highest = coding, weight
    return best


def _weight(params: list[str]) -> float | None:
    """The q of an element, 1 when it is out of range (hapi); None for a malformed element."""
    if not params:
        return 1.0
    key, _, value = params[0].partition("=")
    if len(params) > 1 or key != "q" or not value:
        return None
    try:
        weight = float(value)
    except ValueError:
        return 1.0
    return weight if weight == 0 or (math.isfinite(weight) and 0.001 <= weight <= 1) else 1.0


class Compression:
    """Compresses the bodies of a route.

    `encodings` are the codings offered, in the server's order of preference; `settings` has an attribute per coding.
    Bodies below `min_bytes` are not compressed. Raises ImportError for a coding whose library is missing.
    """

    __slots__ = ("_makers", "_mime", "accept", "encodings", "min_bytes")

    def __init__(self, encodings: Sequence[str], min_bytes: int, settings: Encoders, mime: MimeTypes) -> None:
        self.encodings = tuple(encodings)
        self.min_bytes = min_bytes
        self._mime = mime
        self._makers = {coding: _maker(coding, getattr(settings, coding)) for coding in encodings}
        self.accept: Callable[[str], str] = lru_cache(maxsize=128)(partial(negotiate, encodings=self.encodings))

    def is_worth(self, content_type: str) -> bool:
        """Returns whether the media type is compressible."""
        return self._mime.type(content_type).compressible

    def encode(self, coding: str, body: bytes) -> "bytes | CompressedBody":
        """Compresses `body`; a long one lazily and in threads, so that it does not block the event loop."""
        encoder = self._makers[coding]()
        if len(body) > _SLICE:
            return CompressedBody(_slices(body), encoder, flushes=False)
        return encoder.compress(body) + encoder.finish()

    def wrap(self, coding: str, body: Body) -> "CompressedBody":
        """Compresses a body object; a stream of unknown length is flushed after each chunk."""
        return CompressedBody(body, self._makers[coding](), flushes=body.length is None)


class CompressedBody:
    """A body object that compresses another; its length is unknown until the end."""

    __slots__ = ("_body", "_encoder", "_flushes", "length")

    def __init__(self, body: AsyncIterable[bytes], encoder: Encoder, *, flushes: bool) -> None:
        self._body = body
        self._encoder = encoder
        self._flushes = flushes
        self.length: int | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        encoder, held = self._encoder, 0
        async for chunk in self._body:
            out = b""
            for start in range(0, len(chunk), _SLICE):
                data = chunk[start : start + _SLICE]
                held += len(data)
                if held < _SLICE:
                    out += encoder.compress(data)
                else:
                    held = 0
                    out += await asyncio.to_thread(encoder.compress, data)
            if self._flushes and chunk:
                out += encoder.flush()
            if out:
                yield out
        yield await asyncio.to_thread(encoder.finish)

    async def aclose(self) -> None:
        """Closes the wrapped body."""
        close = getattr(self._body, "aclose", None)
        if close is not None:
            await close()


async def _slices(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), _SLICE):
        yield body[start : start + _SLICE]


def _maker(coding: str, settings: Brotli | Zlib | Zstd) -> Callable[[], Encoder]:
    if isinstance(settings, Brotli):
        return partial(_Brotli, import_module(LIBRARIES["br"]).Compressor, settings.quality)
    if isinstance(settings, Zstd):
        return partial(_Zstd, import_module(LIBRARIES["zstd"]).ZstdCompressor, settings.level)
    # zlib adds 16 to the window bits for the gzip format
    window = settings.window_bits + (16 if coding == "gzip" else 0)
    return partial(_Zlib, settings.level, window, settings.mem_level)


class _Zlib:
    """gzip, and HTTP's deflate, which is the zlib format."""

    __slots__ = ("_zlib", "compress")

    def __init__(self, level: int, window: int, memory: int) -> None:
        self._zlib = zlib.compressobj(level, zlib.DEFLATED, window, memory)
        self.compress = self._zlib.compress

    def flush(self) -> bytes:
        return self._zlib.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._zlib.flush(zlib.Z_FINISH)


class _Brotli:
    __slots__ = ("compress", "finish", "flush")

    def __init__(self, compressor: Any, quality: int) -> None:
        made = compressor(quality=quality)
        self.compress: Callable[[bytes], bytes] = made.process
        self.flush: Callable[[], bytes] = made.flush
        self.finish: Callable[[], bytes] = made.finish


class _Zstd:
    __slots__ = ("_made", "compress")

    def __init__(self, compressor: Any, level: int) -> None:
        self._made = compressor(level)
        self.compress: Callable[[bytes], bytes] = self._made.compress

    def flush(self) -> bytes:
        return self._made.flush(self._made.FLUSH_BLOCK)  # type: ignore[no-any-return]

    def finish(self) -> bytes:
        return self._made.flush()  # type: ignore[no-any-return]

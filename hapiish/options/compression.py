"""Content codings: of responses (`compression`), and of request bodies (`payload.compression`)."""

from dataclasses import dataclass
from typing import Annotated, Literal

from hapiish.declare.option import Items, Range, option, settings
from hapiish.declare.types import NOWHERE, Mark, Size

Coding = Literal["gzip", "deflate", "br", "zstd"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Zlib:
    """Settings of gzip and deflate."""

    level: Annotated[int, Range(0, 9)] = option(6, "The compression level, from 0 (none) to 9 (smallest output).")
    mem_level: Annotated[int, Range(1, 9)] = option(8, "The memory level of the compressor, from 1 to 9.")
    window_bits: Annotated[int, Range(9, 15)] = option(
        15, "The size of the window as a power of two in bytes, from 9 to 15."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Brotli:
    """Settings of Brotli."""

    quality: Annotated[int, Range(0, 11)] = option(
        4, "The compression quality, from 0 (fastest) to 11 (smallest output)."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Zstd:
    """Settings of Zstandard."""

    level: Annotated[int, Range(1, 19)] = option(3, "The compression level, from 1 (fastest) to 19 (smallest output).")


@settings(also=(True, False), wanted="true, false or settings by coding")
@dataclass(frozen=True, slots=True, kw_only=True)
class Encoders:
    """Compression of responses for clients that accept it: settings by coding, or false for none. It applies to
    compressible media types (text, JSON, XML, …; not text/event-stream, unless `server.mime.override` says so), and to
    bodies of at least `server.compression.minBytes` or of unknown length.
    """

    gzip: Zlib = option(Zlib(), "Settings of the coding gzip.")
    deflate: Zlib = option(Zlib(), "Settings of the coding deflate.")
    br: Brotli = option(Brotli(), "Settings of the coding br (Brotli); `server.compression.encodings` must name it.")
    zstd: Zstd = option(Zstd(), "Settings of the coding zstd (Zstandard); `server.compression.encodings` must name it.")


@settings(name="serverCompression", also=(False,), wanted="false or settings")
@dataclass(frozen=True, slots=True, kw_only=True)
class Compression:
    """Compression of responses on all routes; false disables it."""

    min_bytes: Size = option(Size(1024), "The minimum size of a body that is compressed.", examples=["1KB"])
    encodings: Annotated[tuple[Coding, ...], Items(min=1, unique=True)] = option(
        ("gzip", "deflate"),
        "The offered codings, in order of preference among those that a client accepts equally. `br` and "
        "`zstd` need the extra `hapiish[compression]`.",
        examples=[["zstd", "br", "gzip"]],
    )
    mark: Mark = NOWHERE


@settings(also=(bool,))
@dataclass(frozen=True, slots=True, kw_only=True)
class ZlibDecoder:
    """Settings of the decoder of gzip and deflate."""

    window_bits: Annotated[int, Range(9, 15)] = option(
        15,
        "The maximum window of the decoder, as a power of two in bytes. A body that needs a larger one "
        "is refused with 400.",
    )


@settings(also=(bool,))
@dataclass(frozen=True, slots=True, kw_only=True)
class BrotliDecoder:
    """Brotli; its decoder has no options."""


@settings(also=(bool,))
@dataclass(frozen=True, slots=True, kw_only=True)
class ZstdDecoder:
    """Settings of the decoder of Zstandard."""

    window_log_max: Annotated[int, Range(10, 31)] = option(
        23,
        "The maximum window of the decoder, as a power of two in bytes. A body that needs a larger one "
        "is refused with 400.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoders:
    """The content codings of request bodies that are undone; None for one that is refused."""

    gzip: ZlibDecoder | None = option(ZlibDecoder(), "Bodies coded as gzip (RFC 1952).", shown=True)
    deflate: ZlibDecoder | None = option(ZlibDecoder(), "Bodies coded as deflate (RFC 1950).", shown=True)
    br: BrotliDecoder | None = option(
        None, "Bodies coded by Brotli (RFC 7932); its decoder has no options.", shown=False
    )
    zstd: ZstdDecoder | None = option(None, "Bodies coded by Zstandard (RFC 8878).", shown=False)

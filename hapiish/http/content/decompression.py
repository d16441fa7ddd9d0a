"""Decodes content codings of request bodies piece by piece (RFC 9110 §8.4): gzip and deflate, br and zstd by libraries.

A decoder never returns more than its limit, which stops decompression bombs.

No library decodes request bodies within an output limit.
"""

import zlib
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any, Final, Protocol

from hapiish import boom, options
from hapiish.http.content.compression import LIBRARIES

_CHUNK: Final = 4096
_MAX_MEMBERS: Final = 1000
_BYTES_PER_MEMBER: Final = 256
"""Bytes of a body for each member beyond the first 1,000: starting a member costs more than decoding so many bytes."""

_GZIP: Final = 16  # zlib adds 16 to the window bits for the gzip format (RFC 1952)


class Decoder(Protocol):
    """The decoder of one body. It raises the errors in `_faults` of its `Codings`."""

    def feed(self, data: bytes, most: int) -> bytes:
        """Decodes `data`; stops after about `most` bytes, after which it must not be called again."""

    def finish(self) -> None:
        """Raises ValueError if the body is truncated."""


class _Members:
    """Decodes a coding of members or frames; `several` allows more than one; `begin` makes the decoder of a member.

    Raises ValueError for a body that consists mainly of member headers, which cost time without content.
    """

    __slots__ = ("_begin", "_left", "_several", "_stream")

    def __init__(self, begin: Callable[[], Any], *, several: bool) -> None:
        self._begin, self._several = begin, several
        self._stream = begin()
        self._left = _MAX_MEMBERS * _BYTES_PER_MEMBER

    def feed(self, data: bytes, most: int) -> bytes:
        """Decodes in chunks, so that thousands of members cost no more than one."""
        parts: list[bytes] = []
        self._left += len(data)
        at = 0
        while at < len(data) and most > 0:
            if self._stream.eof:
                if not self._several:
                    raise ValueError("data after the end")
                self._left -= _BYTES_PER_MEMBER
                if self._left < 0:
                    raise ValueError("too many members")
                self._stream = self._begin()
            chunk = data[at : at + _CHUNK]
            part = self._stream.decompress(chunk, most)
            parts.append(part)
            most -= len(part)
            at += len(chunk) - len(self._stream.unused_data)
        return b"".join(parts)

    def finish(self) -> None:
        if not self._stream.eof:
            raise ValueError("truncated")


def _zlib(bits: int) -> _Members:
    return _Members(partial(zlib.decompressobj, bits), several=bits >= _GZIP)


def _zstd(window_log_max: int) -> _Members:
    library = import_module(LIBRARIES["zstd"])
    options = {library.DecompressionParameter.window_log_max: window_log_max}
    return _Members(partial(library.ZstdDecompressor, options=options), several=True)


class _Brotli:
    __slots__ = ("_stream",)

    def __init__(self) -> None:
        self._stream: Any = import_module(LIBRARIES["br"]).Decompressor()

    def feed(self, data: bytes, most: int) -> bytes:
        parts: list[bytes] = [self._stream.process(data, output_buffer_limit=most)]
        most -= len(parts[0])
        while most > 0 and not self._stream.can_accept_more_data():
            parts.append(self._stream.process(b"", output_buffer_limit=most))
            most -= len(parts[-1])
        return b"".join(parts)

    def finish(self) -> None:
        if not self._stream.is_finished():
            raise ValueError("truncated")


class Codings:
    """The content codings that a route accepts: those that `payload.compression` has."""

    __slots__ = ("_accepted", "_faults", "_makers")

    def __init__(self, settings: options.Decoders) -> None:
        self._makers: dict[bytes, Callable[[], Decoder] | None] = {b"identity": None, b"": None}
        faults: list[type[Exception]] = [ValueError, zlib.error]
        if settings.gzip is not None:
            bits = settings.gzip.window_bits + _GZIP
            self._makers[b"gzip"] = self._makers[b"x-gzip"] = lambda: _zlib(bits)
        if settings.deflate is not None:
            deflated = settings.deflate.window_bits
            self._makers[b"deflate"] = lambda: _zlib(deflated)
        if settings.br is not None:
            self._makers[b"br"] = _Brotli
            faults.append(import_module(LIBRARIES["br"]).error)
        if settings.zstd is not None:
            window = settings.zstd.window_log_max
            self._makers[b"zstd"] = lambda: _zstd(window)
            faults.append(import_module(LIBRARIES["zstd"]).ZstdError)
        self._accepted = ", ".join(name.decode() for name in self._makers if name not in (b"", b"identity", b"x-gzip"))
        self._faults = tuple(faults)

    def decoder(self, header: bytes, limit: int) -> "Bounded | None":
        """The decoder for a Content-Encoding header, None for identity; raises 415 for other codings."""
        try:
            make = self._makers[header.strip().lower()]
        except KeyError:
            raise boom.UnsupportedMediaType(headers={"accept-encoding": self._accepted or "identity"}) from None
        return Bounded(make, self._faults, limit) if make is not None else None


class Bounded:
    """A decoder with a limit on its total output: raises 413 beyond the limit, 400 for invalid data."""

    __slots__ = ("_decoder", "_faults", "_left", "_limit", "_make")

    def __init__(self, make: Callable[[], Decoder], faults: tuple[type[Exception], ...], limit: int) -> None:
        self._make = make
        self._decoder: Decoder | None = None
        self._faults = faults
        self._left = self._limit = limit

    def feed(self, data: bytes) -> bytes:
        """Decodes the next piece of the body."""
        if not data:
            return b""
        if self._decoder is None:
            self._decoder = self._make()
        try:
            made = self._decoder.feed(data, self._left + 1)
        except self._faults:
            raise boom.BadRequest("Invalid compressed payload") from None
        self._left -= len(made)
        if self._left < 0:
            raise too_large(self._limit)
        return made

    def finish(self) -> None:
        """Raises 400 if the body is truncated; an empty body needs no coding."""
        if self._decoder is not None:
            try:
                self._decoder.finish()
            except ValueError:
                raise boom.BadRequest("Invalid compressed payload") from None

    def whole(self, body: bytes) -> bytes:
        """Decodes a whole body at once."""
        made = self.feed(body)
        self.finish()
        return made


def too_large(limit: int) -> boom.Boom:
    """413 with hapi's message; closes the connection, because the rest of the body is not read."""
    message = f"Payload content length greater than maximum allowed: {limit}"
    return boom.EntityTooLarge(message, headers={"connection": "close"})

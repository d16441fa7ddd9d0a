"""Content codings of request bodies: incremental decoding, limits, and the codings of the route."""

import gzip
import zlib
from importlib import import_module
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hapiish import boom
from hapiish.http.content.compression import LIBRARIES
from hapiish.http.content.decompression import Codings
from hapiish.options import BrotliDecoder, Decoders, ZlibDecoder, ZstdDecoder

zstd: Any = import_module(LIBRARIES["zstd"])
EVERY = Codings(Decoders(br=BrotliDecoder(), zstd=ZstdDecoder()))
ENCODERS: dict[str, Any] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": import_module(LIBRARIES["br"]).compress,
    "zstd": zstd.compress,
}


def undone(coding: str, pieces: list[bytes], limit: int = 1_000_000, codings: Codings = EVERY) -> bytes:
    decoder = codings.decoder(coding.encode(), limit)
    assert decoder is not None
    made = b"".join([decoder.feed(piece) for piece in pieces])
    decoder.finish()
    return made


def refused(coding: str, body: bytes, limit: int = 1_000_000, codings: Codings = EVERY) -> tuple[int, str]:
    with pytest.raises(boom.Boom) as caught:
        undone(coding, [body], limit, codings)
    return caught.value.status, caught.value.message


@given(st.sampled_from(sorted(ENCODERS)), st.binary(max_size=300), st.lists(st.integers(0, 400), max_size=5))
def test_what_was_coded_is_undone_in_whatever_pieces_it_comes(coding: str, content: bytes, cuts: list[int]) -> None:
    body = ENCODERS[coding](content)
    edges = [0, *sorted(cut for cut in cuts if cut < len(body)), len(body)]
    pieces = [body[start:stop] for start, stop in pairwise(edges)]
    assert undone(coding, pieces) == content


@pytest.mark.parametrize("coding", sorted(ENCODERS))
def test_a_bomb_is_a_413_and_what_just_fits_passes(coding: str) -> None:
    assert undone(coding, [ENCODERS[coding](b"x" * 100_000)], 100_000) == b"x" * 100_000
    assert refused(coding, ENCODERS[coding](b"x" * 100_001), 100_000)[0] == 413
    assert refused(coding, ENCODERS[coding](b" " * 20_000_000), 100_000)[0] == 413


@pytest.mark.parametrize("coding", sorted(ENCODERS))
@pytest.mark.parametrize(("before", "end", "after"), [(b"", -3, b""), (b"", None, b"rest"), (b"junk", None, b"")])
def test_a_broken_coding_is_a_bad_request(coding: str, before: bytes, end: int | None, after: bytes) -> None:
    assert refused(coding, before + ENCODERS[coding](b"content" * 100)[:end] + after) == (
        400,
        "Invalid compressed payload",
    )


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_several_members_are_one_body(coding: str) -> None:
    member = ENCODERS[coding](b"x" * 1000)
    assert undone(coding, [member * 50]) == b"x" * 50_000
    assert undone(coding, [member, member]) == b"x" * 2000


def test_a_larger_window_than_allowed_is_refused() -> None:
    compressor = zlib.compressobj(9, wbits=15)
    wide = compressor.compress(b"x" * 100) + compressor.flush()
    assert refused("deflate", wide, codings=Codings(Decoders(deflate=ZlibDecoder(window_bits=9))))[0] == 400
    stream = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 21})
    frame = stream.compress(b"x" * (1 << 21)) + stream.flush()
    narrow = Codings(Decoders(zstd=ZstdDecoder(window_log_max=20)))
    assert refused("zstd", frame, 4_000_000, narrow)[0] == 400
    assert len(undone("zstd", [frame], 4_000_000)) == 1 << 21


@pytest.mark.parametrize(
    ("decoders", "coding", "accepted"),
    [
        (Decoders(), "br", "gzip, deflate"),
        (Decoders(), "gzip, gzip", "gzip, deflate"),
        (Decoders(gzip=None, br=BrotliDecoder()), "gzip", "deflate, br"),
        (Decoders(gzip=None, deflate=None), "gzip", "identity"),
        (Decoders(br=BrotliDecoder(), zstd=ZstdDecoder()), "compress", "gzip, deflate, br, zstd"),
    ],
)
def test_a_coding_that_is_not_undone_is_a_415_that_says_which_are(
    decoders: Decoders, coding: str, accepted: str
) -> None:
    with pytest.raises(boom.UnsupportedMediaType) as caught:
        Codings(decoders).decoder(coding.encode(), 100)
    assert caught.value.headers == {"accept-encoding": accepted}


def test_identity_needs_no_decoder() -> None:
    assert EVERY.decoder(b"identity", 100) is None
    assert EVERY.decoder(b" ", 100) is None

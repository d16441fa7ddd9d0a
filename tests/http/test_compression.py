"""Content codings of responses: negotiation, compressible types, flushing and completeness."""

import gzip
import sys
import zlib
from collections.abc import AsyncIterator, Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from hapiish import TableError
from hapiish import options as model
from hapiish.http.content.compression import CompressedBody, Compression, negotiate
from hapiish.http.content.mime import MimeTypes
from hapiish.testing import inject
from tests.http.conftest import Make

brotli: Any = import_module("brotli")

ALL = ("gzip", "deflate", "br", "zstd")
DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "br": brotli.decompress,
    "zstd": zstd.decompress,
}
GZIP = {"accept-encoding": "gzip"}


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("gzip, deflate, br", "gzip"),
        ("deflate, gzip", "gzip"),
        ("deflate;q=1, gzip;q=0.9", "deflate"),
        ("gzip;q=0.3, deflate;q=0.4", "deflate"),
        ("GZip", "gzip"),
        ("x-gzip", "gzip"),
        ("br", "identity"),
        ("unknown, gzip", "gzip"),
        ("*", "identity"),
        ("*, identity;q=0", "gzip"),
        ("gzip;q=0, *", "identity"),
        ("gzip, identity", "identity"),
        ("gzip;q=1, identity;q=0.5", "gzip"),
        ("gzip;q=0", "identity"),
        ("gzip;q=0.000", "identity"),
        ("gzip ; q = 0.5 ,, deflate", "deflate"),
        ("gzip;q=2", "gzip"),
        ("gzip;q=abc", "gzip"),
        ("", "identity"),
        (",", "identity"),
        ("gzip;level=9", "identity"),
        ("gzip;q=1;a=b", "identity"),
        ("gzip;q=", "identity"),
        (";q=1, gzip", "identity"),
    ],
)
def test_the_client_gets_what_it_likes_best_and_else_the_servers_order(header: str, coding: str) -> None:
    assert negotiate(header, ("gzip", "deflate")) == coding


def test_the_order_of_the_server_decides_between_equals() -> None:
    assert negotiate("gzip, deflate, br, zstd", ("zstd", "br", "gzip")) == "zstd"
    assert negotiate("gzip, deflate, br", ("zstd", "br", "gzip")) == "br"
    assert negotiate("gzip, br;q=0.9", ("br", "gzip")) == "gzip"


@given(st.text(alphabet="gzipbrdeflatx*identy;q=0.1, \t"))
def test_any_header_leads_to_a_coding_that_is_offered(header: str) -> None:
    assert negotiate(header, ALL) in ("identity", *ALL)


@given(st.lists(st.binary(max_size=3000), max_size=8), st.sampled_from(ALL))
def test_what_was_compressed_can_be_read(chunks: list[bytes], coding: str) -> None:
    made = compression().encode(coding, b"".join(chunks))
    assert isinstance(made, bytes)
    assert DECODERS[coding](made) == b"".join(chunks)


def compression() -> Compression:
    return Compression(ALL, 1024, model.Encoders(), MimeTypes())


# What is compressed

TABLE = """
server: {compression: COMPRESSION}
routes:
  - {method: GET, path: /, handler: "my:handler", options: OPTIONS}
  - {method: POST, path: /, handler: "my:handler", options: OPTIONS}
"""


def app_of(make: Make, body: str, options: str = "{}", compression: str = "{}") -> Any:
    table = TABLE.replace("COMPRESSION", compression).replace("OPTIONS", options)
    return make(table, f"async def handler(request, h):\n    {body}\n")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("value", "is_coded", "varies"),
    [
        ("'x' * 1023", False, False),
        ("'x' * 1024", True, True),
        ("['x' * 2000]", True, True),
        ("h.response(['x' * 2000]).code(400)", True, True),
        ("b'x' * 2000", True, True),
        ("h.response('x' * 2000).type('text/css')", True, True),
        ("h.response('x' * 2000).type('application/problem+json')", True, True),
        ("h.response('x' * 2000).type('image/svg+xml')", True, True),
        ("h.response('x' * 2000).type('application/wasm')", True, True),
        ("h.response('x' * 2000).type('image/png')", False, False),
        ("h.response('x' * 2000).type('text/event-stream')", False, False),
        ("h.response('x' * 2000).header('content-type', 'video/mp4')", False, False),
        ("h.response(b'x' * 2000).header('content-encoding', 'br')", False, True),
        ("h.response(b'x' * 2000).compressed('br')", False, False),
        ("h.response('x' * 2000).code(206)", False, False),
        ("None", False, False),
    ],
)
async def test_a_long_body_of_a_type_that_gains_by_it_is_compressed(
    make: Make, value: str, is_coded: bool, varies: bool
) -> None:
    response = await inject(app_of(make, f"return {value}"), headers=GZIP)
    assert (response.headers.get("content-encoding") == "gzip") is is_coded
    assert (response.headers.get("vary") == "accept-encoding") is varies
    if is_coded:
        assert len(gzip.decompress(response.payload)) >= 1024
        assert response.headers["content-length"] == str(len(response.payload))
        assert "accept-ranges" not in response.headers


@pytest.mark.anyio
@pytest.mark.parametrize("headers", [{}, {"accept-encoding": "identity"}, {"accept-encoding": "br;x"}])
async def test_a_client_that_takes_no_coding_is_told_that_others_might(make: Make, headers: dict[str, str]) -> None:
    response = await inject(app_of(make, "return {'a': 'x' * 2000}"), headers=headers)
    assert "content-encoding" not in response.headers
    assert response.headers["vary"] == "accept-encoding"
    assert response.headers["accept-ranges"] == "bytes"
    assert response.json == {"a": "x" * 2000}


@pytest.mark.anyio
async def test_an_upload_is_answered_in_a_coding_too(make: Make) -> None:
    response = await inject(app_of(make, "return 'x' * 2000"), method="POST", headers=GZIP)
    assert gzip.decompress(response.payload) == b"x" * 2000


@pytest.mark.anyio
async def test_head_has_the_length_of_the_plain_body_and_no_coding(make: Make) -> None:
    response = await inject(app_of(make, "return h.response('x' * 2000).etag('v')"), method="HEAD", headers=GZIP)
    assert response.headers["content-length"] == "2000"
    assert response.headers["vary"] == "accept-encoding"
    assert "content-encoding" not in response.headers


@pytest.mark.anyio
async def test_a_compressed_body_has_no_ranges(make: Make) -> None:
    app = app_of(make, "return 'x' * 2000")
    whole = await inject(app, headers=GZIP | {"range": "bytes=0-3"})
    assert (whole.status_code, len(gzip.decompress(whole.payload))) == (200, 2000)
    part = await inject(app, headers={"range": "bytes=0-3"})
    assert (part.status_code, part.payload) == (206, b"xxxx")


@pytest.mark.anyio
@pytest.mark.parametrize("size", [5_000, 70_000, 1_000_000])
@pytest.mark.parametrize("coding", ALL)
async def test_every_coding_of_the_table_works_for_short_and_long_bodies(make: Make, coding: str, size: int) -> None:
    app = app_of(make, f"return 'abcdefghij' * {size // 10}", compression="{encodings: [zstd, br, gzip, deflate]}")
    response = await inject(app, headers={"accept-encoding": coding})
    assert response.headers["content-encoding"] == coding
    assert DECODERS[coding](response.payload) == b"abcdefghij" * (size // 10)


@pytest.mark.anyio
async def test_settings_of_a_route_reach_the_encoder(make: Make) -> None:
    text = "return ''.join(chr(97 + n * n % 23) for n in range(5000))"
    stored = await inject(app_of(make, text, "{compression: {gzip: {level: 0}}}"), headers=GZIP)
    small = await inject(app_of(make, text, "{compression: {gzip: {level: 9, memLevel: 9}}}"), headers=GZIP)
    assert len(stored.payload) > 5000 > len(small.payload)
    deflate = app_of(make, text, "{compression: {deflate: {windowBits: 9}}}")
    response = await inject(deflate, headers={"accept-encoding": "deflate"})
    assert len(zlib.decompress(response.payload, wbits=9)) == 5000


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("options", "compression", "is_coded"),
    [
        ("{}", "false", False),
        ("{compression: false}", "{}", False),
        ("{}", "{minBytes: 3000}", False),
        ("{}", "{minBytes: 1KB}", True),
        ("{compression: true}", "{minBytes: 2000}", True),
    ],
)
async def test_compression_can_be_switched_off_and_its_limit_moved(
    make: Make, options: str, compression: str, is_coded: bool
) -> None:
    response = await inject(app_of(make, "return 'x' * 2000", options, compression), headers=GZIP)
    assert ("content-encoding" in response.headers) is is_coded


@pytest.mark.anyio
async def test_a_route_may_switch_on_what_the_servers_defaults_switch_off(make: Make) -> None:
    app = make(
        """
        server: {routes: {compression: false}}
        routes:
          - {method: GET, path: /on, handler: "my:long", options: {compression: true}}
          - {method: GET, path: /off, handler: "my:long"}
        """,
        "async def long(request, h):\n    return [request.info.accept_encoding, 'x' * 2000]",
    )
    assert "content-encoding" in (await inject(app, url="/on", headers=GZIP)).headers
    off = await inject(app, url="/off", headers=GZIP)
    assert "content-encoding" not in off.headers
    assert off.json[0] == "gzip"


def test_settings_for_a_coding_that_is_not_offered_are_refused_at_their_place(make: Make) -> None:
    with pytest.raises(TableError) as refused:
        app_of(make, "return 1", "{compression: {br: {quality: 5}}}")
    problem = refused.value.problems[0]
    assert (problem.code, problem.mark.line, problem.mark.column) == ("HA0381", 4, 75)
    assert "encodings: [br, gzip, deflate]" in problem.hint
    with pytest.raises(TableError):
        app_of(make, "return 1", "{compression: {gzip: {level: 5}}}", "false")


def test_a_coding_without_its_library_is_refused_with_the_extra_to_install(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "brotli", None)
    with pytest.raises(TableError) as refused:
        app_of(make, "return 1", compression="{encodings: [br, gzip]}")
    problem = refused.value.problems[0]
    assert (problem.code, problem.mark.line, problem.hint) == ("HA0405", 2, 'pip install "hapiish[compression]"')
    app_of(make, "return 1")


# Entity tags


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("etag", "sent"),
    [("etag('v')", '"v-gzip"'), ("etag('v', vary=False)", '"v"'), ("etag('v', weak=True)", 'W/"v"')],
)
async def test_the_tag_of_a_compressed_body_names_the_coding(make: Make, etag: str, sent: str) -> None:
    app = app_of(make, f"return h.response('x' * 2000).{etag}")
    assert (await inject(app, headers=GZIP)).headers["etag"] == sent
    assert (await inject(app)).headers["etag"] == sent.replace("-gzip", "")


@pytest.mark.anyio
async def test_a_body_that_came_compressed_has_the_name_in_its_tag_too(make: Make) -> None:
    app = app_of(make, "return h.response(b'x' * 10).etag('v').compressed('br')")
    response = await inject(app, headers=GZIP)
    assert (response.headers["content-encoding"], response.headers["etag"]) == ("br", '"v-br"')


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("known", "status", "answered"),
    [
        ('"v"', 304, '"v"'),
        ('"v-gzip"', 304, '"v-gzip"'),
        ('"v-deflate"', 304, '"v-deflate"'),
        ('W/"v"', 304, 'W/"v"'),
        ('"v-br"', 200, '"v-gzip"'),
        ('"w-gzip"', 200, '"v-gzip"'),
    ],
)
async def test_a_tag_is_known_again_with_the_name_of_any_coding(
    make: Make, known: str, status: int, answered: str
) -> None:
    app = app_of(make, "return h.response('x' * 2000).etag('v')")
    response = await inject(app, headers=GZIP | {"if-none-match": known})
    assert (response.status_code, response.headers["etag"]) == (status, answered)


@pytest.mark.anyio
async def test_entity_knows_the_tags_of_compressed_bodies_again(make: Make) -> None:
    app = app_of(make, "return h.entity(etag='v') or 'x' * 2000")
    assert (await inject(app, headers=GZIP)).headers["etag"] == '"v-gzip"'
    assert (await inject(app, headers=GZIP | {"if-none-match": '"v-gzip"'})).status_code == 304
    same = app_of(make, "return h.entity(etag='v', vary=False) or 'x' * 2000")
    assert (await inject(same, headers=GZIP)).headers["etag"] == '"v"'
    assert (await inject(same, headers=GZIP | {"if-none-match": '"v-gzip"'})).status_code == 200


# Streams


@pytest.mark.anyio
async def test_a_stream_is_compressed_as_it_comes(make: Make) -> None:
    code = """
        async def parts():
            for n in range(3):
                yield f"part {n};" * 5000

        async def handler(request, h):
            return h.response(parts()).type("text/plain")
    """
    app = make('routes: [{method: GET, path: /, handler: "my:handler"}]', code)
    response = await inject(app, headers=GZIP)
    assert "content-length" not in response.headers
    assert gzip.decompress(response.payload) == b"".join(b"part %d;" % n * 5000 for n in range(3))


@pytest.mark.anyio
@pytest.mark.parametrize("coding", ALL)
async def test_nothing_of_a_stream_is_held_back_until_more_comes(coding: str) -> None:
    decoders: dict[str, Any] = {
        "gzip": zlib.decompressobj(31).decompress,
        "deflate": zlib.decompressobj().decompress,
        "br": brotli.Decompressor().process,
        "zstd": zstd.ZstdDecompressor().decompress,
    }
    decoder = decoders[coding]
    gone = []

    class Source:
        length = None

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for n in range(5):
                gone.append(n)
                yield b"line %d\n" % n

    read = b""
    async for data in compression().wrap(coding, Source()):
        read += decoder(data)
        assert read == b"".join(b"line %d\n" % n for n in gone)
    assert len(gone) == 5


@pytest.mark.anyio
async def test_closing_a_compressed_body_closes_the_one_within() -> None:
    closed = []

    async def close() -> None:
        closed.append(True)

    body = SimpleNamespace(length=5, aclose=close)
    await CompressedBody(body, compression()._makers["gzip"](), flushes=False).aclose()
    assert closed == [True]

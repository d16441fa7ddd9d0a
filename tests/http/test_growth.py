"""The work for any client text is linear. A new parser of client text is a line of `PARSERS`."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from importlib import import_module
from typing import Any

import pytest

from hapiish import boom, codec
from hapiish import options as model
from hapiish.grammar.path import parse
from hapiish.http.auth import tokens
from hapiish.http.body import multipart, payload
from hapiish.http.body.uploads import Uploads
from hapiish.http.content import conditional
from hapiish.http.content.compression import LIBRARIES, negotiate
from hapiish.http.content.decompression import Codings
from hapiish.http.content.mime import MimeTypes
from hapiish.http.cookies.cookies import Cookies, Definition
from hapiish.http.cookies.iron import unseal, unsign
from hapiish.http.guards.cors import Cors
from hapiish.http.routing import router
from hapiish.http.routing.forwarded import Forwarding
from hapiish.http.syntax import header, message_head, query
from hapiish.http.validation.coerce import compile_coercer
from hapiish.http.validation.strip_unknown import compile_judge
from hapiish.options import BrotliDecoder, Decoders, ZstdDecoder
from hapiish.realtime.engineio.polling import packets_of
from hapiish.realtime.socketio.packets import read_event
from tests.growth import grows_linearly
from tests.http.support import make_request

HEAD = 60_000
"""Bytes of a header, of a path or of a query."""

BODY = 1_000_000

zstd: Any = import_module(LIBRARIES["zstd"])

SECRET = "x" * 32
COOKIES = Cookies(
    {
        "form": Definition(encoding="form"),
        "iron": Definition(encoding="iron", password=SECRET),
        "json": Definition(encoding="base64json"),
        "signed": Definition(sign=model.Sign(password=SECRET)),
    }
)
CORS = Cors(model.Cors(origin=("https://*.a.example", "https://*.*.*.b.example:*")))
CODINGS = Codings(Decoders(br=BrotliDecoder(), zstd=ZstdDecoder()))
COERCE = compile_coercer(
    {
        "properties": {
            "n": {"type": "number"},
            "i": {"type": "integer"},
            "b": {"type": "boolean"},
            "u": {"anyOf": [{"type": "integer"}, {"type": "string", "format": "date-time"}, {"const": "all"}]},
        }
    },
    {},
)
PROXIES = Forwarding(["10.0.0.0/8", "fd00::/8"])
ROUTER: router.Router[str] = router.Router()
for each in ("/{a*100}", "/x/{a}-{b}-{c}.{d}", "/y/{rest*}", "/{a}/{b}/{c}/z"):
    ROUTER.add("GET", parse(each), each)
ROUTER.freeze()


def preconditions(name: str) -> Callable[[str], Any]:
    return lambda text: conditional.evaluate(
        "GET", {name: text}, '"tag"', "Mon, 01 Jan 2024 00:00:00 GMT", ("gzip", "br")
    )


def forwarded(name: bytes) -> Callable[[str], Any]:
    headers = [(b"host", b"a.example")]
    return lambda text: PROXIES.apply(
        {"type": "http", "client": ("10.0.0.1", 1), "headers": [*headers, (name, text.encode("latin-1"))]}
    )


def host_and_target(text: str) -> None:
    message_head.is_host(text.encode("latin-1"))
    message_head.split_target(b"/" + text.encode("latin-1"), b"GET")
    message_head.split_target(b"http://" + text.encode("latin-1"), b"GET")


def coerced(text: str) -> None:
    assert COERCE is not None
    COERCE({"n": text, "i": text, "b": text, "u": text})


def route(text: str) -> None:
    ROUTER.find("GET", router.normalise(text))


def undone(coding: bytes) -> Callable[[bytes], Any]:
    def undo(body: bytes) -> None:
        decoder = CODINGS.decoder(coding, BODY)
        assert decoder is not None
        decoder.whole(body)

    return undo


def form(body: bytes) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65536):
            yield body[start : start + 65536]

    asyncio.run(
        multipart.read(
            pieces(),
            b"B",
            output="data",
            max_parts=1000,
            uploads=Uploads(None),
            parser_of=lambda mime: payload.media_type(mime.encode())[1],
        )
    )


PARSERS: list[tuple[str, Callable[[Any], Any], int, tuple[str, ...]]] = [
    (
        "access-control-request-headers",
        lambda text: CORS.preflight("https://x.a.example", "GET", text),
        HEAD,
        (" ", ",", " ,", "a ", "a,"),
    ),
    ("origin", CORS.allows, HEAD, ("https://", ".", ".b.example:", "a.", "x.y.")),
    ("query", query.parse, BODY, ("%", "%4", "%41", "%41%", "%c3", "a&", "=&", "&", "a[b]=c&", "+", "a=1;")),
    ("path", route, HEAD, ("/", "/.", "/..", "/a/..", "%", "%41", "%2F", "/a", "/x/a-", "-", "/x/-.-", "\xff", "#")),
    (
        "cookie",
        COOKIES.parse,
        HEAD,
        (";", "=", "a=", "a=1;", '"', " ", "=;", "form=%;", "iron=Fe26.2*;", "json=e30;", "signed=a.b*c;"),
    ),
    ("proxied cookie", lambda text: COOKIES.pass_through(text, False), HEAD, (";", "=", " ;", "form=1;")),
    ("if-none-match", preconditions("if-none-match"), HEAD, ('"', '"a', '"a",', "W/", 'W/"', " ", ",")),
    ("if-match", preconditions("if-match"), HEAD, ('"', '"a",', 'W/"a" ', " ")),
    ("if-modified-since", preconditions("if-modified-since"), HEAD, (" ", "1", ":", "-", "Mon, ", "1 Jan ", "+")),
    (
        "range",
        lambda text: conditional.byte_range("bytes=" + text, None, None, 1000),
        HEAD,
        ("0-0,", "-1,", ",", " ", "1"),
    ),
    ("if-range", lambda text: conditional.byte_range("bytes=0-0", text, '"a"', 1000), HEAD, ('"', '"a"', " ", "1:")),
    (
        "accept-encoding",
        lambda text: negotiate(text, ("gzip", "br")),
        HEAD,
        (" ", ",", "a,", ";", "a;q=0.1,", "gzip;q=0.1", "1"),
    ),
    (
        "content-type",
        lambda text: payload.media_type.__wrapped__(text.encode("latin-1")),
        HEAD,
        (";", " ", "a/", "; charset=", ' ;boundary="', "\t"),
    ),
    ("media type", MimeTypes().type, HEAD, ("+", "a+", "text/", " ", ";")),
    (
        "x-forwarded-for",
        forwarded(b"x-forwarded-for"),
        HEAD,
        ("10.0.0.1,", ",10.0.0.1", ",", " ", '"', "[", ":", "1.", "fd00::1%"),
    ),
    ("x-forwarded-proto", forwarded(b"x-forwarded-proto"), HEAD, (",", " ", "https,")),
    ("x-forwarded-host", forwarded(b"x-forwarded-host"), HEAD, (",", " ", "a,")),
    ("host", router.hostname, HEAD, (":", "[", "]", "a.")),
    ("token", tokens.Verifier([tokens.Key(SECRET)]).verify, HEAD, (".", "a", "e30.", "=", "eyJh")),
    ("sealed text", lambda text: unseal(text, SECRET), HEAD, ("*", "Fe26.2*", "a")),
    ("signed text", lambda text: unsign("a", text, SECRET), HEAD, (".", ".*", "*")),
    (
        "json",
        lambda text: codec.decode("[" + text),
        BODY,
        (
            "[",
            "1",
            "1,",
            '"',
            "[],",
            '{"a":',
            "\\",
            '"\\u0000',
            '"\\ud83c",',
            "1e1,",
            "1234567890123456789012,",
            '"\\\\ud800",',
            " ",
            "-",
        ),
    ),
    ("host and target", host_and_target, HEAD, ("a.", ":", "[", "/", "?", "#", "http://", "1")),
    (
        "transfer-encoding",
        lambda text: message_head.check_codings(text.encode(), "1.1"),
        HEAD,
        (",", " ", "gzip,", "chunked,"),
    ),
    ("address of a redirect", header.encoded, HEAD, ("%", "%4", "\xe9", "/", "//")),
    ("text of a number", coerced, HEAD, ("1", "+", ".", "1e", "1.", "a", " ")),
    ("event", lambda text: read_event("2" + text), BODY, ("/", "/a,", "1", "[", ",", '["a",', "?")),
    ("polled packets", lambda text: packets_of(text.encode()), 50_000, ("4", "\x1e", "4\x1e", "d=", "b", "1")),
]

PART = b'--B\r\nContent-Disposition: form-data; name="a"'
END = b"\r\n--B--\r\n"
EMPTY = {"gzip": gzip.compress(b"", mtime=0), "zstd": zstd.compress(b"")}

BODIES: list[tuple[str, Callable[[bytes], Any], int, tuple[bytes, ...]]] = [
    ("gzip", undone(b"gzip"), BODY, (EMPTY["gzip"], b"\x1f\x8b\x08\x08" + b"a" * 99, b"\x1f\x8b")),
    ("deflate", lambda text: undone(b"deflate")(b"\x78\x9c" + text), BODY, (b"\0\0\0\xff\xff",)),
    ("br", lambda text: undone(b"br")(b"\x0c" + text), BODY, (b"\x06",)),
    ("zstd", undone(b"zstd"), BODY, (EMPTY["zstd"], b"\x50\x2a\x4d\x18\0\0\0\0")),
    (
        "multipart body",
        lambda text: form(PART + b"\r\n\r\n" + text + END),
        BODY,
        (b"\r", b"\r\n", b"\r\n--", b"\r\n--A", b"-"),
    ),
    (
        "multipart disposition",
        lambda text: form(PART + text + b"\r\n\r\nx" + END),
        HEAD,
        (b";", b'; a="', b'"', b"\\", b" "),
    ),
    (
        "multipart type",
        lambda text: form(PART + b"\r\nContent-Type: " + text + b"\r\n\r\nx" + END),
        HEAD,
        (b"application/", b"+", b";"),
    ),
    (
        "multipart headers",
        lambda text: form(b"--B\r\n" + text + PART[5:] + b"\r\n\r\nx" + END),
        HEAD,
        (b"a: 1\r\n", b"a", b":"),
    ),
    (
        "multipart preamble",
        lambda text: form(text + b"\r\n" + PART + b"\r\n\r\nx" + END),
        BODY,
        (b"\r\n", b"-", b"--B", b"\r\n--", b"a\r"),
    ),
    ("multipart parts", lambda text: form(text + END[2:]), HEAD, (PART + b"\r\n\r\nx\r\n",)),
]


@pytest.mark.parametrize(
    ("function", "size", "pattern"),
    [
        pytest.param(function, size, pattern, id=f"{name} of {pattern!r}")
        for name, function, size, patterns in [*PARSERS, *BODIES]
        for pattern in patterns
    ],
)
def test_what_a_client_sends_costs_linear_work(function: Callable[[Any], Any], size: int, pattern: Any) -> None:
    assert grows_linearly(function, lambda length: pattern * (length // len(pattern)), size)


def test_many_headers_of_one_name_cost_linear_work() -> None:
    def joined(count: int) -> None:
        request = make_request()
        request.scope["headers"] = [(b"x-a", b"1")] * count
        assert request.headers

    assert grows_linearly(joined, int, HEAD)


NAMES = {"patternProperties": {"^k": {"type": "integer"}}, "required": ["z"]}
OBJECTS = {
    "additional": {"additionalProperties": False},
    "names": {"propertyNames": {"maxLength": 1}},
    "unevaluated": {"allOf": [NAMES], "unevaluatedProperties": False},
    "values": {"patternProperties": {"^k": {"type": "string"}}},
}
LISTS = {
    "contains": {"contains": {"const": -1}},
    "items": {"items": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
    "unevaluated": {"contains": {"type": "integer"}, "maxItems": 0, "unevaluatedItems": False},
    "unique": {"uniqueItems": True, "maxItems": 0},
}


@pytest.mark.parametrize("schema", OBJECTS.values(), ids=OBJECTS)
def test_the_report_on_an_object_of_many_keys_costs_linear_work(schema: dict[str, Any]) -> None:
    judge = compile_judge(schema, {})
    assert grows_linearly(judge.errors, lambda size: {f"k{number}": number for number in range(size)}, 16_000)


@pytest.mark.parametrize("schema", LISTS.values(), ids=LISTS)
def test_the_report_on_a_list_of_many_items_costs_linear_work(schema: dict[str, Any]) -> None:
    judge = compile_judge(schema, {})
    assert grows_linearly(judge.errors, lambda size: list(range(size)), 16_000)


@pytest.mark.parametrize("coding", sorted(EMPTY))
def test_a_body_of_nothing_but_empty_members_is_refused_and_a_few_of_them_are_fine(coding: str) -> None:
    many = EMPTY[coding] * 60_000
    with pytest.raises(boom.BadRequest):
        undone(coding.encode())(many)
    undone(coding.encode())(EMPTY[coding] * 900)

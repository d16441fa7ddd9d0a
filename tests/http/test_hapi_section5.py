"""The tables of reference/hapi.md §5, row by row: from a handler's result to the response on the wire."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from hapiish import TableError
from hapiish.testing import Injected, inject
from tests.http.conftest import Make

pytestmark = pytest.mark.anyio

TABLE = """
server: {routes: {security: SECURITY}}
routes:
  - {method: METHOD, path: /, handler: "my:handler", options: OPTIONS}
"""
HEAD = """
import datetime

class Upstream:
    length = None

    def __init__(self, status_code, headers):
        self.status_code, self.headers = status_code, headers

    async def __aiter__(self):
        yield b"from upstream"

async def ten():
    yield b"0123"
    yield "456789"
"""


def app_of(make: Make, value: str, options: str = "{}", method: str = '"*"', security: str = "false") -> Any:
    table = TABLE.replace("OPTIONS", options).replace("METHOD", method).replace("SECURITY", security)
    return make(table, f"{HEAD}\nasync def handler(request, h):\n    return {value}\n")


async def answer(make: Make, value: str, options: str = "{}", **request: Any) -> Injected:
    return await inject(app_of(make, value, options), **request)


# §5.2


@pytest.mark.parametrize(
    ("chain", "status", "headers"),
    [
        (".code(202)", 202, {}),
        (".header('a', 'b')", 200, {"a": "b"}),
        (".header('A', 'b').header('a', 'c', append=True, separator='; ')", 200, {"a": "b; c"}),
        (".header('a', 'b').header('a', 'c', override=False)", 200, {"a": "b"}),
        (".vary('a').vary('b').vary('a')", 200, {"vary": "a,b"}),
        (".vary('a').header('vary', '*')", 200, {"vary": "*"}),
        (".etag('x')", 200, {"etag": '"x"'}),
        (".etag('x', weak=True)", 200, {"etag": 'W/"x"'}),
        (".type('text/plain')", 200, {"content-type": "text/plain; charset=utf-8"}),
        (".type('text/plain').charset('latin-1')", 200, {"content-type": "text/plain; charset=latin-1"}),
        (".type('text/plain').charset(None)", 200, {"content-type": "text/plain"}),
        (".charset('x')", 200, {"content-type": "text/html; charset=x"}),
        (".header('content-type', 'text/css')", 200, {"content-type": "text/css; charset=utf-8"}),
        (".header('content-type', 'text/css').charset('')", 200, {"content-type": "text/css"}),
        (".location('/x')", 200, {"location": "/x"}),
        (".redirect('/x')", 302, {"location": "/x"}),
        (".redirect('/x').temporary()", 302, {}),
        (".redirect('/x').permanent()", 301, {}),
        (".redirect('/x').rewritable(False)", 307, {}),
        (".redirect('/x').permanent().rewritable(False)", 308, {}),
        (".redirect('/x').rewritable(False).permanent()", 308, {}),
        (".redirect('/x').permanent(False)", 302, {}),
        (".redirect('/x').temporary(False)", 301, {}),
        (".redirect('/x').permanent().rewritable(False).rewritable()", 301, {}),
        (".compressed('br')", 200, {"content-encoding": "br", "vary": None}),
        (".ttl(60000)", 200, {"cache-control": "max-age=60, must-revalidate"}),
        (".ttl(0)", 200, {"cache-control": "no-cache"}),
        (".bytes(2)", 200, {"content-length": "2"}),
        (".header('content-length', 99)", 200, {"content-length": "2"}),
    ],
)
async def test_what_the_chain_of_a_response_says(
    make: Make, chain: str, status: int, headers: dict[str, str | None]
) -> None:
    response = await answer(make, f"h.response('hi'){chain}")
    assert response.status_code == status
    for name, value in headers.items():
        assert response.headers.get(name) == value


@pytest.mark.parametrize(
    ("method", "status"), [("POST", 201), ("PUT", 201), ("PATCH", 201), ("GET", 500), ("DELETE", 500)]
)
async def test_created_is_for_methods_that_create(make: Make, method: str, status: int) -> None:
    response = await answer(make, "h.response({'id': 1}).created('/1')", method=method)
    assert response.status_code == status
    assert response.headers.get("location") == ("/1" if status == 201 else None)


@pytest.mark.parametrize(
    "value",
    [
        "h.response('text').spaces(2)",
        "h.response('text').suffix('!')",
        "h.response(b'bytes').replacer(['a'])",
        "h.response(ten()).spaces(2)",
        "h.response().spaces(2)",
        "h.response('x').temporary()",
        "h.response('x').permanent()",
        "h.response('x').rewritable()",
        "h.response('x').code('200')",
        "h.response('x').bytes(5)",
        "h.response('x').etag('*')",
        "h.response('\\u20ac').encoding('latin-1')",
        "h.response('x').encoding('no-such-codec')",
    ],
)
async def test_what_cannot_be_meant_is_a_500(make: Make, value: str) -> None:
    assert (await answer(make, value)).status_code == 500


@pytest.mark.parametrize(
    ("value", "payload"),
    [
        ("h.response({'a': 1, 'b': 2}).replacer(['b'])", b'{"b":2}'),
        ("h.response({'a': 1}).spaces(1)", b'{\n "a": 1\n}'),
        ("h.response({'a': 1}).suffix('\\n')", b'{"a":1}\n'),
        (
            "h.response({'a': 1, 'b': [1, 2]}).replacer(lambda key, value: ... if value == 1 else value)",
            b'{"b":[null,2]}',
        ),
        ("h.response({'a': 1}).replacer(lambda key, value: key + '!' if key else value)", b'{"a":"a!"}'),
        ("h.response('caf\\u00e9').encoding('latin-1')", "caf\u00e9".encode("latin-1")),
        ("h.response(['\\u00e9']).encoding('utf-16-le')", '["\u00e9"]'.encode("utf-16-le")),
    ],
)
async def test_how_a_response_is_written(make: Make, value: str, payload: bytes) -> None:
    response = await answer(make, value)
    assert (response.status_code, response.payload) == (200, payload)


async def test_the_replacer_of_a_table_is_a_list_of_keys_or_a_function(make: Make) -> None:
    code = "def drop(key, value):\n    return ... if key == 'secret' else value\nasync def late(key, value): ..."
    value = "{'secret': 1, 'a': {'secret': 2, 'b': 3}}"
    table = TABLE.replace("METHOD", "GET").replace("SECURITY", "false")
    handler = f"{code}\nasync def handler(request, h):\n    return {value}\n"
    keys = make(table.replace("OPTIONS", "{json: {replacer: [a, b]}}"), handler)
    assert (await inject(keys)).text == '{"a":{"b":3}}'
    function = make(table.replace("OPTIONS", '{json: {replacer: "my:drop"}}'), handler)
    assert (await inject(function)).text == '{"a":{"b":3}}'
    with pytest.raises(TableError) as refused:
        make(table.replace("OPTIONS", '{json: {replacer: "my:late"}}'), handler)
    problem = refused.value.problems[0]
    assert (problem.code, problem.mark.line, problem.mark.column) == ("HA0402", 4, 78)


async def test_a_stream_may_say_its_length(make: Make) -> None:
    response = await answer(make, "h.response(ten()).bytes(10)")
    assert (response.payload, response.headers["content-length"]) == (b"0123456789", "10")
    compressed = await answer(make, "h.response(ten()).bytes(10)", headers={"accept-encoding": "gzip"})
    assert "content-length" not in compressed.headers


async def test_a_response_from_upstream_keeps_its_status_and_headers(make: Make) -> None:
    upstream = "Upstream(207, {'Content-Type': 'text/plain', 'X-A': 'a', 'Connection': 'close, X-Hop', 'X-Hop': '1'})"
    response = await answer(make, f"h.response({upstream}).header('x-b', 'b')")
    assert (response.status_code, response.payload) == (207, b"from upstream")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert (response.headers["x-a"], response.headers["x-b"]) == ("a", "b")
    assert "x-hop" not in response.headers
    assert "connection" not in response.headers
    assert (await answer(make, f"h.response({upstream}).header('x-a', 'mine').code(200)")).headers["x-a"] == "mine"
    typed = await answer(make, f"h.response({upstream}).type('text/css')")
    assert typed.headers["content-type"] == "text/css; charset=utf-8"
    alone = await answer(make, f"h.response({upstream}).pass_through(False)")
    assert (alone.status_code, "x-a" in alone.headers) == (200, False)


@pytest.mark.parametrize("name", ["Proxy-Connection", "Keep-Alive", "TE", "Trailer", "Upgrade", "Proxy-Authenticate"])
async def test_a_response_from_upstream_loses_its_headers_of_the_connection(make: Make, name: str) -> None:
    response = await answer(make, f"h.response(Upstream(200, {{'{name}': 'keep-alive', 'X-A': 'a'}}))")
    assert response.headers["x-a"] == "a"
    assert name.lower() not in response.headers


async def test_the_cookies_of_upstream_and_of_the_handler_both_go_out(make: Make) -> None:
    upstream = "Upstream(200, {'Set-Cookie': 'a=1', 'Vary': 'x'})"
    response = await answer(make, f"h.response({upstream}).header('set-cookie', 'b=2').vary('y')")
    assert response.headers["set-cookie"] == ["a=1", "b=2"]
    assert set(str(response.headers["vary"]).split(",")) >= {"x", "y"}


# §5.3


@pytest.mark.parametrize(
    ("value", "status", "content_type", "payload"),
    [
        ("'hi'", 200, "text/html; charset=utf-8", b"hi"),
        ("{'a': 1}", 200, "application/json; charset=utf-8", b'{"a":1}'),
        ("[1, 2]", 200, "application/json; charset=utf-8", b"[1,2]"),
        ("5", 200, "application/json; charset=utf-8", b"5"),
        ("True", 200, "application/json; charset=utf-8", b"true"),
        ("False", 200, "application/json; charset=utf-8", b"false"),
        ("0", 200, "application/json; charset=utf-8", b"0"),
        (
            "datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)",
            200,
            "application/json; charset=utf-8",
            b'"2026-01-02T00:00:00.000Z"',
        ),
        ("None", 204, None, b""),
        ("''", 204, "text/html; charset=utf-8", b""),
        ("b'raw'", 200, "application/octet-stream", b"raw"),
        ("b''", 204, "application/octet-stream", b""),
        ("ten()", 200, "application/octet-stream", b"0123456789"),
        ("h.response('{}').type('application/vnd.api+json')", 200, "application/vnd.api+json", b"{}"),
        ("h.response('<a/>').type('application/xml')", 200, "application/xml", b"<a/>"),
        ("h.response('x').type('text/javascript')", 200, "text/javascript; charset=utf-8", b"x"),
        ("h.response('x').type('text/css; charset=ascii')", 200, "text/css; charset=ascii", b"x"),
    ],
)
async def test_from_value_to_body(
    make: Make, value: str, status: int, content_type: str | None, payload: bytes
) -> None:
    response = await answer(make, value)
    assert (response.status_code, response.payload) == (status, payload)
    assert response.headers.get("content-type") == content_type


@pytest.mark.parametrize("value", ["(lambda a: a.append(a) or a)([])", "object()", "boom.BadImplementation('secret')"])
async def test_what_has_no_body_is_a_500_that_says_nothing(make: Make, value: str) -> None:
    response = await answer(make, value)
    assert (response.status_code, response.json["error"]) == (500, "Internal Server Error")
    assert "secret" not in response.text


# §5.4


@pytest.mark.parametrize(
    ("value", "options", "status", "length"),
    [
        ("None", "{}", 204, None),
        ("None", "{response: {emptyStatusCode: 200}}", 200, "0"),
        ("h.response().code(200)", "{}", 200, "0"),
        ("h.response().code(204)", "{}", 204, None),
        ("h.response('x').code(204)", "{}", 204, None),
        ("h.response('x').code(304)", "{}", 304, None),
        ("h.redirect('/x')", "{}", 302, "0"),
    ],
)
async def test_empty_answers(make: Make, value: str, options: str, status: int, length: str | None) -> None:
    response = await answer(make, value, options)
    assert (response.status_code, response.payload) == (status, b"")
    assert response.headers.get("content-length") == length


@pytest.mark.parametrize(("value", "length"), [("'hello'", "5"), ("{'a': 1}", "7"), ("b'x' * 5000", "5000")])
async def test_head_runs_the_handler_and_keeps_the_length(make: Make, value: str, length: str) -> None:
    response = await answer(make, value, method="HEAD", headers={"accept-encoding": "gzip", "range": "bytes=0-1"})
    assert (response.status_code, response.payload, response.headers["content-length"]) == (200, b"", length)
    assert "accept-ranges" not in response.headers
    assert "content-encoding" not in response.headers


# §5.6


@pytest.mark.parametrize(
    ("asked", "status", "given", "payload"),
    [
        ("bytes=0-3", 206, "bytes 0-3/10", b"0123"),
        ("bytes=4-", 206, "bytes 4-9/10", b"456789"),
        ("bytes=-3", 206, "bytes 7-9/10", b"789"),
        ("bytes=0-99", 206, "bytes 0-9/10", b"0123456789"),
        ("bytes=0-1,2-4", 206, "bytes 0-4/10", b"01234"),
        ("bytes=0-1,3-4", 200, None, b"0123456789"),
        ("bytes=20-30", 416, "bytes */10", None),
        ("bytes=-0", 416, "bytes */10", None),
        ("bytes=5-2", 200, None, b"0123456789"),
        ("lines=1", 200, None, b"0123456789"),
    ],
)
async def test_ranges_of_ten_bytes(
    make: Make, asked: str, status: int, given: str | None, payload: bytes | None
) -> None:
    for value in ("b'0123456789'", "'0123456789'"):
        response = await answer(make, value, headers={"range": asked})
        assert (response.status_code, response.headers.get("content-range")) == (status, given)
        assert payload is None or response.payload == payload


@pytest.mark.parametrize(
    ("value", "options", "request_headers", "method"),
    [
        ("b'0123456789'", "{response: {ranges: false}}", {}, "GET"),
        ("h.response(b'0123456789').code(201)", "{}", {}, "GET"),
        ("b'0123456789'", "{}", {}, "POST"),
        ("ten()", "{}", {}, "GET"),
        ("h.response(b'0123456789').etag('a')", "{}", {"if-range": '"b"'}, "GET"),
    ],
)
async def test_where_there_are_no_ranges(
    make: Make, value: str, options: str, request_headers: dict[str, str], method: str
) -> None:
    response = await answer(make, value, options, method=method, headers={"range": "bytes=0-1", **request_headers})
    assert (response.status_code in (200, 201), response.payload) == (True, b"0123456789")
    assert ("accept-ranges" in response.headers) == bool(request_headers)


# §5.7


@pytest.mark.parametrize(
    ("cache", "value", "sent"),
    [
        ("{expiresIn: 60s}", "h.response('x').header('cache-control', 'mine')", "mine"),
        ("{expiresIn: 60s}", "'x'", "max-age=60, must-revalidate"),
        ("{expiresIn: 60s}", "None", "max-age=60, must-revalidate"),
        ("{expiresIn: 60s}", "h.response('x').code(201)", "no-cache"),
        ("{expiresIn: 60s, statuses: [201]}", "h.response('x').code(201)", "max-age=60, must-revalidate"),
        ("{expiresIn: 60s, otherwise: no-store}", "boom.NotFound()", "no-store"),
        ("{expiresIn: 60s, privacy: public}", "'x'", "max-age=60, must-revalidate, public"),
        ("{expiresIn: 60s, privacy: private}", "'x'", "max-age=60, must-revalidate, private"),
        (
            "{expiresIn: 60s, privacy: public}",
            "h.response('x').state('a', 'b')",
            "max-age=60, must-revalidate, private",
        ),
        ("{expiresIn: 60s}", "h.response('x').header('set-cookie', 'a=b')", "max-age=60, must-revalidate, private"),
        ("{expiresIn: 60s}", "h.response('x').ttl(5000)", "max-age=5, must-revalidate"),
        ("{expiresIn: 60s}", "h.response('x').ttl(0)", "max-age=0, must-revalidate"),
        ("{expiresIn: 60s}", "h.entity(etag='known') or 'x'", "max-age=60, must-revalidate"),
        ("{}", "'x'", "no-cache"),
        ("{}", "h.response('x').ttl(0)", "no-cache"),
        ("{}", "h.response('x').code(404).ttl(1999)", "max-age=1, must-revalidate"),
        ("{otherwise: no-store}", "'x'", "no-store"),
        ("false", "'x'", None),
        ("false", "h.response('x').ttl(5000)", "max-age=5, must-revalidate"),
    ],
)
async def test_cache_control(make: Make, cache: str, value: str, sent: str | None) -> None:
    app = app_of(make, value, f"{{cache: {cache}}}", method="GET")
    response = await inject(app, headers={"if-none-match": '"known"'})
    assert response.headers.get("cache-control") == sent


async def test_caching_is_private_for_whoever_is_known_and_not_for_post(make: Make) -> None:
    app = app_of(make, "'x'", "{cache: {expiresIn: 60s, privacy: public}}", method="[GET, POST]")
    known = await inject(app, credentials={"id": 1})
    assert known.headers["cache-control"] == "max-age=60, must-revalidate, private"
    assert (await inject(app, method="POST")).headers["cache-control"] == "no-cache"


# §5.9

DEFAULTS = {
    "strict-transport-security": "max-age=15768000",
    "x-frame-options": "DENY",
    "x-xss-protection": "0",
    "x-download-options": "noopen",
    "x-content-type-options": "nosniff",
    "referrer-policy": None,
}


@pytest.mark.parametrize(
    ("security", "changed"),
    [
        ("true", {}),
        ("{}", {}),
        ("{hsts: 5}", {"strict-transport-security": "max-age=5"}),
        (
            "{hsts: {maxAge: 5, includeSubDomains: true, preload: true}}",
            {"strict-transport-security": "max-age=5; includeSubDomains; preload"},
        ),
        ("{hsts: false}", {"strict-transport-security": None}),
        ("{xframe: sameorigin}", {"x-frame-options": "SAMEORIGIN"}),
        (
            "{xframe: {rule: allow-from, source: https://a.example}}",
            {"x-frame-options": "ALLOW-FROM https://a.example"},
        ),
        ("{xframe: false}", {"x-frame-options": None}),
        ("{xss: enabled}", {"x-xss-protection": "1; mode=block"}),
        ("{xss: false}", {"x-xss-protection": None}),
        ("{noOpen: false}", {"x-download-options": None}),
        ("{noSniff: false}", {"x-content-type-options": None}),
        ("{referrer: no-referrer}", {"referrer-policy": "no-referrer"}),
        ('{referrer: ""}', {"referrer-policy": ""}),
        ("false", dict.fromkeys(DEFAULTS)),
    ],
)
@pytest.mark.parametrize("url", ["/", "/nowhere"])
async def test_security_headers_of_the_defaults_are_on_every_answer(
    make: Make, security: str, changed: dict[str, str | None], url: str
) -> None:
    response = await inject(app_of(make, "'x'", security=security), url=url)
    assert {name: response.headers.get(name) for name in DEFAULTS} == DEFAULTS | changed


async def test_a_security_header_of_the_handler_stays_and_errors_have_them_too(make: Make) -> None:
    own = await answer(make, "h.response('x').header('x-frame-options', 'mine')", "{security: true}")
    assert own.headers["x-frame-options"] == "mine"
    assert (await answer(make, "boom.NotFound()", "{security: true}")).headers["x-frame-options"] == "DENY"


# §5.10


@pytest.mark.parametrize(
    ("cors", "origin", "allowed", "exposed"),
    [
        ("true", "https://a.example", "https://a.example", True),
        ("true", None, None, True),
        ("{origin: ignore}", "https://a.example", "*", True),
        ("{origin: [https://a.example]}", "https://a.example", "https://a.example", True),
        ("{origin: [https://a.example]}", "https://b.example", None, False),
        ("{origin: [https://a.example]}", None, None, False),
        ("{origin: ['http://*.b.com']}", "http://x.y.b.com", "http://x.y.b.com", True),
        ("{origin: ['http://*.b.com']}", "http://b.com", None, False),
        ("{origin: ['http://*.b.com']}", "https://x.b.com", None, False),
        ("{origin: ['http://*.b.com']}", "http://x.b.com:8080", None, False),
    ],
)
async def test_cross_origin_headers(
    make: Make, cors: str, origin: str | None, allowed: str | None, exposed: bool
) -> None:
    response = await answer(make, "'x'", f"{{cors: {cors}}}", headers={"origin": origin} if origin else {})
    assert (response.status_code, response.text) == (200, "x")
    assert response.headers.get("vary") == (None if "ignore" in cors else "origin")
    assert response.headers.get("access-control-allow-origin") == allowed
    names = "WWW-Authenticate,Server-Authorization"
    assert response.headers.get("access-control-expose-headers") == (names if exposed else None)


# A generator is closed, whatever became of its answer


async def test_an_upstream_that_nobody_reads_is_closed(make: Make) -> None:
    app = app_of(make, "h.response(Body()).code(304)")
    closed: list[bool] = []

    class Body:
        length = None

        def __aiter__(self) -> AsyncIterator[bytes]:
            return aiter(_nothing())

        async def aclose(self) -> None:
            closed.append(True)

    app.server.match("GET", "/").handler.__globals__["Body"] = Body
    assert (await inject(app)).status_code == 304
    await asyncio.sleep(0)
    assert closed == [True]


async def _nothing() -> AsyncIterator[bytes]:
    for chunk in _none():
        yield chunk


def _none() -> Iterator[bytes]:
    return iter(())

"""The kind `proxy`: forwards requests and responses of a real upstream server."""

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from hapiish import Application
from hapiish.http.serving.protocol import HttpProtocol
from hapiish.testing import inject
from tests.http.conftest import Make, make
from tests.realtime.support import serving

__all__ = ["make"]

pytestmark = pytest.mark.anyio

PLAIN = {"accept-encoding": "identity"}
Asgi = Callable[[Any, Any, Any], Awaitable[None]]


class Behind:
    """The server behind: notes what it is asked, and answers by the first step of the path."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.gate = asyncio.Event()
        self.left = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        raw = scope["raw_path"].decode()
        headers = [(name.decode(), value.decode("latin-1")) for name, value in scope["headers"]]
        query = scope["query_string"].decode()
        asked = {"method": scope["method"], "path": raw, "query": query, "headers": dict(headers), "body": b""}
        self.asked.append(asked)
        answer = getattr(self, raw.split("/")[1].partition(".")[0], None) or self.echo
        await answer(asked, receive, send)

    async def body(self, asked: dict[str, Any], receive: Any) -> None:
        while True:
            message = await receive()
            asked["body"] += message.get("body", b"")
            if not message.get("more_body"):
                return

    async def say(self, send: Any, status: int = 200, body: bytes = b"", *headers: tuple[str, str]) -> None:
        fields = [(name.encode(), value.encode()) for name, value in headers]
        if "content-length" not in dict(headers):
            fields.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": body})

    async def echo(self, asked: dict[str, Any], receive: Any, send: Any) -> None:
        await self.body(asked, receive)
        await self.say(
            send, 203, b"said " + asked["body"], ("content-type", "text/x"), ("x-own", "1"), ("connection", "x-hop"),
            ("x-hop", "2"), ("set-cookie", "a=1"), ("set-cookie", "b=2"), ("cache-control", "max-age=77"),
        )  # fmt: skip

    async def digits(self, asked: dict[str, Any], receive: Any, send: Any) -> None:
        await self.say(send, 200, b"0123456789", ("accept-ranges", "none"), ("etag", '"t"'))

    async def gzipped(self, asked: dict[str, Any], receive: Any, send: Any) -> None:
        await self.say(send, 200, gzip.compress(b"plain"), ("content-encoding", "gzip"), ("content-type", "text/plain"))

    async def identified(self, asked: dict[str, Any], receive: Any, send: Any) -> None:
        await self.say(send, 200, b"x", ("x-request-id", "theirs"))

    async def accented(self, asked: dict[str, Any], receive: Any, send: Any) -> None:
        named = [(b"content-length", b"0"), (b"x-name", "\u4f60".encode()), (b"x-other", b"caf\xe9")]
        await send({"type": "http.response.start", "status": 200, "headers": named})
        await send({"type": "http.response.body", "body": b""})

    async def empty(self, asked: dict[str, Any], receive: Any, send: Any) -> None:
        await self.say(send, 204)

    async def away(self, asked: dict[str, Any], receive: Any, send: Any) -> None:
        await self.say(send, 302, b"", ("location", "/found?by=redirect"))

    async def round(self, asked: dict[str, Any], receive: Any, send: Any) -> None:
        await self.say(send, 302, b"", ("location", "/round"))

    async def slow(self, asked: dict[str, Any], receive: Any, send: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.left.set()

    async def drip(self, asked: dict[str, Any], receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        waiting = [asyncio.ensure_future(self.gate.wait()), asyncio.ensure_future(receive())]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if not self.gate.is_set():
            self.left.set()
        await send({"type": "http.response.body", "body": b"two"})

    async def breaks(self, asked: dict[str, Any], receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100")]})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        raise ConnectionError

    async def upload(self, asked: dict[str, Any], receive: Any, send: Any) -> None:
        first = await receive()
        asked["body"] += first["body"]
        self.gate.set()
        while first.get("more_body"):
            first = await receive()
            asked["body"] += first["body"]
        await self.say(send, 200, b"%d" % len(asked["body"]))


@pytest.fixture
async def behind(anyio_backend: str) -> AsyncIterator[tuple[Behind, int]]:
    server = Behind()
    async with serving(server, http="h11") as port:
        yield server, port


Proxied = Callable[..., Application]


@pytest.fixture
async def proxied(make: Make, behind: tuple[Behind, int]) -> AsyncIterator[Proxied]:
    """`proxied(options, code)`: an application with one route of any path to the server behind."""
    made: list[Application] = []

    def write(options: str = "", code: str = "", where: str = "host: 127.0.0.1, port: {port}", more: str = "") -> Any:
        target = where.format(port=behind[1])
        table = f"""
            state: {{ours: {{}}, shared: {{passThrough: true}}}}
            routes:
              - method: GET
                path: /{{any*}}
                handler: {{proxy: {{{target}{", " if options else ""}{options}}}}}
              - method: [POST, PUT, DELETE]
                path: /{{any*}}
                handler: {{proxy: {{{target}{", " if options else ""}{options}}}}}
                {more}
        """
        made.append(make(table, code))
        return made[-1]

    yield write
    for app in made:
        await app.server.stop()


async def test_the_path_and_the_query_go_on_as_they_are(behind: tuple[Behind, int], proxied: Proxied) -> None:
    await inject(proxied(), url="/a%20b/c%2Fd/%C3%BC?x=%20y&z=1&z=2")
    assert behind[0].asked[0] | {"headers": {}} == {
        "method": "GET",
        "path": "/a%20b/c%2Fd/%C3%BC",
        "query": "x=%20y&z=1&z=2",
        "headers": {},
        "body": b"",
    }


async def test_without_pass_through_status_and_body_go_on_and_no_headers(
    behind: tuple[Behind, int], proxied: Proxied
) -> None:
    response = await inject(
        proxied(), method="POST", url="/x", payload=b"body", headers={"x-mine": "1", "content-type": "a/b"}
    )
    assert (response.status_code, response.payload) == (203, b"said body")
    assert "x-own" not in response.headers
    assert "set-cookie" not in response.headers
    assert response.headers["cache-control"] == "no-cache"
    assert behind[0].asked[0]["headers"] == {
        "host": f"127.0.0.1:{behind[1]}",
        "content-type": "a/b",
        "content-length": "4",
    }


async def test_with_pass_through_headers_go_both_ways_but_for_those_of_the_connection(
    behind: tuple[Behind, int], proxied: Proxied
) -> None:
    sent = {
        "x-mine": "1",
        "accept-encoding": "br",
        "connection": "close, x-gone",
        "x-gone": "1",
        "te": "trailers",
        "cookie": "ours=1; shared=2; theirs=3",
        "authorization": "Basic x",
    }
    response = await inject(proxied("passThrough: true"), url="/x", headers=sent)
    assert {name: response.headers.get(name) for name in ("content-type", "x-own", "x-hop", "cache-control")} == {
        "content-type": "text/x; charset=utf-8",
        "x-own": "1",
        "x-hop": None,
        "cache-control": "max-age=77",
    }
    assert response.headers["set-cookie"] == ["a=1", "b=2"]
    assert response.headers["content-length"] == "5"
    assert behind[0].asked[0]["headers"] == {
        "host": f"127.0.0.1:{behind[1]}",
        "x-mine": "1",
        "accept-encoding": "br",
        "cookie": "shared=2; theirs=3",
        "authorization": "Basic x",
    }


@pytest.mark.parametrize(
    ("options", "headers"),
    [
        ("acceptEncoding: false", {"cookie": "theirs=3; shared=2", "x": "1"}),
        ("localStatePassThrough: true", {"accept-encoding": "br", "cookie": "ours=1; theirs=3; shared=2", "x": "1"}),
    ],
)
async def test_what_pass_through_leaves_out_can_be_chosen(
    behind: tuple[Behind, int], proxied: Proxied, options: str, headers: dict[str, str]
) -> None:
    sent = {"accept-encoding": "br", "cookie": "ours=1; theirs=3; shared=2", "x": "1"}
    await inject(proxied(f"passThrough: true, {options}"), url="/x", headers=sent)
    assert behind[0].asked[0]["headers"] == headers | {"host": f"127.0.0.1:{behind[1]}"}


async def test_the_id_of_an_answer_is_that_of_its_own_request(behind: tuple[Behind, int], proxied: Proxied) -> None:
    app = proxied("passThrough: true")
    response = await inject(app, url="/identified")
    assert isinstance(response.headers["x-request-id"], str)
    assert response.headers["x-request-id"] != "theirs"


async def test_the_server_behind_is_told_of_the_client(behind: tuple[Behind, int], proxied: Proxied) -> None:
    app = proxied("xforward: true, passThrough: true")
    forwarded = {"x-forwarded-for": "9.9.9.9", "x-forwarded-host": "a"}
    await inject(app, url="http://api.example.com/x", remote_address="1.2.3.4")
    await inject(app, url="/x", headers=forwarded, remote_address="1.2.3.4")
    names = ("x-forwarded-for", "x-forwarded-port", "x-forwarded-proto", "x-forwarded-host")
    told = [[asked["headers"].get(name) for name in names] for asked in behind[0].asked]
    assert told == [["1.2.3.4", "80", "http", "api.example.com"], ["9.9.9.9,1.2.3.4", "80", "http", "a"]]


async def test_a_uri_is_filled_in_and_what_a_client_sends_stays_a_part_of_its_path(
    behind: tuple[Behind, int], proxied: Proxied
) -> None:
    app = proxied(where="uri: 'http://127.0.0.1:{port}/v2/{{any}}.json{{query}}'")
    for url in ("/a/b?x=1", "/a%3Fb%23c%252e", "/%40evil.example.com"):
        await inject(app, url=url)
    assert [(asked["path"], asked["query"]) for asked in behind[0].asked] == [
        ("/v2/a/b.json", "x=1"),
        ("/v2/a%3Fb%23c%252e.json", ""),
        ("/v2/%40evil.example.com.json", ""),
    ]
    response = await inject(app, url="/a%2F..%2F..%2Fsecret")
    assert (response.status_code, len(behind[0].asked)) == (400, 3)
    by_path = proxied(where="uri: 'http://127.0.0.1:{port}/v3{{path}}{{query}}'")
    await inject(by_path, url="/a%20b/?q")
    assert (behind[0].asked[-1]["path"], behind[0].asked[-1]["query"]) == ("/v3/a%20b/", "q")


AS_WRITTEN = [
    *("@babel%2Fcore", "%40babel%2Fcore", "a;b=1/c;d", "a:b", "!$&'()*+,=", "%21%24%26%27", "a%3Bb=1", "%2B+", "%25"),
    *("a//b", "a/", "caf%C3%A9/%E4%BD%A0", "%7Euser", "~user", "a%5Cb"),
]


@pytest.mark.parametrize("path", AS_WRITTEN)
@pytest.mark.parametrize(
    ("where", "before"),
    [
        ("uri: 'http://127.0.0.1:{port}/{{any}}'", "/"),
        ("uri: 'http://127.0.0.1:{port}/v3{{path}}'", "/v3/"),
        ("host: 127.0.0.1, port: {port}", "/"),
    ],
)
async def test_a_path_arrives_as_the_client_wrote_it(
    behind: tuple[Behind, int], proxied: Proxied, where: str, before: str, path: str
) -> None:
    assert (await inject(proxied(where=where), url=f"/{path}")).status_code == 203
    assert behind[0].asked[0]["path"] == before + path.replace("%7E", "~")  # which needs no code


@pytest.mark.parametrize("path", ["a/../b", "a/%2e%2e/b", "./b", "a/..%2Fb", "a%2F..", "..%2f..%2fb"])
async def test_no_dot_segment_gets_through(behind: tuple[Behind, int], proxied: Proxied, path: str) -> None:
    app = proxied(where="uri: 'http://127.0.0.1:{port}/v2/{{any}}'")
    answer = await inject(app, url=f"/{path}")
    assert answer.status_code == 400 or behind[0].asked[-1]["path"] == "/v2/b"


async def test_a_part_of_a_path_is_cut_from_what_the_client_wrote_too(behind: tuple[Behind, int], make: Make) -> None:
    table = f"""
      server: {{router: {{isCaseSensitive: false}}}}
      routes:
        - method: GET
          path: /{{a}}/x/{{two*2}}/{{name}}.{{ext}}
          handler: {{proxy: {{uri: "http://127.0.0.1:{behind[1]}/{{ext}}/{{name}}/{{two}}/{{a}}"}}}}
    """
    app = make(table)
    await inject(app, url="/A%2Fb/X/c;d/@e%2f/f:g%2Fh.J%40")
    assert behind[0].asked[0]["path"] == "/J@/f:g/h/c;d/@e%2F/A%2Fb"
    await app.server.stop()


async def test_what_a_step_makes_of_the_path_or_a_parameter_counts(behind: tuple[Behind, int], make: Make) -> None:
    code = """
        def moved(request, h):
            request.set_url(f"/p/{request.path.rpartition('/')[2]}x%2Fy")
            return h.continue_

        def changed(request, h):
            request.params["any"] = "other/@"
            return h.continue_
    """
    table = f"""
      ext: {{onRequest: "my:moved"}}
      routes:
        - {{method: GET, path: "/p/{{any*}}", handler: {{proxy: {{uri: "http://127.0.0.1:{behind[1]}/{{any}}"}}}}}}
        - method: POST
          path: /p/{{any*}}
          handler: {{proxy: {{uri: "http://127.0.0.1:{behind[1]}/{{any}}"}}}}
          options: {{payload: {{parse: false}}, ext: {{onPreHandler: "my:changed"}}}}
    """
    app = make(table, code)
    await inject(app, url="/z")
    await inject(app, url="/z", method="POST")
    assert [asked["path"] for asked in behind[0].asked] == ["/zx%2Fy", "/other/@"]
    await app.server.stop()


@pytest.mark.parametrize(
    ("made", "sent"), [('"text"', b"text"), ('b"bytes"', b"bytes"), ('{"a": [1]}', b'{"a":[1]}'), ("None", b"")]
)
async def test_a_payload_that_a_step_has_replaced_goes_on_with_its_own_length(
    behind: tuple[Behind, int], proxied: Proxied, made: str, sent: bytes
) -> None:
    code = f"def early(request, h):\n    request.payload = {made}\n    return h.continue_\n"
    app = proxied(code=code, more="options: {ext: {onPreHandler: 'my:early'}}")
    answer = await inject(app, method="POST", url="/x", payload="longer than what replaces it")
    assert (answer.status_code, answer.text) == (203, f"said {sent.decode()}")
    assert behind[0].asked[0]["headers"].get("content-length", "0") == str(len(sent))


async def test_header_bytes_outside_of_ascii_go_both_ways_as_they_are(
    behind: tuple[Behind, int], proxied: Proxied
) -> None:
    app = proxied("passThrough: true")
    answer = await inject(app, url="/accented", headers={"user-agent": "caf\xe9", "x-mine": "\xff"})
    assert answer.status_code == 200
    assert {"user-agent": "caf\xe9", "x-mine": "\xff"}.items() <= behind[0].asked[0]["headers"].items()
    assert answer.headers["x-name"] == "\u4f60".encode().decode("latin-1")
    assert answer.headers["x-other"] == "caf\xe9"


async def test_connect_is_for_no_route_of_any_method(behind: tuple[Behind, int], make: Make) -> None:
    app = make(f"""
      routes:
        - method: "*"
          path: /{{any*}}
          handler: {{proxy: {{host: 127.0.0.1, port: {behind[1]}}}}}
          options: {{payload: {{parse: false}}}}
    """)
    answer = await inject(app, method="CONNECT", url="/x", payload=b"body")
    assert (answer.status_code, behind[0].asked) == (404, [])
    await app.server.stop()


async def test_an_upstream_with_a_status_that_is_none_is_a_bad_gateway(make: Make) -> None:
    async def odd(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 999 Denied\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(odd, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    app = make(f"""
      routes: [{{method: GET, path: /, handler: {{proxy: {{host: 127.0.0.1, port: {port}}}}}}}]
    """)
    assert (await inject(app)).status_code == 502
    await app.server.stop()
    server.close()
    await server.wait_closed()


CODE = """
    def where(request):
        return {"uri": f"http://127.0.0.1:{request.query['port']}/mapped", "headers": {"X-Key": "secret"}}

    async def plainly(request):
        return f"http://127.0.0.1:{request.query['port']}/plain"

    def nowhere(request):
        return "http://[::1"

    def stamp(outgoing):
        outgoing.headers["x-stamp"] = outgoing.method

    async def read(request, h, upstream, error, ttl):
        if error is not None:
            return h.response({"error": error.status, "ttl": ttl}).code(299)
        return {"body": (await upstream.read()).decode(), "status": upstream.status_code, "ttl": ttl}

    def replaced(request, h, upstream, error, ttl):
        return "another"

    def passed(request, h, upstream, error, ttl):
        return h.response(upstream).code(201).header("x-length", upstream.headers["content-length"])

    def refused(request, h, upstream, error, ttl):
        raise boom.Teapot()
"""


async def test_a_function_says_where_a_request_goes(behind: tuple[Behind, int], proxied: Proxied) -> None:
    for name in ("where", "plainly"):
        await inject(proxied(where=f"mapUri: my:{name}", code=CODE), url=f"/x?port={behind[1]}")
    assert [(asked["path"], asked["headers"].get("x-key")) for asked in behind[0].asked] == [
        ("/mapped", "secret"),
        ("/plain", None),
    ]
    assert (await inject(proxied(where="mapUri: my:nowhere", code=CODE), url="/x")).status_code == 500


async def test_a_function_may_change_what_is_sent(behind: tuple[Behind, int], proxied: Proxied) -> None:
    await inject(proxied("onRequest: my:stamp", CODE), method="PUT", url="/x", payload=b"a")
    assert behind[0].asked[0]["headers"]["x-stamp"] == "PUT"


@pytest.mark.parametrize(
    ("name", "url", "expected"),
    [
        ("read", "/x", (200, b'{"body":"said ","status":203,"ttl":77000}')),
        ("replaced", "/x", (200, b"another")),
        ("passed", "/digits", (201, b"0123456789")),
        ("refused", "/digits", (418, b'{"statusCode":418,"error":"I\'m a teapot","message":"I\'m a teapot"}')),
    ],
)
async def test_a_function_may_answer_in_place_of_the_proxy(
    behind: tuple[Behind, int], proxied: Proxied, name: str, url: str, expected: tuple[int, bytes]
) -> None:
    app = proxied(f"onResponse: my:{name}, ttl: upstream, maxSockets: 1", CODE)
    for _ in range(3):  # over one connection: whoever does not read an answer gives it back all the same
        response = await inject(app, url=url)
        assert (response.status_code, response.payload) == expected


async def test_a_dead_server_is_a_502_and_a_slow_one_a_504(behind: tuple[Behind, int], proxied: Proxied) -> None:
    dead = proxied(where="host: 127.0.0.1, port: 1", code=CODE)
    response = await inject(dead, url="/x")
    assert (response.status_code, response.json["error"]) == (502, "Bad Gateway")
    slow = proxied("timeout: 500ms")
    assert (await inject(slow, url="/slow")).status_code == 504
    await asyncio.wait_for(behind[0].left.wait(), 10)
    told = proxied("onResponse: my:read", CODE, where="host: 127.0.0.1, port: 1")
    response = await inject(told, url="/x")
    assert (response.status_code, response.json) == (299, {"error": 502, "ttl": None})


async def test_a_server_that_is_lost_is_told_of_once_and_so_is_its_return(
    proxied: Proxied, caplog: pytest.LogCaptureFixture
) -> None:
    async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()

    first = await asyncio.start_server(nothing, "127.0.0.1", 0)
    port = first.sockets[0].getsockname()[1]
    app = proxied(where=f"host: 127.0.0.1, port: {port}")
    caplog.set_level(logging.INFO, logger="hapiish")
    assert (await inject(app, url="/x")).status_code == 204
    first.close()
    assert [(await inject(app, url=url)).status_code for url in ("/x", "/y")] == [502, 502]
    async with await asyncio.start_server(nothing, "127.0.0.1", port, reuse_address=True):
        assert [(await inject(app, url=url)).status_code for url in ("/x", "/y")] == [204, 204]
    told = [each for each in caplog.records if each.name == "hapiish"]
    assert [each.levelname for each in told] == ["WARNING", "INFO"]
    assert told[0].message.startswith(f"the upstream http://127.0.0.1:{port} does not answer: ")
    assert told[1].message == f"the upstream http://127.0.0.1:{port} answers again"


async def test_redirects_are_the_clients_unless_they_are_followed(behind: tuple[Behind, int], proxied: Proxied) -> None:
    response = await inject(proxied("passThrough: true"), url="/away")
    assert (response.status_code, response.headers["location"]) == (302, "/found?by=redirect")
    response = await inject(proxied("redirects: 2"), url="/away")
    assert (response.status_code, behind[0].asked[-1]["query"]) == (203, "by=redirect")
    assert (await inject(proxied("redirects: 2"), url="/round")).status_code == 502


async def test_coded_bodies_go_on_as_they_are_or_are_decoded(behind: tuple[Behind, int], proxied: Proxied) -> None:
    response = await inject(proxied("passThrough: true"), url="/gzipped", headers={"accept-encoding": "gzip"})
    assert (response.headers["content-encoding"], gzip.decompress(response.payload)) == ("gzip", b"plain")
    response = await inject(proxied(), url="/gzipped")
    assert ("content-encoding" in response.headers, response.payload) == (False, b"plain")


async def test_ranges_and_conditions_work_on_what_comes_from_behind(
    behind: tuple[Behind, int], proxied: Proxied
) -> None:
    app = proxied("passThrough: true, maxSockets: 1")
    response = await inject(app, url="/digits", headers={"range": "bytes=2-4"})
    assert (response.status_code, response.payload, response.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    assert response.headers["accept-ranges"] == "bytes"
    assert (await inject(app, url="/digits", headers={"if-none-match": '"t"'})).status_code == 304
    head = await inject(app, method="HEAD", url="/digits")
    assert (head.status_code, head.payload, head.headers["content-length"]) == (200, b"", "10")
    assert (await inject(app, url="/empty")).status_code == 204


async def test_cookies_of_one_client_are_never_sent_for_another(behind: tuple[Behind, int], proxied: Proxied) -> None:
    app = proxied("passThrough: true, redirects: 3")
    for url in ("/x", "/x", "/away"):
        await inject(app, url=url)
    assert [asked["headers"].get("cookie") for asked in behind[0].asked] == [None] * 4


async def test_time_to_live_and_time_taken(
    behind: tuple[Behind, int], proxied: Proxied, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    response = await inject(proxied("ttl: upstream, downstreamResponseTime: true"), url="/x")
    assert response.headers["cache-control"] == "max-age=77, must-revalidate"
    response = await inject(proxied("ttl: upstream"), url="/digits")
    assert response.headers["cache-control"] == "no-cache"
    assert "downstreamResponseTime" in caplog.text
    assert "h2o2" in caplog.text


@asynccontextmanager
async def client(app: Asgi, protocol: Any = HttpProtocol) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        serving(app, http=protocol) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as made,
    ):
        yield made


async def test_an_answer_reaches_the_client_while_it_is_made(behind: tuple[Behind, int], proxied: Proxied) -> None:
    async with client(proxied()) as http, http.stream("GET", "/drip", headers=PLAIN) as response:
        chunks = response.aiter_raw()
        assert await anext(chunks) == b"one"
        behind[0].gate.set()
        assert [chunk async for chunk in chunks] == [b"two"]


async def test_a_body_reaches_the_server_behind_while_it_is_sent(behind: tuple[Behind, int], proxied: Proxied) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"x" * 1000
        await asyncio.wait_for(behind[0].gate.wait(), 10)
        for _ in range(100):
            yield b"y" * 5000

    async with client(proxied()) as http:
        response = await http.post("/upload", content=body())
    assert (response.status_code, response.text) == (200, "501000")
    assert behind[0].asked[0]["headers"]["transfer-encoding"] == "chunked"


async def test_a_body_over_the_limit_is_a_413(behind: tuple[Behind, int], proxied: Proxied) -> None:
    app = proxied(more="options: {payload: {maxBytes: 10}}")
    assert (await inject(app, method="POST", url="/x", payload=b"x" * 11)).status_code == 413
    headers = {"content-length": "5"}  # it lies, so that the limit is passed on the way
    assert (await inject(app, method="POST", url="/x", payload=b"x" * 11, headers=headers)).status_code == 413


@pytest.mark.parametrize("path", ["/slow", "/drip"])
@pytest.mark.parametrize("protocol", [HttpProtocol, "h11"])
async def test_a_client_that_leaves_ends_the_request_behind(
    behind: tuple[Behind, int], proxied: Proxied, path: str, protocol: Any
) -> None:
    async with client(proxied(), protocol) as http:
        async with asyncio.timeout(10):
            task = asyncio.ensure_future(http.get(path))
            while not behind[0].asked:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
            task.cancel()
            await behind[0].left.wait()


async def test_an_answer_that_breaks_off_breaks_off_for_the_client(
    behind: tuple[Behind, int], proxied: Proxied, caplog: pytest.LogCaptureFixture
) -> None:
    async with client(proxied()) as http:
        with pytest.raises(httpx.RemoteProtocolError):
            await http.get("/breaks")
    assert "get /{any*} failed" in caplog.text


async def test_connections_are_kept_closed_with_the_server_and_opened_again(
    behind: tuple[Behind, int], proxied: Proxied
) -> None:
    app = proxied()
    for _ in range(2):
        await app.server.start()
        assert (await inject(app, url="/x")).status_code == 203
        await app.server.stop()
    await app.reload()
    assert (await inject(app, url="/x")).status_code == 203

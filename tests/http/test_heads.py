"""RFC 9112: refused requests, their errors, and the delivery of valid ones."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect

from hapiish import create_app
from hapiish.http.syntax.message_head import is_host
from hapiish.testing import inject
from tests.http.wire import CLOSE, CODE, HOST, TABLE, Answer, answers, ask, server, talk

pytestmark = pytest.mark.anyio


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    async with server(tmp_path) as number:
        yield number


def refused(answer: Answer, status: int) -> bool:
    """Whether it is an error of that status in hapi's form, after which the connection is closed."""
    told = answer.json
    return (
        answer.status == told["statusCode"] == status
        and set(told) == {"statusCode", "error", "message"}
        and answer.headers["connection"] == "close"
        and answer.headers["content-type"] == "application/json; charset=utf-8"
    )


HOSTS = {
    "no Host": b"",
    "two Hosts": b"Host: a\r\nHost: b\r\n",
    "the same Host twice": b"Host: a\r\nhost: a\r\n",
    "an empty Host": b"Host:\r\n",
    "white space in it": b"Host: a b\r\n",
    "two in one": b"Host: a, b\r\n",
    "a path": b"Host: a/b\r\n",
    "a user": b"Host: u@a\r\n",
    "a backslash": b"Host: a\\b\r\n",
    "letters for a port": b"Host: a:b\r\n",
    "a port too large": b"Host: a:65536\r\n",
    "a signed port": b"Host: a:-1\r\n",
    "two ports": b"Host: a:1:2\r\n",
    "no name": b"Host: :80\r\n",
    "no address in brackets": b"Host: [::g]\r\n",
    "an open bracket": b"Host: [::1\r\n",
    "bytes that are not ASCII": b"Host: \xe9\r\n",
    "a long name": b"Host: " + b"a" * 300 + b"\r\n",
}


@pytest.mark.parametrize("headers", HOSTS.values(), ids=HOSTS)
async def test_a_request_names_exactly_one_host(port: int, headers: bytes) -> None:
    assert refused(await ask(port, b"GET / HTTP/1.1\r\n" + headers + b"\r\n"), 400)


@pytest.mark.parametrize(
    "host", ["a", "a.example", "A.Example:80", "a:", "1.2.3.4:5", "[::1]", "[2001:db8::1]:443", "a_b"]
)
async def test_what_names_a_host_is_served(port: int, host: str) -> None:
    answer = await ask(port, f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert answer.json["host"] == host


async def test_http_1_0_may_do_without_a_host_but_not_with_two(port: int) -> None:
    assert (await ask(port, b"GET / HTTP/1.0\r\n\r\n")).status == 200
    assert refused(await ask(port, b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"), 400)


LINES = {
    "HTTP/0.9": (b"GET /\r\n\r\n", 400),
    "HTTP/0.9 by name": (b"GET / HTTP/0.9\r\n" + HOST + b"\r\n", 400),
    "HTTP/2.0": (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 505),
    "HTTP/3.0": (b"GET / HTTP/3.0\r\n" + HOST + b"\r\n", 505),
    "HTTP/2 by its preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "a version of three digits": (b"GET / HTTP/1.10\r\n" + HOST + b"\r\n", 400),
    "another protocol": (b"GET / RTSP/1.0\r\n" + HOST + b"\r\n", 400),
    "Icecast": (b"SOURCE / ICE/1.0\r\n" + HOST + b"\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "an unknown method": (b"BREW / HTTP/1.1\r\n" + HOST + b"\r\n", 501),
    "a method in lower case": (b"get / HTTP/1.1\r\n" + HOST + b"\r\n", 501),
    "what is no method": (b"G(T / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a relative target": (b"GET a HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a target with a space": (b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a target that is not ASCII": (b"GET /\xe9 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a foreign scheme": (b"GET ftp://x/ HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "no host in the target": (b"GET http:///a HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a user in the target": (b"GET http://u:p@x/ HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "* with GET": (b"GET * HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "CONNECT": (b"CONNECT x:80 HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    "CONNECT with a body": (b"CONNECT x:80 HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc", 405),
    "only line feeds": (b"GET / HTTP/1.1\nHost: x\n\n", 400),
    "a folded header": (b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n c\r\n\r\n", 400),
    "a header folded at once": (b"GET / HTTP/1.1\r\n A: b\r\n" + HOST + b"\r\n", 400),
    "a carriage return in a header": (b"GET / HTTP/1.1\r\n" + HOST + b"A: b\rc\r\n\r\n", 400),
    "a line feed in a header": (b"GET / HTTP/1.1\r\n" + HOST + b"A: b\nC: d\r\n\r\n", 400),
    "a NUL in a header": (b"GET / HTTP/1.1\r\n" + HOST + b"A: b\x00c\r\n\r\n", 400),
    "white space before the colon": (b"GET / HTTP/1.1\r\n" + HOST + b"A : b\r\n\r\n", 400),
    "a header without a name": (b"GET / HTTP/1.1\r\n" + HOST + b": b\r\n\r\n", 400),
    "a header without a colon": (b"GET / HTTP/1.1\r\n" + HOST + b"A\r\n\r\n", 400),
}


@pytest.mark.parametrize(("request_", "status"), LINES.values(), ids=LINES)
async def test_what_is_no_request_of_http_1_is_refused(port: int, request_: bytes, status: int) -> None:
    assert refused(await ask(port, request_), status)


FRAMINGS = {
    "another coding before chunked": (b"Transfer-Encoding: gzip, chunked\r\n", 501),
    "an unknown coding before chunked": (b"Transfer-Encoding: foo, chunked\r\n", 501),
    "another coding alone": (b"Transfer-Encoding: gzip\r\n", 400),
    "another coding at the end": (b"Transfer-Encoding: chunked, gzip\r\n", 400),
    "identity": (b"Transfer-Encoding: identity\r\n", 400),
    "chunked twice": (b"Transfer-Encoding: chunked, chunked\r\n", 400),
    "chunked in two headers": (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400),
    "an unknown coding in a header before": (b"Transfer-Encoding: xchunked\r\nTransfer-Encoding: chunked\r\n", 501),
    "a tab behind it": (b"Transfer-Encoding: chunked\t\r\n", 400),
    "nearly chunked": (b"Transfer-Encoding: xchunked\r\n", 400),
    "chunked with a parameter": (b"Transfer-Encoding: chunked;a=b\r\n", 400),
    "chunked behind nothing": (b"Transfer-Encoding: , chunked\r\n", 400),
    "chunked in a control character": (b"Transfer-Encoding: \x0bchunked\r\n", 400),
    "an empty coding": (b"Transfer-Encoding:\r\n", 400),
    "a length beside chunked": (b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", 400),
    "chunked beside a length": (b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", 400),
    "two lengths": (b"Content-Length: 3\r\nContent-Length: 4\r\n", 400),
    "two lengths in one": (b"Content-Length: 3, 3\r\n", 400),
    "a signed length": (b"Content-Length: +3\r\n", 400),
    "a negative length": (b"Content-Length: -3\r\n", 400),
    "a length in hexadecimal": (b"Content-Length: 0x3\r\n", 400),
    "an empty length": (b"Content-Length:\r\n", 400),
    "a length that nobody can count": (b"Content-Length: " + b"9" * 30 + b"\r\n", 413),
}


@pytest.mark.parametrize(("headers", "status"), FRAMINGS.values(), ids=FRAMINGS)
async def test_a_body_whose_end_is_in_doubt_is_refused(port: int, headers: bytes, status: int) -> None:
    assert refused(await ask(port, b"POST / HTTP/1.1\r\n" + HOST + headers + b"\r\n0\r\n\r\n"), status)


async def test_http_1_0_has_no_transfer_codings(port: int) -> None:
    assert refused(await ask(port, b"POST / HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400)


CHUNKS = {
    "only line feeds": b"3\nabc\n0\n\n",
    "a prefix": b"0x3\r\nabc\r\n0\r\n\r\n",
    "a size too large": b"f" * 20 + b"\r\nabc",
    "no line end": b"3\r\nabcd\r\n0\r\n\r\n",
    "no size": b"\r\n0\r\n\r\n",
    "a line feed in an extension": b"3;a\nb\r\nabc\r\n0\r\n\r\n",
    "a length as trailer": b"0\r\nContent-Length: 5\r\n\r\nhello",
    "a coding as trailer": b"0\r\nTransfer-Encoding: identity\r\n\r\n",
}


@pytest.mark.parametrize("body", CHUNKS.values(), ids=CHUNKS)
async def test_what_is_no_chunk_is_refused_and_never_answered_twice(port: int, body: bytes) -> None:
    answer = await ask(port, b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n" + body)
    assert answer.status in (400, 413)


async def test_white_space_around_a_value_does_not_belong_to_it(port: int) -> None:
    answer = await ask(port, b"GET / HTTP/1.1\r\nHost: \t x \t\r\nA:  b  \r\nConnection: close\r\n\r\n")
    assert (answer.json["host"], answer.json["headers"]["a"]) == ("x", "b")


async def test_an_absolute_target_says_the_host(port: int) -> None:
    line = b"GET HTTP://Own.Example:80/where?a=b HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n"
    assert (await ask(port, line)).json == {"route": "own", "host": "Own.Example:80", "hostname": "own.example"}
    echoed = (await ask(port, b"GET http://a?b=c HTTP/1.1\r\n" + CLOSE + b"\r\n")).json
    assert (echoed["path"], echoed["query"], echoed["headers"]["host"]) == ("/", {"b": "c"}, "a")


@pytest.mark.parametrize("host", ["own.example", "OWN.example", "own.example:8080", "own.example."])
async def test_virtual_hosts_and_the_handler_see_one_host(port: int, host: str) -> None:
    answer = await ask(port, f"GET /where HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert answer.json == {"route": "own", "host": host, "hostname": "own.example"}


async def test_under_a_server_that_lets_two_hosts_through_both_see_the_first(tmp_path: Path) -> None:
    (tmp_path / "wire.py").write_text(CODE)
    (tmp_path / "routes.yaml").write_text(TABLE)
    app = create_app(tmp_path / "routes.yaml")
    sent: list[Any] = []
    scope: Any = {
        "type": "http",
        "method": "GET",
        "path": "/where",
        "raw_path": b"/where",
        "query_string": b"",
        "headers": [(b"host", b"own.example"), (b"host", b"other.example")],
        "root_path": "",
        "scheme": "http",
    }

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert b'"route":"own","host":"own.example"' in sent[1]["body"]


async def test_a_body_may_say_what_it_likes(port: int) -> None:
    body = b"POST /a RTSP/1.0\r\n\r\nGET / HTTP/0.9\r\n\r\n"
    head = b"POST /a HTTP/1.1\r\n" + CLOSE + b"Content-Length: %d\r\n\r\n" % len(body)
    assert (await ask(port, head + body)).json["body"].encode() == body
    assert refused(await ask(port, b"GET / RT", b"SP/1.0\r\n" + HOST + b"\r\n"), 400)


async def test_options_of_the_whole_server(port: int, tmp_path: Path) -> None:
    (answer,) = answers(await talk(port, b"OPTIONS * HTTP/1.1\r\n" + CLOSE + b"\r\n"))
    assert (answer.status, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS")


async def test_requests_that_were_sent_ahead_of_a_broken_one_are_answered_first(port: int) -> None:
    found = answers(
        await talk(
            port, b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\nGET /a HTTP/1.1\r\n" + HOST + b"\r\nGET / HTTP/1.1\r\n\r\n"
        )
    )
    assert [answer.status for answer in found] == [200, 200, 400]


# Upgrades


@pytest.mark.parametrize("upgrade", [b"websocket", b"h2c", b"WebSocket, foo"])
async def test_an_upgrade_that_is_none_is_an_ordinary_request_with_its_body(port: int, upgrade: bytes) -> None:
    head = b"POST /a HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: " + upgrade + b"\r\n"
    bodies = [b"Content-Length: 3\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"]
    data = b"".join(head + body for body in bodies) + b"GET /b HTTP/1.1\r\n" + CLOSE + b"\r\n"
    for pieces in ([data], [data[at : at + 7] for at in range(0, len(data), 7)]):
        found = [answer.json for answer in answers(await talk(port, *pieces))]
        assert [(one["path"], one["body"]) for one in found] == [("/a", "abc"), ("/a", "abc"), ("/b", "")]


def handshake(**changes: str | None) -> bytes:
    headers = {
        "Host": "x",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(b"k" * 16).decode(),
    }
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}  # type: ignore[misc]
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value is not None).encode() + b"\r\n"


async def test_a_websocket_is_opened_only_where_sockets_are(port: int) -> None:
    elsewhere = handshake(Connection="Upgrade, close")
    assert (await ask(port, b"GET /elsewhere HTTP/1.1\r\n" + elsewhere)).json["path"] == "/elsewhere"
    async with connect(f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket") as wire:
        assert str(await wire.recv()).startswith("0{")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"Sec_WebSocket_Version": "8"}, 426),
        ({"Sec_WebSocket_Version": None}, 426),
        ({"Sec_WebSocket_Key": None}, 400),
        ({"Sec_WebSocket_Key": "short"}, 400),
        ({"Content_Length": "3"}, 400),
        ({"Transfer_Encoding": "chunked"}, 400),
    ],
)
async def test_a_handshake_that_is_none_is_refused(port: int, changes: dict[str, str | None], status: int) -> None:
    target = b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
    assert refused(await ask(port, target + handshake(**changes)), status)


async def test_a_handshake_may_have_long_headers(port: int) -> None:
    cookie = {"Cookie": "a=" + "b" * 20000}
    address = f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket"
    async with connect(address, additional_headers=cookie) as wire:
        assert str(await wire.recv()).startswith("0{")


# Hosts by themselves


@given(st.binary(max_size=40))
def test_a_host_has_no_character_that_a_url_gives_a_meaning(value: bytes) -> None:
    if is_host(value):
        assert not set(value) - set(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_~:[]")


async def test_a_table_is_asked_without_a_network_as_before(tmp_path: Path) -> None:
    (tmp_path / "wire.py").write_text(CODE)
    (tmp_path / "routes.yaml").write_text(TABLE)
    answer = await inject(create_app(tmp_path / "routes.yaml"), url="http://own.example/where")
    assert answer.json["route"] == "own"

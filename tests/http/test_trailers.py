"""Trailer fields of a chunked body are in `request.trailers` only."""

import asyncio
from pathlib import Path

import pytest

from hapiish.http.auth.secrets import hash_password
from tests.http.wire import CLOSE, HOST, answers, ask, server, talk

pytestmark = pytest.mark.anyio

HEAD = b"POST /a HTTP/1.1\r\n" + CLOSE + b"Transfer-Encoding: chunked\r\n"
GUARDED = """
hapiish: 1
server: {trustedProxies: [127.0.0.1]}
auth:
  strategies: {basic: {scheme: basic, options: {users: {ann: {passwordHash: "%s"}}}}}
routes:
  - {method: POST, path: /a, handler: "wire:echo", options: {payload: {parse: false}}}
  - {method: POST, path: /guarded, handler: "wire:echo", options: {auth: basic, payload: {parse: false}}}
"""


async def test_trailers_are_apart_from_the_headers(tmp_path: Path) -> None:
    async with server(tmp_path) as port:
        said = (
            await ask(port, HEAD + b"\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\nx-sum: 2\r\nAuthorization: Basic x\r\n\r\n")
        ).json
    assert said["trailers"] == {"x-sum": "1, 2", "authorization": "Basic x"}
    assert set(said["headers"]) == {"host", "connection", "transfer-encoding"}
    assert said["body"] == "abc"


@pytest.mark.parametrize("size", [1, 3, 50])
async def test_however_they_are_cut_into_pieces(tmp_path: Path, size: int) -> None:
    data = HEAD + b"\r\n3\r\nabc\r\n0\r\nX-Sum:  1 \r\nOther: 2\r\n\r\n"
    async with server(tmp_path) as port:
        said = (await ask(port, *(data[at : at + size] for at in range(0, len(data), size)))).json
    assert said["trailers"] == {"x-sum": "1", "other": "2"}
    assert set(said["headers"]) == {"host", "connection", "transfer-encoding"}


async def test_no_trailer_reaches_the_next_request(tmp_path: Path) -> None:
    first = b"POST /a HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n"
    async with server(tmp_path) as port:
        _, second = answers(await talk(port, first + b"GET / HTTP/1.1\r\n" + CLOSE + b"\r\n"))
    assert second.json["trailers"] == {}
    assert set(second.json["headers"]) == {"host", "connection"}


async def test_a_trailer_changes_nothing_of_what_the_request_is(tmp_path: Path) -> None:
    trailers = b"".join(
        b"%b: %b\r\n" % pair
        for pair in (
            (b"Host", b"evil.example"),
            (b"X-Forwarded-For", b"6.6.6.6"),
            (b"X-Forwarded-Host", b"evil.example"),
            (b"Content-Type", b"text/plain"),
            (b"Content-Encoding", b"gzip"),
            (b"Expect", b"100-continue"),
            (b"Connection", b"keep-alive, upgrade"),
            (b"Upgrade", b"websocket"),
            (b"Cookie", b"a=b"),
        )
    )
    async with server(tmp_path, GUARDED % hash_password("secret")) as port:
        said = (await ask(port, HEAD + b"\r\n3\r\nabc\r\n0\r\n" + trailers + b"\r\n")).json
        assert (said["host"], said["address"]) == ("x", "127.0.0.1")
        assert set(said["headers"]) == {"host", "connection", "transfer-encoding"}
        head = b"POST /guarded HTTP/1.1\r\n" + CLOSE + b"Transfer-Encoding: chunked\r\n\r\n"
        secret = b"Authorization: Basic YW5uOnNlY3JldA==\r\n"
        assert (await ask(port, head + b"0\r\n" + secret + b"\r\n")).status == 401
        assert (await ask(port, head.replace(b"Host", secret + b"Host") + b"0\r\n\r\n")).status == 200


async def test_trailers_have_the_bounds_of_a_head(tmp_path: Path) -> None:
    body = b"\r\n3\r\nabc\r\n0\r\n"
    async with server(tmp_path, head_bytes=2000, head_count=10) as port:
        assert (await ask(port, HEAD + body + b"A: b\r\n" * 10 + b"\r\n")).status == 200
        assert (await ask(port, HEAD + body + b"A: b\r\n" * 11 + b"\r\n")).status == 431
        assert (await ask(port, HEAD + body + b"A: " + b"b" * 3000 + b"\r\n\r\n")).status == 431
        assert (await ask(port, HEAD + body, *[b"A: " + b"b" * 900] * 40)).status == 431


async def test_a_proxy_sends_no_trailer_to_the_server_behind(tmp_path: Path) -> None:
    seen = bytearray()

    async def behind(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.extend(await reader.readuntil(b"\r\n0\r\n"))
        seen.extend(await reader.readuntil(b"\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(behind, "127.0.0.1", 0) as upstream:
        where = f"host: 127.0.0.1, port: {upstream.sockets[0].getsockname()[1]}, passThrough: true, xforward: true"
        options = "{payload: {parse: false, output: stream}}"
        table = f"""
            hapiish: 1
            server: {{trustedProxies: [127.0.0.1]}}
            routes: [{{method: "*", path: "/{{any*}}", handler: {{proxy: {{{where}}}}}, options: {options}}}]
        """
        async with server(tmp_path, table) as port:
            names = (b"Authorization", b"X-Forwarded-For", b"Cookie", b"X-Own")
            evil = b"".join(name + b": evil\r\n" for name in names)
            answer = await ask(port, HEAD + b"Trailer: X-Own\r\n\r\n3\r\nabc\r\n0\r\n" + evil + b"\r\n")
    assert answer.status == 204
    assert b"evil" not in seen
    assert b"trailer" not in seen.lower()
    assert seen.endswith(b"\r\n3\r\nabc\r\n0\r\n\r\n")

"""Repeated headers: lists are combined, duplicates of singletons are refused (RFC 9110 §5.3)."""

from pathlib import Path

import pytest

from tests.http.wire import CLOSE, ask, server

pytestmark = pytest.mark.anyio

TABLE = """
hapiish: 1
auth:
  strategies: {key: {scheme: apiKey, options: {header: x-key, validate: "wire:known"}}}
routes:
  - {method: POST, path: /data, handler: "wire:data"}
  - {method: POST, path: /guarded, handler: "wire:data", options: {auth: key}}
  - {method: GET, path: /shared, handler: "wire:data", options: {cors: {origin: ["https://a.example"]}}}
"""
DATA = """
async def data(request, h):
    return {"payload": request.payload, "mime": request.mime}

def known(request, key, h):
    return {"isValid": key == "a", "credentials": {"id": key}}
"""
BODY = b"Content-Length: 2\r\n\r\n{}"


async def post(port: int, path: bytes, *lines: bytes, body: bytes = BODY) -> int:
    head = b"".join(line + b"\r\n" for line in lines)
    return (await ask(port, b"POST " + path + b" HTTP/1.1\r\n" + CLOSE + head + body)).status


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from tests.http import wire

    monkeypatch.setattr(wire, "CODE", DATA)
    return tmp_path


@pytest.mark.parametrize("second", [b"text/plain", b"application/json", b""])
async def test_a_second_content_type_is_refused(table: Path, second: bytes) -> None:
    async with server(table, TABLE) as port:
        one = b"Content-Type: application/json"
        assert await post(port, b"/data", one) == 200
        assert await post(port, b"/data", one, b"Content-Type: " + second) == 400


async def test_a_content_encoding_of_several_lines_is_a_list(table: Path) -> None:
    async with server(table, TABLE) as port:
        hidden = (b"Content-Encoding: gzip", b"Content-Encoding: identity")
        assert await post(port, b"/data", *hidden) == 415
        assert await post(port, b"/data", *reversed(hidden)) == 415


async def test_a_second_key_is_no_key(table: Path) -> None:
    async with server(table, TABLE) as port:
        assert await post(port, b"/guarded", b"X-Key: a") == 200
        assert await post(port, b"/guarded", b"X-Key: a", b"X-Key: b") == 401
        assert await post(port, b"/guarded", b"X-Key: b", b"X-Key: a") == 401


async def test_of_two_origins_none_is_granted_anything(table: Path) -> None:
    lines = b"Origin: https://a.example\r\nOrigin: https://evil.example\r\n\r\n"
    async with server(table, TABLE) as port:
        answer = await ask(port, b"GET /shared HTTP/1.1\r\n" + CLOSE + lines)
        asked = b"Access-Control-Request-Method: GET\r\n" + lines
        preflight = await ask(port, b"OPTIONS /shared HTTP/1.1\r\n" + CLOSE + asked)
    assert "access-control-allow-origin" not in answer.headers
    assert "access-control-allow-origin" not in preflight.headers

"""Sends requests byte by byte to the protocol class of `hapiish run`."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hapiish import create_app
from hapiish.http.serving.connections import Limits
from hapiish.http.serving.protocol import HttpProtocol
from tests.realtime.support import serving

PATIENCE = 20  # seconds
HOST = b"Host: x\r\n"
CLOSE = b"Host: x\r\nConnection: close\r\n"

TABLE = """
hapiish: 1
routes:
  - {method: "*", path: "/{p*}", handler: "wire:echo", options: {payload: {parse: false, maxBytes: 10MB}}}
  - {method: GET, path: /where, handler: "wire:general"}
  - {method: GET, path: /where, vhost: own.example, handler: "wire:own"}
  - {method: GET, path: /slow, handler: "wire:slow"}
sockets:
  namespaces: [{namespace: /, events: [{event: a, handler: "wire:echo"}]}]
"""
CODE = """
import asyncio

async def echo(request, h):
    return {
        "method": request.method, "path": request.path, "query": request.query, "host": request.info.host,
        "headers": request.headers, "trailers": request.trailers, "address": request.info.remote_address,
        "body": (request.payload or b"").decode("latin-1"),
    }

async def general(request, h):
    return {"route": "general", "host": request.info.host, "hostname": request.info.hostname}

async def own(request, h):
    return {"route": "own", "host": request.info.host, "hostname": request.info.hostname}

async def slow(request, h):
    await asyncio.sleep(0.2)
    return "slow"
"""


@dataclass
class Answer:
    """One response."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def answers(data: bytes, methods: Iterable[bytes] = ()) -> list[Answer]:
    """The responses in what a server has sent; a ValueError for what is none. `methods` are those of the requests."""
    found = []
    asked = iter(methods)
    while data:
        head, end, data = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        match = re.fullmatch(r"HTTP/1\.1 ([1-5][0-9][0-9]) .*", first)
        if match is None or not end:
            raise ValueError(f"no response: {head!r}")
        headers = dict(line.split(": ", 1) for line in lines)
        status = int(match[1])
        bodiless = status in (100, 204, 304)
        if status != 100 and next(asked, b"") == b"HEAD":
            bodiless = True
        size = 0 if bodiless else int(headers["content-length"])
        if not data and headers.get("connection") == "close":
            size = 0  # to a HEAD, of which only the server knows
        if size > len(data):
            raise ValueError(f"a response of {size} bytes has {len(data)}")
        found.append(Answer(status, headers, data[:size]))
        data = data[size:]
    return found


async def talk(port: int, *pieces: bytes, wait: bool = True) -> bytes:
    """What comes back until the server closes; the pieces are sent one after the other."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(PATIENCE):
            try:
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0.002)
            except ConnectionError:
                pass  # the server has answered already and reads no more
            if not wait:
                writer.write_eof()
            return await reader.read()
    finally:
        writer.close()


async def ask(port: int, *pieces: bytes) -> Answer:
    """The one response to what is sent."""
    (answer,) = answers(await talk(port, *pieces))
    return answer


def application(folder: Path, table: str = TABLE) -> Any:
    """The application of a table that may use the functions here."""
    (folder / "wire.py").write_text(CODE)
    (folder / "routes.yaml").write_text(table)
    return create_app(folder / "routes.yaml")


@asynccontextmanager
async def server(folder: Path, table: str = TABLE, **limits: Any) -> AsyncIterator[int]:
    """The port at which a table is served."""
    app = application(folder, table)
    given = Limits(**{"sockets": ("/socket.io",), **limits})
    async with serving(app, http=HttpProtocol, limits=given) as port:
        yield port

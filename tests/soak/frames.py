"""Fuzzes a real server with mutated frames, over WebSockets and polling: `python -m tests.soak.frames`.

Findings: log entries with level ERROR or a traceback, sessions that remain after their client disconnected, valid
events of other clients without an acknowledgement, and memory that grows with the number of frames.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import logging
import os
import random
import resource
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TextIO

import aiohttp
import websockets
from websockets.asyncio.client import connect

from hapiish import create_app
from hapiish.http.serving.protocol import HttpProtocol
from hapiish.realtime.engineio.transport import Transport
from tests.realtime.support import member, serving

AT_ONCE = 8
"""Clients at a time."""

TABLE = """
sockets:
  transports: [websocket, polling]
  maxBytes: 2KB
  pingInterval: 1s
  pingTimeout: 1s
  sendBufferCount: 64
  namespaces:
    - &all
      namespace: /
      binary: true
      events:
        - {event: echo, handler: "soak:echo"}
        - {event: many, arguments: true, handler: "soak:echo"}
        - {event: raw, ack: raw, handler: "soak:echo"}
        - {event: fail, handler: "soak:fail"}
        - {event: leave, handler: "soak:leave"}
        - {event: slow, handler: "soak:slow"}
        - event: judged
          handler: "soak:echo"
          options:
            validate:
              payload:
                type: object
                properties: {a: {type: integer}, data: {type: string, format: binary, maxLength: 5}}
                required: [a]
        - {event: "*", handler: "soak:echo"}
      emits: [{event: news}]
    - namespace: /room-{id}
      validate: {params: {type: object, properties: {id: {type: integer}}}}
      onConnect: "soak:hello"
      events: [{event: echo, handler: "soak:echo"}]
      emits: [{event: news}]
"""
CODE = """
import asyncio
from hapiish import boom

async def echo(request, h):
    return request.payload

async def fail(request, h):
    raise boom.Conflict("no")

async def leave(request, h):
    await request.socket.disconnect()

async def slow(request, h):
    await asyncio.sleep(0.02)
    await request.socket.emit("news", request.payload)

async def hello(request, h):
    await request.socket.emit("news", request.params["id"])
"""

PIECES: tuple[str, ...] = (
    *("0", "1", "2", "3", "4", "5", "6", "40", "41", "42", "43", "44", "45", "46", "7", "9", "-1", "1-", "2-", "11-"),
    *("/", "/room-5,", "/room-x,", "/room-5", "/nowhere,", "/a/../room-1,", "?", ",", "7", "12", "9" * 20),
    *("[", "]", "{", "}", '"', ":", "null", "true", "1", "-1.5", "1e999", "NaN", "9" * 30, "\\", "\\ud83c", "\\udf89"),
    *('"echo"', '"judged"', '"*"', '"connect"', '"disconnect"', '"leave"', '"\\ud83c"', '["echo",1]', '["many",1,2]'),
    *('{"_placeholder":true,"num":0}', '{"_placeholder":true,"num":9}', '{"_placeholder":1}', '{"a":1}', "[[" * 100),
    *("\x1e", "\0", "é", "🎉", "\ufffd", "٣", "probe", "b", "bAQID", "=", " ", "\r\n", "x" * 100, "x" * 3000),
)
SOUND: tuple[str | bytes, ...] = (
    *('421["echo",1]', '422["many",1,2,3]', '423["raw",{"a":1}]', '424["fail"]', '425["slow",[1]]', '42["echo"]'),
    *('426["judged",{"a":1}]', '427["judged",{"a":"x"}]', '428["nowhere",1]', '42["leave"]', "40", "41", "3", "2probe"),
    *("40/room-5,", "40/room-x,", '42/room-5,9["echo",1]', "41/room-5,", "5", "6", "1", '40{"token":"x"}', "43[1]"),
    *('451-1["echo",{"_placeholder":true,"num":0}]', '452-2["many",{"_placeholder":true,"num":1}]', b"\1\2\3", b""),
    *('451-3["judged",{"a":1,"data":{"_placeholder":true,"num":0}}]', '461-4[{"_placeholder":true,"num":0}]'),
)


class Frames:
    """Frames out of one seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def frame(self) -> str | bytes:
        """A sound frame, a mutation of one, pieces of the grammar, or noise."""
        chance = self.chance
        kind = chance.randrange(10)
        if kind < 4:
            return chance.choice(SOUND)
        if kind < 8:
            return self.mutated(chance.choice(SOUND))
        if kind == 8:
            return "".join(chance.choice(PIECES) for _ in range(chance.randrange(8)))
        return chance.randbytes(chance.randrange(64))

    def mutated(self, frame: str | bytes) -> str | bytes:
        """The frame with a few places changed."""
        chance = self.chance
        if isinstance(frame, bytes):
            return frame + chance.randbytes(chance.choice((1, 50, 3000)))
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(len(frame) + 1)
            piece = chance.choice(PIECES)
            before, behind = frame[:at], frame[at:]
            frame = chance.choice((before + piece + behind, before + piece + behind[1:], before, before + behind[1:]))
        return frame


class Findings(logging.Handler):
    """What the log has that no client may cause."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR or record.exc_info:
            self.found.append(self.format(record))


@contextlib.asynccontextmanager
async def soaked() -> AsyncIterator[tuple[Any, int]]:
    """An application and its port."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "routes.yaml").write_text(TABLE.replace("&all\n      ", ""))
        (Path(folder) / "soak.py").write_text(CODE)
        app = create_app(Path(folder) / "routes.yaml")
        async with serving(app, http=HttpProtocol) as port:
            yield app, port


async def websocket(port: int, frames: Frames, count: int) -> None:
    """One client by WebSocket, in fragments now and then, that leaves with or without a word."""
    chance = frames.chance
    url = f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket"
    async with connect(url, compression=None, close_timeout=1) as wire:
        with contextlib.suppress(websockets.ConnectionClosed):
            if chance.random() < 0.9:
                await wire.send("40")
            for _ in range(count):
                frame = frames.frame()
                if isinstance(frame, str) and chance.random() < 0.1:
                    await wire.send([frame[: len(frame) // 2], frame[len(frame) // 2 :]])
                elif isinstance(frame, bytes) and chance.random() < 0.2:
                    await wire.send(frame, text=True)  # text that is no UTF-8, most of the time
                else:
                    await wire.send(frame)
        if chance.random() < 0.3:
            wire.transport.abort()


async def polling(http: aiohttp.ClientSession, port: int, frames: Frames, count: int) -> None:
    """One client by polling: posts, polls that it leaves, upgrades that it breaks off."""
    chance = frames.chance
    url = f"http://127.0.0.1:{port}/socket.io/?EIO=4&transport=polling"
    async with http.get(url) as answer:
        url += f"&sid={json.loads((await answer.text())[1:])['sid']}"
    tasks: list[asyncio.Task[Any]] = []

    async def ask(method: str, body: bytes | None = None) -> None:
        async with http.request(method, url, data=body) as answer:
            await answer.read()

    await ask("POST", b"40")
    for _ in range(count):
        frame = frames.frame()
        body = b"b" + frame if isinstance(frame, bytes) else frame.encode()
        kind = chance.randrange(10)
        if kind < 7:
            task = asyncio.create_task(ask("POST", body))
            if kind < 5:
                await asyncio.wait((task,), timeout=5)
        elif kind < 9:
            task = asyncio.create_task(ask("GET"))
        else:
            task = asyncio.create_task(_upgrade(url, frames))
        tasks.append(task)
        if chance.random() < 0.2:
            await asyncio.sleep(0)
            chance.choice(tasks).cancel()
    for task in tasks:
        if chance.random() < 0.5:
            task.cancel()
    await asyncio.wait(tasks, timeout=5)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _upgrade(url: str, frames: Frames) -> None:
    address = url.replace("http:", "ws:").replace("=polling", "=websocket")
    async with connect(address, compression=None, close_timeout=1) as wire:
        for packet in ("2probe", "5") if frames.chance.random() < 0.6 else ("2probe",):
            await wire.send(packet)
        for _ in range(frames.chance.randrange(4)):
            await wire.send(frames.frame())


async def soak(count: int, seed: int, tell: Callable[[str], None] = lambda said: None) -> list[str]:
    """What `count` frames find."""
    frames = Frames(seed)
    log = Findings()
    for name in ("", "uvicorn", "uvicorn.error"):
        logging.getLogger(name).addHandler(log)
    findings: list[str] = []
    sent, peak = 0, 0
    try:
        async with soaked() as (app, port), aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(10)) as http:
            async with member(port) as healthy:
                while sent < count:
                    sizes = [frames.chance.randrange(1, 13) for _ in range(AT_ONCE)]
                    ways = [(size, frames.chance.random() < 0.6) for size in sizes]
                    work = (
                        websocket(port, frames, size) if wire else polling(http, port, frames, size)
                        for size, wire in ways
                    )
                    outcomes = await asyncio.gather(*work, return_exceptions=True)
                    failed = [each for each in outcomes if isinstance(each, Exception)]
                    findings += [f"a client failed: {each!r}" for each in failed if not isinstance(each, _EXPECTED)]
                    sent += sum(sizes)
                    if (await asyncio.wait_for(healthy.ask("echo", sent), 10)).get("data") != sent:
                        findings.append("a sound event was not acknowledged")
                    if not peak and sent > count // 5:
                        peak = _memory()
                    tell(f"{sent} frames, {len(findings) + len(log.found)} findings")
            findings += await _left_over(app)
            if peak and _memory() > peak + 50_000:
                findings.append(f"memory grew from {peak} to {_memory()} KB")
    finally:
        for name in ("", "uvicorn", "uvicorn.error"):
            logging.getLogger(name).removeHandler(log)
    return findings + log.found


_EXPECTED = (websockets.WebSocketException, aiohttp.ClientError, OSError, TimeoutError)


async def _left_over(app: Any) -> list[str]:
    """Sessions that stay when all clients have gone."""
    hub = app.server.realtime._hub
    for _ in range(100):
        if not hub.eio.sockets and _alive() <= AT_ONCE + 1:
            break
        await asyncio.sleep(0.1)
    kept = {
        "sessions": hub.eio.sockets,
        "rooms": hub.manager.rooms,
        "joined": hub.manager.joined,
        "environ": hub.environ,
    }
    left = [f"{len(found)} {name} are left over" for name, found in kept.items() if found]
    alive = _alive()
    if alive > AT_ONCE + 1:  # of the last clients, whose connections are still being closed
        left.append(f"{alive} transports are kept alive")
    return left


def _alive() -> int:
    """Transports that something still holds."""
    gc.collect()
    # `isinstance` would ask a weak proxy for the class of what is gone.
    return sum(issubclass(type(each), Transport) for each in gc.get_objects())


def _memory() -> int:
    """Kilobytes of this process, now where the system tells it, else at most."""
    with contextlib.suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _say(text: str, out: TextIO) -> None:
    out.write(text)
    out.flush()


def main() -> int:
    """Prints what was found; 1 when that is anything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    found = asyncio.run(soak(options.count, options.seed, lambda said: _say(f"\r{said}", sys.stderr)))
    _say("\n", sys.stderr)
    for finding, times in Counter(found).most_common():
        _say(f"{times} × {finding}\n", sys.stdout)
    _say(f"{options.count} frames, seed {options.seed}: {len(found)} findings\n", sys.stdout)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

"""Reloads a server under load, and prints failures and memory.

The load is requests over kept connections, and, with one worker, Socket.IO clients that send events. Each reload
changes the table; every tenth is refused. A failed request, a dropped socket or an unanswered event is a failure.
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import websockets

from hapiish.cli import control

HANDLERS = """
import os
from mongoengine import Document, StringField

class Thing(Document):
    name = StringField()

async def look(request, h):
    return {"pid": os.getpid(), "version": VERSION}
"""
TABLE = """
models: {Thing: "things:Thing"}
schemas: {Name: {type: object, properties: {n: {type: integer}}}}
routes:
  - {method: GET, path: /look, handler: "things:look", options: {description: "version VERSION"}}
  - {method: POST, path: /look, handler: "things:look", options: {validate: {payload: {$ref: "#/schemas/Name"}}}}
"""
SOCKETS = """
sockets:
  namespaces:
    - namespace: /
      events: [{event: look, handler: "things:look", options: {description: "version VERSION"}}]
"""
CLIENTS = 8


class Load:
    """Clients that use the server until `ended`."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.ended = False
        self.requests = self.events = 0
        self.failures: list[str] = []

    async def request(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        with suppress(ConnectionError):
            while not self.ended:
                writer.write(b"GET /look HTTP/1.1\r\nhost: x\r\n\r\n")
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split()[0])
                await reader.readexactly(length)
                self.requests += 1
                if not head.startswith(b"HTTP/1.1 200"):
                    self.failures.append(head.split(b"\r\n")[0].decode())
                await asyncio.sleep(0.005)
        if not self.ended:
            self.failures.append("a connection was closed")
        writer.close()

    async def send(self) -> None:
        address = f"ws://127.0.0.1:{self.port}/socket.io/?EIO=4&transport=websocket"
        try:
            async with websockets.connect(address) as client:
                await client.recv()
                await client.send("40")
                await client.recv()
                while not self.ended:
                    await client.send('421["look",null]')
                    while not str(answer := await client.recv()).startswith("431"):
                        if answer == "2":
                            await client.send("3")
                    self.events += 1
                    if not json.loads(str(answer)[3:])[0]["ok"]:
                        self.failures.append(str(answer))
                    await asyncio.sleep(0.005)
        except websockets.ConnectionClosed as closed:
            self.failures.append(f"a socket was closed: {closed}")


def write(folder: Path, version: int, sockets: bool) -> None:
    table = TABLE + (SOCKETS if sockets else "")
    (folder / "routes.yaml").write_text(table.replace("VERSION", str(version)) if version else "wrong")
    (folder / "things.py").write_text(HANDLERS.replace("VERSION", str(version or 1)))


def memory(pid: int) -> str:
    """Resident memory of a process and of its workers, in MB."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    pages = [int(Path(f"/proc/{each}/statm").read_text().split()[1]) for each in (str(pid), *children)]
    return " + ".join(f"{count * os.sysconf('SC_PAGE_SIZE') / 1e6:.0f}" for count in pages)


async def measure(reloads: int, workers: int) -> int:
    with tempfile.TemporaryDirectory(prefix="reload-") as name:
        folder = Path(name)
        sockets = workers == 1
        write(folder, 1, sockets)
        command = [sys.executable, "-m", "hapiish", "run", str(folder / "routes.yaml"), "--port", "0"]
        with (folder / "log").open("w") as log:
            server = subprocess.Popen(  # noqa: ASYNC220 - before the load begins
                [*command, "--workers", str(workers)], stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert server.stdout is not None
        port = int(server.stdout.readline().rpartition(":")[2])
        path = folder / ".hapiish" / f"run-{server.pid}.sock"
        load = Load(port)
        tasks = [asyncio.create_task(load.request()) for _ in range(CLIENTS)]
        tasks += [asyncio.create_task(load.send()) for _ in range(CLIENTS if sockets else 0)]
        await asyncio.sleep(1)
        print(f"workers {workers}: RSS at the start {memory(server.pid)} MB", flush=True)
        for number in range(1, reloads + 1):
            wrong = number % 10 == 0
            write(folder, 0 if wrong else number + 1, sockets)
            answer: dict[str, Any] = await asyncio.to_thread(control.ask, path, {"do": "reload"}, 60)
            if answer.get("applied") is wrong:
                load.failures.append(f"reload {number}: {answer}")
            if number in (20, 100, 200, 500, 1000):
                print(f"workers {workers}: RSS after {number} reloads {memory(server.pid)} MB", flush=True)
        load.ended = True
        await asyncio.gather(*tasks)
        counts = f"{load.requests} requests, {load.events} events, {len(load.failures)} failures"
        print(f"workers {workers}: {reloads} reloads, {counts} {load.failures[:3]}", flush=True)
        server.send_signal(signal.SIGTERM)
        server.wait()
        return len(load.failures)


def main() -> None:
    """Runs the reloads of the command line; exits with 1 after a failure."""
    parser = argparse.ArgumentParser(prog="bench/reload/run", description=__doc__)
    parser.add_argument("--reloads", type=int, default=1000, help="number of reloads (1000)")
    parser.add_argument("--workers", type=int, default=1, help="worker processes (1)")
    options = parser.parse_args()
    sys.exit(1 if asyncio.run(measure(options.reloads, options.workers)) else 0)


if __name__ == "__main__":
    main()

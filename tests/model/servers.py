"""Workers of the chat with one MongoDB and one Redis, and for each device a proxy that can cut its network."""

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.cluster.cluster import ROOT, SECRET, Worker
from tests.cluster.processes import Reaper
from tests.redis_server import RedisServer


class Servers:
    """Workers that share a database and a Redis. Each of them may be killed."""

    def __init__(self, count: int, mongo_uri: str, redis: RedisServer, table: Path = ROOT / "routes.yaml") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hapiish-model-"))
        self.reaper = Reaper(self.folder)
        self.env = {
            **{name: text for name, text in os.environ.items() if not name.startswith("HAPIISH_RUN")},
            "JWT_SECRET": SECRET,
            "MONGODB_URI": mongo_uri,
            "PYTHONPATH": str(ROOT),
            "CHAT_SWEEPER_PACE": "0.05",
            "REDIS_URL": redis.url,
            "TRUSTED_PROXY": "127.0.0.1",
        }
        self.table = table
        self.workers = [Worker(number, table, self.env, self.folder, self.reaper) for number in range(1, count + 1)]

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "hapiish", "indexes", str(self.table), "--apply"]
        subprocess.run(command, env=self.env, capture_output=True, check=True)
        for worker in self.workers:
            worker.spawn()
        for worker in self.workers:
            worker.wait_until_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self.workers:
            worker.kill()
        self.reaper.close()

    @property
    def ports(self) -> list[int]:
        """The ports of the workers that run."""
        return [worker.port for worker in self.workers if worker.is_running]


class Door:
    """The network of one device: a port that forwards connections to a running worker.

    It can refuse connections, cut them, or stop to forward data.
    """

    def __init__(self, servers: Servers, number: int) -> None:
        self.servers = servers
        self.url = ""
        self._number = number
        self._connections: set[asyncio.Task[None]] = set()
        self._is_open = True
        self._passes = asyncio.Event()
        self._passes.set()
        self._server: asyncio.Server | None = None

    async def install(self) -> None:
        """Starts to listen."""
        self._server = await asyncio.start_server(self._enter, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def remove(self) -> None:
        """Stops listening and ends all connections."""
        if self._server is not None:
            self._server.close()
        self.cut()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def cut(self) -> None:
        """Ends all connections, also in the middle of a request or an answer."""
        for task in self._connections:
            task.cancel()

    def shut(self) -> None:
        """Ends all connections and refuses new ones."""
        self._is_open = False
        self.cut()

    def stall(self) -> None:
        """Forwards no data and keeps all connections open, as the network of a phone in a tunnel."""
        self._passes.clear()

    def open(self) -> None:
        """Ends `shut` and `stall`."""
        self._is_open = True
        self._passes.set()

    async def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        opposite: asyncio.StreamWriter | None = None
        try:
            ports = self.servers.ports
            if not self._is_open or not ports:
                return
            self._number += 1
            source, opposite = await asyncio.open_connection("127.0.0.1", ports[self._number % len(ports)])
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._pass(reader, opposite))
                ways.create_task(self._pass(source, writer))
        except* (OSError, asyncio.CancelledError, EOFError):
            pass
        finally:
            self._connections.discard(task)
            for each in (writer, opposite):
                if each is not None:
                    each.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self._passes.wait()
            writer.write(data)
            await writer.drain()
        raise EOFError

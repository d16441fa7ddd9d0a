"""A worker process of `hapiish run --workers N`, which follows its supervisor.

The supervisor asks for a reload in two steps, so that all workers serve the same table: `prepare`, then `commit` or
`abort`. Messages are tuples over a pipe; the end of the pipe is that of the supervisor, which ends the worker as well.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any, ClassVar

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from hapiish.app import Application
from hapiish.cli.process import UvicornServer
from hapiish.reload import Outcome, watch

log = logging.getLogger("hapiish")

# From the supervisor: (PREPARE, number), (COMMIT, number), (ABORT, number), (STOP,); (RELOADED, problems) after WANTED.
PREPARE, COMMIT, ABORT, STOP, RELOADED = "prepare", "commit", "abort", "stop", "reloaded"

# From a worker: (STARTED,), (PREPARED, number, hash), (REFUSED, number, reason), (DONE, number), (WANTED,).
STARTED, PREPARED, REFUSED, DONE, WANTED = "started", "prepared", "refused", "done", "wanted"


class Worker(UvicornServer):
    """The server of a worker process. `watches` asks the supervisor for a reload when a file changes."""

    signals: ClassVar[tuple[int, ...]] = (signal.SIGTERM,)

    def __init__(self, config: uvicorn.Config, app: Application, connection: Connection, *, watches: bool) -> None:
        super().__init__(config, app)
        self.connection = connection
        self.watches = watches
        self._decisions: dict[int, asyncio.Future[bool]] = {}
        self._reloaded: asyncio.Future[Sequence[str]] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Begins the end. Only the supervisor cuts it off, since a signal may reach all processes of a group twice."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts the server and follows the supervisor."""
        await super().startup(sockets)
        if not self.started:
            return
        asyncio.get_running_loop().add_reader(self.connection.fileno(), self._receive)
        if self.watches:
            self._spawn(watch(self.app.server, self._want_reload))
            await asyncio.sleep(0)  # it watches before the supervisor prints the address
        self._send(STARTED)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends the server."""
        for task in self._tasks:
            task.cancel()
        await super().shutdown(sockets)

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _send(self, *message: object) -> None:
        try:
            self.connection.send(message)
        except OSError:
            self.should_exit = True

    def _receive(self) -> None:
        try:
            kind, *values = self.connection.recv()
        except (EOFError, OSError):
            asyncio.get_running_loop().remove_reader(self.connection.fileno())
            log.error("the supervisor has ended, so this worker ends")  # noqa: TRY400 - no failure of its own
            self.should_exit = True
            self._decide_all(False)
            return
        if kind == STOP:
            self.should_exit = True
        elif kind == PREPARE:
            self._decisions[values[0]] = asyncio.get_running_loop().create_future()
            self._spawn(self._reload(*values))
        elif kind in (COMMIT, ABORT):
            decision = self._decisions.get(values[0])
            if decision is not None and not decision.done():
                decision.set_result(kind == COMMIT)
        elif kind == RELOADED and self._reloaded is not None and not self._reloaded.done():
            self._reloaded.set_result(values[0])

    def _decide_all(self, agreed: bool) -> None:
        for decision in self._decisions.values():
            if not decision.done():
                decision.set_result(agreed)

    async def _reload(self, number: int) -> None:
        async def agree(outcome: Outcome) -> bool:
            self._send(PREPARED, number, outcome.after)
            return await self._decisions[number]

        try:
            outcome = await self.app.replace_table(agree)
            if outcome.new is None:
                self._send(REFUSED, number, "\n".join(map(str, outcome.problems)))
        except Exception as error:
            log.exception("the reload failed")
            self._send(REFUSED, number, f"{type(error).__name__}: {error}")
        finally:
            del self._decisions[number]
        self._send(DONE, number)

    async def _want_reload(self) -> Sequence[str]:
        """Asks the supervisor for a reload; returns the problems."""
        self._reloaded = asyncio.get_running_loop().create_future()
        self._send(WANTED)
        return await self._reloaded


def run(server: Worker, listener: socket.socket) -> None:
    """Runs a worker in its process, until it ends."""
    for number in (signal.SIGINT, signal.SIGHUP):  # for the supervisor; a terminal sends them to every process
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    server.run([listener])
    sys.stdout.flush()
    logging.shutdown()
    # Threads that still run end here.
    os._exit(0 if server.started else STARTUP_FAILURE)

"""One serving process: uvicorn's server with hapiish's end, and the server of a run without workers.

The end: readiness fails, and after `server.drainDelay` no connection is accepted; sockets are told and closed, requests
in progress have `server.shutdownTimeout`, and what is then unfinished is cut off with a 503.
"""

import asyncio
import json
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from time import monotonic
from typing import Any, ClassVar

import uvicorn

from hapiish.app import Application
from hapiish.cli import control
from hapiish.cli.reload import as_text
from hapiish.http.serving.protocol import HttpProtocol
from hapiish.http.serving.websocket import WebSocketProtocol
from hapiish.reload import Outcome
from hapiish.server import LAST_WAIT

log = logging.getLogger("hapiish")

STEP = 0.05
"""Seconds between two checks of an end in progress."""

MOST_LOGGED = 20
"""Changes of a table in one line of the log."""


class UvicornServer(uvicorn.Server):
    """uvicorn's server of an application. A second signal ends it at once."""

    signals: ClassVar[tuple[int, ...]] = (signal.SIGINT, signal.SIGTERM)

    def __init__(self, config: uvicorn.Config, app: Application) -> None:
        super().__init__(config)
        self.app = app

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serves until the end; tasks and threads that do not end are left, as `asyncio.run` would wait for them."""
        loop = self.config.get_loop_factory()()  # type: ignore[misc]
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(self.serve(sockets))
        finally:
            loop.run_until_complete(_end_tasks())
            loop.close()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Context in which the signals end the server, which does not raise them again."""
        before = {number: signal.signal(number, self.handle_exit) for number in self.signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Begins the end; at the second signal, cuts it off."""
        if self.should_exit:
            self.end_at_once()
        self.should_exit = True

    def end_at_once(self) -> None:
        """Cuts off the end in progress, and ends a process whose event loop does not run."""
        if not self.force_exit:
            self.force_exit = True
            timer = threading.Timer(1, os._exit, (1,))
            timer.daemon = True
            timer.start()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts the server, which then knows its port."""
        await super().startup(sockets)
        if self.started and not self.config.uds:
            self.app.server.listening(self.servers[0].sockets[0].getsockname()[1])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends the server, as the module describes."""
        server = self.app.server
        server.draining = True
        await self._until(lambda: False, server.settings.drain_delay / 1000)
        for listener in (*self.servers, *(sockets or ())):
            listener.close()
        server.stopping()
        for connection in list(self.server_state.connections):
            if not isinstance(connection, WebSocketProtocol):
                connection.shutdown()
        closing = asyncio.ensure_future(self._close_sockets())
        state = self.server_state
        is_idle = await self._until(
            lambda: closing.done() and not state.tasks and not state.connections, server.time_to_stop()
        )
        if not is_idle:
            await self._cut_off()
        if not self.force_exit:
            await self.lifespan.shutdown()

    async def _until(self, is_reached: Callable[[], bool], seconds: float) -> bool:
        """Waits until a condition holds, for at most `seconds`, and not after a second signal; returns whether it does.

        Keeps uvicorn's date header current.
        """
        until = monotonic() + seconds
        while not is_reached() and not self.force_exit:
            left = until - monotonic()
            if left <= 0:
                return False
            await self.on_tick(0)
            await asyncio.sleep(min(STEP, left))
        return not self.force_exit

    async def _close_sockets(self) -> None:
        server = self.app.server
        if server.realtime is not None:
            await server.realtime.shutdown(grace_ms=round(server.time_to_stop() * 1000))

    async def _cut_off(self) -> None:
        """Cancels what still runs; a request without a response is answered 503."""
        tasks = list(self.server_state.tasks)
        if not tasks:
            return
        log.error("%d requests and sockets were cut off at the end of the server", len(tasks))
        for task in tasks:
            task.cancel()
        _, stubborn = await asyncio.wait(tasks, timeout=LAST_WAIT)
        if stubborn:
            for connection in list(self.server_state.connections):
                if isinstance(connection, HttpProtocol):
                    connection.cut_off()
        await self._until(lambda: not self.server_state.connections, LAST_WAIT)


class Alone(UvicornServer):
    """The only process of a run: announces its address, and reloads by its control socket and by SIGHUP."""

    def __init__(self, config: uvicorn.Config, app: Application, announce: Callable[[int | None], None]) -> None:
        super().__init__(config, app)
        self.announce = announce
        self._tasks: set[asyncio.Task[Any]] = set()
        self._control = ExitStack()
        self._hangs_up = Hangup()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts the server, then its control socket, and prints the address."""
        await super().startup(sockets)
        if not self.started:
            return
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._hang_up)
        try:
            listener = self._control.enter_context(control.listening(self.app.server.current.table.file))
        except OSError as error:
            log.warning("there is no control socket, only SIGHUP reloads: %s", error)
        else:
            served = await asyncio.start_unix_server(self._serve_control, sock=listener, limit=control.LONGEST)
            self._control.callback(served.close)
        self.announce(self.app.server.port)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends the server, first its control socket."""
        self._control.close()
        asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)
        await super().shutdown(sockets)

    def _hang_up(self) -> None:
        if self._hangs_up.is_terminal_closed():
            self.should_exit = True
            return
        task = asyncio.create_task(self._reload({}))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve_control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, ValueError, TimeoutError):
            async with asyncio.timeout(control.PATIENCE):
                request = control.read_request(await reader.readline())
            answer = await self._answer(request)
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()

    async def _answer(self, request: control.Message) -> control.Message:
        if request.get("do") == "reload":
            return await self._reload(request)
        server = self.app.server
        address = address_of(self.config, server.port)
        return control.status_of(
            server.current.table, address=address, port=server.port, workers=1, hash=server.table_hash
        )

    async def _reload(self, request: control.Message) -> control.Message:
        dry_run = bool(request.get("dryRun"))
        try:
            outcome = await self.app.replace_table(_disagree if dry_run else None)
        except Exception as error:
            log.exception("the reload failed")
            return control.failure(error)
        answer = await asyncio.to_thread(control.answer_of, outcome, colour=bool(request.get("colour")))
        if not dry_run:
            log_outcome(outcome, answer)
        return answer


_left: set[asyncio.Task[Any]] = set()
"""Tasks that have outlived their event loop."""


async def _end_tasks() -> None:
    """Cancels the tasks that are left, and closes asynchronous generators, within `LAST_WAIT` each."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        _left.update((await asyncio.wait(tasks, timeout=LAST_WAIT))[1])
    with suppress(TimeoutError):
        async with asyncio.timeout(LAST_WAIT):
            await asyncio.get_running_loop().shutdown_asyncgens()


def end_process(status: int) -> int:
    """Returns the exit status; ends the process here if tasks or threads run that its end would wait for."""
    if _left or any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
        sys.stdout.flush()
        logging.shutdown()
        os._exit(status)
    return status


class Hangup:
    """Tells a SIGHUP of a closed terminal, which ends the server, from one that asks for a reload."""

    def __init__(self) -> None:
        self._had_terminal = _has_terminal()

    def is_terminal_closed(self) -> bool:
        """Returns whether the terminal in which the server was started is gone."""
        return self._had_terminal and not _has_terminal()


def _has_terminal() -> bool:
    try:
        os.tcgetpgrp(0)
    except OSError:
        return False
    return sys.stdin is not None


async def _disagree(outcome: Outcome) -> bool:
    return False


def log_outcome(outcome: Outcome, answer: control.Message) -> None:
    """Logs a reload: the problems, or the hashes and the differences."""
    for said in dict.fromkeys(map(str, outcome.problems)):
        log.error("%s", said)
    if outcome.new is None:
        log.error("the old table goes on: %s", outcome.before)
        return
    changes = answer["changes"]
    more = [f"and {len(changes) - MOST_LOGGED} more"] if len(changes) > MOST_LOGGED else []
    shown = {**answer, "changes": [*changes[:MOST_LOGGED], *more], "atNextStart": []}
    log.info("%s", as_text("reloaded", shown).replace("\n ", ""))


def address_of(config: uvicorn.Config, port: int | None) -> str:
    """Returns the address of a server; without a port, that of its Unix socket."""
    host = f"[{config.host}]" if ":" in config.host else config.host
    scheme = "https" if config.is_ssl else "http"
    return f"{scheme}://{host}:{port}" if port is not None else f"unix:{config.uds}"

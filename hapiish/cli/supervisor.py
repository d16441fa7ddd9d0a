"""The supervisor of `hapiish run --workers N`: starts workers, replaces those that end, reloads and stops them all.

Workers are forks of it, and it holds the table that serves, with its modules, but serves nothing itself. A worker that
replaces another therefore serves the table of the others, whatever the files contain at that time. A new table is
checked by it first; the workers prepare it, and serve it when all of them have.
"""

import asyncio
import json
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from time import monotonic
from typing import Any, Final

from uvicorn.config import STARTUP_FAILURE

from hapiish.app import Application
from hapiish.cli import control, worker
from hapiish.cli.process import Hangup, log_outcome
from hapiish.reload import Outcome
from hapiish.server import LAST_WAIT

log = logging.getLogger("hapiish")

PREPARATION: Final = 120.0
"""Seconds in which the workers have to prepare a table, and to judge their sockets by it."""

MARGIN: Final = 10.0
"""Seconds beyond `drainDelay` and `shutdownTimeout` after which a worker is killed."""

HEALTHY: Final = 10.0
"""Seconds after which a worker counts as healthy: if it ends, it is replaced at once."""

LONGEST_PAUSE: Final = 30.0
"""Maximum seconds before a worker is replaced that does not become healthy."""

_fork = get_context("fork")

MakeWorker = Callable[[Application, Connection, int], worker.Worker]


@dataclass(eq=False)
class WorkerHandle:
    """A worker as its supervisor sees it. `index` is its place."""

    index: int
    process: Any
    connection: Connection
    since: float = field(default_factory=monotonic)
    started: bool = False


class Supervisor:
    """Runs `count` workers of an application that is not started; `make_worker` is called in a new process.

    `announce` is called with the address once all workers have started.
    """

    def __init__(
        self,
        app: Application,
        listener: socket.socket,
        count: int,
        *,
        address: str,
        make_worker: MakeWorker,
        announce: Callable[[str], None],
    ) -> None:
        self.app = app
        self.listener = listener
        self.count = count
        self.make_worker = make_worker
        self.members: list[WorkerHandle] = []
        self.is_stopping = False
        self.is_failed = False
        self.has_started = False
        self.address = address
        self.announce = announce
        self._due: dict[int, float] = {}  # when a place is to be filled again
        self._failures = 0
        self._put_off: list[tuple[WorkerHandle, str]] = []  # messages that arrived during a reload
        self._signals: list[int] = []
        self._number = 0
        self._hangs_up = Hangup()
        self._sockets = ExitStack()
        self._control: socket.socket | None = None
        self._wakeup, self._woken = socket.socketpair()

    def run(self) -> int:
        """Runs the workers until a signal; returns the exit status."""
        for end in (self._wakeup, self._woken):
            end.setblocking(False)
        signal.set_wakeup_fd(self._woken.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda number, frame: self._signals.append(number))
        with self._sockets:
            try:
                self._control = self._sockets.enter_context(control.listening(self.app.server.current.table.file))
            except OSError as error:
                log.warning("there is no control socket, only SIGHUP reloads: %s", error)
            for index in range(self.count):
                self._start(index)
            while not self.is_stopping:
                self._turn()
        self._stop()
        return 1 if self.is_failed else 0

    # Workers

    def _start(self, index: int) -> None:
        self._due.pop(index, None)
        ours, theirs = _fork.Pipe()
        process = _fork.Process(target=self._become_worker, args=(ours, theirs, index))
        process.start()
        theirs.close()
        self.members.append(WorkerHandle(index, process, ours))

    def _become_worker(self, ours: Connection, theirs: Connection, index: int) -> None:
        """Runs in the new process: closes what is the supervisor's, and serves."""
        for member in self.members:
            member.connection.close()
        ours.close()
        self._wakeup.close()
        self._woken.close()
        if self._control is not None:
            self._control.close()
        signal.set_wakeup_fd(-1)
        worker.run(self.make_worker(self.app, theirs, index), self.listener)

    def _replace(self, member: WorkerHandle) -> None:
        """Fills the place of a worker that has ended, after a pause if it was never healthy."""
        member.process.join()
        member.connection.close()
        self.members.remove(member)
        code = member.process.exitcode
        if code == STARTUP_FAILURE and not self.has_started:
            log.error("worker %d could not start", member.process.pid)
            self.is_failed = self.is_stopping = True
            return
        lived = monotonic() - member.since
        self._failures = 0 if lived >= HEALTHY else self._failures + 1
        pause = min(LONGEST_PAUSE, 2.0 ** (self._failures - 2)) if self._failures > 1 else 0.0
        log.error("worker %d has ended with status %d and is replaced", member.process.pid, code)
        self._due[member.index] = monotonic() + pause

    # Events

    def _turn(self) -> None:
        """Waits for the next event, and handles it."""
        for index in [index for index, due in self._due.items() if due <= monotonic()]:
            self._start(index)
        pause = min(self._due.values()) - monotonic() if self._due else None
        for each in self._ready(pause):
            if each is self._wakeup:
                self._handle_signals()
            elif each is self._control:
                self._serve_control()
            elif isinstance(each, WorkerHandle):
                for message in _messages(each):
                    self._handle(each, *message)
        while self._put_off:
            self._handle(*self._put_off.pop(0))
        for member in [member for member in self.members if not member.process.is_alive()]:
            self._replace(member)

    def _handle(self, member: WorkerHandle, kind: str, *values: Any) -> None:
        if kind == worker.STARTED:
            member.started = True
            if not self.has_started and len(self.members) == self.count and all(each.started for each in self.members):
                self.has_started = True
                self.announce(self.address)
        elif kind == worker.WANTED:
            _send(member, worker.RELOADED, self._reload_wanted())

    def _ready(self, seconds: float | None, *, all_of: bool = True) -> list[Any]:
        """Returns what is ready: the wakeup of signals, the control socket, and members with messages."""
        members = {member.connection: member for member in self.members}
        watched: list[Any] = [self._wakeup, *members, *(member.process.sentinel for member in self.members)]
        if all_of and self._control is not None:
            watched.append(self._control)
        found = wait(watched, None if seconds is None else max(0.0, seconds))
        if self._wakeup in found:
            with suppress(BlockingIOError):
                self._wakeup.recv(4096)
        return [members.get(each, each) if isinstance(each, Connection) else each for each in found]

    def _handle_signals(self) -> None:
        while self._signals:
            number = self._signals.pop(0)
            if number == signal.SIGHUP and not self._hangs_up.is_terminal_closed():
                self._reload({})
            else:
                self.is_stopping = True

    def _serve_control(self) -> None:
        assert self._control is not None
        with suppress(OSError):
            connection, _ = self._control.accept()
            with connection:
                connection.settimeout(control.PATIENCE)
                with connection.makefile("rb") as stream:
                    request = control.read_request(stream.readline(control.LONGEST))
                connection.sendall(json.dumps(self._answer(request)).encode() + b"\n")

    def _answer(self, request: control.Message) -> control.Message:
        if request.get("do") == "reload":
            return self._reload(request)
        server = self.app.server
        return control.status_of(
            server.current.table,
            address=self.address,
            port=server.port,
            workers=len(self.members),
            hash=server.table_hash,
        )

    # Reload

    def _reload_wanted(self) -> list[str]:
        """Reloads because a file has changed; returns the problems."""
        answer = self._reload({})
        return [answer["error"]] if "error" in answer else answer["problems"].splitlines()

    def _reload(self, request: control.Message) -> control.Message:
        dry_run = bool(request.get("dryRun"))
        refusals: list[str] = []
        try:
            outcome = asyncio.run(self.app.replace_table(partial(self._agree, refusals, dry_run)))
        except Exception as error:
            log.exception("the reload failed")
            return control.failure(error)
        if refusals:
            log.error("the old table goes on: %s: %s", outcome.before, "; ".join(refusals))
            return control.failure("; ".join(refusals))
        answer = control.answer_of(outcome, colour=bool(request.get("colour")))
        if not dry_run:
            log_outcome(outcome, answer)
        return answer

    async def _agree(self, refusals: list[str], dry_run: bool, outcome: Outcome) -> bool:
        """Returns True once every worker serves the new table; adds the reasons of those that refuse to `refusals`.

        Blocks: nothing else runs in this loop. A worker that ends meanwhile is replaced by one with the right table.
        """
        if dry_run:
            return False
        self._number += 1
        number = self._number
        asked = [member for member in self.members if _send(member, worker.PREPARE, number)]
        prepared: list[WorkerHandle] = []
        for member, (kind, *values) in self._answers(number, asked, worker.PREPARED, worker.REFUSED):
            if kind == worker.PREPARED and values[0] == outcome.after:
                prepared.append(member)
            elif kind == worker.PREPARED:
                refusals.append("the table changed while it was read; try again")
            else:
                refusals.append(values[0])
        missing = [member for member in asked if member not in prepared and member.process.is_alive()]
        if missing and not refusals:
            refusals.append(f"{len(missing)} workers did not prepare the table in time")
        agreed = not refusals
        told = [member for member in asked if _send(member, worker.COMMIT if agreed else worker.ABORT, number)]
        if agreed:
            for _ in self._answers(number, told, worker.DONE):
                pass
        return agreed

    def _answers(
        self, number: int, asked: list[WorkerHandle], *kinds: str
    ) -> Iterator[tuple[WorkerHandle, tuple[Any, ...]]]:
        """Yields one answer of each member to the reload `number`, until all have answered, ended, or take too long."""
        until = monotonic() + PREPARATION
        waiting = list(asked)
        while (waiting := [member for member in waiting if member.process.is_alive()]) and monotonic() < until:
            if any(number != signal.SIGHUP for number in self._signals):
                return  # the end does not wait for a reload
            for each in self._ready(until - monotonic(), all_of=False):
                for kind, *values in _messages(each) if isinstance(each, WorkerHandle) else ():
                    if kind in (worker.STARTED, worker.WANTED):
                        self._put_off.append((each, kind))
                    elif kind in kinds and values[0] == number and each in waiting:
                        waiting.remove(each)
                        yield each, (kind, *values[1:])

    # End

    def _stop(self) -> None:
        """Stops the workers; kills those that take too long, or all at a second signal."""
        self.listener.close()
        settings = self.app.server.settings
        for member in self.members:
            _send(member, worker.STOP)
        until = monotonic() + (settings.drain_delay + settings.shutdown_timeout) / 1000 + 2 * LAST_WAIT + MARGIN
        while any(member.process.is_alive() for member in self.members):
            left = until - monotonic()
            if self._signals or left <= 0:
                break
            wait([self._wakeup, *(member.process.sentinel for member in self.members)], left)
            with suppress(BlockingIOError):
                self._wakeup.recv(4096)
            self.members = [member for member in self.members if member.process.is_alive()]
        for member in self.members:
            if member.process.is_alive():
                log.error("worker %d did not end in time and is killed", member.process.pid)
                self.is_failed = True
                member.process.kill()
            member.process.join()


def _messages(member: WorkerHandle) -> Iterator[tuple[Any, ...]]:
    """Yields the messages that have arrived from a worker; none from one that has ended."""
    try:
        while member.connection.poll():
            yield member.connection.recv()
    except (EOFError, OSError):
        member.process.join(1)


def _send(member: WorkerHandle, *message: object) -> bool:
    """Sends a message; returns False to a worker that has ended."""
    try:
        member.connection.send(message)
    except OSError:
        return False
    return True

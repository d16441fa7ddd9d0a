"""Reading: the packets of one client, handled in order within a line, and lines beside each other.

    source ─► read ─► the packet's line is free ─► begin        a line is what a Socket.IO namespace is to a client
                    └ it is taken ─► waits in the line

A packet is handled by the task that has read it. If that handling suspends, another task reads on, and the first one
then handles what waits in its line; a packet that is handled without suspending costs no task. What waits is bounded:
when it is too much, nothing is read until there is room (backpressure).
"""

import asyncio
import types
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable
from contextvars import ContextVar, copy_context
from typing import Any, Protocol

from hapiish.realtime.engineio.errors import MalformedError
from hapiish.types import Message

MOST_WAITING = 32
"""Packets of one client that wait for earlier ones of their lines; further ones wait in the kernel (backpressure)."""

MOST_WAITING_BYTES = 1 << 18
"""Bytes of them from which no further one is read."""

MOST_RUNS = 64
"""Packets of one client that are being handled, in all lines, before no further one is read."""

PACKETS_PER_TURN = 32
"""Packets of one client that are handled before the event loop runs other tasks, however many have arrived."""

TURN = range(PACKETS_PER_TURN)

Work = Coroutine[Any, Any, None]
Receive = Callable[[], Awaitable[Message]]


class Run:
    """A task that handles packets of one client, one at a time; `busy` while it does.

    The layer above sets, for each packet, the `line` that the packet belongs to, `beside` for a packet that takes no
    place in it, and `context`, `leaving` and `settled`, which are its own. `ended` is set while a suspended packet is
    handled, and done after it.
    """

    __slots__ = ("beside", "busy", "context", "ended", "leaving", "line", "settled", "transport")

    def __init__(self, transport: Any) -> None:
        self.transport = transport
        self.busy = False
        self.line = ""
        self.beside = False
        self.context: Any = None
        self.leaving: list[Any] = []
        self.settled = False
        self.ended: asyncio.Future[None] | None = None


current_run: ContextVar[Run | None] = ContextVar("current_run", default=None)
"""The run of the current task; threads and tasks started by a handler inherit it."""


class Source:
    """The packets of a WebSocket, or of the body of one POST. One task at a time is its `reader`.

    `over` is done at the end of the source; it has the error of a task that was not the first.
    """

    __slots__ = ("context", "over", "reader", "receive", "run")

    def __init__(self, receive: Receive, run: Run) -> None:
        self.receive = receive
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.context = copy_context()
        self.run = run
        self.reader: asyncio.Task[Any] | None = None

    def end(self, error: Exception | None = None) -> None:
        """Ends the source, once."""
        _done(self.over, error)


class Handled(Protocol):
    """The transport of a client."""

    open: bool
    small: int
    run: Run
    on_packet: Callable[[str | bytes], Work | None]
    begin: Callable[[Run, Any], Work]

    def take(self, message: Message) -> Work | bool:
        """Returns the work for a message, or whether the source goes on. Raises MalformedError."""

    def abort(self, error: MalformedError) -> None:
        """Ends the connection of a client that violates the protocol."""


class Reading:
    """The lines of one client: `lines` are those in use, `runs` the suspended runs.

    `crowds` has, by line, the packets that take no place in it and wait until one of their kind is handled.
    """

    __slots__ = ("_bytes", "_count", "_room", "_transport", "crowds", "lines", "runs")

    def __init__(self, transport: Handled) -> None:
        self._transport = transport
        self.lines: dict[str, deque[tuple[Any, int]]] = {}
        self.crowds: dict[str, deque[tuple[Any, int]]] = {}
        self.runs: set[Run] = set()
        self._count = 0
        self._bytes = 0
        self._room: asyncio.Future[None] | None = None  # of the reader that waits for room

    @property
    def stalled(self) -> bool:
        """True while nothing is read, because too much waits."""
        return self._room is not None

    def wait(self, line: str, packet: Any, size: int) -> None:
        """Appends a packet to a line that is taken."""
        self.lines[line].append((packet, size))
        self._count += 1
        self._bytes += size

    def wait_beside(self, line: str, packet: Any, size: int) -> None:
        """Appends a packet to those that run beside a line, of which enough run now."""
        self.crowds.setdefault(line, deque()).append((packet, size))
        self._count += 1
        self._bytes += size

    # The reader

    async def read(self, source: Source, run: Run) -> bool:
        """Handles the packets of a source; returns True at its end, False when another task reads on.

        Raises MalformedError.
        """
        transport, receive = self._transport, source.receive
        on_packet, small = transport.on_packet, transport.small
        work: Work | bool | None
        transport.run = run
        await self._until_room()
        while True:
            for _ in TURN:
                message = await receive()
                if not transport.open:
                    return True
                text = message.get("text")
                if text and text[0] == "4" and len(text) <= small:
                    work = on_packet(text[1:])
                else:
                    work = transport.take(message)
                if work is None or work is True:
                    if self._is_full():
                        await self._until_room()
                    continue
                if work is False:
                    return True
                run.busy = True
                try:
                    future = work.send(None)
                except StopIteration:
                    run.busy = False
                    continue
                self._suspended(source, run)
                try:
                    await _resumed(work, future)
                    await self._handle_line(run)
                finally:
                    self._ended(run)
                return False
            await asyncio.sleep(0)

    def _suspended(self, source: Source, run: Run) -> None:
        run.ended = asyncio.get_running_loop().create_future()
        self.runs.add(run)
        if run.line in self.lines:
            run.beside = True
        if not run.beside:
            self.lines[run.line] = deque()
        source.run = successor = Run(run.transport)
        source.reader = asyncio.create_task(self.read_on(source, successor), context=source.context.copy())

    async def read_on(self, source: Source, run: Run) -> None:
        """Reads a source, as a task of its own."""
        current_run.set(run)
        try:
            if await self.read(source, run):
                source.end()
        except MalformedError as error:
            self._transport.abort(error)
            source.end(error)
        except asyncio.CancelledError:
            source.end()
            raise
        except Exception as error:  # noqa: BLE001  the first task of the source raises it
            source.end(error)

    async def _handle_line(self, run: Run) -> None:
        """Handles the packets that wait in the line of a run, or beside it."""
        queues = self.crowds if run.beside else self.lines
        name, own = run.line, not run.beside
        queue = queues.get(name)
        if queue is None:
            return
        transport = self._transport
        try:
            while queue and transport.open:
                for _ in TURN:
                    if not queue or not transport.open:
                        return
                    packet, size = queue.popleft()
                    self._count -= 1
                    self._bytes -= size
                    self._wake()
                    assert run.ended is not None
                    _done(run.ended)
                    run.ended = asyncio.get_running_loop().create_future()
                    await transport.begin(run, packet)
                await asyncio.sleep(0)
        except MalformedError as error:
            transport.abort(error)
        finally:
            if own or not queue or not transport.open:
                self._count -= len(queue)
                self._bytes -= sum(size for _, size in queue)
                queue.clear()
                if queues.get(name) is queue:
                    del queues[name]

    def _ended(self, run: Run) -> None:
        run.busy = False
        self.runs.discard(run)
        assert run.ended is not None
        _done(run.ended)
        self._wake()

    # Backpressure

    def _is_full(self) -> bool:
        return self._count >= MOST_WAITING or self._bytes > MOST_WAITING_BYTES or len(self.runs) >= MOST_RUNS

    async def _until_room(self) -> None:
        while self._is_full() and self._transport.open:
            self._room = asyncio.get_running_loop().create_future()
            try:
                await self._room
            finally:
                self._room = None

    def _wake(self) -> None:
        """Lets the reader go on once half of the room is free."""
        if (
            self._room is not None
            and self._count <= MOST_WAITING // 2
            and self._bytes <= MOST_WAITING_BYTES // 2
            and len(self.runs) < MOST_RUNS
        ):
            _done(self._room)

    def release(self) -> None:
        """Lets a reader that waits for room see that the transport has ended."""
        if self._room is not None:
            _done(self._room)

    # Ends

    async def settle(self, runs: Iterable[Run], grace: float | None = None) -> None:
        """Waits for the packets that `runs` are handling, `grace` seconds at most."""
        ended = [run.ended for run in runs if run.ended is not None]
        if ended:
            await asyncio.wait(ended, timeout=grace)


def _done(future: "asyncio.Future[None]", error: Exception | None = None) -> None:
    if not future.done():
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)


@types.coroutine
def _resumed(work: Work, future: Any) -> Generator[Any, Any, None]:
    """Continues a coroutine that waits for `future` in the task that has begun it."""
    while True:
        try:
            yield future
        except GeneratorExit:
            work.close()
            raise
        except BaseException as error:  # noqa: BLE001  the coroutine must receive a cancellation
            try:
                future = work.throw(error)
            except StopIteration:
                return
        else:
            break
    yield from work.__await__()

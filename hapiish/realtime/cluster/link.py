"""Link: one connection to a Redis server, on which commands are pipelined and published messages arrive."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from redis.asyncio.connection import Connection

from hapiish.realtime.cluster.resp import Parser, Reply, ReplyError, command

CHUNK = 65536
"""Bytes that are read at once."""

WORK_PER_TURN = 256
"""Deliveries that messages may cause before the event loop runs other tasks."""

PATIENCE = 2.0
"""Seconds for a server to accept a connection and to answer its first command."""

OnPush = Callable[[list[Any]], int]
"""Handles a published message or a confirmation; returns the number of deliveries that it caused."""

OnError = Callable[[ReplyError], None]
"""Handles an error that the server replied."""


class Link:
    """One open connection. `on_push` gets what the server sends without a command; without it, all are replies.

    Commands leave in order, all of one turn of the event loop with one write.
    """

    def __init__(self, connection: Connection, on_push: OnPush | None, on_error: OnError | None) -> None:
        self._connection: Any = connection
        self._incoming: Any = connection._reader  # noqa: SLF001 - see docs/upstream.md
        self._outgoing: Any = connection._writer  # noqa: SLF001
        self._loop = asyncio.get_running_loop()
        self._on_push = on_push
        self._on_error = on_error
        self._unsent: list[bytes] = []
        self._unsent_bytes = 0
        self._expected: deque[asyncio.Future[Any] | None] = deque()
        self._pongs: deque[asyncio.Future[Any]] = deque()
        self._task = asyncio.create_task(self._read())

    @classmethod
    async def open(
        cls, make: Callable[[], Any], on_push: OnPush | None = None, on_error: OnError | None = None
    ) -> "Link":
        """Connects and authenticates, with the connection that `make` returns. Raises RedisError and OSError."""
        connection = make()
        try:
            async with asyncio.timeout(PATIENCE):
                await connection.connect()
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        link = cls(connection, on_push, on_error)
        try:
            await link.ping(PATIENCE)
        except BaseException:
            link.close()
            raise
        return link

    @property
    def waiting(self) -> int:
        """The bytes that the connection has not accepted yet."""
        return self._unsent_bytes + int(self._outgoing.transport.get_write_buffer_size())

    @property
    def ended(self) -> asyncio.Task[None]:
        """The task that reads; it ends with the error that ended the connection."""
        return self._task

    def send(self, packed: bytes) -> None:
        """Sends a command whose reply is ignored."""
        if self._on_push is None:
            self._expected.append(None)
        self._put(packed)

    def ask(self, packed: bytes) -> asyncio.Future[Any]:
        """Sends a command; returns the future of its reply, which fails with ReplyError or the connection's error."""
        future: asyncio.Future[Any] = self._loop.create_future()
        self._expected.append(future)
        self._put(packed)
        return future

    async def ping(self, timeout: float) -> None:
        """Waits until the server has handled all earlier commands. Raises TimeoutError and the connection's error."""
        if self._on_push is None:
            await asyncio.wait_for(self.ask(command(b"PING")), timeout)
            return
        future: asyncio.Future[Any] = self._loop.create_future()
        self._pongs.append(future)
        self._put(command(b"PING"))
        await asyncio.wait_for(future, timeout)

    def close(self) -> None:
        """Closes the connection at once."""
        self._task.cancel()
        self._fail(ConnectionError("the connection to the queue is closed"))
        self._connection._close()  # noqa: SLF001

    def _put(self, packed: bytes) -> None:
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(packed)
        self._unsent_bytes += len(packed)

    def _flush(self) -> None:
        packed = b"".join(self._unsent)
        self._unsent.clear()
        self._unsent_bytes = 0
        if not (self._task.done() or self._outgoing.is_closing()):
            self._outgoing.write(packed)

    async def _read(self) -> None:
        parser = Parser()
        work = 0
        try:
            while chunk := await self._incoming.read(CHUNK):
                for reply in parser.feed(chunk):
                    work += 1 + self._handle(reply)
                    if work >= WORK_PER_TURN:
                        work = 0
                        await asyncio.sleep(0)
            raise ConnectionError("the server closed the connection")
        except Exception as error:
            self._fail(error)
            raise

    def _handle(self, reply: Reply) -> int:
        if self._on_error is not None and isinstance(reply, ReplyError):
            self._on_error(reply)
        if self._on_push is not None:
            if reply.__class__ is not list:
                if reply == b"PONG" and self._pongs:  # before the first subscription
                    _resolve(self._pongs.popleft(), reply)
                return 0
            if reply[0] != b"pong":
                return self._on_push(reply)
            if self._pongs:
                _resolve(self._pongs.popleft(), reply)
            return 0
        future = self._expected.popleft() if self._expected else None
        if future is not None:
            _resolve(future, reply)
        return 0

    def _fail(self, error: Exception) -> None:
        for future in (*self._expected, *self._pongs):
            if future is not None and not future.done():
                future.set_exception(error)
                future.exception()  # not everybody waits
        self._expected.clear()
        self._pongs.clear()


def _resolve(future: asyncio.Future[Any], reply: Reply) -> None:
    if future.done():
        return
    if isinstance(reply, ReplyError):
        future.set_exception(reply)
    else:
        future.set_result(reply)

"""The database of one application: opened in the lifespan, called through a bounded thread pool, monitored.

Independent of tables and requests. `errors.translate` decides the response to a database error.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, TypeVar, TypeVarTuple

from pymongo import timeout
from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError

from hapiish.boom import Boom
from hapiish.bridge import anywhere, is_on_loop, loop_only
from hapiish.store import errors, indexes, transactions
from hapiish.store.connection import DatabaseConnection, StoreError, Target, acquire, documents, extend, release
from hapiish.store.indexes import look_after
from hapiish.store.threads import Pool
from hapiish.store.watch import AT_ONCE, Watch

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

PATIENCE = 1000  # ms; health probes usually have a timeout of one second, too

log = logging.getLogger("hapiish.store")


class Store:
    """One database with its models and threads.

    `uri` is a MongoDB URI or `connection.MEMORY`. Its options override ours, and its database overrides `name`.
    `timeout_ms` bounds the wait for a server, for a connection and for the confirmation of a write; then the call is
    a 503. Calls run in `pool`, which the caller stops. A model class is in one database at a time: applications of one
    process share it if their settings are equal, else `start` raises StoreError. `indexes` selects how a start handles
    the indexes that the models declare.
    """

    def __init__(
        self,
        uri: str,
        *,
        name: str = "hapiish",
        pool: Pool,
        timeout_ms: int = 2000,
        models: Mapping[str, Any],
        indexes: indexes.Mode = "check",
    ) -> None:
        self.indexes = indexes
        self._pool = pool
        self._target = Target(uri, name, pool.threads, timeout_ms)
        self._classes = documents(models.values())
        self._probes = Pool(1)
        self._probe: asyncio.Future[bool] | None = None
        self._connection: DatabaseConnection | None = None
        self._are_indexes_pending = True
        self._index_check: asyncio.Future[None] | None = None
        self._watch = Watch(pool, self._answers, timeout_ms / 1000, self._recovered)

    @anywhere
    async def start(self) -> None:
        """Opens the connection. Call it after a fork. Logs an unavailable server; calls get a 503 until it answers.

        Raises StoreError for a wrong URI, a model that is connected to another database, and data that violates an
        index to build.
        """
        if self._connection is None:
            self._connection = await self._probes.call(acquire, self._target, self._classes)
        self._watch.start()
        if await self.ping():
            await self._probes.call(self._look_after_indexes)
        else:
            self._watch.lost(yet=True)
            self._watch.doubt()

    @loop_only
    async def stop(self) -> None:
        """Closes the connection and releases the models. Stop the pool before."""
        if not self.is_away and self._connection is not None and not await self.ping():
            self._watch.lost()
        seconds = AT_ONCE if self.is_away else PATIENCE / 1000
        await self._watch.stop()
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._probes.call(_close, connection, seconds)
        await self._probes.stop(seconds)

    @property
    def is_away(self) -> bool:
        """True during an outage."""
        return self._watch.is_away

    def adopt(self, models: Mapping[str, Any]) -> None:
        """Binds the classes of a reload, too. Raises StoreError if one is connected to another database."""
        classes = documents(models.values())
        if self._connection is not None:
            extend(self._connection, classes)
        self._classes = classes

    @anywhere
    async def call(self, function: Callable[[*Ts], T], /, *args: *Ts) -> T:
        """Returns the result of `function(*args)`, run in a thread of the pool. See `Pool.call` for cancellation."""
        return await self._pool.call(function, *args)

    def transaction(self, *, timeout_ms: int | None = None) -> AbstractContextManager[ClientSession]:
        """Runs a block of a `def` function in a transaction: `with store.transaction():`.

        The end of the block commits; an exception aborts and is raised. `timeout_ms` bounds the whole transaction and
        defaults to that of the store. A nested transaction joins the outer one. The value is PyMongo's session, which
        MongoEngine and PyMongo use in this thread without being passed it. Raises RuntimeError on an event loop.
        """
        if is_on_loop():
            raise RuntimeError("a transaction blocks its thread: use a `def` function, or await store.transact(…)")
        return transactions.transaction(self._opened(), self._seconds(timeout_ms))

    def transact(self, function: Callable[[*Ts], T], /, *args: *Ts, timeout_ms: int | None = None) -> Any:
        """Runs `function(*args)` in a transaction, which is retried after a conflict until the timeout.

        `function` may run several times: its effects outside the database must be idempotent. A `def` function gets
        the result; an `async def` awaits it, and the work runs in a thread of the pool.
        """
        work = partial(transactions.transact, self._opened(), self._seconds(timeout_ms), function, args)
        return self.call(work) if is_on_loop() else work()

    def _opened(self) -> DatabaseConnection:
        if self._connection is None:
            raise StoreError("the store is not open: it opens when the application starts")
        return self._connection

    def _seconds(self, timeout_ms: int | None) -> float:
        return (self._target.timeout_ms if timeout_ms is None else timeout_ms) / 1000

    @anywhere
    async def ping(self) -> bool:
        """Returns True if a server that accepts writes answers within `timeout_ms`, at most a second.

        Does not queue behind the pool's calls. Concurrent callers share one ping.
        """
        if self._connection is None:
            return False
        if self._probe is None or self._probe.done():
            self._probe = asyncio.ensure_future(self._probes.call(self._pings, self._connection))
        return await asyncio.shield(self._probe)

    def translate(self, error: BaseException) -> Boom | None:
        """Returns the boom error for an exception of the store; None for a bug of the application."""
        known = error if isinstance(error, Boom) else errors.translate(error)
        if known is not None and known.status == 503:
            self._watch.doubt()
        return known

    def _pings(self, connection: DatabaseConnection) -> bool:
        return pings(connection, min(self._target.timeout_ms, PATIENCE) / 1000)

    def _answers(self, seconds: float) -> bool:
        connection = self._connection
        return connection is not None and pings(connection, seconds)

    def _recovered(self) -> None:
        if self._are_indexes_pending:
            self._index_check = asyncio.ensure_future(self._probes.call(self._look_after_indexes))
            self._index_check.add_done_callback(_log_failure)

    def _look_after_indexes(self) -> None:
        """Checks or builds the indexes, once, as soon as the database answers. Blocks."""
        if not self._are_indexes_pending:
            return
        try:
            look_after(self._classes, self.indexes)
        except PyMongoError as error:
            if errors.translate(error) is None:
                raise StoreError(f"the indexes cannot be read: {error}") from error
            self._watch.doubt()  # the database has become unavailable
        else:
            self._are_indexes_pending = False


def _log_failure(index_check: asyncio.Future[None]) -> None:
    if not index_check.cancelled() and (error := index_check.exception()) is not None:
        log.error("%s", error)


def pings(connection: DatabaseConnection, seconds: float) -> bool:
    """Returns True if a server answers in time. Blocks."""
    try:
        with timeout(seconds):
            connection.client.admin.command("ping")
    except PyMongoError:
        return False
    return True


def _close(connection: DatabaseConnection, seconds: float) -> None:
    """Releases the connection in bounded time, even if a frozen server does not confirm the end of its sessions."""
    with timeout(seconds):
        release(connection)

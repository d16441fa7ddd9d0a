"""The database of one application: opened in the lifespan, called through a bounded pool of threads, asked for health.

Knows no table and no request; what a lost database means to a client is `errors.translate`.
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
from hapiish.store.connection import Connection, StoreError, Target, acquire, documents, extend, release
from hapiish.store.indexes import look_after
from hapiish.store.threads import Pool
from hapiish.store.watch import AT_ONCE, Watch

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

PATIENCE = 1000  # ms; whoever probes gives up after a second, too

log = logging.getLogger("hapiish.store")


class Store:
    """One database with its models and threads.

    `uri` is a MongoDB URI, whose own options win over ours, or `connection.MEMORY`; the database that it names wins
    over `name`. `timeout_ms` is how long a call waits for a server, for a connection or for the confirmation of a
    write before it is a 503. Calls run in `pool`, which stays the caller's to stop. A model class can be in one
    database at a time: applications of one process share it as long as their settings here are the same, and `start`
    raises StoreError when they are not. `indexes` says what a start does about those that the models declare.
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
        self._connection: Connection | None = None
        self._unseen = True  # whether nobody has looked at the indexes
        self._looking: asyncio.Future[None] | None = None
        self._watch = Watch(pool, self._answers, timeout_ms / 1000, self._recovered)

    @anywhere
    async def start(self) -> None:
        """Opens the connection, after any fork. A server that is away is a warning: calls get a 503 until it is back.

        Raises StoreError when the URI is wrong, a model is connected to another database, or the data does not fit an
        index that is to be built.
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
        """Closes the connection; the models are free for another store. The pool should be stopped before."""
        if not self.is_away and self._connection is not None and not await self.ping():
            self._watch.lost()
        seconds = AT_ONCE if self.is_away else PATIENCE / 1000
        await self._watch.stop()
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._probes.call(_let_go, connection, seconds)
        await self._probes.stop(seconds)

    @property
    def is_away(self) -> bool:
        """Whether the database is known not to answer."""
        return self._watch.is_away

    def adopt(self, models: Mapping[str, Any]) -> None:
        """Serves these classes too, as a reload brings them; StoreError when one is in another database."""
        classes = documents(models.values())
        if self._connection is not None:
            extend(self._connection, classes)
        self._classes = classes

    @anywhere
    async def call(self, function: Callable[[*Ts], T], /, *args: *Ts) -> T:
        """`function(*args)` in one of the pool's threads; see `Pool.call` for what cancelling means."""
        return await self._pool.call(function, *args)

    def transaction(self, *, timeout_ms: int | None = None) -> AbstractContextManager[ClientSession]:
        """`with store.transaction():` in a `def` function: what its thread does in the block is done as a whole.

        It is committed at the end of the block; an exception undoes all of it, and goes on. `timeout_ms` is for all of
        it, by default that of the store. Inside of another transaction it is a part of that one. The value is
        PyMongo's session, which MongoEngine and PyMongo use by themselves here. Raises RuntimeError on an event loop.
        """
        if is_on_loop():
            raise RuntimeError("a transaction blocks its thread: use a `def` function, or await store.transact(…)")
        return transactions.transaction(self._opened(), self._seconds(timeout_ms))

    def transact(self, function: Callable[[*Ts], T], /, *args: *Ts, timeout_ms: int | None = None) -> Any:
        """`function(*args)` in a transaction, which is tried again as long as others are in its way and there is time.

        So `function` may run several times: what it does besides writing to the database should do no harm twice. In a
        `def` function this returns the result; an `async def` awaits it, and a thread of the pool does the work.
        """
        work = partial(transactions.transact, self._opened(), self._seconds(timeout_ms), function, args)
        return self.call(work) if is_on_loop() else work()

    def _opened(self) -> Connection:
        if self._connection is None:
            raise StoreError("the store is not open: it opens when the application starts")
        return self._connection

    def _seconds(self, timeout_ms: int | None) -> float:
        return (self._target.timeout_ms if timeout_ms is None else timeout_ms) / 1000

    @anywhere
    async def ping(self) -> bool:
        """Whether a server that takes writes answers, within `timeout_ms` and a second.

        Does not queue behind the pool's work, and callers that come while one asks share its answer.
        """
        if self._connection is None:
            return False
        if self._probe is None or self._probe.done():
            self._probe = asyncio.ensure_future(self._probes.call(self._ask, self._connection))
        return await asyncio.shield(self._probe)

    def translate(self, error: BaseException) -> Boom | None:
        """The boom that says what an exception of the store means to a client; None where it is nobody's but ours."""
        known = error if isinstance(error, Boom) else errors.translate(error)
        if known is not None and known.status == 503:
            self._watch.doubt()
        return known

    def _ask(self, connection: Connection) -> bool:
        return pings(connection, min(self._target.timeout_ms, PATIENCE) / 1000)

    def _answers(self, seconds: float) -> bool:
        connection = self._connection
        return connection is not None and pings(connection, seconds)

    def _recovered(self) -> None:
        if self._unseen:
            self._looking = asyncio.ensure_future(self._probes.call(self._look_after_indexes))
            self._looking.add_done_callback(_tell)

    def _look_after_indexes(self) -> None:
        """Once, as soon as the database answers; blocks."""
        if not self._unseen:
            return
        try:
            look_after(self._classes, self.indexes)
        except PyMongoError as error:
            if errors.translate(error) is None:
                raise StoreError(f"the indexes cannot be read: {error}") from error
            self._watch.doubt()  # it has gone away since
        else:
            self._unseen = False


def _tell(looked: asyncio.Future[None]) -> None:
    if not looked.cancelled() and (error := looked.exception()) is not None:
        log.error("%s", error)


def pings(connection: Connection, seconds: float) -> bool:
    """Whether a server answers in time; blocks."""
    try:
        with timeout(seconds):
            connection.client.admin.command("ping")
    except PyMongoError:
        return False
    return True


def _let_go(connection: Connection, seconds: float) -> None:
    """Closes, in bounded time even where the server is frozen: the end of its sessions is only a courtesy."""
    with timeout(seconds):
        release(connection)

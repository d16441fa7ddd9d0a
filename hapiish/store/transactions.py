"""MongoDB transactions for PyMongo and MongoEngine: several writes are committed together or not at all.

The session is bound to the thread that runs the code. Calls that this code makes elsewhere (on the event loop, in other
threads) are outside the transaction: a session is not thread-safe, and others would see uncommitted writes.
Retries follow the specification "Convenient API for Transactions" of MongoDB's drivers.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context, copy_context
from random import random
from time import monotonic, sleep
from typing import Any, Final, TypeVar, TypeVarTuple

from pymongo import ReadPreference, timeout
from pymongo.client_session import ClientSession
from pymongo.common import BaseObject
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern

from hapiish.bridge import here
from hapiish.store.connection import MEMORY, DatabaseConnection, StoreError
from hapiish.store.errors import cause_of

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_ABORT: Final = 0.25
"""Timeout of an abort in seconds. If the server does not confirm it, `orphans` ends the transaction."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.5
_NO_TRANSACTIONS: Final = 20
"""MongoDB's error code IllegalOperation: the server is not a member of a replica set."""


class _Transaction(threading.local):
    session: ClientSession | None = None
    must_abort = False


_transaction = _Transaction()


def _patch_pymongo() -> None:
    """Omits concerns and read preference in the transaction of a bound session.

    PyMongo 4.20 does so only for a session that is passed explicitly, and a server rejects a write concern inside a
    transaction.
    """
    for name in ("_write_concern_for", "_read_preference_for"):
        original = getattr(BaseObject, name)

        def patched(self: Any, session: Any, original: Any = original) -> Any:
            return original(self, session or _transaction.session)

        setattr(BaseObject, name, patched)


_patch_pymongo()


def is_in_transaction() -> bool:
    """Returns True in the block of a transaction, in its thread."""
    return _transaction.session is not None


def transact(connection: DatabaseConnection, seconds: float, function: Callable[[*Ts], T], args: tuple[*Ts]) -> T:
    """Returns the result of `function(*args)`, run in a transaction. Retries it after a conflict, within `seconds`.

    A nested call joins the outer transaction and is not retried separately.
    """
    if _transaction.session is not None:
        with _joined():
            return function(*args)
    deadline, tries = monotonic() + seconds, 0
    with _session(connection) as session:
        while True:
            try:
                with _attempt(connection, session, deadline):
                    return function(*args)
            except Exception as error:
                tries += 1
                pause = random() * min(_FIRST_PAUSE * 1.5**tries, _LONGEST_PAUSE)  # noqa: S311 - no secret
                if not _has_label(error, "TransientTransactionError") or monotonic() + pause >= deadline:
                    raise
            sleep(pause)


@contextmanager
def transaction(connection: DatabaseConnection, seconds: float) -> Iterator[ClientSession]:
    """Yields the session of a transaction. The end of the block commits, an exception aborts."""
    if _transaction.session is not None:
        with _joined() as session:
            yield session
        return
    with _session(connection) as session, _attempt(connection, session, monotonic() + seconds):
        yield session


@contextmanager
def _session(connection: DatabaseConnection) -> Iterator[ClientSession]:
    if connection.target.uri == MEMORY:
        raise StoreError("a database in memory has no transactions")
    with connection.client.start_session() as session:
        yield session


@contextmanager
def _attempt(connection: DatabaseConnection, session: ClientSession, deadline: float) -> Iterator[None]:
    """Runs one attempt, from the start of the transaction to its commit."""
    outside = here.outside
    here.outside = copy_context()
    _transaction.session, _transaction.must_abort = session, False
    try:
        session.start_transaction(read_concern=ReadConcern("snapshot"), read_preference=ReadPreference.PRIMARY)
        # The timeout excludes the abort, which has its own.
        with timeout(_seconds_until(deadline)), session.bind(end_session=False):
            yield
        if _transaction.must_abort:
            raise RuntimeError("a nested transaction failed, so this one cannot be committed")
        _commit(session, deadline)
    except OperationFailure as error:
        _abort(session)
        if error.code == _NO_TRANSACTIONS:
            raise StoreError("transactions need a replica set (one member is enough) or a sharded cluster") from error
        raise
    except BaseException as error:
        _abort(session)
        if isinstance(cause_of(error), ConnectionFailure):
            connection.orphans.add(connection.client, session.session_id)
        raise
    finally:
        _transaction.session = None
        here.outside = outside


@contextmanager
def _joined() -> Iterator[ClientSession]:
    """Joins the thread's transaction. A part cannot be rolled back, so its failure aborts the whole."""
    session = _transaction.session
    assert session is not None
    try:
        yield session
    except BaseException:
        _transaction.must_abort = True
        raise


def _commit(session: ClientSession, deadline: float) -> None:
    """Commits, and retries while the outcome is unknown. A repeated commit is idempotent."""
    if not session.in_transaction:
        return  # the block has ended the transaction itself
    while True:
        try:
            with timeout(_seconds_until(deadline)):
                session.commit_transaction()
        except PyMongoError as error:
            if not error.has_error_label("UnknownTransactionCommitResult") or error.timeout:
                raise
            if monotonic() + _FIRST_PAUSE >= deadline:
                raise
            sleep(_FIRST_PAUSE)
        else:
            return


def _abort(session: ClientSession) -> None:
    """Aborts, which releases the locks. Independent of the caller's deadlines."""

    def abort() -> None:
        with timeout(_ABORT):
            session.abort_transaction()

    if session.in_transaction:
        Context().run(abort)


def _seconds_until(deadline: float) -> float:
    """Returns seconds above 0, because PyMongo takes 0 as no limit."""
    return max(deadline - monotonic(), 0.001)


def _has_label(error: BaseException, label: str) -> bool:
    """Returns True if the driver's error has the label. MongoEngine may have wrapped the error."""
    cause = cause_of(error)
    return isinstance(cause, PyMongoError) and cause.has_error_label(label)

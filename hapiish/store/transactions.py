"""Several writes that happen together or not at all: transactions of MongoDB, in which MongoEngine takes part.

The session is bound to the thread that runs the code. What that code has done elsewhere meanwhile (on the event loop,
in other threads) is no part of the transaction: a session is one conversation, and others would see its drafts.
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
from hapiish.store.connection import MEMORY, Connection, StoreError
from hapiish.store.errors import cause_of

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_ABORT: Final = 0.25
"""Seconds for telling the server of an abort; see `orphans` for one that does not hear it."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.5
_NO_TRANSACTIONS: Final = 20
"""MongoDB's IllegalOperation: the server is no member of a replica set."""


class _Unit(threading.local):
    """The transaction of a thread."""

    session: ClientSession | None = None
    doomed = False


_unit = _Unit()


def _mend() -> None:
    """PyMongo 4.20 leaves the concerns and the read preference to the transaction of a session that is passed along.

    It forgets the one that is bound, and a server refuses a write concern inside of a transaction.
    """
    for name in ("_write_concern_for", "_read_preference_for"):
        original = getattr(BaseObject, name)

        def mended(self: Any, session: Any, original: Any = original) -> Any:
            return original(self, session or _unit.session)

        setattr(BaseObject, name, mended)


_mend()


def transact(connection: Connection, seconds: float, function: Callable[[*Ts], T], args: tuple[*Ts]) -> T:
    """`function(*args)` in a transaction, from its start again when another one was in its way, within `seconds`.

    Inside of a transaction it is a part of that one, and not repeated by itself.
    """
    if _unit.session is not None:
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
                if not _has(error, "TransientTransactionError") or monotonic() + pause >= deadline:
                    raise
            sleep(pause)


@contextmanager
def transaction(connection: Connection, seconds: float) -> Iterator[ClientSession]:
    """The session of a transaction that is committed at the end of the block and aborted by an exception."""
    if _unit.session is not None:
        with _joined() as session:
            yield session
        return
    with _session(connection) as session, _attempt(connection, session, monotonic() + seconds):
        yield session


@contextmanager
def _session(connection: Connection) -> Iterator[ClientSession]:
    if connection.target.uri == MEMORY:
        raise StoreError("a database in memory has no transactions")
    with connection.client.start_session() as session:
        yield session


@contextmanager
def _attempt(connection: Connection, session: ClientSession, deadline: float) -> Iterator[None]:
    """One try, from its start to its commit."""
    outside = here.outside
    here.outside = copy_context()
    _unit.session, _unit.doomed = session, False
    try:
        session.start_transaction(read_concern=ReadConcern("snapshot"), read_preference=ReadPreference.PRIMARY)
        # Not at once through the whole: an abort has time of its own.
        with timeout(_left(deadline)), session.bind(end_session=False):
            yield
        if _unit.doomed:
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
        _unit.session = None
        here.outside = outside


@contextmanager
def _joined() -> Iterator[ClientSession]:
    """A part of the thread's transaction; there is no undoing of a part, so its failure is that of the whole."""
    session = _unit.session
    assert session is not None
    try:
        yield session
    except BaseException:
        _unit.doomed = True
        raise


def _commit(session: ClientSession, deadline: float) -> None:
    """Commits, and asks again while the answer does not say what has become of it; a second commit changes nothing."""
    if not session.in_transaction:
        return  # the block has ended it
    while True:
        try:
            with timeout(_left(deadline)):
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
    """Gives up what was written, so that nobody waits for it; outside of all deadlines of the caller."""

    def tell() -> None:
        with timeout(_ABORT):
            session.abort_transaction()

    if session.in_transaction:
        Context().run(tell)


def _left(deadline: float) -> float:
    """Seconds, and never none: for PyMongo that is no bound."""
    return max(deadline - monotonic(), 0.001)


def _has(error: BaseException, label: str) -> bool:
    """Whether the driver labelled the error, which MongoEngine may have wrapped."""
    cause = cause_of(error)
    return isinstance(cause, PyMongoError) and cause.has_error_label(label)

"""Ends orphaned transactions, whose abort did not reach the server: their locks block writers for a minute.

An abort is lost if the connection breaks or the server does not answer. The sessions are killed as soon as the server
answers.
"""

import time
from collections import deque
from contextvars import Context
from threading import Lock, Thread
from typing import Any, Final

from pymongo import timeout
from pymongo.errors import InvalidOperation, PyMongoError

LIFETIME: Final = 60.0
"""Seconds after which the server aborts a transaction itself (`transactionLifetimeLimitSeconds`)."""

PAUSE: Final = 0.5
MOST: Final = 1000


class Orphans:
    """The orphaned sessions of one client. A thread retries until none is left."""

    __slots__ = ("_lock", "_thread", "_waiting")

    def __init__(self) -> None:
        self._lock = Lock()
        self._thread: Thread | None = None
        self._waiting: deque[tuple[float, Any]] = deque(maxlen=MOST)

    def add(self, client: Any, session_id: Any) -> None:
        """Kills the session as soon as the server of `client` answers."""
        with self._lock:
            self._waiting.append((time.monotonic() + LIFETIME, session_id))
            if self._thread is None:
                self._thread = Thread(target=self._work, args=(client,), name="hapiish_orphans", daemon=True)
                self._thread.start()

    def _work(self, client: Any) -> None:
        while batch := self._next():
            try:
                # A new context: without the deadline and the session of the first caller.
                Context().run(_kill, client, [session_id for _, session_id in batch])
            except InvalidOperation:  # the client is closed
                self._forget(list(self._waiting))
            except PyMongoError:
                time.sleep(PAUSE)
            else:
                self._forget(batch)

    def _next(self) -> list[tuple[float, Any]]:
        with self._lock:
            now = time.monotonic()
            batch = [each for each in self._waiting if each[0] > now]
            if not batch:
                self._waiting.clear()
                self._thread = None
            return batch

    def _forget(self, batch: list[tuple[float, Any]]) -> None:
        with self._lock:
            for each in batch:
                if each in self._waiting:
                    self._waiting.remove(each)


def _kill(client: Any, session_ids: list[Any]) -> None:
    with timeout(1):
        client.admin.command("killSessions", session_ids)

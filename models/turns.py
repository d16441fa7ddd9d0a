"""Turns: concurrent rows of one sequence in one process are stored together.

The rows are the messages of a conversation, or changes (models/change.py), with numbers from 1 without gaps. While a
thread stores messages, the messages of other threads wait. The next thread stores all of them in one command, with
consecutive numbers. Between processes, the unique index lets one succeed. A process that stores several rows at once
has fewer conflicts.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Final

from bson import ObjectId
from mongoengine import NotUniqueError

from hapiish.store.rows import NotUnique, Row
from hapiish.store.transactions import is_in_transaction

from .wire import now

ATTEMPTS: Final = 100
BATCH: Final = 100
"""The most messages of one command, some 3 MB."""


class Waiting:
    """A message that waits to be stored under a number higher than `after`.

    `stored` is the result: the row, or the row of the message with the same client id. `error` is raised in the thread
    of the message.
    """

    __slots__ = ("after", "attempts", "error", "row", "stored")

    def __init__(self, row: Row, after: int) -> None:
        self.row = row
        self.after = after
        self.attempts = 0
        self.stored: Row | None = None
        self.error: BaseException | None = None

    @property
    def is_done(self) -> bool:
        """True if the message has a result or an error."""
        return self.stored is not None or self.error is not None


class Turns:
    """The turns of all conversations of one class of messages.

    `insert` stores rows in order (`hapiish.store.rows.insert_many`), `last_seq` returns the highest stored number of a
    conversation, `original` the stored message with the client id of a row. `number` and `moment` are the fields that
    get the number and the time.
    """

    def __init__(
        self,
        insert: Callable[[Sequence[Row]], NotUnique | None],
        last_seq: Callable[[str], int],
        original: Callable[[Row], Row | None],
        *,
        number: str = "seq",
        moment: str = "createdAt",
    ) -> None:
        self._insert = insert
        self._last_seq = last_seq
        self._original = original
        self._number = number
        self._moment = moment
        self._turns: dict[str, _Turn] = {}
        self._entrance = threading.Lock()

    def store(self, conversation_id: str, row: Row, after: int) -> tuple[Row, bool]:
        """Stores a row with a new `_id`, number and time; returns it and False, or its original and True."""
        message = Waiting(row, after)
        if is_in_transaction():  # a transaction must not contain messages of other threads
            turn = _Turn()
            turn.last = self._last_seq(conversation_id)
            self._store(conversation_id, turn, [message])
        else:
            self._wait(conversation_id, message)
        if message.error is not None:
            raise message.error
        assert message.stored is not None
        return message.stored, message.stored is not row

    def _wait(self, conversation_id: str, message: Waiting) -> None:
        with self._entrance:
            turn = self._turns.setdefault(conversation_id, _Turn())
            turn.users += 1
            turn.waiting.append(message)
        try:
            with turn.lock:
                while not message.is_done:
                    with self._entrance:
                        together, turn.waiting = turn.waiting[:BATCH], turn.waiting[BATCH:]
                    self._store(conversation_id, turn, together)
        finally:
            with self._entrance:
                turn.users -= 1
                if not turn.users:
                    del self._turns[conversation_id]

    def _store(self, conversation_id: str, turn: "_Turn", together: list[Waiting]) -> None:
        """Gives each message its result. An error of the command is the error of all messages."""
        try:
            while together:
                together = self._attempt(conversation_id, turn, together)
        except BaseException as error:
            for message in together:
                if not message.is_done:
                    message.error = error
            raise

    def _attempt(self, conversation_id: str, turn: "_Turn", together: list[Waiting]) -> list[Waiting]:
        """Stores messages up to the first conflict; returns those that are not stored yet."""
        last = max(turn.last, *(message.after for message in together))
        for seq, message in enumerate(together, last + 1):
            message.row |= {"_id": ObjectId(), self._number: seq, self._moment: now()}
        conflict = self._insert([message.row for message in together])
        count = len(together) if conflict is None else conflict.index
        for message in together[:count]:
            message.stored = message.row
        turn.last = last + count
        if conflict is None:
            return []
        refused, *left = together[count:]
        refused.attempts += 1
        refused.stored = self._original(refused.row) if self._number not in conflict.fields else None
        if refused.is_done:
            return left
        if refused.attempts == ATTEMPTS:
            refused.error = NotUniqueError("The message conflicts with others in an index")
            return left
        turn.last = max(turn.last, self._last_seq(conversation_id))
        return [refused, *left]


class _Turn:
    """The right to store the next messages of a conversation, for one thread of this process at a time.

    `last` is the highest number that a thread has seen. It is forgotten when no thread waits: it could be outdated
    later. Each message reads the head again, which has the highest number.
    """

    __slots__ = ("last", "lock", "users", "waiting")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self.last = 0
        self.waiting: list[Waiting] = []

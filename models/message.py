"""Messages, the source of truth of a conversation. One insert under two unique indexes is the commit point.

`(conversation, seq)` is the order, 1 … n without gaps. `(conversation, sender, client id)` deduplicates retries. All
other data of a conversation is derived from its messages.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bson import ObjectId
from mongoengine import DateTimeField, Document, IntField, NotUniqueError, ObjectIdField, StringField

from hapiish.store.rows import Row, find, get, insert

from .wire import iso, now

PAGE_LIMIT = 200
_ATTEMPTS = 100


class _Turn:
    """The right to store the next message of a conversation, for one thread of this process at a time.

    `last` is the highest number that a holder has seen while others waited. It spares them a conflict in the index,
    which decides between processes. It ends with the last waiting thread: a number kept for longer would be used again
    after another process stored messages and their removal; the head, read for each message, is the memory.
    """

    __slots__ = ("last", "lock", "users")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self.last = 0


_turns: dict[str, _Turn] = {}
_entrance = threading.Lock()


@contextmanager
def _turn(conversation_id: str) -> Iterator[_Turn]:
    with _entrance:
        turn = _turns.setdefault(conversation_id, _Turn())
        turn.users += 1
    try:
        with turn.lock:
            yield turn
    finally:
        with _entrance:
            turn.users -= 1
            if not turn.users:
                del _turns[conversation_id]


class Message(Document):
    """A message of a conversation; `client_msg_id` is the client's idempotency key."""

    conversation_id = ObjectIdField(db_field="conversationId", required=True)
    seq = IntField(required=True, min_value=1)
    user_id = ObjectIdField(db_field="userId", required=True)
    client_msg_id = StringField(db_field="clientMsgId", max_length=128)
    text = StringField(required=True, max_length=8000)
    created_at = DateTimeField(db_field="createdAt", required=True)

    meta = {
        "collection": "messages",
        "auto_create_index": False,
        "indexes": [
            {"fields": ["conversation_id", "seq"], "unique": True},
            {
                "fields": ["conversation_id", "user_id", "client_msg_id"],
                "unique": True,
                "partialFilterExpression": {"clientMsgId": {"$exists": True}},
            },
        ],
    }

    @classmethod
    def append(
        cls, conversation_id: str, user_id: str, text: str, *, client_id: str | None = None, after: int = 0
    ) -> tuple[dict[str, Any], bool]:
        """Stores a text under the next number; returns the message, and True if this client id was stored before.

        `after` is the `lastSeq` of the conversation's head, so that numbers are not reused after messages were deleted.
        Raises `NotUniqueError` after a hundred consecutive conflicts with other processes.
        """
        cls.text.validate(text)
        row: Row = {"conversationId": ObjectId(conversation_id), "userId": ObjectId(user_id), "text": text}
        if client_id is not None:
            cls.client_msg_id.validate(client_id)
            row["clientMsgId"] = client_id
        with _turn(conversation_id) as turn:
            for attempt in range(_ATTEMPTS):
                row |= {"_id": ObjectId(), "seq": 1 + max(turn.last, after), "createdAt": now()}
                try:
                    insert(cls, row)
                except NotUniqueError:
                    if original := cls._original(conversation_id, user_id, client_id):
                        return original, True
                    if attempt == _ATTEMPTS - 1:
                        raise
                    turn.last = max(turn.last, cls.last_seq(conversation_id))
                else:
                    turn.last = row["seq"]
                    break
        return public(row), False

    @classmethod
    def last_seq(cls, conversation_id: str) -> int:
        """Returns the highest number in a conversation, 0 if it is empty."""
        newest = get(cls, {"conversationId": ObjectId(conversation_id)}, fields=("seq",), sort=("-seq",))
        return newest["seq"] if newest else 0

    @classmethod
    def page(
        cls, conversation_id: str, *, before: int | None = None, after: int | None = None, limit: int = PAGE_LIMIT
    ) -> tuple[list[dict[str, Any]], bool]:
        """Returns a page of messages, oldest first, and True if more exist in that direction.

        `after` reads newer messages than a number, `before` older ones; without both, the newest `limit`.
        """
        where: Row = {"conversationId": ObjectId(conversation_id)}
        if after is not None or before is not None:
            where["seq"] = {
                **({"$gt": after} if after is not None else {}),
                **({"$lt": before} if before is not None else {}),
            }
        rows = find(cls, where, sort=("seq" if after is not None else "-seq",), limit=limit + 1, tz_aware=False)
        has_more = len(rows) > limit
        del rows[limit:]
        if after is None:
            rows.reverse()
        return [public(row) for row in rows], has_more

    @classmethod
    def _original(cls, conversation_id: str, user_id: str, client_id: str | None) -> dict[str, Any] | None:
        if client_id is None:
            return None
        key = {"conversationId": ObjectId(conversation_id), "userId": ObjectId(user_id), "clientMsgId": client_id}
        stored = get(cls, key)
        return public(stored) if stored else None


def public(stored: dict[str, Any]) -> dict[str, Any]:
    """Returns a stored message in the format for clients; without a client id, `msgId` is the message's id."""
    key: ObjectId = stored["_id"]
    return {
        "_id": str(key),
        "conversationId": str(stored["conversationId"]),
        "seq": stored["seq"],
        "text": stored["text"],
        "createdAt": iso(stored["createdAt"]),
        "userId": str(stored["userId"]),
        "msgId": stored.get("clientMsgId") or str(key),
    }

"""Messages, the source of truth of a conversation. One insert under two unique indexes is the commit point.

`(conversation, seq)` is the order, 1 … n without gaps. `(conversation, sender, client id)` deduplicates retries. All
other data of a conversation is derived from its messages.
"""

import threading
from typing import Any

from bson import ObjectId
from mongoengine import DateTimeField, Document, IntField, NotUniqueError, ObjectIdField, StringField

from .wire import iso, now

PAGE_LIMIT = 200
_ATTEMPTS = 100

# Locks avoid conflicts in the index within a process; the index decides between processes.
_turns = tuple(threading.Lock() for _ in range(64))


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
        message = cls(conversation_id=conversation_id, user_id=user_id, text=text, client_msg_id=client_id)
        with _turns[hash(message.conversation_id) % len(_turns)]:
            for attempt in range(_ATTEMPTS):
                message.seq = 1 + max(cls.last_seq(conversation_id), after)
                message.created_at = now()
                try:
                    message.save(force_insert=True)
                except NotUniqueError:
                    if original := cls._original(conversation_id, user_id, client_id):
                        return original, True
                    if attempt == _ATTEMPTS - 1:
                        raise
                else:
                    break
        return public(message.to_mongo()), False

    @classmethod
    def last_seq(cls, conversation_id: str) -> int:
        """Returns the highest number in a conversation, 0 if it is empty."""
        newest = cls.objects(conversation_id=conversation_id).order_by("-seq").only("seq").as_pymongo().first()
        return newest["seq"] if newest else 0

    @classmethod
    def page(
        cls, conversation_id: str, *, before: int | None = None, after: int | None = None, limit: int = PAGE_LIMIT
    ) -> tuple[list[dict[str, Any]], bool]:
        """Returns a page of messages, oldest first, and True if more exist in that direction.

        `after` reads newer messages than a number, `before` older ones; without both, the newest `limit`.
        """
        found = cls.objects(conversation_id=conversation_id)
        if after is not None:
            found = found.filter(seq__gt=after)
        if before is not None:
            found = found.filter(seq__lt=before)
        rows = list(found.order_by("seq" if after is not None else "-seq").limit(limit + 1).as_pymongo())
        has_more = len(rows) > limit
        del rows[limit:]
        if after is None:
            rows.reverse()
        return [public(row) for row in rows], has_more

    @classmethod
    def _original(cls, conversation_id: str, user_id: str, client_id: str | None) -> dict[str, Any] | None:
        if client_id is None:
            return None
        found = cls.objects(conversation_id=conversation_id, user_id=user_id, client_msg_id=client_id)
        stored = found.as_pymongo().first()
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

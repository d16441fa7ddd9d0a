"""Messages, the source of truth of a conversation. One insert under two unique indexes is the commit point.

`(conversation, seq)` is the order, 1 … n without gaps. `(conversation, sender, client id)` deduplicates retries. All
other data of a conversation is derived from its messages.
"""

from functools import partial
from typing import Any

from bson import ObjectId
from mongoengine import DateTimeField, DictField, IntField, ObjectIdField, StringField

from hapiish.store.rows import Row, find, get, insert_many

from .change import ChangeSource
from .turns import Turns
from .wire import iso

PAGE_LIMIT = 200


class Message(ChangeSource):
    """A message of a conversation; `client_msg_id` is the client's idempotency key."""

    conversation_id = ObjectIdField(db_field="conversationId", required=True)
    seq = IntField(required=True, min_value=1)
    user_id = ObjectIdField(db_field="userId", required=True)
    client_msg_id = StringField(db_field="clientMsgId", max_length=128)
    text = StringField(max_length=8000)
    type = StringField()
    system = DictField()
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
        stored, is_original = _turns.store(conversation_id, row, after)
        return public(stored), is_original

    @classmethod
    def note(cls, conversation_id: str, user_id: str, system: Row, *, after: int = 0) -> dict[str, Any]:
        """Stores a message that tells of a change, without a text: `system` is `{kind, …}`, and the user changed it."""
        row: Row = {
            "conversationId": ObjectId(conversation_id),
            "userId": ObjectId(user_id),
            "text": "",
            "type": "system",
            "system": system,
        }
        stored, _ = _turns.store(conversation_id, row, after)
        return public(stored)

    @classmethod
    def last_seq(cls, conversation_id: str) -> int:
        """Returns the highest number in a conversation, 0 if it is empty."""
        newest = get(cls, {"conversationId": ObjectId(conversation_id)}, fields=("seq",), sort=("-seq",))
        return newest["seq"] if newest else 0

    @classmethod
    def page(
        cls,
        conversation_id: str,
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int = PAGE_LIMIT,
        since: int = 0,
    ) -> tuple[list[dict[str, Any]], bool]:
        """Returns a page of messages, oldest first, and True if more exist in that direction.

        `after` reads newer messages than a number, `before` older ones; without both, the newest `limit`. Only messages
        after `since` are read.
        """
        where: Row = {"conversationId": ObjectId(conversation_id)}
        lowest = max(after or 0, since)
        if lowest or before is not None:
            where["seq"] = {
                **({"$gt": lowest} if lowest else {}),
                **({"$lt": before} if before is not None else {}),
            }
        rows = find(cls, where, sort=("seq" if after is not None else "-seq",), limit=limit + 1, tz_aware=False)
        has_more = len(rows) > limit
        del rows[limit:]
        if after is None:
            rows.reverse()
        return [public(row) for row in rows], has_more


def _original(row: Row) -> Row | None:
    """Returns the stored message with the client id of a row."""
    if "clientMsgId" not in row:
        return None
    return get(Message, {name: row[name] for name in ("conversationId", "userId", "clientMsgId")})


_turns = Turns(partial(insert_many, Message), Message.last_seq, _original)


def public(stored: dict[str, Any]) -> dict[str, Any]:
    """Returns a stored message in the format for clients; without a client id, `msgId` is the message's id."""
    key: ObjectId = stored["_id"]
    given = {
        "_id": str(key),
        "conversationId": str(stored["conversationId"]),
        "seq": stored["seq"],
        "text": stored["text"],
        "createdAt": iso(stored["createdAt"]),
        "userId": str(stored["userId"]),
        "msgId": stored.get("clientMsgId") or str(key),
    }
    if "type" in stored:
        given["type"], given["system"] = stored["type"], stored["system"]
    return given

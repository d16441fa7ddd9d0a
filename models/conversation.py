"""Conversations: their two members, and a head derived from their messages (last number, preview, newest references).

The pair of users is a unique key, so concurrent requests create one conversation. After a crash the head may be older
than the messages; the next message, or a retry, updates it.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId
from mongoengine import (
    DateTimeField,
    Document,
    EmbeddedDocument,
    EmbeddedDocumentField,
    EmbeddedDocumentListField,
    IntField,
    ListField,
    NotUniqueError,
    ObjectIdField,
    StringField,
)

from .wire import iso, now

RECENT = 50  # references stored in the conversation; the seed stored all
PAGE_LIMIT = 200
_PREVIEW = 200  # characters

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HEAD = ("members", "last_seq", "last_message", "updated_at")


class Reference(EmbeddedDocument):
    """A reference to a message: its number and id."""

    seq = IntField(required=True)
    message = ObjectIdField(required=True)


class Preview(EmbeddedDocument):
    """The preview of the newest message, for lists of conversations."""

    message = ObjectIdField(required=True)
    user_id = ObjectIdField(db_field="userId", required=True)
    text = StringField(max_length=_PREVIEW)
    created_at = DateTimeField(db_field="createdAt", required=True)


class Conversation(Document):
    """Two users and the head of their messages; `pair_key` is the sorted pair of their ids."""

    user_one_id = ObjectIdField(db_field="userOneId", required=True)
    user_two_id = ObjectIdField(db_field="userTwoId", required=True)
    pair_key = StringField(db_field="pairKey", required=True)
    members = ListField(ObjectIdField(), required=True)
    last_seq = IntField(db_field="lastSeq", default=0)
    last_message = EmbeddedDocumentField(Preview, db_field="lastMessage")
    recent = EmbeddedDocumentListField(Reference)
    created_at = DateTimeField(db_field="createdAt", required=True)
    updated_at = DateTimeField(db_field="updatedAt", required=True)

    meta = {
        "collection": "conversations",
        "auto_create_index": False,
        "indexes": [
            {"fields": ["pair_key"], "unique": True},
            {"fields": ["members", "-updated_at", "-id"]},
        ],
    }

    @property
    def messages(self) -> list[ObjectId]:
        """The ids of the newest fifty messages, oldest first (the seed's array); `Message.page` reads all."""
        return [entry.message for entry in self.recent]

    @classmethod
    def open(cls, user_id: str, friend_id: str) -> tuple[dict[str, Any], bool]:
        """Returns the conversation of two users, as `user_id` sees it, and True if this call created it."""
        one, two = sorted((user_id, friend_id))
        pair, moment = f"{one}-{two}", now()
        first = {
            "userOneId": ObjectId(one),
            "userTwoId": ObjectId(two),
            "members": [ObjectId(one), ObjectId(two)],
            "lastSeq": 0,
            "recent": [],
            "createdAt": moment,
            "updatedAt": moment,
        }
        try:
            written = cls.objects(pair_key=pair).update_one(
                __raw__={"$setOnInsert": first}, upsert=True, full_result=True
            )
            created = written.upserted_id is not None
        except NotUniqueError:  # of two concurrent upserts, MongoDB lets one fail
            created = False
        return _seen_by(user_id, cls.objects(pair_key=pair).only(*_HEAD).as_pymongo().first()), created

    @classmethod
    def of_member(cls, conversation_id: str, user_id: str) -> dict[str, Any] | None:
        """Returns a conversation as this member sees it; None if it does not exist or the user is not a member."""
        found = cls.objects(id=conversation_id, members=user_id).only(*_HEAD).as_pymongo().first()
        return _seen_by(user_id, found) if found else None

    @classmethod
    def list_of(
        cls, user_id: str, *, limit: int = PAGE_LIMIT, cursor: str | None = None
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Returns a user's conversations, most recently active first, and the cursor of the next page or None."""
        mine: dict[str, Any] = {"members": ObjectId(user_id)}
        if cursor is not None:
            moment, key = _position(cursor)
            mine["$or"] = [{"updatedAt": {"$lt": moment}}, {"updatedAt": moment, "_id": {"$lt": key}}]
        found = cls.objects(__raw__=mine).order_by("-updated_at", "-id").only(*_HEAD).limit(limit + 1)
        rows = list(found.as_pymongo())
        following = _cursor(rows[limit - 1]) if len(rows) > limit else None
        return [_seen_by(user_id, row) for row in rows[:limit]], following

    @classmethod
    def push(cls, message: dict[str, Any]) -> bool:
        """Updates the head of a conversation with a stored message; True if the message is newer than the head.

        Idempotent and independent of order: the head only advances, and each reference is stored once, sorted.
        """
        key, seq = ObjectId(message["conversationId"]), message["seq"]
        reference = {"seq": seq, "message": ObjectId(message["_id"])}
        onto = {"$push": {"recent": {"$each": [reference], "$sort": {"seq": 1}, "$slice": -RECENT}}}
        moment = datetime.fromisoformat(message["createdAt"])
        head = {
            "lastSeq": seq,
            "lastMessage": {
                "message": reference["message"],
                "userId": ObjectId(message["userId"]),
                "text": message["text"][:_PREVIEW],
                "createdAt": moment,
            },
            "updatedAt": moment,
        }
        if cls.objects(id=key, last_seq__lt=seq).update_one(__raw__={"$set": head, **onto}):
            return True
        cls.objects(__raw__={"_id": key, "recent.seq": {"$ne": seq}}).update_one(__raw__=onto)
        return False


def _seen_by(user_id: str, stored: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(stored["_id"]),
        "friendId": next(str(member) for member in stored["members"] if str(member) != user_id),
        "lastSeq": stored["lastSeq"],
        "lastMessage": _preview(stored),
        "updatedAt": iso(stored["updatedAt"]),
    }


def _preview(stored: dict[str, Any]) -> dict[str, Any] | None:
    preview = stored.get("lastMessage")
    return preview and {
        "_id": str(preview["message"]),
        "seq": stored["lastSeq"],
        "text": preview["text"],
        "createdAt": iso(preview["createdAt"]),
        "userId": str(preview["userId"]),
    }


def _cursor(stored: dict[str, Any]) -> str:
    elapsed: timedelta = stored["updatedAt"].replace(tzinfo=UTC) - _EPOCH
    return f"{elapsed // timedelta(milliseconds=1)}-{stored['_id']}"


def _position(cursor: str) -> tuple[datetime, ObjectId]:
    milliseconds, _, key = cursor.partition("-")
    return _EPOCH + timedelta(milliseconds=int(milliseconds)), ObjectId(key)

"""Conversations: their two members, and a head derived from their messages (last number, preview, newest references).

The pair of users is a unique key, so concurrent requests create one conversation. After a crash the head may be older
than the messages; the next message, or a retry, updates it.
"""

import threading
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId
from mongoengine import (
    DateTimeField,
    EmbeddedDocument,
    EmbeddedDocumentField,
    EmbeddedDocumentListField,
    IntField,
    ListField,
    NotUniqueError,
    ObjectIdField,
    StringField,
)

from hapiish.store.rows import Find, Row, find, find_all, get, update

from .change import ChangeSource
from .wire import iso, now, object_id

RECENT = 50  # references stored in the conversation; the seed stored all
PAGE_LIMIT = 200
_PREVIEW = 200  # characters

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HEAD = ("members", "lastSeq", "lastMessage", "updatedAt")

REMEMBERED = 10_000
"""Conversations whose members a process remembers, some 3 MB."""

_members: OrderedDict[str, list[ObjectId]] = OrderedDict()
_memory = threading.Lock()


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


class Conversation(ChangeSource):
    """Two users and the head of their messages; `pair_key` is the sorted pair of their ids."""

    user_one_id = ObjectIdField(db_field="userOneId", required=True)
    user_two_id = ObjectIdField(db_field="userTwoId", required=True)
    pair_key = StringField(db_field="pairKey", required=True)
    members = ListField(ObjectIdField(), required=True)
    last_seq = IntField(db_field="lastSeq", default=0)
    change_seq = IntField(db_field="changeSeq", default=0)
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
            created = update(cls, {"pairKey": pair}, {"$setOnInsert": first}, upsert=True) == 0
        except NotUniqueError:  # of two concurrent upserts, MongoDB lets one fail
            created = False
        stored = get(cls, {"pairKey": pair}, fields=_HEAD)
        assert stored is not None
        return _seen_by(user_id, stored), created

    @classmethod
    def of_member(cls, conversation_id: str, user_id: str) -> dict[str, Any] | None:
        """Returns a conversation as this member sees it; None if it does not exist or the user is not a member."""
        return cls._seen(get(cls, cls._of_member(conversation_id, user_id), fields=_HEAD), user_id)

    @classmethod
    def of_sender(
        cls, conversation_id: str, user_id: str, users: Any
    ) -> tuple[dict[str, Any] | None, dict[str, Any] | None, bool]:
        """Returns the user's account, the conversation as `of_member` does, and True if one member barred the other.

        One command, if this process has seen the conversation. `users` is the class of users, with `pair` and `judged`.
        The remembered members only choose the accounts to read; the conversation is read each time.
        """
        if object_id(user_id) is None or object_id(conversation_id) is None:
            return users.account(user_id), None, False
        members = _recall(conversation_id)
        friend = _other(members, user_id) if members is not None else None
        if friend is None:
            found = cls.of_member(conversation_id, user_id)
        else:
            head = Find(cls, cls._of_member(conversation_id, user_id), _HEAD)
            rows, heads = find_all(users.pair(user_id, friend), head)
            found = cls._seen(heads[0] if heads else None, user_id)
        seen = found["friendId"] if found else friend or user_id
        if seen != friend:
            (rows,) = find_all(users.pair(user_id, seen))
        account, is_barred = users.judged(rows, user_id)
        return account, found, is_barred

    @classmethod
    def _of_member(cls, conversation_id: str, user_id: str) -> Row:
        return {"_id": ObjectId(conversation_id), "members": ObjectId(user_id)}

    @classmethod
    def _seen(cls, stored: Row | None, user_id: str) -> dict[str, Any] | None:
        if stored is None:
            return None
        _remember(str(stored["_id"]), stored["members"])
        return _seen_by(user_id, stored)

    @classmethod
    def list_of(
        cls, user_id: str, *, limit: int = PAGE_LIMIT, cursor: str | None = None
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Returns a user's conversations, most recently active first, and the cursor of the next page or None."""
        mine: dict[str, Any] = {"members": ObjectId(user_id)}
        if cursor is not None:
            moment, key = _position(cursor)
            mine["$or"] = [{"updatedAt": {"$lt": moment}}, {"updatedAt": moment, "_id": {"$lt": key}}]
        rows = find(cls, mine, fields=_HEAD, sort=("-updatedAt", "-_id"), limit=limit + 1, tz_aware=False)
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
        if update(cls, {"_id": key, "lastSeq": {"$lt": seq}}, {"$set": head, **onto}):
            return True
        update(cls, {"_id": key, "recent.seq": {"$ne": seq}}, onto)
        return False


def _recall(conversation_id: str) -> list[ObjectId] | None:
    with _memory:
        members = _members.get(conversation_id)
        if members is not None:
            _members.move_to_end(conversation_id)
    return members


def _remember(conversation_id: str, members: list[ObjectId]) -> None:
    with _memory:
        _members[conversation_id] = members
        _members.move_to_end(conversation_id)
        if len(_members) > REMEMBERED:
            _members.popitem(last=False)


def _other(members: list[ObjectId], user_id: str) -> str:
    one = str(members[0])
    return one if one != user_id else str(members[1])


def _seen_by(user_id: str, stored: Row) -> dict[str, Any]:
    updated_at = iso(stored["updatedAt"])
    preview = stored.get("lastMessage")
    if preview:
        # `push` sets both times to the same one: in a long list, formatting it once is a twelfth of the CPU time.
        is_same = preview["createdAt"] == stored["updatedAt"]
        preview = {
            "_id": str(preview["message"]),
            "seq": stored["lastSeq"],
            "text": preview["text"],
            "createdAt": updated_at if is_same else iso(preview["createdAt"]),
            "userId": str(preview["userId"]),
        }
    return {
        "id": str(stored["_id"]),
        "friendId": _other(stored["members"], user_id),
        "lastSeq": stored["lastSeq"],
        "lastMessage": preview,
        "updatedAt": updated_at,
    }


def _cursor(stored: dict[str, Any]) -> str:
    elapsed: timedelta = stored["updatedAt"].replace(tzinfo=UTC) - _EPOCH
    return f"{elapsed // timedelta(milliseconds=1)}-{stored['_id']}"


def _position(cursor: str) -> tuple[datetime, ObjectId]:
    milliseconds, _, key = cursor.partition("-")
    return _EPOCH + timedelta(milliseconds=int(milliseconds)), ObjectId(key)

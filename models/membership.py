"""Memberships: one row for each member of a conversation, with the member's role and private state.

A member can read the messages after `joinedSeq`, which is 0 for all messages. `leftAt` marks a former member. The rows
of a direct conversation are made when it is opened. For a conversation of an older version, the first listing makes
them.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId
from mongoengine import (
    BooleanField,
    DateTimeField,
    EmbeddedDocument,
    EmbeddedDocumentField,
    IntField,
    ObjectIdField,
    StringField,
)

from hapiish.store.rows import Find, Row, find, get, insert_many, update

from .change import ChangeSource
from .state import MemberState
from .wire import iso, now

PRESENT: Row = {"leftAt": None}
"""The condition of present members."""

OF_USER: Row = {"role": {"$exists": True}}
"""A condition that all rows fulfil. Only queries with it can use the index of all rows of a user.

Without this condition of the index, MongoDB reads all rows of a user to find the rows of fifty conversations: that plan
is best for a user with few rows, and MongoDB keeps it for users with many.
"""

RANKS: dict[str, int] = {"member": 0, "admin": 1, "owner": 2}

STATE = (
    "conversationId",
    "userId",
    "role",
    "joinedSeq",
    "leftAt",
    "isLarge",
    "readSeq",
    "deliveredSeq",
    "shownSeq",
    "unreadFrom",
    "markedSeq",
    "hiddenSeq",
    "mutedUntil",
    "draft",
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Draft(EmbeddedDocument):
    """A text that its author has not sent yet. All devices of the author have the same one."""

    text = StringField(required=True, max_length=8000)
    updated_at = DateTimeField(db_field="updatedAt", required=True)
    reply_to = IntField(db_field="replyTo")


class Membership(MemberState, ChangeSource):
    """A user in a conversation.

    `marked_seq` is the conversation's last number at the time when `unread_from` was set. `shown_seq` is the highest
    `read_seq` that the other members may know. `hidden_seq` is the newest message that the member has deleted for
    themselves.
    """

    conversation_id = ObjectIdField(db_field="conversationId", required=True)
    user_id = ObjectIdField(db_field="userId", required=True)
    role = StringField(required=True, choices=tuple(RANKS), default="member")
    joined_at = DateTimeField(db_field="joinedAt", required=True)
    joined_seq = IntField(db_field="joinedSeq", default=0)
    left_at = DateTimeField(db_field="leftAt")
    is_large = BooleanField(db_field="isLarge")
    read_seq = IntField(db_field="readSeq", default=0)
    delivered_seq = IntField(db_field="deliveredSeq", default=0)
    shown_seq = IntField(db_field="shownSeq")
    unread_from = IntField(db_field="unreadFrom")
    marked_seq = IntField(db_field="markedSeq")
    hidden_seq = IntField(db_field="hiddenSeq")
    muted_until = DateTimeField(db_field="mutedUntil")
    draft = EmbeddedDocumentField(Draft)

    meta = {
        "collection": "memberships",
        "auto_create_index": False,
        "indexes": [
            {"fields": ["conversation_id", "user_id"], "unique": True},
            {"fields": ["conversation_id", "left_at", "joined_at", "user_id"]},
            {"fields": ["user_id"], "partialFilterExpression": {"isLarge": True}},
            {"fields": ["conversation_id", "joined_seq"], "partialFilterExpression": {"joinedSeq": {"$gt": 0}}},
            {"fields": ["user_id", "joined_seq"], "partialFilterExpression": {"joinedSeq": {"$gt": 0}}},
            {"fields": ["user_id", "-id"], "partialFilterExpression": OF_USER},
        ],
    }

    @classmethod
    def one(cls, conversation_id: str, user_id: str) -> Find:
        """Returns the query for a user's row, also of a former member, for a caller that sends it with others."""
        key = {"conversationId": ObjectId(conversation_id), "userId": ObjectId(user_id)}
        return Find(cls, key, STATE)

    @classmethod
    def of_user(cls, user_id: str, conversation_ids: Sequence[ObjectId], *, large: bool = False) -> list[Row]:
        """Returns a user's rows in these conversations; with `large`, also in all large groups."""
        user = ObjectId(user_id)
        where: Row = {"userId": user, "conversationId": {"$in": list(conversation_ids)}}
        if large:
            where = {"$or": [where, {"userId": user, "isLarge": True}]}
        return find(cls, where, fields=STATE, tz_aware=False)

    @classmethod
    def user_ids(cls, conversation_id: str) -> tuple[str, ...]:
        """Returns the ids of all present members, in the order in which they joined."""
        rows = find(
            cls,
            {"conversationId": ObjectId(conversation_id), **PRESENT},
            fields={"_id": 0, "userId": 1},
            sort=("joinedAt", "userId"),
        )
        return tuple(str(row["userId"]) for row in rows)

    @classmethod
    def present(cls, conversation_id: str, user_id: str) -> dict[str, Any] | None:
        """Returns `{userId, role, joinedAt}` of a member; None for a former member and for other users."""
        where = {"conversationId": ObjectId(conversation_id), "userId": ObjectId(user_id), **PRESENT}
        row = get(cls, where, fields=("userId", "role", "joinedAt"))
        return row and public(row)

    @classmethod
    def page(cls, conversation_id: str, *, limit: int, cursor: str | None = None) -> tuple[list[Row], str | None]:
        """Returns `{userId, role, joinedAt}` of members in the order of joining, and the next cursor or None."""
        where: Row = {"conversationId": ObjectId(conversation_id), **PRESENT}
        if cursor is not None:
            moment, key = position(cursor)
            where["$or"] = [{"joinedAt": {"$gt": moment}}, {"joinedAt": moment, "userId": {"$gt": key}}]
        rows = find(cls, where, fields=("userId", "role", "joinedAt"), sort=("joinedAt", "userId"), limit=limit + 1)
        following = cursor_of(rows[limit - 1]["joinedAt"], rows[limit - 1]["userId"]) if len(rows) > limit else None
        return [public(row) for row in rows[:limit]], following

    @classmethod
    def wrote(cls, conversation_id: str, user_id: str, seq: int) -> None:
        """Stores that a member of a large group has sent a message, and has read all messages up to it."""
        mine = {"conversationId": ObjectId(conversation_id), "userId": ObjectId(user_id)}
        update(cls, mine, {"$max": {"readSeq": seq}, "$unset": {"unreadFrom": 1}})

    @classmethod
    def hid(cls, conversation_id: str, user_id: str, seq: int) -> None:
        """Stores that a member has deleted a message for themselves, so that their head has no preview of it."""
        mine = {"conversationId": ObjectId(conversation_id), "userId": ObjectId(user_id)}
        update(cls, mine, {"$max": {"hiddenSeq": seq}})

    @classmethod
    def joined_after(cls, conversation_id: str, seq: int) -> dict[str, int]:
        """Returns the members who may not read a message because they joined after it, each with its `joinedSeq`."""
        where = {"conversationId": ObjectId(conversation_id), "joinedSeq": {"$gte": max(seq, 1)}}
        return {str(row["userId"]): row["joinedSeq"] for row in find(cls, where, fields=("userId", "joinedSeq"))}

    @classmethod
    def are_present(cls, conversation_id: str, user_ids: Sequence[str]) -> bool:
        """Returns True if all of these users are members."""
        keys = {ObjectId(each) for each in user_ids}
        where = {"conversationId": ObjectId(conversation_id), "userId": {"$in": list(keys)}, "leftAt": None}
        return len(find(cls, where, fields=("userId",))) == len(keys)

    @classmethod
    def complete(cls, conversation_id: str, user_id: str, *, read_seq: int) -> None:
        """Stores the missing row of a member, for a direct conversation that an older version has stored."""
        user = ObjectId(user_id)
        cls.ensure([row_of(ObjectId(conversation_id), user, joined_at=now(), read_seq=read_seq)])

    @classmethod
    def ensure(cls, rows: list[Row]) -> None:
        """Stores those of the rows that do not exist yet."""
        while rows:
            refused = insert_many(cls, rows)
            rows = rows[refused.index + 1 :] if refused else []


def row_of(
    conversation_id: ObjectId,
    user_id: ObjectId,
    *,
    joined_at: datetime,
    role: str = "member",
    joined_seq: int = 0,
    read_seq: int = 0,
) -> Row:
    """Returns the row of a new member."""
    return {
        "conversationId": conversation_id,
        "userId": user_id,
        "role": role,
        "joinedAt": joined_at,
        "joinedSeq": joined_seq,
        "readSeq": read_seq,
        "deliveredSeq": read_seq,
    }


def public(row: Row) -> dict[str, Any]:
    """Returns a row in the format for clients, without names."""
    return {"userId": str(row["userId"]), "role": row["role"], "joinedAt": iso(row["joinedAt"])}


def cursor_of(moment: datetime, key: ObjectId) -> str:
    """Returns the cursor of a position in a list that is sorted by time and id."""
    elapsed: timedelta = moment.replace(tzinfo=UTC) - _EPOCH
    return f"{elapsed // timedelta(milliseconds=1)}-{key}"


def position(cursor: str) -> tuple[datetime, ObjectId]:
    """Returns the time and the id of a cursor."""
    milliseconds, _, key = cursor.partition("-")
    return _EPOCH + timedelta(milliseconds=int(milliseconds)), ObjectId(key)

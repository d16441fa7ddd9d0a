"""Lists of heads: a user's conversations, and a conversation as each of its members sees it."""

from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Any

from bson import ObjectId

from hapiish.store.rows import Find, Row, find, find_all, get

from .heads import SHARED, fields_for, is_readable, read_without_row, seen_by
from .membership import PRESENT, STATE, Membership, cursor_of, position, row_of
from .wire import now, object_id

PAGE_LIMIT = 200


class Lists:
    """The operations of `Conversation` that return several heads, or the keys that all heads share."""

    @classmethod
    def list_of(
        cls, user_id: str, *, limit: int = PAGE_LIMIT, cursor: str | None = None
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Returns a user's conversations, most recently active first, and the cursor of the next page or None."""
        after: Row = {}
        if cursor is not None:
            moment, key = position(cursor)
            after["$or"] = [{"updatedAt": {"$lt": moment}}, {"updatedAt": moment, "_id": {"$lt": key}}]
        stored = cls._page({"members": ObjectId(user_id), **after}, user_id, limit + 1)
        rows, large = _present(Membership.of_user(user_id, [each["_id"] for each in stored], large=True))
        if large:
            wide = cls._page({"_id": {"$in": large}, "isLarge": True, **after}, user_id, limit + 1)
            stored = list(islice(merge(stored, wide, key=_activity, reverse=True), limit + 1))
        following = cursor_of(stored[limit - 1]["updatedAt"], stored[limit - 1]["_id"]) if len(stored) > limit else None
        return cls._listed(user_id, stored[:limit], rows), following

    @classmethod
    def heads_of(cls, user_id: str, conversation_ids: list[str]) -> list[dict[str, Any]]:
        """Returns the heads of these conversations, without those that the user is not a member of."""
        keys = [key for key in map(object_id, conversation_ids) if key is not None]
        rows, large = _present(Membership.of_user(user_id, keys))
        mine = [{"members": ObjectId(user_id)}, {"_id": {"$in": large}, "isLarge": True}]
        stored = find(cls, {"_id": {"$in": keys}, "$or": mine}, fields=fields_for(user_id, listed=True), tz_aware=False)
        return cls._listed(user_id, stored, rows)

    @classmethod
    def groups_of(cls, user_id: str) -> list[str]:
        """Returns the ids of the groups that a user is a member of."""
        user = ObjectId(user_id)
        small, large = find_all(
            Find(cls, {"members": user, "type": "group"}, ("_id",)),
            Find(Membership, {"userId": user, "isLarge": True, **PRESENT}, ("conversationId",)),
        )
        return [*(str(row["_id"]) for row in small), *(str(row["conversationId"]) for row in large)]

    @classmethod
    def shared(cls, conversation_id: str) -> dict[str, Any] | None:
        """Returns the keys of a conversation's head that are the same for all members; None if it does not exist."""
        where = {"_id": ObjectId(conversation_id), "deletedAt": None}
        stored = get(cls, where, fields=fields_for(conversation_id, listed=True))
        if stored is None:
            return None
        head = seen_by(conversation_id, stored, None)
        return {name: head[name] for name in SHARED if name in head}

    @classmethod
    def heads_for_all(cls, conversation_id: str) -> dict[str, dict[str, Any]]:
        """Returns the head of a conversation as each member sees it, by the ids of the members."""
        key = ObjectId(conversation_id)
        heads, rows = find_all(
            Find(cls, {"_id": key, "deletedAt": None}), Find(Membership, {"conversationId": key, **PRESENT}, STATE)
        )
        state = {str(row["userId"]): row for row in rows}
        return {
            each: seen_by(each, stored, state.get(each))
            for stored in heads
            for each in (state if stored.get("type") == "group" else map(str, stored["members"]))
        }

    @classmethod
    def _page(cls, where: Row, user_id: str, limit: int) -> list[Row]:
        fields = fields_for(user_id, listed=True)
        return find(cls, where, fields=fields, sort=("-updatedAt", "-_id"), limit=limit, tz_aware=False)

    @classmethod
    def _listed(cls, user_id: str, stored: list[Row], rows: dict[ObjectId, Row]) -> list[dict[str, Any]]:
        stored = [each for each in stored if is_readable(each, rows.get(each["_id"]))]
        older = [each for each in stored if each["_id"] not in rows]
        moment, user = now(), ObjectId(user_id)
        made = [row_of(each["_id"], user, joined_at=moment, read_seq=read_without_row(each)) for each in older]
        Membership.ensure(made)
        return [seen_by(user_id, each, rows.get(each["_id"])) for each in stored]


def _present(rows: list[Row]) -> tuple[dict[ObjectId, Row], list[ObjectId]]:
    """Returns the rows of present members by conversation, and the keys of the large conversations."""
    present = {row["conversationId"]: row for row in rows if "leftAt" not in row}
    return present, [key for key, row in present.items() if row.get("isLarge")]


def _activity(stored: Row) -> tuple[datetime, ObjectId]:
    return stored["updatedAt"], stored["_id"]

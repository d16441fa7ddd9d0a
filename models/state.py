"""The private state of a member in a conversation: read and delivered pointers, mark as unread, mute and draft.

The pointers only advance, so repeated and late calls change nothing. Each operation returns the row after the change,
and the entries that the caller publishes (models/change.py). A receipt has the pointers that the others may know.
"""

from datetime import datetime
from typing import Any

from bson import ObjectId

from hapiish.store.rows import Row, find, get, modify

from .change import entry, user_entry
from .wire import now

Written = tuple[Row | None, list[Row]]
"""The row, or None without a membership, and the entries to publish, which are empty if nothing has changed."""


class MemberState:
    """The operations of `Membership` on the state of one member."""

    @classmethod
    def read(cls, conversation_id: str, user_id: str, seq: int, *, is_told: bool) -> Written:
        """Stores that a member has read all messages up to `seq`. It ends the mark as unread.

        With `is_told`, the other members may know.
        """
        ahead = {"$or": [{"readSeq": {"$lt": seq}}, {"unreadFrom": {"$exists": True}}]}
        pointers = {"readSeq": seq, "deliveredSeq": seq, **({"shownSeq": seq} if is_told else {})}
        change: Row = {"$max": pointers, "$unset": {"unreadFrom": 1, "markedSeq": 1}}
        entries = [user_entry("conversation", user_id, conversation_id)]
        if is_told:
            entries.append(entry("receipt", conversation_id, userId=ObjectId(user_id)))
        return cls._write(conversation_id, user_id, ahead, change, entries)

    @classmethod
    def deliver(cls, conversation_id: str, user_id: str, seq: int, *, is_told: bool) -> Written:
        """Stores that messages up to `seq` have reached a device of a member. With `is_told`, others may know."""
        entries = [entry("receipt", conversation_id, userId=ObjectId(user_id))] if is_told else []
        return cls._write(
            conversation_id, user_id, {"deliveredSeq": {"$lt": seq}}, {"$max": {"deliveredSeq": seq}}, entries
        )

    @classmethod
    def mark(cls, conversation_id: str, user_id: str, seq: int, *, last: int) -> Written:
        """Marks all messages from `seq` on as unread. `last` is the highest number in the conversation."""
        values = {"unreadFrom": seq, "markedSeq": last}
        entries = [user_entry("conversation", user_id, conversation_id)]
        return cls._write(conversation_id, user_id, {}, {"$set": values}, entries)

    @classmethod
    def mute(cls, conversation_id: str, user_id: str, until: datetime | None) -> Written:
        """Mutes notifications until a time; None unmutes them."""
        return cls._own(conversation_id, user_id, "mutedUntil", until)

    @classmethod
    def keep_draft(cls, conversation_id: str, user_id: str, text: str, reply_to: int | None = None) -> Written:
        """Stores the draft of a member; an empty text removes it."""
        reply = {} if reply_to is None else {"replyTo": reply_to}
        draft = {"text": text, "updatedAt": now(), **reply} if text else None
        return cls._own(conversation_id, user_id, "draft", draft)

    @classmethod
    def receipt(cls, conversation_id: str, user_id: str) -> dict[str, int] | None:
        """Returns the receipt of a member; None for a former member and for other users."""
        row = get(cls, _present(conversation_id, user_id), fields=("shownSeq", "deliveredSeq"))
        return row and cls.receipt_of(row)

    @staticmethod
    def receipt_of(row: Row) -> dict[str, int]:
        """Returns the receipt `{readSeq, deliveredSeq}` of a row: the pointers that the others may know."""
        return {"readSeq": row.get("shownSeq", 0), "deliveredSeq": row.get("deliveredSeq", 0)}

    @classmethod
    def receipts(cls, conversation_id: str, user_id: str, *, limit: int) -> dict[str, dict[str, int]]:
        """Returns the receipts of the other members, at most `limit`, by their ids."""
        where = {"conversationId": ObjectId(conversation_id), "userId": {"$ne": ObjectId(user_id)}, "leftAt": None}
        rows = find(cls, where, fields=("userId", "shownSeq", "deliveredSeq"), limit=limit)
        return {str(row["userId"]): cls.receipt_of(row) for row in rows}

    @classmethod
    def _own(cls, conversation_id: str, user_id: str, name: str, value: Any) -> Written:
        change: Row = {"$unset": {name: 1}} if value is None else {"$set": {name: value}}
        where: Row = {name: {"$exists": True}} if value is None else {}
        entries = [user_entry("conversation", user_id, conversation_id)]
        return cls._write(conversation_id, user_id, where, change, entries)

    @classmethod
    def _write(cls, conversation_id: str, user_id: str, where: Row, change: Row, entries: list[Row]) -> Written:
        mine = _present(conversation_id, user_id)
        if entries:
            change = {**change, "$push": {"pending": {"$each": entries}}}
        written = modify(cls, {**mine, **where}, change)
        return (written, entries) if written is not None else (get(cls, mine), [])


def _present(conversation_id: str, user_id: str) -> Row:
    return {"conversationId": ObjectId(conversation_id), "userId": ObjectId(user_id), "leftAt": None}

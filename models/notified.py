"""Facts that decide who is notified of a message, and of what."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from bson import ObjectId

from hapiish.store.rows import Row, find, get

from .conversation import Conversation
from .membership import Membership
from .message import Message
from .wire import now


class Notified(NamedTuple):
    """The state of a member: `known` is the last message that the member has read, got or may not read."""

    has_left: bool
    known: int
    is_muted: bool


class Notifying:
    """The queries of `Device` on conversations."""

    @classmethod
    def states(cls, conversation_id: str, user_ids: Iterable[str]) -> dict[str, Notified]:
        """Returns the states of those users who have a membership."""
        where = {
            "conversationId": ObjectId(conversation_id),
            "userId": {"$in": [ObjectId(each) for each in user_ids]},
        }
        fields = ("userId", "leftAt", "joinedSeq", "readSeq", "deliveredSeq", "mutedUntil")
        moment = now()
        return {
            str(row["userId"]): Notified(
                row.get("leftAt") is not None,
                max(row.get("joinedSeq", 0), row.get("readSeq", 0), row.get("deliveredSeq", 0)),
                (muted := row.get("mutedUntil")) is not None and muted > moment,
            )
            for row in find(Membership, where, fields=fields)
        }

    @classmethod
    def blocking(cls, users: Any, user_ids: Iterable[str], other_id: str) -> set[str]:
        """Returns those users who have blocked another user; `users` is the class of users."""
        if "blocked" not in getattr(users, "_fields", {}):  # another project's class
            return {each for each in user_ids if users.is_barred(each, other_id)}
        where = {"_id": {"$in": [ObjectId(each) for each in user_ids]}, "blocked": ObjectId(other_id)}
        return {str(row["_id"]) for row in find(users, where, fields=("_id",))}

    @classmethod
    def message(cls, conversation_id: str, seq: int, user_id: str) -> Row | None:
        """Returns a stored message; None if it is gone, deleted, or deleted by the user for themselves."""
        found = get(Message, {"conversationId": ObjectId(conversation_id), "seq": seq})
        is_gone = found is None or "deletedAt" in found or ObjectId(user_id) in found.get("hiddenFor", ())
        return None if is_gone else found

    @classmethod
    def conversation(cls, conversation_id: str, user_id: str) -> Row | None:
        """Returns `{title?, isLarge?}` of a conversation; None if the user is not listed as a member of a small one."""
        user = ObjectId(user_id)
        mine = {"_id": ObjectId(conversation_id), "$or": [{"members": user}, {"isLarge": True}]}
        return get(Conversation, mine, fields=("title", "isLarge"))

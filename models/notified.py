"""The data that determines which members get a push notification of a message."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from bson import ObjectId

from hapiish.store.rows import Find, Row, find, find_all

from .conversation import Conversation
from .membership import Membership
from .message import Message
from .wire import now

_STATE: Final = ("userId", "leftAt", "joinedSeq", "readSeq", "deliveredSeq", "mutedUntil")


class Notified(NamedTuple):
    """The state of a member. `known` is the highest number of a message that the member has read or received, or that
    the member may not read.
    """

    has_left: bool
    known: int
    is_muted: bool


class Facts(NamedTuple):
    """The stored device, conversation and message, each None if the user cannot see it. `known` is as in `Notified`."""

    device: Row | None
    place: Row | None
    message: Row | None
    known: int


class Notifying:
    """The queries of `Device` on conversations."""

    @classmethod
    def states(cls, conversation_id: str, user_ids: Iterable[str]) -> dict[str, Notified]:
        """Returns the states of users, by their ids. Users without a membership are missing."""
        where = {
            "conversationId": ObjectId(conversation_id),
            "userId": {"$in": [ObjectId(each) for each in user_ids]},
        }
        moment = now()
        return {str(row["userId"]): _state(row, moment) for row in find(Membership, where, fields=_STATE)}

    @classmethod
    def blocking(cls, users: Any, user_ids: Iterable[str], other_id: str) -> set[str]:
        """Returns those of the users who have blocked `other_id`. `users` is the class of users."""
        if "blocked" not in getattr(users, "_fields", {}):  # another project's class
            return {each for each in user_ids if users.is_barred(each, other_id)}
        where = {"_id": {"$in": [ObjectId(each) for each in user_ids]}, "blocked": ObjectId(other_id)}
        return {str(row["_id"]) for row in find(users, where, fields=("_id",))}

    @classmethod
    def facts(cls, user_id: str, device_id: str, conversation_id: str, seq: int) -> Facts:
        """Returns the data that determines whether a device should still get a push of a message. One command."""
        user, key = ObjectId(user_id), ObjectId(conversation_id)
        mine = {"_id": key, "$or": [{"members": user}, {"isLarge": True}]}
        found = find_all(
            Find(cls, {"userId": user, "deviceId": device_id}, ("token", "platform", "sessionId")),
            Find(Conversation, mine, ("title", "isLarge", "deletedAt")),
            Find(Membership, {"conversationId": key, "userId": user}, _STATE),
            Find(Message, {"conversationId": key, "seq": seq}),
        )
        device, place, row, message = (rows[0] if rows else None for rows in found)
        state = _state(row, now()) if row is not None else None
        if (
            place is None
            or "deletedAt" in place
            or (place.get("isLarge") and state is None)
            or (state is not None and state.has_left)
        ):
            place = None
        if message is not None and ("deletedAt" in message or user in message.get("hiddenFor", ())):
            message = None
        return Facts(device, place, message, state.known if state is not None else 0)


def _state(row: Row, moment: datetime) -> Notified:
    muted = row.get("mutedUntil")
    known = max(row.get("joinedSeq", 0), row.get("readSeq", 0), row.get("deliveredSeq", 0))
    return Notified(row.get("leftAt") is not None, known, muted is not None and muted.replace(tzinfo=UTC) > moment)

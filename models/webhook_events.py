"""The data of the events of webhooks. It is read when an event is sent, so it is the state of that time."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from bson import ObjectId

from hapiish.store.rows import find, get

from .conversation import Conversation
from .membership import Membership
from .message import Message
from .wire import iso

_RECENT: Final = timedelta(minutes=10)
"""The longest time between a join and its change of members."""


class WebhookEvents:
    """The queries of `Webhook` on the objects of events."""

    @classmethod
    def joined(cls, conversation_id: str, at: datetime) -> list[dict[str, Any]]:
        """Returns `{userId, role, joinedAt}` of the members who joined in the last minutes before `at`.

        Members who were added when the group was made are left out.
        """
        group = get(Conversation, {"_id": ObjectId(conversation_id)}, fields=("createdAt",))
        if group is None:
            return []
        since = max(at - _RECENT, group["createdAt"])
        where = {"conversationId": ObjectId(conversation_id), "leftAt": None, "joinedAt": {"$gt": since}}
        rows = find(Membership, where, fields=("userId", "role", "joinedAt"), sort=("joinedAt", "userId"))
        return [{"userId": str(row["userId"]), "role": row["role"], "joinedAt": iso(row["joinedAt"])} for row in rows]

    @classmethod
    def data(cls, payload: Mapping[str, Any], users: Any) -> dict[str, Any] | None:
        """Returns the `data` of an event for the receiver; None if its object does not exist any more."""
        kind = payload["type"]
        if kind == "user.registered":
            account = users.account(payload["userId"])
            return {"user": {name: account[name] for name in ("_id", "fullName")}} if account is not None else None
        if kind in ("message.created", "message.updated"):
            found = get(Message, {"conversationId": ObjectId(payload["conversationId"]), "seq": payload["seq"]})
            return {"message": Message.shown([found])[0]} if found is not None else None
        if kind == "member.joined":
            where = {"conversationId": ObjectId(payload["conversationId"]), "userId": ObjectId(payload["userId"])}
            row = get(Membership, {**where, "leftAt": None}, fields=("role", "joinedAt"))
            if row is None:
                return None
            member = {"userId": payload["userId"], "role": row["role"], "joinedAt": iso(row["joinedAt"])}
            return {"conversationId": payload["conversationId"], "member": member}
        fields = ("type", "title", "members", "memberCount", "createdAt")
        found = get(Conversation, {"_id": ObjectId(payload["conversationId"])}, fields=fields)
        if found is None:
            return None
        members = [str(each) for each in found.get("members", ())]
        conversation = {
            "id": payload["conversationId"],
            "type": found.get("type", "direct"),
            "memberCount": found.get("memberCount", len(members)),
            "createdAt": iso(found["createdAt"]),
            **({"memberIds": members} if members else {}),
            **({"title": found["title"]} if found.get("title") else {}),
        }
        return {"conversation": conversation}

"""Heads: a stored conversation and a member's row, in the format for clients."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from bson import ObjectId

from hapiish.store.rows import Row

from .wire import iso, now

_LISTED = (
    "userOneId",
    "userTwoId",
    "lastSeq",
    "lastMessage",
    "updatedAt",
    "type",
    "title",
    "avatar",
    "memberCount",
    "membersRev",
    "isLarge",
    "changeSeq",
    "pins",
    "history",
)


class Seen(NamedTuple):
    """A conversation as one member sees it, and what a delivery to all members needs."""

    head: dict[str, Any]
    members: list[ObjectId] | None
    """The members, or None in a large group, where the memberships list them."""
    members_rev: int
    """Increases with each join, leave and change of a role."""


def fields_for(user_id: str, *, listed: bool = False) -> Row:
    """Returns the projection of a head for a user; with `listed` without the members, for lists of heads."""
    return {**dict.fromkeys(_LISTED, 1), f"sent.{user_id}": 1, **({} if listed else {"members": 1})}


def seen_by(user_id: str, stored: Row, row: Row | None) -> dict[str, Any]:
    """Returns a conversation as a member sees it. Without a row, of an older version, all messages count as read."""
    is_group, last = stored.get("type") == "group", stored["lastSeq"]
    state = row or {"readSeq": last}
    sent = stored.get("sent", {}).get(user_id, 0)
    read = max(state.get("readSeq", 0), sent)
    first = state.get("joinedSeq", 0) + 1
    unread_from = state.get("unreadFrom")
    if unread_from is not None and sent > state.get("markedSeq", 0):  # who writes has read
        unread_from = None
    updated_at = iso(stored["updatedAt"])
    head = {
        "id": str(stored["_id"]),
        "friendId": None if is_group else _friend(stored, user_id),
        "lastSeq": last,
        "lastMessage": _preview(stored, updated_at) if last >= first and state.get("hiddenSeq") != last else None,
        "updatedAt": updated_at,
        "type": "group" if is_group else "direct",
        "memberCount": stored.get("memberCount", 2),
        "role": state.get("role", "member"),
        "changeSeq": stored.get("changeSeq", 0),
        "readSeq": read,
        "deliveredSeq": max(state.get("deliveredSeq", 0), read),
        "unread": max(0, last - (read if unread_from is None else unread_from - 1)),
        "history": stored.get("history", "all"),
        "firstSeq": first,
    }
    if is_group:
        head["title"] = stored["title"]
    if avatar := stored.get("avatar"):
        head["avatar"] = str(avatar)
    if pins := stored.get("pins"):
        head["pins"] = [seq for seq in pins if seq >= first]
    if unread_from is not None:
        head["unreadFrom"] = unread_from
    head.update(private_of(state))
    return head


def state_of(head: dict[str, Any], row: Row) -> dict[str, Any]:
    """Returns what only the member has set and read, from the head before a change and the row after it."""
    last, read = head["lastSeq"], max(head["readSeq"], row.get("readSeq", 0))
    unread_from = row.get("unreadFrom")
    state = {"readSeq": read, "unread": max(0, last - (read if unread_from is None else unread_from - 1))}
    if unread_from is not None:
        state["unreadFrom"] = unread_from
    return state | private_of(row)


def private_of(state: Row) -> dict[str, Any]:
    """Returns the parts of a head that only the member has set: `mutedUntil` while it lasts, and `draft`."""
    given: dict[str, Any] = {}
    muted, draft = state.get("mutedUntil"), state.get("draft")
    if muted is not None and _aware(muted) > now():
        given["mutedUntil"] = iso(muted)
    if draft is not None:
        given["draft"] = {**draft, "updatedAt": iso(draft["updatedAt"])}
    return given


def _preview(stored: Row, updated_at: str) -> dict[str, Any] | None:
    preview = stored.get("lastMessage")
    if not preview:
        return None
    # `push` sets both times to the same one: in a long list, formatting it once is a twelfth of the CPU time.
    is_same = preview["createdAt"] == stored["updatedAt"]
    shown = {
        "_id": str(preview["message"]),
        "seq": stored["lastSeq"],
        "text": preview["text"],
        "createdAt": updated_at if is_same else iso(preview["createdAt"]),
        "userId": str(preview["userId"]),
    }
    if "type" in preview:
        shown["type"] = preview["type"]
    if "deletedAt" in preview:
        shown["deletedAt"] = iso(preview["deletedAt"])
    return shown


def _friend(stored: Row, user_id: str) -> str:
    members = stored.get("members") or [stored["userOneId"], stored["userTwoId"]]
    return other_of(members, user_id)


def other_of(members: list[ObjectId], user_id: str) -> str:
    """Returns the other member of a direct conversation."""
    one = str(members[0])
    return one if one != user_id else str(members[1])


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

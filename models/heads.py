"""Heads: conversations in the format for clients, made from a stored conversation and a member's row."""

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

SHARED = ("id", "type", "title", "avatar", "memberCount", "history", "changeSeq", "pins", "lastSeq", "updatedAt")
"""The keys of a head that are the same for all members, with pins that not all members may read."""

PREVIEW = 200
"""The most characters of the newest message in a head."""


class Seen(NamedTuple):
    """A conversation as one member sees it, with the data for a delivery to all members."""

    head: dict[str, Any]
    members: list[ObjectId] | None
    """The members, or None in a large group, where the memberships list them."""
    members_rev: int
    """Increases with each join, leave and change of a role."""
    sent: int = 0
    """The number of the member's last message; 0 without one, and in large groups, where `readSeq` includes it."""


def fields_for(user_id: str, *, listed: bool = False) -> Row:
    """Returns the projection of a head for a user. `listed` leaves out the members, for lists of heads."""
    return {**dict.fromkeys(_LISTED, 1), f"sent.{user_id}": 1, **({} if listed else {"members": 1})}


def seen_by(user_id: str, stored: Row, row: Row | None) -> dict[str, Any]:
    """Returns a conversation as a member sees it. Without a row, `read_without_row` determines the read messages."""
    is_group, last = stored.get("type") == "group", stored["lastSeq"]
    state = row or {"readSeq": read_without_row(stored)}
    first, reading = state.get("joinedSeq", 0) + 1, _reading(last, sent_by(user_id, stored), state)
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
        "deliveredSeq": max(state.get("deliveredSeq", 0), reading["readSeq"]),
        "history": stored.get("history", "all"),
        "firstSeq": first,
    }
    if is_group:
        head["title"] = stored["title"]
    if avatar := stored.get("avatar"):
        head["avatar"] = str(avatar)
    if pins := stored.get("pins"):
        head["pins"] = [seq for seq in pins if seq >= first]
    head.update(reading)
    head.update(private_of(state))
    return head


def read_without_row(stored: Row) -> int:
    """Returns the number of the last message that a member without a row has read.

    All messages of a conversation of an older version count as read. A newer conversation has a type, and lacks rows
    only if the process that opened it was killed: its messages count as unread.
    """
    read: int = 0 if "type" in stored else stored["lastSeq"]
    return read


def state_of(seen: Seen, row: Row) -> dict[str, Any]:
    """Returns the private state of a member, from the conversation before a change and the row after it."""
    return _reading(seen.head["lastSeq"], seen.sent, row) | private_of(row)


def sent_by(user_id: str, stored: Row) -> int:
    """Returns the number of a member's last message in a conversation; 0 without one, and in a large group."""
    number: int = stored.get("sent", {}).get(user_id, 0)
    return number


def _reading(last: int, sent: int, state: Row) -> dict[str, int]:
    """Returns `readSeq`, `unread` and, while the member's mark as unread lasts, `unreadFrom`."""
    read, unread_from = max(state.get("readSeq", 0), sent), state.get("unreadFrom")
    if unread_from is None or sent > state.get("markedSeq", 0):  # a message of the member ends the mark
        return {"readSeq": read, "unread": max(0, last - read)}
    return {"readSeq": read, "unread": max(0, last - unread_from + 1), "unreadFrom": unread_from}


def private_of(state: Row) -> dict[str, Any]:
    """Returns the parts of a head that the member has set: `mutedUntil`, unless it is past, and `draft`."""
    given: dict[str, Any] = {}
    muted, draft = state.get("mutedUntil"), state.get("draft")
    if muted is not None and _aware(muted) > now():
        given["mutedUntil"] = iso(muted)
    if draft is not None:
        given["draft"] = {**draft, "updatedAt": iso(draft["updatedAt"])}
    return given


def is_readable(stored: Row, row: Row | None) -> bool:
    """Returns True if a user with this row can read a conversation.

    A direct conversation of an older version has no rows and is readable. A group is not readable without a row, which
    has the first readable message.
    """
    return row.get("leftAt") is None if row is not None else stored.get("type") != "group"


def _preview(stored: Row, updated_at: str) -> dict[str, Any] | None:
    preview = stored.get("lastMessage")
    if not preview:
        return None
    # `push` sets both times to the same value: in a long list, formatting it once saves a twelfth of the CPU time.
    is_same = preview["createdAt"] == stored["updatedAt"]
    shown = {
        "_id": str(preview["message"]),
        "seq": stored["lastSeq"],
        "text": preview["text"],
        "createdAt": updated_at if is_same else iso(preview["createdAt"]),
        "userId": str(preview["userId"]),
    }
    shown |= {name: preview[name] for name in ("type", "system") if name in preview}
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

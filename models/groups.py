"""Groups: the operations that make and change a conversation of several users.

Each operation writes several documents. Call it in a transaction: then the members, the memberships and the message
that reports the change are stored together or not at all, and concurrent changes of a group run one after another. The
caller publishes the changes after the commit (models/change.py).
"""

from datetime import timedelta
from typing import Any, NamedTuple

from bson import ObjectId
from pymongo import UpdateOne

from hapiish.store.rows import Row, find, get, insert, insert_many, modify, update

from .change import Change, entry, user_entry
from .membership import PRESENT, RANKS, Membership, row_of
from .names import tidy
from .wire import now

LISTED = 256
"""The most members that a conversation's document lists. A larger group lists them in memberships only."""

LONGEST_TITLE = 100

CLOSED_FOR = timedelta(hours=1)
"""The time from the end of a group until its messages are removed. By then its members have the event of the end."""


class GroupError(Exception):
    """A refused change. `code` is `not_found`, `not_admin`, `conflict` or `invalid`; the text is the reason."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Changed(NamedTuple):
    """The result of a change: the entries to publish, and the message that reports the change."""

    entries: tuple[Row, ...] = ()
    own: tuple[tuple[ObjectId, Row], ...] = ()
    """Entries of single members, with the ids of their memberships."""
    message: dict[str, Any] | None = None
    is_new: bool = False
    """True if a member was added."""


class Groups:
    """The operations of `Conversation` on groups."""

    Refused = GroupError

    @classmethod
    def made_group(cls, creator_id: str, key: str) -> str | None:
        """Returns the id of the group that a creator has made with this key, or None."""
        found = get(cls, {"pairKey": _group_key(creator_id, key)}, fields=("_id",))
        return str(found["_id"]) if found is not None else None

    @classmethod
    def create_group(
        cls, creator_id: str, title: str, member_ids: list[str], *, key: str, history: str = "joined"
    ) -> tuple[str, bool]:
        """Makes a group and returns its id, and True if this call made it. The creator is its owner.

        `key` makes the call idempotent: there is one group of a creator and a key. Raises NotUniqueError if a
        concurrent call makes it; the next call returns it. Raises GroupError.
        """
        made = cls.made_group(creator_id, key)
        if made is not None:
            return made, False
        title = _tidied(title)
        members = [ObjectId(each) for each in dict.fromkeys((creator_id, *member_ids))]
        moment, is_large = now(), len(members) > LISTED
        stored: Row = {
            "pairKey": _group_key(creator_id, key),
            "type": "group",
            "title": title,
            "memberCount": len(members),
            "membersRev": 1,
            "history": history,
            "lastSeq": 0,
            "recent": [],
            "createdAt": moment,
            "updatedAt": moment,
            **({"isLarge": True} if is_large else {"members": members}),
        }
        conversation_id = insert(cls, stored)
        rows = [row_of(conversation_id, each, joined_at=moment) for each in members]
        rows[0]["role"] = "owner"
        for row in rows if is_large else ():
            row["isLarge"] = True
        insert_many(Membership, rows)
        return str(conversation_id), True

    @classmethod
    def put_member(
        cls, conversation_id: str, by_id: str, user_id: str, role: str | None, *, limit: int, messages: Any
    ) -> Changed:
        """Adds a member, or changes the role of a member; `by_id` is the acting member.

        `limit` is the most members of a group, `messages` is the class of messages. Admins can add members; owners can
        also make admins and owners. By the group's `history`, a new member can read all messages, or those from the
        message about the joining on. Raises GroupError.
        """
        stored, actor = cls._locked(conversation_id, by_id)
        row = _present(conversation_id, user_id)
        if row is not None:
            return cls._give_role(stored, actor, row, role)
        if RANKS[actor["role"]] < RANKS["admin"] or (role not in (None, "member") and actor["role"] != "owner"):
            raise GroupError("not_admin", "Only admins add members, and only owners add admins")
        if stored["memberCount"] >= limit:
            raise GroupError("conflict", "The group is full")
        key, user = stored["_id"], ObjectId(user_id)
        is_large = bool(stored.get("isLarge")) or stored["memberCount"] >= LISTED
        given, own = entry("members", key, joined=[user_id]), user_entry("conversation", user, key)
        onto: Row = {"$inc": {"memberCount": 1}, "$push": {"pending": given}}
        if not is_large:
            onto["$push"]["members"] = user
        elif not stored.get("isLarge"):
            onto |= {"$set": {"isLarge": True}, "$unset": {"members": 1}}
            _all_large(key)
        update(cls, {"_id": key}, onto)
        message = cls._tell(stored, by_id, {"kind": "joined", "userIds": [user_id]}, messages, is_large=is_large)
        seq = message["seq"]
        new = row_of(key, user, joined_at=now(), role=role or "member", read_seq=seq)
        new["joinedSeq"] = seq - 1 if stored["history"] == "joined" else 0
        if is_large:
            new["isLarge"] = True
        forgotten = dict.fromkeys(("leftAt", "unreadFrom", "markedSeq", "mutedUntil", "draft", "shownSeq"), 1)
        update(
            Membership,
            {"conversationId": key, "userId": user},
            {"$set": new, "$unset": forgotten, "$push": {"pending": own}},
            upsert=True,
        )
        made = get(Membership, {"conversationId": key, "userId": user}, fields=("_id",))
        assert made is not None
        return Changed((given,), ((made["_id"], own),), message, is_new=True)

    @classmethod
    def remove_member(cls, conversation_id: str, by_id: str, user_id: str, *, messages: Any) -> Changed:
        """Removes a member, or the acting member `by_id`. It does nothing if the user is no member.

        Admins can remove members; owners can remove all. If the last owner leaves, the admin with the longest
        membership becomes the owner, or without admins the member with the longest. If the last member leaves, the
        group is closed. Raises GroupError.
        """
        stored, actor = cls._locked(conversation_id, by_id)
        row = actor if user_id == by_id else _present(conversation_id, user_id)
        if row is None:
            return Changed()
        is_leaving = user_id == by_id
        if not is_leaving and actor["role"] != "owner" and RANKS[actor["role"]] <= RANKS[row["role"]]:
            raise GroupError("not_admin", "Only admins remove members, and only owners remove admins")
        key, own = stored["_id"], user_entry("conversation", user_id, stored["_id"])
        update(Membership, {"_id": row["_id"]}, _leaving(own))
        if stored["memberCount"] <= 1:
            update(cls, {"_id": key}, _closing())
            return Changed((), ((row["_id"], own),))
        roles = _succession(key) if row["role"] == "owner" else {}
        given = entry("members", key, left=[user_id], roles=roles)
        system = {"kind": "left" if is_leaving else "removed", "userIds": [user_id]}
        message = cls._tell(stored, by_id, system, messages, is_large=bool(stored.get("isLarge")))
        # This update comes after the message, which adds its author to `sent`.
        onto: Row = {"$inc": {"memberCount": -1}, "$push": {"pending": given}, "$unset": {f"sent.{user_id}": 1}}
        if not stored.get("isLarge"):
            onto["$pull"] = {"members": ObjectId(user_id)}
        update(cls, {"_id": key}, onto)
        return Changed((given,), ((row["_id"], own),), message)

    @classmethod
    def edit(cls, conversation_id: str, by_id: str, values: Row, *, messages: Any) -> Changed:
        """Changes `title`, `avatar` (an id, or None to remove it) and `history` of a group. Admins and owners may.

        A new `history` applies to members who join later. Raises GroupError.
        """
        stored, actor = cls._locked(conversation_id, by_id)
        if RANKS[actor["role"]] < RANKS["admin"]:
            raise GroupError("not_admin", "Only admins change a group")
        if "title" in values:
            values = {**values, "title": _tidied(values["title"])}
        if values.get("avatar") is not None:
            values = {**values, "avatar": ObjectId(values["avatar"])}
        new = {name: value for name, value in values.items() if stored.get(name) != value}
        if not new:
            return Changed()
        given = entry("conversation", stored["_id"])
        onto: Row = {"$push": {"pending": given}}
        for name, value in new.items():
            onto.setdefault("$unset" if value is None else "$set", {})[name] = 1 if value is None else value
        update(cls, {"_id": stored["_id"]}, onto)
        message = None
        if "title" in new:
            system = {"kind": "renamed", "title": new["title"]}
            message = cls._tell(stored, by_id, system, messages, is_large=bool(stored.get("isLarge")))
        return Changed((given,), (), message)

    @classmethod
    def close(cls, conversation_id: str, by_id: str) -> None:
        """Ends a group for all. Owners may. The messages and memberships are removed later. Raises GroupError."""
        stored, actor = cls._locked(conversation_id, by_id)
        if actor["role"] != "owner":
            raise GroupError("not_admin", "Only owners close a group")
        update(cls, {"_id": stored["_id"]}, _closing())

    @classmethod
    def remove_closed(cls, messages: Any, *, limit: int = 5000) -> int:
        """Removes the data of closed groups, up to `limit` documents of each class.

        Returns the number of groups that are removed completely. First the memberships end, with a change for each
        member. An hour later, when the changes are published, the messages, changes and memberships are removed. The
        group is removed last, so that the work goes on after a crash.
        """
        finished = 0
        for stored in find(cls, {"deletedAt": {"$exists": True}}, fields=("deletedAt",), sort=("deletedAt",), limit=50):
            key = stored["_id"]
            _end_memberships(key, limit)
            if now() - stored["deletedAt"] < CLOSED_FOR:
                continue
            if any(_remove(each, key, limit) == limit for each in (messages, Change, Membership)):
                continue
            cls._get_collection().delete_one({"_id": key})  # type: ignore[attr-defined]
            finished += 1
        return finished

    @classmethod
    def _locked(cls, conversation_id: str, by_id: str) -> tuple[Row, Row]:
        """Returns the group and the membership of the acting member.

        It increases `membersRev`: this write makes concurrent changes wait, and outdates remembered members.
        """
        fields = ("title", "avatar", "history", "memberCount", "isLarge", "lastSeq")
        where = {"_id": ObjectId(conversation_id), "type": "group", "deletedAt": None}
        stored = modify(cls, where, {"$inc": {"membersRev": 1}}, fields=fields)
        actor = stored and _present(conversation_id, by_id)
        if stored is None or actor is None:
            raise GroupError("not_found", "There is no such group")
        return stored, actor

    @classmethod
    def _give_role(cls, stored: Row, actor: Row, row: Row, role: str | None) -> Changed:
        if role is None or role == row["role"]:
            return Changed()
        if actor["role"] != "owner":
            raise GroupError("not_admin", "Only owners change roles")
        if row["role"] == "owner" and not _others(stored["_id"], row, "owner"):
            raise GroupError("conflict", "A group needs an owner")
        update(Membership, {"_id": row["_id"]}, {"$set": {"role": role}})
        given = entry("members", stored["_id"], roles={str(row["userId"]): role})
        update(cls, {"_id": stored["_id"]}, {"$push": {"pending": given}})
        return Changed((given,))

    @classmethod
    def _tell(cls, stored: Row, by_id: str, system: Row, messages: Any, *, is_large: bool) -> dict[str, Any]:
        """Stores the message that reports a change, and updates the head."""
        message: dict[str, Any] = messages.note(str(stored["_id"]), by_id, system, after=stored["lastSeq"])
        cls.push(message, is_large=is_large)  # type: ignore[attr-defined]
        return message


def _group_key(creator_id: str, key: str) -> str:
    return f"group:{creator_id}:{key}"


def _tidied(title: str) -> str:
    stored = tidy(title)
    if len(stored) > LONGEST_TITLE:  # some characters are two in NFC
        raise GroupError("invalid", "The title is too long")
    return stored


def _present(conversation_id: str, user_id: str) -> Row | None:
    key = {"conversationId": ObjectId(conversation_id), "userId": ObjectId(user_id)}
    return get(Membership, {**key, **PRESENT}, fields=("userId", "role"))


def _others(conversation_id: ObjectId, row: Row, role: str | None = None) -> list[Row]:
    """Returns the member with the longest membership besides `row`, of a role or of any; an empty list without one."""
    where: Row = {"conversationId": conversation_id, **PRESENT, "_id": {"$ne": row["_id"]}}
    if role is not None:
        where["role"] = role
    return find(Membership, where, fields=("userId", "role"), sort=("joinedAt", "userId"), limit=1)


def _succession(conversation_id: ObjectId) -> dict[str, str]:
    """Makes a member the owner if a group has no owner left; returns the new roles by user id."""
    nobody = {"_id": None}
    if _others(conversation_id, nobody, "owner"):
        return {}
    (heir,) = _others(conversation_id, nobody, "admin") or _others(conversation_id, nobody)
    update(Membership, {"_id": heir["_id"]}, {"$set": {"role": "owner"}})
    return {str(heir["userId"]): "owner"}


def _all_large(conversation_id: ObjectId) -> None:
    collection: Any = Membership._get_collection()  # noqa: SLF001 - no function of `rows` updates many
    collection.update_many({"conversationId": conversation_id, **PRESENT}, {"$set": {"isLarge": True}})


def _end_memberships(conversation_id: ObjectId, limit: int) -> None:
    """Ends the memberships of a closed group. `Change.repair` publishes the changes."""
    ended = [
        UpdateOne(
            {"_id": row["_id"], **PRESENT},
            _leaving(user_entry("conversation", row["userId"], conversation_id)),
        )
        for row in find(Membership, {"conversationId": conversation_id, **PRESENT}, fields=("userId",), limit=limit)
    ]
    if ended:
        Membership._get_collection().bulk_write(ended, ordered=False)  # noqa: SLF001


def _remove(model: Any, conversation_id: ObjectId, limit: int) -> int:
    """Removes documents of a conversation, at most `limit`; returns their number."""
    keys = [row["_id"] for row in find(model, {"conversationId": conversation_id}, fields=("_id",), limit=limit)]
    if keys:
        model._get_collection().delete_many({"_id": {"$in": keys}})  # noqa: SLF001
    return len(keys)


def _leaving(own: Row) -> Row:
    """Returns the update that ends a membership, with the entry of its change."""
    return {"$set": {"leftAt": own["at"]}, "$unset": {"isLarge": 1, "draft": 1}, "$push": {"pending": own}}


def _closing() -> Row:
    """Returns the update that ends a group. It removes the members, so no user can read the group any more."""
    content = ("members", "isLarge", "sent", "recent", "lastMessage", "pins", "pending", "avatar")
    return {"$set": {"deletedAt": now(), "memberCount": 0}, "$unset": dict.fromkeys(content, 1)}

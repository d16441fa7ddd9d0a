"""Groups: how a conversation of several users is made and changed.

Each function writes several documents. Call it in a transaction: then the members, the memberships and the message
that tells of the change are stored together or not at all, and concurrent changes of one group follow each other.
"""

from typing import Any

from bson import ObjectId

from hapiish.store.rows import get, insert, insert_many

from .membership import Membership, row_of
from .wire import now

LISTED = 256
"""Members that a conversation's document lists; in a larger group, only the memberships do."""


class Groups:
    """The operations of `Conversation` on groups."""

    @classmethod
    def create_group(
        cls, creator_id: str, title: str, member_ids: list[str], *, key: str, history: str = "joined"
    ) -> tuple[str, bool]:
        """Makes a group and returns its id, and True if this call made it. The creator is its owner.

        `key` makes the call idempotent: the same creator and key name one group. Raises NotUniqueError if a concurrent
        call made it; the next call returns it.
        """
        pair_key = f"group:{creator_id}:{key}"
        found = get(cls, {"pairKey": pair_key}, fields=("_id",))
        if found is not None:
            return str(found["_id"]), False
        members = [ObjectId(each) for each in dict.fromkeys((creator_id, *member_ids))]
        moment, is_large = now(), len(members) > LISTED
        stored: dict[str, Any] = {
            "pairKey": pair_key,
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

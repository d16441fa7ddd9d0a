"""Activity: the heads of recently changed conversations, for several users."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from bson import ObjectId

from hapiish.store.rows import Find, Row, find_all

from .news import active_since
from .wire import now

TOGETHER: Final = 1000
"""The most users of one database command."""

MOST: Final = 20_000
"""The most conversations of one database command."""

_FIELDS = ("members", "lastSeq", "changeSeq")

Heads = dict[str, dict[str, dict[str, int]]]


class Activity:
    """The queries for the event `heads`."""

    @classmethod
    def heads(cls, models: Any, user_ids: Sequence[str], seconds: float) -> Heads:
        """Returns `{userId: {conversationId: {seq, changeSeq}}}` of conversations that changed in the last `seconds`.

        It takes one database command for each thousand users, and a second one if a user of these is in a large group.
        """
        found: Heads = {}
        since = now() - timedelta(seconds=seconds)
        for start in range(0, len(user_ids), TOGETHER):
            users = {ObjectId(each) for each in user_ids[start : start + TOGETHER]}
            _read(models, users, active_since(since), found)
        return found


def _read(models: Any, users: set[ObjectId], active: list[Row], found: Heads) -> None:
    conversations, mine = models.Conversation, {"$in": list(users)}
    small = [Find(conversations, {"members": mine, **each}, _FIELDS, limit=MOST) for each in active]
    large = Find(models.Membership, {"userId": mine, "isLarge": True, "leftAt": None}, ("userId", "conversationId"))
    *rows, memberships = find_all(*small, large)
    for row in (row for part in rows for row in part):
        for user in users.intersection(row["members"]):
            _add(found, user, row)
    if not memberships:
        return
    readers: dict[ObjectId, list[ObjectId]] = {}
    for each in memberships:
        readers.setdefault(each["conversationId"], []).append(each["userId"])
    among = {"_id": {"$in": list(readers)}, "isLarge": True, "$or": active}
    for row in find_all(Find(conversations, among, _FIELDS, limit=MOST))[0]:
        for user in readers[row["_id"]]:
            _add(found, user, row)


def _add(found: Heads, user: ObjectId, row: Row) -> None:
    head = {"seq": row["lastSeq"], "changeSeq": row.get("changeSeq", 0)}
    found.setdefault(str(user), {})[str(row["_id"])] = head

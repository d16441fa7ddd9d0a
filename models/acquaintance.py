"""Acquaintances: the users whose presence a user may see, and the users who are barred by a block."""

from collections.abc import Iterable
from typing import Any, Final, Protocol

from bson import ObjectId

from hapiish.store.rows import Find, Row, find_all

RECENT: Final = 1000
"""The most conversations of a user that are searched for a common group, beginning with the most recently active."""


class Models(Protocol):
    """The classes of the table that relate users to each other (`request.models`)."""

    User: Any
    Conversation: Any


def acquaintances(user_id: str, others: Iterable[str], models: Models) -> set[str]:
    """Returns those of `others` whom a user knows: friends, and members of a conversation with the user.

    If one of two users has blocked the other, they do not know each other. Large groups do not count.
    """
    ids = {each for each in others if each != user_id}
    if not ids:
        return set()
    barred, friends, pairs = _related(user_id, ids, models)
    known = (friends | pairs) - barred
    missing = ids - known - barred
    return known | _of_groups(user_id, missing, models) if missing else known


def barred(user_id: str, others: Iterable[str], models: Models) -> set[str]:
    """Returns those of `others` whom a user has blocked or who have blocked the user."""
    ids = {each for each in others if each != user_id}
    return _related(user_id, ids, models, pairs=False)[0] if ids else set()


def _related(user_id: str, ids: set[str], models: Models, *, pairs: bool = True) -> tuple[set[str], set[str], set[str]]:
    """Returns the users who are barred, friends, and members of a direct conversation with the user. One command."""
    users, me, keys = models.User, ObjectId(user_id), [ObjectId(each) for each in ids]
    direct = {"-".join(sorted((user_id, each))): each for each in ids} if pairs else {}
    queries = [Find(models.Conversation, {"pairKey": {"$in": list(direct)}}, ("pairKey",))] if direct else []
    if not (hasattr(users, "friends") and hasattr(users, "blocked")):  # another project's class
        (rows,) = find_all(*queries) if queries else ([],)
        found = {direct[row["pairKey"]] for row in rows}
        return {each for each in ids if users.is_barred(user_id, each)}, set(), found
    lists: Row = {name: {"$setIntersection": [{"$ifNull": [f"${name}", []]}, keys]} for name in ("friends", "blocked")}
    mine = Find(users, {"_id": me}, lists)
    theirs = Find(users, {"_id": {"$in": keys}, "blocked": me}, ("_id",))
    accounts, blockers, *conversations = find_all(mine, theirs, *queries)
    friends, blocked = (
        {str(each) for account in accounts for each in account.get(name) or ()} for name in ("friends", "blocked")
    )
    found = {direct[row["pairKey"]] for rows in conversations for row in rows}
    return blocked | {str(row["_id"]) for row in blockers}, friends, found


def _of_groups(user_id: str, ids: set[str], models: Models) -> set[str]:
    keys = [ObjectId(each) for each in ids]
    stages: list[Row] = [
        {"$match": {"members": ObjectId(user_id)}},
        {"$sort": {"updatedAt": -1, "_id": -1}},
        {"$limit": RECENT},
        {"$match": {"type": "group", "members": {"$in": keys}}},
        {"$project": {"members": {"$setIntersection": ["$members", keys]}}},
    ]
    return {str(each) for row in models.Conversation.objects.aggregate(stages) for each in row["members"]}

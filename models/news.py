"""News of a reader: the changed parts of the account and the changed conversations since a position."""

from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from bson import ObjectId

from hapiish.store.rows import Find, Row, find_all

from .position import Position
from .wire import now

OWN: Final = 500
"""The most own changes that are read. If there are more, the reader must read all of the account again."""

OVERLAP: Final = timedelta(minutes=1)
"""The time before the position that is read again, because clocks differ and writes may have been in progress."""

_ACCOUNT: Final = ("profile", "friends", "blocks", "sessions")


class News(NamedTuple):
    """The news since a position, and the position for the next call."""

    position: Position
    conversations: list[ObjectId]
    """Conversations with changed private state, newest first, then those with messages or other changes, newest first.

    Large groups are only among the first.
    """
    large: list[ObjectId]
    """All large groups of the reader."""
    account: dict[str, bool]
    """True for each part of the account to read again."""
    is_whole: bool
    """False if own changes are missing, because they have expired or there are too many."""


def read_news(models: Any, me: ObjectId, since: Position | None, limit: int) -> News:
    """Reads the news in one database command, with at most `limit` + 1 conversations of each kind."""
    moment = now()
    queries = [
        *models.UserChange.last_of(me),
        Find(models.Membership, {"userId": me, "isLarge": True, "leftAt": None}, ("conversationId",)),
    ]
    if since is not None:
        own = {"userId": me, "n": {"$gt": since.number}}
        queries.append(Find(models.UserChange, own, ("n", "kind", "conversationId"), sort=("n",), limit=OWN + 1))
        for active in active_since(since.moment - OVERLAP):
            name = next(iter(active))
            queries.append(
                Find(models.Conversation, {"members": me, **active}, (name,), (f"-{name}",), limit=limit + 1)
            )
    heads, newest, large, *parts = find_all(*queries)
    number = models.UserChange.last_in(heads, newest)
    position, keys = Position(number, moment), [row["conversationId"] for row in large]
    if since is None:
        return News(position, [], keys, {}, is_whole=True)
    changes, *active_rows = parts
    is_whole = len(changes) <= OWN and (changes[0]["n"] == since.number + 1 if changes else number == since.number)
    kinds = {row["kind"] for row in changes}
    account = {name: True for name in _ACCOUNT if not is_whole or name in kinds}
    private = [row["conversationId"] for row in reversed(changes) if row.get("conversationId") is not None]
    return News(position, list(dict.fromkeys([*private, *_by_time(active_rows)])), keys, account, is_whole)


def active_since(moment: datetime) -> list[Row]:
    """Returns two conditions for conversations; a conversation has changed since a time if it fulfils one of them."""
    return [{name: {"$gte": moment}} for name in ("updatedAt", "changedAt")]


def _by_time(parts: list[list[Row]]) -> list[ObjectId]:
    times = [(row.get("updatedAt") or row["changedAt"], row["_id"]) for part in parts for row in part]
    return [key for _, key in sorted(times, reverse=True)]

"""Search for words in the messages that a user may read.

The words of a message are stored with it (models/words.py) under the index (conversation, words, id). So a search reads
only the user's conversations, and no messages of others with the same words. Conversations are read in windows, the
most recently active first; the index returns the messages of a window newest first. A search ends when no remaining
conversation can have a newer message than those that were found.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from bson import ObjectId
from pymongo import timeout

from hapiish.store.rows import Row, find

from .words import query_of

QUERY_WORDS: Final = 10
WINDOW: Final = 200
"""The most conversations of one database command. MongoDB merges so many sorted parts of an index; more, it sorts."""

SECONDS: Final = 10.0
"""The longest time of a search. A longer search fails, and can be tried again."""

SKEW: Final = timedelta(minutes=5)
"""The most by which the clocks of processes differ, and therefore the times in ids."""

UNSEEN: Final = {"words": 0, "hiddenFor": 0, "pending": 0}
"""The projection of messages without the fields that clients do not see."""

_INDEX: Final = [("conversationId", 1), ("words", 1), ("_id", 1)]
_LAST: Final = ObjectId("f" * 24)


class Place(NamedTuple):
    """A conversation whose messages after `joined_seq` the user may read. `joined_at` is None if these are all."""

    key: ObjectId
    updated_at: datetime
    joined_seq: int = 0
    joined_at: datetime | None = None


class Searchable:
    """The search of `Message`."""

    @classmethod
    def search(
        cls,
        models: Any,
        user_id: str,
        query: str,
        *,
        limit: int,
        conversation_id: str | None = None,
        author: str | None = None,
        before: datetime | None = None,
        cursor: str | None = None,
    ) -> tuple[list[dict[str, Any]], str | None] | None:
        """Returns messages that contain all words of a query, newest first, and the cursor of the next page or None.

        Returns None for a query without words. The last word of the query may be the beginning of a word.
        `conversation_id`, `author` and `before` restrict the search. Raises the store's error after `SECONDS`.
        """
        words, start = query_of(query, QUERY_WORDS)
        if not words and start is None:
            return None
        where = _condition(user_id, words, start, author=author, before=before, cursor=cursor)
        best: list[Row] = []
        with timeout(SECONDS):
            places = sorted(_places(models, user_id, conversation_id), key=lambda place: place.updated_at, reverse=True)
            for at in range(0, len(places), WINDOW):
                window = places[at : at + WINDOW]
                if len(best) > limit and window[0].updated_at < best[limit]["_id"].generation_time - SKEW:
                    break
                best += cls._window(window, where, limit + 1)
                best.sort(key=lambda row: row["_id"], reverse=True)
                del best[limit + 1 :]
            # The ids of different processes are in the order of their seconds only.
            page = sorted(best[:limit], key=lambda row: (row["createdAt"], row["seq"]), reverse=True)
            shown: list[dict[str, Any]] = cls.shown(page)  # type: ignore[attr-defined]
        return shown, str(best[limit - 1]["_id"]) if len(best) > limit else None

    @classmethod
    def _window(cls, window: Iterable[Place], where: Row, limit: int) -> Iterator[Row]:
        whole = [place.key for place in window if place.joined_at is None]
        if whole:
            yield from cls._found({"conversationId": {"$in": whole}, **where}, limit)
        parts = [
            {
                "conversationId": place.key,
                "seq": {"$gt": place.joined_seq},
                **where,
                "_id": {**where["_id"], "$gte": ObjectId.from_datetime(place.joined_at - SKEW)},
            }
            for place in window
            if place.joined_at is not None
        ]
        if parts:
            yield from cls._found({"$or": parts}, limit)

    @classmethod
    def _found(cls, where: Row, limit: int) -> Iterable[Row]:
        collection: Any = cls._get_collection()  # type: ignore[attr-defined]
        cursor = collection.find(where, UNSEEN, sort=[("_id", -1)], limit=limit, batch_size=limit)
        return cursor.hint(_INDEX)  # type: ignore[no-any-return]


def _condition(
    user_id: str,
    words: list[str],
    start: str | None,
    *,
    author: str | None = None,
    before: datetime | None = None,
    cursor: str | None = None,
) -> Row:
    newest = [ObjectId(cursor)] if cursor is not None else []
    where: Row = {"hiddenFor": {"$ne": ObjectId(user_id)}}
    if before is not None:
        where["createdAt"] = {"$lt": before}
        newest.append(_first_id(before.timestamp() + SKEW.total_seconds()))
    where["_id"] = {"$lt": min(newest) if newest else _LAST}
    if author is not None:
        where["userId"] = ObjectId(author)
    longest = sorted(words, key=len, reverse=True)
    parts: list[Mapping[str, Any]] = [{"words": word} for word in longest]
    if start is not None:
        parts.append({"words": {"$elemMatch": {"$gte": start, "$lt": start + "\U0010ffff"}}})
    where["$and"] = parts
    return where


def _first_id(seconds: float) -> ObjectId:
    """Returns the first id of a second since 1970. The time is limited to 32 bits, as in ids."""
    return ObjectId(f"{min(max(int(seconds), 0), 0xFFFF_FFFF):08x}" + "0" * 16)


def _places(models: Any, user_id: str, conversation_id: str | None) -> Iterator[Place]:
    """Yields the conversations of a user. With `conversation_id`, only that one, if the user is a member of it.

    The memberships are read after the conversations. So a user who is added in between finds no messages from before
    the joining.
    """
    me = ObjectId(user_id)
    one: Row = {} if conversation_id is None else {"_id": ObjectId(conversation_id)}
    mine: Row = (
        {"userId": me} if conversation_id is None else {"userId": me, "conversationId": ObjectId(conversation_id)}
    )
    stored = find(models.Conversation, {"members": me, **one}, fields={"updatedAt": 1})
    wide = find(models.Membership, {**mine, "isLarge": True, "leftAt": None}, fields=("conversationId",))
    if wide:
        keys = [row["conversationId"] for row in wide]
        large = {"_id": {"$in": keys}, "isLarge": True, "deletedAt": None}
        stored += find(models.Conversation, large, fields={"updatedAt": 1})
    fields = ("conversationId", "joinedSeq", "joinedAt", "leftAt")
    joined = {
        row["conversationId"]: row for row in find(models.Membership, {**mine, "joinedSeq": {"$gt": 0}}, fields=fields)
    }
    for each in stored:
        row = joined.get(each["_id"])
        if row is None:
            yield Place(each["_id"], each["updatedAt"])
        elif row.get("leftAt") is None:
            yield Place(each["_id"], each["updatedAt"], row["joinedSeq"], row["joinedAt"])

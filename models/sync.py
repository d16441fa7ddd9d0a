"""Catch-up from any state of a reader to the present one, complete or `limited`, in a constant number of commands.

The order of reading makes it complete: first the reader's position, then heads, then changes, then the contents of
messages. Every writer stores the state before its change. So the reader sees a concurrent change twice, or finds it in
the next catch-up, which continues from the numbers of the head. No change is missed.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from bson import ObjectId
from pymongo.collection import Collection

from hapiish.store.rows import Find, Row, find_all

from .heads import fields_for
from .membership import STATE
from .news import OVERLAP, active_since, read_news
from .position import Position
from .share import Limits, Share, fit
from .wire import iso

Known = Mapping[str, Mapping[str, int]]
KEYS: Final = 150
"""The most bytes by which the JSON of a message is longer than the stored document, about."""

SINGLY: Final = 20
"""The most users whose blocks are read one by one, if the class of users has no `barred_among`."""

_OTHERS = ("conversationId", "userId", "shownSeq", "deliveredSeq")


class Sync:
    """The catch-up of a reader."""

    @staticmethod
    def limits(**given: int) -> Limits:
        """Returns the limits of a table."""
        return Limits(**given)

    @staticmethod
    def position(cursor: str, user_id: str) -> Position | None:
        """Returns the position of a cursor; None if it was changed or is another user's."""
        return Position.parse(cursor, user_id)

    @classmethod
    def read(
        cls, models: Any, user_id: str, *, known: Known, since: Position | None, window: tuple[int, int], limits: Limits
    ) -> dict[str, Any]:
        """Returns the answer of POST /sync.

        `known` has `{seq, changeSeq}` of the conversations that the reader holds; `since` is the position of the
        cursor. Without a cursor, the newest conversations are read with the newest messages of each; `window` has both
        numbers.
        """
        me = ObjectId(user_id)
        news = read_news(models, me, since, limits.heads)
        given = {ObjectId(key): pointers for key, pointers in known.items()}
        others = [key for key in news.conversations if key not in given]
        more = bool(since) and (len(others) > limits.heads or not news.is_whole)
        if since is None:
            listed, _ = models.Conversation.list_of(user_id, limit=window[0])
            others = [key for each in listed if (key := ObjectId(each["id"])) not in given]
        others = others[: limits.heads]
        wanted = Wanted(given, others, news.large, since and since.moment - OVERLAP, limits.heads)
        shares, removed, is_more = _shares(models, me, wanted)
        newest = window[1] if since is None else 0
        for share in shares:
            share.page = newest if share.known is None else 0
        _plan(models, me, shares, limits)
        receipts = _contents(models, me, shares, limits)
        removed += [each.key for each in shares if each.has_left]
        shares = [each for each in shares if not each.has_left]
        active = set(news.conversations)
        moved = [each for each in shares if each.has_moved or each.key in active]
        answer: dict[str, Any] = {
            "cursor": news.position.cursor(user_id),
            "serverTime": iso(news.position.moment),
            "heads": [each.head_for(user_id, receipts.get(each.key)) for each in moved],
            "messages": {str(each.key): each.messages for each in shares if each.messages},
            "changes": {str(each.key): each.changes for each in shares if each.changes},
            "limited": [str(each.key) for each in shares if each.is_limited],
            "removed": [str(key) for key in removed],
            "more": more or (is_more and since is not None),
        }
        if news.account:
            answer["account"] = news.account
        return answer


class Wanted(NamedTuple):
    """The conversations of an answer: `given` by the reader, `others`, and `large` groups that were active `since`."""

    given: Mapping[ObjectId, Mapping[str, int]]
    others: Sequence[ObjectId]
    large: Sequence[ObjectId]
    since: datetime | None
    limit: int


def _shares(models: Any, me: ObjectId, these: Wanted) -> tuple[list[Share], list[ObjectId], bool]:
    """Reads the memberships, then the heads.

    Returns the shares of readable conversations, the keys of the others, and True if more conversations exist.
    """
    wanted = [*these.given, *these.others]
    fields = fields_for(str(me), listed=True)
    member = {"deletedAt": None, "$or": [{"members": me}, {"isLarge": True}]}
    queries = [
        Find(models.Membership, {"userId": me, "conversationId": {"$in": [*wanted, *these.large]}}, STATE),
        Find(models.Conversation, {"_id": {"$in": wanted}, **member}, fields),
    ]
    known = set(wanted)
    rest = [key for key in these.large if key not in known]
    if these.since is not None and rest:
        where = {"_id": {"$in": rest}, "isLarge": True, "$or": active_since(these.since)}
        queries.append(Find(models.Conversation, where, fields, limit=these.limit + 1))
    memberships, named, *wide = find_all(*queries)
    rows = {row["conversationId"]: row for row in memberships}
    also = wide[0] if wide else []
    is_more = len(these.others) + len(also) > these.limit
    also = also[: max(0, these.limit - len(these.others))]
    found = {head["_id"]: head for head in (*named, *also)}
    shares, removed = [], []
    for key in (*wanted, *(head["_id"] for head in also)):
        head, row = found.get(key), rows.get(key)
        is_present = row is not None and row.get("leftAt") is None
        if head is None or (head.get("isLarge") and not is_present):
            removed.append(key)
        elif is_present or head.get("type") != "group":
            shares.append(Share(key, head, row if is_present else None, these.given.get(key)))
        # The reader is joining a group without a membership at this moment. The next catch-up has the change.
    return shares, removed, is_more


def _plan(models: Any, me: ObjectId, shares: Sequence[Share], limits: Limits) -> None:
    """Determines the messages of each conversation: reads the changes, then the sizes of messages."""
    rest = limits.total
    for share in shares:
        rest = share.claim(rest, limits.each)
    ranges = [share.changes_to_read() for share in shares if share.asks_for_changes]
    if ranges:
        names = ("conversationId", "changeSeq", "kind", "seq", "userId")
        (changes,) = find_all(Find(models.Change, {"$or": ranges}, names))
        of = _grouped(changes)
        for share in shares:
            if share.asks_for_changes:
                share.take_changes(sorted(of.get(share.key, ()), key=lambda row: row["changeSeq"]), me)
    count = sum(share.is_limited for share in shares)
    page = max(1, min(limits.page, rest // max(1, count)))
    wanted = [where for share in shares for where in share.messages_to_read(page)]
    if not wanted:
        return
    hidden = {"$in": [me, {"$ifNull": ["$hiddenFor", []]}]}
    fields = {"conversationId": 1, "seq": 1, "size": _size(models.Message), "hidden": hidden}
    (rows,) = find_all(Find(models.Message, {"$or": wanted}, fields))
    of = _grouped(rows)
    for share in shares:
        share.take_sizes(sorted(of.get(share.key, ()), key=lambda row: row["seq"]), limits.page)
    fit(shares, limits.bytes)


def _contents(
    models: Any, me: ObjectId, shares: Sequence[Share], limits: Limits
) -> dict[ObjectId, dict[str, dict[str, int]]]:
    """Reads the planned messages into the shares; returns the receipts by conversation and user."""
    wanted = [{"conversationId": each.key, "seq": {"$in": each.seqs}} for each in shares if each.seqs]
    shown = _with_receipts(models.User, str(me), shares, limits)
    queries = []
    if wanted:
        queries.append(Find(models.Message, {"$or": wanted}, {"words": 0, "pending": 0}))
    if shown:
        where: Row = {"conversationId": {"$in": shown}, "leftAt": None}
        queries.append(Find(models.Membership, where, _OTHERS))
    groups = [each for each in shares if each.seqs and each.head.get("type") == "group"]
    if groups:  # this query is the last one, so that a reader who has left meanwhile gets no later messages
        where = {"userId": me, "conversationId": {"$in": [each.key for each in groups]}, "leftAt": None}
        queries.append(Find(models.Membership, where, ("conversationId", "joinedSeq")))
    parts = find_all(*queries) if queries else []
    rows = parts.pop(0) if wanted else []
    joined = {row["conversationId"]: row.get("joinedSeq", 0) for row in parts.pop()} if groups else {}
    for share in groups:
        share.verify(joined.get(share.key))
    of, texts = _grouped(rows), {}
    for message in models.Message.shown(rows):
        texts[message["conversationId"], message["seq"]] = message
    for share in shares:
        share.take(of.get(share.key, ()), texts, me)
    receipts: dict[ObjectId, dict[str, dict[str, int]]] = {key: {} for key in shown}
    for row in parts[0] if shown else ():
        if row["userId"] != me:
            receipts[row["conversationId"]][str(row["userId"])] = models.Membership.receipt_of(row)
    return receipts


def _with_receipts(users: Any, me: str, shares: Sequence[Share], limits: Limits) -> list[ObjectId]:
    """Returns the conversations to read receipts of, among those that the reader holds or shows.

    They have few members and no block between the two users, as for GET /conversations/{conversationId}.
    """
    shown = [share for share in shares if (share.known is not None and share.has_moved) or share.page]
    friends = {share.key: friend for share in shown if (friend := share.friend_of(me)) is not None}
    if hasattr(users, "barred_among"):
        barred = users.barred_among(me, friends.values()) if friends else {}
    else:  # another project's class
        barred = {each: users.is_barred(me, each) for each in [*friends.values()][:SINGLY]}
        friends = {key: each for key, each in friends.items() if each in barred}
    kept, members = [], 0
    for share in shown:
        count = share.head.get("memberCount", 2)
        is_open = not barred.get(friends[share.key]) if share.key in friends else share.head.get("type") == "group"
        is_small = not share.head.get("isLarge") and count <= limits.told
        if is_open and is_small and members + count <= limits.receipts:
            members += count
            kept.append(share.key)
    return kept


def _grouped(rows: Iterable[Row]) -> dict[ObjectId, list[Row]]:
    found: dict[ObjectId, list[Row]] = {}
    for row in rows:
        found.setdefault(row["conversationId"], []).append(row)
    return found


def _size(messages: Any) -> Row:
    """Returns the expression for the approximate bytes of a message in an answer.

    The database in memory has no such operator. It is for tests, and the bytes of an answer have no limit there.
    """
    is_real = isinstance(messages._get_collection(), Collection)  # noqa: SLF001 - MongoEngine's own way
    return {"$add": [{"$bsonSize": "$$ROOT"}, KEYS]} if is_real else {"$literal": 0}

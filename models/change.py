"""Changes: each conversation and each user has a sequence of them, which tells clients what to read again.

A change is published in two steps. The update of a document (the state) also pushes an entry into its array `pending`.
`publish` then stores the change under the next number, advances the head, emits, and removes the entry. After a crash
between two of these writes, `repair` publishes the entry that is left. The key of the entry is unique, so a change is
stored once. Numbers are 1 … n without gaps. A change names the changed object and does not contain the new state.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar, Final, cast

from bson import ObjectId
from mongoengine import DateTimeField, DictField, Document, IntField, ListField, ObjectIdField, StringField

from hapiish.store.rows import Find, Row, find, find_all, get, insert_many, update

from .turns import Turns
from .wire import now

Emit = Callable[[Row], None]
"""A function that sends the live event of a change. Its argument is a change as `publish` returns it."""

GRACE: Final = timedelta(seconds=10)
"""The age from which `repair` publishes an entry. Younger entries are left to the request that pushed them."""

EXPIRED_AT_ONCE: Final = 1000

log = logging.getLogger("chat.changes")

_turns: dict[type["Numbered"], Turns] = {}


class ChangeSource(Document):
    """A document whose updates are published as changes. `pending` has the entries that are not published yet."""

    pending = ListField(DictField())

    meta = {
        "abstract": True,
        "indexes": [{"fields": ["pending.at"], "partialFilterExpression": {"pending.at": {"$exists": True}}}],
    }


class Numbered(Document):
    """A change under the next number of its owner, which is a conversation or a user."""

    key = ObjectIdField(required=True)
    kind = StringField(required=True)
    at = DateTimeField(required=True)

    meta = {
        "abstract": True,
        "auto_create_index": False,
        "indexes": [{"fields": ["key"], "unique": True}, {"fields": ["at"]}],
    }

    OWNER: ClassVar[str]
    NUMBER: ClassVar[str]

    @classmethod
    def heads(cls) -> Any:
        """Returns the class of the documents that store the highest number, by the id of the owner."""
        raise NotImplementedError

    @classmethod
    def last(cls, owner_id: str) -> int:
        """Returns the highest number of an owner, also after the changes have expired; 0 if there was none."""
        return cls.last_in(*find_all(*cls.last_of(ObjectId(owner_id))))

    @classmethod
    def last_of(cls, owner: ObjectId) -> tuple[Find, Find]:
        """Returns the queries of `last`, for a caller that sends them with others; `last_in` evaluates their rows."""
        newest = Find(cls, {cls.OWNER: owner}, (cls.NUMBER,), sort=(f"-{cls.NUMBER}",), limit=1)
        return Find(cls.heads(), {"_id": owner}, ("changeSeq",)), newest

    @classmethod
    def last_in(cls, heads: Sequence[Row], newest: Sequence[Row]) -> int:
        """Returns the highest number of an owner from the rows of `last_of`."""
        head = heads[0].get("changeSeq", 0) if heads else 0
        return max(head, newest[0][cls.NUMBER] if newest else 0)

    @classmethod
    def since(cls, owner_id: str, number: int, *, head: int, limit: int) -> list[Row] | None:
        """Returns the changes after a number in their order, as plain data. `head` is the highest number, read before.

        Returns None if there are more than `limit`, or if some have expired: the reader must read the state again.
        """
        where = {cls.OWNER: ObjectId(owner_id), cls.NUMBER: {"$gt": number}}
        rows = find(cls, where, sort=(cls.NUMBER,), limit=limit + 1)
        is_complete = rows[0][cls.NUMBER] == number + 1 if rows else head == number
        return [plain(row) for row in rows] if is_complete and len(rows) <= limit else None

    @classmethod
    def expire(cls, days: float, limit: int) -> int:
        """Removes changes that are older than `days`, at most `limit`; returns their number."""
        old, removed = {"at": {"$lt": now() - timedelta(days=days)}}, 0
        while removed < limit:
            batch = min(EXPIRED_AT_ONCE, limit - removed)
            keys = [row["_id"] for row in find(cls, old, fields=("_id",), sort=("at",), limit=batch)]
            removed += len(keys)
            if keys:
                cls._get_collection().delete_many({"_id": {"$in": keys}})
            if len(keys) < batch:
                break
        return removed

    @classmethod
    def record(cls, entry: Row, after: int | None = None) -> tuple[Row, bool]:
        """Stores the change of an entry and advances the head; returns it, and True if its key was stored before.

        The number of the change is higher than `after`, by default the highest number of the owner. Raises
        `NotUniqueError` after a hundred consecutive conflicts with other processes.
        """
        owner = entry[cls.OWNER]
        row = {name: value for name, value in entry.items() if name not in ("at", "sequence")}
        last = after if after is not None else cls.last(str(owner))
        stored, was_known = cls._turns().store(str(owner), row, last)
        cls._advance(owner, stored[cls.NUMBER])
        return stored, was_known

    @classmethod
    def _turns(cls) -> Turns:
        if (turns := _turns.get(cls)) is None:
            made = Turns(partial(insert_many, cls), cls.last, cls._original, number=cls.NUMBER, moment="at")
            turns = _turns.setdefault(cls, made)
        return turns

    @classmethod
    def _advance(cls, owner: ObjectId, number: int) -> None:
        update(cls.heads(), {"_id": owner}, {"$max": {"changeSeq": number, "changedAt": now()}})

    @classmethod
    def _original(cls, row: Row) -> Row | None:
        return get(cls, {"key": row["key"]})


class Change(Numbered):
    """A change of a conversation, for its members.

    Kinds: `message` (`seq`, and `what`: edited, deleted, reacted), `hidden` (`seq`, and the only concerned `user_id`),
    `receipt` (`user_id`), `members` (`joined`, `left`, `roles`), `conversation`.
    """

    conversation_id = ObjectIdField(db_field="conversationId", required=True)
    change_seq = IntField(db_field="changeSeq", required=True)
    seq = IntField()
    user_id = ObjectIdField(db_field="userId")
    what = StringField()
    joined = ListField(StringField())
    left = ListField(StringField())
    roles = DictField()

    meta = {"collection": "changes", "indexes": [{"fields": ["conversation_id", "change_seq"], "unique": True}]}

    OWNER = "conversationId"
    NUMBER = "changeSeq"

    @classmethod
    def heads(cls) -> Any:
        """Returns the class of conversations."""
        from .conversation import Conversation  # a source of changes, which imports this module

        return Conversation

    @staticmethod
    def publish(source: Any, document_id: Any, entries: Sequence[Row], emit: Emit | None = None) -> list[Row]:
        """Stores the changes of pending entries, emits each, and removes the entries from the document `document_id`.

        `source` is the class of the document. Returns the changes as plain data: `{conversationId, changeSeq, kind, …}`
        or `{userId, n, kind, …}`, with ids as text. An error of `emit` is only logged: clients see from the head that
        they have missed a change. Raises the store's errors; then the entries are left for `repair`.
        """
        if not entries:
            return []
        lasts, changes = _lasts(entries), []
        for each in entries:
            sequence, owner = _owner(each)
            stored, _ = sequence.record(each, lasts[sequence, owner])
            lasts[sequence, owner] = max(lasts[sequence, owner], stored[sequence.NUMBER])
            changes.append(plain(stored))
        if emit is not None:
            _emit(changes, emit)
        keys = [each["key"] for each in entries]
        update(source, {"_id": _id(document_id)}, {"$pull": {"pending": {"key": {"$in": keys}}}})
        return changes

    @staticmethod
    def repair(
        limit: int, emit: Emit | None = None, sources: Iterable[Any] | None = None, prepare: Emit | None = None
    ) -> int:
        """Publishes entries that a crash has left, of at most `limit` documents of each class; returns their number.

        `sources` are the classes of documents with `pending`, by default all. `prepare` gets each entry before it is
        published. Every process may call `repair` at any time: entries younger than `GRACE` are left to the requests
        that pushed them.
        """
        before, count = now() - GRACE, 0
        for source in ChangeSource.__subclasses__() if sources is None else sources:
            for found in find(source, {"pending.at": {"$lt": before}}, fields=("pending",), limit=limit):
                due = [each for each in found["pending"] if each["at"] < before]
                if prepare is not None:
                    for each in due:
                        prepare(each)
                Change.publish(source, found["_id"], due, emit)
                count += len(due)
        return count


class UserChangeHead(Document):
    """The highest number of a user's changes. The `id` is the user's."""

    change_seq = IntField(db_field="changeSeq", default=0)

    meta = {"collection": "userchangeheads", "auto_create_index": False}


class UserChange(Numbered):
    """A change that concerns one user on all devices.

    Kinds: `profile`, `friends`, `blocks`, `sessions`, and `conversation` (`conversation_id`) for the user's membership
    and state: joined, left, muted, draft, marked as unread, read on another device.
    """

    user_id = ObjectIdField(db_field="userId", required=True)
    n = IntField(required=True)
    conversation_id = ObjectIdField(db_field="conversationId")

    meta = {"collection": "userchanges", "indexes": [{"fields": ["user_id", "n"], "unique": True}]}

    OWNER = "userId"
    NUMBER = "n"

    @classmethod
    def heads(cls) -> Any:
        """Returns the class of the heads of users' changes."""
        return UserChangeHead

    @classmethod
    def _advance(cls, owner: ObjectId, number: int) -> None:
        update(UserChangeHead, {"_id": owner}, {"$max": {"changeSeq": number}}, upsert=True)

    @staticmethod
    def tell(user_id: str, kind: str, conversation_id: str | None = None) -> int:
        """Stores a change of a user without a pending entry; returns its number.

        It is for documents without `pending`. A crash before the call loses the change, so prefer `user_entry`.
        """
        stored, _ = UserChange.record(user_entry(kind, user_id, conversation_id))
        return cast("int", stored["n"])


publish, repair, tell_user = Change.publish, Change.repair, UserChange.tell


def entry(kind: str, conversation_id: str | ObjectId, **more: Any) -> Row:
    """Returns an entry for `$push: {pending: …}` that becomes a `Change`. `more` has its other fields, as stored."""
    return {"key": ObjectId(), "at": now(), "kind": kind, "conversationId": ObjectId(conversation_id), **more}


def user_entry(kind: str, user_id: str | ObjectId, conversation_id: str | ObjectId | None = None) -> Row:
    """Returns an entry for `$push: {pending: …}` that becomes a `UserChange`."""
    named = {"conversationId": ObjectId(conversation_id)} if conversation_id is not None else {}
    row = {"key": ObjectId(), "at": now(), "kind": kind, "userId": ObjectId(user_id), **named}
    return {**row, "sequence": "user"}


def plain(row: Row) -> Row:
    """Returns a stored change with its ids as text, without `_id` and `key`."""
    return {
        name: str(value) if isinstance(value, ObjectId) else value
        for name, value in row.items()
        if name not in ("_id", "key")
    }


def _emit(changes: Sequence[Row], emit: Emit) -> None:
    for each in changes:
        try:
            emit(each)
        except Exception:
            log.exception("The live event of a change of kind %s was not sent", each["kind"])


def _owner(pending: Row) -> tuple[type[Numbered], ObjectId]:
    """Returns the sequence of an entry and the id of its owner."""
    sequence: type[Numbered] = UserChange if pending.get("sequence") == "user" else Change
    return sequence, pending[sequence.OWNER]


def _lasts(entries: Sequence[Row]) -> dict[tuple[type[Numbered], ObjectId], int]:
    """Returns the highest number of each owner of the entries, read in one command."""
    owners = list(dict.fromkeys(map(_owner, entries)))
    rows = find_all(*(query for sequence, owner in owners for query in sequence.last_of(owner)))
    return {owner: owner[0].last_in(*rows[2 * n : 2 * n + 2]) for n, owner in enumerate(owners)}


def _id(document_id: Any) -> Any:
    return ObjectId(document_id) if isinstance(document_id, str) else document_id

"""The outbox: work for other systems (mail, push, webhooks), which is stored before it is done.

A row is waiting, sent or dead. A worker claims a row by setting `dueAt` to the end of the lease, so the claim of a
killed process ends by itself. After a failed attempt, the row is due again later; after `expiresAt`, it is dead. Work
is done at least once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import uniform
from typing import Final

import bson
from bson import ObjectId
from mongoengine import DateTimeField, DictField, Document, IntField, NotUniqueError, ObjectIdField, StringField
from pymongo import ReturnDocument
from pymongo.errors import BulkWriteError

from hapiish.store.rows import Row, find, get, insert, modify, update

from .wire import iso, now, object_id

KINDS: Final = ("mail", "push", "webhook")
LARGEST: Final = 256 * 1024
"""The most bytes of a payload. A row is read and written with each attempt."""

SENT_FOR: Final = timedelta(days=2)
"""The time for which the key of a sent row is remembered. It is longer than the period that any repair examines."""
DEAD_FOR: Final = timedelta(days=30)
"""The time for which a dead row can be read and replayed."""

FIRST_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 3600.0
"""Seconds after the first failed attempt, and the most seconds after a later one, on average."""
_ERROR: Final = 500  # characters
_DUPLICATE: Final = 11000  # MongoDB's error code


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The arguments of `enqueue`, as one value for `enqueue_all`."""

    kind: str
    key: str
    target: str
    payload: Row
    expires: datetime
    topic: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A row that this process may work on until its lease ends. `attempts` counts this attempt."""

    id: str
    claim: ObjectId
    kind: str
    key: str
    target: str
    payload: Row
    topic: str | None
    attempts: int
    created_at: datetime
    expires_at: datetime

    @property
    def is_late(self) -> bool:
        """True if the work has expired."""
        return now() >= self.expires_at


class Outbox(Document):
    """A row of the outbox. `key` is the idempotency key. Of the waiting rows of a `topic`, only the newest is sent."""

    kind = StringField(required=True, choices=KINDS)
    key = StringField(required=True, max_length=300)
    target = StringField(required=True, max_length=300)
    topic = StringField(max_length=300)
    payload = DictField()
    state = StringField(required=True, choices=("waiting", "sent", "dead"))
    attempts = IntField(default=0)
    claim = ObjectIdField()
    error = StringField(max_length=_ERROR)
    created_at = DateTimeField(db_field="createdAt", required=True)
    due_at = DateTimeField(db_field="dueAt")
    expires_at = DateTimeField(db_field="expiresAt", required=True)
    ended_at = DateTimeField(db_field="endedAt")
    remove_at = DateTimeField(db_field="removeAt")

    meta = {
        "collection": "outbox",
        "auto_create_index": False,
        "indexes": [
            {"fields": ["key"], "unique": True},
            {"fields": ["kind", "due_at"], "partialFilterExpression": {"state": "waiting"}},
            {"fields": ["topic", "id"], "partialFilterExpression": {"topic": {"$exists": True}}},
            {"fields": ["kind", "-id"], "partialFilterExpression": {"state": "dead"}},
            {"fields": ["kind", "target", "-id"], "partialFilterExpression": {"state": "dead"}},
            {"fields": ["remove_at"], "expireAfterSeconds": 0},
        ],
    }

    work = Work

    @classmethod
    def enqueue(
        cls, kind: str, key: str, target: str, payload: Row, *, expires: datetime, topic: str | None = None
    ) -> bool:
        """Stores work that is due at once; returns False if a row with the key exists, waiting, sent or dead.

        `target` names the receiver (an e-mail, a device, a webhook). Raises ValueError for an unknown kind and for a
        payload over `LARGEST`.
        """
        work = Work(kind=kind, key=key, target=target, payload=payload, expires=expires, topic=topic)
        try:
            insert(cls, _row(work))
        except NotUniqueError:
            return False
        return True

    @classmethod
    def enqueue_all(cls, works: Iterable[Work]) -> int:
        """Stores rows as `enqueue` does, in few commands; returns the number of new ones."""
        rows = [_row(work) for work in works]
        if not rows:
            return 0
        try:
            result = cls._get_collection().insert_many(rows, ordered=False)
        except BulkWriteError as error:
            details = error.details or {}
            failed = details.get("writeErrors", ())
            if details.get("writeConcernErrors") or any(each["code"] != _DUPLICATE for each in failed):
                raise
            return int(details["nInserted"])
        return len(result.inserted_ids)

    @classmethod
    def claim_one(cls, kinds: Sequence[str], lease: timedelta) -> Claimed | None:
        """Claims the waiting row of these kinds that has been due for the longest time; None if no row is due."""
        moment = now()
        found = cls._get_collection().find_one_and_update(
            {"kind": {"$in": list(kinds)}, "state": "waiting", "dueAt": {"$lte": moment}},
            {"$set": {"dueAt": moment + lease, "claim": ObjectId()}, "$inc": {"attempts": 1}},
            sort=[("dueAt", 1)],
            return_document=ReturnDocument.AFTER,
        )
        return found and Claimed(
            id=str(found["_id"]),
            claim=found["claim"],
            kind=found["kind"],
            key=found["key"],
            target=found["target"],
            payload=found.get("payload", {}),
            topic=found.get("topic"),
            attempts=found["attempts"],
            created_at=found["createdAt"],
            expires_at=found["expiresAt"],
        )

    @classmethod
    def is_outdated(cls, work: Claimed) -> bool:
        """Returns True if a newer row with the same topic is waiting."""
        if work.topic is None:
            return False
        newer = {"topic": work.topic, "_id": {"$gt": ObjectId(work.id)}, "state": "waiting"}
        return get(cls, newer, fields=("_id",)) is not None

    @classmethod
    def finish(cls, work: Claimed) -> bool:
        """Marks a claimed row as sent and removes its payload; returns False if another process has claimed it."""
        moment = now()
        ended = {"state": "sent", "endedAt": moment, "removeAt": max(moment, work.expires_at) + SENT_FOR}
        return cls._end(work, ended, {"payload": "", "error": ""})

    @classmethod
    def retry(cls, work: Claimed, error: str, *, after: float = 0) -> bool:
        """Makes a claimed row wait for its next attempt, longer after each attempt, and at least `after` seconds.

        If the row would expire before, it is dead. Returns False if another process has claimed the row.
        """
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(work.attempts - 1, 20)) * uniform(0.5, 1.5)  # noqa: S311
        due = now() + timedelta(seconds=max(pause, after))
        if due >= work.expires_at:
            return cls.bury(work, error)
        where = {"_id": ObjectId(work.id), "claim": work.claim, "state": "waiting"}
        change = {"$set": {"dueAt": due, "error": error[:_ERROR]}, "$unset": {"claim": ""}}
        return update(cls, where, change) == 1

    @classmethod
    def bury(cls, work: Claimed, error: str) -> bool:
        """Marks a claimed row as dead. Only rows of webhooks keep the payload, for a replay."""
        moment = now()
        ended = {"state": "dead", "endedAt": moment, "removeAt": moment + DEAD_FOR, "error": error[:_ERROR]}
        return cls._end(work, ended, {} if work.kind == "webhook" else {"payload": ""})

    @classmethod
    def dead(cls, kind: str, *, target: str | None = None, before: str | None = None, limit: int = 50) -> list[Row]:
        """Returns dead rows for clients, newest first: those of `target`, and those older than the id `before`."""
        where: Row = {"kind": kind, "state": "dead", **({"target": target} if target is not None else {})}
        if before is not None:
            where["_id"] = {"$lt": ObjectId(before)}
        names = ("key", "target", "payload", "attempts", "error", "createdAt", "endedAt")
        return [_public(row) for row in find(cls, where, fields=names, sort=("-_id",), limit=limit)]

    @classmethod
    def replay(cls, id: str, *, lasts: timedelta) -> Row | None:
        """Makes a dead row with a payload wait again; it expires after `lasts`. Returns it as `dead` does, or None."""
        key, moment = object_id(id), now()
        if key is None:
            return None
        where = {"_id": key, "state": "dead", "payload": {"$exists": True}}
        again = {"state": "waiting", "attempts": 0, "dueAt": moment, "expiresAt": moment + lasts}
        change = {"$set": again, "$unset": {"endedAt": "", "removeAt": "", "claim": ""}}
        found = modify(cls, where, change, new=False)
        return found and _public(found)

    @classmethod
    def _end(cls, work: Claimed, ended: Row, removed: Row) -> bool:
        where = {"_id": ObjectId(work.id), "claim": work.claim, "state": "waiting"}
        return update(cls, where, {"$set": ended, "$unset": {"dueAt": "", "claim": "", **removed}}) == 1


enqueue = Outbox.enqueue


def _row(work: Work) -> Row:
    if work.kind not in KINDS:
        raise ValueError(f"{work.kind} is no kind of the outbox")
    if len(bson.encode(work.payload)) > LARGEST:
        raise ValueError(f"the payload of {work.key} has more than {LARGEST} bytes")
    moment = now()
    row: Row = {
        "kind": work.kind,
        "key": work.key,
        "target": work.target,
        "payload": work.payload,
        "state": "waiting",
        "attempts": 0,
        "createdAt": moment,
        "dueAt": moment,
        "expiresAt": work.expires,
    }
    return row if work.topic is None else {**row, "topic": work.topic}


def _public(row: Row) -> Row:
    return {
        "id": str(row["_id"]),
        "key": row["key"],
        "target": row["target"],
        "payload": row.get("payload", {}),
        "attempts": row["attempts"],
        "error": row.get("error", ""),
        "createdAt": iso(row["createdAt"]),
        "diedAt": iso(row["endedAt"]),
    }

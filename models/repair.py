"""Repair of heads that are older than the messages, because a process was killed between the two writes.

Messages are read in the order of their ids, from a mark that is kept between runs. An id begins with the time of the
process that made it. Clocks may differ and writes may be late, so the mark is at least `OVERLAP` behind the present.
"""

from datetime import timedelta
from typing import Any, Final

from bson import ObjectId
from mongoengine import Document, ObjectIdField, StringField

from hapiish.store.rows import find, get, update

from .message import public
from .wire import now

BATCH: Final = 5000
"""The most messages that one database command reads."""

OVERLAP: Final = timedelta(minutes=5)

RECENT: Final = 50
"""The most messages of a conversation that are pushed again: a conversation has as many references."""


class HeadRepair(Document):
    """The state of the repair for one collection of messages. Uses of the table with the same collection share it."""

    name = StringField(primary_key=True)
    mark = ObjectIdField()

    meta = {"collection": "repairs", "auto_create_index": False}

    @classmethod
    def run(cls, models: Any, *, batches: int = 20) -> int:
        """Updates heads that are older than the newest message; returns their number.

        It reads at most `batches` times `BATCH` messages; the next call continues. Idempotent.
        """
        mark: ObjectId | None = (get(cls, {"_id": _name(models)}) or {}).get("mark")
        limit = ObjectId.from_datetime(now() - OVERLAP)
        repaired = 0
        for _ in range(batches):
            where = {"_id": {"$gt": mark}} if mark is not None else {}
            rows = find(models.Message, where, fields=("conversationId", "seq"), sort=("_id",), limit=BATCH)
            newest: dict[ObjectId, int] = {}
            for row in rows:
                newest[row["conversationId"]] = max(newest.get(row["conversationId"], 0), row["seq"])
            repaired += _push_behind(models, newest)
            if rows:
                mark = rows[-1]["_id"]
            if len(rows) < BATCH:
                break
        mark = min(mark, limit) if mark is not None else limit
        update(cls, {"_id": _name(models)}, {"$set": {"mark": mark}}, upsert=True)
        return repaired


def _push_behind(models: Any, newest: dict[ObjectId, int]) -> int:
    """Pushes the newest messages of conversations whose head is older; returns the number of these conversations."""
    where = {"_id": {"$in": list(newest)}, "deletedAt": None}
    heads = find(models.Conversation, where, fields=("lastSeq", "isLarge"))
    behind = [head for head in heads if head["lastSeq"] < newest[head["_id"]]]
    for head in behind:
        where = {"conversationId": head["_id"], "seq": {"$gt": head["lastSeq"]}}
        for message in reversed(find(models.Message, where, sort=("-seq",), limit=RECENT)):
            models.Conversation.push(public(message), is_large=bool(head.get("isLarge")))
    return len(behind)


def _name(models: Any) -> str:
    name: str = models.Message._meta["collection"]  # noqa: SLF001 - MongoEngine's own way
    return name

"""The reader of new documents, for push and webhooks. It reads every stored document.

The id of a document begins with the second of its creation. A pass reads all complete seconds. A second pass reads them
again a minute later, for documents that became visible late. The position is stored after the work of a pass is in the
outbox. After a crash, the pass is repeated; the keys of the outbox prevent duplicate work. One process reads at a time,
and its claim ends by itself.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from bson import ObjectId
from mongoengine import DateTimeField, DictField, Document, ListField, NotUniqueError, ObjectIdField, StringField

from hapiish.store.rows import Row, find, get, insert, modify, update

from .wire import now

WINDOW: Final = timedelta(days=1)
"""The longest time that the reader looks back, after no process has run."""
FIRST_AGE: Final = timedelta(seconds=1)
AGAIN_AGE: Final = timedelta(seconds=60)
"""The least age of documents in the first and in the second pass."""
BATCH: Final = 500
_KNOWN_FOR: Final = timedelta(hours=1)


@dataclass(slots=True)
class Claim:
    """The right to read, with the position of each source: the first id that is not read yet."""

    token: ObjectId
    positions: dict[str, ObjectId] = field(default_factory=dict)


class Tail(Document):
    """The positions of the reader. Each use of the chat in a database has one document."""

    name = StringField(primary_key=True)
    positions = DictField()
    claim = ObjectIdField()
    due_at = DateTimeField(db_field="dueAt", required=True)

    meta = {"collection": "tails", "auto_create_index": False}

    @classmethod
    def take(cls, name: str, lease: timedelta) -> Claim | None:
        """Claims the reader if it is due and no other process has it."""
        moment, token = now(), ObjectId()
        taken = {"dueAt": moment + lease, "claim": token}
        found = modify(cls, {"_id": name, "dueAt": {"$lte": moment}}, {"$set": taken})
        if found is None:
            if get(cls, {"_id": name}, fields=("_id",)) is not None:
                return None
            try:  # the first start: nothing from before is read
                insert(cls, {"_id": name, "positions": {}, **taken})
            except NotUniqueError:
                return None
            found = {}
        return Claim(token, dict(found.get("positions", {})))

    @staticmethod
    def unread(model: Any, position: ObjectId | None, *, again: bool) -> tuple[list[Row], ObjectId, bool]:
        """Returns up to `BATCH` documents from a position on, the next position, and True for the last batch.

        Without a class or a position, there are no documents, and the next position is the present.
        """
        until = _boundary(now() - (AGAIN_AGE if again else FIRST_AGE))
        if model is None or position is None:
            return [], until, True
        start = max(position, _boundary(now() - WINDOW))
        rows = find(model, {"_id": {"$gte": start, "$lt": until}}, sort=("_id",), limit=BATCH)
        if len(rows) == BATCH:
            return rows, _after(rows[-1]["_id"]), False
        return rows, max(start, until), True

    @classmethod
    def store(cls, name: str, claim: Claim) -> bool:
        """Stores the positions; returns False if another process has claimed the reader."""
        return update(cls, {"_id": name, "claim": claim.token}, {"$set": {"positions": claim.positions}}) == 1

    @classmethod
    def leave(cls, name: str, claim: Claim, every: timedelta) -> None:
        """Stores the positions and ends the claim. The reader is due again after `every`."""
        due = {"$set": {"dueAt": now() + every, "positions": claim.positions}, "$unset": {"claim": ""}}
        update(cls, {"_id": name, "claim": claim.token}, due)


class TailBatch(Document):
    """Ids of messages that the first pass has read. The second pass plans no push for them."""

    name = StringField(required=True)
    messages = ListField(ObjectIdField())
    at = DateTimeField(required=True)

    meta = {
        "collection": "tailbatches",
        "auto_create_index": False,
        "indexes": [{"fields": ["at"], "expireAfterSeconds": int(_KNOWN_FOR.total_seconds())}],
    }

    @classmethod
    def note(cls, name: str, messages: Iterable[ObjectId]) -> None:
        """Stores that these messages were read."""
        insert(cls, {"name": name, "messages": list(messages), "at": now()})

    @classmethod
    def unknown(cls, name: str, rows: Sequence[Row]) -> list[Row]:
        """Returns the rows of messages that no pass has read. The rows are in the order of their ids."""
        since = rows[0]["_id"].generation_time
        noted = find(cls, {"at": {"$gte": since}, "name": name}, fields=("messages",))
        known = {key for each in noted for key in each["messages"]}
        return [row for row in rows if row["_id"] not in known]


def _boundary(moment: datetime) -> ObjectId:
    """Returns the first id of the second that a time is in."""
    return ObjectId.from_datetime(moment)


def _after(key: ObjectId) -> ObjectId:
    """Returns the id after an id."""
    return ObjectId((int(str(key), 16) + 1).to_bytes(12, "big"))

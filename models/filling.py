"""A job that adds the words for the search to messages that an older version stored without them.

It examines each message once, in the order of the ids.
"""

from datetime import timedelta
from typing import Any, Final

from mongoengine import BooleanField, DateTimeField, Document, ObjectIdField, StringField
from pymongo import UpdateOne

from hapiish.store.rows import Row, find, get, update

from .wire import now
from .words import words_in

BATCH: Final = 1000
WATCHED: Final = timedelta(days=1)
"""The time after the first run in which processes of the older version may still store messages."""


class WordFilling(Document):
    """The state of the job for one collection of messages. `mark` is the last message that was examined."""

    name = StringField(primary_key=True)
    mark = ObjectIdField()
    began_at = DateTimeField(db_field="beganAt")
    is_done = BooleanField(db_field="isDone")

    meta = {"collection": "wordfillings", "auto_create_index": False}

    @classmethod
    def run(cls, messages: Any, *, batches: int = 20) -> int:
        """Examines at most `batches` times `BATCH` messages; returns the number of those that words were added to.

        The next call continues. When all messages are examined and a day has passed, calls do nothing. Idempotent.
        """
        key, moment = {"_id": messages._meta["collection"]}, now()  # noqa: SLF001 - MongoEngine's own way
        state = get(cls, key) or {"beganAt": moment}
        if state.get("isDone"):
            return 0
        count, mark, is_done = 0, state.get("mark"), False
        for _ in range(batches):
            where = {"_id": {"$gt": mark}} if mark is not None else {}
            rows = find(messages, where, fields=("text", "attachments", "words", "rev"), sort=("_id",), limit=BATCH)
            count += _fill(messages, rows)
            if rows:
                mark = rows[-1]["_id"]
            if len(rows) < BATCH:
                is_done = moment - state["beganAt"] > WATCHED
                break
        values = {"mark": mark, "isDone": is_done}
        update(cls, key, {"$set": values, "$setOnInsert": {"beganAt": moment}}, upsert=True)
        return count


def _fill(messages: Any, rows: list[Row]) -> int:
    """Stores missing words. A message that is edited meanwhile is left out: the edit stores the words."""
    writes = [
        UpdateOne({"_id": row["_id"], "rev": row.get("rev"), "words": {"$exists": False}}, {"$set": {"words": words}})
        for row in rows
        if "words" not in row and (words := words_in(row["text"], row.get("attachments", ())))
    ]
    if not writes:
        return 0
    filled: int = messages._get_collection().bulk_write(writes, ordered=False).modified_count  # noqa: SLF001
    return filled

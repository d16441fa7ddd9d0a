"""Reports of messages and users, for administrators. A report quotes the message, which its author can still delete."""

from datetime import datetime
from typing import Any, Final

from bson import ObjectId
from mongoengine import DateTimeField, Document, IntField, NotUniqueError, ObjectIdField, StringField

from hapiish.store.rows import Row, find, get, insert, modify

from .message import Message
from .retention import Retention
from .wire import iso, now

STATES: Final = ("open", "resolved", "rejected")


class Report(Retention, Document):
    """A report of a message or of a user. A reporter has one report of each `subject`."""

    reporter_id = ObjectIdField(db_field="reporterId", required=True)
    user_id = ObjectIdField(db_field="userId", required=True)
    subject = StringField(required=True)
    conversation_id = ObjectIdField(db_field="conversationId")
    seq = IntField()
    reason = StringField(required=True, max_length=50)
    text = StringField(max_length=1000)
    quote = StringField(max_length=8000)
    state = StringField(required=True, choices=STATES)
    note = StringField(max_length=1000)
    created_at = DateTimeField(db_field="createdAt", required=True)
    decided_at = DateTimeField(db_field="decidedAt")
    decided_by = ObjectIdField(db_field="decidedBy")

    meta = {
        "collection": "reports",
        "auto_create_index": False,
        "indexes": [{"fields": ["reporter_id", "subject"], "unique": True}, {"fields": ["state", "-id"]}],
    }

    @classmethod
    def message(cls, conversation_id: str, seq: int, reader: str, *, since: int) -> tuple[str, str] | None:
        """Returns the author and the text of a message that the reader can read; None if there is none."""
        found = get(Message, {"conversationId": ObjectId(conversation_id), "seq": {"$eq": seq, "$gt": since}})
        if found is None or "deletedAt" in found or ObjectId(reader) in found.get("hiddenFor", ()):
            return None
        return str(found["userId"]), found["text"]

    @classmethod
    def of_message(cls, reporter: str, author: str, conversation_id: str, seq: int, **given: Any) -> tuple[Row, bool]:
        """Stores the report of a message; `given` are `reason`, `text` and `quote`. See `of_user`."""
        named = {"conversationId": ObjectId(conversation_id), "seq": seq}
        return cls._store(reporter, author, f"message:{conversation_id}:{seq}", {**named, **given})

    @classmethod
    def of_user(cls, reporter: str, user_id: str, **given: Any) -> tuple[Row, bool]:
        """Stores the report of a user; returns it and True, or the earlier report of the same reporter and False."""
        return cls._store(reporter, user_id, f"user:{user_id}", given)

    @classmethod
    def list_of(cls, state: str, *, before: str | None = None, limit: int) -> list[Row]:
        """Returns the reports in a state, the newest first; `before` is an id."""
        where: Row = {"state": state, **({"_id": {"$lt": ObjectId(before)}} if before is not None else {})}
        return [public(row) for row in find(cls, where, sort=("-_id",), limit=limit)]

    @classmethod
    def decide(cls, id: str, by: str, *, state: str, note: str | None) -> Row | None:
        """Sets the state of a report and returns it; None if it does not exist."""
        values = {"state": state, "decidedAt": now(), "decidedBy": ObjectId(by)}
        change = {"$set": {**values, **({"note": note} if note is not None else {})}}
        found = modify(cls, {"_id": ObjectId(id)}, change)
        return found and public(found)

    @classmethod
    def _store(cls, reporter: str, user_id: str, subject: str, given: Row) -> tuple[Row, bool]:
        mine = {"reporterId": ObjectId(reporter), "subject": subject}
        values = {name: value for name, value in given.items() if value not in (None, "")}
        row = {**mine, "userId": ObjectId(user_id), **values, "state": "open", "createdAt": now()}
        try:
            insert(cls, row)
        except NotUniqueError:
            stored = get(cls, mine)
            assert stored is not None
            return public(stored), False
        return public(row), True


def public(row: Row) -> Row:
    """Returns a report for clients."""
    given: Row = {name: row[name] for name in ("reason", "text", "quote", "seq", "state", "note") if name in row}
    ids = ("reporterId", "userId", "conversationId", "decidedBy")
    named = {name: str(row[name]) for name in ids if name in row}
    times: dict[str, datetime] = {name: row[name] for name in ("createdAt", "decidedAt") if name in row}
    return {"id": str(row["_id"]), **named, **given, **{name: iso(moment) for name, moment in times.items()}}

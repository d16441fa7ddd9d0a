"""Messages, the source of truth of a conversation. One insert under two unique indexes is the commit point.

`(conversation, seq)` is the order, 1 … n without gaps. `(conversation, sender, client id)` deduplicates retries. All
other data of a conversation is derived from its messages.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from bson import ObjectId
from mongoengine import BooleanField, DateTimeField, DictField, IntField, ListField, ObjectIdField, StringField

from hapiish.store.rows import Row, find, get, insert_many

from .change import ChangeSource
from .revisions import Revisions
from .search import UNSEEN, Searchable
from .turns import Turns
from .wire import iso
from .words import words_in

PAGE_LIMIT = 200
QUOTED = 200  # characters of a message that a reply shows


class Message(Revisions, Searchable, ChangeSource):
    """A message of a conversation; `client_msg_id` is the client's idempotency key.

    `reply_to` is `{seq, userId}` of the message that it answers. `reactions` are `{emoji, userId}` in the order of
    adding. `words` are the words of the text and of the attachments' names, for the search.
    """

    conversation_id = ObjectIdField(db_field="conversationId", required=True)
    seq = IntField(required=True, min_value=1)
    user_id = ObjectIdField(db_field="userId", required=True)
    client_msg_id = StringField(db_field="clientMsgId", max_length=128)
    text = StringField(max_length=8000)
    type = StringField()
    system = DictField()
    created_at = DateTimeField(db_field="createdAt", required=True)
    attachments = ListField(DictField())
    reply_to = DictField(db_field="replyTo")
    mentions = ListField(ObjectIdField())
    streaming = BooleanField()
    edited_at = DateTimeField(db_field="editedAt")
    deleted_at = DateTimeField(db_field="deletedAt")
    rev = IntField()
    reactions = ListField(DictField())
    hidden_for = ListField(ObjectIdField(), db_field="hiddenFor")
    words = ListField(StringField())

    meta = {
        "collection": "messages",
        "auto_create_index": False,
        "indexes": [
            {"fields": ["conversation_id", "seq"], "unique": True},
            {
                "fields": ["conversation_id", "user_id", "client_msg_id"],
                "unique": True,
                "partialFilterExpression": {"clientMsgId": {"$exists": True}},
            },
            {"fields": ["attachments.id"], "partialFilterExpression": {"attachments": {"$exists": True}}},
            {"fields": ["created_at"], "partialFilterExpression": {"streaming": True}},
            {
                "fields": ["conversation_id", "words", "id"],
                "partialFilterExpression": {"words": {"$exists": True}},
            },
        ],
    }

    @classmethod
    def append(
        cls,
        conversation_id: str,
        user_id: str,
        text: str,
        *,
        client_id: str | None = None,
        after: int = 0,
        attachments: Sequence[Mapping[str, Any]] = (),
        reply_to: Mapping[str, Any] | None = None,
        mentions: Sequence[str] = (),
        streaming: bool = False,
    ) -> tuple[dict[str, Any], bool]:
        """Stores a text under the next number; returns the message, and True if this client id was stored before.

        `after` is the `lastSeq` of the conversation's head, so that numbers are not reused after messages were removed.
        `reply_to` is the answered message, as `one` returns it. Raises `NotUniqueError` after a hundred consecutive
        conflicts with other processes.
        """
        cls.text.validate(text)
        row: Row = {"conversationId": ObjectId(conversation_id), "userId": ObjectId(user_id), "text": text}
        if client_id is not None:
            cls.client_msg_id.validate(client_id)
            row["clientMsgId"] = client_id
        if attachments:
            row["attachments"] = [dict(each) for each in attachments]
        if reply_to is not None:
            row["replyTo"] = {"seq": reply_to["seq"], "userId": ObjectId(reply_to["userId"])}
        if mentions:
            row["mentions"] = [ObjectId(each) for each in dict.fromkeys(mentions)]
        if streaming:
            row["streaming"] = True
        if words := words_in(text, attachments):
            row["words"] = words
        stored, is_original = _turns.store(conversation_id, row, after)
        return cls.shown([stored])[0] if is_original else public(stored, _quotes(reply_to)), is_original

    @classmethod
    def sent(cls, conversation_id: str, user_id: str, client_id: str) -> dict[str, Any] | None:
        """Returns the message that was stored with a client id, or None."""
        key = {"conversationId": ObjectId(conversation_id), "userId": ObjectId(user_id), "clientMsgId": client_id}
        found = get(cls, key)
        return cls.shown([found])[0] if found else None

    @classmethod
    def note(cls, conversation_id: str, user_id: str, system: Row, *, after: int = 0) -> dict[str, Any]:
        """Stores a message without text that reports a change by the user. `system` is `{kind, …}`."""
        row: Row = {
            "conversationId": ObjectId(conversation_id),
            "userId": ObjectId(user_id),
            "text": "",
            "type": "system",
            "system": system,
        }
        stored, _ = _turns.store(conversation_id, row, after)
        return public(stored)

    @classmethod
    def last_seq(cls, conversation_id: str) -> int:
        """Returns the highest number in a conversation, 0 if it is empty."""
        newest = get(cls, {"conversationId": ObjectId(conversation_id)}, fields=("seq",), sort=("-seq",))
        return newest["seq"] if newest else 0

    @classmethod
    def page(
        cls,
        conversation_id: str,
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int = PAGE_LIMIT,
        since: int = 0,
        reader: str | None = None,
    ) -> tuple[list[dict[str, Any]], bool]:
        """Returns a page of messages, oldest first, and True if more exist in that direction.

        `after` reads messages with higher numbers, `before` messages with lower ones; without both, the newest `limit`
        are read. Messages up to `since`, and messages that `reader` has deleted for themselves, are left out.
        """
        where: Row = {"conversationId": ObjectId(conversation_id)}
        lowest = max(after or 0, since)
        if lowest or before is not None:
            where["seq"] = {
                **({"$gt": lowest} if lowest else {}),
                **({"$lt": before} if before is not None else {}),
            }
        if reader is not None:
            where["hiddenFor"] = {"$ne": ObjectId(reader)}
        sort = ("seq" if after is not None else "-seq",)
        rows = find(cls, where, fields=UNSEEN, sort=sort, limit=limit + 1, tz_aware=False)
        has_more = len(rows) > limit
        del rows[limit:]
        if after is None:
            rows.reverse()
        return cls.shown(rows), has_more

    @classmethod
    def one(cls, conversation_id: str, seq: int, *, since: int = 0, reader: str | None = None) -> dict[str, Any] | None:
        """Returns a message; None if it does not exist, or `page` would leave it out."""
        found, _ = cls.page(conversation_id, after=seq - 1, before=seq + 1, limit=1, since=since, reader=reader)
        return found[0] if found else None

    @classmethod
    def shown(cls, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """Returns stored messages in the format for clients.

        A reply shows the current text of the answered message, so that no copy outlives a deletion. If an answered
        message is not among the rows, a database command reads it.
        """
        answers = [row for row in rows if "replyTo" in row]
        if not answers:
            return [public(row) for row in rows]
        texts = {(row["conversationId"], row["seq"]): row["text"] for row in rows}
        missing = {(row["conversationId"], row["replyTo"]["seq"]) for row in answers} - texts.keys()
        wanted: dict[ObjectId, list[int]] = {}
        for key, seq in missing:
            wanted.setdefault(key, []).append(seq)
        where = [{"conversationId": key, "seq": {"$in": seqs}} for key, seqs in wanted.items()]
        fields = ("conversationId", "seq", "text")
        for row in find(cls, {"$or": where}, fields=fields) if where else ():
            texts[row["conversationId"], row["seq"]] = row["text"]
        return [public(row, texts) for row in rows]


Quotes = Mapping[tuple[ObjectId, int], str]


def _quotes(answered: Mapping[str, Any] | None) -> Quotes:
    return {(ObjectId(answered["conversationId"]), answered["seq"]): answered["text"]} if answered else {}


def _original(row: Row) -> Row | None:
    """Returns the stored message with the client id of a row."""
    if "clientMsgId" not in row:
        return None
    return get(Message, {name: row[name] for name in ("conversationId", "userId", "clientMsgId")})


_turns = Turns(partial(insert_many, Message), Message.last_seq, _original)


def public(stored: Row, quotes: Quotes | None = None) -> dict[str, Any]:
    """Returns a stored message in the format for clients. Without a client id, `msgId` is the message's id.

    `quotes` has the texts of answered messages. The result is the same for every reader.
    """
    key: ObjectId = stored["_id"]
    given = {
        "_id": str(key),
        "conversationId": str(stored["conversationId"]),
        "seq": stored["seq"],
        "text": stored["text"],
        "createdAt": iso(stored["createdAt"]),
        "userId": str(stored["userId"]),
        "msgId": stored.get("clientMsgId") or str(key),
    }
    for name, format_ in _OPTIONAL.items():
        if stored.get(name):
            given[name] = format_(stored[name])
    if "replyTo" in stored:
        answered = stored["replyTo"]
        text = (quotes or {}).get((stored["conversationId"], answered["seq"]), "")
        given["replyTo"] = {"seq": answered["seq"], "userId": str(answered["userId"]), "text": text[:QUOTED]}
    return given


def _same(value: Any) -> Any:
    return value


def _texts(ids: Iterable[ObjectId]) -> list[str]:
    return [str(each) for each in ids]


def _grouped(reactions: Iterable[Row]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in reactions:
        found.setdefault(each["emoji"], []).append(str(each["userId"]))
    return found


_OPTIONAL: dict[str, Callable[[Any], Any]] = {
    "type": _same,
    "system": _same,
    "attachments": _same,
    "mentions": _texts,
    "streaming": _same,
    "editedAt": iso,
    "deletedAt": iso,
    "rev": _same,
    "reactions": _grouped,
}

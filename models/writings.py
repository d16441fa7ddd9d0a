"""The messages and files of a user, read in bounded steps."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from bson import ObjectId

from hapiish.store.rows import Row, find, get

from .conversation import Conversation
from .membership import OF_USER, Membership
from .message import Message, public

SPAN: Final = 500
"""The messages of a conversation that one database command examines."""
_BATCH: Final = 200


class Writings:
    """The queries of `User` and `Device` for all messages and files of a user."""

    @classmethod
    def conversations_of(cls, user_id: str) -> Iterator[str]:
        """Yields the ids of all conversations of which the user is or was a member."""
        user = ObjectId(user_id)
        for row in _all(Membership, {"userId": user, **OF_USER}, ("conversationId",)):
            yield str(row["conversationId"])
        for row in _all(Conversation, {"members": user}, ("_id",)):
            mine = {"conversationId": row["_id"], "userId": user}
            if get(Membership, mine, fields=("_id",)) is None:  # stored by an older version, not listed since
                yield str(row["_id"])

    @classmethod
    def messages_of(cls, user_id: str, conversation_id: str) -> Iterator[Row]:
        """Yields the stored messages of a user in a conversation, in the order of their numbers."""
        key, user = ObjectId(conversation_id), ObjectId(user_id)
        newest = get(Message, {"conversationId": key}, fields=("seq",), sort=("-seq",))
        oldest = get(Message, {"conversationId": key}, fields=("seq",), sort=("seq",))
        if newest is None or oldest is None:
            return
        for start in range(oldest["seq"], newest["seq"] + 1, SPAN):
            span = {"$gte": start, "$lt": start + SPAN}
            yield from find(Message, {"conversationId": key, "seq": span, "userId": user}, sort=("seq",))

    @classmethod
    def written_by(cls, user_id: str, together: int) -> Iterator[dict[str, Any]]:
        """Yields the messages of a user in the format for clients, without deleted ones; formats `together` at once."""
        for conversation_id in cls.conversations_of(user_id):
            stored = cls.messages_of(user_id, conversation_id)
            while rows := list(islice(stored, together)):
                yield from (public(row) for row in rows if "deletedAt" not in row and not _is_hidden(row))

    @classmethod
    def files_of(cls, attachments: Any, user_id: str) -> Iterator[dict[str, Any]]:
        """Yields `{id, name, type, size}` of the files of a user."""
        for row in _all(attachments, {"metadata.userId": ObjectId(user_id)}, ("filename", "length", "metadata")):
            kind = row["metadata"]["type"]
            yield {"id": str(row["_id"]), "name": row["filename"], "type": kind, "size": row["length"]}


def _is_hidden(row: Row) -> bool:
    """Returns True for a message that its author has deleted for themselves."""
    return row["userId"] in row.get("hiddenFor", ())


def _all(model: Any, where: Row, fields: tuple[str, ...]) -> Iterator[Row]:
    after: ObjectId | None = None
    while True:
        page = {**where, **({"_id": {"$gt": after}} if after is not None else {})}
        rows = find(model, page, fields=fields, sort=("_id",), limit=_BATCH)
        yield from rows
        if len(rows) < _BATCH:
            return
        after = rows[-1]["_id"]

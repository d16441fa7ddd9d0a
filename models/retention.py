"""Retention: the removal of messages older than a number of days. Their `seq` numbers are not used again."""

from datetime import timedelta
from typing import Any, Final

from bson import ObjectId

from hapiish.store.rows import find, update

from .change import entry
from .conversation import Conversation
from .message import Message
from .wire import now

BATCH: Final = 500


class Retention:
    """The removal of old messages, for `Report`."""

    @classmethod
    def remove_old(cls, days: float) -> list[dict[str, Any]] | None:
        """Removes up to `BATCH` messages that are older than `days`; returns those with files, or None if none is left.

        First it removes them from the heads of conversations (previews, references, pins), which keep `lastSeq`. If the
        process crashes in between, the next call removes the same messages. `Change.repair` tells the members of pins
        and previews that were removed.
        """
        limit = ObjectId.from_datetime(now() - timedelta(days=days))
        rows = find(Message, {"_id": {"$lt": limit}}, sort=("_id",), limit=BATCH)
        if not rows:
            return None
        conversations: dict[ObjectId, list[Any]] = {}
        for row in rows:
            conversations.setdefault(row["conversationId"], []).append(row)
        for key, old in conversations.items():
            keys, seqs = [row["_id"] for row in old], [row["seq"] for row in old]
            update(Conversation, {"_id": key}, {"$pull": {"recent": {"message": {"$in": keys}}}})
            for shown, removal in (
                ({"pins": {"$in": seqs}}, {"$pull": {"pins": {"$in": seqs}}}),
                ({"lastMessage.message": {"$in": keys}}, {"$unset": {"lastMessage": ""}}),
            ):
                told = {"$push": {"pending": entry("conversation", key)}}
                update(Conversation, {"_id": key, **shown}, {**removal, **told})
        Message.objects(id__in=[row["_id"] for row in rows]).delete()
        return [row for row in rows if row.get("attachments")]

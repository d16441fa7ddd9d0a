"""The uses of a file: the messages that it was sent with, and the user or conversation whose avatar it is."""

from typing import Any, Literal, Protocol

from bson import ObjectId
from mongoengine.errors import InvalidQueryError

from hapiish.store.rows import Row, get


class Models(Protocol):
    """The classes of the table that determine the uses of a file (`request.models`, `server.models`)."""

    User: Any
    Conversation: Any
    Message: Any


def is_sent_to(stored: Row, user_id: str, models: Models) -> bool:
    """Returns True if this user can read a message that the file was sent with.

    The user must be a member of the conversation, must have joined before the message, and must not have deleted it. A
    message that was deleted for all names no files.
    """
    sent = [str(each) for each in stored["metadata"]["conversations"]]
    readable = [
        {"conversationId": ObjectId(head["id"]), "seq": {"$gte": head["firstSeq"]}}
        for head in (models.Conversation.heads_of(user_id, sent) if sent else ())
    ]
    named = {"attachments.id": str(stored["_id"]), "hiddenFor": {"$ne": ObjectId(user_id)}}
    return bool(readable) and _exists(models.Message, {**named, "$or": readable})


def use_of(stored: Row, models: Models) -> Literal["avatar", "message"] | None:
    """Returns the present use of a file; None if it may be removed."""
    key, details = stored["_id"], stored["metadata"]
    if details["purpose"] == "avatar":
        shown = {"avatar": {"$in": [key, str(key)]}}
        if _exists(models.User, {"_id": details["userId"], **shown}) or _exists(models.Conversation, shown):
            return "avatar"
    return "message" if _exists(models.Message, {"attachments.id": str(key)}) else None


def _exists(model: Any, where: Row) -> bool:
    """Returns True if a document matches. The class of another project need not have the fields."""
    try:
        return get(model, where, fields=("_id",)) is not None
    except InvalidQueryError:
        return False

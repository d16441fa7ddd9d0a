"""Attachments: files of users in GridFS. Members of the conversations that a file was sent to can read it.

The row of a file is stored before the first byte, so every byte belongs to a row. Each row has a time at which the
sweeper checks it. The sweeper then removes the file if its upload broke off or no message names it. This repairs a
crash between any two writes, and finds files whose messages another process has removed.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from bson import Binary, ObjectId
from mongoengine import (
    BinaryField,
    DateTimeField,
    Document,
    EmbeddedDocument,
    EmbeddedDocumentField,
    IntField,
    ListField,
    ObjectIdField,
    StringField,
    ValidationError,
)

from hapiish.store.rows import Row, find, get, insert, update

from . import media
from .attachment_use import Models, is_sent_to, use_of
from .upload import Upload
from .wire import now, object_id

LEAST: Final = 64 * 1024
"""The least bytes that a file counts in a quota, so that a quota also bounds the number of files."""

CONVERSATIONS: Final = 100
"""The most conversations that one file can be sent to."""

GRACE: Final = timedelta(days=1)
"""Time for an upload to end, and for a file to be sent."""

AGAIN: Final = timedelta(days=30)
"""Time after which a file that is in use is checked again."""

_PUBLIC: Final = ("filename", "length", "metadata")


class AttachmentDetails(EmbeddedDocument):
    """The metadata of a file, which GridFS leaves to applications.

    `state` is uploading, ready or removing. `check_at` is the time at which the sweeper checks the file again.
    """

    user_id = ObjectIdField(db_field="userId", required=True)
    type = StringField(required=True)
    width = IntField()
    height = IntField()
    state = StringField(required=True, choices=("uploading", "ready", "removing"))
    check_at = DateTimeField(db_field="checkAt", required=True)
    purpose = StringField(required=True, choices=("message", "avatar"))
    conversations = ListField(ObjectIdField())


class AttachmentChunk(Document):
    """A chunk of a file; `n` is its number, from 0."""

    files_id = ObjectIdField(required=True)
    n = IntField(required=True)
    data = BinaryField(required=True)

    meta = {
        "collection": "attachments.chunks",
        "auto_create_index": False,
        "indexes": [{"fields": ["files_id", "n"], "unique": True}],
    }


class Attachment(Document):
    """A file of the GridFS bucket `attachments`. Other tools for GridFS can read it."""

    filename = StringField(required=True)
    length = IntField(required=True)
    chunk_size = IntField(db_field="chunkSize", required=True)
    upload_date = DateTimeField(db_field="uploadDate", required=True)
    metadata = EmbeddedDocumentField(AttachmentDetails, required=True)

    CHUNK = 255 * 1024  # the default of GridFS
    """Bytes of a chunk. A reader or a writer has about one chunk in memory."""

    meta = {
        "collection": "attachments.files",
        "auto_create_index": False,
        "indexes": [
            {"fields": ["metadata.user_id", "length"]},
            {"fields": ["metadata.check_at"]},
        ],
    }

    @classmethod
    def begin(cls, attachment_id: str, user_id: str, name: str, size: int, quota: int) -> bool:
        """Reserves `size` bytes for a new file of a user; False if the user's files would exceed `quota` bytes.

        If two concurrent uploads do not both fit, at most one begins.
        """
        moment = now()
        row: Row = {
            "_id": ObjectId(attachment_id),
            "filename": name,
            "length": size,
            "chunkSize": cls.CHUNK,
            "uploadDate": moment,
            "metadata": {
                "userId": ObjectId(user_id),
                "type": media.UNKNOWN,
                "state": "uploading",
                "checkAt": moment + GRACE,
                "purpose": "message",
                "conversations": [],
            },
        }
        insert(cls, row)
        if cls.used_by(user_id) <= quota:
            return True
        cls.discard(attachment_id)
        return False

    @classmethod
    def upload(cls, user_id: str, name: str, declared: str) -> Upload:
        """Returns a new upload of a user; `declared` is a media type."""
        return Upload(cls, user_id, name, declared)

    @staticmethod
    def is_recognised(media_type: str) -> bool:
        """Returns True for a type that can be recognised by the content of a file."""
        return media.is_known(media_type)

    @classmethod
    def used_by(cls, user_id: str) -> int:
        """Returns the bytes that a user's files and running uploads count in a quota."""
        total = [
            {"$match": {"metadata.userId": ObjectId(user_id)}},
            {"$group": {"_id": None, "bytes": {"$sum": {"$max": ["$length", LEAST]}}}},
        ]
        found = list(cls._get_collection().aggregate(total))
        return int(found[0]["bytes"]) if found else 0

    @staticmethod
    def write(attachment_id: str, number: int, data: bytes) -> None:
        """Stores a chunk: `CHUNK` bytes, or fewer at the end."""
        insert(AttachmentChunk, {"files_id": ObjectId(attachment_id), "n": number, "data": Binary(data)})

    @classmethod
    def finish(
        cls, attachment_id: str, media_type: str, length: int, size: tuple[int, int] | None
    ) -> dict[str, Any] | None:
        """Makes a complete file readable by its owner and returns it; None if it was removed meanwhile."""
        key = ObjectId(attachment_id)
        values: Row = {"length": length, "metadata.type": media_type, "metadata.state": "ready"}
        if size is not None:
            values |= {"metadata.width": size[0], "metadata.height": size[1]}
        if not update(cls, {"_id": key, "metadata.state": "uploading"}, {"$set": values}):
            return None
        found = get(cls, {"_id": key}, fields=_PUBLIC)
        return found and public(found)

    @classmethod
    def discard(cls, attachment_id: str) -> None:
        """Removes a file with its chunks. The row is removed last, so that a crash leaves no chunk without a row."""
        AttachmentChunk.objects(files_id=attachment_id).delete()
        cls.objects(id=attachment_id).delete()

    @classmethod
    def readable_by(cls, attachment_id: str, user_id: str, models: Models) -> dict[str, Any] | None:
        """Returns a file, or None if it does not exist or this user may not read it.

        The owner may read it, and every user who can read a message that it was sent with. Every user may read an
        avatar.
        """
        key = object_id(attachment_id)
        found = get(cls, {"_id": key, "metadata.state": "ready"}, fields=_PUBLIC) if key else None
        if found is None:
            return None
        details = found["metadata"]
        if (
            details["userId"] == ObjectId(user_id)
            or details["purpose"] == "avatar"
            or is_sent_to(found, user_id, models)
        ):
            return public(found)
        return None

    @classmethod
    def read(cls, attachment_id: str, start: int, stop: int) -> Iterator[bytes]:
        """Yields the bytes from `start` up to `stop` of a file, chunk by chunk."""
        key = ObjectId(attachment_id)
        while start < stop:
            number, offset = divmod(start, cls.CHUNK)
            chunk = get(AttachmentChunk, {"files_id": key, "n": number}, fields=("data",))
            piece = chunk["data"][offset : offset + stop - start] if chunk else b""
            if not piece:
                return
            yield piece
            start += len(piece)

    @classmethod
    def attach(cls, ids: Sequence[str], user_id: str, conversation_id: str) -> list[dict[str, Any]]:
        """Returns the public form of a user's files, in the given order, to store as the `attachments` of a message.

        Call it before the message is stored: a file that no message names is removed after a day. Raises
        ValidationError (400) if an id is not that of a file of this user, or the file was sent too often.
        """
        keys = [ObjectId(each) for each in dict.fromkeys(ids)]
        conversation = ObjectId(conversation_id)
        mine: Row = {"_id": {"$in": keys}, "metadata.userId": ObjectId(user_id), "metadata.state": "ready"}
        free = {
            "$or": [
                {"metadata.conversations": conversation},
                {f"metadata.conversations.{CONVERSATIONS - 1}": {"$exists": False}},
            ]
        }
        found = {row["_id"]: row for row in find(cls, mine, fields=_PUBLIC)}
        change = {
            "$addToSet": {"metadata.conversations": conversation},
            "$max": {"metadata.checkAt": now() + GRACE},
        }
        changed = cls.objects(__raw__={**mine, **free}).update(__raw__=change) if keys else 0
        if len(found) < len(keys) or changed < len(keys):
            raise ValidationError("is not a file of yours, or was sent too often", field_name="attachments")
        return [public(found[key]) for key in keys]

    @classmethod
    def release(cls, message: Mapping[str, Any]) -> None:
        """Makes the sweeper check the files of a deleted message; `message` is the message before the deletion."""
        keys = [ObjectId(each["id"]) for each in message.get("attachments") or ()]
        if keys:
            cls.objects(id__in=keys).update(set__metadata__check_at=now())

    @classmethod
    def as_avatar(cls, attachment_id: str | None, user_id: str, former: str | None) -> bool:
        """Makes an image of this user an avatar, which every user may read; `former` is the avatar that it replaces.

        Returns False if it is not an image of this user. Call it before the avatar is stored, or with None before it is
        removed. After a day, the sweeper checks both files: another user or conversation may show them.
        """
        soon = now() + GRACE
        if attachment_id is not None:
            mine = {
                "_id": object_id(attachment_id),
                "metadata.userId": ObjectId(user_id),
                "metadata.state": "ready",
                "metadata.type": {"$in": media.IMAGES},
            }
            if not update(cls, mine, {"$set": {"metadata.purpose": "avatar", "metadata.checkAt": soon}}):
                return False
        if former not in (None, attachment_id):
            update(cls, {"_id": ObjectId(former)}, {"$set": {"metadata.checkAt": soon}})
        return True

    @classmethod
    def release_of(cls, user_id: str) -> None:
        """Makes the sweeper check all files of a user whose account was erased."""
        cls.objects(__raw__={"metadata.userId": ObjectId(user_id)}).update(set__metadata__check_at=now())

    @classmethod
    def remove_of(cls, user_id: str) -> None:
        """Makes all files of a user unreadable; the sweeper removes them."""
        cls.objects(__raw__={"metadata.userId": ObjectId(user_id)}).update(
            set__metadata__state="removing", set__metadata__check_at=now()
        )

    @classmethod
    def sweep(cls, models: Models, limit: int = 100) -> int:
        """Checks up to `limit` files that are due and removes the unused ones; returns the number of removed files."""
        removed = 0
        due = {"metadata.checkAt": {"$lte": now()}}
        for row in find(cls, due, fields=_PUBLIC, sort=("metadata.checkAt",), limit=limit):
            details = row["metadata"]
            seen = {"_id": row["_id"], "metadata.checkAt": details["checkAt"]}
            use = use_of(row, models) if details["state"] == "ready" else None
            if use is not None:
                update(cls, seen, {"$set": {"metadata.checkAt": now() + AGAIN, "metadata.purpose": use}})
            elif update(cls, seen, {"$set": {"metadata.state": "removing"}}):  # 0 if it was attached meanwhile
                cls.discard(str(row["_id"]))
                removed += 1
        return removed


def public(stored: Row) -> dict[str, Any]:
    """Returns a file in the format for clients."""
    details = stored["metadata"]
    shown = {"id": str(stored["_id"]), "name": stored["filename"], "type": details["type"], "size": stored["length"]}
    return shown | {name: details[name] for name in ("width", "height") if name in details}

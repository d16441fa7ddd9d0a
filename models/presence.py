"""The presence of users: the time of their last connection, and the users who may see it."""

from collections.abc import Iterable
from datetime import datetime

from bson import ObjectId
from mongoengine import DateTimeField, Document

from hapiish.store.rows import find, update

from .acquaintance import Models, acquaintances, barred
from .wire import iso


class UserPresence(Document):
    """The last presence of a user. The document has the user's id."""

    last_seen = DateTimeField(db_field="lastSeen", required=True)

    meta = {"collection": "presence", "auto_create_index": False}

    @classmethod
    def note(cls, user_id: str, at: datetime) -> None:
        """Stores a time, unless a later one is stored."""
        update(cls, {"_id": ObjectId(user_id)}, {"$max": {"lastSeen": at}}, upsert=True)

    @classmethod
    def last_seen_of(cls, user_ids: Iterable[str]) -> dict[str, str]:
        """Returns the times by user id. Users who were never connected are missing."""
        keys = [ObjectId(each) for each in user_ids]
        rows = find(cls, {"_id": {"$in": keys}}) if keys else []
        return {str(row["_id"]): iso(row["lastSeen"]) for row in rows}

    @classmethod
    def forget(cls, user_id: str) -> None:
        """Removes the time of a user."""
        cls._get_collection().delete_one({"_id": ObjectId(user_id)})

    @staticmethod
    def visible_to(user_id: str, others: Iterable[str], models: Models) -> set[str]:
        """Returns those of `others` whose presence a user may see, see `acquaintances`."""
        return acquaintances(user_id, others, models)

    @staticmethod
    def barred_to(user_id: str, others: Iterable[str], models: Models) -> set[str]:
        """Returns those of `others` whom a user has blocked or who have blocked the user."""
        return barred(user_id, others, models)

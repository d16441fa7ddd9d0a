"""Devices that get push notifications. A push token belongs to the user who registered it last."""

from collections.abc import Iterable
from typing import Any, Final

from bson import ObjectId
from mongoengine import DateTimeField, Document, NotUniqueError, ObjectIdField, StringField

from hapiish.store.rows import Row, find, get, update

from .notified import Notifying
from .wire import iso, now, object_id
from .writings import Writings

_ATTEMPTS: Final = 50


class Device(Notifying, Writings, Document):
    """A device of a user. The client chooses `device_id`. If the device has a session, it is removed when that ends."""

    user_id = ObjectIdField(db_field="userId", required=True)
    device_id = StringField(db_field="deviceId", required=True, max_length=128)
    token = StringField(required=True, max_length=4096)
    platform = StringField(required=True, max_length=20)
    session_id = ObjectIdField(db_field="sessionId")
    updated_at = DateTimeField(db_field="updatedAt", required=True)

    meta = {
        "collection": "devices",
        "auto_create_index": False,
        "indexes": [
            {"fields": ["user_id", "device_id"], "unique": True},
            {"fields": ["token"], "unique": True},
        ],
    }

    @classmethod
    def put(
        cls, user_id: str, device_id: str, token: str, platform: str, *, session_id: str | None = None, most: int
    ) -> None:
        """Stores a device or its new token, and removes other devices with this token.

        If the user has more than `most` devices, the oldest registrations are removed: a deleted app does not say so.
        """
        user, moment = ObjectId(user_id), now()
        mine = {"userId": user, "deviceId": device_id}
        session = object_id(session_id or "")
        change: Row = {"$set": {**mine, "platform": platform, "updatedAt": moment}}
        change |= {"$set": {**change["$set"], "sessionId": session}} if session else {"$unset": {"sessionId": ""}}
        for attempt in range(1, _ATTEMPTS + 1):
            cls._get_collection().delete_many({**mine, "token": {"$ne": token}})
            try:  # the row of the token moves to its new owner
                update(cls, {"token": token}, change, upsert=True)
                break
            except NotUniqueError:  # another request has stored this device or this token since
                if attempt == _ATTEMPTS:
                    raise
        surplus = find(cls, {"userId": user}, fields=("_id",), sort=("-updatedAt", "-_id"), skip=most)
        if surplus:
            cls._get_collection().delete_many({"_id": {"$in": [row["_id"] for row in surplus]}})

    @classmethod
    def list_of(cls, user_id: str) -> list[dict[str, Any]]:
        """Returns `{id, platform, updatedAt}` of each device, the last registered first."""
        rows = find(
            cls, {"userId": ObjectId(user_id)}, fields=("deviceId", "platform", "updatedAt"), sort=("-updatedAt",)
        )
        return [
            {"id": row["deviceId"], "platform": row["platform"], "updatedAt": iso(row["updatedAt"])} for row in rows
        ]

    @classmethod
    def remove(cls, user_id: str, device_id: str, *, token: str | None = None) -> None:
        """Removes a device, if it exists. With `token`, the device is kept if it has registered another one since."""
        where = {"userId": ObjectId(user_id), "deviceId": device_id, **({"token": token} if token is not None else {})}
        cls._get_collection().delete_one(where)

    @classmethod
    def remove_of(cls, user_id: str) -> None:
        """Removes all devices of a user."""
        cls._get_collection().delete_many({"userId": ObjectId(user_id)})

    @classmethod
    def of_users(cls, user_ids: Iterable[str]) -> dict[str, list[str]]:
        """Returns the ids of the devices of users, by user id. Users without a device are missing."""
        found: dict[str, list[str]] = {}
        keys = [ObjectId(each) for each in user_ids]
        for row in find(cls, {"userId": {"$in": keys}}, fields=("userId", "deviceId")):
            found.setdefault(str(row["userId"]), []).append(row["deviceId"])
        return found

    @classmethod
    def is_any(cls) -> bool:
        """Returns True if any user has a device."""
        return get(cls, {}, fields=("_id",)) is not None

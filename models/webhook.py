"""Webhooks: addresses of other systems that get events, signed by the specification Standard Webhooks."""

import base64
import hmac
import secrets
from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final

from bson import ObjectId
from mongoengine import DateTimeField, Document, ListField, ObjectIdField, StringField

from hapiish.store.rows import Row, find, get, insert, modify, update

from .webhook_events import WebhookEvents
from .wire import iso, now, object_id

_PREFIX: Final = "whsec_"
_SHOWN: Final = ("url", "events", "createdAt", "failingSince", "disabledAt")


class Webhook(WebhookEvents, Document):
    """An address and the types of its events. After a rotation, the previous secret also signs, until a time."""

    url = StringField(required=True, max_length=2048)
    events = ListField(StringField(max_length=50), required=True)
    secret = StringField(required=True)
    previous_secret = StringField(db_field="previousSecret")
    previous_until = DateTimeField(db_field="previousUntil")
    created_at = DateTimeField(db_field="createdAt", required=True)
    created_by = ObjectIdField(db_field="createdBy")
    failing_since = DateTimeField(db_field="failingSince")
    disabled_at = DateTimeField(db_field="disabledAt")

    meta = {"collection": "webhooks", "auto_create_index": False}

    @classmethod
    def create(cls, url: str, events: Sequence[str], created_by: str, *, most: int) -> dict[str, Any] | None:
        """Stores a webhook and returns it with its `secret`, which is not shown again; None if there are `most`."""
        if len(find(cls, {}, fields=("_id",), limit=most)) >= most:
            return None
        row: Row = {
            "url": url,
            "events": list(dict.fromkeys(events)),
            "secret": _new_secret(),
            "createdAt": now(),
            "createdBy": object_id(created_by),
        }
        insert(cls, row)
        return {**_public(row), "secret": row["secret"]}

    @classmethod
    def list_all(cls) -> list[dict[str, Any]]:
        """Returns `{id, url, events, createdAt, failingSince?, disabledAt?}` of each webhook, the oldest first."""
        return [_public(row) for row in find(cls, {}, fields=_SHOWN, sort=("_id",))]

    @classmethod
    def change(
        cls, id: str, *, url: str | None = None, events: Sequence[str] | None = None, enabled: bool | None = None
    ) -> dict[str, Any] | None:
        """Changes the given values and returns the webhook; None if it does not exist.

        Enabling a webhook also resets its failures.
        """
        given: Row = {"url": url, "events": list(dict.fromkeys(events)) if events is not None else None}
        values = {name: value for name, value in given.items() if value is not None}
        removed: Row = {}
        if enabled is True:
            removed = {"disabledAt": "", "failingSince": ""}
        elif enabled is False:
            values["disabledAt"] = now()
        change = {**({"$set": values} if values else {}), **({"$unset": removed} if removed else {})}
        where = {"_id": ObjectId(id)}
        found = modify(cls, where, change, fields=_SHOWN) if change else get(cls, where, fields=_SHOWN)
        return found and _public(found)

    @classmethod
    def rotate(cls, id: str, *, overlap: timedelta) -> dict[str, Any] | None:
        """Replaces the secret and returns the webhook with the new one. The old one also signs, for `overlap`."""
        found = get(cls, {"_id": ObjectId(id)}, fields=("secret",))
        if found is None:
            return None
        secret = _new_secret()
        values = {"secret": secret, "previousSecret": found["secret"], "previousUntil": now() + overlap}
        changed = modify(cls, {"_id": ObjectId(id), "secret": found["secret"]}, {"$set": values}, fields=_SHOWN)
        return cls.rotate(id, overlap=overlap) if changed is None else {**_public(changed), "secret": secret}

    @classmethod
    def remove(cls, id: str) -> bool:
        """Removes a webhook; returns False if there is none."""
        return bool(cls._get_collection().delete_one({"_id": ObjectId(id)}).deleted_count)

    @classmethod
    def active(cls) -> list[Row]:
        """Returns `{_id, events}` of the webhooks that are not disabled."""
        return find(cls, {"disabledAt": None}, fields=("events",), sort=("_id",))

    @classmethod
    def one(cls, id: str) -> Row | None:
        """Returns a stored webhook with its secrets, for the sender."""
        return get(cls, {"_id": ObjectId(id)})

    @classmethod
    def succeeded(cls, id: str) -> None:
        """Stores that the receiver has accepted an event."""
        update(cls, {"_id": ObjectId(id), "failingSince": {"$exists": True}}, {"$unset": {"failingSince": ""}})

    @classmethod
    def failed(cls, id: str, *, disabled_after: timedelta) -> None:
        """Stores that an attempt has failed. Disables the webhook if it has only failed for `disabled_after`."""
        key, moment = ObjectId(id), now()
        update(cls, {"_id": key, "failingSince": {"$exists": False}}, {"$set": {"failingSince": moment}})
        long = {"_id": key, "failingSince": {"$lte": moment - disabled_after}, "disabledAt": None}
        update(cls, long, {"$set": {"disabledAt": moment}})

    @staticmethod
    def signed(stored: Row, event_id: str, timestamp: int, body: bytes) -> str:
        """Returns the header `webhook-signature` for a stored webhook: one signature for each valid secret."""
        valid = [stored["secret"]]
        if stored.get("previousUntil") is not None and stored["previousUntil"] > now():
            valid.append(stored["previousSecret"])
        content = b"%s.%d.%s" % (event_id.encode(), timestamp, body)
        keys = [base64.b64decode(secret.removeprefix(_PREFIX)) for secret in valid]
        return " ".join("v1," + base64.b64encode(hmac.digest(key, content, sha256)).decode() for key in keys)


def _new_secret() -> str:
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def _public(row: Row) -> dict[str, Any]:
    times = {name: iso(row[name]) for name in ("createdAt", "failingSince", "disabledAt") if row.get(name) is not None}
    return {"id": str(row["_id"]), "url": row["url"], "events": row["events"], **times}

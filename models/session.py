"""Sessions of accounts. Each sign-in opens one; they are stored in the user's document.

A session has a refresh token, which is valid once. Each use replaces it by its successor, an HMAC of the token with a
secret of the session. So a client whose response was lost can get the same successor again for a while. If a replaced
token comes after that, it was stolen or copied, and the session ends. Only hashes of tokens are stored.
"""

import hmac
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Literal, NamedTuple

from bson import ObjectId
from mongoengine import BinaryField, DateTimeField, EmbeddedDocument, ObjectIdField, StringField

from hapiish.store.rows import Row, find, get, modify, update

from . import change
from .account import READ, Account
from .wire import iso, now, object_id

Refusal = Literal["revoked", "expired", "reused"]


class Session(EmbeddedDocument):
    """A session. `hash` is of the present refresh token, `previous` of the replaced one, `salt` the session's secret.

    `name` and `platform` show the user which session it is.
    """

    key = ObjectIdField(db_field="id", required=True)
    hash = BinaryField(required=True)
    previous = BinaryField()
    salt = BinaryField(required=True)
    created_at = DateTimeField(db_field="createdAt", required=True)
    used_at = DateTimeField(db_field="usedAt", required=True)
    rotated_at = DateTimeField(db_field="rotatedAt")
    expires_at = DateTimeField(db_field="expiresAt", required=True)
    name = StringField(max_length=200)
    platform = StringField(max_length=50)
    address = StringField(max_length=100)


class Grant(NamedTuple):
    """An open session: its id, its refresh token, the time when both expire if the token is not used, and its user.

    `replaced` has the ids of the sessions that ended because the account had too many.
    """

    session_id: str
    refresh_token: str
    expires_at: datetime
    user_id: str
    replaced: tuple[str, ...] = ()


class Sessions:
    """The sessions of the accounts of a document class with the fields `sessions`, `password` and `signedOutAt`."""

    @classmethod
    def open_session(
        cls, user_id: str, proof: str, *, seconds: float, most: int, origin: Mapping[str, str]
    ) -> Grant | None:
        """Opens a session that lasts `seconds` without use; the newest `most` sessions of the account are kept.

        `origin` is `{name, platform, address}`. `proof` is the hash of the password that was verified. Returns None if
        the password was changed meanwhile, or the account is gone.
        """
        user, key, moment = ObjectId(user_id), ObjectId(secrets.token_bytes(12)), now()
        token = f"{user}.{key}.{secrets.token_urlsafe(32)}"
        expires_at = moment + timedelta(seconds=seconds)
        session = {
            "id": key,
            "hash": _digest(token),
            "salt": secrets.token_bytes(32),
            "createdAt": moment,
            "usedAt": moment,
            "expiresAt": expires_at,
            **{name: text for name, text in origin.items() if text},
        }
        own = {"_id": user, "password": proof, "erasedAt": None}
        before = cls._change(own, {"$push": {"sessions": {"$each": [session], "$slice": -most}}})
        if before is None:
            return None
        return Grant(str(key), token, expires_at, user_id, tuple(before[: max(0, len(before) + 1 - most)]))

    @classmethod
    def renew_session(cls, refresh_token: str, *, seconds: float, grace: float) -> Grant | Refusal:
        """Replaces a refresh token by its successor, and extends the session to `seconds` from now.

        For `grace` seconds after that, the replaced token returns the same successor. Any other token of the session
        ends the session (`reused`).
        """
        named = _parse(refresh_token)
        if named is None:
            return "revoked"
        user, key = named
        given = _digest(refresh_token)
        while True:
            session = cls._session(user, key)
            if session is None:
                return "revoked"
            moment = now()
            if session["expiresAt"] <= moment:
                return "expired"
            successor = _successor(session["salt"], user, key, refresh_token)
            if hmac.compare_digest(given, session["hash"]):
                expires_at = moment + timedelta(seconds=seconds)
                rotation = {
                    "sessions.$.hash": _digest(successor),
                    "sessions.$.previous": given,
                    "sessions.$.rotatedAt": moment,
                    "sessions.$.usedAt": moment,
                    "sessions.$.expiresAt": expires_at,
                }
                current = {"_id": user, "sessions": {"$elemMatch": {"id": key, "hash": given}}}
                if update(cls, current, {"$set": rotation}):
                    return Grant(str(key), successor, expires_at, str(user))
                continue  # another request has just used the token, or ended the session
            is_previous = hmac.compare_digest(given, session.get("previous", b""))
            if is_previous and moment - session["rotatedAt"] <= timedelta(seconds=grace):
                return Grant(str(key), successor, session["expiresAt"], str(user))
            cls.end_sessions(str(user), [str(key)])
            return "reused"

    @classmethod
    def sessions_of(cls, user_id: str) -> list[dict[str, Any]]:
        """Returns `{id, name, platform, createdAt, usedAt}` of each open session, the last used first."""
        found = get(cls, {"_id": ObjectId(user_id)}, fields=("sessions",))
        moment = now()
        rows = [row for row in (found or {}).get("sessions", ()) if row["expiresAt"] > moment]
        return [
            {
                "id": str(row["id"]),
                "name": row.get("name", ""),
                "platform": row.get("platform", ""),
                "createdAt": iso(row["createdAt"]),
                "usedAt": iso(row["usedAt"]),
            }
            for row in sorted(rows, key=lambda row: row["usedAt"], reverse=True)
        ]

    @classmethod
    def end_sessions(cls, user_id: str, session_ids: Iterable[str]) -> bool:
        """Ends sessions; returns False if none of them was open."""
        keys = [key for each in session_ids if (key := object_id(each)) is not None]
        own = {"_id": ObjectId(user_id), "sessions.id": {"$in": keys}}
        return cls._change(own, {"$pull": {"sessions": {"id": {"$in": keys}}}}) is not None

    @classmethod
    def open_sessions(cls, user_ids: Iterable[str]) -> tuple[set[str], dict[str, str]]:
        """Returns the ids of the open sessions of users, and by user id the reason of users who have no access.

        The reason is `banned`, or `revoked` for an account that is gone.
        """
        wanted = [ObjectId(each) for each in user_ids]
        found = find(cls, {"_id": {"$in": wanted}}, fields=READ)
        accounts = [account for row in found if (account := Account.of(row)) is not None]
        bans = {account["_id"]: account.ban for account in accounts}
        refused = {key: "banned" if key in bans else "revoked" for key in map(str, wanted) if bans.get(key, key)}
        sessions = {each for account in accounts if account.ban is None for each in account.session_ids}
        return sessions, refused

    @classmethod
    def end_other_sessions(
        cls, user_id: str, session_id: str | None, *, proof: str | None = None, writing: Mapping[str, Row] | None = None
    ) -> list[str] | None:
        """Ends all sessions except `session_id`; returns the ids of the ended ones.

        Tokens of older versions, which name no session, end, too. The same update makes the changes of `writing`,
        operators of MongoDB. With `proof`, the hash of the password, it does nothing and returns None if the password
        has been changed.
        """
        key = object_id(session_id or "")
        where = {"_id": ObjectId(user_id), **({"password": proof} if proof is not None else {})}
        more = writing or {}
        ended = {"$set": {**more.get("$set", {}), "signedOutAt": now()}, "$pull": {"sessions": {"id": {"$ne": key}}}}
        before = cls._change(where, {**more, **ended})
        return [each for each in before if each != str(key)] if before is not None else None

    @classmethod
    def end_unnamed_sessions(cls, user_id: str) -> None:
        """Ends the tokens of older versions, which name no session."""
        update(cls, {"_id": ObjectId(user_id)}, {"$set": {"signedOutAt": now()}})

    @classmethod
    def _change(cls, own: Row, writing: Row) -> list[str] | None:
        """Changes the sessions of a user and publishes the change; returns the ids of the sessions before it.

        Returns None if no document matches.
        """
        news = change.user_entry("sessions", own["_id"])
        writing = {**writing, "$push": {**writing.get("$push", {}), "pending": news}}
        before = modify(cls, own, writing, fields=("sessions.id",), new=False)
        if before is None:
            return None
        change.publish(cls, own["_id"], [news])
        return [str(row["id"]) for row in before.get("sessions", ())]

    @classmethod
    def _session(cls, user: ObjectId, key: ObjectId) -> Row | None:
        found = get(cls, {"_id": user, "sessions.id": key, "erasedAt": None}, fields=("sessions",))
        return next((row for row in (found or {}).get("sessions", ()) if row["id"] == key), None)


def _parse(token: str) -> tuple[ObjectId, ObjectId] | None:
    user, _, rest = token.partition(".")
    key, _, secret = rest.partition(".")
    one, other = object_id(user), object_id(key)
    return (one, other) if one is not None and other is not None and secret else None


def _successor(salt: bytes, user: ObjectId, key: ObjectId, token: str) -> str:
    return f"{user}.{key}.{hmac.new(salt, _encoded(token), sha256).hexdigest()}"


def _digest(token: str) -> bytes:
    return sha256(_encoded(token)).digest()


def _encoded(token: str) -> bytes:
    return token.encode("utf-8", "surrogatepass")

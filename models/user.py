"""Accounts with their friend and block lists. Independent of HTTP, tokens and messages."""

from collections.abc import Iterable
from typing import Any, Literal

from bson import ObjectId
from mongoengine import (
    BooleanField,
    DateTimeField,
    EmbeddedDocument,
    EmbeddedDocumentField,
    EmbeddedDocumentListField,
    ListField,
    NotUniqueError,
    ObjectIdField,
    StringField,
)

from hapiish.store.rows import Find, Row, find, get, update

from . import change, emails, passwords
from .account import READ, Account
from .change import ChangeSource
from .ending import Ending
from .mail_tokens import MailToken, MailTokens
from .names import tidy
from .profile import Profiles, person
from .session import Session, Sessions
from .wire import now, object_id

LIST_LIMIT = 5000  # entries of one friend or block list, some 100 KB of its document

_KINDS = {"friends": "friends", "blocked": "blocks"}
"""The kinds of the changes of a user's lists."""

Added = Literal["added", "present", "full"]


class Ban(EmbeddedDocument):
    """A ban of an account: for ever, or until a time."""

    until = DateTimeField()
    reason = StringField(max_length=500)
    at = DateTimeField(required=True)


class Settings(EmbeddedDocument):
    """The settings of a user. With `read_receipts`, the others may know which messages the user has read."""

    read_receipts = BooleanField(db_field="readReceipts", default=True)


class User(Ending, Sessions, Profiles, MailTokens, ChangeSource):
    """An account. `password` is a hash. Friendship is one-directional and needs no consent, as in the seed.

    `email` has the form of `emails.canonical`; older versions stored it in lower case only. `scope` lists rights such
    as `admin`. Tokens without a session that were issued before `signed_out_at` have ended.
    """

    full_name = StringField(db_field="fullName", required=True, max_length=100)
    email = StringField(required=True, max_length=254)
    password = StringField(required=True)
    friends = ListField(ObjectIdField())
    blocked = ListField(ObjectIdField())
    created_at = DateTimeField(db_field="createdAt", default=now)
    avatar = ObjectIdField()
    about = StringField(max_length=500)
    settings = EmbeddedDocumentField(Settings)
    verified_at = DateTimeField(db_field="verifiedAt")
    verification = EmbeddedDocumentField(MailToken)
    reset = EmbeddedDocumentField(MailToken)
    sessions = EmbeddedDocumentListField(Session)
    signed_out_at = DateTimeField(db_field="signedOutAt")
    scope = ListField(StringField(max_length=50))
    banned = EmbeddedDocumentField(Ban)
    erased_at = DateTimeField(db_field="erasedAt")
    erasing = BooleanField()

    meta = {
        "collection": "users",
        "auto_create_index": False,
        "indexes": [
            {"fields": ["email"], "unique": True},
            {"fields": ["friends"], "sparse": True},
            {"fields": ["erasing"], "sparse": True},
        ],
    }

    @classmethod
    def register(
        cls, full_name: str, email: str, password: str, *, hashing: passwords.Options | None = None
    ) -> Account | None:
        """Creates an account; None if the e-mail is taken. Of concurrent calls, the unique index lets one succeed.

        Raises ValueError for an invalid e-mail, and TimeoutError while too many passwords are being hashed.
        """
        known = emails.canonical(email)
        if known is None:
            raise ValueError("not an e-mail address")
        user = cls(full_name=tidy(full_name), email=known, password=passwords.digest(password, hashing))
        if get(cls, {"email": {"$in": emails.spellings(email)}}, fields=("_id",)) is not None:
            return None
        try:
            user.save(force_insert=True)
        except NotUniqueError:
            return None
        return Account({"_id": user.id, "fullName": user.full_name, "email": user.email}, proof=user.password)

    @classmethod
    def authenticate(cls, email: str, password: str, *, hashing: passwords.Options | None = None) -> Account | None:
        """Returns the account with this e-mail and password, or None. Both failures take the same time.

        The `proof` of the account opens a session, unless the password is changed before. Raises TimeoutError while too
        many passwords are being hashed.
        """
        found = cls._by_email(email, (*READ, "password"))
        if not passwords.matches(found["password"] if found else None, password, hashing) or found is None:
            return None
        proof: str = found["password"]
        if passwords.outdated(proof, hashing):
            renewed = passwords.digest(password, hashing)
            if update(cls, {"_id": found["_id"], "password": proof}, {"$set": {"password": renewed}}):
                proof = renewed
        return Account(found, proof=proof)

    @classmethod
    def change_password(
        cls,
        user_id: str,
        password: str,
        following: str,
        session_id: str | None,
        *,
        hashing: passwords.Options | None = None,
    ) -> list[str] | None:
        """Replaces a password and ends all sessions except `session_id`; returns the ids of the ended ones.

        The token of a mail for a forgotten password ends, too. Returns None if `password` is not the current one.
        Raises TimeoutError as `authenticate` does.
        """
        found = get(cls, {"_id": ObjectId(user_id)}, fields=("password",))
        if found is None or not passwords.matches(found["password"], password, hashing):
            return None
        writing: dict[str, Row] = {"$set": {"password": passwords.digest(following, hashing)}, "$unset": {"reset": ""}}
        return cls.end_other_sessions(user_id, session_id, proof=found["password"], writing=writing)

    @classmethod
    def account(cls, user_id: str) -> Account | None:
        """Returns `{_id, fullName, email}` of the account with an id; None if it does not exist."""
        key = object_id(user_id)
        return Account.of(get(cls, {"_id": key}, fields=READ) if key else None)

    @classmethod
    def by_email(cls, email: str) -> Account | None:
        """Returns `{_id, fullName, email}` of the account with an e-mail, in any spelling; None if there is none."""
        return Account.of(cls._by_email(email, READ))

    @classmethod
    def has_signed_in_from(cls, email: str, address: str) -> bool:
        """Returns whether the account with this e-mail has a session that was opened from an IP address."""
        found = cls._by_email(email, ("email", "sessions"))
        return address in {row.get("address") for row in (found or {}).get("sessions", ())}

    @classmethod
    def _by_email(cls, email: str, fields: tuple[str, ...]) -> Row | None:
        spellings = emails.spellings(email)
        rows = find(cls, {"email": {"$in": spellings}, "erasedAt": None}, fields=fields)
        return min(rows, key=lambda row: spellings.index(row["email"]), default=None)

    @classmethod
    def pair(cls, user_id: str, other_id: str) -> Find:
        """Returns the query for `user_id` and another user, for a caller that sends it with others in one command.

        `judged` evaluates its rows.
        """
        one, other = ObjectId(user_id), ObjectId(other_id)
        opposite = {"$cond": [{"$eq": ["$_id", one]}, other, one]}
        blocks = {"$in": [opposite, {"$ifNull": ["$blocked", []]}]}
        return Find(cls, {"_id": {"$in": [one, other]}}, {**dict.fromkeys(READ, 1), "blocks": blocks})

    @staticmethod
    def judged(rows: Iterable[Row], user_id: str) -> tuple[Account | None, bool]:
        """Returns the account of `user_id` (as `account` does) and `is_barred` of the two, from the rows of `pair`."""
        found = {str(row["_id"]): row for row in rows}
        return Account.of(found.get(user_id)), any(row["blocks"] for row in found.values())

    @classmethod
    def add_friend(cls, user_id: str, friend_id: str) -> Added:
        """Adds a user to a friend list, without duplicates."""
        return cls._add("friends", user_id, friend_id)

    @classmethod
    def remove_friend(cls, user_id: str, friend_id: str) -> bool:
        """Removes a user from a friend list; returns False if the user is not on it."""
        return cls._remove("friends", user_id, friend_id)

    @classmethod
    def friends_of(cls, user_id: str) -> list[dict[str, Any]]:
        """Returns `{_id, fullName, avatar?}` of each friend, in the order of adding; deleted accounts are omitted."""
        return cls._listed("friends", user_id)

    @classmethod
    def block(cls, user_id: str, other_id: str) -> Added:
        """Adds a user to a block list, without duplicates."""
        return cls._add("blocked", user_id, other_id)

    @classmethod
    def unblock(cls, user_id: str, other_id: str) -> None:
        """Removes a user from a block list, if present."""
        cls._remove("blocked", user_id, other_id)

    @classmethod
    def blocked_by(cls, user_id: str) -> list[dict[str, Any]]:
        """Returns `{_id, fullName, avatar?}` of each blocked user, in the order of blocking."""
        return cls._listed("blocked", user_id)

    @classmethod
    def is_barred(cls, one_id: str, other_id: str) -> bool:
        """Returns True if one of the two users has blocked the other."""
        one, other = ObjectId(one_id), ObjectId(other_id)
        either = {"$or": [{"_id": one, "blocked": other}, {"_id": other, "blocked": one}]}
        return get(cls, either, fields=("_id",)) is not None

    @classmethod
    def barred_among(cls, user_id: str, other_ids: Iterable[str]) -> dict[str, bool]:
        """Returns `is_barred` of a user and each other user, by the other's id. Users who do not exist are missing.

        It takes two database commands.
        """
        me, keys = ObjectId(user_id), [ObjectId(each) for each in other_ids]
        blocks = {"$in": [me, {"$ifNull": ["$blocked", []]}]}
        rows = find(cls, {"_id": {"$in": keys}, "erasedAt": None}, fields={"blocks": blocks})
        own = get(cls, {"_id": me}, fields=("blocked",)) or {}
        blocked = set(own.get("blocked", ()))
        return {str(row["_id"]): row["blocks"] or row["_id"] in blocked for row in rows}

    @classmethod
    def people(cls, user_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Returns `{_id, fullName, avatar?}` of users, by their ids. Users who do not exist are missing."""
        where = {"_id": {"$in": [ObjectId(each) for each in user_ids]}, "erasedAt": None}
        return {str(row["_id"]): person(row) for row in find(cls, where, fields=("fullName", "avatar"))}

    @classmethod
    def tells_reads(cls, user_id: str) -> bool:
        """Returns False if the user's settings keep reads private."""
        found = get(cls, {"_id": ObjectId(user_id)}, fields=("settings",)) or {}
        return bool((found.get("settings") or {}).get("readReceipts", True))

    @classmethod
    def _add(cls, name: str, user_id: str, other_id: str) -> Added:
        other = ObjectId(other_id)
        # One atomic update, so that concurrent requests neither duplicate an entry nor exceed the limit.
        free = {name: {"$ne": other}, f"{name}.{LIST_LIMIT - 1}": {"$exists": False}}
        news = change.user_entry(_KINDS[name], user_id)
        if update(cls, {"_id": ObjectId(user_id), "erasedAt": None, **free}, {"$push": {name: other, "pending": news}}):
            change.publish(cls, user_id, [news])
            return "added"
        full = {name: {"$ne": other}, f"{name}.{LIST_LIMIT - 1}": {"$exists": True}}
        return "full" if get(cls, {"_id": ObjectId(user_id), **full}, fields=("_id",)) else "present"

    @classmethod
    def _remove(cls, name: str, user_id: str, other_id: str) -> bool:
        other, news = ObjectId(other_id), change.user_entry(_KINDS[name], user_id)
        removal = {"$pull": {name: other}, "$push": {"pending": news}}
        if not update(cls, {"_id": ObjectId(user_id), name: other}, removal):
            return False
        change.publish(cls, user_id, [news])
        return True

    @classmethod
    def _listed(cls, name: str, user_id: str) -> list[dict[str, Any]]:
        owner = get(cls, {"_id": ObjectId(user_id)}, fields=(name,))
        ids: list[ObjectId] = owner.get(name, []) if owner else []
        rows = find(cls, {"_id": {"$in": ids}, "erasedAt": None}, fields=("fullName", "avatar"))
        people = {row["_id"]: person(row) for row in rows}
        return [people[key] for key in ids if key in people]

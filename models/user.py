"""Accounts with their friend and block lists. Independent of HTTP, tokens and messages."""

from collections.abc import Iterable
from typing import Any, Literal

from bson import ObjectId
from mongoengine import DateTimeField, Document, ListField, NotUniqueError, ObjectIdField, StringField

from . import passwords
from .wire import now, object_id

LIST_LIMIT = 5000  # entries of one friend or block list, some 100 KB of its document

Added = Literal["added", "present", "full"]


class User(Document):
    """An account; `password` is a hash. Friendship is one-directional and needs no consent, as in the seed."""

    full_name = StringField(db_field="fullName", required=True, max_length=100)
    email = StringField(required=True, max_length=254)
    password = StringField(required=True)
    friends = ListField(ObjectIdField())
    blocked = ListField(ObjectIdField())
    created_at = DateTimeField(db_field="createdAt", default=now)

    meta = {
        "collection": "users",
        "auto_create_index": False,
        "indexes": [{"fields": ["email"], "unique": True}],
    }

    @classmethod
    def register(cls, full_name: str, email: str, password: str) -> dict[str, Any] | None:
        """Creates an account; None if the e-mail is taken. The unique index decides between concurrent calls."""
        user = cls(full_name=full_name, email=email.lower(), password=passwords.digest(password))
        try:
            user.save(force_insert=True)
        except NotUniqueError:
            return None
        return {"_id": str(user.id), "fullName": user.full_name, "email": user.email}

    @classmethod
    def authenticate(cls, email: str, password: str) -> dict[str, Any] | None:
        """Returns the account with this e-mail and password, or None; both failures take the same time."""
        found = cls._one("full_name", "email", "password", email=email.lower())
        if not passwords.matches(found["password"] if found else None, password) or found is None:
            return None
        if passwords.outdated(found["password"]):
            cls.objects(id=found["_id"]).update_one(set__password=passwords.digest(password))
        return _public(found)

    @classmethod
    def account(cls, user_id: str) -> dict[str, Any] | None:
        """Returns `{_id, fullName, email}` of an id, or None if the account does not exist."""
        key = object_id(user_id)
        found = cls._one("full_name", "email", id=key) if key else None
        return found and _public(found)

    @classmethod
    def by_email(cls, email: str) -> dict[str, Any] | None:
        """Returns `{_id, fullName, email}` of a case-insensitive e-mail, or None."""
        found = cls._one("full_name", "email", email=email.lower())
        return found and _public(found)

    @classmethod
    def add_friend(cls, user_id: str, friend_id: str) -> Added:
        """Adds a user to a friend list, without duplicates."""
        return cls._add("friends", user_id, friend_id)

    @classmethod
    def friends_of(cls, user_id: str) -> list[dict[str, Any]]:
        """Returns `{_id, fullName}` of each friend, in the order of adding; deleted accounts are omitted."""
        return cls._listed("friends", user_id)

    @classmethod
    def block(cls, user_id: str, other_id: str) -> Added:
        """Adds a user to a block list, without duplicates."""
        return cls._add("blocked", user_id, other_id)

    @classmethod
    def unblock(cls, user_id: str, other_id: str) -> None:
        """Removes a user from a block list, if present."""
        cls.objects(id=user_id).update_one(pull__blocked=other_id)

    @classmethod
    def blocked_by(cls, user_id: str) -> list[dict[str, Any]]:
        """Returns `{_id, fullName}` of each blocked user, in the order of blocking."""
        return cls._listed("blocked", user_id)

    @classmethod
    def is_barred(cls, one_id: str, other_id: str) -> bool:
        """Returns True if one of the two users has blocked the other."""
        one, other = ObjectId(one_id), ObjectId(other_id)
        either = {"$or": [{"_id": one, "blocked": other}, {"_id": other, "blocked": one}]}
        return cls.objects(__raw__=either).only("id").as_pymongo().first() is not None

    @classmethod
    def _add(cls, name: str, user_id: str, other_id: str) -> Added:
        other = ObjectId(other_id)
        # One atomic update, so that concurrent requests neither duplicate an entry nor exceed the limit.
        free = {"_id": ObjectId(user_id), name: {"$ne": other}, f"{name}.{LIST_LIMIT - 1}": {"$exists": False}}
        if cls.objects(__raw__=free).update_one(__raw__={"$push": {name: other}}):
            return "added"
        present = cls.objects(__raw__={"_id": ObjectId(user_id), name: other}).only("id").as_pymongo().first()
        return "present" if present else "full"

    @classmethod
    def _listed(cls, name: str, user_id: str) -> list[dict[str, Any]]:
        owner = cls._one(name, id=user_id)
        ids: Iterable[ObjectId] = owner.get(name, ()) if owner else ()
        names = {row["_id"]: row["fullName"] for row in cls.objects(id__in=list(ids)).only("full_name").as_pymongo()}
        return [{"_id": str(key), "fullName": names[key]} for key in ids if key in names]

    @classmethod
    def _one(cls, *fields: str, **filters: Any) -> dict[str, Any] | None:
        found: dict[str, Any] | None = cls.objects(**filters).only(*fields).as_pymongo().first()
        return found


def _public(found: dict[str, Any]) -> dict[str, Any]:
    return {"_id": str(found["_id"]), "fullName": found["fullName"], "email": found["email"]}

"""Accounts: who somebody is, whom they befriended and whom they blocked. Knows nothing of HTTP, tokens or messages."""

from collections.abc import Iterable
from typing import Any, Literal

from bson import ObjectId
from mongoengine import DateTimeField, Document, ListField, NotUniqueError, ObjectIdField, StringField

from . import passwords
from .wire import now, object_id

LIST_LIMIT = 5000  # entries of one friend or block list, some 100 KB of its document

Added = Literal["added", "present", "full"]


class User(Document):
    """One account; `password` is its hash. Friendship goes one way, as in the seed: adding needs no consent."""

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
        """The new account, or None when the e-mail is taken; the unique index decides between two at once."""
        user = cls(full_name=full_name, email=email.lower(), password=passwords.digest(password))
        try:
            user.save(force_insert=True)
        except NotUniqueError:
            return None
        return {"_id": str(user.id), "fullName": user.full_name, "email": user.email}

    @classmethod
    def authenticate(cls, email: str, password: str) -> dict[str, Any] | None:
        """The account whose e-mail and password these are, or None; both failures take the same time."""
        found = cls._one("full_name", "email", "password", email=email.lower())
        if not passwords.matches(found["password"] if found else None, password) or found is None:
            return None
        if passwords.outdated(found["password"]):
            cls.objects(id=found["_id"]).update_one(set__password=passwords.digest(password))
        return _public(found)

    @classmethod
    def account(cls, user_id: str) -> dict[str, Any] | None:
        """`{_id, fullName, email}` of an id, or None when there is no such account (any more)."""
        key = object_id(user_id)
        found = cls._one("full_name", "email", id=key) if key else None
        return found and _public(found)

    @classmethod
    def by_email(cls, email: str) -> dict[str, Any] | None:
        """`{_id, fullName, email}` of an e-mail, whatever its case."""
        found = cls._one("full_name", "email", email=email.lower())
        return found and _public(found)

    @classmethod
    def add_friend(cls, user_id: str, friend_id: str) -> Added:
        """Puts one into the other's friend list, once."""
        return cls._add("friends", user_id, friend_id)

    @classmethod
    def friends_of(cls, user_id: str) -> list[dict[str, Any]]:
        """`{_id, fullName}` of each friend in the order they were added; accounts that are gone are left out."""
        return cls._listed("friends", user_id)

    @classmethod
    def block(cls, user_id: str, other_id: str) -> Added:
        """Puts one onto the other's block list, once."""
        return cls._add("blocked", user_id, other_id)

    @classmethod
    def unblock(cls, user_id: str, other_id: str) -> None:
        """Takes one off the other's block list; it need not be there."""
        cls.objects(id=user_id).update_one(pull__blocked=other_id)

    @classmethod
    def blocked_by(cls, user_id: str) -> list[dict[str, Any]]:
        """`{_id, fullName}` of everybody whom this user blocked, in the order of blocking."""
        return cls._listed("blocked", user_id)

    @classmethod
    def is_barred(cls, one_id: str, other_id: str) -> bool:
        """Whether either of the two blocked the other."""
        one, other = ObjectId(one_id), ObjectId(other_id)
        either = {"$or": [{"_id": one, "blocked": other}, {"_id": other, "blocked": one}]}
        return cls.objects(__raw__=either).only("id").as_pymongo().first() is not None

    @classmethod
    def _add(cls, name: str, user_id: str, other_id: str) -> Added:
        other = ObjectId(other_id)
        # One statement, so that two requests at once neither double an entry nor pass the limit.
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

"""Bans and the erasure of accounts.

One write erases an account: it can no longer sign in, its name is removed and its e-mail is free. `erasing` is set
until the sweeper has removed all other data of the user; after a crash, the sweeper begins again. The account remains
without personal data, so that the messages in the conversations of others have an author.
"""

from datetime import datetime
from typing import Any, Final

from bson import ObjectId

from hapiish.store.rows import Row, find, get, update

from . import passwords
from .membership import OF_USER, Membership
from .message import Message
from .wire import now
from .writings import Writings

NAME: Final = "Deleted account"


class Ending(Writings):
    """The bans and the erasure of accounts, for a class with the fields of `User`."""

    @classmethod
    def ban(cls, user_id: str, *, until: datetime | None, reason: str) -> bool:
        """Bans a user and ends all sessions; returns False if there is no such user."""
        moment = now()
        ban = {"reason": reason, "at": moment, **({"until": until} if until is not None else {})}
        change = {"$set": {"banned": ban, "sessions": [], "signedOutAt": moment}}
        return update(cls, {"_id": ObjectId(user_id), "erasedAt": None}, change) == 1

    @classmethod
    def unban(cls, user_id: str) -> bool:
        """Ends a ban; returns False if there is no such user."""
        return update(cls, {"_id": ObjectId(user_id), "erasedAt": None}, {"$unset": {"banned": ""}}) == 1

    @classmethod
    def erase(cls, user_id: str, password: str, *, hashing: passwords.Options | None = None) -> bool:
        """Erases an account; returns False if the password is wrong. `unfinished` lists it until `erased` is called.

        Raises TimeoutError while too many passwords are being hashed.
        """
        key, moment = ObjectId(user_id), now()
        found = get(cls, {"_id": key, "erasedAt": None}, fields=("password",))
        if found is None or not passwords.matches(found["password"], password, hashing):
            return False
        values = {
            "fullName": NAME,
            "email": f"erased:{user_id}",  # this is no address, so no user can have registered it
            "password": "erased",  # no hash: nothing matches it
            "sessions": [],
            "signedOutAt": moment,
            "erasedAt": moment,
            "erasing": True,
        }
        # The whole document is replaced, so that a field that another request has just stored is removed, too.
        rest = {"_id": "$_id", "createdAt": "$createdAt", **{name: {"$literal": each} for name, each in values.items()}}
        own = {"_id": key, "password": found["password"], "erasedAt": None}
        return update(cls, own, [{"$replaceWith": rest}]) == 1

    @classmethod
    def unfinished(cls, limit: int) -> list[str]:
        """Returns the ids of up to `limit` erased users whose other data is not removed yet."""
        rows = find(cls, {"erasing": True}, fields=("_id",), limit=limit)
        return [str(row["_id"]) for row in rows]

    @classmethod
    def erased(cls, user_id: str) -> None:
        """Marks the erasure as complete."""
        update(cls, {"_id": ObjectId(user_id)}, {"$unset": {"erasing": ""}})

    @classmethod
    def forget(cls, user_id: str) -> None:
        """Removes the drafts of a user, and removes the user from the friend lists of others."""
        drafted = {"userId": ObjectId(user_id), "draft": {"$exists": True}, **OF_USER}
        Membership.objects(__raw__=drafted).update(unset__draft=1)
        users: Any = cls
        users.objects(friends=user_id).update(pull__friends=user_id)

    @classmethod
    def unhide(cls, message: Row) -> None:
        """Makes a message visible to its author again, if the author has deleted it for themselves."""
        if message["userId"] in message.get("hiddenFor", ()):
            update(Message, {"_id": message["_id"]}, {"$pull": {"hiddenFor": message["userId"]}})

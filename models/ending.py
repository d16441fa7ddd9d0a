"""Bans and the erasure of accounts.

An account is erased in one write: it can no longer sign in, its name is gone and its e-mail is free. `erasing` stays
set until everything else of the user is removed, which the sweeper does and repeats after a crash. The account itself
remains without personal data, so that what others keep of a conversation has an author.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from bson import ObjectId

from hapiish.store.rows import Row, find, get, update

from . import passwords
from .conversation import Conversation
from .membership import Membership
from .message import Message
from .wire import now

NAME: Final = "Deleted account"
SPAN: Final = 2000
"""Numbers of messages that one command examines for those of a user."""
_BATCH: Final = 200

_PERSONAL: Final = ("about", "avatar", "verifiedAt", "settings", "banned", "friends", "blocked", "scope")


class Ending:
    """The end of accounts of a class with the fields of `User`."""

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
    def erase(cls, user_id: str, password: str) -> bool:
        """Erases an account; returns False if the password is wrong. `erasing` lists it until the rest is done."""
        key, moment = ObjectId(user_id), now()
        found = get(cls, {"_id": key, "erasedAt": None}, fields=("password",))
        if found is None or not passwords.matches(found["password"], password):
            return False
        values = {
            "fullName": NAME,
            "email": f"{user_id}@erased.invalid",
            "password": "erased",  # no hash: nothing matches it
            "sessions": [],
            "signedOutAt": moment,
            "erasedAt": moment,
            "erasing": True,
        }
        change = {"$set": values, "$unset": dict.fromkeys(_PERSONAL, "")}
        return update(cls, {"_id": key, "password": found["password"], "erasedAt": None}, change) == 1

    @classmethod
    def erasing(cls, limit: int) -> list[str]:
        """Returns the users of whom something is left to remove, those that were erased first at first."""
        rows = find(cls, {"erasing": True}, fields=("_id",), sort=("erasedAt",), limit=limit)
        return [str(row["_id"]) for row in rows]

    @classmethod
    def erased(cls, user_id: str) -> None:
        """Marks the erasure as complete."""
        update(cls, {"_id": ObjectId(user_id)}, {"$unset": {"erasing": ""}})

    @classmethod
    def conversations_of(cls, user_id: str) -> Iterator[str]:
        """Yields the ids of all conversations of which the user is or was a member."""
        user = ObjectId(user_id)
        yield from _ids(Membership, {"userId": user}, "conversationId")
        # Those that an older version stored have no membership of a user who has never listed them.
        for each in _ids(Conversation, {"members": user}, "_id"):
            if get(Membership, {"conversationId": ObjectId(each), "userId": user}, fields=("_id",)) is None:
                yield each

    @classmethod
    def messages_of(cls, user_id: str, conversation_id: str) -> Iterator[Row]:
        """Yields the stored messages of a user in a conversation, in their order."""
        key, user = ObjectId(conversation_id), ObjectId(user_id)
        newest = get(Message, {"conversationId": key}, fields=("seq",), sort=("-seq",))
        oldest = get(Message, {"conversationId": key}, fields=("seq",), sort=("seq",))
        if newest is None or oldest is None:
            return
        for start in range(oldest["seq"], newest["seq"] + 1, SPAN):
            span = {"$gte": start, "$lt": start + SPAN}
            yield from find(Message, {"conversationId": key, "seq": span, "userId": user}, sort=("seq",))

    @classmethod
    def forget_drafts(cls, user_id: str) -> None:
        """Removes the drafts of a user."""
        Membership.objects(user_id=user_id, draft__exists=True).update(unset__draft=1)


def _ids(model: Any, where: Row, name: str) -> Iterator[str]:
    after: ObjectId | None = None
    while True:
        page = {**where, **({"_id": {"$gt": after}} if after is not None else {})}
        rows = find(model, page, fields=(name,), sort=("_id",), limit=_BATCH)
        yield from (str(row[name]) for row in rows)
        if len(rows) < _BATCH:
            return
        after = rows[-1]["_id"]

"""Profiles of accounts, for the user and for other users."""

from collections.abc import Mapping
from typing import Any, Final

from bson import ObjectId

from hapiish.store.rows import Row, find, get, update

from . import change
from .names import tidy, tidy_lines
from .wire import object_id

_PROFILE: Final = ("fullName", "email", "avatar", "about", "verifiedAt", "settings", "scope", "erasedAt")
_PERSON: Final = ("fullName", "avatar", "about", "erasedAt", "blocked")


class Profiles:
    """The profiles of the accounts of a document class."""

    @classmethod
    def profile(cls, user_id: str) -> dict[str, Any] | None:
        """Returns `{_id, fullName, email, avatar?, about?, verified, settings, scope}`; None if the user is gone."""
        found = get(cls, {"_id": ObjectId(user_id)}, fields=_PROFILE)
        if found is None or found.get("erasedAt"):
            return None
        receipts = (found.get("settings") or {}).get("readReceipts", True)
        return {
            **person(found),
            "email": found["email"],
            **_about(found),
            "verified": bool(found.get("verifiedAt")),
            "settings": {"readReceipts": receipts},
            "scope": list(found.get("scope") or ()),
        }

    @classmethod
    def change_profile(cls, user_id: str, given: Mapping[str, Any]) -> None:
        """Changes those of `fullName`, `about`, `avatar` and `settings` that are given.

        None or an empty text removes `about` or `avatar`.
        """
        values: Row = {}
        if "fullName" in given:
            values["fullName"] = tidy(given["fullName"])
        if "about" in given:
            values["about"] = tidy_lines(given["about"] or "") or None
        if "avatar" in given:
            values["avatar"] = object_id(given["avatar"] or "")
        for name, value in given.get("settings", {}).items():
            values[f"settings.{name}"] = value
        kept = {name: value for name, value in values.items() if value is not None}
        gone = {name: "" for name, value in values.items() if value is None}
        news = change.user_entry("profile", user_id)
        operators = {"$set": kept, "$unset": gone, "$push": {"pending": news}}
        writing = {name: each for name, each in operators.items() if each}
        if update(cls, {"_id": ObjectId(user_id), "erasedAt": None}, writing):  # an erased account takes no name again
            change.publish(cls, user_id, [news])

    @classmethod
    def person(cls, user_id: str, viewer_id: str) -> dict[str, Any] | None:
        """Returns `{_id, fullName, avatar?, about?}` for another user.

        None if the user is gone, or one of the two has blocked the other.
        """
        user, viewer = ObjectId(user_id), ObjectId(viewer_id)
        rows = {row["_id"]: row for row in find(cls, {"_id": {"$in": [user, viewer]}}, fields=_PERSON)}
        found, mine = rows.get(user), rows.get(viewer, {})
        if found is None or found.get("erasedAt"):
            return None
        if viewer in found.get("blocked", ()) or user in mine.get("blocked", ()):
            return None
        return {**person(found), **_about(found)}

    @classmethod
    def befriended_by(cls, user_id: str, limit: int) -> list[str]:
        """Returns the ids of at most `limit` users who have the user as a friend."""
        rows = find(cls, {"friends": ObjectId(user_id)}, fields=("_id",), limit=limit)
        return [str(row["_id"]) for row in rows]


def person(stored: Row) -> dict[str, Any]:
    """Returns `{_id, fullName, avatar?}` of a stored account."""
    avatar = stored.get("avatar")
    return {
        "_id": str(stored["_id"]),
        "fullName": stored["fullName"],
        **({"avatar": str(avatar)} if avatar is not None else {}),
    }


def _about(stored: Row) -> dict[str, str]:
    return {"about": stored["about"]} if stored.get("about") else {}

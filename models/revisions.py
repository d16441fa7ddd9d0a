"""Revisions of stored messages: edits, deletions, reactions, and the end of a stream.

Each is one update of the message. It increases `rev` and stores the entry of the change, which the caller publishes.
Of concurrent calls, the conditions of the update let one succeed. A call that is repeated after a lost response
changes nothing and succeeds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from bson import ObjectId

from hapiish.store.rows import Row, find, get, modify

from .change import entry
from .wire import now
from .words import words_in

REACTIONS: Final = 500
EMOJIS: Final = 20
HIDDEN_FOR: Final = 10_000
"""The most reactions, different reactions, and users who have deleted a message for themselves."""

TRIES: Final = 50

Outcome = Literal["changed", "same", "missing", "gone", "foreign", "conflict", "full", "empty", "ended"]

CONTENT = ("attachments", "replyTo", "mentions", "reactions", "editedAt", "streaming", "words")
"""The fields that a deletion removes, besides the text."""


@dataclass(frozen=True, slots=True)
class Revision:
    """The result of a change: `changed`, `same` if the change was already made, or the reason of a refusal.

    Reasons: `missing` (does not exist for the caller), `gone` (deleted), `foreign` (the caller may not change it),
    `conflict` (another `rev`), `full` (no more reactions or deletions for one user), `empty` (neither text nor
    attachments), `ended` (not streaming).
    """

    outcome: Outcome
    before: Row | None = None
    """The stored message before the change, or the present one if it was not changed."""
    after: Row | None = None
    """The stored message after the change."""
    entries: Sequence[Row] = ()
    """The entries to publish."""


class Revisions:
    """The operations of `Message` that change messages. `since` is the last number that the user may not read."""

    @classmethod
    def edit(
        cls,
        conversation_id: str,
        seq: int,
        user_id: str,
        text: str,
        *,
        rev: int,
        final: bool | None = None,
        since: int = 0,
    ) -> Revision:
        """Replaces the text of the user's own message, if its revision is still `rev`.

        With `final`, it ends the stream of a streaming message. Without it, the message stays streaming.
        """
        found = cls._readable(conversation_id, seq, user_id, since)
        if found is None:
            return Revision("missing")
        if found["userId"] != ObjectId(user_id) or found.get("type") == "system":
            return Revision("foreign", found)
        if "deletedAt" in found:
            return Revision("gone", found)
        is_streaming, current = found.get("streaming", False), found.get("rev", 0)
        if current != rev:
            is_repeated = current == rev + 1 and found["text"] == text and not (final and is_streaming)
            return Revision("same" if is_repeated else "conflict", found, found)
        if not text and not found.get("attachments"):
            return Revision("empty", found)
        if final is not None and not is_streaming:
            return Revision("ended", found)
        values: Row = {"text": text}
        removed: Row = {"streaming": 1} if final else {}
        if words := words_in(text, found.get("attachments", ())):
            values["words"] = words
        else:
            removed["words"] = 1
        if not is_streaming:
            values["editedAt"] = now()
        made = cls._revise(found, {"$set": values, **({"$unset": removed} if removed else {})}, "edited")
        # Another request has changed the message since; it may be the same edit.
        return made or cls.edit(conversation_id, seq, user_id, text, rev=rev, final=final, since=since)

    @classmethod
    def remove(cls, conversation_id: str, seq: int, user_id: str, *, is_admin: bool, since: int = 0) -> Revision:
        """Deletes a message for all, by its author or an admin. A tombstone without content is left."""
        for _ in range(TRIES):
            found = cls._readable(conversation_id, seq, user_id, since)
            if found is None:
                return Revision("missing")
            if found.get("type") == "system" or not (is_admin or found["userId"] == ObjectId(user_id)):
                return Revision("foreign", found)
            if "deletedAt" in found:
                return Revision("same", found, found)
            values = {"text": "", "deletedAt": now()}
            change: dict[str, Row] = {"$set": values, "$unset": dict.fromkeys(CONTENT, 1)}
            if (made := cls._revise(found, change, "deleted")) is not None:
                return made
        return Revision("conflict", found)

    @classmethod
    def hide(cls, conversation_id: str, seq: int, user_id: str, *, since: int = 0) -> Revision:
        """Deletes a message for one user only. The revision stays, because the message does not change for others."""
        me = ObjectId(user_id)
        given = entry("hidden", conversation_id, seq=seq, userId=me)
        where = {**_key(conversation_id, seq, since), "hiddenFor": {"$ne": me}}
        where[f"hiddenFor.{HIDDEN_FOR - 1}"] = {"$exists": False}
        after = modify(cls, where, {"$push": {"hiddenFor": me, "pending": given}})
        if after is not None:
            return Revision("changed", after, after, [given])
        found = get(cls, _key(conversation_id, seq, since))
        if found is None:
            return Revision("missing")
        return Revision("same" if me in found.get("hiddenFor", ()) else "full", found, found)

    @classmethod
    def react(cls, conversation_id: str, seq: int, user_id: str, emoji: str, *, on: bool, since: int = 0) -> Revision:
        """Adds or removes a reaction of a user. A user has each reaction at most once."""
        mine = {"emoji": emoji, "userId": ObjectId(user_id)}
        for _ in range(TRIES):
            found = cls._readable(conversation_id, seq, user_id, since)
            if found is None:
                return Revision("missing")
            if "deletedAt" in found:
                return Revision("gone", found)
            given = found.get("reactions", [])
            if (mine in given) == on:
                return Revision("same", found, found)
            emojis = {each["emoji"] for each in given}
            if on and (len(given) >= REACTIONS or (emoji not in emojis and len(emojis) >= EMOJIS)):
                return Revision("full", found)
            made = cls._revise(found, {"$push" if on else "$pull": {"reactions": mine}}, "reacted")
            if made is not None:
                return made
        return Revision("conflict", found)

    @classmethod
    def streaming_by(cls, conversation_id: str, seq: int, user_id: str) -> bool:
        """Returns True while a message of a user is streaming."""
        where = {**_key(conversation_id, seq), "userId": ObjectId(user_id), "streaming": True}
        return get(cls, where, fields=("_id",)) is not None

    @classmethod
    def end_streams(cls, seconds: float, limit: int) -> list[Revision]:
        """Ends the streams that began more than `seconds` ago, at most `limit`. The text that was stored last stays."""
        where = {"streaming": True, "createdAt": {"$lt": now() - timedelta(seconds=seconds)}}
        found = find(cls, where, sort=("createdAt",), limit=limit)
        made = [cls._revise(each, {"$unset": {"streaming": 1}}, "edited") for each in found]
        return [each for each in made if each is not None]

    @classmethod
    def _revise(cls, found: Row, change: Mapping[str, Row], what: str) -> Revision | None:
        """Changes a message; None if its revision is not that of `found` any more."""
        given = entry("message", found["conversationId"], seq=found["seq"], what=what)
        where = {"_id": found["_id"], "rev": found.get("rev")}
        pushed = {**change.get("$push", {}), "pending": given}
        after = modify(cls, where, {**change, "$inc": {"rev": 1}, "$push": pushed})
        return Revision("changed", found, after, [given]) if after is not None else None

    @classmethod
    def _readable(cls, conversation_id: str, seq: int, user_id: str, since: int) -> Row | None:
        return get(cls, {**_key(conversation_id, seq, since), "hiddenFor": {"$ne": ObjectId(user_id)}})

    @classmethod
    def stored(cls, conversation_id: str, seq: int) -> Row | None:
        """Returns a message as it is stored, or None."""
        return get(cls, _key(conversation_id, seq))


def _key(conversation_id: str, seq: int, since: int = 0) -> Row:
    return {"conversationId": ObjectId(conversation_id), "seq": {"$eq": seq, "$gt": since}}

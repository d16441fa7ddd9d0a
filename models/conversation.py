"""Conversations: their members, and a head derived from their messages (last number, preview, newest references).

A direct conversation has two members. The document of a group lists up to 256 members; a larger group has only
memberships. The pair of users is a unique key, and so is the creator with the key of a new group: concurrent requests
create one conversation. After a crash, the head may be older than the messages. The next message, a retry or the job
`heads` updates it.
"""

import threading
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Any, Literal

from bson import ObjectId
from mongoengine import (
    BooleanField,
    DateTimeField,
    DictField,
    EmbeddedDocument,
    EmbeddedDocumentField,
    EmbeddedDocumentListField,
    IntField,
    ListField,
    MapField,
    NotUniqueError,
    ObjectIdField,
    StringField,
)

from hapiish.store.rows import Find, Row, find_all, get, update

from .change import ChangeSource, entry
from .groups import Groups
from .heads import PREVIEW, Seen, fields_for, is_readable, other_of, read_without_row, seen_by, sent_by, state_of
from .lists import Lists
from .membership import Membership, row_of
from .wire import now, object_id

PINS = 50
RECENT = 50  # references stored in the conversation; the seed stored all

LATE = timedelta(seconds=30)
"""The age from which a message is late: then `changedAt` is set, because `updatedAt` is the time of the message."""

REMEMBERED = 10_000
"""The most conversations whose members a process remembers, some 3 MB."""

LARGE_REMEMBERED = 20
"""The most large groups whose members a process remembers, some 8 MB."""

_members: OrderedDict[str, list[ObjectId]] = OrderedDict()
_large: OrderedDict[str, tuple[int, tuple[str, ...]]] = OrderedDict()
_memory = threading.Lock()


class Reference(EmbeddedDocument):
    """A reference to a message: its number and id."""

    seq = IntField(required=True)
    message = ObjectIdField(required=True)


class Preview(EmbeddedDocument):
    """The preview of the newest message, for lists of conversations."""

    message = ObjectIdField(required=True)
    user_id = ObjectIdField(db_field="userId", required=True)
    text = StringField(max_length=PREVIEW)
    created_at = DateTimeField(db_field="createdAt", required=True)
    type = StringField()
    system = DictField()
    rev = IntField()
    deleted_at = DateTimeField(db_field="deletedAt")


class Conversation(Groups, Lists, ChangeSource):
    """A direct conversation or a group: its members and its head.

    `pair_key` is the unique key: the sorted pair of users of a direct conversation, the creator and `msgId` of a group.
    `sent` has the number of the last message of each sender, who has read all messages up to it. A large group has
    neither `members` nor `sent`. `updated_at` is the time of the newest message. `changed_at` is the time of the newest
    change, or the time at which a late message was noticed.
    """

    user_one_id = ObjectIdField(db_field="userOneId")
    user_two_id = ObjectIdField(db_field="userTwoId")
    pair_key = StringField(db_field="pairKey", required=True)
    type = StringField(choices=("direct", "group"))
    title = StringField(max_length=100)
    avatar = ObjectIdField()
    members = ListField(ObjectIdField())
    member_count = IntField(db_field="memberCount")
    members_rev = IntField(db_field="membersRev")
    is_large = BooleanField(db_field="isLarge")
    history = StringField(choices=("all", "joined"))
    last_seq = IntField(db_field="lastSeq", default=0)
    change_seq = IntField(db_field="changeSeq", default=0)
    last_message = EmbeddedDocumentField(Preview, db_field="lastMessage")
    recent = EmbeddedDocumentListField(Reference)
    sent = MapField(IntField())
    pins = ListField(IntField())
    created_at = DateTimeField(db_field="createdAt", required=True)
    updated_at = DateTimeField(db_field="updatedAt", required=True)
    deleted_at = DateTimeField(db_field="deletedAt")
    changed_at = DateTimeField(db_field="changedAt")

    meta = {
        "collection": "conversations",
        "auto_create_index": False,
        "indexes": [
            {"fields": ["pair_key"], "unique": True},
            {"fields": ["members", "-updated_at", "-id"]},
            {"fields": ["avatar"], "sparse": True},
            {"fields": ["deleted_at"], "partialFilterExpression": {"deletedAt": {"$exists": True}}},
            {"fields": ["members", "-changed_at"], "partialFilterExpression": {"changedAt": {"$exists": True}}},
        ],
    }

    @property
    def messages(self) -> list[ObjectId]:
        """The ids of the newest 50 messages, oldest first (the seed's array). `Message.page` reads all messages."""
        return [entry.message for entry in self.recent]

    @classmethod
    def open(cls, user_id: str, friend_id: str) -> tuple[dict[str, Any], bool]:
        """Returns the conversation of two users, as `user_id` sees it, and True if this call created it."""
        one, two = sorted((user_id, friend_id))
        pair, moment = f"{one}-{two}", now()
        members = [ObjectId(one), ObjectId(two)]
        first = {
            "type": "direct",
            "userOneId": members[0],
            "userTwoId": members[1],
            "members": members,
            "lastSeq": 0,
            "recent": [],
            "createdAt": moment,
            "updatedAt": moment,
        }
        try:
            created = update(cls, {"pairKey": pair}, {"$setOnInsert": first}, upsert=True) == 0
        except NotUniqueError:  # of two concurrent upserts, MongoDB lets one fail
            created = False
        stored = get(cls, {"pairKey": pair}, fields=fields_for(user_id))
        assert stored is not None
        row = get(Membership, {"conversationId": stored["_id"], "userId": ObjectId(user_id)})
        if row is None:
            read = read_without_row(stored)
            Membership.ensure([row_of(stored["_id"], each, joined_at=moment, read_seq=read) for each in members])
        return seen_by(user_id, stored, row), created

    @classmethod
    def of_member(cls, conversation_id: str, user_id: str) -> dict[str, Any] | None:
        """Returns a conversation as this member sees it; None if it does not exist or the user is not a member."""
        seen = cls.seen(conversation_id, user_id)
        return seen and seen.head

    @classmethod
    def seen(cls, conversation_id: str, user_id: str) -> Seen | None:
        """Returns the conversation as `of_member` does, with the members for a delivery."""
        if object_id(conversation_id) is None or object_id(user_id) is None:
            return None
        return cls._seen(user_id, *find_all(*cls._head(conversation_id, user_id)))

    @classmethod
    def of_sender(
        cls, conversation_id: str, user_id: str, users: Any
    ) -> tuple[dict[str, Any] | None, dict[str, Any] | None, bool]:
        """Returns the user's account, the conversation as `of_member` does, and True if one has blocked the other."""
        account, seen, is_barred = cls.standing(conversation_id, user_id, users)
        return account, seen and seen.head, is_barred

    @classmethod
    def standing(
        cls, conversation_id: str, user_id: str, users: Any
    ) -> tuple[dict[str, Any] | None, Seen | None, bool]:
        """Returns the values of `of_sender`, with the members for a delivery.

        It takes one database command if this process has seen the conversation. `users` is the class of users, with
        `pair` and `judged`. The remembered members only determine which accounts are read; the conversation is read
        each time. Blocks have no effect in groups.
        """
        if object_id(user_id) is None or object_id(conversation_id) is None:
            return users.account(user_id), None, False
        members = _recall(conversation_id)
        query = cls._head(conversation_id, user_id)
        if members is None:
            read = None
            found = cls._seen(user_id, *find_all(*query))
        else:
            read = other_of(members, user_id) if members else user_id
            rows, *head = find_all(users.pair(user_id, read), *query)
            found = cls._seen(user_id, *head)
        other = (found.head["friendId"] or user_id) if found else read or user_id
        if other != read:
            (rows,) = find_all(users.pair(user_id, other))
        account, is_barred = users.judged(rows, user_id)
        return account, found, is_barred and other != user_id

    @classmethod
    def members_of(cls, conversation_id: str, members_rev: int | None = None) -> tuple[str, ...]:
        """Returns the ids of all members; an empty tuple if the conversation does not exist.

        The members of a large group are remembered. With `members_rev` (of `Seen`), the remembered members of that
        revision are returned without a database command.
        """
        if members_rev is not None:
            with _memory:
                rev, kept = _large.get(conversation_id, (None, ()))
            if rev == members_rev:
                return kept
        stored = get(cls, {"_id": ObjectId(conversation_id)}, fields=("members", "membersRev", "isLarge"))
        if stored is None or not stored.get("isLarge"):
            return tuple(map(str, stored.get("members", ()))) if stored else ()
        members = Membership.user_ids(conversation_id)
        with _memory:
            _large[conversation_id] = stored.get("membersRev", 0), members
            _large.move_to_end(conversation_id)
            if len(_large) > LARGE_REMEMBERED:
                _large.popitem(last=False)
        return members

    @classmethod
    def _head(cls, conversation_id: str, user_id: str) -> tuple[Find, Find]:
        mine: Row = {"_id": ObjectId(conversation_id), "$or": [{"members": ObjectId(user_id)}, {"isLarge": True}]}
        return Find(cls, mine, fields_for(user_id)), Membership.one(conversation_id, user_id)

    @classmethod
    def _seen(cls, user_id: str, heads: list[Row], rows: list[Row]) -> Seen | None:
        stored, row = (found[0] if found else None for found in (heads, rows))
        if stored is None or not is_readable(stored, row):
            return None
        members = None if stored.get("isLarge") else stored["members"]
        _remember(str(stored["_id"]), [] if stored.get("type") == "group" else stored["members"])
        head = seen_by(user_id, stored, row)
        return Seen(head, members, stored.get("membersRev", 0), sent_by(user_id, stored))

    @staticmethod
    def state_of(seen: Seen, row: Row) -> dict[str, Any]:
        """Returns the member's state from the conversation before a change and the membership after it."""
        return state_of(seen, row)

    @classmethod
    def push(cls, message: dict[str, Any], *, is_large: bool = False) -> bool:
        """Updates the head of a conversation with a stored message; returns True if the message is newer than the head.

        The call is idempotent and independent of order: the head only advances, and each reference is stored once,
        sorted. The sender has read all messages up to this one; in a large group, a second command stores that in the
        membership.
        """
        key, seq = ObjectId(message["conversationId"]), message["seq"]
        head, onto = _updates(message, is_large=is_large)
        if is_large:
            Membership.wrote(message["conversationId"], message["userId"], seq)
        if update(cls, {"_id": key, "lastSeq": {"$lt": seq}}, {"$set": head, **onto}):
            return True
        update(cls, {"_id": key, "recent.seq": {"$ne": seq}}, onto)
        return False

    @classmethod
    def push_to(cls, seen: Seen, message: dict[str, Any]) -> tuple[bool, bool]:
        """Updates the head as `push` does; also returns True if the members are still those of `seen`.

        If they are not, the caller reads the members again, so that a removed member does not get the message. It takes
        no more commands than `push`, unless there are concurrent messages or changes of members.
        """
        key, is_large = ObjectId(message["conversationId"]), seen.members is None
        if seen.head["type"] == "direct":
            return cls.push(message), True
        head, onto = _updates(message, is_large=is_large)
        as_read = {"_id": key, "lastSeq": {"$lt": message["seq"]}, "membersRev": seen.members_rev}
        if update(cls, as_read, {"$set": head, **onto}):
            if is_large:
                Membership.wrote(message["conversationId"], message["userId"], message["seq"])
            return True, True
        behind = cls.push(message, is_large=is_large)
        now_stored = get(cls, {"_id": key}, fields=("membersRev",)) or {}
        return behind, now_stored.get("membersRev") == seen.members_rev

    @classmethod
    def preview(cls, message: Row) -> None:
        """Updates the text in the head if the message is the newest one. A lower `rev` never replaces a higher one."""
        values: Row = {"lastMessage.text": message["text"][:PREVIEW], "lastMessage.rev": message["rev"]}
        if "deletedAt" in message:
            values["lastMessage.deletedAt"] = message["deletedAt"]
        where = {"_id": message["conversationId"], "lastMessage.message": message["_id"]}
        older = [{"lastMessage.rev": None}, {"lastMessage.rev": {"$lt": message["rev"]}}]
        update(cls, {**where, "$or": older}, {"$set": values})

    @classmethod
    def pin(cls, conversation_id: str, seq: int, *, on: bool) -> tuple[Literal["changed", "same", "full"], list[Row]]:
        """Pins or unpins a message; returns the outcome, and the entry of the change to publish."""
        key, given = ObjectId(conversation_id), entry("conversation", conversation_id)
        where: Row = {"_id": key, "pins": {"$ne": seq} if on else seq}
        last = f"pins.{PINS - 1}"
        if on:
            where[last] = {"$exists": False}
        change = (
            {"$push": {"pins": seq, "pending": given}} if on else {"$pull": {"pins": seq}, "$push": {"pending": given}}
        )
        if update(cls, where, change):
            return "changed", [given]
        is_full = on and get(cls, {**where, last: {"$exists": True}}, fields=("_id",)) is not None
        return "full" if is_full else "same", []


def _updates(message: dict[str, Any], *, is_large: bool) -> tuple[Row, Row]:
    """Returns the values of the head for a newer message, and the update that an older message needs, too."""
    reference = {"seq": message["seq"], "message": ObjectId(message["_id"])}
    onto: Row = {"$push": {"recent": {"$each": [reference], "$sort": {"seq": 1}, "$slice": -RECENT}}}
    if not is_large:
        onto["$max"] = {f"sent.{message['userId']}": message["seq"]}
    moment = datetime.fromisoformat(message["createdAt"])
    preview: Row = {
        "message": reference["message"],
        "userId": ObjectId(message["userId"]),
        "text": message["text"][:PREVIEW],
        "createdAt": moment,
        **{name: message[name] for name in ("type", "system", "rev") if name in message},
        **({"deletedAt": datetime.fromisoformat(message["deletedAt"])} if "deletedAt" in message else {}),
    }
    head: Row = {"lastSeq": message["seq"], "lastMessage": preview, "updatedAt": moment}
    if (noticed := now()) - moment > LATE:
        head["changedAt"] = noticed
    return head, onto


def _recall(conversation_id: str) -> list[ObjectId] | None:
    """Returns the members of a direct conversation, an empty list for a group; None if it is not remembered."""
    with _memory:
        members = _members.get(conversation_id)
        if members is not None:
            _members.move_to_end(conversation_id)
    return members


def _remember(conversation_id: str, members: list[ObjectId]) -> None:
    with _memory:
        _members[conversation_id] = members
        _members.move_to_end(conversation_id)
        if len(_members) > REMEMBERED:
            _members.popitem(last=False)

"""The data set: users, conversations and messages, in the format of the chat's models.

Identifiers are derived from numbers, so that the data set is the same in each run:

- readers, each with 200 friends and a conversation with each of them; the first of these has 400 messages
- pairs of a sender and a friend, with an empty conversation
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import jwt
from bson import ObjectId
from pymongo import MongoClient

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from models.membership import row_of
from models.words import words_of

SECRET = "a secret of the benchmark, long enough for SHA-256"
DATABASE = "chat"
TEXT = "Are you coming along tonight? We start at eight, and bring your sister."
FRIENDS = 200  # of a reader; also its conversations
DEEP = 400  # messages in the first conversation of a reader
START = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
RECENT = 50


def user(number: int) -> str:
    """Returns the id of a user."""
    return f"{0xA << 92 | number:024x}"


def conversation(one: str, other: str) -> str:
    """Returns the id of the conversation of two users."""
    return f"{0xC << 92 | (int(one, 16) & 0xFFFFFFFF) << 32 | int(other, 16) & 0xFFFFFFFF:024x}"


@cache
def token(user_id: str) -> str:
    """Returns a token that both servers accept, valid for a day."""
    return jwt.encode({"sub": user_id, "exp": int(time.time()) + 86_400}, SECRET, algorithm="HS256")


@dataclass(frozen=True, slots=True)
class Pair:
    """A sender and a friend of the sender, and their conversation."""

    number: int

    @property
    def sender(self) -> str:
        return user(0x20000 + self.number)

    @property
    def friend(self) -> str:
        return user(0x30000 + self.number)

    @property
    def conversation(self) -> str:
        return conversation(self.sender, self.friend)


@dataclass(frozen=True, slots=True)
class Reader:
    """A user with 200 friends and conversations."""

    number: int

    @property
    def id(self) -> str:
        return user(0x10000 + self.number)

    @property
    def friends(self) -> list[str]:
        return [user(number) for number in range(FRIENDS)]

    @property
    def deep(self) -> str:
        """The id of the conversation with the most messages."""
        return conversation(self.id, user(0))


@dataclass(frozen=True, slots=True)
class Size:
    """The size of the data set."""

    readers: int
    pairs: int
    messages: int  # of each conversation of a reader except the deep one

    @property
    def described(self) -> str:
        conversations = self.readers * FRIENDS
        messages = self.readers * (DEEP + (FRIENDS - 1) * self.messages)
        return f"{conversations:,} conversations and {messages:,} messages"


def fill(uri: str, size: Size) -> None:
    """Writes the data set into a database with indexes, in the format of the chat's models."""
    client: MongoClient[dict[str, Any]] = MongoClient(uri)
    with client:
        database = client[DATABASE]
        for name, rows in (
            ("users", _users(size)),
            ("conversations", _conversations(size)),
            ("memberships", _memberships(size)),
            ("messages", _messages(size)),
        ):
            batch: list[dict[str, Any]] = []
            for row in rows:
                batch.append(row)
                if len(batch) == 5000:
                    database[name].insert_many(batch, ordered=False)
                    batch = []
            if batch:
                database[name].insert_many(batch, ordered=False)


def _users(size: Size) -> Iterator[dict[str, Any]]:
    yield from (account(user(number)) for number in range(FRIENDS))
    for number in range(size.readers):
        reader = Reader(number)
        yield account(reader.id, reader.friends)
    for number in range(size.pairs):
        pair = Pair(number)
        yield account(pair.sender, [pair.friend])
        yield account(pair.friend, [pair.sender])


def account(key: str, friends: list[str] | None = None) -> dict[str, Any]:
    """Returns the document of a user."""
    return {
        "_id": ObjectId(key),
        "fullName": f"Person {int(key, 16) & 0xFFFFF}",
        "email": f"{key}@example.org",
        "password": "nobody logs in",
        "friends": [ObjectId(friend) for friend in friends or ()],
        "blocked": [],
        "createdAt": START,
    }


def _conversations(size: Size) -> Iterator[dict[str, Any]]:
    for number in range(size.readers):
        reader = Reader(number)
        for order, friend in enumerate(reader.friends):
            yield head(reader.id, friend, DEEP if order == 0 else size.messages, order)
    for number in range(size.pairs):
        pair = Pair(number)
        yield head(pair.sender, pair.friend, 0, number)


def _memberships(size: Size) -> Iterator[dict[str, Any]]:
    for made in _conversations(size):
        yield from memberships(made)


def memberships(made: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yields the documents of the members of a conversation, who have read it."""
    for each in made["members"]:
        yield row_of(made["_id"], each, joined_at=START, read_seq=made["lastSeq"])


def head(one: str, other: str, messages: int, order: int) -> dict[str, Any]:
    """Returns the document of a conversation, changed `order` seconds after START."""
    key = conversation(one, other)
    moment = START + timedelta(seconds=order)
    first, second = sorted((one, other))
    made = {
        "_id": ObjectId(key),
        "userOneId": ObjectId(first),
        "userTwoId": ObjectId(second),
        "pairKey": f"{first}-{second}",
        "members": [ObjectId(first), ObjectId(second)],
        "lastSeq": messages,
        "sent": {other: (messages + 1) // 2, one: messages // 2},
        "recent": [
            {"seq": seq, "message": _message_id(key, seq)} for seq in range(max(1, messages - RECENT + 1), messages + 1)
        ],
        "createdAt": START,
        "updatedAt": moment,
    }
    if messages:
        made["lastMessage"] = {
            "message": _message_id(key, messages),
            "userId": ObjectId((one, other)[messages % 2]),
            "text": TEXT,
            "createdAt": moment,
        }
    return made


def _messages(size: Size) -> Iterator[dict[str, Any]]:
    words = words_of(TEXT)
    for number in range(size.readers):
        reader = Reader(number)
        for order, friend in enumerate(reader.friends):
            key = conversation(reader.id, friend)
            for seq in range(1, (DEEP if order == 0 else size.messages) + 1):
                yield {
                    "_id": _message_id(key, seq),
                    "conversationId": ObjectId(key),
                    "seq": seq,
                    "userId": ObjectId((reader.id, friend)[seq % 2]),
                    "clientMsgId": f"first-{seq:06d}",
                    "text": TEXT,
                    "words": words,
                    "createdAt": START + timedelta(seconds=order),
                }


def _message_id(conversation_id: str, seq: int) -> ObjectId:
    return ObjectId(f"{int(conversation_id, 16) + (seq << 72) ^ 0x7 << 92:024x}")

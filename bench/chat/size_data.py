"""The data set of `bench/chat/size`: users with many conversations, large groups, and messages with words.

The format is that of the chat's models.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from bson import ObjectId
from dataset import START, account, conversation, head, user
from pymongo import MongoClient

from models.membership import row_of
from models.words import words_of

Row = dict[str, Any]
BATCH = 5000
PEERS = 0x100000
RARE, COMMON = "aurora", "meeting"
RARE_EVERY = 2000


@dataclass(frozen=True, slots=True)
class Owner:
    """A user with `conversations`, each of which has `messages`."""

    number: int
    conversations: int
    messages: int

    @property
    def id(self) -> str:
        return user(0x40000 + self.number)

    def conversation(self, order: int) -> str:
        """Returns the id of the conversation with a peer. That with the last peer is the newest."""
        return conversation(self.id, user(PEERS + order))


@dataclass(frozen=True, slots=True)
class Crowd:
    """A group of `members`, the first of which is the owner."""

    number: int
    members: int

    @property
    def id(self) -> str:
        return f"{0xE << 92 | self.number:024x}"

    @property
    def owner(self) -> str:
        return user(PEERS + 0x8000 * (1 + self.number))

    @property
    def ids(self) -> list[str]:
        return [self.owner, *(user(PEERS + order) for order in range(self.members - 1))]


def fill(uri: str, name: str, owners: Iterable[Owner], crowds: Iterable[Crowd], moment: datetime) -> None:
    """Writes the data set into a database that has the chat's indexes. `moment` is the time of the newest activity."""
    owners, crowds = list(owners), list(crowds)
    peers = max([each.conversations for each in owners] + [each.members for each in crowds])
    with MongoClient[Row](uri) as client:
        database = client[name]
        people = [*(user(PEERS + order) for order in range(peers)), *(each.id for each in owners)]
        _write(database.users, (account(each) for each in [*people, *(each.owner for each in crowds)]))
        for owner in owners:
            _write(database.conversations, _heads(owner, moment))
            _write(database.memberships, _rows(owner))
            _write(database.messages, _messages(owner))
        for crowd in crowds:
            _write(database.conversations, [_group(crowd, moment)])
            _write(database.memberships, _members(crowd))


def _write(collection: Any, rows: Iterable[Row]) -> None:
    rest = iter(rows)
    while batch := list(islice(rest, BATCH)):
        collection.insert_many(batch, ordered=False)


def _heads(owner: Owner, moment: datetime) -> Iterator[Row]:
    for order in range(owner.conversations):
        made = head(owner.id, user(PEERS + order), owner.messages, order)
        since = timedelta(seconds=owner.conversations - order)
        made["updatedAt"] = moment - since
        yield made


def _rows(owner: Owner) -> Iterator[Row]:
    for order in range(owner.conversations):
        for each in (owner.id, user(PEERS + order)):
            key = ObjectId(owner.conversation(order))
            yield row_of(key, ObjectId(each), joined_at=START, read_seq=owner.messages)


def _messages(owner: Owner) -> Iterator[Row]:
    number = 0
    for order in range(owner.conversations):
        key = ObjectId(owner.conversation(order))
        for seq in range(1, owner.messages + 1):
            number += 1
            text = f"{RARE if number % RARE_EVERY == 0 else 'weekly'} {COMMON} {number}"
            yield {
                "_id": ObjectId(),
                "conversationId": key,
                "seq": seq,
                "userId": ObjectId(owner.id),
                "clientMsgId": f"{seq:06d}",
                "text": text,
                "words": words_of(text),
                "createdAt": START + timedelta(seconds=number % 86_400),
            }


def _group(crowd: Crowd, moment: datetime) -> Row:
    is_large = crowd.members > 256
    return {
        "_id": ObjectId(crowd.id),
        "type": "group",
        "pairKey": f"group:{crowd.owner}:{crowd.number}",
        "title": f"A group of {crowd.members}",
        "memberCount": crowd.members,
        "membersRev": 1,
        "history": "all",
        "lastSeq": 0,
        "recent": [],
        "createdAt": START,
        "updatedAt": moment,
        **({"isLarge": True} if is_large else {"members": [ObjectId(each) for each in crowd.ids]}),
    }


def _members(crowd: Crowd) -> Iterator[Row]:
    for each in crowd.ids:
        role = "owner" if each == crowd.owner else "member"
        row = row_of(ObjectId(crowd.id), ObjectId(each), joined_at=START, role=role)
        yield row | ({"isLarge": True} if crowd.members > 256 else {})

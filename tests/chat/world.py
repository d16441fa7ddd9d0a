"""A small world of users and conversations, with the writes of the chat's handlers, for tests of its readers."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from random import Random
from types import SimpleNamespace
from typing import Any

from bson import ObjectId

from models.change import Change, UserChange, UserChangeHead
from models.conversation import Conversation
from models.groups import GroupError
from models.membership import Membership
from models.message import Message
from models.sync import Sync
from models.user import User
from models.wire import now
from tests.chat.reader import Reader

LIMITS = Sync.limits(heads=200, each=6, total=20, bytes=600_000, page=3, receipts=5000)
"""The limits are small, so that short histories exceed them."""


class World:
    """Ann and Bob with a direct conversation, and a group that Cat joins and leaves."""

    models = SimpleNamespace(
        Conversation=Conversation,
        Membership=Membership,
        Message=Message,
        Change=Change,
        UserChange=UserChange,
        UserChangeHead=UserChangeHead,
        User=User,
    )

    def __init__(self, history: str = "joined") -> None:
        self.ann, self.bob, self.cat = self.users = [str(ObjectId()) for _ in range(3)]
        self.direct = str(Conversation.open(self.ann, self.bob)[0]["id"])
        self.group = Conversation.create_group(self.ann, "Garden", [self.bob], key="1", history=history)[0]
        self.places = (self.direct, self.group)

    def act(self, kind: str, who: int, where: int, which: int) -> None:
        """Performs one operation, if it is possible for this user in this conversation."""
        user, place = self.users[who % 3], self.places[where % 2]
        head = Conversation.of_member(place, user)
        if kind == "join":
            self._change(
                lambda: Conversation.put_member(self.group, self.ann, self.cat, None, limit=9, messages=Message)
            )
        elif kind == "leave":
            self._change(lambda: Conversation.remove_member(self.group, self.cat, self.cat, messages=Message))
        elif kind == "expire":
            Change.objects(conversation_id=place).delete()
        elif head is not None:
            self._act(kind, user, head, head["firstSeq"] + which % max(1, head["lastSeq"] - head["firstSeq"] + 1))

    def _act(self, kind: str, user: str, head: dict[str, Any], seq: int) -> None:
        place, since = head["id"], head["firstSeq"] - 1
        if kind == "send":
            Conversation.push(Message.append(place, user, f"{user} {ObjectId()}", after=head["lastSeq"])[0])
        elif kind == "read":
            row, entries = Membership.read(place, user, head["lastSeq"], is_told=True)
            if row is not None:
                Change.publish(Membership, row["_id"], entries)
        elif kind in ("mark", "mute", "draft"):
            self._keep(kind, user, head, seq)
        elif kind == "pin":
            _, entries = Conversation.pin(place, seq, on=seq not in head.get("pins", ()))
            Change.publish(Conversation, place, entries)
        else:
            self._revise(kind, user, place, seq, since)

    def _keep(self, kind: str, user: str, head: dict[str, Any], seq: int) -> None:
        if kind == "mark":
            row, entries = Membership.mark(head["id"], user, seq, last=max(seq, head["lastSeq"]))
        elif kind == "mute":
            row, entries = Membership.mute(head["id"], user, now() + timedelta(hours=seq) if seq % 2 else None)
        else:
            row, entries = Membership.keep_draft(head["id"], user, "x" * (seq % 2))
        if row is not None:
            Change.publish(Membership, row["_id"], entries)

    def _revise(self, kind: str, user: str, place: str, seq: int, since: int) -> None:
        if kind == "edit":
            rev = (Message.one(place, seq, since=since, reader=user) or {}).get("rev", 0)
            made = Message.edit(place, seq, user, str(ObjectId()), rev=rev, since=since)
        elif kind == "react":
            made = Message.react(place, seq, user, "👍", on=True, since=since)
        elif kind == "hide":
            made = Message.hide(place, seq, user, since=since)
        else:
            made = Message.remove(place, seq, user, is_admin=False, since=since)
        if made.entries and made.after is not None:
            for each in Change.publish(Message, made.after["_id"], made.entries):
                if each["kind"] == "hidden":
                    Membership.hid(place, user, seq)
                elif (stored := Message.stored(place, seq)) is not None:
                    Conversation.preview(stored)

    def _change(self, work: Callable[[], Any]) -> None:
        try:
            changed = work()
        except GroupError:
            return
        Change.publish(Conversation, self.group, changed.entries)
        for membership, given in changed.own:
            Change.publish(Membership, membership, [given])

    def sync(self, reader: Reader) -> None:
        """Catches up until the reader holds every conversation."""
        while reader.apply(self.answer(reader)):
            pass

    def answer(self, reader: Reader) -> dict[str, Any]:
        """Returns the answer to the reader's next request."""
        given = reader.request()
        since = Sync.position(given["cursor"], reader.user_id) if "cursor" in given else None
        return Sync.read(
            self.models, reader.user_id, known=given["conversations"], since=since, window=(50, 3), limits=LIMITS
        )

    def check(self, reader: Reader) -> None:
        """Compares the state of a reader with the state that a new client would read."""
        heads = {head["id"]: head for head in Conversation.heads_of(reader.user_id, list(self.places))}
        assert reader.heads == heads
        assert reader.held.keys() == heads.keys()
        for key, head in heads.items():
            assert reader.receipts[key] == Membership.receipts(key, reader.user_id, limit=9), key
            fresh, has_more = Message.page(key, since=head["firstSeq"] - 1, reader=reader.user_id)
            assert not has_more
            assert [*reader.held[key].values()] == [each for each in fresh if each["seq"] >= reader.floor[key]], key


KINDS = (
    *("send", "send", "send", "send", "edit", "delete", "react", "hide", "read", "join", "leave", "expire"),
    *("mark", "mute", "draft", "pin"),
)


def random_acts(seed: int, count: int) -> Sequence[tuple[str, int, int, int]]:
    """Returns a random history."""
    random = Random(seed)
    return [
        (random.choice(KINDS), random.randrange(3), random.randrange(2), random.randrange(20)) for _ in range(count)
    ]

"""Shares: the part of one conversation in the answer of a catch-up, within limits of count and bytes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from bson import ObjectId

from hapiish.store.rows import Row

from .heads import PREVIEW, other_of, seen_by, sent_by

SLACK: Final = 20
"""The most numbers beyond the head that are read: the head may be older than the messages and changes."""

Texts = Mapping[tuple[str, int], dict[str, Any]]


class Limits(NamedTuple):
    """The limits of one answer."""

    heads: int
    """Conversations that the reader did not name."""
    each: int
    """Messages of one conversation, and changes of one conversation."""
    total: int
    """Messages and changes of all conversations."""
    bytes: int
    """Bytes of messages. A limited conversation has at least one message, also beyond the limit."""
    page: int
    """Messages of a limited conversation."""
    receipts: int
    """Members of all conversations whose receipts are read."""
    told: int = 32
    """Members of a conversation that has receipts."""


class Share:
    """The share of one conversation: its head, the numbers that the reader knows, and the messages to read.

    `known` is `{seq, changeSeq}` of a conversation that the reader holds, else None. `page` is the number of newest
    messages to read if `known` is None or the share is limited.
    """

    def __init__(self, key: ObjectId, head: Row, row: Row | None, known: Mapping[str, int] | None) -> None:
        self.key = key
        self.head = head
        self.known = known
        self.page = 0
        self.is_limited = False
        self.has_left = False
        self.messages: list[dict[str, Any]] = []
        self.changes: list[dict[str, Any]] = []
        self._row = row
        self._joined: int = row.get("joinedSeq", 0) if row is not None else 0
        self._last: int = head["lastSeq"]
        self._change_seq: int = head.get("changeSeq", 0)
        self._start = max(known["seq"], self._joined) if known is not None else self._joined
        self._numbers: list[int] = []
        self._changed: list[int] = []
        self._sizes: dict[int, int] = {}
        self._lower = 0
        self._newest = self._last
        self._sent = 0

    @property
    def seqs(self) -> list[int]:
        """The numbers of the messages to read."""
        return [*self._numbers, *self._changed]

    @property
    def has_moved(self) -> bool:
        """True if the reader does not have the present state."""
        if self.known is None or self.is_limited or self._numbers or self._changed:
            return True
        return self.known["seq"] != self._last or self.known["changeSeq"] != self._change_seq

    @property
    def asks_for_changes(self) -> bool:
        """True if changes must be read."""
        return self.known is not None and not self.is_limited and self.known["changeSeq"] != self._change_seq

    def friend_of(self, user_id: str) -> str | None:
        """Returns the other member of a direct conversation; None for a group."""
        if self.head.get("type") == "group":
            return None
        return other_of([self.head["userOneId"], self.head["userTwoId"]], user_id)

    def claim(self, rest: int, each: int) -> int:
        """Reserves messages and changes of the `rest` of the answer; returns the new rest.

        The share is limited if it needs more than `rest`, or more than `each` of one of them.
        """
        if self.known is None:
            self.page = min(self.page, rest)
            return rest - self.page
        messages: int = max(0, self._last - self._start)
        changes: int = max(0, self._change_seq - self.known["changeSeq"])
        # A reader who left and joined again meanwhile may not keep the messages from before.
        is_foreign = 0 < self.known["seq"] < self._joined
        if is_foreign or messages > each or changes > each or messages + changes > rest:
            self.is_limited = True
            return rest
        return rest - messages - changes

    def changes_to_read(self) -> Row:
        """Returns the condition of the changes to read, and of the last one that the reader knows."""
        assert self.known is not None
        known = self.known["changeSeq"]
        numbers = {"$gte": max(1, known), "$lte": max(known, self._change_seq) + SLACK}
        return {"conversationId": self.key, "changeSeq": numbers}

    def take_changes(self, rows: Sequence[Row], me: ObjectId) -> None:
        """Takes the changes, in their order. The share is limited if some are missing."""
        assert self.known is not None
        known = self.known["changeSeq"]
        new = [row for row in rows if row["changeSeq"] > known]
        expected = list(range(known + 1, known + 1 + len(new)))
        if [row["changeSeq"] for row in new] != expected or known + len(new) < self._change_seq:
            self.is_limited = True
            return
        if known > self._change_seq and not (rows and rows[0]["changeSeq"] == known):
            self.is_limited = True
            return
        concern = (row for row in new if row["kind"] == "message" or (row["kind"] == "hidden" and row["userId"] == me))
        # New messages already show the changes from before the head was read.
        held = {
            row["seq"]
            for row in concern
            if row["seq"] > self._joined and (row["seq"] <= self._start or row["changeSeq"] > self._change_seq)
        }
        self._changed = sorted(held)

    def messages_to_read(self, page: int) -> Iterator[Row]:
        """Yields the conditions of the messages to examine. `page` is the number of messages of a limited share."""
        if self.is_limited:
            self.page = page
        is_whole = self.known is not None and not self.is_limited
        if is_whole or self.page:
            # A message that the reader knows and the head does not must exist; else the reader gets the newest ones.
            is_ahead = is_whole and self._start > self._last
            self._lower = (
                self._start if is_whole and not is_ahead else max(self._joined, self._last - (self.page or page))
            )
            upper = max(self._start, self._last) if is_whole else self._last
            yield {"conversationId": self.key, "seq": {"$gt": self._lower, "$lte": upper + SLACK}}
        if self._changed:
            yield {"conversationId": self.key, "seq": {"$in": self._changed}}

    def take_sizes(self, rows: Sequence[Row], page: int) -> None:
        """Takes numbers, sizes and visibility of messages, in their order. The share is limited if some are missing."""
        self._sizes = {row["seq"]: row["size"] for row in rows}
        new = [row for row in rows if row["seq"] > self._lower]
        if self.known is not None and not self.is_limited:
            numbers = [row["seq"] for row in new if row["seq"] > self._start]
            is_known = self._start <= self._last or self._start in self._sizes
            is_complete = numbers == list(range(self._start + 1, self._start + 1 + len(numbers)))
            if is_complete and is_known and self._start + len(numbers) >= self._last:
                new = [row for row in new if row["seq"] > self._start]
            else:
                self.is_limited, self._changed = True, []
        if self.is_limited or self.known is None:
            new = new[-(self.page or page) :]
        if new:
            self._newest = max(self._last, new[-1]["seq"])
        self._numbers = [row["seq"] for row in new if not row["hidden"]]

    def fit(self, rest: int) -> int:
        """Keeps the messages that fit into `rest` bytes; returns the new rest. The share is limited if not all fit."""
        if self.known is not None and not self.is_limited:
            cost = sum(self._sizes.get(seq, 0) for seq in self.seqs)
            if cost <= rest:
                return rest - cost
            self.is_limited, self._changed = True, []
        kept: list[int] = []
        for seq in reversed(self._numbers):
            size = self._sizes[seq]
            if size > rest and (kept or not self.is_limited):
                break
            kept.append(seq)
            rest -= size
        self._numbers = kept[::-1]
        return max(0, rest)

    def verify(self, joined: int | None) -> None:
        """Removes all messages if the reader has left meanwhile (`joined` is None), or has left and joined again."""
        if joined != self._joined:
            self.has_left, self._numbers, self._changed = True, [], []

    def take(self, rows: Sequence[Row], texts: Texts, me: ObjectId) -> None:
        """Takes the messages that were read. Some may have been removed or hidden since."""
        found = {row["seq"]: me in row.get("hiddenFor", ()) for row in rows}
        self._sent = max((row["seq"] for row in rows if row["userId"] == me), default=0)
        gone = [seq for seq in self._numbers if seq not in found]
        if gone and self.known is not None:
            self.is_limited, self._changed = True, []
            self._numbers = [seq for seq in self._numbers if seq > gone[-1]]
        key = str(self.key)
        self.messages = [texts[key, seq] for seq in self._numbers if found.get(seq) is False]
        hidden = ({"seq": seq, "hidden": True} for seq in self._changed)
        self.changes = [texts[key, each["seq"]] if found.get(each["seq"]) is False else each for each in hidden]

    def head_for(self, user_id: str, receipts: Mapping[str, Any] | None) -> dict[str, Any]:
        """Returns the head, updated to the messages of the share if these are newer."""
        head = seen_by(user_id, self.head, self._row)
        if self._newest > self._last:
            sent = {user_id: max(self._sent, sent_by(user_id, self.head))}
            ahead = {**self.head, "lastSeq": self._newest, "sent": sent}
            head = {**seen_by(user_id, ahead, self._row), "lastMessage": head["lastMessage"]}
        # The message may be newer than the preview, which is updated later.
        for each in (*self.messages[-1:], *self.changes[-1:]):
            if each["seq"] == head["lastSeq"]:
                head["lastMessage"] = None if "hidden" in each else _preview(each)
        if receipts is not None:
            head["receipts"] = dict(receipts)
        return head


def _preview(message: Mapping[str, Any]) -> dict[str, Any]:
    names = ("_id", "seq", "createdAt", "userId", "type", "system", "deletedAt")
    return {**{name: message[name] for name in names if name in message}, "text": message["text"][:PREVIEW]}


def fit(shares: Sequence[Share], limit: int) -> None:
    """Keeps the messages of all shares that fit into `limit` bytes. The first shares have precedence."""
    rest = limit
    for share in shares:
        rest = share.fit(rest)

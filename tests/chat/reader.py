"""A client that catches up by sync, by the rules of docs/chat.md. It has no network."""

from typing import Any

Conversation = dict[int, dict[str, Any]]


class Reader:
    """The state of a client: heads, messages by number, and the numbers from which it continues.

    `floor` is the first number that it holds of a conversation. It does not fetch older pages.
    """

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.cursor: str | None = None
        self.heads: dict[str, dict[str, Any]] = {}
        self.receipts: dict[str, dict[str, Any]] = {}
        self.held: dict[str, Conversation] = {}
        self.floor: dict[str, int] = {}
        self.pointers: dict[str, dict[str, int]] = {}
        self.limited = 0
        self.more = False

    def request(self, **window: int) -> dict[str, Any]:
        """Returns the payload of the next call."""
        given: dict[str, Any] = {"conversations": {key: dict(each) for key, each in self.pointers.items()}}
        return given | ({"cursor": self.cursor} if self.cursor else {"window": window})

    def apply(self, answer: dict[str, Any]) -> bool:
        """Takes an answer; returns True if it has conversations whose messages the client does not hold yet."""
        for key in answer["removed"]:
            for part in (self.heads, self.receipts, self.held, self.floor, self.pointers):
                part.pop(key, None)
        new = False
        for head in answer["heads"]:
            key = head["id"]
            self.heads[key] = {name: value for name, value in head.items() if name != "receipts"}
            self.receipts[key] = head.get("receipts", self.receipts.get(key))
            is_new = key not in self.held
            messages = answer["messages"].get(key, [])
            if key in answer["limited"] or is_new:
                self.limited += key in answer["limited"]
                self.held[key] = {}
                first = messages[0]["seq"] if messages else head["lastSeq"] + 1
                self.floor[key] = max(head["firstSeq"], first) if not is_new or messages else head["firstSeq"]
            new = new or (is_new and not messages and head["lastSeq"] > 0)
            self.held[key].update({message["seq"]: message for message in messages})
            for change in answer["changes"].get(key, []):
                if "hidden" in change:
                    self.held[key].pop(change["seq"], None)
                elif change["seq"] in self.held[key]:
                    self.held[key][change["seq"]] = change
            known = head["lastSeq"] if not is_new or messages else 0
            self.pointers[key] = {"seq": max(known, *(0, *self.held[key])), "changeSeq": head["changeSeq"]}
        assert {*answer["messages"], *answer["changes"], *answer["limited"]} <= {head["id"] for head in answer["heads"]}
        self.cursor, self.more = answer["cursor"], answer["more"]
        return new

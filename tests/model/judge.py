"""The guarantees G1 to G8, as comparisons of acknowledgements, the store, pages, events and the state of devices."""

from collections import Counter, defaultdict
from typing import Any

from pymongo.database import Database

from tests.model.follower import Follower

EXPECTED = frozenset(
    {
        "blocked",
        "conflict",
        "forbidden",
        "gone",
        "invalid",
        "not_admin",
        "not_author",
        "not_found",
        "rev_conflict",
        "self",
    }
)
"""Codes of allowed refusals, which happen if others have changed the conversation meanwhile."""

SHOWN = 3  # faults of one kind that are printed with their details
LOST = frozenset({"aborted", "offline", "timeout"})


class Judge:
    """Adds sentences to `faults` by guarantee."""

    def __init__(self, faults: dict[str, list[str]], counts: Counter[str], acknowledged: list[dict[str, Any]]) -> None:
        self._faults = faults
        self._counts = counts
        self._acknowledged = acknowledged
        self._stored: dict[str, dict[int, dict[str, Any]]] = {}
        self._seen: dict[str, tuple[dict[str, dict[str, Any]], dict[str, list[dict[str, Any]]]]] = {}

    def store(self, database: Database[dict[str, Any]]) -> None:
        """G2, G3, G5 in the database."""
        self._stored = defaultdict(dict)
        keys: Counter[tuple[str, str, str]] = Counter()
        for row in database["messages"].find():
            conversation = str(row["conversationId"])
            if row["seq"] in self._stored[conversation]:
                self._fault("G3", f"{conversation} has the number {row['seq']} twice")
            self._stored[conversation][row["seq"]] = row
            if "clientMsgId" in row:
                keys[conversation, str(row["userId"]), row["clientMsgId"]] += 1
        for (conversation, user, name), count in keys.items():
            if count > 1:
                self._fault("G2", f"{conversation} has the message {name} of {user} {count} times")
        for conversation, rows in self._stored.items():
            if sorted(rows) != list(range(1, len(rows) + 1)):
                self._fault("G3", f"{conversation} has the numbers {sorted(rows)}")
        pairs = Counter(
            tuple(sorted(map(str, row["members"])))
            for row in database["conversations"].find({"type": {"$ne": "group"}})
        )
        for pair, count in pairs.items():
            if count > 1:
                self._fault("G5", f"{pair} has {count} conversations")
        self._counts["stored"] = sum(map(len, self._stored.values()))

    def acknowledgements(self) -> None:
        """G1, G2: each acknowledged message is stored with the content of its acknowledgement."""
        first: dict[tuple[str, str, str], tuple[str, int]] = {}
        for ack in self._acknowledged:
            row = self._stored.get(ack["conversationId"], {}).get(ack["seq"], {})
            if str(row.get("_id")) != ack["_id"]:
                self._fault("G1", f"an acknowledged message is not stored: {ack}")
            key = (ack["user"], ack["conversationId"], ack["msgId"])
            if first.setdefault(key, (ack["_id"], ack["seq"])) != (ack["_id"], ack["seq"]):
                self._fault("G2", f"a message was acknowledged in two ways: {ack}, {first[key]}")
        self._counts["acknowledged"] = len(first)

    def failures(self, failures: list[dict[str, Any]]) -> None:
        """Reports operations that failed with an error that no client expects, one of each kind."""
        unexpected: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for failure in failures:
            code = failure["code"]
            self._counts[f"refused: {code}"] += 1
            if code not in EXPECTED and code not in LOST and failure["status"] not in (401, 429, 503):
                unexpected[f"{failure['what']}: {failure['status']} {code}"].append(failure)
        for kind, found in unexpected.items():
            self._fault("G8", f"{len(found)} times {kind}, first on {found[0].get('device')}: {found[0]['text']}")

    def pages(self, pages: dict[tuple[str, str], list[str]]) -> None:
        """G4: a reader of all pages during the storm has every message up to the last one, once."""
        for (_, conversation), shown in pages.items():
            stored = self._stored.get(conversation, {})
            last = int(shown[-1].partition(" ")[0]) if shown else 0
            wanted = [f"{seq} {stored[seq]['_id']}" for seq in range(1, last + 1) if not stored[seq].get("hiddenFor")]
            missing = set(wanted) - set(shown)
            if missing:
                self._fault("G4", f"a reader of {conversation} up to {last} has missed {sorted(missing)[:SHOWN]}")
            if len(set(shown)) != len(shown):
                self._fault("G4", f"a reader of {conversation} has seen messages twice")

    def events(self, received: list[dict[str, Any]]) -> None:
        """G6: no user received a message that was stored while the user was not a member."""
        for event in received:
            self._counts["events"] += 1
            if event["name"] != "message" or event["seq"] is None:
                continue
            if not self._was_member(event["conversationId"], event["user"], event["seq"]):
                self._fault("G6", f"{event['user']} was sent a message of others: {event}")

    def _was_member(self, conversation: str, user: str, seq: int) -> bool:
        """Returns whether a user may have received a message of a group: the user has joined before it, or at first."""
        state = True
        for number in sorted(self._stored.get(conversation, {})):
            note = self._stored[conversation][number].get("system")
            if number > seq or note is None:
                continue
            about = {str(each) for each in note.get("userIds", [])} or {
                str(self._stored[conversation][number]["userId"])
            }
            if user in about and note["kind"] == "joined":
                state = True
            elif user in about and note["kind"] in ("left", "removed"):
                state = number == seq  # the note itself is the last message
        return state

    def fresh(
        self, user: str, name: str, heads: list[dict[str, Any]], messages: dict[str, list[dict[str, Any]]]
    ) -> None:
        """Compares the state that a new client of a user reads with the store, and keeps it."""
        self._seen[user] = {head["id"]: head for head in heads}, messages
        for conversation, shown in messages.items():
            stored = self._stored.get(conversation, {})
            hidden = {seq for seq, row in stored.items() if user in map(str, row.get("hiddenFor", []))}
            first = self._seen[user][0][conversation].get("firstSeq", 1)
            wanted = [seq for seq in sorted(stored) if seq not in hidden and seq >= first]
            if [message["seq"] for message in shown] != wanted:
                self._fault("G4", f"{name} reads {[message['seq'] for message in shown]}, stored are {wanted}")
            for message in shown:
                row = stored.get(message["seq"], {})
                if message["text"] != row.get("text") or message.get("rev", 0) != row.get("rev", 0):
                    self._fault("G4", f"{name} reads {message}, stored is {row}")

    def device(self, name: str, user: str, state: dict[str, Any]) -> None:
        """G8: a device has the state that a new client of its user reads."""
        if state["userId"] != user:
            self._fault("G8", f"{name} is signed out: {state}")
            return
        self._compare(name, user, {head["id"]: head for head in state["conversations"]}, state["timelines"])
        for message in state["failed"]:
            if message.get("error", {}).get("code") not in EXPECTED:
                self._fault("G8", f"{name} could not send {message}")

    def follower(self, name: str, follower: Follower) -> None:
        """G8: a client that only uses `sync` has the state that a new client of its user reads."""
        timelines = {key: [messages[seq] for seq in sorted(messages)] for key, messages in follower.timelines.items()}
        self._compare(name, follower.user_id, follower.conversations, timelines)

    def _compare(
        self, name: str, user: str, heads: dict[str, dict[str, Any]], timelines: dict[str, list[dict[str, Any]]]
    ) -> None:
        fresh, messages = self._seen[user]
        if heads.keys() != fresh.keys():
            gone, missing = heads.keys() - fresh.keys(), fresh.keys() - heads.keys()
            self._fault("G8", f"{name} shows {gone or 'no'} conversations too many and lacks {missing or 'none'}")
        for key in heads.keys() & fresh.keys():
            wanted, shown = dict(fresh[key]), dict(heads[key])
            receipts = wanted.pop("receipts"), shown.pop("receipts", None)
            # They belong to conversations that are open, and end with a block.
            if key in timelines and receipts[1] is not None and receipts[0]:
                wanted["receipts"], shown["receipts"] = receipts
            if wanted != shown:
                parts = {part for part in {*wanted, *shown} if wanted.get(part) != shown.get(part)}
                shows, reads = ({part: each.get(part) for part in parts} for each in (shown, wanted))
                self._fault("G8", f"{name} shows of {key} {shows}, a new client reads {reads}")
        for key, shown_messages in timelines.items():
            if not shown_messages or key not in messages:
                continue
            first = shown_messages[0]["seq"]
            wanted_messages = [message for message in messages[key] if message["seq"] >= first]
            self._counts["messages compared"] += len(wanted_messages)
            if shown_messages != wanted_messages:
                self._fault("G8", f"{name} in {key}: {_difference(shown_messages, wanted_messages)}")

    def _fault(self, guarantee: str, text: str) -> None:
        self._faults.setdefault(guarantee, []).append(text)


def _difference(shown: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> str:
    """Returns the first differences of two timelines."""
    one, other = ({message["seq"]: message for message in each} for each in (shown, wanted))
    seqs = [seq for seq in sorted(one.keys() | other.keys()) if one.get(seq) != other.get(seq)]
    return (
        "; ".join(f"shown {one.get(seq)}, stored {other.get(seq)}" for seq in seqs[:SHOWN]) + f" ({len(seqs)} differ)"
    )

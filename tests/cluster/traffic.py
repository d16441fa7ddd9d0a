"""A fixed amount of conversation during a fault, and the comparison of what was said with what is stored and shown."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from bson import ObjectId
from pymongo import MongoClient

from tests.cluster.clients import User
from tests.cluster.cluster import Cluster

TOLD = 45.0  # seconds until a connected client learns of everything by itself
LIMIT = 300  # seconds for a whole run; a client that waits for ever is a fault
Fault = Callable[[], Awaitable[None]]


@dataclass
class Outcome:
    """The account of one run. `shown` counts the messages on all devices, after their last catch-up."""

    fault: str
    sent: int = 0
    acknowledged: int = 0
    stored: int = 0
    devices: int = 0
    shown: int = 0
    lost: int = 0
    doubled: int = 0
    disordered: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    seconds: float = 0

    @property
    def is_clean(self) -> bool:
        """True if everything sent was acknowledged, stored once, and shown everywhere in one order."""
        return not (self.lost or self.doubled or self.disordered or self.faults) and (
            self.sent == self.acknowledged == self.stored and self.shown == self.devices * self.stored
        )


@dataclass
class Plan:
    """The amounts of a run: messages of a writer before, during and after the fault."""

    pairs: int = 4
    devices: int = 2
    before: int = 5
    during: int = 30
    after: int = 5
    pace: float = 0.1  # seconds between two messages of a writer during the fault


class Traffic:
    """Pairs of users who write to each other on a cluster."""

    def __init__(self, cluster: Cluster, name: str, plan: Plan) -> None:
        self.cluster = cluster
        self.plan = plan
        self.outcome = Outcome(name)
        self.said: dict[str, list[tuple[str, dict[str, Any]]]] = defaultdict(list)  # by conversation and writer
        self.pairs: list[tuple[User, User, str]] = []
        self._lines = 0

    async def run(self, fault: Fault) -> Outcome:
        """Writes before, during and after the fault; returns when every device has caught up."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(LIMIT):
                await self._meet()
                await self._write(self.plan.before, 0)
                await asyncio.gather(self._write(self.plan.during, self.plan.pace), fault())
                await self._write(self.plan.after, 0)
                await self._told()
                users = [user for pair in self.pairs for user in pair[:2]]
                await asyncio.gather(*(device.catch_up() for user in users for device in user.devices))
                await asyncio.to_thread(self._compare)
        finally:
            await asyncio.gather(*(user.leave() for pair in self.pairs for user in pair[:2]))
        self.outcome.seconds = time.monotonic() - began
        return self.outcome

    async def _meet(self) -> None:
        unique = str(ObjectId())
        for number in range(self.plan.pairs):
            users = [User(self.cluster.url, self.outcome.counts) for _ in range(2)]
            self.pairs.append((users[0], users[1], ""))
            await asyncio.gather(
                *(
                    user.enter(f"{who}-{number}-{unique}", self.plan.devices)
                    for user, who in zip(users, "ab", strict=True)
                )
            )
            opened = await users[0].http.call("PUT", f"/conversations/direct/{users[1].account.id}")
            self.pairs[-1] = (users[0], users[1], opened["id"])

    async def _write(self, count: int, pace: float) -> None:
        writers = [(user, pair[2]) for pair in self.pairs for user in pair[:2]]
        await asyncio.gather(*(self._write_as(user, conversation, count, pace) for user, conversation in writers))

    async def _write_as(self, user: User, conversation: str, count: int, pace: float) -> None:
        said = self.said[f"{conversation} {user.account.id}"]
        for _ in range(count):
            name = f"m{len(said)}"
            self.outcome.sent += 1
            # A writer waits for each acknowledgement, so the order of its messages is that in which they were sent.
            message = await user.say(conversation, f"text {name}", name, over_http=len(said) % 4 == 3)
            said.append((name, message))
            if pace:
                await asyncio.sleep(pace)

    async def _told(self) -> None:
        """Waits until every connected device shows everything that was acknowledged, without asking for it."""
        until = time.monotonic() + TOLD
        for ann, bob, conversation in self.pairs:
            said = (message for user in (ann, bob) for _, message in self.said[f"{conversation} {user.account.id}"])
            last = max((message["seq"] for message in said), default=0)
            for device in (*ann.devices, *bob.devices):
                while conversation not in device.timelines or device.timelines[conversation].known < last:
                    if time.monotonic() > until:
                        self.outcome.faults.append(f"a connected device was not told of message {last}")
                        return
                    await asyncio.sleep(0.05)

    def _compare(self) -> None:
        outcome = self.outcome
        outcome.acknowledged = sum(len(said) for said in self.said.values())
        with MongoClient[dict[str, Any]](self.cluster.mongodb_uri) as client:
            messages = client.get_default_database()["messages"]
            for ann, bob, conversation in self.pairs:
                rows = list(messages.find({"conversationId": ObjectId(conversation)}).sort("seq", 1))
                self._compare_stored(rows, conversation, (ann, bob))
                ids = [str(row["_id"]) for row in rows]
                for device in (*ann.devices, *bob.devices):
                    shown = device.timelines[conversation].shown if conversation in device.timelines else []
                    outcome.devices = self.plan.devices * 2
                    outcome.shown += len(shown)
                    outcome.doubled += len(shown) - len(set(shown))
                    outcome.disordered += shown != ids[: len(shown)]
                    outcome.faults += device.faults

    def _compare_stored(self, rows: list[dict[str, Any]], conversation: str, users: tuple[User, User]) -> None:
        outcome = self.outcome
        outcome.stored += len(rows)
        outcome.disordered += [row["seq"] for row in rows] != list(range(1, len(rows) + 1))
        for user in users:
            own = [row for row in rows if str(row["userId"]) == user.account.id]
            names = [row["clientMsgId"] for row in own]
            said = self.said[f"{conversation} {user.account.id}"]
            outcome.doubled += len(names) - len(set(names))
            outcome.disordered += list(dict.fromkeys(names)) != [name for name, _ in said]
            stored = {(row["clientMsgId"], str(row["_id"]), row["seq"]) for row in own}
            outcome.lost += sum((name, message["_id"], message["seq"]) not in stored for name, message in said)

"""One run: a storm of steps, then time to catch up, then the comparison of all states with the store."""

import asyncio
import itertools
import uuid
from collections import Counter
from collections.abc import Coroutine
from random import Random
from time import monotonic
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database

from tests.model import stalled
from tests.model.callers import Callers, User
from tests.model.devices import Devices
from tests.model.follower import Follower
from tests.model.judge import Judge
from tests.model.plan import OF_CALLERS, OF_NETWORK, Plan, Step
from tests.model.servers import Door, Servers

PACE = 0.03  # seconds between two steps, on average
AT_ONCE = 40  # steps that may be in progress
SHUT, STALLED = 0.8, 2.0  # seconds, on average
LONGEST = 240_000  # milliseconds until a device has nothing left to do
NEWEST = [{"$group": {"_id": "$conversationId", "seq": {"$max": "$seq"}}}]
SWEPT = 240.0  # seconds that the sweeper may take


class Run:
    """A run of a plan. `go` returns the faults by guarantee, and the numbers of events by name."""

    def __init__(self, plan: Plan, servers: Servers, mongo_uri: str) -> None:
        self.plan = plan
        self.servers = servers
        self.mongo_uri = mongo_uri
        self.faults: dict[str, list[str]] = {}
        self.counts: Counter[str] = Counter()
        run = uuid.uuid4().hex[:8]
        form = {"password": "a password of the model"}
        self.users = [
            User(f"user {n}", {**form, "fullName": f"User {n}", "email": f"user{n}-{run}@example.org"})
            for n in range(plan.users + 1)
        ]
        self.stranger = self.users.pop()
        self.callers = Callers(servers, self.stranger, self.faults)
        self.doors: dict[str, Door] = {}
        self.of_device: dict[str, User] = {}
        self.followers: list[Follower] = []
        self.pairs: dict[tuple[int, int], str] = {}
        self._pace = Random(plan.seed)
        self._tasks: set[asyncio.Task[None]] = set()
        self._restarting = asyncio.Lock()

    async def go(self) -> tuple[dict[str, list[str]], Counter[str]]:
        """Runs the storm and the comparison."""
        self.devices = await Devices.start()
        try:
            await self._open()
            reading = asyncio.create_task(self._read())
            try:
                await self._storm()
                await self._make_peace()
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
            await self._judge()
            await self._stall()
        finally:
            for follower in self.followers:
                await follower.close()
            await self.callers.close()
            for door in self.doors.values():
                await door.remove()
            await self.devices.stop()
        return self.faults, self.counts

    async def _storm(self) -> None:
        for step in self.plan:
            self._begin(self._step(step), f"step {step.number}: {step.kind} on {step.device}")
            await asyncio.sleep(self._pace.expovariate(1 / PACE))
            while len(self._tasks) > AT_ONCE:
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)

    async def _open(self) -> None:
        for user in (*self.users, self.stranger):
            await self.callers.enter(user, "/register")
        for user, names in zip(self.users, self.plan.names(), strict=True):
            for number, name in enumerate(names):
                self.doors[name] = Door(self.servers, number)
                await self.doors[name].install()
                seed = self._pace.randrange(2**31)
                door = self.doors[name]
                opening = self.devices.do("open", name=name, user=user.id, url=door.url, form=user.form, seed=seed)
                await self._must(opening)
                self.of_device[name] = user
            tab = f"{names[0]} tab"
            await self._must(
                self.devices.do(
                    "open",
                    name=tab,
                    user=user.id,
                    url=self.doors[names[0]].url,
                    form=user.form,
                    seed=seed + 1,
                    storageOf=names[0],
                )
            )
            self.of_device[tab] = user
            door = self.doors[f"{user.name} in Python"] = Door(self.servers, len(self.doors))
            await door.install()
            self.followers.append(Follower(door.url, user.id, user.token))
        for one in range(self.plan.users):
            await self._pair(one, (one + 1) % self.plan.users)
        first = self.plan.names()[0][0]
        others = [user.id for user in self.users[1:4]]
        await self._must(self.devices.do("group", first, title="all", members=others, history="all"))

    async def _pair(self, one: int, other: int) -> str:
        key = (min(one, other), max(one, other))
        if key not in self.pairs:
            path = f"/conversations/direct/{self.users[other].id}"
            self.pairs[key] = (await self.callers.call("PUT", path, token=self.users[one].token)).json()["id"]
        return self.pairs[key]

    @staticmethod
    async def _must(result: Coroutine[Any, Any, dict[str, Any]]) -> None:
        answer = await result
        if not answer["ok"]:
            raise RuntimeError(answer["text"])

    def _begin(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _step(self, step: Step) -> None:
        if step.kind in ("kill", "restart"):
            await self._end_worker(step)
            return
        self.counts[step.kind] += 1
        if step.kind in OF_NETWORK:
            await self._network(self.doors[step.device], step)
        elif step.kind in OF_CALLERS:
            await self._call(step)
        else:
            users = [self.users[number].id for number in (step.given["friend"], *step.given["members"])]
            given = {**step.given, "friend": users[0], "members": users[1:]}
            await self.devices.do(step.kind, step.device, **given)

    async def _end_worker(self, step: Step) -> None:
        if self._restarting.locked():
            return  # one at a time, while the others handle requests
        async with self._restarting:
            self.counts[f"workers ended by {step.kind}"] += 1
            worker = self.servers.workers[int(step.given["at"] * len(self.servers.workers))]
            if step.kind == "kill":
                worker.kill()
            else:
                await asyncio.to_thread(worker.stop)
            await asyncio.to_thread(worker.start)

    async def _network(self, door: Door, step: Step) -> None:
        if step.kind == "cut":
            door.cut()
        elif step.kind == "open":
            door.open()
        else:
            door.shut() if step.kind == "shut" else door.stall()
            await asyncio.sleep((SHUT if step.kind == "shut" else STALLED) * 2 * step.given["at"])
            door.open()

    async def _call(self, step: Step) -> None:
        one = self.users.index(self.of_device[step.device])
        other = step.given["friend"]
        if other == one:
            other = (one + 1) % self.plan.users
        if step.kind == "race":
            await self.callers.race(self.users[one], self.users[other])
            return
        conversation = await self._pair(one, other)
        if step.kind == "repeat":
            await self.callers.repeat(self.users[one], conversation)
        elif step.kind == "probe":
            await self.callers.probe(conversation)
        else:
            await self.callers.forge(self.users[one], self.users[other], conversation)

    async def _read(self) -> None:
        while True:
            for (one, _), conversation in list(self.pairs.items()):
                await self.callers.read(self.users[one], conversation)
                await asyncio.sleep(PACE)

    async def _make_peace(self) -> None:
        async with self._restarting:
            for worker in self.servers.workers:
                if not worker.is_running:
                    await asyncio.to_thread(worker.start)
        for door in self.doors.values():
            door.open()
        for _ in range(2):  # the last operations of a device reach the others
            settling = {name: self.devices.do("settle", name, limit=LONGEST) for name in self.of_device}
            for name, result in zip(settling, await asyncio.gather(*settling.values()), strict=True):
                if not result.get("settled"):
                    self.faults.setdefault("G8", []).append(f"{name} does not come to rest: {result}")
            # Each operation ends: it is done or refused for good.
            if self._tasks:
                _, late = await asyncio.wait(self._tasks, timeout=LONGEST / 1000)
                self.faults.setdefault("G8", []).extend(f"{task.get_name()} does not end" for task in late)
        await self._sweep()
        for name in self.of_device:
            await self.devices.do("catchUp", name)
            await self.devices.do("settle", name, limit=LONGEST)
        for follower in self.followers:
            await asyncio.wait_for(follower.catch_up(), LONGEST / 1000)

    async def _sweep(self) -> None:
        """Waits until the sweeper has repaired the data that killed workers left."""
        with MongoClient[dict[str, Any]](self.mongo_uri) as client:
            database = client.get_default_database()
            began = monotonic()
            while left := await asyncio.to_thread(unfinished, database):
                if monotonic() - began > SWEPT:
                    self.faults.setdefault("G8", []).append(f"the sweeper leaves {left}")
                    return
                await asyncio.sleep(0.2)

    async def _stall(self) -> None:
        """G9. It is the last check, because its writers reach their limits."""
        for door in self.doors.values():
            door.shut()
        for one, other in itertools.permutations(self.users, 2):
            await self.callers.call("DELETE", f"/blocks/{other.id}", token=one.token)
        writers = [(self.users[other], await self._pair(0, other)) for other in range(1, self.plan.users)]
        faults = await stalled.check(self.servers, self.callers, self.users[0], writers)
        self.faults.setdefault("G9", []).extend(faults)

    async def _judge(self) -> None:
        results = await self.devices.do("results")
        judge = Judge(self.faults, self.counts, [*results["acknowledged"], *self.callers.acknowledged])
        with MongoClient[dict[str, Any]](self.mongo_uri) as client:
            await asyncio.to_thread(judge.store, client.get_default_database())
        judge.acknowledgements()
        judge.failures(results["failures"])
        judge.pages(self.callers.pages)
        judge.events(results["received"])
        for number, (user, names) in enumerate(zip(self.users, self.plan.names(), strict=True)):
            heads, messages = await self.callers.everything(user)
            judge.fresh(user.id, user.name, heads, messages)
            for name in (*names, f"{names[0]} tab"):
                judge.device(name, user.id, await self.devices.do("state", name))
            judge.follower(f"{user.name} in Python", self.followers[number])


def unfinished(database: Database[dict[str, Any]]) -> list[str]:
    """Returns what a crash has left: changes that are not published, and heads that are behind their messages."""
    left = []
    for name in ("conversations", "messages", "memberships", "users"):
        left += [f"{name} {row['_id']}" for row in database[name].find({"pending.0": {"$exists": True}}, {"_id": 1})]
    last = {row["_id"]: row["seq"] for row in database["messages"].aggregate(NEWEST)}
    heads = database["conversations"].find({}, {"lastSeq": 1})
    return left + [f"head {row['_id']}" for row in heads if row["lastSeq"] < last.get(row["_id"], 0)]

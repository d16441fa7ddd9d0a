"""Redis away: the workers serve on and say so; Redis back: they deliver to each other again without a restart."""

import asyncio
import json
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Callable

import pytest
from bson import ObjectId

from tests.cluster.clients import User
from tests.cluster.cluster import Cluster, Worker

pytestmark = pytest.mark.anyio

PATIENCE = 60  # seconds until something that should have come is missed


def status(worker: Worker) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{worker.port}/health/ready") as answer:
        return str(json.load(answer)["status"])


async def until(cluster: Cluster, expected: str) -> None:
    """Returns when every worker has this status; all of them answer 200 meanwhile."""
    async with asyncio.timeout(PATIENCE):
        while {await asyncio.to_thread(status, worker) for worker in cluster.workers} != {expected}:
            await asyncio.sleep(0.05)


class Pair:
    """Two users on different workers."""

    def __init__(self, ann: User, bob: User, conversation: str) -> None:
        self.ann = ann
        self.bob = bob
        self.conversation = conversation
        self._said = 0

    async def say(self, *, over_http: bool = False) -> None:
        """Ann writes; returns when it is acknowledged."""
        self._said += 1
        await self.ann.say(self.conversation, f"text {self._said}", f"m{self._said}", over_http=over_http)

    @property
    def live(self) -> int:
        """The number of messages that came to Bob without being fetched."""
        return self.bob.counts["live"]

    async def hears(self) -> None:
        """Returns when a message of Ann's comes to Bob live; the ones that were lost before he fetches himself."""
        before = self.live
        async with asyncio.timeout(PATIENCE):
            while self.live == before:
                await self.say()
                await asyncio.sleep(0.05)


@pytest.fixture
async def pair(cluster: Cluster) -> AsyncIterator[Pair]:
    await asyncio.to_thread(cluster.redis.empty)
    unique = str(ObjectId())
    users = [User(f"http://127.0.0.1:{worker.port}", Counter()) for worker in cluster.workers[:2]]
    await asyncio.gather(*(user.enter(f"{name}-{unique}", 1) for user, name in zip(users, ("ann", "bob"), strict=True)))
    opened = await users[0].http.call("PUT", f"/conversations/direct/{users[1].account.id}")
    yield Pair(users[0], users[1], opened["id"])
    await asyncio.gather(*(user.leave() for user in users))


OUTAGES: dict[str, tuple[Callable[[Cluster], None], Callable[[Cluster], None]]] = {
    "killed": (lambda cluster: cluster.redis.stop(), lambda cluster: cluster.redis.start()),
    "frozen": (lambda cluster: cluster.redis.freeze(), lambda cluster: cluster.redis.thaw()),
}


@pytest.mark.parametrize("name", OUTAGES)
async def test_without_redis_messages_are_acknowledged_and_with_it_they_are_delivered_again(
    cluster: Cluster, pair: Pair, name: str
) -> None:
    begin, end = OUTAGES[name]
    await until(cluster, "ready")
    await pair.hears()
    await asyncio.to_thread(begin, cluster)
    try:
        await until(cluster, "degraded")
        before = pair.live
        await pair.say()
        await pair.say(over_http=True)
        assert pair.live == before
    finally:
        await asyncio.to_thread(end, cluster)
    await until(cluster, "ready")
    await pair.hears()
    await asyncio.gather(*(user.devices[0].catch_up() for user in (pair.ann, pair.bob)))
    shown = pair.bob.devices[0].timelines[pair.conversation].shown
    assert shown == pair.ann.devices[0].timelines[pair.conversation].shown
    assert len(shown) == len(set(shown)) == pair._said
    assert pair.bob.devices[0].faults == []


async def test_the_end_of_a_worker_takes_none_of_the_others_sockets(cluster: Cluster, pair: Pair) -> None:
    cluster.workers[2].kill()
    try:
        await pair.hears()
        assert pair.ann.counts["connects"] == pair.bob.counts["connects"] == 1
    finally:
        await asyncio.to_thread(cluster.workers[2].start)

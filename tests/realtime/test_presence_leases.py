"""Presence of several processes in a real Redis: leases, their end, outages and lost data."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import jwt
import pytest
from redis import Redis

from hapiish import boom, options
from hapiish.declare.types import Duration
from hapiish.realtime.presence import Presence, PresenceChange, commands
from hapiish.realtime.presence import leases as module
from tests.cli.serving import Run
from tests.realtime.support import raw
from tests.redis_server import RedisServer, free_port

pytestmark = pytest.mark.anyio

LEASE = 900  # milliseconds: a renewal every 300 ms
PATIENCE = 20


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture(autouse=True)
def _empty(redis: RedisServer) -> None:
    redis.empty()


class Cluster:
    """Several Presences as processes have them, and what their applications hear: `changes` in order."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.changes: list[tuple[str, bool]] = []
        self.times: dict[str, list[int]] = {}

    async def hear(self, change: PresenceChange) -> None:
        self.changes.append((change.id, change.online))
        self.times.setdefault(change.id, []).append(change.at)

    @asynccontextmanager
    async def process(self, *, grace: int = 50, lease: int = LEASE) -> AsyncIterator[Presence]:
        settings = options.Presence(lease=Duration(lease), grace=Duration(grace))
        presence = Presence(settings, url=self.url, partition="tests", announce=self.hear)
        await presence.start()
        try:
            yield presence
        finally:
            await presence.close()

    async def heard(self, *changes: tuple[str, bool]) -> None:
        """Waits for these changes, and fails for any other."""
        await until(lambda: len(self.changes) >= len(changes))
        assert sorted(self.changes) == sorted(changes)


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


async def is_online(presence: Presence, *ids: str, among: tuple[str, ...] = ()) -> None:
    """Waits until exactly `ids` are online among them and `among`."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                if await presence.online([*ids, *among]) == set(ids):
                    return
            except boom.ServerUnavailable:
                pass
            await asyncio.sleep(0.01)


def die(presence: Presence) -> None:
    """Ends the work of a process without a word, as kill -9 does."""
    task: Any = presence._registry._task  # type: ignore[attr-defined]
    task.cancel()
    presence._registry._task = None  # type: ignore[attr-defined]


@pytest.fixture
def cluster(redis: RedisServer) -> Cluster:
    return Cluster(redis.url)


async def test_a_user_of_one_process_is_online_in_all_and_announced_once(cluster: Cluster) -> None:
    async with cluster.process() as one, cluster.process() as two:
        one.arrive("s1", "ann")
        assert await one.online(["ann"]) == {"ann"}  # at once
        await is_online(two, "ann", among=("bob",))
        two.arrive("s2", "ann")
        two.arrive("s3", "bob")
        await cluster.heard(("ann", True), ("bob", True))
        one.depart("s1")
        two.depart("s3")
        await cluster.heard(("ann", True), ("bob", True), ("bob", False))
        await is_online(one, "ann", among=("bob",))
        two.depart("s2")
        await cluster.heard(("ann", True), ("bob", True), ("bob", False), ("ann", False))
        await is_online(one, among=("ann", "bob"))
    assert cluster.times["ann"] == sorted(cluster.times["ann"])


async def test_a_user_who_reconnects_to_another_process_within_the_grace_time_was_never_offline(
    cluster: Cluster,
) -> None:
    async with cluster.process(grace=400) as one, cluster.process(grace=400) as two:
        one.arrive("s1", "ann")
        await cluster.heard(("ann", True))
        for number in range(3):
            one.depart(f"s{2 * number + 1}")
            two.arrive(f"s{2 * number + 2}", "ann")
            await is_online(two, "ann")
            two.depart(f"s{2 * number + 2}")
            one.arrive(f"s{2 * number + 3}", "ann")
        await asyncio.sleep(0.8)  # twice the grace time
        assert cluster.changes == [("ann", True)]


async def test_the_users_of_a_process_that_dies_go_offline_once_and_leave_nothing(
    cluster: Cluster, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 3)
    async with cluster.process() as dead, cluster.process() as one, cluster.process() as two:
        users = [f"user {number}" for number in range(10)]
        for user in users:
            dead.arrive(f"s {user}", user)
        two.arrive("s", "user 0")  # connected to a living process as well
        await cluster.heard(*((user, True) for user in users))
        die(dead)
        await cluster.heard(*((user, True) for user in users), *((user, False) for user in users[1:]))
        await is_online(one, "user 0", among=tuple(users[1:]))
        two.depart("s")
        await until(lambda: len(cluster.changes) == 20)
    with Redis.from_url(redis.url) as keys:
        left = {key.decode().rpartition("}:")[2] for key in keys.scan_iter()}
        assert left <= {"processes", "epoch"}  # the two that stopped, until their grace time ends
        assert all(keys.pttl(key) > 0 for key in keys.scan_iter())


async def test_a_user_of_a_dead_process_who_reconnects_in_time_was_never_offline(cluster: Cluster) -> None:
    async with cluster.process() as dead, cluster.process() as two:
        dead.arrive("s1", "ann")
        await cluster.heard(("ann", True))
        die(dead)
        two.arrive("s2", "ann")
        await asyncio.sleep(2 * LEASE / 1000)
        assert cluster.changes == [("ann", True)]
        await is_online(two, "ann")


async def test_the_users_of_a_process_that_stops_have_the_grace_time(cluster: Cluster) -> None:
    async with cluster.process(grace=300) as two:
        async with cluster.process(grace=300) as one:
            one.arrive("s1", "ann")
            one.arrive("s2", "bob")
            await cluster.heard(("ann", True), ("bob", True))
        two.arrive("s3", "ann")
        await cluster.heard(("ann", True), ("bob", True), ("bob", False))


async def test_a_process_that_was_frozen_beyond_its_lease_registers_its_users_again(cluster: Cluster) -> None:
    async with cluster.process() as frozen, cluster.process() as two:
        frozen.arrive("s1", "ann")
        frozen.arrive("s2", "bob")
        await cluster.heard(("ann", True), ("bob", True))
        die(frozen)
        await cluster.heard(("ann", True), ("bob", True), ("ann", False), ("bob", False))
        frozen.depart("s2")
        await asyncio.sleep(0.1)
        await frozen.start()
        await is_online(two, "ann", among=("bob",))
        await until(lambda: len(cluster.changes) == 5)
        assert cluster.changes[-1] == ("ann", True)


async def test_while_redis_is_away_presence_is_a_503_except_for_users_of_this_process(
    cluster: Cluster, redis: RedisServer
) -> None:
    async with cluster.process() as one, cluster.process() as two:
        one.arrive("s1", "ann")
        await is_online(two, "ann")
        redis.stop()
        try:
            assert await one.online(["ann"]) == {"ann"}
            with pytest.raises(boom.ServerUnavailable) as error:
                await two.online(["ann"])
            assert error.value.payload()["data"] == {"retryable": True}
            one.depart("s1")
            two.arrive("s2", "bob")
            await asyncio.sleep(0.3)
        finally:
            redis.start()
        await cluster.heard(("ann", True), ("ann", False), ("bob", True))
        await is_online(one, "bob", among=("ann",))


async def test_a_frozen_redis_costs_a_bounded_time_and_is_used_again(
    cluster: Cluster, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "PATIENCE", 0.2)
    async with cluster.process() as one:
        process: Any = redis._process
        process.send_signal(signal.SIGSTOP)
        try:
            one.arrive("s1", "ann")
            with pytest.raises(boom.ServerUnavailable):
                await asyncio.wait_for(one.online(["bob"]), PATIENCE)
        finally:
            process.send_signal(signal.SIGCONT)
        await is_online(one, "ann", among=("bob",))
        await cluster.heard(("ann", True))


async def test_users_that_were_announced_are_not_announced_again_after_redis_has_lost_its_data(
    cluster: Cluster, redis: RedisServer
) -> None:
    async with cluster.process() as one, cluster.process() as two:
        one.arrive("s1", "ann")
        two.arrive("s2", "bob")
        await cluster.heard(("ann", True), ("bob", True))
        redis.empty()
        with pytest.raises(boom.ServerUnavailable):  # unknown, until the other process has registered its users
            await one.online(["bob"])
        await is_online(one, "ann", "bob", among=("cid",))
        await is_online(two, "ann", "bob")
        two.arrive("s3", "cid")
        await cluster.heard(("ann", True), ("bob", True), ("cid", True))


async def test_users_that_redis_has_lost_alone_are_registered_again(cluster: Cluster, redis: RedisServer) -> None:
    async with cluster.process() as one, cluster.process() as two:
        one.arrive("s1", "ann")
        await cluster.heard(("ann", True))
        with Redis.from_url(redis.url) as keys:  # as a failover to a server that lacks the latest writes
            (key,) = keys.scan_iter("{tests:presence}:of:*")
            keys.delete(key, "{tests:presence}:users")
        async with asyncio.timeout(PATIENCE):
            while await two.online(["ann"]) != {"ann"}:
                await asyncio.sleep(0.01)


async def test_a_process_stops_although_a_library_swallows_its_cancellation(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered = asyncio.Event()
    async with asyncio.timeout(PATIENCE), cluster.process() as one:
        run = one._registry._redis.script  # type: ignore[attr-defined]

        async def swallowing(script: str, keys: Any, *arguments: Any) -> Any:
            entered.set()
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0.2)
            return await run(script, keys, *arguments)

        monkeypatch.setattr(one._registry._redis, "script", swallowing)  # type: ignore[attr-defined]
        one.arrive("s1", "ann")
        await entered.wait()


async def test_many_users_cost_one_command_for_each_batch_and_a_renewal_none(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cluster.process() as one:
        commands: list[int] = []
        run = one._registry._redis.script  # type: ignore[attr-defined]

        async def counted(script: str, keys: Any, *arguments: Any) -> Any:
            commands.append(len(arguments))
            return await run(script, keys, *arguments)

        monkeypatch.setattr(one._registry._redis, "script", counted)  # type: ignore[attr-defined]
        for number in range(5000):
            one.arrive(f"s{number}", f"user {number}")
        await until(lambda: len(cluster.changes) == 5000)
        filled = [size for size in commands if size > 7]
        assert (len(filled), sum(filled)) == (10, 10 * 7 + 5000)
        commands.clear()
        await until(lambda: len(commands) > 1)
        assert set(commands) == {7}  # a renewal does not name users


async def test_presence_is_on_one_server_of_a_redis_cluster() -> None:
    with RedisServer(cluster_enabled="yes", cluster_port=str(free_port())) as server:
        server.command("CLUSTER", "ADDSLOTS", *map(str, range(16384)))
        async with asyncio.timeout(PATIENCE):
            while b"cluster_state:ok" not in server.command("CLUSTER", "INFO"):
                await asyncio.sleep(0.05)
        for url in (server.url, f"redis+cluster://127.0.0.1:1,127.0.0.1:{server.port}"):
            cluster = Cluster(url)
            async with cluster.process() as one, cluster.process() as two:
                one.arrive("s1", "ann")
                await is_online(two, "ann", among=("bob",))
                one.depart("s1")
                await cluster.heard(("ann", True), ("ann", False))


TABLE = """
hapiish: 1
auth:
  strategies: {token: {scheme: jwt, options: {keys: "${SECRET}", verify: {aud: false, iss: false, sub: false}}}}
  default: token
server: {shutdownTimeout: 1s}
routes:
  - {method: GET, path: "/online", handler: "my:online", options: {auth: false}}
sockets:
  queue: "${REDIS_URL:}"
  presence: {by: credentials.sub, lease: 1s, grace: 100ms, onChange: "my:changed"}
  namespaces: [{namespace: /}]
"""
CODE = """
import os

def changed(server, change):
    with open(os.environ["CHANGES"], "a") as file:
        file.write(f"{change.id} {change.online}\\n")

def online(request, h):
    return sorted(request.server.presence.online(request.query["ids"].split(",")))
"""
SECRET = "s" * 32


def _run(folder: Path, env: dict[str, str]) -> Run:
    folder.mkdir()
    (folder / "routes.yaml").write_text(TABLE)
    (folder / "my.py").write_text(CODE)
    return Run(folder / "routes.yaml", **env)


async def test_a_process_killed_with_9_leaves_nobody_online(tmp_path: Path, redis: RedisServer) -> None:
    changes = tmp_path / "changes"
    changes.touch()
    env = {"SECRET": SECRET, "REDIS_URL": redis.url, "CHANGES": str(changes), "PYTHONPATH": str(Path.cwd())}
    with ExitStack() as stack:
        one, two = (stack.enter_context(_run(tmp_path / str(number), env)) for number in range(2))

        def auth(user: str) -> str:
            return "40" + json.dumps({"token": jwt.encode({"sub": user}, SECRET, "HS256")})

        async def online() -> Any:
            return await asyncio.to_thread(two.get, "/online?ids=ann,bob,cid")

        def lines() -> list[str]:
            return sorted(changes.read_text().split("\n")[:-1])

        ports = [int(run.address.rpartition(":")[2]) for run in (one, two)]
        async with raw(ports[0]) as ann, raw(ports[0]) as bob, raw(ports[1]) as cid, raw(ports[1]) as also_bob:
            for client, user in ((ann, "ann"), (bob, "bob"), (cid, "cid"), (also_bob, "bob")):
                await client.send(auth(user))
                await client.until("40")
            await until(lambda: lines() == ["ann True", "bob True", "cid True"])
            assert await online() == (200, ["ann", "bob", "cid"])
            one.process.send_signal(signal.SIGKILL)
            await until(lambda: lines() == ["ann False", "ann True", "bob True", "cid True"])
            assert await online() == (200, ["bob", "cid"])
        await until(lambda: len(lines()) == 6)
        assert lines() == ["ann False", "ann True", "bob False", "bob True", "cid False", "cid True"]

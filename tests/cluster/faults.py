"""Faults of a cluster, and the repair of each."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

from tests.cluster.clients import TIMEOUT
from tests.cluster.cluster import Cluster

FROZEN = 4.0  # seconds that Redis does not answer
SETTLED = 1.5  # seconds between a started worker and the end of the next: more than nginx's fail_timeout
HUNG = (
    TIMEOUT + 2
)  # seconds that a worker does not answer: its clients have repeated, and it finds what they sent before


async def nothing(cluster: Cluster) -> None:
    """No fault: the base of the comparison."""


async def rolling_restart(cluster: Cluster) -> None:
    """Every worker is stopped by SIGTERM and started again, one after the other."""
    for worker in cluster.workers:
        code = await asyncio.to_thread(worker.stop)
        if code != 0:
            raise RuntimeError(f"{worker.name} ended with {code} after SIGTERM: {worker.log.read_text()[-2000:]}")
        await asyncio.to_thread(worker.start)
        await asyncio.sleep(SETTLED)


async def reload_table(cluster: Cluster) -> None:
    """Every worker is told by SIGHUP to serve its table again, three times."""
    for _ in range(3):
        for worker in cluster.workers:
            worker.send(signal.SIGHUP)
        await asyncio.sleep(0.5)


async def kill_worker(cluster: Cluster) -> None:
    """A worker ends by kill -9, and is started again."""
    worker = cluster.workers[0]
    worker.kill()
    await asyncio.to_thread(worker.start)


async def kill_workers(cluster: Cluster) -> None:
    """All workers but one end by kill -9 at once, and are started again."""
    for worker in cluster.workers[1:]:
        worker.kill()
    await asyncio.gather(*(asyncio.to_thread(worker.start) for worker in cluster.workers[1:]))


async def freeze_worker(cluster: Cluster) -> None:
    """A worker stops answering, with its connections open, and goes on later."""
    cluster.workers[0].freeze()
    try:
        await asyncio.sleep(HUNG)
    finally:
        cluster.workers[0].resume()


async def step_down(cluster: Cluster) -> None:
    """The primary steps down, and another member is elected."""
    await asyncio.to_thread(cluster.mongo.step_down)


async def kill_primary(cluster: Cluster) -> None:
    """The primary ends by kill -9; after the election, it comes back as a secondary."""
    await asyncio.to_thread(cluster.mongo.kill_primary)
    await asyncio.to_thread(cluster.mongo.restart)


async def freeze_primary(cluster: Cluster) -> None:
    """The primary stops answering, with its connections open; after the election, it goes on as a secondary."""
    frozen = cluster.mongo.members[await asyncio.to_thread(cluster.mongo.primary)]
    frozen.freeze()
    try:
        await asyncio.sleep(FROZEN)
    finally:
        frozen.resume()
    await asyncio.to_thread(cluster.mongo.wait_until_complete)


async def restart_redis(cluster: Cluster) -> None:
    """Redis ends by kill -9 and comes back empty."""
    cluster.redis.stop()
    await asyncio.sleep(1)
    await asyncio.to_thread(cluster.redis.start)


async def freeze_redis(cluster: Cluster) -> None:
    """Redis stops answering, with its connections open, and goes on later."""
    cluster.redis.freeze()
    try:
        await asyncio.sleep(FROZEN)
    finally:
        cluster.redis.thaw()


Break = Callable[[Cluster], Awaitable[None]]
FAULTS: dict[str, Break] = {
    "none": nothing,
    "rolling restart": rolling_restart,
    "table reloaded": reload_table,
    "worker kill -9": kill_worker,
    "two workers kill -9": kill_workers,
    "worker frozen": freeze_worker,
    "primary steps down": step_down,
    "primary kill -9": kill_primary,
    "primary frozen": freeze_primary,
    "Redis kill -9": restart_redis,
    "Redis frozen": freeze_redis,
}

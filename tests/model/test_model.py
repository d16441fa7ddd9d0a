"""The guarantees of the chat in a short storm; scripts/model runs longer ones."""

import pytest

from tests.model.guarantees import run_plan
from tests.model.plan import Plan
from tests.redis_server import RedisServer

pytestmark = pytest.mark.anyio


async def test_the_guarantees_hold_for_random_users_devices_and_faults(
    mongo_uri: str, redis_server: RedisServer
) -> None:
    faults, counts = await run_plan(Plan(seed=11, steps=120, users=4), 2, mongo_uri, redis_server)
    assert not any(faults.values()), faults
    assert all(counts[name] for name in ("acknowledged", "messages compared", "workers ended by kill")), counts

"""Clients that follow the rules of docs/chat.md lose nothing, whatever part of the cluster fails under load."""

import asyncio
from functools import partial

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.faults import FAULTS
from tests.cluster.traffic import Plan, Traffic

pytestmark = pytest.mark.anyio

# Faults that no socket notices.
UNNOTICED = {
    "none",
    "table reloaded",
    "primary steps down",
    "primary kill -9",
    "primary frozen",
    "Redis kill -9",
    "Redis frozen",
}
PLAN = Plan(pairs=2, devices=2, before=3, during=20, after=3)


@pytest.mark.parametrize("name", FAULTS)
async def test_nothing_is_lost_doubled_or_out_of_order(cluster: Cluster, name: str) -> None:
    await asyncio.to_thread(cluster.redis.empty)  # the limits count per address, which all users here share
    outcome = await Traffic(cluster, name, PLAN).run(partial(FAULTS[name], cluster))
    assert outcome.faults == []
    assert outcome.sent == PLAN.pairs * 2 * (PLAN.before + PLAN.during + PLAN.after)
    assert (outcome.acknowledged, outcome.stored) == (outcome.sent, outcome.sent)
    assert (outcome.lost, outcome.doubled, outcome.disordered) == (0, 0, 0)
    assert outcome.shown == outcome.devices * outcome.stored
    sockets = PLAN.pairs * outcome.devices
    if name in UNNOTICED:
        assert outcome.counts["connects"] == sockets
    if name == "rolling restart":
        assert outcome.counts["told"] >= sockets

"""Counters of rate limits: windows on a controlled clock, compared with a simple reference counter."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hapiish.http.guards import counters
from hapiish.http.guards.counters import Counters, MemoryCounters, Window
from hapiish.http.guards.turns import Verdict
from tests.redis_server import RedisServer

pytestmark = pytest.mark.anyio


class Clock:
    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("settings", "window"),
    [
        ((5, 1000, None, "moving"), Window(5, 1, "moving")),
        ((5, 1000, 20, "moving"), Window(20, 4, "moving")),
        ((7, 60_000, 10, "fixed"), Window(10, 86, "fixed")),  # 85.7 seconds, rounded up
        ((10, 1000, 10, "fixed"), Window(10, 1, "fixed")),
    ],
)
async def test_a_burst_makes_the_window_longer_so_that_the_rate_stays(settings: tuple, window: Window) -> None:  # type: ignore[type-arg]
    assert Window.of(*settings) == window


async def test_a_moving_window_lets_in_again_when_the_oldest_request_leaves_it() -> None:
    clock = Clock()
    store, window = Counters(clock=clock), Window(2, 10)
    assert await store.take(window, "a") == Verdict(True, 1, 10.0)
    clock.now += 4
    assert await store.take(window, "a") == Verdict(True, 0, 6.0)
    assert await store.take(window, "a") == Verdict(False, 0, 6.0)
    assert await store.take(window, "b") == Verdict(True, 1, 10.0)
    clock.now += 6
    assert await store.take(window, "a") == Verdict(True, 0, 4.0)


async def test_a_fixed_window_starts_over_as_a_whole() -> None:
    clock = Clock()
    store, window = Counters(clock=clock), Window(2, 10, "fixed")
    for left in (1, 0):
        assert await store.take(window, "a") == Verdict(True, left, 10.0)
    clock.now += 9
    assert await store.take(window, "a") == Verdict(False, 0, 1.0)
    clock.now += 1
    assert await store.take(window, "a") == Verdict(True, 1, 10.0)


async def test_looking_counts_nothing() -> None:
    store, window = Counters(clock=Clock()), Window(1, 10)
    for _ in range(3):
        assert await store.look(window, "a") == Verdict(True, 1, 10.0)
    await store.take(window, "a")
    assert await store.look(window, "a") == Verdict(False, 0, 10.0)


@given(st.lists(st.tuples(st.floats(0, 5), st.sampled_from("ab")), max_size=60), st.integers(1, 4), st.integers(1, 6))
async def test_no_stretch_of_time_ever_has_more_than_the_limit(
    arrivals: list[tuple[float, str]], amount: int, seconds: int
) -> None:
    clock = Clock()
    store, window = Counters(clock=clock), Window(amount, seconds)
    let_in: dict[str, list[float]] = {"a": [], "b": []}
    for wait, key in arrivals:
        clock.now += wait
        recent = [moment for moment in let_in[key] if moment > clock.now - seconds]
        verdict = await store.take(window, key)
        assert verdict is not None
        assert verdict.allowed == (len(recent) < amount)
        if verdict.allowed:
            let_in[key].append(clock.now)


async def test_memory_is_given_back_when_windows_end() -> None:
    clock = Clock()
    store = MemoryCounters(clock=clock)
    for number in range(1000):
        await store.incr(f"f{number}", 10)
        await store.acquire_entry(f"m{number}", 5, 10)
    assert len(store) == 2000
    clock.now += 5
    await store.acquire_entry("m0", 5, 10)
    clock.now += 5
    await store.get("f0")
    assert (len(store), list(store._moments), list(store._counts)) == (1, ["m0"], [])
    clock.now += 5
    assert await store.get_moving_window("m0", 5, 10) == (clock.now, 0)
    assert len(store) == 0


async def test_there_is_an_end_to_how_many_callers_are_remembered() -> None:
    clock = Clock()
    store = MemoryCounters(keys=3, clock=clock)
    for number in range(10):
        clock.now += 1
        await store.incr(f"f{number}", 100)
        await store.acquire_entry(f"m{number}", 5, 50)
    assert len(store) == 3
    assert len(store._counts) + len(store._moments) == 3


async def test_a_store_can_forget_a_key_and_everything() -> None:
    store = MemoryCounters(clock=Clock())
    await store.incr("a", 10)
    await store.acquire_entry("b", 1, 10)
    await store.clear("a")
    assert await store.get("a") == 0
    assert await store.reset() == 2
    assert await store.acquire_entry("b", 1, 10)
    assert await store.check()


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Counters]:
    store = Counters(redis_url, partition="shop")
    yield store
    await store.close()


@pytest.mark.parametrize("strategy", ["moving", "fixed"])
async def test_several_processes_count_together_in_redis(
    redis: Counters, redis_url: str, strategy: counters.Strategy
) -> None:
    other, window = Counters(redis_url, partition="shop"), Window(10, 600, strategy)
    verdicts = await asyncio.gather(*(store.take(window, strategy) for store in (redis, other) for _ in range(10)))
    assert [verdict.allowed for verdict in verdicts if verdict].count(True) == 10
    seen = await other.look(window, strategy)
    assert seen is not None
    assert (seen.allowed, seen.remaining) == (False, 0)
    assert seen.reset == pytest.approx(600, abs=10)
    elsewhere = Counters(redis_url, partition="another")
    apart = await elsewhere.look(window, strategy)
    assert apart is not None
    assert apart.remaining == 10
    await other.close()
    await elsewhere.close()


async def test_a_redis_that_goes_and_comes_is_told_of_once_each(caplog: pytest.LogCaptureFixture) -> None:
    clock, window = Clock(), Window(2, 600)
    caplog.set_level(logging.INFO, logger="hapiish")
    with RedisServer() as server:
        store = Counters(server.url, clock=clock)
        assert await store.take(window, "a") is not None
        server.stop()
        for _ in range(3):
            assert await store.take(window, "a") is None
            clock.now += counters.PAUSE
        server.start()
        assert await store.take(window, "a") is not None
        await store.close()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


async def test_a_redis_that_failed_is_left_alone_for_a_moment() -> None:
    clock = Clock()
    with RedisServer() as server:
        store = Counters(server.url, clock=clock)
        server.stop()
        assert await store.take(Window(2, 600), "a") is None
        server.start()
        assert await store.take(Window(2, 600), "a") is None
        clock.now += counters.PAUSE
        assert await store.take(Window(2, 600), "a") is not None
        await store.close()

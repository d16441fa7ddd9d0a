"""The memory cache: contents, limits and eviction."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from hapiish.boom import ServerUnavailable
from hapiish.caches.memory import ENTRY_BYTES, CacheFullError, MemoryStore
from tests.virtual_loop import VirtualLoop, clock

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


async def started(max_bytes: int = 0) -> MemoryStore:
    store = MemoryStore(max_bytes=max_bytes, clock=clock)
    await store.start()
    return store


async def kept(store: MemoryStore, id: str) -> Any:
    entry = await store.get("s", id)
    return entry and entry.value


@pytest.mark.parametrize("value", [None, True, 1.5, "é", [1, {"a": None}], {"a": [1, 2]}, b"\x00\xff", b""])
async def test_a_value_comes_back_as_it_was(value: Any) -> None:
    store = await started()
    await store.set("s", "a", value, 1000)
    assert await kept(store, "a") == value


@pytest.mark.parametrize("value", [datetime.now(UTC), {1: "a"}, {"a": {1, 2}}, object(), {"a": b"x"}])
async def test_what_would_come_back_as_something_else_is_refused(value: Any) -> None:
    store = await started()
    with pytest.raises(TypeError, match="plain data only"):
        await store.set("s", "a", value, 1000)


async def test_segments_are_apart() -> None:
    store = await started()
    await store.set("s", "a", 1, 1000)
    await store.set("t", "a", 2, 1000)
    await store.drop("t", "a")
    await store.drop("t", "a")
    assert await kept(store, "a") == 1


async def test_bytes_are_counted_and_given_back() -> None:
    store = await started()
    await store.set("s", "é", "abc", 1000)
    assert store.bytes == ENTRY_BYTES + len('"abc"') + len("s") + len("é".encode())
    await store.set("s", "é", "", 1000)
    assert store.bytes == ENTRY_BYTES + 2 + 1 + 2
    await store.drop("s", "é")
    assert store.bytes == 0


async def test_a_full_store_refuses_what_is_new_and_throws_nothing_out() -> None:
    store = await started(max_bytes=2 * (ENTRY_BYTES + 10))
    await store.set("s", "a", b"12345678", 1000)
    await store.set("s", "b", b"12345678", 1000)
    with pytest.raises(CacheFullError):
        await store.set("s", "c", b"", 1000)
    assert [await kept(store, id) for id in "abc"] == [b"12345678", b"12345678", None]
    await store.set("s", "b", b"1234567", 1000)
    assert await kept(store, "b") == b"1234567"


async def test_a_full_store_makes_room_of_what_has_expired() -> None:
    store = await started(max_bytes=ENTRY_BYTES + 10)
    await store.set("s", "a", b"12345678", 100)
    await asyncio.sleep(0.1)
    await store.set("s", "b", b"12345678", 100)
    assert [await kept(store, id) for id in "ab"] == [None, b"12345678"]


async def test_what_has_expired_is_cleaned_up_a_second_later_at_the_soonest() -> None:
    store = await started()
    await store.set("s", "a", 1, 10)
    await store.set("s", "b", 1, 5000)
    one = store.bytes // 2
    await asyncio.sleep(0.999)
    assert store.bytes == 2 * one
    await asyncio.sleep(0.002)
    assert store.bytes == one
    await asyncio.sleep(4)
    assert store.bytes == 0


async def test_a_value_that_was_replaced_lives_as_long_as_the_new_one() -> None:
    store = await started()
    await store.set("s", "a", 1, 500)
    await store.set("s", "a", 2, 60_000)
    await asyncio.sleep(30)
    assert await kept(store, "a") == 2


async def test_replacing_a_value_again_and_again_takes_no_more_room() -> None:
    store = await started()
    for _ in range(5000):
        await store.set("s", "a", 1, 60_000)
    assert len(store._expiring) < 1100


async def test_a_store_that_is_not_started_takes_no_calls_and_begins_empty() -> None:
    store = MemoryStore()
    with pytest.raises(ServerUnavailable):
        await store.get("s", "a")
    await store.start()
    await store.set("s", "a", 1, 1000)
    await store.start()
    assert await kept(store, "a") == 1
    await store.stop()
    assert not store.is_ready
    await store.start()
    assert await kept(store, "a") is None
    await store.stop()

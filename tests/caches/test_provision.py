"""Cache stores by name, and their segments, across reloads."""

import pytest

from hapiish.caches import Caches, Policy, Provision, Rules
from hapiish.caches.memory import MemoryStore

pytestmark = pytest.mark.anyio

RULES = Rules(expires_in=1000)


def memory(name: str, settings: object = None, *, shared: bool = False) -> Provision:
    return Provision(name=name, store=MemoryStore(), settings=settings, shared=shared)


def test_there_is_always_a_default_store() -> None:
    assert set(Caches().stores) == {"_default"}
    assert set(Caches([memory("other")]).stores) == {"_default", "other"}
    assert Caches().policy(RULES, segment="a").segment == "a"


def test_a_segment_is_taken_once_unless_it_or_its_store_is_shared() -> None:
    caches = Caches([memory("common", shared=True), memory("other")])
    caches.policy(RULES, segment="a")
    caches.policy(RULES, segment="a", cache="other")
    with pytest.raises(ValueError, match='segment "a" is taken'):
        caches.policy(RULES, segment="a")
    assert caches.policy(RULES, segment="a", shared=True).store is caches.stores["_default"]
    for _ in range(2):
        caches.policy(RULES, segment="a", cache="common")


@pytest.mark.parametrize(("segment", "cache"), [("", None), ("a\0b", None), ("a", "unknown")])
def test_unknown_stores_and_segments_without_a_name_are_refused(segment: str, cache: str | None) -> None:
    with pytest.raises(ValueError, match=r"segment needs a name|unknown cache"):
        Caches().policy(RULES, segment=segment, cache=cache)


async def test_the_next_table_goes_on_with_the_stores_that_are_still_the_same() -> None:
    first = Caches([memory("same", 1), memory("changed", 1), memory("gone", 1)])
    await first.start()
    kept: Policy = first.policy(RULES, segment="a", cache="same")
    await kept.set("x", 1)
    second = Caches([memory("same", 1), memory("changed", 2)], before=first)
    await second.start()
    assert await second.policy(RULES, segment="a", cache="same").get("x") == 1
    assert second.stores["changed"] is not first.stores["changed"]
    await first.release(second)
    assert [store.is_ready for store in first.stores.values()] == [True, False, False, True]
    await second.stop()
    assert not any(store.is_ready for store in second.stores.values())

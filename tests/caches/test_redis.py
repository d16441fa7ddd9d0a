"""The Redis cache against a real server, with outages and foreign data."""

import logging
from typing import Any

import orjson
import pytest
from redis import Redis

from hapiish.boom import ServerUnavailable
from hapiish.caches import Caches, Policy, Provision, Rules
from hapiish.caches.redis import RedisStore
from tests.caches.support import Source
from tests.redis_server import RedisServer

pytestmark = pytest.mark.anyio


async def started(url: str, **options: Any) -> RedisStore:
    store = RedisStore(url=url, **options)
    await store.start()
    return store


@pytest.mark.parametrize("value", [None, True, 1.5, "é", [1, {"a": None}], {"a": [1, 2]}, b"\x00\xff", b""])
async def test_a_value_comes_back_as_it_was(redis_url: str, value: Any) -> None:
    store = await started(redis_url)
    await store.set("s", "a", value, 60_000)
    entry = await store.get("s", "a")
    assert entry is not None
    assert (entry.value, entry.ttl) == (value, 60_000)
    await store.drop("s", "a")
    assert await store.get("s", "a") is None
    await store.stop()


async def test_the_format_is_catboxs(redis_url: str) -> None:
    store = await started(redis_url, partition="my app", clock=lambda: 1700000000.5)
    await store.set("#users.load", "a:b/c", {"x": 1}, 60_000)
    with Redis.from_url(redis_url) as client:
        key = b"my%20app:%23users.load:a%3Ab%2Fc"
        assert client.keys() == [key]
        text = client.get(key)
        assert isinstance(text, bytes)
        assert orjson.loads(text) == {"item": {"x": 1}, "stored": 1700000000500, "ttl": 60000}
        left = client.pttl(key)
        assert isinstance(left, int)
        assert 0 < left <= 60_000
    await store.stop()


@pytest.mark.parametrize("text", [b"\xff", b"[]", b'"a"', b"{}", b'{"item": 1, "stored": null, "ttl": 1}'])
async def test_what_strangers_leave_under_a_key_is_not_there(redis_url: str, text: bytes) -> None:
    store = await started(redis_url, partition="p")
    with Redis.from_url(redis_url) as client:
        client.set("p:s:a", text)
    assert await store.get("s", "a") is None
    await store.stop()


async def test_a_value_that_is_no_plain_data_is_refused(redis_url: str) -> None:
    store = await started(redis_url)
    with pytest.raises(TypeError, match="plain data only"):
        await store.set("s", "a", object(), 1000)
    await store.stop()


async def test_an_outage_is_gone_around_and_over_by_itself(redis_url: str, redis_server: RedisServer) -> None:
    store = await started(redis_url)
    source = Source()
    policy = Policy(Rules(expires_in=60_000, generate_func=source, generate_timeout=60_000), store, "s")
    strict = Policy(
        Rules(expires_in=60_000, generate_func=source, generate_timeout=60_000, generate_on_read_error=False),
        store,
        "s",
    )
    assert await policy.get("a") == await strict.get("a") == {"made": 1}
    redis_server.stop()
    try:
        assert await policy.get("a") == {"made": 2}
        with pytest.raises(ServerUnavailable) as caught:
            await strict.get("a")
        assert caught.value.payload()["data"] == {"retryable": True}
        assert caught.value.headers == {"retry-after": "1"}
        with pytest.raises(ServerUnavailable):
            await strict.drop("a")
    finally:
        redis_server.start()
    assert await policy.get("a") == {"made": 3}
    assert await strict.get("a") == {"made": 3}
    await store.stop()


async def test_a_redis_that_is_away_at_the_start_is_told_of_once_and_so_is_its_return(
    redis_url: str, redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    store = RedisStore(url=redis_url)
    caches = Caches([Provision(store=store, name="shared")])
    policies = [caches.policy(Rules(expires_in=60_000), segment=segment, cache="shared") for segment in "ab"]
    caplog.set_level(logging.INFO, logger="hapiish")
    redis_server.stop()
    try:
        await caches.start()
        for policy in policies:
            with pytest.raises(ServerUnavailable):
                await policy.get("x")
    finally:
        redis_server.start()
    for policy in policies:
        await policy.set("x", 1)
        assert await policy.get("x") == 1
    levels, said = zip(*((record.levelname, record.message) for record in caplog.records), strict=True)
    assert levels == ("WARNING", "INFO")
    assert said[0].startswith('the store of the cache "shared" does not answer yet: ')
    assert said[1] == 'the store of the cache "shared" answers again'
    await caches.stop()
    with pytest.raises(ServerUnavailable):
        await store.get("s", "a")


async def test_what_a_redis_refuses_is_no_loss_of_it(redis_url: str, caplog: pytest.LogCaptureFixture) -> None:
    store = await started(redis_url, partition="p")
    with Redis.from_url(redis_url) as client:
        client.rpush("p:s:a", "a list")
    policy = Policy(Rules(expires_in=60_000), store, "s")
    for _ in range(2):
        with pytest.raises(ServerUnavailable):
            await policy.get("a")
    assert len(caplog.records) == 1
    assert caplog.records[0].message.startswith("cache segment s cannot read")
    await store.stop()


def test_a_url_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="redis://"):
        RedisStore(url="localhost:6379")

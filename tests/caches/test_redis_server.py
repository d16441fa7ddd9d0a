"""The Redis server that other tests use."""

from redis import Redis

from tests.redis_server import RedisServer


def test_a_redis_is_empty_and_comes_back_empty(redis_url: str, redis_server: RedisServer) -> None:
    with Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("key", "value")
    redis_server.stop()
    redis_server.start()
    with Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0

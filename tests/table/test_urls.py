"""URLs of Redis and of the queue whose addresses are wrong."""

import pytest

from hapiish.table import check_text

PLACES = [
    ("server: {limit: {store: '%s'}}\n", '2:25: HA0205 "store"'),
    ("sockets: {queue: '%s'}\n", '2:18: HA0205 "queue"'),
    ("sockets: {queue: {url: '%s'}}\n", '2:24: HA0205 "url"'),
    ("caches: [{name: a, provider: redis, options: {url: '%s'}}]\n", '2:52: HA0205 "url"'),
]


def found(text: str, **env: str) -> list[str]:
    return [str(each) for each in check_text(f"hapiish: 1\n{text}", "f", env)[1]]


@pytest.mark.parametrize("url", ["redis://h:99999", "redis://h:x/0", "redis://:p@[::1/0", "redis://u:p@h:-1"])
@pytest.mark.parametrize(("text", "problem"), PLACES)
def test_a_url_with_an_impossible_address_is_refused(text: str, problem: str, url: str) -> None:
    (line,) = found(text % url)
    assert line.startswith(f"f:{problem} must have a host and a port from 0 to 65535 in its URL")
    assert url not in line.partition("\n")[0]


@pytest.mark.parametrize(
    "url",
    ["", "redis://h", "redis://u:p%40:x@h:6379/0", "redis://[::1]:6379", "unix:///run/redis.sock", "rediss://h:0?x=1"],
)
@pytest.mark.parametrize(("text", "problem"), PLACES)
def test_a_possible_url_is_accepted(text: str, problem: str, url: str) -> None:
    assert found(text % url) == []


@pytest.mark.parametrize("url", ["redis+cluster://a:1,b:2,[::1]:3", "kafka://a:9092,b", "amqp://u:p@h//v"])
def test_a_queue_may_have_several_addresses(url: str) -> None:
    assert found(f"sockets: {{queue: '{url}'}}\n") == []


def test_one_wrong_address_of_several_is_refused() -> None:
    assert len(found("sockets: {queue: 'redis+cluster://a:1,b:99999'}\n")) == 1


def test_the_url_of_a_variable_is_checked_and_not_shown() -> None:
    (line,) = found('sockets: {queue: "${REDIS_URL:}"}\n', REDIS_URL="redis://:secret@h:99999")
    assert "HA0205" in line
    assert "secret" not in line

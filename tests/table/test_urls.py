"""URLs of Redis and of the queue whose addresses are wrong."""

from pathlib import Path

import pytest

from hapiish.table import check_text
from hapiish.table.report import as_github, as_json, as_text

PLACES = [
    ("server: {limit: {store: '%s'}}\n", '2:25: HA0205 "store"'),
    ("sockets: {queue: '%s'}\n", '2:18: HA0205 "queue"'),
    ("sockets: {queue: {url: '%s'}}\n", '2:24: HA0205 "url"'),
    ("caches: [{name: a, provider: redis, options: {url: '%s'}}]\n", '2:52: HA0205 "url"'),
]


def found(text: str, **env: str) -> list[str]:
    return [str(each) for each in check_text(f"hapiish: 1\n{text}", "f", env)[1]]


@pytest.mark.parametrize(
    "url",
    [
        "redis://h:99999",
        "redis://h:0",
        "redis://h:x/0",
        "redis://:6379/0",
        "redis:///0",
        "redis://u:p@",
        "redis://a b:1",
        "redis://a:1,b:2",
        "redis://u:p/x@h:1",
        "redis://:p@[::1/0",
        "redis://u:p@h:-1",
    ],
)
@pytest.mark.parametrize(("text", "problem"), PLACES)
def test_a_url_with_an_impossible_address_is_refused(text: str, problem: str, url: str) -> None:
    (line,) = found(text % url)
    assert line.startswith(f"f:{problem} must have a host and a port from 1 to 65535 in its URL")
    assert url not in line.partition("\n")[0]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "redis://h",
        "redis://u:p%40:x@h:6379/0",
        "redis://[::1]:6379",
        "unix:///run/redis.sock",
        "rediss://h:1/3?ssl_cert_reqs=none&password=",
    ],
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


REFUSED = [
    ("redis://h:1?foo=bar", 'have only options of redis-py in its URL, and "foo" is none or has a wrong value'),
    ("redis://h:1?socket_timeout=soon", '"socket_timeout" is none or has a wrong value'),
    ("redis://h:1?ssl_cert_reqs=none", '"ssl_cert_reqs" is none'),
    ("redis://h?port=99999", '"port" is none'),
    ("redis://h?db=x", '"db" is none or has a wrong value'),
    ("redis://u:12?secret@h:1/0", "have only options of redis-py after the ? of its URL"),
    ("redis://u:12#secret@h:1/0", 'have no "#"'),
    ("redis://h/first", "end with the number of a database"),
    ("redis://h/-1", "end with the number of a database"),
    ("redis://h/1/2", "end with the number of a database"),
    ("unix://run/redis.sock", "have the path of a socket"),
    ("unix:///run/redis.sock?foo=1", '"foo" is none'),
]


@pytest.mark.parametrize(("url", "fault"), REFUSED)
@pytest.mark.parametrize(("text", "problem"), PLACES)
def test_a_url_that_redis_would_refuse_or_misread_is_refused(text: str, problem: str, url: str, fault: str) -> None:
    (line,) = found(text % url)
    assert line.startswith(f"f:{problem} must ")
    assert fault in line
    assert "secret" not in line


@pytest.mark.parametrize(
    "url",
    [
        "redis+cluster://a:1,b:0",
        "redis+cluster://a:1,",
        "redis+cluster://a:1,b:2/3",
        "redis+cluster://a:1?db=3",
        "valkeys+cluster://a:1?foo=bar",
        "valkey://h:99999",
        "amqp://u:p@h:0",
        "amqps://:5671",
        "kafka://a:9092,b:x",
        "kafka://a:9092/topic",
    ],
)
def test_a_wrong_url_of_a_cluster_or_broker_is_refused(url: str) -> None:
    (line,) = found(f"sockets: {{queue: '{url}'}}\n")
    assert line.startswith('f:2:18: HA0205 "queue" must ')


@pytest.mark.parametrize(
    "url", ["valkeys+cluster://u:p@a:1,b/0?ssl_cert_reqs=none", "unix://u:p@/run/s?db=1", "valkey://h/2"]
)
def test_a_right_url_of_the_queue_is_accepted(url: str) -> None:
    assert found(f"sockets: {{queue: '{url}'}}\n") == []


@pytest.mark.parametrize("url", ["redis://u:secret@h:0", "http://u:secret@h", "redis://h:0?password=secret"])
def test_no_problem_shows_the_password_of_a_url(tmp_path: Path, url: str) -> None:
    table = tmp_path / "routes.yaml"
    table.write_text(f"hapiish: 1\nserver: {{limit: {{store: '{url}'}}}}\n")
    _, problems = check_text(table.read_text(), str(table), {})
    assert [each.code for each in problems] == ["HA0205"]
    for text in (as_text(problems), as_json(problems), as_github(problems)):
        assert "secret" not in text
    assert "******@h" in as_text(problems) or "password=******" in as_text(problems)

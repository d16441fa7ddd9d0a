"""Checks the URLs of Redis and of the queue beyond the pattern of the options: addresses, database, query options."""

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from hapiish.table.draft import Draft
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.text.marks import Path
from hapiish.table.text.tree import mappings, section

_DATABASE: Final = re.compile(r"/?[0-9]{0,9}/?")
_OPTION: Final = re.compile(r"[a-z][a-z0-9_]*")
_ELSEWHERE: Final = ("host", "port", "path")
"""Options of redis-py that would replace the address."""
_BROKERS: Final = ("amqp", "amqps", "kafka")


def urls(draft: Draft) -> Iterator[Problem]:
    """A URL that its client would refuse, or read otherwise than it is written. No message shows its login."""
    for url, at in _urls(draft):
        if isinstance(url, str) and url and "${" not in url:
            fault, hint = _fault(url)
            if fault:
                yield Problem(draft.mark(*at), Code.TEXT_FORM, f'"{at[-1]}" must {fault}', hint)


def _urls(draft: Draft) -> Iterator[tuple[Any, Path]]:
    yield draft.section("server", "limit").get("store"), ("server", "limit", "store")
    outer = draft.outermost("sockets")
    queue, at = section(outer.value, "sockets").get("queue"), (*outer.at, "sockets", "queue")
    yield (queue, at) if isinstance(queue, str) else (section(queue).get("url"), (*at, "url"))
    for realm in draft.realms:
        for cache, place in mappings(realm.value, "caches", realm.at):
            if cache.get("provider") == "redis":
                yield section(cache, "options").get("url"), (*place, "options", "url")


def _fault(url: str) -> tuple[str, str]:
    """The rule that the URL breaks, and a hint; empty for a valid URL."""
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets that are no IPv6 address
        parts = urlsplit("redis://")
    if parts.scheme == "unix":
        if parts.netloc.rpartition("@")[2] or len(parts.path) < 2:
            return "have the path of a socket in its URL", 'such as "unix:///run/redis.sock"'
    else:
        several = parts.scheme == "kafka" or parts.scheme.endswith("+cluster")
        addresses = parts.netloc.rpartition("@")[2].split(",")
        if not all(map(_is_address, addresses if several else [",".join(addresses)])):
            hint = "only redis+cluster:// has several addresses" if len(addresses) > 1 and not several else ""
            return "have a host and a port from 1 to 65535 in its URL", hint
    if "#" in url:
        return 'have no "#" in its URL', "write %23"
    if parts.scheme == "kafka" and (parts.path or parts.query or "@" in parts.netloc):
        return "have only addresses in its URL", 'such as "kafka://a:9092,b:9092"'
    return ("", "") if parts.scheme in _BROKERS else _fault_of_redis(parts)


def _fault_of_redis(parts: SplitResult) -> tuple[str, str]:
    if parts.scheme != "unix" and not _DATABASE.fullmatch(parts.path):
        return "end with the number of a database", 'such as "redis://localhost:6379/0"'
    options = parse_qsl(parts.query, keep_blank_values=True)
    if any(not _OPTION.fullmatch(name) for name, _ in options) or "@" in parts.query:
        return "have only options of redis-py after the ? of its URL", "a ? in a password is written %3F"
    databases = [value for name, value in options if name == "db" and value] or [parts.path.strip("/")]
    if parts.scheme.endswith("+cluster") and databases[0].strip("0"):
        return "name no database in its URL", "a Redis Cluster has only the database 0"
    for name, value in options:
        if value and not _is_option(parts, name, value):
            return f'have only options of redis-py in its URL, and "{name}" is none or has a wrong value', ""
    return "", ""


def _is_address(address: str) -> bool:
    try:
        parts = urlsplit(f"//{address}")
        port = parts.port
    except ValueError:
        return False
    return bool(parts.hostname) and parts.netloc == address and " " not in address and port != 0


def _is_option(parts: SplitResult, name: str, value: str) -> bool:
    """Asks redis-py, by a connection that stays closed. Without redis-py another problem says that it is missing."""
    try:
        from redis.asyncio.connection import ConnectionPool
    except ImportError:
        return True
    if name in _ELSEWHERE or (name == "db" and not re.fullmatch("[0-9]{1,9}", value)):
        return False
    scheme = parts.scheme.partition("+")[0].replace("valkey", "redis")
    address = "/socket" if scheme == "unix" else "host"
    try:
        pool: Any = ConnectionPool.from_url(f"{scheme}://{address}?{urlencode({name: value})}")
        pool.make_connection()
    except Exception:  # noqa: BLE001 - redis-py passes options to constructors, which raise errors of any kind
        return False
    return True

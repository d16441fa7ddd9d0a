"""Checks the addresses in URLs of Redis and of the queue, which the pattern of the options does not."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from hapiish.table.draft import Draft
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.text.marks import Path
from hapiish.table.text.tree import mappings, section


def urls(draft: Draft) -> Iterator[Problem]:
    """An address that is none, such as one with the port 99999; several are separated by commas."""
    for url, at in _urls(draft):
        if isinstance(url, str) and "${" not in url and not _is_possible(url):
            message = f'"{at[-1]}" must have a host and a port from 0 to 65535 in its URL'
            yield Problem(draft.mark(*at), Code.TEXT_FORM, message)


def _urls(draft: Draft) -> Iterator[tuple[Any, Path]]:
    yield draft.section("server", "limit").get("store"), ("server", "limit", "store")
    outer = draft.outermost("sockets")
    queue, at = section(outer.value, "sockets").get("queue"), (*outer.at, "sockets", "queue")
    yield (queue, at) if isinstance(queue, str) else (section(queue).get("url"), (*at, "url"))
    for realm in draft.realms:
        for cache, place in mappings(realm.value, "caches", realm.at):
            if cache.get("provider") == "redis":
                yield section(cache, "options").get("url"), (*place, "options", "url")


def _is_possible(url: str) -> bool:
    try:
        addresses = urlsplit(url).netloc.rpartition("@")[2]
        for address in addresses.split(","):
            _ = urlsplit(f"//{address}").port
    except ValueError:
        return False
    return True

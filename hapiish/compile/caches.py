"""Compiles the caches of a table to stores, which outlive a reload if their settings are unchanged."""

from collections.abc import Iterator

from hapiish import options as model
from hapiish.caches import Caches, Provision, Store
from hapiish.caches.provision import DEFAULT
from hapiish.compile.names import Names
from hapiish.options.caches import PROVIDERS
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
    built_in, options = PROVIDERS.get(given.provider), given.options
    if built_in is None:
        factory, options = names.callable(given.provider), dict(options or {})
    else:
        factory = built_in.factory() if names.has_packages(built_in.needs(options)) else None
    store: Store | None = names.create(factory, names.server, options) if factory is not None else None
    return store

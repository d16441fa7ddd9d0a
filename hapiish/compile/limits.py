"""Compiles `limit` of routes and events to the step that enforces it and the finalizer that adds its headers."""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import TYPE_CHECKING

from hapiish import options as model
from hapiish.compile.names import Names
from hapiish.declare.option import derive
from hapiish.http.exchange.route import Finalizer, Step
from hapiish.types import AsyncHandler

if TYPE_CHECKING:
    from hapiish.http.guards.counters import Counters
    from hapiish.http.guards.rate_limit import Limit

Limited = model.Route | model.Event


class LimitCompiler:
    """Compiles limits; all share one store, which outlives a reload. `namespace` is that of the compiled events."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.namespace = "/"
        self.settings = names.table.server.limit
        self.allowlist = tuple(ip_network(given, strict=False) for given in self.settings.allowlist)

    def early(self, given: Limited) -> Iterator[tuple[Step, bool]]:
        """Yields the step before authentication, for keys that need no credentials and no payload."""
        yield from self._step([limit for limit in self._limits(given) if not limit.is_late], given)

    def late(self, given: Limited) -> Iterator[tuple[Step, bool]]:
        """Yields the step after authentication, for limits by user, credentials or payload."""
        yield from self._step([limit for limit in self._limits(given) if limit.is_late], given)

    def finalizers(self, given: Limited) -> Iterator[Finalizer]:
        """Yields the finalizer that adds headers and counts failures."""
        limits = self._limits(given)
        if limits:
            from hapiish.http.guards.rate_limit import limit_finalizer

            yield limit_finalizer(limits, self._counters())

    def ended(self, given: Limited) -> Iterator[AsyncHandler]:
        """Yields the function for onPostResponse that ends the turns of a request that had no response."""
        if any(limit.counted or limit.concurrency for limit in self._limits(given)):
            from hapiish.http.guards.rate_limit import trials_ended

            yield trials_ended(self._counters())

    def _step(self, limits: "list[Limit]", given: Limited) -> Iterator[tuple[Step, bool]]:
        if limits:
            from hapiish.http.guards.rate_limit import limit_step

            streams = isinstance(given, model.Route) and given.options.payload.output == "stream"
            yield limit_step(limits, self._counters(), self.allowlist, streams=streams), True

    def _limits(self, given: Limited) -> "list[Limit]":
        if not given.options.limit or not self._is_installed():
            return []
        return [self._limit(each, given) for each in given.options.limit]

    def _is_installed(self) -> bool:
        return self.names.has_package("limits") and (not self.settings.store or self.names.has_package("redis"))

    def _limit(self, given: model.Limit, holder: Limited) -> "Limit":
        from hapiish.http.guards.rate_limit import Limit

        by = given.by
        if isinstance(holder, model.Route) and holder.options.auth is None:
            by = tuple("address" if term == "user" else term for term in by)  # no user: counted early
        return derive(
            Limit,
            given,
            scope=f"name {given.name}" if given.name else self._scope(holder),
            by=by,
            skip=self.names.function(given.skip) if given.skip else None,
        )

    def _scope(self, holder: Limited) -> str:
        if isinstance(holder, model.Event):
            return f"event {holder.id or f'{self.namespace} {holder.event}'}"
        return f"route {holder.id or ' '.join((holder.method, holder.vhost or '*', holder.path))}"

    def _counters(self) -> "Counters":
        counters: Counters = self.names.server.keep(_counters, self.settings.store, self.settings.partition)
        return counters


def _counters(store: str, partition: str) -> "Counters":
    from hapiish.http.guards.counters import Counters

    return Counters(store, partition=partition)

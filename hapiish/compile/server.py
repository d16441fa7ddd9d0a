"""Compiles routes and server settings to two dispatchers: one for clients, one that includes internal routes."""

from collections.abc import Iterator
from dataclasses import replace

from hapiish import options as model
from hapiish.compile.names import Names
from hapiish.compile.routes import RouteCompiler
from hapiish.grammar import path as paths
from hapiish.http.dispatch import Dispatcher
from hapiish.http.exchange.request_id import Identity
from hapiish.http.exchange.route import Route, Step
from hapiish.http.guards.load import Load
from hapiish.http.lifecycle import extension_step
from hapiish.http.routing.forwarded import Forwarding
from hapiish.http.routing.router import Router
from hapiish.http.syntax.query import Parser, parser, query_step


class ServerCompiler:
    """Compiles the server; `load`, `forwarding`, `identity` and `query` are None if the table does not use them."""

    def __init__(self, names: Names, routes: RouteCompiler) -> None:
        self.table = names.table
        self.settings = names.table.server
        self.routes = routes
        self.load = Load(self.settings.load)
        trusted = self.settings.trusted_proxies
        self.forwarding = Forwarding(trusted) if trusted else None
        self.identity = _identity(names, self.settings)
        self.query = _query(names, self.settings.query.parser)
        self.compiled = [(given, routes.route(given)) for given in self.table.routes]

    def dispatcher(self, *, internals: bool) -> Dispatcher:
        """Returns a dispatcher; `internals` includes routes with `isInternal`."""
        settings = self.settings.router
        seen = [pair for pair in self.compiled if internals or not pair[0].options.is_internal]
        defaults = self.settings.routes
        router: Router[Route] = Router(settings.is_case_sensitive, settings.strip_trailing_slash)
        for given, route in seen:
            router.add(given.method, paths.parse(given.path), route, given.vhost)
        return Dispatcher(
            server=self.routes.server,
            router=router.freeze(),
            routes={route.id: route for _, route in self.compiled if route.id is not None},
            not_found_route=self.routes.not_found_route(defaults),
            preflight_route=self.routes.not_found_route(replace(defaults, cors=None)),
            on_request=tuple(self.early()),
            query_parser=self.query,
            strip_trailing_slash=settings.strip_trailing_slash,
            vhosts=any(given.vhost is not None for given, _ in seen),
            any_cors=any(options.cors is not None for options in (defaults, *(given.options for given, _ in seen))),
            method_not_allowed=settings.method_not_allowed,
            access_log=self.settings.access_log,
            counts_ids=self.identity is None,
        )

    @property
    def has_internals(self) -> bool:
        """Returns True if the table has internal routes."""
        return any(given.options.is_internal for given, _ in self.compiled)

    def early(self) -> Iterator[tuple[Step, bool]]:
        """Yields the steps before routing."""
        if self.forwarding is not None:
            yield self.forwarding.step, False
        if _limits(self.settings.load):
            yield self.load.check, False
        if self.query is not None:
            yield query_step(self.query), False
        for function in self.routes.ext.at("onRequest"):
            yield extension_step("onRequest", function), True

    def all(self) -> tuple[Route, ...]:
        """Returns all routes, in the order of the table."""
        return tuple(route for _, route in self.compiled)


def _query(names: Names, own: str | None) -> Parser | None:
    if own is None:
        return None
    function = names.callable(own)
    return parser(function) if function is not None else None


def _limits(load: model.Load) -> bool:
    return bool(load.max_event_loop_delay or load.max_event_loop_utilization or load.max_rss_bytes)


def _identity(names: Names, settings: model.Server) -> Identity | None:
    given = settings.request_id
    generate = names.callable(given.generate) if given.generate is not None else None
    if generate is None and not given.trust:
        return None
    return Identity(header=given.header, trust=given.trust, proxied=bool(settings.trusted_proxies), generate=generate)

"""The router of a table for commands: the one that serves requests, with declared routes as its targets."""

from hapiish.boom import BadRequest
from hapiish.grammar import path as paths
from hapiish.http.routing.router import Router, normalise
from hapiish.options import Route, Table


def router_of(table: Table) -> Router[Route]:
    """Returns the router of the routes that clients reach."""
    settings = table.server.router
    router: Router[Route] = Router(settings.is_case_sensitive, settings.strip_trailing_slash)
    for route in table.routes:
        if not route.options.is_internal:
            router.add(route.method, paths.parse(route.path), route, route.vhost)
    return router.freeze()


def find_route(table: Table, method: str, path: str, host: str | None = None) -> Route | None:
    """Returns the route that answers a request; None without one, or for a path that is not valid."""
    if "://" in path:
        host, _, path = path.partition("://")[2].partition("/")
        path = f"/{path}"
    try:
        known = normalise(path.partition("?")[0], table.server.router.strip_trailing_slash)
        found = router_of(table).find(method, known, host)
    except BadRequest:
        return None
    return found[0] if found is not None else None

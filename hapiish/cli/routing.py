"""The router of a table for commands: the one that serves requests, with declared routes as its targets."""

from urllib.parse import urlsplit

from hapiish.boom import BadRequest
from hapiish.grammar import path as paths
from hapiish.http.routing.router import Router, hostname, normalise
from hapiish.options import Route, Table


def router_of(table: Table) -> Router[Route]:
    """Returns the router of the routes that clients reach."""
    settings = table.server.router
    router: Router[Route] = Router(settings.is_case_sensitive, settings.strip_trailing_slash)
    for route in table.routes:
        if not route.options.is_internal:
            router.add(route.method, paths.parse(route.path), route, route.vhost)
    return router.freeze()


def address(url: str, host: str | None = None) -> tuple[str, str | None]:
    """Returns the path and the host, without its port, of a path or a URL. `host` precedes the host of the URL."""
    if "://" in url:
        parts = urlsplit(url)
        host, url = host or parts.netloc.rpartition("@")[2], parts.path or "/"
    return url.partition("?")[0].partition("#")[0], hostname(host) if host else None


def find_route(table: Table, method: str, path: str, host: str | None = None) -> Route | None:
    """Returns the route that answers a request; None without one, or for a path that is not valid."""
    path, host = address(path, host)
    try:
        known = normalise(path, table.server.router.strip_trailing_slash)
        found = router_of(table).find(method, known, host)
    except BadRequest:
        return None
    return found[0] if found is not None else None

"""The web client: its settings, the redirect to its address with a slash, and responses for paths without a file."""

from typing import Any

from hapiish import Request, Response, Toolkit, boom

METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")


async def settings(request: Request, h: Toolkit) -> dict[str, Any]:
    """Returns `{name, signIn?, accounts, namespace, root}`: settings that the page cannot derive from its address.

    `accounts` is True if the chat has its own login. If not, `signIn` is the address of the project's page that issues
    tokens. `namespace` is the namespace of the chat's events. `root` is the address of the application, relative to the
    page.
    """
    prefix = request.route.path.rpartition("/")[0]
    return {
        **request.route.settings.app["web"],
        "accounts": "POST" in _allowed(request, f"{prefix}/login"),
        "namespace": prefix or "/",
        "root": "../" * prefix.count("/") or "./",
    }


async def with_slash(request: Request, h: Toolkit) -> Any:
    """Redirects the folder's address to the one with a slash. The page's addresses are relative to it."""
    if request.params.get("path") or request.path.endswith("/"):
        return h.continue_
    query = request.scope["query_string"].decode("ascii", "replace")
    return h.redirect(f"{request.path.rpartition('/')[2]}/{query and '?' + query}").takeover()


async def missing(request: Request, h: Toolkit) -> Any:
    """Responds as `elsewhere` for a file that does not exist: GET /login is a 405."""
    error = request.response and request.response.error
    return await elsewhere(request, h) if isinstance(error, boom.NotFound) else h.continue_


async def elsewhere(request: Request, h: Toolkit) -> Response:
    """Responds as a table without the client: 405 with `Allow` for a wrong method of a route, else 404."""
    allow = _allowed(request, request.path)
    if request.method == "options" and allow:
        return h.response().code(204).header("allow", ", ".join(allow))
    raise boom.MethodNotAllowed(allow=allow) if allow else boom.NotFound


def _allowed(request: Request, path: str) -> list[str]:
    """Returns the methods that have a route for a path, without the client's own routes, which match every path."""
    found = {method: request.server.match(method, path) for method in METHODS}
    return [method for method, route in found.items() if route is not None and not route.path.endswith("*}")]

"""The web client: its settings, its address with a slash, and the addresses at which it has no file."""

from typing import Any

from hapiish import Request, Response, Toolkit, boom

METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")


async def settings(request: Request, h: Toolkit) -> dict[str, Any]:
    """Returns `{name, signIn, accounts, namespace, root}`: what the page cannot derive from its address.

    `namespace` is that of the chat's events. `root` is the address of the application, relative to the page. Without
    `accounts` the chat has no login of its own, and `signIn` is the project's page that issues tokens.
    """
    prefix = request.route.path.rpartition("/")[0]
    return {
        **request.route.settings.app["web"],
        "accounts": "POST" in _allowed(request, f"{prefix}/login"),
        "namespace": prefix or "/",
        "root": "../" * prefix.count("/") or "./",
    }


async def with_slash(request: Request, h: Toolkit) -> Any:
    """Redirects the folder's address to the one with a slash, to which the page's addresses are relative."""
    if request.params.get("path") or request.path.endswith("/"):
        return h.continue_
    query = request.scope["query_string"].decode("ascii", "replace")
    return h.redirect(f"{request.path.rpartition('/')[2]}/{query and '?' + query}").takeover()


async def missing(request: Request, h: Toolkit) -> Any:
    """Answers for a file that does not exist as `elsewhere` does: GET /login is a 405."""
    error = request.response and request.response.error
    return await elsewhere(request, h) if isinstance(error, boom.NotFound) else h.continue_


async def elsewhere(request: Request, h: Toolkit) -> Response:
    """Answers as a table without the client does: 405 with `Allow` for a wrong method of a route, else 404."""
    allow = _allowed(request, request.path)
    if request.method == "options" and allow:
        return h.response().code(204).header("allow", ", ".join(allow))
    raise boom.MethodNotAllowed(allow=allow) if allow else boom.NotFound


def _allowed(request: Request, path: str) -> list[str]:
    """Returns the methods with a route for a path; those of the client match every path."""
    found = {method: request.server.match(method, path) for method in METHODS}
    return [method for method, route in found.items() if route is not None and not route.path.endswith("*}")]

"""Functions for the exercises of options.yaml."""

import asyncio
from typing import Any

from hapiish import boom


def echo(request: Any, h: Any) -> Any:
    """What the request is, as the handler sees it."""
    return {
        "params": request.params,
        "query": request.query,
        "payload": request.payload if not isinstance(request.payload, bytes) else request.payload.decode(),
        "state": request.state,
        "pre": {name: str(value) for name, value in request.pre.items()},
        "app": request.route.settings.app,
        "credentials": request.auth.credentials,
        "authenticated": request.auth.is_authenticated,
    }


def fields(request: Any, h: Any) -> Any:
    return {"b": 2, "a": "<"}


def long(request: Any, h: Any) -> Any:
    return h.response("x" * 2000).type("text/plain")


def nothing(request: Any, h: Any) -> Any:
    return h.response()


def created(request: Any, h: Any) -> Any:
    return h.response({"id": 1}).code(201)


def fails(request: Any, h: Any) -> Any:
    raise boom.Conflict("taken")


async def slow(request: Any, h: Any) -> Any:
    await asyncio.sleep(60)


def text(request: Any, h: Any) -> Any:
    return "0123456789"


def context(request: Any, h: Any) -> Any:
    return {"bound": h.context["name"]}


def log_count(request: Any, h: Any) -> Any:
    request.log(["seen"], 1)
    return {"logs": len(request.logs)}


def settings(request: Any, h: Any) -> Any:
    """What the route's settings say for documentation and plugins."""
    given = request.route.settings
    return {"description": given.description, "notes": given.notes, "tags": given.tags, "plugins": dict(given.plugins)}


def server(request: Any, h: Any) -> Any:
    """What the server's own settings say."""
    return {
        "app": dict(request.server.app),
        "plugins": dict(request.server.settings.plugins),
        "uri": request.server.info.uri,
        "address": request.info.remote_address,
    }


async def stream(request: Any, h: Any) -> Any:
    return {"read": (await request.payload.read()).decode()}


def file(request: Any, h: Any) -> Any:
    with open(request.payload["path"]) as kept:  # noqa: PTH123
        return {"bytes": request.payload["bytes"], "kept": kept.read(), "path": request.payload["path"]}


def double(request: Any, h: Any) -> Any:
    return 42


def marks(request: Any, h: Any) -> Any:
    """An extension function: says in a header that it ran."""
    request.app["marked"] = True
    return h.continue_


def marked(request: Any, h: Any) -> Any:
    return {"marked": request.app.get("marked", False)}


def explain(request: Any, h: Any, error: Any) -> Any:
    """A failAction that answers."""
    return h.response({"failed": type(error).__name__}).code(418).takeover()


def hidden(key: str, value: Any) -> Any:
    """A replacer."""
    return None if key == "b" else value


def parse_query(query: Any) -> Any:
    """A parser of queries: every name in capitals."""
    return {name.upper(): value for name, value in query.items()}


BOUND = {"name": "bound"}


class Badge:
    """A scheme: the header `badge` is a name, whose scopes follow a colon."""

    def __init__(self, server: Any, options: Any) -> None:
        self.header = options.get("header", "badge").encode()

    def authenticate(self, request: Any, h: Any) -> Any:
        given = request.header(self.header)
        if given is None:
            raise boom.Unauthorized(None, scheme="Badge")
        name, _, scopes = given.partition(":")
        if name == "bad":
            raise boom.Unauthorized("Bad badge", scheme="Badge")
        key = "app" if name == "robot" else "user"
        return h.authenticated(credentials={key: name, "scope": scopes.split(",") if scopes else []})

    def payload(self, request: Any, h: Any) -> Any:
        if request.payload.get("signed") is not True:
            raise boom.Unauthorized("Bad signature")
        return h.continue_


def twice(number: str) -> int:
    """A server method."""
    return 2 * int(number)


def sets(request: Any, h: Any) -> Any:
    return h.response({}).state("a", "1")

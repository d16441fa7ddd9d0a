"""Builds requests for tests of single steps, without a server."""

from types import SimpleNamespace
from typing import Any

from hapiish import options as model
from hapiish.http.exchange.events import Events
from hapiish.http.exchange.request import Request
from hapiish.types import Receive


def make_request(
    *, method: str = "GET", headers: dict[str, str] | None = None, receive: Receive | None = None, **attributes: Any
) -> Request:
    """A request of the route `users.create`; further attributes are set as they are given."""
    server: Any = SimpleNamespace(settings=model.Server(), identify=None, events=Events())
    route = SimpleNamespace(id="users.create", method="post", path="/users", settings=model.RouteOptions())
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in (headers or {}).items()]
    scope = {"type": "http", "method": method, "path": "/users", "query_string": b"", "headers": raw}
    request = Request(server, scope, receive, route)
    request.params = {}
    for name, value in attributes.items():
        setattr(request, name, value)
    return request

"""A compiled route and the parts it is made of; `lifecycle` walks them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from hapiish.bridge import is_async
from hapiish.http.content.stream import Body
from hapiish.http.exchange.error_body import Errors
from hapiish.http.exchange.request import Request, WithCors
from hapiish.http.exchange.response import Response
from hapiish.options import RouteOptions
from hapiish.types import AsyncHandler, Handler, Run, Value

Step = Callable[[Request], Any]
Steps = tuple[tuple[Step, bool], ...]
"""Pairs of a step and whether its result, unless None, must be awaited."""

UNINTERRUPTED = "hapiish.uninterrupted"
"""The key of a scope whose request is not cancelled when the client leaves."""

Finalizer = Callable[[Request, Response], Awaitable[None]]
"""Changes a response after onPreResponse: adds a header or a cookie, or stores state."""


class Renderer(WithCors, Protocol):
    """Renders responses to status, headers and body; `cors` are the route's CORS settings."""

    def render(self, request: Request, response: Response) -> tuple[int, list[tuple[bytes, bytes]], bytes | Body]: ...


@dataclass(slots=True, eq=False, kw_only=True)
class Route:
    """A compiled route or event, exposed as `request.route`."""

    id: str | None
    method: str
    path: str
    settings: RouteOptions
    handler: AsyncHandler
    responder: Renderer
    vhost: str | None = None
    context: Value = None
    errors: Errors | None = None
    files: str = "."  # the folder for `files.relativeTo`
    steps: Steps = ()
    on_post_handler: tuple[AsyncHandler, ...] = ()
    validate_response: Callable[[Request, Response], Awaitable[Response | None]] | None = None
    on_pre_response: tuple[AsyncHandler, ...] = ()
    on_post_response: tuple[AsyncHandler, ...] = ()
    finalizers: tuple[Finalizer, ...] = ()


def caller(function: Handler, run: Run) -> AsyncHandler:
    """Makes `function` awaitable: returns an `async def` unchanged, a `def` as a `partial` of the pool's `run`."""
    if is_async(function) or is_async(type(function).__call__):
        return function
    return partial(run, function)

"""Acknowledgements of events: the response of an event in the envelope `{ok, …}`, or raw."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from hapiish.http.dispatch import Observer
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import Response
from hapiish.http.exchange.route import Route
from hapiish.http.lifecycle import failed, post_response
from hapiish.realtime.socketio.events import AckArguments, Acknowledgement

Ack = dict[str, Any]


def acknowledgement(response: Response) -> Ack:
    """Returns the acknowledgement of a finished response."""
    source = response.source
    if response.error is not None or response.status_code >= 400:
        return {"ok": False, "error": _error(response)}
    if isinstance(source, dict):
        return {"ok": True, **source}
    return {"ok": True} if source is None else {"ok": True, "data": source}


def with_fields(constant: Mapping[str, Any]) -> Callable[[Response], Ack]:
    """Returns an `acknowledgement` with constant fields; those of the handler override them."""
    return lambda response: {**constant, **acknowledgement(response)}


def raw_acknowledgement(response: Response) -> Any:
    """Returns the acknowledgement without envelope: a tuple is several arguments, None none, an error is its body."""
    if response.error is not None or response.status_code >= 400:
        return _error(response)
    source = response.source
    return AckArguments(source if isinstance(source, tuple) else () if source is None else (source,))


def _error(response: Response) -> Any:
    source = response.source
    if response.has_custom_body and not isinstance(source, dict):
        return source
    error = dict(source) if isinstance(source, dict) else {"statusCode": response.status_code, "message": source}
    wait = response.headers.get("retry-after")
    if isinstance(wait, str) and wait.isdigit():
        error["retryAfter"] = int(wait)
    return error


class ObservedAck(Acknowledgement):
    """The acknowledgement of a request; once it is sent, the observers are called and onPostResponse runs."""

    __slots__ = ("acknowledgement", "observers", "request", "response", "route")

    def __init__(
        self,
        route: Route,
        request: Request,
        response: Response,
        observers: Sequence[Observer],
        acknowledgement: Callable[[Response], Any],
    ) -> None:
        self.ack = acknowledgement(response)
        self.acknowledgement = acknowledgement
        self.route = route
        self.request = request
        self.response = response
        self.observers = observers

    def unsendable(self, error: Exception) -> Any:
        self.response = failed(self.request, error)
        return self.acknowledgement(self.response)

    def left(self, size: int) -> Awaitable[None] | None:
        request, response = self.request, self.response
        for observe in self.observers:
            observe(request, response, response.status_code, size)
        return post_response(self.route, request, response) if self.route.on_post_response else None

"""Applies `response.errors`: an application's function that makes the body of every error.

Status and headers stay unchanged, because clients depend on challenges, `Allow` and `Retry-After`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hapiish import codec
from hapiish.boom import Boom
from hapiish.http.content.mime import BYTES
from hapiish.http.exchange import log
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import Response, from_error
from hapiish.types import Json, Value

Body = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Errors:
    """Calls `body(body, request)` with hapi's body, which never has the text of a 500; None keeps that body.

    `request` is None for input that could not be parsed as a request. `type` is the media type over HTTP.
    """

    body: Callable[[dict[str, Json], Request | None], Value]
    type: str | None = None

    def apply(self, request: Request, response: Response) -> Response:
        """Replaces the body of an error response."""
        content = self._call(response.source, request)
        if content is not None:
            response.source = content
            response.has_custom_body = True
            if self.type is not None:
                response.type(self.type)
        return response

    def _call(self, body: Body, request: Request | None) -> Value:
        """The function's body; None, with a log line, where the function fails or its result cannot be encoded."""
        try:
            content = self.body(dict(body), request)
            if not isinstance(content, str | bytes):
                codec.encode(content)
        except Exception as error:  # noqa: BLE001 - a failing function falls back to hapi's body
            log.crashed(request.id if request is not None else "-", "response.errors", error)
            return None
        return content

    def encode(self, body: Body) -> tuple[bytes, str] | None:
        """Content and media type for input that is no request; None keeps hapi's."""
        content = self._call(body, None)
        if content is None:
            return None
        if isinstance(content, str):
            return content.encode(), self.type or "text/plain; charset=utf-8"
        if isinstance(content, bytes):
            return content, self.type or BYTES
        return codec.encode(content), self.type or "application/json; charset=utf-8"


def error_response(request: Request, error: Boom) -> Response:
    """The response for an error, with the body of the route's `response.errors`."""
    errors: Errors | None = getattr(request.route, "errors", None)
    response = from_error(error)
    return response if errors is None else errors.apply(request, response)

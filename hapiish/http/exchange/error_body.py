"""The body of errors as an application wants it: one function for whatever is refused (`response.errors`).

Status and headers stay as they are: challenges, `Allow` and `Retry-After` are no matter of taste.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hapiish import codec
from hapiish.boom import Boom
from hapiish.http.exchange import log
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import Response, from_error

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Errors:
    """`body(body, request)` makes what is sent of hapi's body, which never has the text of a 500; None leaves that.

    `request` is None for what could not even be read as a request. `type` is the media type of what is sent over HTTP.
    """

    body: Callable[[dict[str, Any], Any], Any]
    type: str | None = None

    def apply(self, request: Request, response: Response) -> Response:
        """The response of an error with its own body."""
        made = self._call(response.source, request)
        if made is not None:
            response.source = made
            response.has_custom_body = True
            if self.type is not None:
                response.type(self.type)
        return response

    def _call(self, body: Body, request: Request | None) -> Any:
        """What the function makes of a body; None, and a line in the log, where it fails or cannot be sent."""
        try:
            made = self.body(dict(body), request)
            if not isinstance(made, str | bytes):
                codec.encode(made)
        except Exception as error:  # noqa: BLE001 - an error in telling of errors is told as hapi does
            log.crashed(request.id if request is not None else "-", "response.errors", error)
            return None
        return made

    def encode(self, body: Body) -> tuple[bytes, str] | None:
        """Content and media type for what was no request; None for hapi's."""
        made = self._call(body, None)
        if made is None:
            return None
        if isinstance(made, str):
            return made.encode(), self.type or "text/plain; charset=utf-8"
        if isinstance(made, bytes):
            return made, self.type or "application/octet-stream"
        return codec.encode(made), self.type or "application/json; charset=utf-8"


def error_response(request: Request, error: Boom) -> Response:
    """The response of an error, in the form that its route has for errors."""
    errors: Errors | None = getattr(request.route, "errors", None)
    response = from_error(error)
    return response if errors is None else errors.apply(request, response)

"""HTTP errors to raise, one class for each status, modelled on hapi's boom.

    Boom
      ├── BadRequest 400 … UnavailableForLegalReasons 451
      └── InternalServerError 500 … GatewayTimeout 504

`raise boom.NotFound("No such conversation", code="not_found")` produces the response body
`{statusCode, error, message}`, with `code` and `data` if given. The message of a 500 is never sent.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self

HIDDEN = "An internal server error occurred"


class Boom(Exception):
    """An error with an HTTP status. Each subclass has one status; `of(status)` returns the class for a status.

    `message` is text for the client, `code` a stable machine-readable identifier, `data` a JSON value. `headers` are
    added to the response. `extra` contains further keys of the body, such as `validation`. `missing` is True if an
    authentication scheme found no credentials of its kind (hapi: unauthorized without a message). `formatted_body` is
    the body that `response.errors` of the table has formatted; it replaces `payload()`.
    """

    status: int = 500
    phrase: str = "Internal Server Error"

    def __init_subclass__(cls, *, status: int | None = None, phrase: str | None = None) -> None:
        super().__init_subclass__()
        cls.status = status or cls.status
        cls.phrase = phrase or cls.phrase

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message or self.phrase)
        self.message = message or self.phrase
        self.code = code
        self.data = data
        self.headers: dict[str, str] = dict(headers or {})
        self.extra: dict[str, Any] = dict(extra or {})
        self.missing = False
        self.formatted_body: Any = None

    def answered(self, status: int) -> Self:
        """Changes the status and phrase of this error and returns it."""
        if status != self.status:
            self.status, self.phrase = status, of(status).phrase
        return self

    def payload(self) -> dict[str, Any]:
        """Returns the response body: hapi's three keys in hapi's order, then `code`, `data` and `extra`."""
        hidden = self.status == 500
        body: dict[str, Any] = {
            "statusCode": self.status,
            "error": self.phrase,
            "message": HIDDEN if hidden else self.message,
        }
        if hidden:
            return body
        if self.code is not None:
            body["code"] = self.code
        if self.data is not None:
            body["data"] = self.data
        body.update(self.extra)
        return body


class Unauthorized(Boom, status=401, phrase="Unauthorized"):
    """401 with a challenge: `Unauthorized("Bad token", scheme="Bearer", attributes={"realm": "x"})`.

    With a scheme and without a message, the error means "no credentials of this scheme": the next strategy is tried.
    A list as `scheme` is a list of challenges for one `WWW-Authenticate` header (RFC 9110 §11.6.1).
    """

    def __init__(
        self,
        message: str | None = None,
        *,
        scheme: str | Sequence[str] | None = None,
        attributes: Mapping[str, str] | None = None,
        code: str | None = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, code=code, data=data, headers=headers, extra=extra)
        self.missing = message is None and scheme is not None
        if scheme is None:
            return
        if not isinstance(scheme, str):
            self.headers["www-authenticate"] = ", ".join(scheme)
            return
        given = {**(attributes or {}), **({"error": message} if message else {})}
        pairs = ", ".join(f'{name}="{_quote(text)}"' for name, text in given.items())
        self.headers["www-authenticate"] = f"{scheme} {pairs}" if pairs else scheme
        if given:
            self.extra["attributes"] = given


def _quote(text: str) -> str:
    """Escapes a quoted-string (RFC 9110 §5.6.4); "?" replaces control characters and text outside Latin-1."""
    latin = str(text).encode("latin-1", "replace").decode("latin-1")
    if not latin.isprintable():
        latin = "".join(char if char.isprintable() or char == "\t" else "?" for char in latin)
    return latin.replace("\\", "\\\\").replace('"', '\\"')


class MethodNotAllowed(Boom, status=405, phrase="Method Not Allowed"):
    """405; `allow` lists the methods of the path, for the header that RFC 9110 §15.5.6 requires."""

    def __init__(self, message: str | None = None, *, allow: Sequence[str] = (), **given: Any) -> None:
        super().__init__(message, **given)
        if allow:
            self.headers["allow"] = ", ".join(allow)


# The phrases are hapi's; those of 408, 413, 414, 416 and 504 differ from the IANA registry.


class BadRequest(Boom, status=400, phrase="Bad Request"): ...


class PaymentRequired(Boom, status=402, phrase="Payment Required"): ...


class Forbidden(Boom, status=403, phrase="Forbidden"): ...


class NotFound(Boom, status=404, phrase="Not Found"): ...


class NotAcceptable(Boom, status=406, phrase="Not Acceptable"): ...


class ProxyAuthRequired(Boom, status=407, phrase="Proxy Authentication Required"): ...


class ClientTimeout(Boom, status=408, phrase="Request Time-out"): ...


class Conflict(Boom, status=409, phrase="Conflict"): ...


class Gone(Boom, status=410, phrase="Gone"): ...


class LengthRequired(Boom, status=411, phrase="Length Required"): ...


class PreconditionFailed(Boom, status=412, phrase="Precondition Failed"): ...


class EntityTooLarge(Boom, status=413, phrase="Request Entity Too Large"): ...


class UriTooLong(Boom, status=414, phrase="Request-URI Too Large"): ...


class UnsupportedMediaType(Boom, status=415, phrase="Unsupported Media Type"): ...


class RangeNotSatisfiable(Boom, status=416, phrase="Requested Range Not Satisfiable"): ...


class ExpectationFailed(Boom, status=417, phrase="Expectation Failed"): ...


class Teapot(Boom, status=418, phrase="I'm a teapot"): ...


class BadData(Boom, status=422, phrase="Unprocessable Entity"): ...


class Locked(Boom, status=423, phrase="Locked"): ...


class FailedDependency(Boom, status=424, phrase="Failed Dependency"): ...


class TooEarly(Boom, status=425, phrase="Too Early"): ...


class PreconditionRequired(Boom, status=428, phrase="Precondition Required"): ...


class TooManyRequests(Boom, status=429, phrase="Too Many Requests"): ...


class UnavailableForLegalReasons(Boom, status=451, phrase="Unavailable For Legal Reasons"): ...


class NotImplemented(Boom, status=501, phrase="Not Implemented"): ...


class BadGateway(Boom, status=502, phrase="Bad Gateway"): ...


class ServerUnavailable(Boom, status=503, phrase="Service Unavailable"): ...


class GatewayTimeout(Boom, status=504, phrase="Gateway Time-out"): ...


class InternalServerError(Boom):
    """500; its message is logged and never sent to the client."""


_BY_STATUS: dict[int, type[Boom]] = {kind.status: kind for kind in (*Boom.__subclasses__(),)}


def of(status: int) -> type[Boom]:
    """Returns the class for `status`; `InternalServerError` for an unknown status."""
    return _BY_STATUS.get(status, InternalServerError)

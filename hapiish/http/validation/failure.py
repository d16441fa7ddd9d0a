"""Handles a failed input validation: `failAction`, the status, and the body of the error with its `validation` part."""

import html
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from hapiish import boom
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import Response
from hapiish.http.validation.report import Fault
from hapiish.http.validation.schema import unescape
from hapiish.types import Json

FailAction = str | Callable[[Request, boom.Boom], Awaitable[Response | None]]
"""`error`, `log`, `ignore`, or a function that returns a takeover response."""


class InvalidInput(boom.BadRequest):
    """The error that a `failAction` function receives; raising it sends the details to the client.

    `source` is headers, params, query, payload, state or all. `details` are the faults. `default_error` is the error
    that `failAction: error` would send.
    """

    def __init__(self, source: str, details: list[Fault], default_error: boom.Boom, message: str = "") -> None:
        summary = ". ".join(f'"{_dotted(fault["path"]) or source}" {fault["message"]}' for fault in details)
        super().__init__(message or summary)
        self.answered(default_error.status)
        self.source = source
        self.details = details
        self.default_error = default_error


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OnFailure:
    """Settings for a failed validation: `validate.failAction`, `status`, `detail` and `errorFields`.

    `status` is the error's status. `detail: none` limits the body to hapi's three keys. `error_fields` are added to it.
    """

    fail_action: FailAction = "error"
    status: int = 400
    detail: Literal["full", "none"] = "full"
    error_fields: Mapping[str, Json] = field(default_factory=dict)

    def apply(self, request: Request, source: str, faults: list[Fault]) -> None:
        """Applies `error`, `log` or `ignore`: raises the error, logs, or does nothing."""
        if self.fail_action == "error":
            raise self.failure(source, faults)
        if self.fail_action == "log":
            request.note(["validation", "error", source], summary(faults), printed=True)

    async def call(self, request: Request, source: str, faults: list[Fault]) -> Response | None:
        """Calls the `failAction` function, which decides."""
        assert callable(self.fail_action)
        error = InvalidInput(source, faults, self.failure(source, faults))
        error.extra = {**self.error_fields, "validation": _validation(source, faults)}
        return await self.fail_action(request, error)

    async def function_raised(self, request: Request, source: str, reason: Exception) -> Response | None:
        """Handles an exception of a validation function: a boom is sent, any other is an invalid input (hapi)."""
        if self.fail_action in ("log", "ignore"):
            if self.fail_action == "log":
                request.note(["validation", "error", source], reason, printed=True)
            return None
        error: boom.Boom
        if isinstance(reason, boom.Boom):
            error = default = reason
        else:
            if not isinstance(reason, ValueError):
                request.note(["validation", "error", source], reason, printed=True)
            default = self.failure(source, [])
            error = InvalidInput(source, [], default, str(reason))
        if self.detail == "full" or callable(self.fail_action):
            error.extra = {**self.error_fields, "validation": _validation(source, []), **error.extra}
        if callable(self.fail_action):
            return await self.fail_action(request, error)
        raise default

    def failure(self, source: str, faults: list[Fault]) -> boom.Boom:
        """Returns the error for an input with these faults."""
        extra = dict(self.error_fields)
        if self.detail == "full":
            extra["validation"] = _validation(source, faults)
        message = f"Invalid request {source} input" if source != "all" else "Invalid request"
        return boom.BadRequest(message, extra=extra).answered(self.status)


ERROR = OnFailure()
"""hapi's defaults: the error 400 with all details."""


def _validation(source: str, faults: list[Fault]) -> dict[str, Json]:
    """Returns the `validation` part of an error's body."""
    keys = dict.fromkeys(_dotted(fault["path"]) for fault in faults)
    return {"source": source, "keys": list(keys), "errors": faults}


def _dotted(pointer: str) -> str:
    """Returns a pointer in the form of hapi's `keys`, `a.0.b`, HTML-escaped."""
    return html.escape(".".join(map(unescape, pointer.split("/")[1:])))


def summary(faults: list[Fault]) -> str:
    """Returns the faults as one log line; line breaks in property names are escaped."""
    text = "; ".join(f"{fault['path'] or '/'} {fault['message']}" for fault in faults)
    return text if text.isprintable() else ascii(text)

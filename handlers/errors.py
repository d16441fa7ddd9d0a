"""Error bodies of every route, event and refused connection: they have a stable `code` and `retryable`."""

from typing import Any, Final

from hapiish import Request

RETRYABLE: Final = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses of errors after which the same request may succeed later."""

_CODES: Final = {
    400: "validation",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "timeout",
    409: "conflict",
    410: "gone",
    411: "length_required",
    412: "precondition_failed",
    413: "too_large",
    414: "too_large",
    415: "unsupported_type",
    416: "range",
    422: "invalid",
    429: "rate_limited",
    431: "too_large",
    500: "internal",
    503: "unavailable",
    504: "timeout",
}
"""The codes of errors that the framework raises without one."""

_RENAMED: Final = {"too_many_requests": "rate_limited"}


def body(body: dict[str, Any], request: Request | None) -> dict[str, Any]:
    """Returns an error body with its `code` and `retryable` after the three keys of the seed."""
    status = body.pop("statusCode")
    code = body.pop("code", None) or _CODES.get(status, "internal" if status >= 500 else "invalid")
    return {
        "statusCode": status,
        "error": body.pop("error"),
        "message": body.pop("message"),
        "code": _RENAMED.get(code, code),
        "retryable": status in RETRYABLE,
        **body,
    }

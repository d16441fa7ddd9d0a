"""The bodies of errors as hapiish sends them: their schema, and examples."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from hapiish.declare.types import Json
from hapiish.describe.surface.parts import FailureReason, FailureSurface

HIDDEN: Final = "An internal server error occurred"
_PHRASES: Final = {
    408: "Request Time-out",
    413: "Request Entity Too Large",
    414: "Request-URI Too Large",
    416: "Requested Range Not Satisfiable",
    418: "I'm a teapot",
    422: "Unprocessable Entity",
    504: "Gateway Time-out",
}
"""The phrases of hapi that differ from those of `http.HTTPStatus` in some release of Python."""

FAULT: Final[dict[str, Any]] = {
    "type": "object",
    "description": "One fault of an input",
    "required": ["path", "message", "keyword"],
    "properties": {
        "path": {"type": "string", "description": "The value, as a JSON pointer (RFC 6901)"},
        "message": {"type": "string"},
        "keyword": {"type": "string", "description": "The keyword of JSON Schema that refuses the value"},
    },
}
VALIDATION: Final[dict[str, Any]] = {
    "type": "object",
    "description": "The faults of an invalid input",
    "required": ["source", "keys", "errors"],
    "properties": {
        "source": {"enum": ["headers", "params", "query", "payload", "state", "all"]},
        "keys": {"type": "array", "items": {"type": "string"}, "description": "The values with faults, as a.0.b"},
        "errors": {"type": "array", "items": FAULT},
    },
}
ERROR: Final[dict[str, Any]] = {
    "type": "object",
    "description": "An error. Further keys depend on the error.",
    "required": ["statusCode", "error", "message"],
    "properties": {
        "statusCode": {"type": "integer", "minimum": 400, "maximum": 599, "description": "The HTTP status"},
        "error": {"type": "string", "description": "The phrase of the status"},
        "message": {"type": "string", "description": "The reason, for people"},
        "code": {"type": "string", "description": "The reason, for programs"},
        "data": {"description": "Facts about the error"},
        "validation": VALIDATION,
        "attributes": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "The attributes of the challenge, with 401",
        },
    },
}
"""The body of errors, unless `response.errors` of the table replaces it."""


def phrase(status: int) -> str:
    """Returns the phrase of a status, as in the bodies of errors."""
    if status in _PHRASES:
        return _PHRASES[status]
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def example(status: int, reason: FailureReason) -> dict[str, Json]:
    """Returns a body with this reason."""
    if status == 500:
        return {"statusCode": 500, "error": phrase(500), "message": HIDDEN}
    body: dict[str, Json] = {
        "statusCode": status,
        "error": phrase(status),
        "message": reason.message or phrase(status),
    }
    if reason.code is not None:
        body["code"] = reason.code
    return {**body, **reason.more}


def examples(failure: FailureSurface) -> Mapping[str, Json]:
    """Returns the body of each reason that is known exactly, by its name; {} if the body is not hapiish's."""
    if failure.schema is not None:
        return {}
    return {reason.name: example(failure.status, reason) for reason in failure.reasons if reason.is_exact}

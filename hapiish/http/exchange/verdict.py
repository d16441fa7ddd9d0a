"""The verdicts of authentication schemes. Any other return value of a scheme is an error, never a success."""

from collections.abc import Callable, Mapping
from math import inf
from typing import Any

from hapiish.boom import Boom, InternalServerError
from hapiish.http.exchange.response import Response
from hapiish.types import Value


class Authenticated:
    """Valid credentials; made by `h.authenticated`.

    `expires` is in seconds since the epoch; a socket opened with the credentials is closed then.
    """

    __slots__ = ("artifacts", "credentials", "expires")

    def __init__(self, credentials: Value, artifacts: Value = None, expires: float = inf) -> None:
        self.credentials = credentials
        self.artifacts = artifacts
        self.expires = expires


class Unauthenticated:
    """Invalid credentials, or missing ones if `error.missing`; made by `h.unauthenticated`.

    `credentials` are those that the scheme read; the mode `try` continues with them, unauthenticated.
    """

    __slots__ = ("artifacts", "credentials", "error")

    expires = inf

    def __init__(self, error: Boom, credentials: Value = None, artifacts: Value = None) -> None:
        self.error = error
        self.credentials = credentials
        self.artifacts = artifacts


class ValidateResult:
    """The result of a user's `validate` function: `isValid` (or `is_valid`) and `credentials`, or a `response` to send.

    Any result without a boolean `isValid` or a response is a 500, never a success.
    """

    __slots__ = ("credentials", "is_valid", "response")

    def __init__(self, returned: Value) -> None:
        if not isinstance(returned, Mapping):
            raise InternalServerError(f"validate must return {{isValid, credentials}}, not {type(returned).__name__}")
        self.response = returned.get("response")
        self.credentials = returned.get("credentials")
        self.is_valid = returned.get("isValid", returned.get("is_valid"))
        if self.response is None and not isinstance(self.is_valid, bool):
            raise InternalServerError(f"validate must return isValid as true or false, not {self.is_valid!r}")

    def verdict(
        self, h: Any, refuse: Callable[[], Boom], default: Value = None, artifacts: Value = None, expires: float = inf
    ) -> Authenticated | Unauthenticated | Response:
        """Returns the response, or the verdict with the error of `refuse`; `default` are the scheme's credentials."""
        if self.response is not None:
            response: Response = h.response(self.response)
            return response.takeover()
        credentials = default if self.credentials is None else self.credentials
        if not self.is_valid:
            return Unauthenticated(refuse(), credentials, artifacts)
        return Authenticated(credentials, artifacts, expires)

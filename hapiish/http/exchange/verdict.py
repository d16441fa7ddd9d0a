"""What a scheme says of a request's credentials. Anything else that a scheme returns is never taken for a yes."""

from collections.abc import Mapping
from math import inf
from typing import Any

from hapiish.boom import Boom, InternalServerError


class Authenticated:
    """The credentials are good; `h.authenticated` makes it.

    `expires` (seconds since the epoch) is when they cease to be: a socket that came with them is closed then.
    """

    __slots__ = ("artifacts", "credentials", "expires")

    def __init__(self, credentials: Any, artifacts: Any = None, expires: float = inf) -> None:
        self.credentials = credentials
        self.artifacts = artifacts
        self.expires = expires


class Unauthenticated:
    """The credentials are bad, or missing when `error.missing`; `h.unauthenticated` makes it.

    `credentials` are what the scheme read nevertheless: the mode `try` goes on with them, unauthenticated.
    """

    __slots__ = ("artifacts", "credentials", "error")

    expires = inf

    def __init__(self, error: Boom, credentials: Any = None, artifacts: Any = None) -> None:
        self.error = error
        self.credentials = credentials
        self.artifacts = artifacts


class Answer:
    """What a user's `validate` function says: `isValid` (or `is_valid`) and `credentials`, or a `response` to send.

    Anything but a dictionary with a clear yes or no, or with a response, is a 500: it never lets anybody in.
    """

    __slots__ = ("credentials", "is_valid", "response")

    def __init__(self, returned: Any) -> None:
        if not isinstance(returned, Mapping):
            raise InternalServerError(f"validate must return {{isValid, credentials}}, not {type(returned).__name__}")
        self.response = returned.get("response")
        self.credentials = returned.get("credentials")
        self.is_valid = returned.get("isValid", returned.get("is_valid"))
        if self.response is None and not isinstance(self.is_valid, bool):
            raise InternalServerError(f"validate must return isValid as true or false, not {self.is_valid!r}")

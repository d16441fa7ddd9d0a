"""What a scheme says of a request's credentials. Anything else that a scheme returns is never taken for a yes."""

from typing import Any

from hapiish.boom import Boom


class Authenticated:
    """The credentials are good; `h.authenticated` makes it."""

    __slots__ = ("artifacts", "credentials")

    def __init__(self, credentials: Any, artifacts: Any = None) -> None:
        self.credentials = credentials
        self.artifacts = artifacts


class Unauthenticated:
    """The credentials are bad, or missing when `error.missing`; `h.unauthenticated` makes it.

    `credentials` are what the scheme read nevertheless: the mode `try` goes on with them, unauthenticated.
    """

    __slots__ = ("artifacts", "credentials", "error")

    def __init__(self, error: Boom, credentials: Any = None, artifacts: Any = None) -> None:
        self.error = error
        self.credentials = credentials
        self.artifacts = artifacts

"""The scheme `basic`: user name and password in the Authorization header (RFC 7617).

The user's function checks them, or the hashes of the strategy's `users`.
"""

import binascii
import hmac
import secrets
from base64 import b64decode
from collections import OrderedDict
from collections.abc import Mapping

from hapiish import boom
from hapiish.http.auth.secrets import check_password_hash, is_password
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import Response
from hapiish.http.exchange.server import HttpServer
from hapiish.http.exchange.toolkit import Toolkit
from hapiish.http.exchange.verdict import Authenticated, Unauthenticated, ValidateResult
from hapiish.types import Json

CACHED_PASSWORDS = 1024
"""Number of valid passwords cached as keyed digests, so that not every request computes a slow hash."""


class BasicScheme:
    """The scheme, with the options and messages of @hapi/basic; `users` is hapiish's addition.

    `validate` must be awaitable. Raises ValueError for a user whose `passwordHash` is invalid.
    """

    def __init__(self, server: HttpServer, options: Mapping[str, Json]) -> None:
        users = options.get("users")
        self._validate = _Users(server, users).validate if users is not None else options["validate"]
        self._allow_empty_username = options.get("allowEmptyUsername", False)
        self._attributes = options.get("unauthorizedAttributes") or {}

    async def authenticate(self, request: Request, h: Toolkit) -> Authenticated | Unauthenticated | Response:
        """Calls the user's function. Without the header the next strategy is tried; a malformed one is a 400."""
        username, password = self._parse(request.header(b"authorization"))
        if not username and not self._allow_empty_username:
            raise self._unauthorized("HTTP authentication header missing username")
        answer = ValidateResult(await self._validate(request, username, password, h))
        return answer.verdict(h, lambda: self._unauthorized("Bad username or password"))

    def _parse(self, header: str | None) -> tuple[str, str]:
        parts = (header or "").split()
        if not parts or parts[0].lower() != "basic":
            raise self._unauthorized(None)
        if len(parts) != 2:
            raise boom.BadRequest("Bad HTTP authentication header format")
        try:
            text = b64decode(parts[1] + "=" * (-len(parts[1]) % 4)).decode("utf-8", "replace")
        except binascii.Error:
            text = ""
        username, colon, password = text.partition(":")
        if not colon:
            raise boom.BadRequest("Bad header internal syntax")
        return username, password

    def _unauthorized(self, message: str | None) -> boom.Unauthorized:
        return boom.Unauthorized(message, scheme="Basic", attributes=self._attributes, code="unauthorized")


class _Users:
    """The users of a table; an unknown name takes as long as a wrong password."""

    def __init__(self, server: HttpServer, users: Mapping[str, Json]) -> None:
        for name, user in users.items():
            try:
                check_password_hash(user["passwordHash"])
            except ValueError as error:
                raise ValueError(f'user "{name}": {error}') from None
        self._run = server.pool.call
        self._users = users
        self._secret = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, None] = OrderedDict()

    async def validate(self, request: Request, username: str, password: str, h: Toolkit) -> dict[str, Json]:
        user = self._users.get(username)
        digest = hmac.digest(self._secret, f"{username}:{password}".encode(), "sha256")
        if user is None or digest not in self._known:
            against = user or next(iter(self._users.values()))
            if not await self._run(is_password, password, against["passwordHash"]) or user is None:
                return {"isValid": False}
            self._known[digest] = None
            if len(self._known) > CACHED_PASSWORDS:
                self._known.popitem(last=False)
        return {"isValid": True, "credentials": listed(username, user)}


def listed(name: str, entry: Mapping[str, Json], key: str = "user") -> dict[str, Json]:
    """The credentials of an entry of a table: the name, the scopes, and the entry's other values."""
    scope = entry.get("scope")
    scopes = {} if scope is None else {"scope": [scope] if isinstance(scope, str) else list(scope)}
    return {key: name, **scopes, **(entry.get("credentials") or {})}

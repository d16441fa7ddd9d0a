"""The scheme `apiKey`: a key in a header, in the query or in a cookie.

The user's function checks the key, or the hashes of the strategy's `keys`: a table never holds a key itself.
"""

import hashlib
import hmac
from collections.abc import Mapping

from hapiish import boom
from hapiish.http.auth.basic import listed
from hapiish.http.auth.secrets import key_digest
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import Response
from hapiish.http.exchange.server import HttpServer
from hapiish.http.exchange.toolkit import Toolkit
from hapiish.http.exchange.verdict import Authenticated, Unauthenticated, ValidateResult
from hapiish.types import Json

DEFAULT_HEADER = "x-api-key"


class ApiKeyScheme:
    """The scheme; `validate(request, key, h)` is awaitable. Raises ValueError for a key with an invalid `hash`."""

    def __init__(self, server: HttpServer, options: Mapping[str, Json]) -> None:
        self._query, self._cookie = options.get("query"), options.get("cookie")
        header = options.get("header") or (None if self._query or self._cookie else DEFAULT_HEADER)
        self._header = header.lower().encode("latin-1") if header else b""
        self.token_header = (self._header, b"") if header else None
        self._word = options.get("httpAuthScheme") or "ApiKey"
        self._attributes = options.get("unauthorizedAttributes") or {}
        self._validate = options.get("validate")
        self._keys: list[tuple[bytes, dict[str, Json]]] = []
        for name, entry in (options.get("keys") or {}).items():
            try:
                self._keys.append((key_digest(entry["hash"]), listed(name, entry, "key")))
            except ValueError as error:
                raise ValueError(f'key "{name}": {error}') from None

    async def authenticate(self, request: Request, h: Toolkit) -> Authenticated | Unauthenticated | Response:
        """Checks the key by the table or the user's function; without a key the next strategy is tried."""
        key = self._read(request)
        if not key:
            raise self._unauthorized(None)
        if self._validate is None:
            credentials = self._find(key)
            if credentials is None:
                raise self._unauthorized("Invalid API key")
            return Authenticated(credentials)
        answer = ValidateResult(await self._validate(request, key, h))
        return answer.verdict(h, lambda: self._unauthorized("Invalid API key"))

    def _read(self, request: Request) -> str | None:
        if self._header:
            return request.header(self._header)
        source = request.query if self._query else request.state
        key = source.get(self._query or self._cookie or "")
        return key if isinstance(key, str) else None

    def _find(self, key: str) -> dict[str, Json] | None:
        """Compares against every key, in constant time."""
        digest = hashlib.sha256(key.encode()).digest()
        found = [credentials for known, credentials in self._keys if hmac.compare_digest(known, digest)]
        return dict(found[0]) if found else None

    def _unauthorized(self, message: str | None) -> boom.Unauthorized:
        return boom.Unauthorized(message, scheme=self._word, attributes=self._attributes, code="unauthorized")
